//! How a feed is doing, in words, and how much that matters.

use std::time::Duration;

use super::moments::{Moment, ahead, counted, grouped, span};
use crate::{
    domain::{FeedState, Rhythm, Timestamp, Trouble, Weight},
    store::{feed_health::FeedHealth, incidents::Incident},
};

/// A check that is late by this much was not made.
const OVERDUE_AFTER: Duration = Duration::from_mins(15);

/// A gap is trouble for so long after it happened.
pub(crate) const GAP_TOLD_FOR: Duration = Duration::from_hours(24);

/// A condition, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Not read.
    Failure,
    /// Read, but something is missing.
    Trouble,
    /// Read well, with something odd.
    Oddity,
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
            Self::Good | Self::Oddity => "good",
        }
    }
}

/// How a feed is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// How much it matters.
    pub(crate) severity: Severity,
    /// In words.
    pub(crate) words: String,
}

impl Condition {
    /// How `feed` is doing at `now`, with its incidents that are open and its gaps of late.
    pub(crate) fn of(feed: &FeedHealth, incidents: &[&Incident], now: Timestamp) -> Self {
        match feed.state {
            FeedState::Paused => Self::new(Severity::Paused, paused(feed)),
            FeedState::Gone => Self::new(
                Severity::Failure,
                "gone: the publisher has withdrawn it".to_owned(),
            ),
            FeedState::Failing => Self::new(Severity::Failure, failing(feed, now)),
            FeedState::Waiting => {
                Self::new(Severity::Waiting, "waiting for its first read".to_owned())
            }
            FeedState::Active => Self::active(feed, incidents, now),
        }
    }

    fn new(severity: Severity, words: String) -> Self {
        Self { severity, words }
    }

    fn active(feed: &FeedHealth, incidents: &[&Incident], now: Timestamp) -> Self {
        let late = feed
            .next_poll_at
            .map(|next| now.since(next))
            .filter(|late| *late > OVERDUE_AFTER)
            .map(|late| format!("overdue by {}: is a worker running?", span(late)));
        let said = |weight: Weight| {
            incidents
                .iter()
                .filter(move |incident| incident.trouble.weight() == weight)
                .map(|incident| told(feed, incident, now))
        };
        let losses: Vec<String> = late.into_iter().chain(said(Weight::Loss)).collect();
        let oddities: Vec<String> = said(Weight::Oddity).collect();
        if !losses.is_empty() {
            return Self::new(Severity::Trouble, [losses, oddities].concat().join("; "));
        }
        if !oddities.is_empty() {
            return Self::new(
                Severity::Oddity,
                format!("read well; {}", oddities.join("; ")),
            );
        }
        let quiet = feed
            .habits
            .last_sign_at
            .map(|last| now.since(last))
            .filter(|silent| *silent > Duration::from_hours(48));
        Self::new(
            Severity::Good,
            quiet.map_or_else(
                || "read well".to_owned(),
                |silent| format!("quiet: nothing for {}", span(silent)),
            ),
        )
    }
}

/// An incident of a feed that answers, in words.
fn told(feed: &FeedHealth, incident: &Incident, now: Timestamp) -> String {
    let words = incident.trouble.words();
    match incident.trouble {
        Trouble::Stale => {
            let silent = feed
                .habits
                .last_sign_at
                .map_or_else(|| "long".to_owned(), |last| span(now.since(last)));
            format!("{words}: nothing for {silent}, norm {}", per_day(feed))
        }
        Trouble::Gap => format!(
            "{words}: about {} fell out unseen",
            entries(incident.missed)
        ),
        _ => format!("{words}: {}", incident.detail),
    }
}

fn entries(count: u32) -> String {
    match count {
        1 => "1 entry".to_owned(),
        _ => format!("{} entries", grouped(u64::from(count))),
    }
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

/// The norm in words: how many entries a day, and when there are few.
pub(crate) fn norm(feed: &FeedHealth) -> String {
    match feed.rhythm.as_ref().filter(|rhythm| rhythm.is_known()) {
        // A rhythm fades in silence, the norm does not.
        Some(rhythm) => match rhythm.told().split_once(", ") {
            Some((_, quiet)) => format!("{}, {quiet}", per_day(feed)),
            None => per_day(feed),
        },
        None => per_day(feed),
    }
}

/// Entries a day in words.
fn per_day(feed: &FeedHealth) -> String {
    let rhythm = feed.rhythm.as_ref().filter(|rhythm| rhythm.is_known());
    match feed.habits.norm_per_day.or(rhythm.map(Rhythm::per_day)) {
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
    use crate::domain::{FeedId, Habits, Tier};

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
            habits: Habits {
                last_sign_at: Some(ago(3)),
                norm_per_day: Some(9.2),
                ..Habits::default()
            },
            rhythm: None,
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

    fn quiet(hours: u64, norm_per_day: Option<f64>) -> FeedHealth {
        FeedHealth {
            habits: Habits {
                last_sign_at: Some(ago(hours)),
                norm_per_day,
                ..Habits::default()
            },
            ..feed()
        }
    }

    /// An incident of the feed that is open.
    pub(crate) fn incident(trouble: Trouble, detail: &str) -> Incident {
        Incident {
            feed: FeedId::new(1),
            trouble,
            detail: detail.to_owned(),
            missed: 3,
            opened_at: ago(9),
            found_at: ago(1),
            closed_at: None,
        }
    }

    #[test]
    fn every_state_is_said_in_words() {
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
            (
                overdue,
                Severity::Trouble,
                "overdue by 2 hours: is a worker running?",
            ),
        ] {
            assert_eq!(
                Condition::of(&feed, &[], now()),
                Condition::new(severity, words.to_owned())
            );
        }
    }

    #[test]
    fn incidents_are_told_by_what_they_cost() {
        for (feed, trouble, severity, words) in [
            (
                quiet(72, Some(9.2)),
                Trouble::Stale,
                Severity::Trouble,
                "stale: nothing for 3 days, norm ≈ 9 a day",
            ),
            (
                feed(),
                Trouble::Gap,
                Severity::Trouble,
                "gap: about 3 entries fell out unseen",
            ),
            (
                feed(),
                Trouble::MissingDates,
                Severity::Oddity,
                "read well; dates missing: why",
            ),
        ] {
            assert_eq!(
                Condition::of(&feed, &[&incident(trouble, "why")], now()),
                Condition::new(severity, words.to_owned())
            );
        }
        assert_eq!(
            Condition::of(&quiet(72, None), &[], now()).words,
            "quiet: nothing for 3 days"
        );
    }

    #[test]
    fn rates_are_told_in_the_unit_that_fits() {
        for (norm_per_day, words) in [
            (None, "not known yet"),
            (Some(1_250.0), "≈ 1,250 a day"),
            (Some(1.0), "≈ 1 a day"),
            (Some(0.5), "≈ 4 a week"),
            (Some(0.1), "≈ 3 a month"),
            (Some(0.0), "less than 1 a month"),
            (Some(f64::NAN), "less than 1 a month"),
        ] {
            assert_eq!(norm(&quiet(1, norm_per_day)), words);
        }
    }
}
