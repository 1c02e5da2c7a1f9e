//! The decision about one report: candidates in, placement with its reasons out. Pure; the window finds the candidates.

use serde::Serialize;

use super::{
    copy::Evidence,
    tuning,
    vector::{self, Weight},
};

/// How a report is like a story.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Likeness {
    /// They have a language in common.
    Within {
        /// Cosine with the most alike member.
        best: f32,
        /// Cosine with the middle of the story.
        middle: f32,
        /// Words and numbers in common.
        words: usize,
    },
    /// Only concepts, numbers and names can be compared.
    Across {
        /// Cosine over these.
        cosine: f32,
        /// What both have.
        shared: Shared,
    },
}

/// What two reports have in common across languages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shared {
    /// Distinct names and numbers.
    pub telling: usize,
    /// Distinct concepts: everything that a desk follows has some of them.
    pub concepts: usize,
}

impl Shared {
    /// What two vectors that are sorted by id have in common.
    #[must_use]
    pub fn of(one: &[Weight], other: &[Weight]) -> Self {
        let mut shared = Self::default();
        for weight in vector::common(one, other) {
            if weight.is_concept() {
                shared.concepts += 1;
            } else {
                shared.telling += 1;
            }
        }
        shared
    }

    /// How many things both have.
    #[must_use]
    pub const fn count(self) -> usize {
        self.telling + self.concepts
    }

    /// Whether it is enough to compare at all: two names or numbers, or one beside more concepts than any two reports of a
    /// beat have in common.
    const fn suffices(self) -> bool {
        self.telling >= tuning::MIN_TELLING
            || (self.telling > 0 && self.concepts >= tuning::MIN_CONCEPTS)
    }
}

/// A story that a report might belong to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The story.
    pub story: i64,
    /// Its most alike member.
    pub member: i64,
    /// How alike they are.
    pub likeness: Likeness,
    /// Seconds between the report and the nearest end of the story; none where a date is missing.
    pub gap: Option<i64>,
}

impl Candidate {
    /// The likeness as a reason.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        let with = self.member;
        match self.likeness {
            Likeness::Within { best, middle, .. } => Reason::Alike { with, best, middle },
            Likeness::Across { cosine, shared } => Reason::Across {
                with,
                cosine,
                shared: shared.count(),
            },
        }
    }
}

/// A report that might be the original of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Original {
    /// The report: no copy itself.
    pub key: i64,
    /// Its story.
    pub story: i64,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// Why a report stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// Nothing in the window is like it.
    First,
    /// It is a copy.
    Copy {
        /// Of this report.
        of: i64,
        /// The evidence.
        evidence: Evidence,
    },
    /// It tells of the same event in the same language.
    Alike {
        /// The most alike report.
        with: i64,
        /// Cosine with that one.
        best: f32,
        /// Cosine with the middle of the story.
        middle: f32,
    },
    /// It tells of the same event in another language.
    Across {
        /// A report of the story.
        with: i64,
        /// Cosine over what holds in any language.
        cosine: f32,
        /// How many concepts, numbers and names both have.
        shared: usize,
    },
    /// Its story was merged with another one, which had grown alike.
    Merged {
        /// How alike the stories were.
        score: f32,
    },
    /// The desk decided.
    Desk,
}

/// Where a report belongs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Placement {
    /// The story; none for a new one.
    pub story: Option<i64>,
    /// The original, if it is a copy.
    pub copy_of: Option<i64>,
    /// Why.
    pub reason: Reason,
}

/// What two reports are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// One text.
    Copy,
    /// One event, told independently.
    SameStory,
    /// Neither.
    Different,
}

