//! Small charts drawn without a script: the strip of the last days, the hours of the week.

use super::moments::grouped;
use crate::{domain::Rhythm, store::feed_days::FeedDay};

/// Days of a strip.
pub(crate) const DAYS: i32 = 14;

/// Height of a strip, and of the part below the line that shows failures.
const HEIGHT: u32 = 20;
const BELOW: u32 = 5;
/// Width of a day with its gap.
const STEP: u32 = 6;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// New entries by day, failures below the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    /// The days with attempts, the oldest first.
    pub(crate) bars: Vec<Bar>,
    /// What it shows, for those who do not see it.
    pub(crate) words: String,
}

/// A day.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// From the left.
    pub(crate) x: u32,
    /// Top of the entries.
    pub(crate) y: u32,
    /// Their height.
    pub(crate) height: u32,
    /// Height of the failures, below the line.
    pub(crate) failed: u32,
    /// Whether entries fell out.
    pub(crate) has_gap: bool,
    /// "Sat: 12 new, 3 of 40 attempts failed".
    pub(crate) words: String,
}

impl Strip {
    /// The strip of the days of one feed, in any order.
    pub(crate) fn new(days: &[&FeedDay]) -> Self {
        let most = days
            .iter()
            .map(|day| day.new_entries)
            .max()
            .unwrap_or(0)
            .max(1);
        let mut sorted = days.to_vec();
        sorted.sort_by_key(|day| std::cmp::Reverse(day.ago));
        let total: i64 = days.iter().map(|day| i64::from(day.new_entries)).sum();
        let failed = days.iter().filter(|day| day.failures > 0).count();
        Self {
            bars: sorted
                .into_iter()
                .filter_map(|day| bar(day, most))
                .collect(),
            words: if days.is_empty() {
                "no attempt in the last 14 days".to_owned()
            } else {
                format!("last 14 days: {total} new, failures on {failed} days")
            },
        }
    }
}

fn bar(day: &FeedDay, most: i32) -> Option<Bar> {
    let place = u32::try_from(DAYS - 1 - day.ago).ok()?;
    let share = |part: i32, of: i32, height: u32| {
        let (part, of) = (part.max(0).unsigned_abs(), of.max(1).unsigned_abs());
        // Something is never nothing.
        (u64::from(part) * u64::from(height)).div_ceil(u64::from(of))
    };
    let up = HEIGHT - BELOW;
    let height = u32::try_from(share(day.new_entries, most, up))
        .ok()?
        .min(up);
    let failed = u32::try_from(share(day.failures, day.attempts, BELOW))
        .ok()?
        .min(BELOW);
    let when = match day.ago {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        ago => format!("{ago} days ago"),
    };
    let mut words = format!("{when}: {} new", day.new_entries);
    if day.failures > 0 {
        words = format!(
            "{words}, {} of {} attempts failed",
            day.failures, day.attempts
        );
    }
    if day.missed > 0 {
        words = format!("{words}, about {} fell out", day.missed);
    }
    Some(Bar {
        x: place * STEP,
        y: up - height,
        height,
        failed,
        has_gap: day.missed > 0,
        words,
    })
}

/// A number for each of the last days, as bars: today's is not whole yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Days {
    /// Of the whole chart.
    pub(crate) width: u32,
    /// Of a bar.
    pub(crate) bar: u32,
    /// Of what is around a bar.
    pub(crate) step: u32,
    /// The days, the oldest first.
    pub(crate) bars: Vec<DayBar>,
    /// What it shows, for those who do not see it.
    pub(crate) words: String,
}

/// A day of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DayBar {
    /// From the left.
    pub(crate) x: u32,
    /// Top of the bar.
    pub(crate) y: u32,
    /// Its height.
    pub(crate) height: u32,
    /// "Tue 24 Nov: 12".
    pub(crate) words: String,
}

impl Days {
    /// The bars of days that have names, the oldest first.
    pub(crate) fn new(names: &[String], counts: &[u64]) -> Self {
        // As wide as two weeks of a feed, or as a bar needs that can be seen.
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX).max(1);
        let step = (14 * STEP / count).max(3);
        let most = counts.iter().copied().max().unwrap_or(0);
        let bar = |(x, (name, &count)): (u32, (&String, &u64))| {
            // Something is never nothing.
            let height = (count * u64::from(HEIGHT)).div_ceil(most.max(1));
            let height = u32::try_from(height).unwrap_or(HEIGHT);
            DayBar {
                x,
                y: HEIGHT - height,
                height,
                words: format!("{name}: {}", grouped(count)),
            }
        };
        Self {
            width: count * step,
            bar: step - 1,
            step,
            bars: (0..)
                .step_by(step as usize)
                .zip(names.iter().zip(counts))
                .map(bar)
                .collect(),
            words: format!("by day, at most {}", grouped(most)),
        }
    }
}

