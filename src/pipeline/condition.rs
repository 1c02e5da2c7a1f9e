//! How a feed is doing: what its documents and failures say against its own norm.
//!
//! A feed is measured against itself. Its habits (entries a day, longest pause) are learnt while it is alive and frozen
//! while it is silent, so that a silence cannot make itself normal.

use std::{collections::HashMap, time::Duration};

use super::course::MOVE_TIMES;
use crate::domain::{
    Attempt, ClaimedFeed, Course, Entry, ErrorCode, Failure, Finding, Habits, Identified, Identity,
    Known, Novelty, Observed, Reading, Rhythm, Timestamp, Topic, Trouble, Verdict,
};

/// Failures in a row that make an outage: one is weather.
const OUTAGE_AFTER: i32 = 2;
/// An entry dated further ahead than this is dated ahead.
const AHEAD: Duration = Duration::from_hours(1);
/// A silence shorter than this is no news.
const QUIET: Duration = Duration::from_hours(36);
/// The same where the rhythm of the day and the week is known.
const QUIET_WITH_RHYTHM: Duration = Duration::from_hours(12);
/// Entries that a silence must have swallowed: once in three thousand for a steady source.
const SWALLOWED: f64 = 8.0;
/// The chance of a silence below which it is none.
const CHANCE: f64 = 0.000_5;
/// A silence is unusual if it is longer than the longest so far by this.
const BEYOND_LONGEST: f64 = 1.5;
/// What is left of the longest pause after each further one.
const FADING: f64 = 0.95;
/// Days after which an observation of the norm counts for about a third.
const MEMORY_DAYS: f64 = 21.0;
/// Entries expected in the time unseen, from which on it is a gap.
const LEAST_MISSED: f64 = 0.5;
/// Pinned entries outlast a gap: so many of a document may be known.
const MOST_PINNED: usize = 2;
/// Fewer entries than this say nothing about a feed's manners.
const A_FEW: usize = 4;
const DAY_SECONDS: f64 = 86_400.0;

/// What a document shows beside its entries: `identified` and `known` as the ledger gave them, in the order of `entries`.
#[must_use]
pub fn observe(
    feed: &ClaimedFeed,
    entries: &[Entry],
    identified: &[Identified],
    known: &[Known],
    now: Timestamp,
) -> Observed {
    let rows: HashMap<Identity, &Known> = known.iter().map(|row| (row.identity, row)).collect();
    let is_new = |found: &Identified| found.novelty == Novelty::New;
    let was_known = |found: &Identified| rows.contains_key(&found.known.identity);
    let dates_of = |is: &dyn Fn(&Identified) -> bool| -> Vec<Timestamp> {
        entries
            .iter()
            .zip(identified)
            .filter(|(_, found)| is(found))
            .filter_map(|(entry, _)| date(entry))
            .filter(|date| *date <= now.plus(AHEAD))
            .map(|date| date.min(now))
            .collect()
    };
    let new_count = identified.iter().filter(|found| is_new(found)).count();
    let known_count = identified.iter().filter(|found| was_known(found)).count();
    let (new_dates, known_dates) = (dates_of(&is_new), dates_of(&was_known));
    let read_before = !feed.is_first_read && feed.habits.last_entry_count.is_some_and(|n| n > 0);
    let all_dates = dates_of(&|_| true);
    let newest_before = feed.habits.newest_published_at;
    let missed = (read_before && new_count > 0 && known_count <= pinned(entries.len()))
        .then(|| {
            let unseen = Unseen {
                newest_before,
                oldest_new: new_dates.iter().min().copied(),
                newest_known: known_dates.iter().max().copied(),
                has_undated_news: new_dates.len() < new_count,
                new_count,
            };
            missed(feed, &unseen, &all_dates, now)
        })
        .flatten();
    Observed {
        missed,
        future: count(entries, |entry| {
            date(entry).is_some_and(|date| date > now.plus(AHEAD))
        }),
        undated: count(entries, |entry| date(entry).is_none()),
        known: u32::try_from(known_count).unwrap_or(u32::MAX),
        churned: count(identified, |found| {
            rows.get(&found.known.identity)
                .is_some_and(|row| row.guid.is_some() && row.guid != found.known.guid)
        }),
        is_renamed: read_before
            && new_count >= A_FEW
            && new_count == entries.len()
            && new_dates.len() == new_count
            && new_dates.iter().max().copied() <= newest_before,
        habits: habits(feed, &all_dates, new_count, entries.len(), now),
    }
}

