//! The pace of a search: which articles to read next, and when to stop and say how far it got.
//!
//! Newest first, either all articles one after the other or those that the search index proposes. What many articles
//! have is found soonest by reading on; what few have, by asking the index, a stretch of time at a time.

use std::ops::RangeInclusive;

use super::tokens::epoch;
use crate::domain::Timestamp;

/// Articles read before anything is known.
const FIRST_WALK: usize = 80;
/// Articles read one after the other at a time.
const WALK: usize = 250;
/// Reading on is preferred if so many articles are likely to be enough.
const WORTH_WALKING: usize = 300;
/// Proposals taken at a time.
const PROPOSALS: usize = 100;
/// Articles read by one request at most.
const MOST_READ: usize = 500;
/// Questions to the index by one request at most.
const MOST_LOOKS: usize = 16;
/// Numbers in a question to the index at most.
const MOST_NUMBERS: usize = 4_096;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read the next articles, this many.
    Walk(usize),
    /// Read what the index proposes of these fortnights, the newest of it first.
    Look {
        /// The fortnights.
        epochs: RangeInclusive<i64>,
        /// At most this many articles.
        most: usize,
    },
    /// Nothing.
    Stop(Stop),
}

/// Why a search stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The page is full.
    Full,
    /// Everything has been read.
    End,
    /// Enough has been read for one request: it is time to say how far.
    Far,
}

/// How a search goes on.
#[derive(Debug, Clone)]
pub struct Pace {
    wanted: usize,
    /// The most numbers that one clause has in one fortnight; none if the index cannot help.
    width: Option<usize>,
    /// The fortnight of the oldest article.
    oldest: i64,
    found: usize,
    read: usize,
    walked: usize,
    found_walking: usize,
    looks: usize,
    stretch: i64,
    is_at_end: bool,
}

impl Pace {
    /// The pace of a search for `wanted` articles, none of which is older than `oldest`. `width` is the number of tokens
    /// of the widest clause; none where the index cannot be asked.
    #[must_use]
    pub fn new(wanted: usize, width: Option<usize>, oldest: Timestamp) -> Self {
        Self {
            wanted,
            width,
            oldest: epoch(oldest),
            found: 0,
            read: 0,
            walked: 0,
            found_walking: 0,
            looks: 0,
            stretch: 1,
            is_at_end: false,
        }
    }

    /// What to do next, when everything after `at` has been read.
    #[must_use]
    pub fn next(&self, at: Timestamp) -> Step {
        if self.found >= self.wanted {
            return Step::Stop(Stop::Full);
        }
        if self.is_at_end {
            return Step::Stop(Stop::End);
        }
        if self.read >= MOST_READ || self.looks >= MOST_LOOKS {
            return Step::Stop(Stop::Far);
        }
        let left = MOST_READ - self.read;
        if self.walked == 0 {
            return Step::Walk(FIRST_WALK);
        }
        let Some(width) = self.width else {
            return Step::Walk(WALK.min(left));
        };
        let likely = self.likely_walk();
        if self.looks == 0 && likely <= WORTH_WALKING {
            return Step::Walk(likely.min(WALK).min(left));
        }
        let here = epoch(at);
        let widest = i64::try_from(MOST_NUMBERS / width.max(1))
            .unwrap_or(1)
            .max(1);
        let first = (here - self.stretch.min(widest) + 1).max(self.oldest.min(here));
        Step::Look {
            epochs: first..=here,
            most: PROPOSALS.min(left),
        }
    }

    /// How many more articles are likely to fill the page, with some to spare; as many as can be if none was found.
    fn likely_walk(&self) -> usize {
        let missing = self.wanted - self.found;
        match self.found_walking {
            0 => usize::MAX,
            found => (missing * self.walked / found) * 5 / 4 + 10,
        }
    }

    /// Notes what reading on gave: articles read of those asked for, and found among them.
    pub const fn walked(&mut self, asked: usize, read: usize, found: usize) {
        self.walked += read;
        self.read += read;
        self.found += found;
        self.found_walking += found;
        self.is_at_end = read < asked;
        // Nothing was there to be read, and a walk must not be the first for ever.
        if self.walked == 0 {
            self.is_at_end = true;
        }
    }

    /// Notes what a look gave.
    pub fn looked(&mut self, epochs: &RangeInclusive<i64>, most: usize, read: usize, found: usize) {
        self.looks += 1;
        self.read += read;
        self.found += found;
        if read < most {
            self.is_at_end = *epochs.start() <= self.oldest;
            // The fewer there are, the further is looked at a time.
            let factor = if read == 0 { 4 } else { 2 };
            if read < most / 2 {
                self.stretch = self.stretch.saturating_mul(factor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::epoch_start;

    fn pace() -> Pace {
        Pace::new(50, Some(1), epoch_start(0))
    }

    fn now() -> Timestamp {
        epoch_start(100)
    }

    #[test]
    fn what_is_frequent_is_read_on() {
        let mut pace = pace();
        assert_eq!(pace.next(now()), Step::Walk(FIRST_WALK));
        pace.walked(80, 80, 30);
        let Step::Walk(more) = pace.next(now()) else {
            panic!("{pace:?}")
        };
        pace.walked(more, more, 20);
        assert_eq!(pace.next(now()), Step::Stop(Stop::Full));
    }

    #[test]
    fn what_is_rare_is_looked_up_ever_further_back() {
        let mut pace = pace();
        pace.walked(80, 80, 0);
        let mut at = 100;
        let mut stretches = Vec::new();
        while let Step::Look { epochs, most } = pace.next(epoch_start(at)) {
            stretches.push(epochs.clone().count());
            at = epochs.start() - 1;
            pace.looked(&epochs, most, 0, 0);
        }
        assert_eq!(stretches, [1, 4, 16, 64, 16]);
        assert_eq!(pace.next(epoch_start(at)), Step::Stop(Stop::End));
    }

    #[test]
    fn a_full_look_is_followed_by_another_at_the_same_place() {
        let mut pace = pace();
        pace.walked(80, 80, 0);
        pace.looked(&(100..=100), 100, 100, 3);
        assert_eq!(
            pace.next(now()),
            Step::Look {
                epochs: 100..=100,
                most: 100
            }
        );
    }

    #[test]
    fn one_request_reads_so_much_and_says_how_far_it_got() {
        let mut looking = pace();
        looking.walked(80, 80, 0);
        while let Step::Look { epochs, most } = looking.next(now()) {
            looking.looked(&epochs, most, most, 0);
        }
        assert_eq!(
            (looking.next(now()), looking.read),
            (Step::Stop(Stop::Far), MOST_READ)
        );
        let mut walking = Pace::new(50, None, epoch_start(0));
        while let Step::Walk(most) = walking.next(now()) {
            walking.walked(most, most, 0);
        }
        assert_eq!(
            (walking.next(now()), walking.read),
            (Step::Stop(Stop::Far), MOST_READ)
        );
    }

    #[test]
    fn a_query_of_many_names_looks_less_far_at_a_time() {
        let mut pace = Pace::new(50, Some(MOST_NUMBERS / 2), epoch_start(0));
        pace.walked(80, 80, 0);
        pace.looked(&(100..=100), 100, 0, 0);
        pace.looked(&(97..=99), 100, 0, 0);
        let Step::Look { epochs, .. } = pace.next(now()) else {
            panic!("{pace:?}")
        };
        assert_eq!(epochs.count(), 2);
    }

    #[test]
    fn without_articles_there_is_an_end() {
        let mut pace = pace();
        pace.walked(80, 0, 0);
        assert_eq!(pace.next(now()), Step::Stop(Stop::End));
    }
}
