//! Days of the calendars that outlets date by, as days of the Gregorian one.

use jiff::{Span, civil::Date};

/// A calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calendar {
    /// The one of this world's clocks.
    Gregorian,
    /// The solar one of Iran and Afghanistan.
    Jalali,
    /// The lunar one of Islam, by its tables: the sighted moon may differ by a day.
    Hijri,
}

/// The calendar that a year with four digits belongs to: Jalali years now are 1400 and some, lunar ones 1440 and some.
pub(super) const fn of_year(year: i16) -> Calendar {
    match year {
        1_300..=1_424 => Calendar::Jalali,
        1_425..=1_500 => Calendar::Hijri,
        _ => Calendar::Gregorian,
    }
}

/// A day of a calendar; none if it has no such day.
pub(super) fn date(calendar: Calendar, year: i16, month: i8, day: i8) -> Option<Date> {
    if calendar == Calendar::Gregorian {
        return Date::new(year, month, day).ok();
    }
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1..=3_000).contains(&year) {
        return None;
    }
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let days = if calendar == Calendar::Jalali {
        jalali_days(year, month, day)?
    } else {
        hijri_days(year, month, day)?
    };
    let origin = Date::new(0, 1, 1).ok()?;
    origin.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// Days since the first of January of year 0. Leap years come eight in 33, which holds from 1178 to 1633.
fn jalali_days(year: i64, month: i64, day: i64) -> Option<i64> {
    if month > 6 && day > 30 {
        return None;
    }
    let cycle_year = year + 1_595;
    let months = if month < 7 {
        (month - 1) * 31
    } else {
        (month - 7) * 30 + 186
    };
    let leaps = cycle_year / 33 * 8 + (cycle_year % 33 + 3) / 4;
    Some(365 * cycle_year + leaps + months + day - 355_668)
}

/// Days since the first of January of year 0. Leap years come eleven in 30.
fn hijri_days(year: i64, month: i64, day: i64) -> Option<i64> {
    /// The last day before 1 Muharram of year 1.
    const EPOCH: i64 = 227_015 + 365;
    if day > 30 {
        return None;
    }
    let months = (59 * (month - 1) + 1) / 2;
    Some(EPOCH + 354 * (year - 1) + (3 + 11 * year) / 30 + months + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_other_calendars_are_days_of_ours() {
        for (calendar, day, ours) in [
            (Calendar::Jalali, (1405, 9, 3), "2026-11-24"),
            (Calendar::Jalali, (1405, 1, 1), "2026-03-21"),
            (Calendar::Jalali, (1403, 12, 30), "2025-03-20"),
            (Calendar::Jalali, (1357, 11, 22), "1979-02-11"),
            (Calendar::Jalali, (1399, 6, 31), "2020-09-21"),
            (Calendar::Hijri, (1447, 1, 1), "2025-06-27"),
            (Calendar::Hijri, (1445, 9, 1), "2024-03-11"),
            (Calendar::Hijri, (1400, 1, 1), "1979-11-21"),
        ] {
            let (year, month, date_of_month) = day;
            let found = date(calendar, year, month, date_of_month);
            assert_eq!(
                found.map(|date| date.to_string()).as_deref(),
                Some(ours),
                "{day:?}"
            );
        }
        assert_eq!(date(Calendar::Jalali, 1405, 7, 31), None);
        assert_eq!(date(Calendar::Hijri, 1447, 13, 1), None);
    }
}
