//! How a feed is doing, in words, and how much that matters.

use std::time::Duration;

use super::moments::{Moment, ahead, counted, grouped, span};
use crate::{
    domain::{FeedState, Timestamp},
    store::feed_health::FeedHealth,
};

/// Silence up to this is no news, whatever the norm: weekends and holidays are long.
const QUIET_AFTER: Duration = Duration::from_hours(48);

/// A check that is late by this much was not made.
const OVERDUE_AFTER: Duration = Duration::from_mins(15);

/// Mean gaps without an entry that are no chance any more: once in four hundred for a steady source.
const STALE_GAPS: f64 = 6.0;

/// A condition, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Not read.
    Failure,
    /// Read, but something is wrong.
    Trouble,
    /// Not read yet.
    Waiting,
    /// As it should be.
    Good,
    /// Stopped by an admin.
    Paused,
}

impl Severity {
    /// The class in the style.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Trouble => "trouble",
            Self::Waiting | Self::Paused => "idle",
            Self::Good => "good",
        }
    }
}

/// How a feed is doing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// How much it matters.
    pub(crate) severity: Severity,
    /// In words.
    pub(crate) words: String,
}

impl Condition {
    /// How `feed` is doing at `now`.
    pub(crate) fn of(feed: &FeedHealth, now: Timestamp) -> Self {
        match feed.state {
            FeedState::Failing => Self::new(Severity::Failure, failing(feed, now)),
            FeedState::Gone => Self::new(
                Severity::Failure,
                "gone: the publisher has withdrawn it".to_owned(),
            ),
            FeedState::Waiting => {
                Self::new(Severity::Waiting, "waiting for its first read".to_owned())
            }
            FeedState::Paused => Self::new(Severity::Paused, paused(feed)),
            FeedState::Active => Self::active(feed, now),
        }
    }

    fn new(severity: Severity, words: String) -> Self {
        Self { severity, words }
    }

    fn active(feed: &FeedHealth, now: Timestamp) -> Self {
        if let Some(late) = feed
            .next_poll_at
            .map(|next| now.since(next))
            .filter(|late| *late > OVERDUE_AFTER)
        {
            return Self::new(
                Severity::Trouble,
                format!("overdue by {}: is a worker running?", span(late)),
            );
        }
        if let Some(code) = &feed.last_error_code {
            return Self::new(
                Severity::Trouble,
                format!("read in part: {}", error_words(code)),
            );
        }
        let silence = feed
            .last_new_entry_at
            .map(|last| now.since(last))
            .filter(|gap| *gap > QUIET_AFTER);
        let Some(silence) = silence else {
            return Self::new(Severity::Good, "read well".to_owned());
        };
        if is_stale(silence, feed.entries_per_day) {
            Self::new(
                Severity::Trouble,
                format!("stale: nothing for {}, norm {}", span(silence), rate(feed)),
            )
        } else {
            Self::new(
                Severity::Good,
                format!("quiet: nothing for {}", span(silence)),
            )
        }
    }
}

fn is_stale(silence: Duration, entries_per_day: Option<f64>) -> bool {
    entries_per_day.is_some_and(|rate| silence.as_secs_f64() / 86_400.0 * rate > STALE_GAPS)
}

fn failing(feed: &FeedHealth, now: Timestamp) -> String {
    let why = error_words(feed.last_error_code.as_deref().unwrap_or("unknown"));
    match feed.last_success_at {
        _ if feed.consecutive_failures <= 1 => format!("failed once: {why}"),
        Some(last) => format!("failing for {}: {why}", span(now.since(last))),
        None => {
            let attempts = counted(
                u64::from(feed.consecutive_failures.unsigned_abs()),
                "attempt",
            );
            format!("never read, {attempts}: {why}")
        }
    }
}

fn paused(feed: &FeedHealth) -> String {
    if feed.note.is_empty() {
        "paused".to_owned()
    } else {
        format!("paused: {}", feed.note)
    }
}

/// A word of the contract as people say it; an unknown one as it stands.
pub(crate) fn error_words(code: &str) -> String {
    let words = match code {
        "dns" => "the host name has no address",
        "connect" => "no connection",
        "tls" => "no trusted TLS session",
        "http" => "the server breaks HTTP",
        "blocked_address" => "an address that may not be asked",
        "redirect_loop" => "redirects without end",
        "redirect_blocked" => "a redirect to an address that may not be asked",
        "http_status" => "the server refuses",
        "rate_limited" => "the server asks for patience",
        "too_large" => "the document is too large",
        "decompress" => "the compression is broken",
        "truncated" => "the document was cut off",
        "empty" => "an empty document",
        "not_a_feed" => "not a feed",
        "parse" | "parse_partial" => "broken markup",
        "too_many_entries" => "more entries than the limit",
        "cpu_limit" => "reading took too long",
        other => other,
    };
    words.to_owned()
}

