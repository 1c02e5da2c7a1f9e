//! What an attempt leaves for the next request: whether to ask in full, without a coding, or at another address.

use std::time::Duration;

use crate::domain::{
    Attempt, ClaimedFeed, Course, ErrorCode, FeedUrl, Move, PollHints, Timestamp, Validators,
};

/// Publishers' servers may say "not changed" for ever: after so long, or so many polls, a document is asked for without
/// conditions.
const FULL_EVERY: Duration = Duration::from_hours(24);
const FULL_EVERY_POLLS: u32 = 50;

/// A permanent redirect is believed after so many answers in a row over so long: a login page or a captive portal that
/// redirects for an evening must not take a feed away.
pub(super) const MOVE_TIMES: u32 = 3;
const MOVE_AFTER: Duration = Duration::from_hours(48);

/// What to ask `feed` with at `now`: its validators, or none if a document is asked for in full.
#[must_use]
pub fn conditions(feed: &ClaimedFeed, now: Timestamp) -> Validators {
    let course = &feed.course;
    let is_recent = course
        .last_full_at
        .is_some_and(|at| now.since(at) < FULL_EVERY && at <= now)
        && course.polls_since_full < FULL_EVERY_POLLS;
    if is_recent {
        feed.validators.clone()
    } else {
        Validators::default()
    }
}

/// The course after `attempt`, which ended at `now` and was permanently redirected to `moved`; and the address to adopt,
/// if the redirect has been believed.
#[must_use]
pub fn after(
    feed: &ClaimedFeed,
    attempt: &Attempt,
    moved: Option<FeedUrl>,
    now: Timestamp,
) -> (Course, Option<FeedUrl>) {
    let old = &feed.course;
    let mut course = old.clone();
    course.polls_since_full = old.polls_since_full.saturating_add(1);
    match attempt {
        Attempt::Failed(failure) => {
            // A coding that is broken once is broken again; a document without one can only be larger.
            course.is_asked_plain |= failure.code == ErrorCode::Decompress;
            return (course, None);
        }
        Attempt::Unchanged { status, hints, .. } => {
            course.hints = kept(*hints, old.hints);
            if *status != 304 {
                course.polls_since_full = 0;
            }
        }
        Attempt::Read(reading) => {
            course.hints = reading.hints;
            course.polls_since_full = 0;
        }
    }
    course.moved = moved.map(|to| match &old.moved {
        Some(known) if known.to == to => Move {
            times: known.times.saturating_add(1),
            ..known.clone()
        },
        _ => Move {
            to,
            since: now,
            times: 1,
        },
    });
    let adopted = course
        .moved
        .as_ref()
        .filter(|moved| moved.times >= MOVE_TIMES && now.since(moved.since) >= MOVE_AFTER)
        .map(|moved| moved.to.clone());
    (course, adopted)
}

/// A response without a document says nothing new about what stood in the document, and what it does not say about its
/// freshness holds on (RFC 9111 §3.2).
fn kept(new: PollHints, old: PollHints) -> PollHints {
    PollHints {
        fresh_for: new.fresh_for.or(old.fresh_for),
        ..old
    }
}

/// `skipHours` and `skipDays` (RSS 2.0) of a document, as the bits of [`PollHints`]. Whatever else is in there is ignored.
#[must_use]
pub fn skips(document: &[u8]) -> (u32, u8) {
    const HEAD: usize = 65_536;
    const DAYS: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let head = &document[..document.len().min(HEAD)];
    if memchr::memmem::find(head, b"<skip").is_none() {
        return (0, 0);
    }
    let head = String::from_utf8_lossy(head);
    let hours = items(&head, "skipHours", "hour")
        .filter_map(|hour| hour.parse::<u32>().ok())
        // Old documents count from 1 to 24.
        .filter(|hour| *hour <= 24)
        .fold(0, |bits, hour| bits | 1 << (hour % 24));
    let days = items(&head, "skipDays", "day")
        .filter_map(|day| DAYS.iter().position(|name| day.eq_ignore_ascii_case(name)))
        .fold(0, |bits, day| bits | 1 << day);
    (hours, days)
}

/// The texts of the elements `item` inside the first element `list`.
fn items<'a>(head: &'a str, list: &str, item: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{item}>"), format!("</{item}>"));
    let list = head
        .split_once(&format!("<{list}>"))
        .and_then(|(_, rest)| Some(rest.split_once(&format!("</{list}>"))?.0))
        .unwrap_or_default();
    list.split_terminator(&close)
        .filter_map(|piece| Some(piece.rsplit_once(&open)?.1.trim()))
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn skipped_hours_and_days_are_read() {
        let document = b"<rss><channel><skipHours>\n<hour>0</hour> <hour> 7 </hour><hour>24</hour><hour>99</hour>\
            </skipHours><skipDays><day>Saturday</day><day>sunday</day><day>Caturday</day></skipDays>";
        assert_eq!(skips(document), (1 | 1 << 7, 0b110_0000));
        assert_eq!(skips(b"<skipHours><hour>3</hour>"), (0, 0));
        assert_eq!(skips(b""), (0, 0));
    }

    proptest! {
        #[test]
        fn no_document_breaks_the_reading_of_skips(document in prop::collection::vec(any::<u8>(), 0..200), days in ".*") {
            let _ = skips(&document);
            let _ = skips(format!("<skipDays>{days}</skipDays>").as_bytes());
        }
    }

    #[test]
    fn what_a_response_does_not_say_holds_on() {
        let old = PollHints {
            fresh_for: Some(Duration::from_mins(5)),
            ttl: Some(Duration::from_hours(1)),
            skip_hours: 3,
            skip_days: 0,
        };
        assert_eq!(kept(PollHints::default(), old), old);
        let new = PollHints {
            fresh_for: Some(Duration::from_hours(2)),
            ..PollHints::default()
        };
        assert_eq!(kept(new, old).fresh_for.unwrap(), Duration::from_hours(2));
    }
}
