//! When issues are due: civil times in the reader's zone become instants, once each.

use std::time::Duration;

use jiff::{
    Span, civil,
    tz::{AmbiguousOffset, TimeZone},
};

use crate::domain::{
    Timestamp,
    digest::{Issue, IssueKey, Schedule, TimeOfDay, Weekday},
};

/// An issue missed while nobody could compose it still goes out if it is less late than this.
const WORTH_SENDING: Duration = Duration::from_hours(12);

/// A date on which nothing is due is followed by at most so many before a search for the next issue gives up.
const HORIZON_DAYS: i32 = 800;

/// What is to be done about the issues that came due since the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The issue to compose.
    pub issue: Option<Issue>,
    /// Those that it stands for, or that are too late: none of them is composed, each is recorded.
    pub missed: Vec<Issue>,
    /// With these, every issue due up to here is done with.
    pub settled: Timestamp,
}

/// The instant of a local date and time. A time that daylight saving skips is the first instant after the gap, one
/// that it repeats is the first of the two. None beyond the years that are supported.
#[must_use]
pub fn instant(date: civil::Date, time: TimeOfDay, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(date.to_datetime(time.to_civil()));
    let instant = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.compatible().ok()?
        }
        // With the offset from after the gap the time reads as an instant before it; the next transition is its end.
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next()?.timestamp()
        }
    };
    Some(Timestamp::from_jiff(instant))
}

/// The issues due after `after`, up to and with `until`, in order. Of two times that fall on one instant, because
/// daylight saving skips both, the first stands for both.
#[must_use]
pub fn issues(
    schedule: &Schedule,
    zone: &TimeZone,
    after: Timestamp,
    until: Timestamp,
) -> Vec<Issue> {
    let mut found = Vec::new();
    if until <= after {
        return found;
    }
    let last = local_date(until, zone);
    let mut date = Some(local_date(after, zone));
    while let Some(day) = date.filter(|day| *day <= last) {
        found.extend(on(schedule, zone, day));
        date = day.tomorrow().ok();
    }
    found.sort_unstable();
    found.dedup_by_key(|issue| issue.due);
    found.retain(|issue| issue.due > after && issue.due <= until);
    found
}

