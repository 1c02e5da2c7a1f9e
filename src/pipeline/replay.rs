//! Replays recorded publication times against a polling policy: how long would entries have waited?

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "statistics over counts that are far below 2^52"
)]

mod peers;
mod trace;

use std::time::Duration;

use serde::Serialize;

pub use trace::{TraceOptions, generate};

use super::freshness;
use crate::domain::{Rhythm, Timestamp};

/// A polling policy that can be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyName {
    /// The one that drives the service.
    Ours,
    /// The same interval for every feed.
    Fixed,
    /// Miniflux's `entry_frequency`.
    Miniflux,
    /// `CommaFeed`'s empirical interval.
    CommaFeed,
}

/// The publication times of one feed, in order.
pub type Publications = Vec<Timestamp>;

/// What a replay shows. Times are from an entry's publication to the poll that sees it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outcome {
    /// Requests made.
    pub requests: u64,
    /// Mean wait in seconds.
    pub mean_s: f64,
    /// Median wait in seconds.
    pub median_s: f64,
    /// What 95 of 100 entries wait at most, in seconds.
    pub p95_s: f64,
    /// Entries.
    pub entries: u64,
    /// What the policy's intervals (ours: its price) were multiplied by to make as many requests.
    pub factor: f64,
}

/// How near the number of requests must come to the wanted one.
const TOLERANCE: f64 = 0.004;
/// Scalings tried.
const MOST_RUNS: u32 = 40;
/// The bounds within which our policy is replayed, as multiples of the mean interval.
const LEAST_OF_MEAN: f64 = 0.01;
const MOST_OF_MEAN: f64 = 8.0;

/// Replays `feeds` against `policy`, scaled by one factor to `requests` requests. None if there is nothing to replay.
#[must_use]
pub fn replay(feeds: &[Publications], policy: PolicyName, requests: u64) -> Option<Outcome> {
    let start = feeds.iter().filter_map(|feed| feed.first()).min()?;
    let end = feeds.iter().filter_map(|feed| feed.last()).max()?;
    let hours = end.since(*start).as_secs_f64() / 3_600.0;
    let replay = Replay {
        feeds,
        policy,
        start: *start,
        end: *end,
        mean_interval: hours * feeds.len() as f64 / requests.max(1) as f64,
    };
    let wanted = requests as f64;
    // Requests fall as the factor grows; the search runs on its logarithm.
    let (mut low, mut high) = (-16.0_f64, 16.0_f64);
    let mut factor = 0.0_f64;
    let mut run = replay.run(1.0);
    for _ in 0..MOST_RUNS {
        let ratio = run.requests as f64 / wanted;
        if (ratio - 1.0).abs() <= TOLERANCE {
            break;
        }
        if ratio > 1.0 {
            low = factor;
        } else {
            high = factor;
        }
        let guess = factor + ratio.ln() * policy.stiffness();
        factor = if low < guess && guess < high {
            guess
        } else {
            f64::midpoint(low, high)
        };
        run = replay.run(factor.exp());
    }
    Some(run.outcome(factor.exp()))
}

impl PolicyName {
    /// How much the logarithm of the factor must change for that of the requests to change by one.
    const fn stiffness(self) -> f64 {
        match self {
            Self::Ours => 2.0,
            Self::Fixed | Self::Miniflux | Self::CommaFeed => 1.0,
        }
    }
}

struct Replay<'a> {
    feeds: &'a [Publications],
    policy: PolicyName,
    start: Timestamp,
    end: Timestamp,
    /// In hours.
    mean_interval: f64,
}

#[derive(Default)]
struct Run {
    requests: u64,
    waits: Vec<Duration>,
}

impl Replay<'_> {
    fn run(&self, factor: f64) -> Run {
        let mut run = Run::default();
        for (index, feed) in self.feeds.iter().enumerate() {
            self.poll(index, feed, factor, &mut run);
        }
        run
    }

    /// Polls one feed from start to end. Feeds do not know of each other, so the order does not matter.
    fn poll(&self, index: usize, feed: &Publications, factor: f64, run: &mut Run) {
        let offset = (index as f64 + 0.5) / self.feeds.len() as f64 * self.mean_interval;
        let mut rhythm = Rhythm::new(self.start);
        let mut seen = 0;
        let mut now = self.start.plus(hours(offset));
        while now <= self.end {
            run.requests += 1;
            let known = seen;
            seen += feed[seen..].partition_point(|at| *at <= now);
            run.waits
                .extend(feed[known..seen].iter().map(|at| now.since(*at)));
            let wait = match self.policy {
                PolicyName::Ours => {
                    rhythm.observe(now, &feed[known..seen]);
                    self.ours(&rhythm, factor)
                }
                PolicyName::Fixed => hours(self.mean_interval).mul_f64(factor),
                PolicyName::Miniflux => peers::miniflux(&feed[..seen], now).mul_f64(factor),
                PolicyName::CommaFeed => peers::commafeed(&feed[..seen], now).mul_f64(factor),
            };
            now = now.plus(wait.max(Duration::from_secs(1)));
        }
        // What the end of the trace cuts off would have been seen by the next poll.
        run.waits
            .extend(feed[seen..].iter().map(|at| now.since(*at)));
    }

    fn ours(&self, rhythm: &Rhythm, factor: f64) -> Duration {
        // The price at which a feed of middling rate is asked at the mean interval.
        let price = factor * self.mean_interval.powi(2) / 16.0;
        freshness::best_wait(
            &rhythm.outlook(),
            1.0,
            price,
            hours(self.mean_interval * LEAST_OF_MEAN),
            hours(self.mean_interval * MOST_OF_MEAN),
        )
    }
}

