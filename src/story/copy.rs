//! Whether one report is a copy of another: the same text, whatever headline and outlet stand above it.

use serde::Serialize;

use super::{report::Traits, tuning, vector};

/// Why two reports are taken for one text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evidence {
    /// The headlines are the same but for slugs and the outlet's name, and the texts do not speak against it.
    Headline,
    /// The texts share runs of words: so many of those of the shorter text, between 0 and 1.
    Text {
        /// Share of the shorter text.
        containment: f32,
    },
    /// The same headline over texts that share less.
    HeadlineAndText {
        /// Share of the shorter text.
        containment: f32,
    },
}

/// The evidence that `a` and `b` are one text; none if they are not.
#[must_use]
pub fn compare(a: &Traits, b: &Traits) -> Option<Evidence> {
    let is_near = a.at == 0 || b.at == 0 || (a.at - b.at).abs() <= tuning::COPY_WINDOW;
    if !is_near || tells_other_numbers(a, b) {
        return None;
    }
    let has_headline = same_headline(a, b);
    if a.text_words.min(b.text_words) < tuning::MIN_COPY_WORDS {
        return has_headline.then_some(Evidence::Headline);
    }
    let (shared, containment) = containment(&a.shingles, &b.shingles);
    if shared >= tuning::MIN_SHARED_SHINGLES && containment >= tuning::COPY_CONTAINMENT {
        return Some(Evidence::Text { containment });
    }
    (has_headline && containment >= tuning::COPY_CONTAINMENT_SAME_HEADLINE)
        .then_some(Evidence::HeadlineAndText { containment })
}

/// Headlines that differ in nothing but their numbers: another issue of a series, or the toll has risen. Either is news,
/// however much of the text stands still.
fn tells_other_numbers(a: &Traits, b: &Traits) -> bool {
    a.title_shape == b.title_shape && a.title_key != b.title_key
}

/// Equal headlines that are long enough to be no accident.
fn same_headline(a: &Traits, b: &Traits) -> bool {
    let least = if a.is_unspaced {
        tuning::MIN_HEADLINE_CHARACTERS
    } else {
        tuning::MIN_HEADLINE_WORDS
    };
    a.title_key == b.title_key && a.title_words >= least
}

/// How many hashes two sorted lists share, and the share of the shorter list.
#[expect(clippy::cast_precision_loss, reason = "a few hundred hashes")]
fn containment(one: &[u32], other: &[u32]) -> (u32, f32) {
    let shared: u32 = vector::side_by_side(one, other, |hash| *hash)
        .map(|(left, right)| u32::from(left.is_some() && right.is_some()))
        .sum();
    let shorter = one.len().min(other.len()).max(1);
    (shared, shared as f32 / shorter as f32)
}