/// The first issue due after `after`.
#[must_use]
pub fn next(schedule: &Schedule, zone: &TimeZone, after: Timestamp) -> Option<Issue> {
    if schedule.days.is_empty() || schedule.times.is_empty() {
        return None;
    }
    let mut date = local_date(after, zone);
    for _ in 0..HORIZON_DAYS {
        let mut issues: Vec<_> = on(schedule, zone, date).collect();
        issues.sort_unstable();
        if let Some(issue) = issues.into_iter().find(|issue| issue.due > after) {
            return Some(issue);
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// What is due at `now`, if everything up to `settled` is settled: the newest issue, unless it is 12 hours late. What
/// arrived for the older ones is in it. Where none is, the next one, if it is due within the time of its `review`.
#[must_use]
pub fn due(
    schedule: &Schedule,
    zone: &TimeZone,
    settled: Timestamp,
    now: Timestamp,
    review: Duration,
) -> Due {
    let mut missed = issues(schedule, zone, settled, now);
    let issue = missed.pop_if(|issue| now.since(issue.due) < WORTH_SENDING);
    let settled = settled.max(now);
    if issue.is_some() {
        return Due {
            issue,
            missed,
            settled,
        };
    }
    let ahead = issues(schedule, zone, settled, now.plus(review));
    let issue = ahead.into_iter().next();
    Due {
        settled: issue.map_or(settled, |issue| issue.due),
        issue,
        missed,
    }
}

/// The date on the wall.
#[must_use]
pub fn local_date(instant: Timestamp, zone: &TimeZone) -> civil::Date {
    zone.to_datetime(instant.to_jiff()).date()
}

/// The issues of one date.
fn on<'a>(
    schedule: &'a Schedule,
    zone: &'a TimeZone,
    date: civil::Date,
) -> impl Iterator<Item = Issue> + 'a {
    let comes = schedule.days.contains(&Weekday::of(date)) && !schedule.quiet.contains(&date);
    schedule
        .times
        .iter()
        .filter(move |_| comes)
        .filter_map(move |slot| {
            Some(Issue {
                due: instant(date, *slot, zone)?,
                key: IssueKey {
                    date,
                    slot: *slot,
                    serial: 0,
                },
            })
        })
}

/// The schedule in words: "weekdays at 07:00 (Asia/Tokyo)".
#[must_use]
pub fn in_words(schedule: &Schedule) -> String {
    let work = &Weekday::ALL[..5];
    let days = if schedule.days.len() == 7 {
        "daily".to_owned()
    } else if schedule.days.len() == 5 && work.iter().all(|day| schedule.days.contains(day)) {
        "weekdays".to_owned()
    } else {
        let names: Vec<_> = schedule.days.iter().map(|day| format!("{day:?}")).collect();
        names.join(", ")
    };
    let times: Vec<_> = schedule.times.iter().map(ToString::to_string).collect();
    format!("{days} at {} ({})", times.join(", "), schedule.zone)
}

/// Whether `time` lies in the quiet hours from `from` to `to`, which may pass midnight. Equal ends mean none.
#[must_use]
pub fn is_quiet(time: civil::Time, from: TimeOfDay, to: TimeOfDay) -> bool {
    let (from, to) = (from.to_civil(), to.to_civil());
    if from <= to {
        from <= time && time < to
    } else {
        time >= from || time < to
    }
}

/// The end of the quiet hours that `now` lies in, which is after `now`; none outside of them.
#[must_use]
pub fn quiet_until(
    now: Timestamp,
    zone: &TimeZone,
    from: TimeOfDay,
    to: TimeOfDay,
) -> Option<Timestamp> {
    let local = zone.to_datetime(now.to_jiff());
    if !is_quiet(local.time(), from, to) {
        return None;
    }
    let date = if local.time() < to.to_civil() {
        local.date()
    } else {
        local.date().checked_add(Span::new().days(1)).ok()?
    };
    let end = instant(date, to, zone)?;
    if end > now {
        return Some(end);
    }
    // In an hour that comes a second time the first reading of its end is past.
    let again = zone.to_ambiguous_timestamp(date.to_datetime(to.to_civil()));
    Some(Timestamp::from_jiff(again.later().ok()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn daily(name: &str, times: &[&str]) -> Schedule {
        Schedule {
            zone: name.to_owned(),
            days: Weekday::ALL.into(),
            times: times.iter().map(|time| time.parse().unwrap()).collect(),
            quiet: [].into(),
        }
    }

    fn at(instant: &str) -> Timestamp {
        Timestamp::from_jiff(instant.parse().unwrap())
    }

    #[test]
    fn a_skipped_time_is_the_end_of_the_gap_and_a_repeated_one_the_first() {
        for (name, date, time, expected) in [
            // summer time: 02:00 to 03:00 does not exist
            (
                "Europe/Berlin",
                "2026-03-29",
                "02:30",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-03-29",
                "02:00",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-03-29",
                "03:00",
                "2026-03-29T01:00:00Z",
            ),
            // winter time: 02:30 comes twice
            (
                "Europe/Berlin",
                "2026-10-25",
                "02:30",
                "2026-10-25T00:30:00Z",
            ),
            (
                "America/New_York",
                "2026-03-08",
                "02:30",
                "2026-03-08T07:00:00Z",
            ),
            (
                "America/New_York",
                "2026-11-01",
                "01:30",
                "2026-11-01T05:30:00Z",
            ),
            // a shift of half an hour
            (
                "Australia/Lord_Howe",
                "2026-10-04",
                "02:15",
                "2026-10-03T15:30:00Z",
            ),
            (
                "Asia/Kathmandu",
                "2026-06-01",
                "07:00",
                "2026-06-01T01:15:00Z",
            ),
            // a whole day that was left out
            (
                "Pacific/Apia",
                "2011-12-30",
                "07:00",
                "2011-12-30T10:00:00Z",
            ),
        ] {
            let found = instant(date.parse().unwrap(), time.parse().unwrap(), &zone(name));
            assert_eq!(found, Some(at(expected)), "{name} {date} {time}");
        }
    }

    #[test]
    fn every_day_has_one_issue_through_both_changes_of_the_clock() {
        for name in [
            "Europe/Berlin",
            "America/New_York",
            "Asia/Tokyo",
            "Australia/Lord_Howe",
            "Africa/Casablanca",
        ] {
            for time in ["00:00", "02:30", "03:00", "07:00", "23:59"] {
                let schedule = daily(name, &[time]);
                let found = issues(
                    &schedule,
                    &zone(name),
                    at("2025-12-31T11:00:00Z"),
                    at("2026-12-31T11:00:00Z"),
                );
                let mut dates: Vec<_> = found.iter().map(|issue| issue.key.date).collect();
                dates.dedup();
                assert_eq!(dates.len(), 365, "{name} {time}");
                assert_eq!(found.len(), 365, "{name} {time}");
            }
        }
    }

    #[test]
    fn two_times_in_one_gap_make_one_issue() {
        let schedule = daily("Europe/Berlin", &["02:15", "02:45"]);
        let found = issues(
            &schedule,
            &zone("Europe/Berlin"),
            at("2026-03-28T12:00:00Z"),
            at("2026-03-29T12:00:00Z"),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].key.slot.to_string(), "02:15");
    }

    #[test]
    fn what_was_missed_goes_once_and_only_if_it_is_not_too_late() {
        let schedule = daily("UTC", &["07:00", "19:00"]);
        let utc = zone("UTC");
        let settled = at("2026-11-20T08:00:00Z");
        // on time
        let found = due(&schedule, &utc, settled, at("2026-11-20T19:00:00Z"), NONE);
        assert_eq!(
            found.issue.map(|issue| issue.due),
            Some(at("2026-11-20T19:00:00Z"))
        );
        assert_eq!(found.missed, []);
        // down for two days and a half
        let found = due(&schedule, &utc, settled, at("2026-11-23T08:30:00Z"), NONE);
        assert_eq!(
            found.issue.map(|issue| issue.due),
            Some(at("2026-11-23T07:00:00Z"))
        );
        assert_eq!(found.missed.len(), 5);
        // not due at all
        let early = at("2026-11-20T18:59:59Z");
        assert_eq!(due(&schedule, &utc, settled, early, NONE), nothing(early));
        // a weekly one that is thirteen hours late waits for its next week
        let weekly = Schedule {
            days: [Weekday::Fri].into(),
            times: ["07:00".parse().unwrap()].into(),
            ..schedule
        };
        let found = due(
            &weekly,
            &utc,
            at("2026-11-19T08:00:00Z"),
            at("2026-11-20T20:00:00Z"),
            NONE,
        );
        assert_eq!((found.issue, found.missed.len()), (None, 1));
    }

    /// No review.
    const NONE: Duration = Duration::ZERO;

    fn nothing(settled: Timestamp) -> Due {
        Due {
            issue: None,
            missed: vec![],
            settled,
        }
    }

    #[test]
    fn a_review_brings_an_issue_forward_and_misses_none() {
        let schedule = daily("UTC", &["07:00"]);
        let utc = zone("UTC");
        let day = Duration::from_hours(24);
        // A review of a day: the issue is composed the day before, however early that is.
        let found = due(
            &schedule,
            &utc,
            at("2026-11-20T19:00:00Z"),
            at("2026-11-20T19:00:00Z"),
            day,
        );
        let first = at("2026-11-21T07:00:00Z");
        assert_eq!(found.issue.map(|issue| issue.due), Some(first));
        assert_eq!((found.missed, found.settled), (vec![], first));
        let again = at("2026-11-21T06:59:00Z");
        assert_eq!(due(&schedule, &utc, first, again, day), nothing(first));
        // Late by eleven hours and a half it is sent, whatever its review.
        let late = at("2026-11-20T18:30:00Z");
        let hour = Duration::from_hours(1);
        let found = due(&schedule, &utc, at("2026-11-20T06:00:00Z"), late, hour);
        assert_eq!(
            found.issue.map(|issue| issue.due),
            Some(at("2026-11-20T07:00:00Z"))
        );
        assert_eq!((found.missed, found.settled), (vec![], late));
    }

    #[test]
    fn a_clock_that_goes_back_makes_nothing_due() {
        let schedule = daily("UTC", &["07:00"]);
        let found = due(
            &schedule,
            &zone("UTC"),
            at("2026-11-20T07:00:00Z"),
            at("2026-11-19T09:00:00Z"),
            NONE,
        );
        assert_eq!(found, nothing(at("2026-11-20T07:00:00Z")));
    }

    #[test]
    fn the_next_issue_skips_quiet_dates_and_other_days() {
        let mut schedule = daily("Asia/Tokyo", &["07:00"]);
        schedule.days = [Weekday::Mon, Weekday::Thu].into();
        schedule.quiet = ["2026-11-26".parse().unwrap()].into();
        let found = next(&schedule, &zone("Asia/Tokyo"), at("2026-11-23T00:00:00Z")).unwrap();
        assert_eq!(found.key.date.to_string(), "2026-11-30");
        schedule.days = [].into();
        assert_eq!(
            next(&schedule, &zone("Asia/Tokyo"), at("2026-11-23T00:00:00Z")),
            None
        );
    }

    #[test]
    fn quiet_hours_may_pass_midnight() {
        let utc = zone("UTC");
        let (from, to) = ("23:00".parse().unwrap(), "07:00".parse().unwrap());
        for (now, until) in [
            ("2026-11-20T22:59:00Z", None),
            ("2026-11-20T23:00:00Z", Some("2026-11-21T07:00:00Z")),
            ("2026-11-21T06:59:00Z", Some("2026-11-21T07:00:00Z")),
            ("2026-11-21T07:00:00Z", None),
        ] {
            assert_eq!(quiet_until(at(now), &utc, from, to), until.map(at), "{now}");
        }
    }

    #[test]
    fn quiet_hours_that_end_in_a_repeated_hour_end_after_now() {
        let berlin = zone("Europe/Berlin");
        let (from, to) = ("23:00".parse().unwrap(), "02:30".parse().unwrap());
        for (now, until) in [
            ("2026-10-25T00:10:00Z", Some("2026-10-25T00:30:00Z")),
            ("2026-10-25T00:45:00Z", None),
            ("2026-10-25T01:10:00Z", Some("2026-10-25T01:30:00Z")),
            ("2026-10-25T01:30:00Z", None),
        ] {
            let found = quiet_until(at(now), &berlin, from, to);
            assert_eq!(found, until.map(at), "{now}");
        }
    }

    proptest! {
        /// However the looks fall, each issue is composed or recorded as missed exactly once.
        #[test]
        fn each_issue_is_settled_once(
            steps in proptest::collection::vec(1_u64..200_000, 1..60),
            review in 0_u64..100_000,
        ) {
            let review = Duration::from_secs(review);
            let zone = zone("Europe/Berlin");
            let schedule = daily("Europe/Berlin", &["02:30", "07:00"]);
            let start = at("2026-03-20T00:00:00Z");
            let (mut now, mut settled, mut seen) = (start, start, Vec::new());
            for step in steps {
                now = now.plus(Duration::from_secs(step));
                let found = due(&schedule, &zone, settled, now, review);
                prop_assert!(found.missed.iter().all(|issue| issue.due <= now), "nothing to come is missed");
                seen.extend(found.missed.iter().chain(&found.issue).map(|issue| issue.key));
                settled = found.settled;
            }
            let expected: Vec<_> = issues(&schedule, &zone, start, settled).iter().map(|issue| issue.key).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