fn count<T>(items: &[T], is: impl Fn(&T) -> bool) -> u32 {
    u32::try_from(items.iter().filter(|item| is(item)).count()).unwrap_or(u32::MAX)
}

fn date(entry: &Entry) -> Option<Timestamp> {
    entry.published.or(entry.updated)
}

fn pinned(entries: usize) -> usize {
    (entries / 5).min(MOST_PINNED)
}

/// What may lie between two reads.
struct Unseen {
    newest_before: Option<Timestamp>,
    oldest_new: Option<Timestamp>,
    newest_known: Option<Timestamp>,
    has_undated_news: bool,
    new_count: usize,
}

/// How many entries came and went unseen, or none.
///
/// What was published before the last read stood in that document, so only the time from then to the oldest new entry
/// can have swallowed any. Entries that are known and no older than the newest seen before show that nothing did.
fn missed(feed: &ClaimedFeed, unseen: &Unseen, dates: &[Timestamp], now: Timestamp) -> Option<u32> {
    let last_read = feed.last_success_at?;
    let likely = match (unseen.newest_before, unseen.oldest_new) {
        (Some(before), Some(oldest)) if !unseen.has_undated_news => {
            let from = last_read.max(before);
            if oldest <= from || unseen.newest_known.is_some_and(|known| known >= before) {
                return None;
            }
            expected(feed, from, oldest).or_else(|| {
                let rate = density(dates).or(feed.habits.norm_per_day)?;
                Some(rate * days(oldest.since(from)))
            })?
        }
        // Without dates only a known rhythm tells: more than this document holds must have come.
        _ => {
            let come = expected(feed, last_read, now)
                .or_else(|| Some(feed.habits.norm_per_day? * days(now.since(last_read))))?;
            #[expect(clippy::cast_precision_loss, reason = "documents are small")]
            let shown = unseen.new_count as f64;
            (come - shown) / 2.0
        }
    };
    (likely >= LEAST_MISSED).then(|| rounded(likely).max(1))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates"
)]
fn rounded(number: f64) -> u32 {
    number.round() as u32
}

fn days(duration: Duration) -> f64 {
    duration.as_secs_f64() / DAY_SECONDS
}

/// Entries a day over the time that a document covers; none if it covers no time.
fn density(dates: &[Timestamp]) -> Option<f64> {
    let (oldest, newest) = (dates.iter().min()?, dates.iter().max()?);
    let covered = days(newest.since(*oldest));
    #[expect(clippy::cast_precision_loss, reason = "documents are small")]
    let steps = (dates.len() - 1) as f64;
    (dates.len() >= A_FEW && covered > 1.0 / 1_440.0).then(|| steps / covered)
}

/// The longest time between two dates that follow each other, in seconds.
fn longest_pause(dates: &[Timestamp]) -> Option<f64> {
    let mut sorted = dates.to_vec();
    sorted.sort_unstable();
    sorted
        .windows(2)
        .map(|pair| pair[1].since(pair[0]).as_secs_f64())
        .reduce(f64::max)
}

/// The feed's habits with this document.
fn habits(
    feed: &ClaimedFeed,
    dates: &[Timestamp],
    new_count: usize,
    entries: usize,
    now: Timestamp,
) -> Habits {
    let before = feed.habits;
    let known = Habits {
        newest_published_at: before.newest_published_at.max(dates.iter().max().copied()),
        last_entry_count: Some(i32::try_from(entries).unwrap_or(i32::MAX)),
        ..before
    };
    let Some(last_sign) = before.last_sign_at else {
        return Habits {
            last_sign_at: dates.iter().max().copied().or((entries > 0).then_some(now)),
            norm_per_day: density(dates),
            longest_pause_s: longest_pause(dates).filter(|_| dates.len() >= A_FEW),
            ..known
        };
    };
    if new_count == 0 {
        return known;
    }
    let pause = now.since(last_sign);
    // A moment says little about a day.
    let covered = days(pause).max(1.0 / 1_440.0);
    #[expect(clippy::cast_precision_loss, reason = "documents are small")]
    let seen = new_count as f64 / covered;
    let kept = (-covered / MEMORY_DAYS).exp();
    Habits {
        last_sign_at: Some(now),
        norm_per_day: Some(
            before
                .norm_per_day
                .map_or(seen.min(new_count_cap(new_count)), |norm| {
                    norm.mul_add(kept, seen * (1.0 - kept))
                }),
        ),
        longest_pause_s: Some(
            before
                .longest_pause_s
                .map_or(pause.as_secs_f64(), |longest| {
                    (longest * FADING).max(pause.as_secs_f64())
                }),
        ),
        ..known
    }
}