/// New entries a day in words.
pub(crate) fn rate(feed: &FeedHealth) -> String {
    match feed.entries_per_day {
        None => "not known yet".to_owned(),
        Some(rate) if rate >= 0.95 => format!("≈ {} a day", grouped(rounded(rate))),
        Some(rate) if rate * 7.0 >= 0.95 => format!("≈ {} a week", rounded(rate * 7.0)),
        Some(rate) if rate * 30.0 >= 0.95 => format!("≈ {} a month", rounded(rate * 30.0)),
        Some(_) => "less than 1 a month".to_owned(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and rates are small"
)]
fn rounded(rate: f64) -> u64 {
    rate.round() as u64
}

/// When the next check is, in words; none for a paused feed.
pub(crate) fn next_check(feed: &FeedHealth, now: Timestamp) -> Option<Moment> {
    let next = feed.next_poll_at?;
    Some(Moment {
        words: ahead(now, next),
        form: "ahead",
        ..Moment::exact(next)
    })
}

/// The feed's own title, or else its address.
pub(crate) fn name(feed: &FeedHealth) -> String {
    feed.title
        .clone()
        .filter(|title| !title.trim().is_empty())
        .unwrap_or_else(|| feed.url.clone())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::{FeedId, Tier};

    pub(crate) fn now() -> Timestamp {
        Timestamp::from_micros(1_795_507_200_000_000)
    }

    fn ago(hours: u64) -> Timestamp {
        now().minus(Duration::from_hours(hours))
    }

    /// A feed that is read well.
    pub(crate) fn feed() -> FeedHealth {
        FeedHealth {
            id: FeedId::new(1),
            url: "https://news.example/rss".to_owned(),
            title: Some("News".to_owned()),
            note: String::new(),
            source: "News".to_owned(),
            tier: Tier::Press,
            country: Some("KR".to_owned()),
            language: Some("ko".to_owned()),
            state: FeedState::Active,
            created_at: ago(1_000),
            next_poll_at: Some(now().plus(Duration::from_mins(5))),
            next_poll_reason: "about 9 entries a day".to_owned(),
            poll_count: 12,
            entries_per_day: Some(9.2),
            last_attempt_at: Some(ago(0)),
            last_success_at: Some(ago(0)),
            last_new_entry_at: Some(ago(3)),
            last_http_status: Some(200),
            last_error_code: None,
            last_error_detail: None,
            consecutive_failures: 0,
            entries_seen: 40,
            entries_skipped: 0,
        }
    }

    fn failing(last_success_at: Option<Timestamp>, consecutive_failures: i32) -> FeedHealth {
        let code = Some("timeout".to_owned());
        FeedHealth {
            state: FeedState::Failing,
            last_success_at,
            consecutive_failures,
            last_error_code: code,
            ..feed()
        }
    }

    fn quiet(hours: u64, entries_per_day: Option<f64>) -> FeedHealth {
        FeedHealth {
            last_new_entry_at: Some(ago(hours)),
            entries_per_day,
            ..feed()
        }
    }

    #[test]
    fn every_state_is_said_in_words() {
        let partial = FeedHealth {
            last_error_code: Some("parse_partial".to_owned()),
            ..feed()
        };
        let overdue = FeedHealth {
            next_poll_at: Some(ago(2)),
            ..feed()
        };
        let paused = FeedHealth {
            state: FeedState::Paused,
            next_poll_at: None,
            note: "moved".to_owned(),
            ..feed()
        };
        for (feed, severity, words) in [
            (feed(), Severity::Good, "read well"),
            (
                failing(Some(ago(72)), 9),
                Severity::Failure,
                "failing for 3 days: timeout",
            ),
            (
                failing(Some(ago(1)), 1),
                Severity::Failure,
                "failed once: timeout",
            ),
            (
                failing(None, 4),
                Severity::Failure,
                "never read, 4 attempts: timeout",
            ),
            (
                FeedHealth {
                    state: FeedState::Gone,
                    ..feed()
                },
                Severity::Failure,
                "gone: the publisher has withdrawn it",
            ),
            (
                FeedHealth {
                    state: FeedState::Waiting,
                    ..feed()
                },
                Severity::Waiting,
                "waiting for its first read",
            ),
            (paused, Severity::Paused, "paused: moved"),
            (partial, Severity::Trouble, "read in part: broken markup"),
            (
                overdue,
                Severity::Trouble,
                "overdue by 2 hours: is a worker running?",
            ),
        ] {
            assert_eq!(
                Condition::of(&feed, now()),
                Condition::new(severity, words.to_owned())
            );
        }
    }

    #[test]
    fn silence_is_trouble_only_against_the_norm() {
        for (feed, severity, words) in [
            (quiet(40, Some(50.0)), Severity::Good, "read well"),
            (
                quiet(72, Some(9.2)),
                Severity::Trouble,
                "stale: nothing for 3 days, norm ≈ 9 a day",
            ),
            (
                quiet(72, Some(0.5)),
                Severity::Good,
                "quiet: nothing for 3 days",
            ),
            (quiet(72, None), Severity::Good, "quiet: nothing for 3 days"),
        ] {
            assert_eq!(
                Condition::of(&feed, now()),
                Condition::new(severity, words.to_owned())
            );
        }
    }

    #[test]
    fn rates_are_told_in_the_unit_that_fits() {
        for (entries_per_day, words) in [
            (None, "not known yet"),
            (Some(1_250.0), "≈ 1,250 a day"),
            (Some(1.0), "≈ 1 a day"),
            (Some(0.5), "≈ 4 a week"),
            (Some(0.1), "≈ 3 a month"),
            (Some(0.0), "less than 1 a month"),
            (Some(f64::NAN), "less than 1 a month"),
        ] {
            assert_eq!(
                rate(&FeedHealth {
                    entries_per_day,
                    ..feed()
                }),
                words
            );
        }
    }
}
