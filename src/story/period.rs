//! The days that counts are told of, and the ones before that they are compared with.

use std::time::Duration;

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};

use crate::domain::Timestamp;

/// Days back from now that tell what is usual.
pub const DAYS_BEFORE: u32 = 28;

const DAY: Duration = Duration::from_hours(24);

/// Some days up to now in somebody's zone, and as many before, up to the same time of their last one: by whole weeks, so that
/// the weekdays are the same.
#[derive(Debug, Clone)]
pub struct Period {
    now: Timestamp,
    zone: TimeZone,
    /// When each of its days began, today's last.
    days: Vec<Timestamp>,
    /// When the time before began and ended.
    before: [Timestamp; 2],
}

impl Period {
    /// The last days up to now, today being one of them.
    #[must_use]
    pub fn of(days: i32, now: Timestamp, zone: TimeZone) -> Self {
        let local = now.to_jiff().to_zoned_datetime(zone.clone());
        let begin = |ago: i32| {
            let date = local.date().checked_sub(ago.days());
            let midnight = date.and_then(|date| zone.to_timestamp(date.at(0, 0, 0, 0)));
            midnight.map_or(now, Timestamp::from_jiff)
        };
        let ended = local.checked_sub(days.days());
        Self {
            days: (0..days).rev().map(begin).collect(),
            before: [
                begin(2 * days - 1),
                ended.map_or(now, |ended| {
                    just_after(Timestamp::from_jiff(ended.timestamp()))
                }),
            ],
            now,
            zone,
        }
    }

    /// When each of its days began, and the end of the last one.
    #[must_use]
    pub fn edges(&self) -> Vec<Timestamp> {
        let mut edges = self.days.clone();
        edges.push(self.end());
        edges
    }

    /// When the time before began and ended, and when the period began and ended.
    #[must_use]
    pub fn halves(&self) -> [Timestamp; 4] {
        let [begin, end] = self.before;
        let here = self.days.first().copied().unwrap_or(self.now);
        [begin, end.min(here), here, self.end()]
    }

    /// Where days that are counted back from now part, the oldest first: the last one, and those that tell what is usual.
    #[must_use]
    pub fn last(&self) -> Vec<Timestamp> {
        (0..=DAYS_BEFORE + 1)
            .rev()
            .map(|ago| self.end().minus(DAY * ago))
            .collect()
    }

    /// Of the days that tell what is usual, counted as in [`Self::last`], those of which all is known: from `since` on, and with
    /// something read on each date (UTC) that they touch.
    #[must_use]
    pub fn known_days(&self, since: Timestamp, is_read: impl Fn(Date) -> bool) -> Vec<u32> {
        let edges = self.last();
        let date = |at: Timestamp| TimeZone::UTC.to_datetime(at.to_jiff()).date();
        let is_known = |span: &[Timestamp]| {
            let touched = [span[0], span[1].minus(Duration::from_micros(1))];
            span[0] >= since && touched.into_iter().map(date).all(&is_read)
        };
        (0..DAYS_BEFORE)
            .zip(edges.windows(2))
            .filter(|(_, span)| is_known(span))
            .map(|(number, _)| number)
            .collect()
    }

    /// Whether all of the time before is known, where things are known from `since` on.
    #[must_use]
    pub fn compares(&self, since: Timestamp) -> bool {
        since <= self.before[0]
    }

    /// Its days as a format of strftime tells them.
    #[must_use]
    pub fn names(&self, format: &str) -> Vec<String> {
        let name = |&day: &Timestamp| self.date_of(day, format);
        self.days.iter().map(name).collect()
    }

    /// The date of an instant in its zone, as a format of strftime tells it.
    #[must_use]
    pub fn date_of(&self, at: Timestamp, format: &str) -> String {
        let local = at.to_jiff().to_zoned_datetime(self.zone.clone());
        local.strftime(format).to_string()
    }

    /// What came just now is in it.
    fn end(&self) -> Timestamp {
        just_after(self.now)
    }
}

fn just_after(at: Timestamp) -> Timestamp {
    at.plus(Duration::from_micros(1))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().unwrap())
    }

    fn told(instants: &[Timestamp]) -> Vec<String> {
        instants.iter().map(ToString::to_string).collect()
    }

    fn period(days: i32, now: &str, zone: &str) -> Period {
        Period::of(days, at(now), TimeZone::get(zone).unwrap())
    }

    #[test]
    fn days_are_those_of_the_zone_and_as_long_as_they_are() {
        // The night of the 25th has 25 hours.
        let berlin = period(3, "2026-10-26T08:00:00Z", "Europe/Berlin");
        assert_eq!(
            told(&berlin.edges()),
            [
                "2026-10-23T22:00:00Z",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
                "2026-10-26T08:00:00.000001Z"
            ]
        );
        assert_eq!(
            berlin.names("%a %-d %b"),
            ["Sat 24 Oct", "Sun 25 Oct", "Mon 26 Oct"]
        );
        let seoul = period(1, "2026-11-25T23:00:00Z", "Asia/Seoul");
        assert_eq!(seoul.names("%F"), ["2026-11-26"]);
        // Midnight was left out.
        let tehran = period(1, "2022-03-22T08:00:00Z", "Asia/Tehran");
        assert_eq!(told(&tehran.edges())[0], "2022-03-21T20:30:00Z");
    }

    #[test]
    fn the_time_before_has_the_same_weekdays_and_ends_at_the_same_time_of_day() {
        let period = period(7, "2026-11-26T10:00:00Z", "UTC");
        assert_eq!(
            told(&period.halves()),
            [
                "2026-11-13T00:00:00Z",
                "2026-11-19T10:00:00.000001Z",
                "2026-11-20T00:00:00Z",
                "2026-11-26T10:00:00.000001Z"
            ]
        );
        assert!(period.compares(at("2026-11-13T00:00:00Z")));
        assert!(!period.compares(at("2026-11-13T00:00:01Z")));
    }

    #[test]
    fn days_without_reading_tell_nothing_of_what_is_usual() {
        let period = period(7, "2026-11-26T10:00:00Z", "UTC");
        assert_eq!(period.last().len(), 30);
        let all = |_| true;
        assert_eq!(period.known_days(at("2026-01-01T00:00:00Z"), all).len(), 28);
        let since = at("2026-11-20T00:00:00Z");
        // From the 20th 10:00 to the 25th 10:00.
        assert_eq!(period.known_days(since, all), [23, 24, 25, 26, 27]);
        let dark = Date::constant(2026, 11, 23);
        assert_eq!(period.known_days(since, |date| date != dark), [23, 24, 27]);
        assert_eq!(
            period.known_days(at("2026-11-26T09:00:00Z"), all),
            [0_u32; 0]
        );
    }
}