/// A first sample over a short time is no rate of a day.
fn new_count_cap(new_count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "documents are small")]
    let count = new_count as f64;
    count * 24.0
}

/// What an attempt that ended at `now` and left `course` says about each topic.
#[must_use]
pub fn judge(
    feed: &ClaimedFeed,
    attempt: &Attempt,
    course: &Course,
    now: Timestamp,
) -> Vec<Verdict> {
    let mut verdicts = match attempt {
        Attempt::Failed(failure) => outage(feed, failure).into_iter().collect(),
        Attempt::Unchanged { .. } => {
            let mut verdicts = vec![well(Topic::Outage), silence(feed, &feed.habits, now)];
            if feed.habits.last_entry_count == Some(0) {
                verdicts.push(found(
                    Trouble::ZeroItems,
                    "the document still holds no entry",
                ));
            }
            verdicts
        }
        Attempt::Read(reading) => after_reading(feed, reading, now),
    };
    if !matches!(attempt, Attempt::Failed(_)) {
        verdicts.push(address(course));
    }
    verdicts
}

/// Where the publisher answers from; `course` is what the attempt left.
fn address(course: &Course) -> Verdict {
    match &course.moved {
        Some(moved) if moved.times >= MOVE_TIMES => found(
            Trouble::Moved,
            format!("the publisher redirects permanently to {}", moved.to),
        ),
        _ => well(Topic::Address),
    }
}

fn encoding(reading: &Reading) -> Verdict {
    match &reading.encoding_fault {
        None => well(Topic::Encoding),
        Some(fault) => found(Trouble::EncodingRepaired, fault.clone()),
    }
}

fn well(topic: Topic) -> Verdict {
    Verdict {
        topic,
        finding: None,
    }
}

fn found(trouble: Trouble, detail: impl Into<String>) -> Verdict {
    Verdict {
        topic: trouble.topic(),
        finding: Some(Finding {
            trouble,
            detail: detail.into(),
            missed: 0,
        }),
    }
}

fn outage(feed: &ClaimedFeed, failure: &Failure) -> Option<Verdict> {
    let trouble = outage_of(failure);
    let is_settled =
        trouble == Trouble::Gone || feed.consecutive_failures.saturating_add(1) >= OUTAGE_AFTER;
    is_settled.then(|| found(trouble, failure.detail.clone()))
}

fn outage_of(failure: &Failure) -> Trouble {
    match failure.code {
        ErrorCode::HttpStatus => match failure.status {
            Some(410) => Trouble::Gone,
            Some(400..=499) => Trouble::Refused,
            _ => Trouble::Unreachable,
        },
        ErrorCode::RateLimited | ErrorCode::BlockedAddress | ErrorCode::RedirectBlocked => {
            Trouble::Refused
        }
        ErrorCode::NotAFeed => Trouble::NotAFeed,
        ErrorCode::Empty => Trouble::Empty,
        ErrorCode::Parse
        | ErrorCode::ParsePartial
        | ErrorCode::TooLarge
        | ErrorCode::TooManyEntries
        | ErrorCode::CpuLimit => Trouble::Unreadable,
        ErrorCode::Dns
        | ErrorCode::Connect
        | ErrorCode::Timeout
        | ErrorCode::Tls
        | ErrorCode::Http
        | ErrorCode::RedirectLoop
        | ErrorCode::Decompress
        | ErrorCode::Truncated => Trouble::Unreachable,
    }
}

