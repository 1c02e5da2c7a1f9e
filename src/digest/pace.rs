//! When an alert speaks.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::schedule::quiet_until;
use crate::domain::{Timestamp, delivery::Pace};

/// The time that the cap counts in.
pub const CAP_TIME: Duration = Duration::from_hours(1);

/// What an alert does about the stories that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speak {
    /// Tells all of them now.
    Now,
    /// Waits for more.
    ForMore,
    /// Waits until then.
    At(Timestamp),
}

/// Decides with `waiting` stories; `spoken` holds when it spoke within the last [`CAP_TIME`].
#[must_use]
pub fn decide(
    pace: &Pace,
    zone: &TimeZone,
    waiting: usize,
    spoken: &[Timestamp],
    now: Timestamp,
) -> Speak {
    let threshold = usize::try_from(pace.threshold).unwrap_or(usize::MAX).max(1);
    if waiting < threshold {
        return Speak::ForMore;
    }
    let quiet = pace
        .quiet
        .and_then(|(from, to)| quiet_until(now, zone, from, to));
    if let Some(until) = quiet {
        return Speak::At(until);
    }
    let cap = usize::try_from(pace.cap).unwrap_or(usize::MAX).max(1);
    let mut lately: Vec<_> = spoken
        .iter()
        .copied()
        .filter(|at| now.since(*at) < CAP_TIME)
        .collect();
    lately.sort_unstable_by(|a, b| b.cmp(a));
    // One more is allowed when the oldest of the last `cap` is an hour old.
    match lately.get(cap - 1) {
        Some(oldest) => Speak::At(oldest.plus(CAP_TIME)),
        None => Speak::Now,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(instant: &str) -> Timestamp {
        Timestamp::from_jiff(instant.parse().unwrap())
    }

    #[test]
    fn an_alert_waits_for_its_threshold_the_morning_and_its_cap() {
        let pace = Pace {
            threshold: 2,
            quiet: Some(("23:00".parse().unwrap(), "07:00".parse().unwrap())),
            cap: 2,
        };
        let noon = at("2026-11-24T12:00:00Z");
        let ago = |minutes: u64| noon.minus(Duration::from_mins(minutes));
        for (waiting, spoken, now, expected) in [
            (0, vec![], noon, Speak::ForMore),
            (1, vec![], noon, Speak::ForMore),
            (2, vec![], noon, Speak::Now),
            (
                9,
                vec![],
                at("2026-11-24T23:30:00Z"),
                Speak::At(at("2026-11-25T07:00:00Z")),
            ),
            (1, vec![], at("2026-11-24T23:30:00Z"), Speak::ForMore),
            (2, vec![ago(50)], noon, Speak::Now),
            (
                2,
                vec![ago(50), ago(10)],
                noon,
                Speak::At(ago(50).plus(CAP_TIME)),
            ),
            (2, vec![ago(61), ago(10)], noon, Speak::Now),
        ] {
            assert_eq!(
                decide(&pace, &TimeZone::UTC, waiting, &spoken, now),
                expected,
                "{waiting} {spoken:?} {now}"
            );
        }
    }
}