fn hours(hours: f64) -> Duration {
    Duration::from_secs_f64(hours * 3_600.0)
}

impl Run {
    fn outcome(mut self, factor: f64) -> Outcome {
        self.waits.sort_unstable();
        let count = self.waits.len();
        let at = |share: f64| {
            let place = ((count as f64 * share) as usize).min(count.saturating_sub(1));
            self.waits.get(place).map_or(0.0, Duration::as_secs_f64)
        };
        let sum: f64 = self.waits.iter().map(Duration::as_secs_f64).sum();
        Outcome {
            requests: self.requests,
            mean_s: sum / count.max(1) as f64,
            median_s: at(0.5),
            p95_s: at(0.95),
            entries: count as u64,
            factor,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn trace(feeds: usize, days: u32, seed: u64) -> Vec<Publications> {
        generate(&TraceOptions {
            feeds,
            days,
            seed,
            start: Timestamp::from_jiff("2026-06-01T00:00:00Z".parse().unwrap()),
        })
    }

    #[test]
    fn a_trace_depends_on_its_seed_alone() {
        assert_eq!(trace(5, 3, 7), trace(5, 3, 7));
        assert_ne!(trace(5, 3, 7), trace(5, 3, 8));
        let feeds = trace(60, 10, 1);
        assert!(feeds.iter().all(|feed| feed.is_sorted()));
        let rates: Vec<usize> = feeds.iter().map(Vec::len).collect();
        assert!(rates.iter().any(|count| *count <= 3) && rates.iter().any(|count| *count > 300));
    }

    #[test]
    fn every_policy_is_scaled_to_the_same_number_of_requests() {
        let feeds = trace(30, 7, 2);
        for policy in [
            PolicyName::Ours,
            PolicyName::Fixed,
            PolicyName::Miniflux,
            PolicyName::CommaFeed,
        ] {
            let outcome = replay(&feeds, policy, 30 * 7 * 24).unwrap();
            let ratio = outcome.requests as f64 / (30.0 * 7.0 * 24.0);
            assert!((ratio - 1.0).abs() <= 0.01, "{policy:?}: {ratio}");
            assert_eq!(
                outcome.entries,
                feeds.iter().map(Vec::len).sum::<usize>() as u64
            );
        }
        assert_eq!(replay(&[], PolicyName::Ours, 100), None);
        assert_eq!(replay(&[Vec::new()], PolicyName::Ours, 100), None);
    }

    #[test]
    fn the_fixed_interval_waits_half_of_itself() {
        let feeds = trace(20, 7, 3);
        let outcome = replay(&feeds, PolicyName::Fixed, 20 * 7 * 24).unwrap();
        assert!((outcome.mean_s / 1_800.0 - 1.0).abs() < 0.1, "{outcome:?}");
        assert!((outcome.p95_s / 3_420.0 - 1.0).abs() < 0.1, "{outcome:?}");
    }

    #[test]
    fn requests_of_ours_buy_more_freshness_than_those_of_others() {
        for seed in [4, 11, 12] {
            let feeds = trace(80, 21, seed);
            let wanted = 80 * 21 * 48;
            let run = |policy| {
                let outcome = replay(&feeds, policy, wanted).unwrap();
                let ratio = outcome.requests as f64 / wanted as f64;
                assert!((ratio - 1.0).abs() <= 0.01, "{policy:?}: {ratio}");
                outcome
            };
            let ours = run(PolicyName::Ours);
            let fixed = run(PolicyName::Fixed);
            let peers = [run(PolicyName::Miniflux), run(PolicyName::CommaFeed)];
            let best = peers
                .iter()
                .map(|peer| peer.mean_s)
                .fold(f64::INFINITY, f64::min);
            assert!(ours.mean_s <= 0.6 * fixed.mean_s, "{ours:?} {fixed:?}");
            assert!(ours.mean_s <= 0.8 * best, "{ours:?} {peers:?}");
            assert!(ours.p95_s <= fixed.p95_s, "{ours:?} {fixed:?}");
        }
    }
}
