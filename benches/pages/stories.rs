//! Which article belongs to which story, by number: most stories have one report, some have several with copies, a few
//! are large.

use serde_json::Value;
use wirewatch::story::{Evidence, Reason};

/// Articles of a stretch; a large story is a whole one.
const STRETCH: u64 = 480;
/// Every so many stretches are a large story.
const LARGE_EVERY: u64 = 50;
/// Articles of the stories that stand side by side in a dozen.
const DOZEN: [u64; 6] = [1, 1, 2, 1, 3, 4];

/// The place of an article in its story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the first article of the story.
    pub(crate) first: u64,
    /// Articles of the story.
    size: u64,
    /// Number of the article.
    number: u64,
}

/// Where the article of a number belongs; there are `count` of them.
pub(crate) fn place(number: u64, count: u64) -> Place {
    let stretch = number / STRETCH;
    let (first, size) = if stretch % LARGE_EVERY == LARGE_EVERY - 1 {
        (stretch * STRETCH, STRETCH)
    } else {
        let mut first = number - number % 12;
        let mut sizes = DOZEN.into_iter();
        loop {
            let size = sizes.next().unwrap_or(1);
            if number < first + size {
                break (first, size);
            }
            first += size;
        }
    };
    Place {
        first,
        size: size.min(count - first),
        number,
    }
}

impl Place {
    /// Whether the article is the first of its story.
    pub(crate) const fn is_first(self) -> bool {
        self.number == self.first
    }

    /// Articles of the story.
    pub(crate) const fn articles(self) -> u64 {
        self.size
    }

    /// Those that are no copies.
    pub(crate) const fn reports(self) -> u64 {
        self.size - self.size / 3
    }

    /// The number of the last report.
    pub(crate) const fn last_report(self) -> u64 {
        let last = self.first + self.size - 1;
        if (self.size - 1) % 3 == 2 {
            last - 1
        } else {
            last
        }
    }

    /// The number of the article that it is a copy of: every third is one of that before it.
    pub(crate) const fn copy_of(self) -> Option<u64> {
        if (self.number - self.first) % 3 == 2 {
            Some(self.number - 1)
        } else {
            None
        }
    }

    /// Why it stands there.
    pub(crate) fn reason(self) -> Value {
        let id = |number: u64| i64::try_from(number + 1).unwrap_or(i64::MAX);
        let reason = match self.copy_of() {
            Some(of) => Reason::Copy {
                of: id(of),
                evidence: Evidence::Text { containment: 0.9 },
            },
            None if self.is_first() => Reason::First,
            None => Reason::Alike {
                with: id(self.first),
                best: 0.7,
                middle: 0.6,
            },
        };
        serde_json::to_value(reason).unwrap_or_default()
    }
}
