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

/// A number for each of some days, as bars: the last one is not over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Days {
    /// Of the whole chart.
    pub(crate) width: u32,
    /// The bars of the days that are over, as a path.
    pub(crate) over: String,
    /// That of the last one.
    pub(crate) last: String,
    /// From when to when, and the day with most.
    pub(crate) words: String,
    /// The numbers, the oldest first, for those who do not see it.
    pub(crate) numbers: String,
}

impl Days {
    /// The bars of days that have names, the oldest first.
    pub(crate) fn new(names: &[String], counts: &[u64]) -> Self {
        // As wide as two weeks of a feed, or as a bar needs that can be seen.
        let step = (14 * STEP / u32::try_from(names.len()).unwrap_or(u32::MAX).max(1)).max(3);
        let most = counts.iter().copied().max().unwrap_or(0);
        let mut bars: Vec<String> = (0..)
            .step_by(step as usize)
            .zip(counts)
            .map(|(x, &count)| path(x, step - 1, count, most))
            .collect();
        let last = bars.pop().unwrap_or_default();
        let numbers: Vec<String> = counts.iter().copied().map(grouped).collect();
        Self {
            width: u32::try_from(counts.len()).unwrap_or_default() * step,
            over: bars.concat(),
            last,
            words: words(names, counts, most),
            numbers: numbers.join(" "),
        }
    }
}

/// The bar of a day. Something is never nothing.
fn path(x: u32, width: u32, count: u64, most: u64) -> String {
    let height = (count * u64::from(HEIGHT)).div_ceil(most.max(1));
    if height == 0 {
        return String::new();
    }
    format!("M{x} {HEIGHT}v-{height}h{width}v{height}z")
}

fn words(names: &[String], counts: &[u64], most: u64) -> String {
    let (Some(first), Some(last)) = (names.first(), names.last()) else {
        return String::new();
    };
    let highest = counts.iter().zip(names).find(|(count, _)| **count == most);
    match highest {
        Some((_, name)) if most > 0 => {
            format!("{first} to {last}, most on {name}: {}", grouped(most))
        }
        _ => format!("{first} to {last}: none"),
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
        let names = ["Sun 1 Nov", "Mon 2 Nov", "Tue 3 Nov"].map(str::to_owned);
        let days = Days::new(&names, &[2_000, 0, 1]);
        assert_eq!(
            (days.width, &*days.over, &*days.last),
            (84, "M0 20v-20h27v20z", "M56 20v-1h27v1z")
        );
        assert_eq!(
            days.words,
            "Sun 1 Nov to Tue 3 Nov, most on Sun 1 Nov: 2,000"
        );
        assert_eq!(days.numbers, "2,000 0 1");
        let quiet = Days::new(&names, &[0, 0, 0]);
        assert_eq!((&*quiet.over, &*quiet.last), ("", ""));
        assert_eq!(quiet.words, "Sun 1 Nov to Tue 3 Nov: none");
        assert_eq!(Days::new(&[], &[]).width, 0);
        let long = vec![String::new(); 91];
        assert_eq!(Days::new(&long, &[1; 91]).width, 273);
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
