//! Weighted terms as vectors: rarity, length one, cosine.

use std::cmp::Ordering;

use super::{fnv::FnvMap, report::Term, tuning};

/// A term's weight in a vector of length one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weight {
    /// The term.
    pub id: u32,
    /// Its share.
    pub weight: f32,
}

impl Weight {
    /// Whether it is a concept of the beat.
    #[must_use]
    pub const fn is_concept(self) -> bool {
        self.id & 3 == 1
    }
}

/// Whether a term holds in any language.
const fn is_carried(id: u32) -> bool {
    id & 3 != 0
}

/// Reports that are taken to use a term before the stream has shown any.
const fn prior_uses(id: u32) -> f32 {
    if id & 3 == 1 {
        tuning::PRIOR_CONCEPT_USES
    } else {
        1.0
    }
}

/// How many reports of the window use each term, by language; terms that hold in any language are counted together.
#[derive(Debug, Default)]
pub struct Rarity {
    uses: FnvMap<(u16, u32), u32>,
    reports: FnvMap<u16, u32>,
    all: u32,
}

impl Rarity {
    fn key(language: [u8; 2], id: u32) -> (u16, u32) {
        (
            if is_carried(id) {
                0
            } else {
                u16::from_be_bytes(language)
            },
            id,
        )
    }

    /// Counts a report.
    pub fn add(&mut self, language: [u8; 2], terms: impl Iterator<Item = u32>) {
        for id in terms {
            *self.uses.entry(Self::key(language, id)).or_default() += 1;
        }
        *self
            .reports
            .entry(u16::from_be_bytes(language))
            .or_default() += 1;
        self.all += 1;
    }

    /// Forgets a report.
    pub fn remove(&mut self, language: [u8; 2], terms: impl Iterator<Item = u32>) {
        for id in terms {
            let key = Self::key(language, id);
            if let Some(uses) = self.uses.get_mut(&key) {
                *uses -= 1;
                if *uses == 0 {
                    self.uses.remove(&key);
                }
            }
        }
        if let Some(reports) = self.reports.get_mut(&u16::from_be_bytes(language)) {
            *reports -= 1;
        }
        self.all -= 1;
    }

    /// How much the use of a term tells, as the logarithm of its rarity.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a window holds fewer than 2^24 reports"
    )]
    pub fn of(&self, language: [u8; 2], id: u32) -> f32 {
        let reports = if is_carried(id) {
            self.all
        } else {
            self.reports
                .get(&u16::from_be_bytes(language))
                .copied()
                .unwrap_or(0)
        };
        let uses = self
            .uses
            .get(&Self::key(language, id))
            .copied()
            .unwrap_or(0);
        ((reports as f32 + tuning::PRIOR_REPORTS) / (uses as f32 + prior_uses(id)))
            .ln()
            .clamp(0.1, tuning::MAX_RARITY)
    }

    /// The vector of a report, sorted by id.
    #[must_use]
    pub fn vector(&self, language: [u8; 2], terms: &[Term]) -> Vec<Weight> {
        let mut vector: Vec<Weight> = terms
            .iter()
            .map(|term| Weight {
                id: term.id,
                weight: term.strength * self.of(language, term.id),
            })
            .collect();
        let length = length(&vector);
        if length > 0.0 {
            for weight in &mut vector {
                weight.weight /= length;
            }
        }
        vector
    }
}

/// The length of a vector.
#[must_use]
pub fn length(vector: &[Weight]) -> f32 {
    vector
        .iter()
        .map(|weight| weight.weight * weight.weight)
        .sum::<f32>()
        .sqrt()
}

/// What two lists that are sorted by a key have, key by key: in one, the other or both.
pub(super) fn side_by_side<'a, T, K: Ord>(
    one: &'a [T],
    other: &'a [T],
    key: impl Fn(&T) -> K + 'a,
) -> impl Iterator<Item = (Option<&'a T>, Option<&'a T>)> + 'a {
    let (mut ones, mut others) = (one.iter().peekable(), other.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (ones.peek(), others.peek()) {
            (Some(left), Some(right)) => key(left).cmp(&key(right)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        Some(match order {
            Ordering::Less => (ones.next(), None),
            Ordering::Equal => (ones.next(), others.next()),
            Ordering::Greater => (None, others.next()),
        })
    })
}

fn by_id<'a>(
    one: &'a [Weight],
    other: &'a [Weight],
) -> impl Iterator<Item = (Option<Weight>, Option<Weight>)> + 'a {
    side_by_side(one, other, |weight| weight.id)
        .map(|(left, right)| (left.copied(), right.copied()))
}

/// The product of two vectors that are sorted by id.
///
/// Both cursors move by comparison and without a branch: this is where grouping spends its time.
#[must_use]
pub fn product(one: &[Weight], other: &[Weight]) -> f32 {
    let (mut left_at, mut right_at, mut product) = (0, 0, 0.0);
    while let (Some(left), Some(right)) = (one.get(left_at), other.get(right_at)) {
        let is_same = f32::from(u8::from(left.id == right.id));
        product += is_same * left.weight * right.weight;
        left_at += usize::from(left.id <= right.id);
        right_at += usize::from(right.id <= left.id);
    }
    product
}

/// What two vectors that are sorted by id have in common, as the first one weighs it.
pub fn common<'a>(one: &'a [Weight], other: &'a [Weight]) -> impl Iterator<Item = Weight> + 'a {
    by_id(one, other).filter_map(|(left, right)| left.filter(|_| right.is_some()))
}

/// How many words and numbers two vectors that are sorted by id have in common. Concepts do not count: they repeat words.
#[must_use]
pub fn words_in_common(one: &[Weight], other: &[Weight]) -> usize {
    common(one, other)
        .filter(|weight| !weight.is_concept())
        .count()
}

/// One vector and `factor` times another, both sorted by id.
#[must_use]
pub fn sum(one: &[Weight], other: &[Weight], factor: f32) -> Vec<Weight> {
    let weight = |side: Option<Weight>| side.map_or(0.0, |weight| weight.weight);
    by_id(one, other)
        .filter_map(|(left, right)| {
            let id = left.or(right)?.id;
            Some(Weight {
                id,
                weight: weight(left) + factor * weight(right),
            })
        })
        .collect()
}
