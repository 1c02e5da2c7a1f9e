//! Traces to replay: when the feeds of an invented desk would publish. The same seed gives the same trace.

use std::time::Duration;

use super::Publications;
use crate::domain::{Timestamp, rhythm::hour_of_week};

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub struct TraceOptions {
    /// Feeds.
    pub feeds: usize,
    /// Days.
    pub days: u32,
    /// Another seed is another trace.
    pub seed: u64,
    /// The first instant.
    pub start: Timestamp,
}

/// How a feed publishes.
struct Publisher {
    /// Entries a day, without those that others draw.
    rate: f64,
    /// Entries of the hour, relative to the mean.
    hours: [f64; 24],
    /// Entries of the day, Monday first, relative to the mean.
    days: [f64; 7],
    /// Entries that one entry draws on the mean, and within how many hours.
    draws: f64,
    within: f64,
}

/// A mixture of feeds: a third steady, a fifth bursty, a third by hour and weekday, a tenth nearly dead, a few very busy.
#[must_use]
pub fn generate(options: &TraceOptions) -> Vec<Publications> {
    (0..options.feeds)
        .map(|index| {
            let mut chance = Chance::new(options.seed, index as u64);
            Publisher::draw(&mut chance).publish(options, &mut chance)
        })
        .collect()
}

impl Publisher {
    fn draw(chance: &mut Chance) -> Self {
        let kind = chance.unit();
        let even = Self {
            rate: chance.spread(0.4, 24.0),
            hours: [1.0; 24],
            days: [1.0; 7],
            draws: 0.0,
            within: 1.0,
        };
        match kind {
            k if k < 0.32 => even,
            k if k < 0.52 => Self {
                rate: chance.spread(0.1, 4.0),
                draws: 0.5 + 0.4 * chance.unit(),
                within: chance.spread(0.2, 4.0),
                ..even
            },
            k if k < 0.86 => Self {
                rate: chance.spread(0.5, 60.0),
                hours: office_hours(chance),
                days: working_days(chance),
                draws: 0.3 * chance.unit(),
                ..even
            },
            k if k < 0.97 => Self {
                rate: chance.spread(0.01, 0.2),
                ..even
            },
            _ => Self {
                rate: chance.spread(150.0, 600.0),
                hours: office_hours(chance).map(|share| 0.5 + 0.5 * share),
                draws: 0.2,
                ..even
            },
        }
    }

    fn publish(&self, options: &TraceOptions, chance: &mut Chance) -> Publications {
        let length = f64::from(options.days) * 24.0;
        let peak = self.hours.iter().copied().fold(0.0, f64::max)
            * self.days.iter().copied().fold(0.0, f64::max);
        let mut waiting = Vec::new();
        let mut at = 0.0;
        // A process of changing rate is one of the highest rate, thinned (Lewis & Shedler 1979).
        loop {
            at += chance.exponential() * 24.0 / (self.rate * peak);
            if at >= length {
                break;
            }
            let hour = hour_of_week(instant(options, at));
            if chance.unit() * peak < self.hours[hour % 24] * self.days[hour / 24] {
                waiting.push(at);
            }
        }
        let mut all = Vec::new();
        while let Some(at) = waiting.pop() {
            if at < length {
                all.push(at);
                for _ in 0..chance.poisson(self.draws) {
                    waiting.push(at + chance.exponential() * self.within);
                }
            }
        }
        all.sort_unstable_by(f64::total_cmp);
        all.into_iter().map(|at| instant(options, at)).collect()
    }
}

fn instant(options: &TraceOptions, hours: f64) -> Timestamp {
    options.start.plus(Duration::from_secs_f64(hours * 3_600.0))
}

/// Eight to fourteen hours of the day, somewhere on the globe.
fn office_hours(chance: &mut Chance) -> [f64; 24] {
    let start = (chance.unit() * 24.0) as usize;
    let length = 8 + (chance.unit() * 7.0) as usize;
    let mut hours = [0.05; 24];
    for hour in 0..length {
        hours[(start + hour) % 24] = 0.6 + 0.8 * chance.unit();
    }
    let mean = hours.iter().sum::<f64>() / 24.0;
    hours.map(|share| share / mean)
}

/// A week with two quiet days, Saturday and Sunday or Friday and Saturday, or with none.
fn working_days(chance: &mut Chance) -> [f64; 7] {
    let quiet: &[usize] = match chance.unit() {
        share if share < 0.5 => &[5, 6],
        share if share < 0.7 => &[4, 5],
        _ => &[],
    };
    let mut days = [1.0; 7];
    for day in quiet {
        days[*day] = 0.15;
    }
    let mean = days.iter().sum::<f64>() / 7.0;
    days.map(|share| share / mean)
}

/// Numbers by chance that depend on a seed alone (`SplitMix64`, Steele et al. 2014).
struct Chance(u64);

impl Chance {
    fn new(seed: u64, stream: u64) -> Self {
        let mut chance = Self(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        chance.0 = chance.next();
        chance
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between `low` and `high`, evenly in the logarithm.
    fn spread(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.unit())
    }

    /// Exponential with mean 1.
    fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    fn poisson(&mut self, mean: f64) -> u32 {
        let limit = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}
