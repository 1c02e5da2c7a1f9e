//! When to ask a feed again, and why then.

use std::{cmp::Ordering, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{freshness, rhythm};
use crate::domain::{
    Attempt, ClaimedFeed, ErrorCode, Failure, FeedId, FeedState, NextCheck, PollHints, Rhythm,
    Timestamp,
    rhythm::{Outlook, hour_of_week},
};

/// No check is put off for longer, but that of a feed whose publisher says that it is gone.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// A feed whose publisher said 410 is asked again after this, in case it was a mistake.
const GONE_WAIT: Duration = Duration::from_hours(30 * 24);
/// Shorter than any interval: keeps every check in the future.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Failures in a row after which a name that is not found is no longer taken for a fault of our own network.
const SOON: u32 = 3;
/// Failures after which the wait no longer doubles.
const MOST_DOUBLINGS: u32 = 16;

/// How feeds are asked: by their pace, within bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// No feed is asked more often than this.
    #[serde(with = "crate::domain::duration")]
    pub min_interval: Duration,
    /// Every feed that answers is asked at least this often, unless its publisher wants otherwise.
    #[serde(with = "crate::domain::duration")]
    pub max_interval: Duration,
    /// The interval of a feed whose pace is not known yet.
    #[serde(with = "crate::domain::duration")]
    pub first_interval: Duration,
    /// Requests a day that a feed gets on the mean; they go where they buy the most freshness.
    pub requests_per_day: f64,
    /// No publisher's wish (`Retry-After`, freshness, `ttl`) puts a check off for longer.
    #[serde(with = "crate::domain::duration")]
    pub longest_wish: Duration,
    /// The wait after a first failure; it doubles with each further one.
    #[serde(with = "crate::domain::duration")]
    pub failure_interval: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_mins(5),
            max_interval: Duration::from_hours(6),
            first_interval: Duration::from_mins(30),
            requests_per_day: 48.0,
            longest_wish: Duration::from_hours(24),
            failure_interval: Duration::from_mins(10),
        }
    }
}

impl Policy {
    fn min(&self) -> Duration {
        self.min_interval.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }

    fn max(&self) -> Duration {
        self.max_interval.clamp(self.min(), LONGEST_WAIT)
    }

    fn wish(&self) -> Duration {
        self.longest_wish.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }

    /// What a request costs, in entry-hours, when feeds with these `demands` share the budget.
    #[must_use]
    pub fn price(&self, demands: &[f64]) -> f64 {
        /// Of a feed with three entries a day: nothing is known at first.
        const USUAL_DEMAND: f64 = 0.35;
        let each = if self.requests_per_day.is_finite() {
            self.requests_per_day.clamp(0.01, 86_400.0) / 24.0
        } else {
            2.0
        };
        let known: Vec<f64> = demands
            .iter()
            .map(|demand| if *demand > 0.0 { *demand } else { USUAL_DEMAND })
            .collect();
        let demands = if known.is_empty() {
            &[USUAL_DEMAND]
        } else {
            known.as_slice()
        };
        #[expect(clippy::cast_precision_loss, reason = "a number of feeds")]
        let budget = each * demands.len() as f64;
        freshness::price(demands, budget, self.min(), self.max())
    }
}

/// When to ask `feed` again after `attempt` ended at `now`, where a request costs `price` entry-hours.
///
/// A feed that answers is asked when a request buys the most, later if its publisher says so; one that fails less and
/// less often, but at least once a day; one that is gone in 30 days. The next check is always in the future.
#[must_use]
pub fn next_check(
    feed: &ClaimedFeed,
    attempt: &Attempt,
    now: Timestamp,
    policy: &Policy,
    price: f64,
) -> NextCheck {
    let rhythm = rhythm::after(feed, attempt, now);
    let weight = freshness::weight(feed.course.entries_seen, feed.course.entries_matched);
    let known = rhythm.as_ref().filter(|rhythm| rhythm.is_known());
    let known = known.map(|rhythm| (rhythm, rhythm.outlook()));
    let demand = known.as_ref().map_or(0.0, |(_, outlook)| {
        freshness::demand(outlook.week(), weight)
    });
    let Pause {
        wait,
        reason,
        state,
    } = match attempt {
        Attempt::Failed(failure) => after_failure(feed, failure, now, policy),
        Attempt::Unchanged { hints, .. } => {
            let own = own_wait(feed, known, weight, policy, price);
            let hints = PollHints {
                fresh_for: hints.fresh_for.or(feed.course.hints.fresh_for),
                ..feed.course.hints
            };
            wished(own, hints, now, policy)
        }
        Attempt::Read(reading) => {
            let own = own_wait(feed, known, weight, policy, price);
            wished(own, reading.hints, now, policy)
        }
    };
    NextCheck {
        at: now.plus(wait),
        reason,
        state,
        demand,
        rhythm,
    }
}