/// Where a report belongs, given what the index found. `together` is a story that the desk put it in; stories that the
/// desk keeps it out of are not among the candidates.
#[must_use]
pub fn decide(
    originals: &[Original],
    candidates: &[Candidate],
    together: Option<i64>,
) -> Placement {
    let original = originals.iter().max_by(|a, b| {
        strength(a.evidence)
            .total_cmp(&strength(b.evidence))
            .then(b.key.cmp(&a.key))
    });
    if let Some(story) = together {
        let copy = original.filter(|original| original.story == story);
        return Placement {
            story: Some(story),
            copy_of: copy.map(|original| original.key),
            reason: Reason::Desk,
        };
    }
    if let Some(original) = original {
        return Placement {
            story: Some(original.story),
            copy_of: Some(original.key),
            reason: Reason::Copy {
                of: original.key,
                evidence: original.evidence,
            },
        };
    }
    let best = candidates
        .iter()
        .filter_map(|candidate| Some((join_score(candidate)?, candidate)))
        .max_by(|(a, x), (b, y)| a.total_cmp(b).then(y.story.cmp(&x.story)));
    match best {
        Some((_, candidate)) => Placement {
            story: Some(candidate.story),
            copy_of: None,
            reason: candidate.reason(),
        },
        None => Placement {
            story: None,
            copy_of: None,
            reason: Reason::First,
        },
    }
}

fn strength(evidence: Evidence) -> f32 {
    match evidence {
        Evidence::Headline => 0.5,
        Evidence::Text { containment } => containment,
        Evidence::HeadlineAndText { containment } => 0.5 + containment / 2.0,
    }
}

/// How well a report fits a story, as a margin above what is asked; none if it does not.
fn join_score(candidate: &Candidate) -> Option<f32> {
    let margin = match candidate.likeness {
        Likeness::Within {
            best,
            middle,
            words,
        } => {
            if words < tuning::MIN_WORDS {
                return None;
            }
            let near = closeness(candidate.gap, tuning::TIME_SPREAD)?;
            f32::midpoint(best, middle) * near - tuning::JOIN
        }
        Likeness::Across { cosine, shared } => across_margin(cosine, shared, candidate.gap)?,
    };
    (margin >= 0.0).then_some(margin)
}

/// What the time kernel leaves of a likeness; none beyond the reach of a story. Without dates nothing speaks against.
fn closeness(gap: Option<i64>, spread: f32) -> Option<f32> {
    let Some(gap) = gap else { return Some(1.0) };
    if gap > tuning::STORY_REACH {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most the reach of a story")]
    let days = gap as f32 / 86_400.0 / spread;
    Some((-0.5 * days * days).exp())
}

#[expect(clippy::cast_precision_loss, reason = "sizes of stories")]
fn growth(size: usize) -> f32 {
    tuning::MERGE_GROWTH * (size.max(1) as f32).ln()
}

fn across_margin(cosine: f32, shared: Shared, gap: Option<i64>) -> Option<f32> {
    let near = closeness(gap, tuning::ACROSS_TIME_SPREAD)?;
    shared.suffices().then_some(cosine * near - tuning::ACROSS)
}

/// How alike two stories are, for merging them.
#[derive(Debug, Clone, Copy)]
pub struct Pairing {
    /// Members of each.
    pub sizes: [usize; 2],
    /// Cosine of the middles in a language that both have, and words and numbers in common.
    pub within: Option<(f32, usize)>,
    /// Cosine and number of shared things, where they have no language in common.
    pub across: Option<(f32, Shared)>,
    /// Seconds between them; none where a date is missing.
    pub gap: Option<i64>,
}

/// How far two stories are above what merging asks; none if they are not.
#[must_use]
pub fn merge_margin(pairing: &Pairing) -> Option<f32> {
    let [a, b] = pairing.sizes;
    let margin = match (pairing.within, pairing.across) {
        (Some((cosine, words)), _) => {
            if words < tuning::MIN_WORDS {
                return None;
            }
            let near = closeness(pairing.gap, tuning::TIME_SPREAD)?;
            cosine * near - growth(a.min(b)) - tuning::MERGE
        }
        (None, Some((cosine, shared))) => across_margin(cosine, shared, pairing.gap)?,
        (None, None) => return None,
    };
    (margin >= 0.0).then_some(margin)
}
