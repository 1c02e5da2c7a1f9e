//! Whether a day has more or fewer stories than are usual.
//!
//! Stories of a keyword are few: of 0 to 10 a day no share and no multiple of a deviation tells anything. What is asked is how
//! often chance would bring so many, if the day were like those before it. Those are taken for counts of a Poisson process with
//! an unknown mean (posterior predictive under Jeffreys' prior: Gelman et al., *Bayesian Data Analysis*, 2.6) or, where they
//! vary by more than that allows, of a negative binomial: news comes in bursts, and weekends are quiet.

/// Days that are enough to know what is usual.
pub const FEWEST_DAYS: usize = 14;

/// What chance brings less often than on one of a thousand days, by the model, is worth a word.
const RARE: f64 = 0.001;

/// A variance that was estimated from few days is often too small: it is taken for that many times as large. Without, three to
/// ten of a thousand days of bursts were told as unusual, with it one or two.
const DOUBT: f64 = 2.0;

/// Stories that are never many.
const FEW: u32 = 3;

/// A day beside those before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// Stories of a usual day: the mean.
    pub mean: f64,
    /// How the day compares.
    pub level: Level,
}

impl Usual {
    /// The same where not all was read lately: that little came tells nothing of the news then.
    #[must_use]
    pub fn where_some_is_unread(self) -> Self {
        let level = match self.level {
            Level::Fewer => Level::Usual,
            other => other,
        };
        Self { level, ..self }
    }
}

/// How a day compares with those before it, what is to be told first in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// So many are rare.
    More,
    /// So few are.
    Fewer,
    /// As on other days.
    Usual,
}

/// Compares the stories of a day with those of the days before it; none if too few are known.
#[must_use]
pub fn compare(day: u32, before: &[u32]) -> Option<Usual> {
    if before.len() < FEWEST_DAYS {
        return None;
    }
    let days = f64::from(u32::try_from(before.len()).unwrap_or(u32::MAX));
    let mean = before.iter().copied().map(f64::from).sum::<f64>() / days;
    let expected = mean + 0.5 / days;
    let off = |&count: &u32| (f64::from(count) - mean).powi(2);
    let own = before.iter().map(off).sum::<f64>() / (days - 1.0);
    let of_chance = expected * (1.0 + 1.0 / days);
    let variance = if own > of_chance {
        own * DOUBT
    } else {
        of_chance
    };
    let level = if day >= FEW && 1.0 - at_most(day - 1, expected, variance) < RARE {
        Level::More
    } else if f64::from(day) < mean && at_most(day, expected, variance) < RARE {
        Level::Fewer
    } else {
        Level::Usual
    };
    Some(Usual { mean, level })
}

/// How likely a negative binomial of this mean and this greater variance is at most `count`.
fn at_most(count: u32, mean: f64, variance: f64) -> f64 {
    let success = mean / variance;
    let shape = mean * success / (1.0 - success);
    // In logarithms, since the first of many terms is smaller than any number.
    let mut term = shape * success.ln();
    let mut sum = term.exp();
    for seen in (0..count).map(f64::from) {
        term += ((seen + shape) / (seen + 1.0) * (1.0 - success)).ln();
        sum += term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(day: u32, before: &[u32]) -> Option<Level> {
        compare(day, before).map(|usual| usual.level)
    }

    #[test]
    fn a_negative_binomial_is_summed_as_tables_have_it() {
        // scipy.stats.nbinom.cdf(k, n, p), with mean n(1-p)/p and variance n(1-p)/p².
        for (count, mean, variance, expected) in [
            (0, 2.0, 4.0, 0.25),
            (3, 2.0, 4.0, 0.8125),
            (10, 2.0, 4.0, 0.996_826_171_875),
            (5_000, 5_000.0, 10_000.0, 0.503_989_323),
        ] {
            let sum = at_most(count, mean, variance);
            assert!((sum - expected).abs() < 1e-6, "{count} {mean}: {sum}");
        }
    }

    #[test]
    fn a_burst_is_told_and_a_usual_day_is_not() {
        let quiet = [0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 0, 0, 0, 1];
        for (day, expected) in [(0, Level::Usual), (2, Level::Usual), (6, Level::More)] {
            assert_eq!(level(day, &quiet), Some(expected), "{day}");
        }
        let busy = [12, 9, 11, 14, 10, 4, 3, 13, 12, 10, 11, 9, 5, 4];
        for (day, expected) in [
            (3, Level::Usual),
            (18, Level::Usual),
            (40, Level::More),
            (0, Level::Usual),
        ] {
            assert_eq!(level(day, &busy), Some(expected), "{day}");
        }
    }

    #[test]
    fn silence_is_told_where_there_always_was_something_and_all_is_read() {
        let silence = compare(0, &[12; 28]);
        assert_eq!(silence.map(|usual| usual.level), Some(Level::Fewer));
        let unread = silence.map(Usual::where_some_is_unread);
        assert_eq!(unread.map(|usual| usual.level), Some(Level::Usual));
        let burst = compare(40, &[12; 28]).map(Usual::where_some_is_unread);
        assert_eq!(burst.map(|usual| usual.level), Some(Level::More));
        assert_eq!(
            level(0, &[2; 28]),
            Some(Level::Usual),
            "by chance on one of seven days"
        );
        assert_eq!(level(0, &[0; 28]), Some(Level::Usual));
    }

    #[test]
    fn two_are_never_many_and_few_days_tell_nothing() {
        assert_eq!(level(2, &[0; 28]), Some(Level::Usual));
        assert_eq!(level(3, &[0; 28]), Some(Level::More));
        assert_eq!(level(30, &[0; 13]), None);
        assert_eq!(level(30, &[]), None);
    }

    #[test]
    fn bursts_that_are_usual_are_rarely_told() {
        // Geometric, with mean 2 and variance 6: quiet days and bursts.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let bits = u32::try_from(state >> 40).unwrap_or_default();
            let chance = (f64::from(bits) + 0.5) / f64::from(1_u32 << 24);
            let failures = chance.ln() / (2.0_f64 / 3.0).ln();
            (0..1_000)
                .find(|&count| f64::from(count + 1) > failures)
                .unwrap_or(1_000)
        };
        for (days, at_most) in [(14, 50), (28, 25)] {
            let told = (0..10_000)
                .filter(|_| {
                    let before: Vec<u32> = (0..days).map(|_| draw()).collect();
                    level(draw(), &before) != Some(Level::Usual)
                })
                .count();
            assert!(
                (1..=at_most).contains(&told),
                "{days} days: {told} of 10,000"
            );
        }
    }
}