/// A pause with its reason.
struct Pause {
    wait: Duration,
    reason: String,
    state: FeedState,
}

/// What the feed's own rhythm asks for, if it is known.
fn own_wait(
    feed: &ClaimedFeed,
    known: Option<(&Rhythm, Outlook)>,
    weight: f64,
    policy: &Policy,
    price: f64,
) -> Pause {
    let (least, most) = (policy.min(), policy.max());
    let Some((rhythm, outlook)) = known else {
        return Pause {
            wait: spread(policy.first_interval, feed.id, 0).clamp(least, most),
            reason: "the pace is not known yet".to_owned(),
            state: FeedState::Active,
        };
    };
    let best = freshness::best_wait(&outlook, weight, price, least, most);
    Pause {
        wait: spread(best, feed.id, 0).clamp(least, most),
        reason: told_outlook(rhythm, &outlook, best, (least, most)),
        state: FeedState::Active,
    }
}

/// What is expected, in words.
fn told_outlook(
    rhythm: &Rhythm,
    outlook: &Outlook,
    wait: Duration,
    (least, most): (Duration, Duration),
) -> String {
    const QUIET: f64 = 0.4;
    const BUSY: f64 = 3.0;
    let hours = wait.as_secs_f64() / 3_600.0;
    let pace = told_pace(rhythm.per_day());
    let mean = outlook.week().iter().sum::<f64>() / 168.0;
    if outlook.rate(0.0) > BUSY * mean {
        return format!("{pace}, more of them now");
    }
    // New entries are expected from the first hour on that is no longer quiet.
    let wakes = (0..48)
        .map(f64::from)
        .find(|ahead| outlook.rate(*ahead) > QUIET * mean);
    match wakes {
        Some(ahead) if ahead > 0.0 => format!(
            "{pace}, quiet now; new entries expected about {}",
            outlook.clock(ahead)
        ),
        _ if wait >= most => format!("{pace}; asked at least every {}", told(most)),
        _ if wait <= least => format!("{pace}; asked at most every {}", told(least)),
        _ => format!(
            "{pace}; the next one expected about {}",
            outlook.clock(hours)
        ),
    }
}

/// The publisher's wishes are lower bounds.
fn wished(own: Pause, hints: PollHints, now: Timestamp, policy: &Policy) -> Pause {
    let longest = policy.wish();
    let asked = [hints.fresh_for, hints.ttl]
        .into_iter()
        .flatten()
        .max()
        .unwrap_or_default()
        .min(longest);
    let wait = own.wait.max(asked);
    let skipped = after_skips(now.plus(wait), hints).since(now);
    let reason = if skipped > wait {
        format!("{}; the publisher asks to leave out that time", own.reason)
    } else if asked > own.wait {
        format!("{}; the publisher asks to wait {}", own.reason, told(asked))
    } else {
        own.reason
    };
    Pause {
        wait: skipped.min(longest).max(wait),
        reason,
        ..own
    }
}

/// The first instant from `at` on that lies in no hour and on no day which the publisher asks to leave out.
fn after_skips(at: Timestamp, hints: PollHints) -> Timestamp {
    const HOUR: i64 = 3_600_000_000;
    let is_skipped = |at: Timestamp| {
        let hour = hour_of_week(at);
        hints.skip_hours >> (hour % 24) & 1 == 1 || hints.skip_days >> (hour / 24) & 1 == 1
    };
    (0..=24)
        .map(|ahead| match ahead {
            0 => at,
            _ => Timestamp::from_micros((at.as_micros().div_euclid(HOUR) + ahead) * HOUR),
        })
        .find(|at| !is_skipped(*at))
        .unwrap_or(at)
}