fn after_reading(feed: &ClaimedFeed, reading: &Reading, now: Timestamp) -> Vec<Verdict> {
    let observed = &reading.observed;
    let mut verdicts = vec![
        well(Topic::Outage),
        silence(feed, &observed.habits, now),
        match reading.loss {
            None => well(Topic::Markup),
            Some(ErrorCode::TooManyEntries) => found(
                Trouble::Partial,
                "more entries than the limit; the first were kept",
            ),
            Some(_) => found(
                Trouble::Partial,
                "the markup ends early; its whole entries were kept",
            ),
        },
        encoding(reading),
    ];
    if reading.entries == 0 {
        // Once may be a moment of the publisher's; twice is a state.
        if feed.habits.last_entry_count == Some(0) {
            verdicts.push(found(Trouble::ZeroItems, "a feed without a single entry"));
        }
        return verdicts;
    }
    verdicts.push(well(Topic::Items));
    verdicts.push(gap(observed.missed));
    verdicts.push(dates(reading));
    verdicts.extend(identity(reading));
    verdicts
}

fn gap(missed: Option<u32>) -> Verdict {
    let Some(missed) = missed else {
        return well(Topic::Gap);
    };
    let entries = if missed == 1 { "entry" } else { "entries" };
    Verdict {
        topic: Topic::Gap,
        finding: Some(Finding {
            trouble: Trouble::Gap,
            detail: format!("about {missed} {entries} came and went unseen between two reads"),
            missed,
        }),
    }
}

fn dates(reading: &Reading) -> Verdict {
    let Observed {
        future, undated, ..
    } = *reading.observed;
    let of = reading.entries;
    if future > 0 && future.saturating_mul(4) >= of {
        found(
            Trouble::FutureDates,
            format!(
                "{future} of {of} entries are dated ahead; they are sorted by when they were seen"
            ),
        )
    } else if undated.saturating_mul(2) >= of {
        found(
            Trouble::MissingDates,
            format!(
                "{undated} of {of} entries have no date; they are sorted by when they were seen"
            ),
        )
    } else {
        well(Topic::Dates)
    }
}

/// Nothing while a document holds too little that is known.
fn identity(reading: &Reading) -> Option<Verdict> {
    let Observed {
        known,
        churned,
        is_renamed,
        ..
    } = *reading.observed;
    if is_renamed {
        return Some(found(
            Trouble::GuidChurn,
            "every entry came again under another address; all count as new",
        ));
    }
    if (known as usize) < A_FEW {
        return None;
    }
    Some(if churned.saturating_mul(2) >= known {
        found(
            Trouble::GuidChurn,
            format!("{churned} of {known} known entries have new guids; told by address and title"),
        )
    } else {
        well(Topic::Identity)
    })
}

/// Whether the feed is silent beyond its norm.
fn silence(feed: &ClaimedFeed, habits: &Habits, now: Timestamp) -> Verdict {
    let Some(last) = habits.last_sign_at else {
        return well(Topic::Silence);
    };
    let silent = now.since(last);
    let norm = habits.norm_per_day.unwrap_or(0.0);
    let swallowed = norm * days(silent);
    let is_longest = silent.as_secs_f64() > BEYOND_LONGEST * habits.longest_pause_s.unwrap_or(0.0);
    // Last, for it is the longest to compute.
    let chance = || known_rhythm(feed).map_or(1.0, |rhythm| rhythm.silence(last, now));
    let is_unusual = is_longest
        && ((silent >= QUIET && swallowed >= SWALLOWED)
            || (silent >= QUIET_WITH_RHYTHM && chance() < CHANCE));
    if !is_unusual {
        return well(Topic::Silence);
    }
    found(
        Trouble::Stale,
        format!(
            "nothing new where about {} entries were to be expected",
            rounded(swallowed).max(1)
        ),
    )
}

fn known_rhythm(feed: &ClaimedFeed) -> Option<&Rhythm> {
    feed.rhythm.as_ref().filter(|rhythm| rhythm.is_known())
}

/// Entries expected between two instants by the rhythm of the day and the week; none while that is not known.
fn expected(feed: &ClaimedFeed, from: Timestamp, to: Timestamp) -> Option<f64> {
    known_rhythm(feed).map(|rhythm| rhythm.expected(from, to))
}
