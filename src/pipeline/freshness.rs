//! Where a request buys the most freshness.
//!
//! An entry waits from its appearance to the next poll. Requests are limited, so each has a price: the waiting, in
//! weighted entry-hours, that it must save. For a feed that publishes evenly at rate λ the sum of waiting and price is
//! least at intervals of √(2·price/λ): twice as many polls for four times the entries (the square-root law of
//! inspection; Cho & Garcia-Molina 2003 for crawling, Sia et al. 2007 for feeds). Where λ changes with the hour, a poll
//! is best put off to the instant T at which the entries that wait, Λ(now, T), outweigh √(2·price·λ(T)): just after a
//! busy time rather than in the midst of what follows it, and not before the next one has begun.

use std::time::Duration;

use crate::domain::rhythm::{Outlook, WEEK_HOURS};

/// Hours ahead that are looked at in one step, at most.
const LONGEST_STEP: f64 = 0.25;
/// Steps in the interval that an even rate would give.
const STEPS: f64 = 12.0;

/// The time from the last observation to the best next poll, between `least` and `most`, where each request costs
/// `price` entry-hours and an entry of this feed counts `weight`.
#[must_use]
pub fn best_wait(
    outlook: &Outlook,
    weight: f64,
    price: f64,
    least: Duration,
    most: Duration,
) -> Duration {
    let limit = most.as_secs_f64() / 3_600.0;
    let busiest = outlook
        .week()
        .iter()
        .copied()
        .fold(outlook.rate(0.0), f64::max)
        * weight;
    let step = ((2.0 * price / busiest).sqrt() / STEPS).clamp(1e-4, LONGEST_STEP);
    // Nobody waits longer than where a poll at the busiest rate is due.
    let most_waiting = (2.0 * price * busiest).sqrt();
    // The gain of putting the poll off from `now`: what an average poll costs over that time less the waiting.
    let (mut at, mut waiting, mut gain) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut best, mut best_gain) = (0.0_f64, 0.0_f64);
    while at < limit {
        let step = step.min(limit - at);
        let rate = outlook.rate(at + step / 2.0) * weight;
        let mean_cost = (2.0 * price * rate).sqrt();
        // The entries that wait grow evenly over the step.
        gain += step * (mean_cost - waiting - rate * step / 2.0);
        waiting += rate * step;
        at += step;
        if gain > best_gain {
            (best, best_gain) = (at, gain);
        }
        if waiting > most_waiting {
            break;
        }
    }
    Duration::from_secs_f64(best * 3_600.0).clamp(least, most.max(least))
}

/// Requests an hour that a feed with these entries an hour, by hour of the week, would get at a price of one half, on the mean
/// over a week: Σ√(weight·λ)/168. At another price, divide by √(2·price).
#[must_use]
pub fn demand(week: &[f64; WEEK_HOURS], weight: f64) -> f64 {
    week.iter().map(|rate| (rate * weight).sqrt()).sum::<f64>() / 168.0
}

/// The price at which feeds with these demands together ask `budget` times an hour, each at least every `most` and at
/// most every `least`.
#[must_use]
pub fn price(demands: &[f64], budget: f64, least: Duration, most: Duration) -> f64 {
    let (often, rarely) = (3_600.0 / least.as_secs_f64(), 3_600.0 / most.as_secs_f64());
    let requests = |scale: f64| -> f64 {
        demands
            .iter()
            .map(|demand| (demand * scale).clamp(rarely.min(often), often))
            .sum()
    };
    let (mut low, mut high) = (1e-6_f64, 1e6_f64);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if requests(middle) < budget {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 / (low * high)
}

/// How much an entry of a feed counts of whose `seen` entries `matched` matched a keyword: all where a quarter does, and a
/// fifth where none ever did, since the next may.
#[must_use]
pub fn weight(seen: u64, matched: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
    let share = (matched as f64 + 1.0) / (seen as f64 + 4.0);
    (4.0 * share).min(1.0).mul_add(0.8, 0.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Timestamp, rhythm::Rhythm};

    const DAY: Duration = Duration::from_hours(24);
    const SECOND: Duration = Duration::from_secs(1);

    fn start() -> Timestamp {
        Timestamp::from_micros(1_780_272_000_000_000)
    }

    /// Four weeks of a feed with entries at the given minutes of each hour.
    fn feed(minutes: impl Fn(u64) -> &'static [u64]) -> Rhythm {
        let mut rhythm = Rhythm::new(start());
        for hour in 0..24 * 28 {
            let at = start().plus(Duration::from_hours(hour));
            let entries: Vec<Timestamp> = minutes(hour)
                .iter()
                .map(|minute| at.plus(Duration::from_mins(*minute)))
                .collect();
            rhythm.observe(at.plus(Duration::from_hours(1)), &entries);
        }
        rhythm
    }

    #[test]
    fn polls_grow_with_the_root_of_entries_and_weight() {
        // Seven hours do not divide a day, so that no hour is busier than another.
        let slow = feed(|hour| if hour % 7 == 0 { &[30] } else { &[] });
        let fast = feed(|_| &[30]);
        let wait = |rhythm: &Rhythm, weight| {
            best_wait(&rhythm.outlook(), weight, 0.02, SECOND, DAY).as_secs_f64()
        };
        let ratio = wait(&slow, 1.0) / wait(&fast, 1.0);
        assert!((2.0..3.3).contains(&ratio), "{ratio}");
        let ratio = wait(&fast, 0.25) / wait(&fast, 1.0);
        assert!((1.6..2.4).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_quiet_night_is_slept_through() {
        let rhythm = feed(|hour| {
            if (8..20).contains(&(hour % 24)) {
                &[10, 25, 40, 55]
            } else {
                &[]
            }
        });
        let mut by_day = rhythm.clone();
        by_day.observe(start().plus(Duration::from_hours(24 * 28 + 12)), &[]);
        let mut evening = rhythm;
        evening.observe(start().plus(Duration::from_hours(24 * 28 + 21)), &[]);
        let wait = |rhythm: &Rhythm| best_wait(&rhythm.outlook(), 1.0, 0.1, SECOND, DAY);
        let (day, night) = (wait(&by_day), wait(&evening));
        assert!(
            night > day * 3 && night > Duration::from_hours(1),
            "{day:?} {night:?}"
        );
    }

    #[test]
    fn the_budget_is_kept_and_bounds_are_stronger() {
        let demands: Vec<f64> = (1..=100).map(|n| f64::from(n) / 50.0).collect();
        let spent = |price: f64| -> f64 {
            demands
                .iter()
                .map(|demand| demand / (2.0 * price).sqrt())
                .sum()
        };
        let price_of = |budget| price(&demands, budget, SECOND, DAY * 1_000);
        assert!((spent(price_of(200.0)) - 200.0).abs() < 1.0);
        assert!(price_of(50.0) > price_of(200.0));
        assert!(price(&[], 10.0, SECOND, DAY).is_finite());
        assert!(price(&[0.0], 10.0, SECOND, SECOND).is_finite());
    }

    #[test]
    fn entries_that_match_weigh_more() {
        assert!(weight(100, 50) > weight(100, 5) && weight(100, 5) > weight(100, 0));
        assert!(
            (weight(0, 0) - 1.0).abs() < 1e-9,
            "nothing is known against a new feed"
        );
        assert!(weight(u64::MAX, 0) >= 0.2 && weight(3, 900) <= 1.0);
    }
}