fn after_failure(feed: &ClaimedFeed, failure: &Failure, now: Timestamp, policy: &Policy) -> Pause {
    if failure.status == Some(410) {
        return Pause {
            wait: GONE_WAIT,
            reason: "gone (410); asked again in 30 days".to_owned(),
            state: FeedState::Gone,
        };
    }
    let failures = u32::try_from(feed.consecutive_failures)
        .unwrap_or(0)
        .saturating_add(1);
    let soon = if may_be_our_network(failure) { SOON } else { 0 };
    let is_soon = failures <= soon;
    let first = policy.failure_interval.saturating_mul(patience(failure));
    let doubled = if is_soon {
        policy.failure_interval / 2
    } else {
        first.saturating_mul(1 << (failures - 1 - soon).min(MOST_DOUBLINGS))
    };
    let own =
        spread(doubled.min(LONGEST_WAIT), feed.id, failures).clamp(policy.min(), LONGEST_WAIT);
    let wish = policy.wish();
    let asked = failure.retry_after.unwrap_or_default().min(wish);
    // Never earlier than asked for, and not all at the same instant.
    let asked = asked
        .saturating_add(asked.saturating_sub(spread(asked, feed.id, failures)))
        .min(wish.max(own));
    let kind = told_failure(failure);
    let (wait, reason) = match asked.cmp(&own) {
        Ordering::Greater => (
            asked,
            format!("publisher asked to wait {}: {kind}", told(asked)),
        ),
        _ => (
            own,
            format!("{}: {kind}{}", times(failures), manner(failure, is_soon)),
        ),
    };
    let failed = Pause {
        wait,
        reason,
        state: FeedState::Failing,
    };
    wished(failed, left(feed, now), now, policy)
}

/// What the publisher said of the last document that was read, as it stands at `now`: a failure makes no document fresh again
/// (RFC 9111 §4.2).
fn left(feed: &ClaimedFeed, now: Timestamp) -> PollHints {
    let known = feed.course.hints;
    let passed = feed.last_success_at.map(|at| now.since(at));
    let left = |hint: Option<Duration>| Some(hint?.saturating_sub(passed.unwrap_or_default()));
    PollHints {
        fresh_for: left(known.fresh_for),
        ttl: left(known.ttl),
        ..known
    }
}

fn times(failures: u32) -> String {
    if failures == 1 {
        return "failed".to_owned();
    }
    format!("failed {failures} times")
}

/// Why the next check is sooner or later than after other failures.
const fn manner(failure: &Failure, is_soon: bool) -> &'static str {
    if is_soon {
        "; asked again soon, it may be our own network"
    } else if patience(failure) > 2 {
        "; asked less often, it does not pass by itself"
    } else {
        ""
    }
}

/// A name that is not found and a server that is not reached may be the fault of the machine that asks. When it comes back,
/// nobody is to wait for half an hour.
const fn may_be_our_network(failure: &Failure) -> bool {
    matches!(failure.code, ErrorCode::Dns | ErrorCode::Connect)
}

/// How much longer than usual to wait after a failure of this kind: what passes by itself is tried sooner than what
/// somebody has to mend.
const fn patience(failure: &Failure) -> u32 {
    match (failure.code, failure.status) {
        (ErrorCode::HttpStatus, Some(401 | 403 | 404 | 451))
        | (ErrorCode::BlockedAddress | ErrorCode::RedirectBlocked, _) => 6,
        (ErrorCode::Dns | ErrorCode::Tls | ErrorCode::RedirectLoop | ErrorCode::RateLimited, _) => {
            3
        }
        (
            ErrorCode::NotAFeed
            | ErrorCode::Parse
            | ErrorCode::Empty
            | ErrorCode::TooLarge
            | ErrorCode::CpuLimit,
            _,
        ) => 2,
        _ => 1,
    }
}