/// The hours of the week, darker where more is expected.
#[derive(Debug, PartialEq)]
pub(crate) struct Week {
    /// A row a day.
    pub(crate) days: Vec<WeekDay>,
}

/// A day of the week.
#[derive(Debug, PartialEq)]
pub(crate) struct WeekDay {
    /// "Mon".
    pub(crate) name: &'static str,
    /// From the top.
    pub(crate) y: usize,
    /// Its 24 hours.
    pub(crate) hours: Vec<WeekHour>,
}

/// An hour of the week (UTC).
#[derive(Debug, PartialEq)]
pub(crate) struct WeekHour {
    /// From the left.
    pub(crate) x: usize,
    /// From 0 to 1.
    pub(crate) opacity: String,
    /// "Mon 06:00 UTC: about 1.5 an hour".
    pub(crate) words: String,
}

impl Week {
    /// The week of a rhythm that is known.
    pub(crate) fn new(rhythm: &Rhythm) -> Option<Self> {
        if !rhythm.is_known() {
            return None;
        }
        let rates = rhythm.week();
        let most = rates.iter().copied().fold(0.0, f64::max);
        let day = |(row, (name, hours)): (usize, (&'static str, &[f64]))| WeekDay {
            name,
            y: row * 14,
            hours: hours
                .iter()
                .enumerate()
                .map(|(hour, rate)| WeekHour {
                    x: 34 + hour * 14,
                    opacity: format!("{:.2}", if most > 0.0 { rate / most } else { 0.0 }),
                    words: format!("{name} {hour:02}:00 UTC: about {rate:.1} an hour"),
                })
                .collect(),
        };
        Some(Self {
            days: WEEKDAYS
                .into_iter()
                .zip(rates.chunks(24))
                .enumerate()
                .map(day)
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FeedId, Timestamp};

    #[test]
    fn a_strip_shows_each_day_in_its_place() {
        let day = |ago, new_entries, failures| FeedDay {
            feed: FeedId::new(1),
            ago,
            attempts: 10,
            failures,
            new_entries,
            missed: 0,
        };
        let (old, today) = (day(13, 30, 0), day(0, 1, 10));
        let strip = Strip::new(&[&today, &old]);
        assert_eq!(
            strip
                .bars
                .iter()
                .map(|bar| (bar.x, bar.y, bar.height, bar.failed))
                .collect::<Vec<_>>(),
            [(0, 0, 15, 0), (78, 14, 1, 5)]
        );
        assert_eq!(
            strip.bars[1].words,
            "today: 1 new, 10 of 10 attempts failed"
        );
        assert_eq!(strip.words, "last 14 days: 31 new, failures on 1 days");
    }

    #[test]
    fn bars_of_days_fill_the_height_and_something_is_never_nothing() {
        let names: Vec<String> = (1..=28).map(|day| format!("{day} Nov")).collect();
        let mut counts = vec![0; 28];
        (counts[0], counts[26], counts[27]) = (2_000, 1, 1_000);
        let days = Days::new(&names, &counts);
        assert_eq!((days.width, days.bar, days.bars.len()), (84, 2, 28));
        let told = |at: usize| (days.bars[at].x, days.bars[at].y, days.bars[at].height);
        assert_eq!((told(0), told(1)), ((0, 0, 20), (3, 20, 0)));
        assert_eq!((told(26), told(27)), ((78, 19, 1), (81, 10, 10)));
        assert_eq!(days.bars[0].words, "1 Nov: 2,000");
        assert_eq!(Days::new(&names, &[0; 28]).bars[3].height, 0);
        assert_eq!(Days::new(&[], &[]).bars, []);
    }

    #[test]
    fn a_week_has_its_hours_once_a_rhythm_is_known() {
        let now = Timestamp::from_micros(1_795_507_200_000_000);
        assert_eq!(Week::new(&Rhythm::new(now)), None);
        let hour = std::time::Duration::from_hours(1);
        let dates: Vec<Timestamp> = (1..100).map(|n| now.minus(hour * n)).collect();
        let week = Week::new(&Rhythm::from_history(now, &dates));
        let hours: usize = week
            .iter()
            .flat_map(|week| &week.days)
            .map(|day| day.hours.len())
            .sum();
        assert_eq!(hours, 168);
    }
}