/// A wait up to a tenth shorter, so that feeds that failed together do not come back together: always the same one for
/// the same feed and failure.
fn spread(wait: Duration, feed: FeedId, failures: u32) -> Duration {
    let mut sha = Sha256::new();
    sha.update(feed.get().to_be_bytes());
    sha.update(failures.to_be_bytes());
    let share = u32::from(sha.finalize()[0]);
    wait.saturating_sub(wait / 2_560 * share)
}

fn told_failure(failure: &Failure) -> String {
    match (failure.code, failure.status) {
        (ErrorCode::HttpStatus | ErrorCode::RateLimited, Some(status)) => {
            format!("{} {status}", failure.code.as_str())
        }
        (code, _) => code.as_str().to_owned(),
    }
    .replace('_', " ")
}

fn told_pace(pace: f64) -> String {
    if pace >= 1.5 {
        format!("about {pace:.0} new entries a day")
    } else if pace >= 0.5 {
        "about one new entry a day".to_owned()
    } else if pace >= 1.0 / 14.0 {
        format!("about one new entry in {:.0} days", 1.0 / pace)
    } else {
        "hardly any new entries".to_owned()
    }
}

/// A duration for people.
fn told(wait: Duration) -> String {
    match wait.as_secs() {
        seconds @ 0..=90 => format!("{seconds} s"),
        seconds @ 91..=5_400 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        Entry, FoundEntry, Identified, Identity, Known, Novelty, Reading, SourceId, Tier,
        Validators,
    };

    /// A feed with twelve entries a day is asked once an hour.
    const PRICE: f64 = 0.25;

    fn now() -> Timestamp {
        Timestamp::from_jiff("2026-11-23T22:30:00Z".parse().unwrap())
    }

    fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours * 3_600)
    }

    /// A week of `pace` entries a day, evenly.
    fn steady(pace: f64) -> Rhythm {
        let week = hours(24 * 7);
        let mut rhythm = Rhythm::new(now().minus(week));
        let count = Duration::from_secs_f64(pace.clamp(0.0, 1_000.0) * 7.0).as_secs();
        let nowhen = vec![Timestamp::from_micros(0); usize::try_from(count).unwrap()];
        rhythm.observe(now(), &nowhen);
        rhythm
    }

    fn feed(failures: i32, pace: Option<f64>, last_success: Option<Duration>) -> ClaimedFeed {
        ClaimedFeed {
            id: FeedId::new(7),
            url: "https://example.org/feed".parse().unwrap(),
            lease_token: 1,
            validators: Validators::default(),
            list: None,
            body_hash: None,
            is_first_read: last_success.is_none(),
            consecutive_failures: failures,
            rhythm: pace.map(steady),
            last_success_at: last_success.map(|ago| now().minus(ago)),
            last_new_entry_at: None,
            course: crate::domain::Course::default(),
            habits: crate::domain::Habits::default(),
            language: None,
            source_id: SourceId::new(1),
            source_slug: "example".to_owned(),
            source_name: "Example".to_owned(),
            source_domain: "example.org".to_owned(),
            country: None,
            tier: Tier::Press,
            tags: Vec::new(),
        }
    }

    fn read(new: usize, hints: PollHints) -> Attempt {
        let known = Known {
            identity: Identity([0; 16]),
            url: None,
            guid: None,
            title: 0,
            content: 0,
        };
        let found = FoundEntry {
            entry: Entry::default(),
            identified: Identified {
                known,
                novelty: Novelty::New,
                identity_url: None,
            },
            matches: Vec::new(),
            sort_at: now(),
            is_backfill: false,
        };
        Attempt::Read(Reading {
            beat_revision: 0,
            status: 200,
            title: None,
            found: vec![found; new],
            entries: 30,
            skipped: 0,
            bytes: 1_000,
            body_hash: None,
            validators: Validators::default(),
            hints,
            loss: None,
            encoding_fault: None,
            observed: Box::default(),
        })
    }

    fn unchanged() -> Attempt {
        Attempt::Unchanged {
            status: 304,
            validators: Validators::default(),
            hints: PollHints::default(),
        }
    }

    fn failed(code: ErrorCode, status: Option<u16>, retry_after: Option<Duration>) -> Attempt {
        Attempt::Failed(Failure {
            code,
            status,
            detail: String::new(),
            retry_after,
        })
    }

    fn wait(feed: &ClaimedFeed, attempt: &Attempt) -> (Duration, String) {
        let next = next_check(feed, attempt, now(), &Policy::default(), PRICE);
        (next.at.since(now()), next.reason)
    }

    #[test]
    fn a_feed_is_asked_when_a_request_buys_the_most() {
        let waited = |pace: f64| wait(&feed(0, Some(pace), Some(hours(24))), &unchanged());
        let (often, rarely) = (waited(100.0), waited(1.0));
        assert!(
            often.0 < hours(1) && rarely.0 > hours(2),
            "{often:?} {rarely:?}"
        );
        assert!(
            rarely.1.starts_with("about one new entry a day; "),
            "{}",
            rarely.1
        );
        let unknown = wait(&feed(0, None, None), &read(0, PollHints::default()));
        assert_eq!(unknown.1, "the pace is not known yet");
        let first = Policy::default().first_interval;
        assert!((first * 9 / 10..=first).contains(&unknown.0));
    }

    #[test]
    fn hints_hold_on_when_nothing_changed_and_after_failures() {
        let mut claimed = feed(0, Some(100.0), Some(hours(24)));
        claimed.course.hints.ttl = Some(hours(3));
        assert_eq!(wait(&claimed, &unchanged()).0, hours(3));
        let timeout = failed(ErrorCode::Timeout, None, None);
        assert!(
            wait(&claimed, &timeout).0 < hours(1),
            "what was fresh a day ago is not fresh now"
        );
        claimed.last_success_at = Some(now().minus(hours(1)));
        assert_eq!(wait(&claimed, &timeout).0, hours(2), "what is left of it");
        claimed.course.hints.fresh_for = Some(hours(4));
        assert_eq!(
            wait(&claimed, &unchanged()).0,
            hours(4),
            "a 304 that says nothing"
        );
    }

    #[test]
    fn hours_and_days_that_the_publisher_leaves_out_are_left_out() {
        // It is Monday 22:30.
        let busy = feed(0, Some(300.0), Some(hours(24)));
        let asks = |skip_hours, skip_days| {
            let hints = PollHints {
                skip_hours,
                skip_days,
                ..PollHints::default()
            };
            wait(&busy, &read(300, hints)).0
        };
        assert_eq!(asks(1 << 22 | 1 << 23, 0), Duration::from_mins(90));
        assert_eq!(asks(0, 0b1), Duration::from_mins(90));
        assert!(asks(u32::MAX, 0) <= hours(24) && asks(0, 0x7f) <= hours(24));
    }

    #[test]
    fn feeds_that_were_put_off_together_do_not_come_back_together() {
        let limited = failed(ErrorCode::RateLimited, Some(429), Some(hours(1)));
        let waits: std::collections::BTreeSet<Duration> = (0..200)
            .map(|id| {
                let claimed = ClaimedFeed {
                    id: FeedId::new(id),
                    ..feed(0, None, None)
                };
                wait(&claimed, &limited).0
            })
            .collect();
        assert!(waits.len() > 50, "{}", waits.len());
        assert!(
            waits
                .iter()
                .all(|wait| (hours(1)..=hours(1) * 11 / 10).contains(wait))
        );
    }

    #[test]
    fn a_publisher_may_slow_the_desk_down_but_not_up() {
        let hints = |fresh_for: Option<Duration>, ttl: Option<Duration>| PollHints {
            fresh_for,
            ttl,
            ..PollHints::default()
        };
        let busy = feed(0, Some(100.0), Some(hours(24)));
        let asks = |hints| wait(&busy, &read(100, hints)).0;
        assert_eq!(asks(hints(None, Some(hours(2)))), hours(2));
        assert_eq!(asks(hints(Some(hours(3)), Some(hours(2)))), hours(3));
        assert_eq!(asks(hints(Some(hours(24 * 365)), None)), hours(24));
        assert_eq!(
            asks(hints(Some(Duration::from_secs(1)), None)),
            asks(PollHints::default())
        );
    }

    #[test]
    fn failures_are_retried_less_and_less_often() {
        let after = |failures| {
            wait(
                &feed(failures, None, None),
                &failed(ErrorCode::Timeout, None, None),
            )
        };
        let waits: Vec<Duration> = (0..12).map(|failures| after(failures).0).collect();
        assert!(
            waits
                .windows(2)
                .all(|pair| pair[0] < pair[1] || pair[0] > hours(21)),
            "{waits:?}"
        );
        assert!(waits[0] <= Duration::from_mins(10) && waits[11] <= hours(24));
        assert_eq!(after(0).1, "failed: timeout");
        assert_eq!(after(2).1, "failed 3 times: timeout");
        assert_eq!(after(3), after(3), "the same each time");
        let missing = failed(ErrorCode::HttpStatus, Some(404), None);
        assert!(wait(&feed(0, None, None), &missing).0 > waits[0]);
        assert_eq!(
            wait(&feed(1, None, None), &missing).1,
            "failed 2 times: http status 404; asked less often, it does not pass by itself"
        );
        let unknown = failed(ErrorCode::Dns, None, None);
        for failures in 0..3 {
            let (waited, reason) = wait(&feed(failures, None, None), &unknown);
            assert!(waited <= Duration::from_mins(10), "{waited:?}");
            assert!(reason.ends_with("it may be our own network"), "{reason}");
        }
        assert!(wait(&feed(3, None, None), &unknown).0 > Duration::from_mins(15));
    }

    #[test]
    fn a_publisher_that_asks_for_time_gets_it() {
        let limited = |retry_after| failed(ErrorCode::RateLimited, Some(429), Some(retry_after));
        let (waited, reason) = wait(&feed(0, None, None), &limited(hours(2)));
        assert_eq!(
            (waited, reason.as_str()),
            (
                waited.max(hours(2)),
                "publisher asked to wait 2 h: rate limited 429"
            )
        );
        assert_eq!(
            wait(&feed(0, None, None), &limited(hours(10_000))).0,
            hours(24)
        );
    }

    #[test]
    fn a_feed_that_is_gone_rests_for_a_month() {
        let next = next_check(
            &feed(3, None, None),
            &failed(ErrorCode::HttpStatus, Some(410), None),
            now(),
            &Policy::default(),
            PRICE,
        );
        assert_eq!(
            (next.state, next.at),
            (FeedState::Gone, now().plus(hours(24 * 30)))
        );
    }

    #[test]
    fn a_policy_is_read_with_its_defaults() {
        assert_eq!(
            serde_json::from_str::<Policy>("{}").unwrap(),
            Policy::default()
        );
        assert!(serde_json::from_str::<Policy>("{\"min_intervall_s\": 1}").is_err());
    }

    proptest! {
        #[test]
        fn every_check_lies_within_bounds(
            failures in any::<i32>(),
            pace in prop::option::of(any::<f64>()),
            ago in prop::option::of(0_u64..10_000_000),
            new in 0_usize..50,
            wish in prop::option::of(any::<u64>()),
            status in prop::option::of(100_u16..600),
            kind in 0_u8..3,
            min in 0_u64..10_000,
            max in 0_u64..1_000_000,
            factor in any::<f64>(),
        ) {
            let wish = wish.map(Duration::from_secs);
            let attempt = match kind {
                0 => unchanged(),
                1 => read(new, PollHints { fresh_for: wish, ..PollHints::default() }),
                _ => failed(ErrorCode::HttpStatus, status, wish),
            };
            let policy = Policy {
                min_interval: Duration::from_secs(min),
                max_interval: Duration::from_secs(max),
                requests_per_day: factor,
                ..Policy::default()
            };
            let claimed = feed(failures, pace, ago.map(Duration::from_secs));
            let next = next_check(&claimed, &attempt, now(), &policy, policy.price(&[factor]));
            let waited = next.at.since(now());
            let longest = if next.state == FeedState::Gone { GONE_WAIT } else { LONGEST_WAIT };
            prop_assert!(waited >= policy.min() && waited <= longest, "{waited:?}");
            prop_assert!(!next.reason.is_empty());
        }
    }
}
