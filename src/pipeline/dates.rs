//! Dates as publishers write them: RFC 3339 and RFC 2822, and what people take for them.

use jiff::{
    civil::{Date, DateTime, Time},
    tz::Offset,
};

use crate::domain::Timestamp;

/// Longer texts are no date.
const LONGEST: usize = 100;

/// Zones by their abbreviations, in minutes east of Greenwich. Where one stands for several, the one of RFC 2822, then
/// the one that feeds mean.
const ZONES: [(&str, i32); 32] = [
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("wet", 0),
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("bst", 60),
    ("west", 60),
    ("cet", 60),
    ("cest", 120),
    ("mez", 60),
    ("mesz", 120),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("irst", 210),
    ("ist", 330),
    ("sgt", 480),
    ("awst", 480),
    ("jst", 540),
    ("kst", 540),
    ("aest", 600),
];

/// Months by the first letters of their names, in lower case.
const MONTHS: [(&str, i8); 61] = [
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
    ("ene", 1),
    ("abr", 4),
    ("ago", 8),
    ("dic", 12),
    ("fév", 2),
    ("fev", 2),
    ("avr", 4),
    ("mai", 5),
    ("juin", 6),
    ("juil", 7),
    ("aoû", 8),
    ("aou", 8),
    ("déc", 12),
    ("mär", 3),
    ("okt", 10),
    ("dez", 12),
    ("gen", 1),
    ("mag", 5),
    ("giu", 6),
    ("lug", 7),
    ("set", 9),
    ("ott", 10),
    ("out", 10),
    ("mei", 5),
    ("maj", 5),
    ("янв", 1),
    ("фев", 2),
    ("мар", 3),
    ("апр", 4),
    ("май", 5),
    ("мая", 5),
    ("июн", 6),
    ("июл", 7),
    ("авг", 8),
    ("сен", 9),
    ("окт", 10),
    ("ноя", 11),
    ("дек", 12),
    ("січ", 1),
    ("лют", 2),
    ("бер", 3),
    ("кві", 4),
    ("тра", 5),
    ("чер", 6),
    ("лип", 7),
    ("сер", 8),
    ("вер", 9),
    ("жов", 10),
    ("гру", 12),
];

/// The instant that a text names; a date without a zone is taken for UTC. None where no honest reading exists.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    iso(text).or_else(|| worded(text))
}

/// `2026-11-23T22:30:00.5+03:30` and its shorter forms (W3C-DTF), also with a space, with `/`, or without signs.
fn iso(text: &str) -> Option<Timestamp> {
    let day_end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (day, rest) = text.split_at(day_end);
    let date = iso_date(day)?;
    let rest = rest.trim_start_matches(['T', 't', ' ']);
    if rest.is_empty() {
        return instant(date, Time::midnight(), 0);
    }
    let clock_end = rest
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ',')))
        .unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock_end);
    instant_at(date, clock, zone)
}

fn iso_date(day: &str) -> Option<Date> {
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let number = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse::<i16>().ok())?
    };
    let small = |text: &str| number(text).and_then(|n| i8::try_from(n).ok());
    match parts[..] {
        [year, month, day] if year.len() == 4 => {
            Date::new(number(year)?, small(month)?, small(day)?).ok()
        }
        [year, month] if year.len() == 4 => Date::new(number(year)?, small(month)?, 1).ok(),
        [compact] if compact.len() == 8 && compact.is_ascii() => Date::new(
            number(&compact[..4])?,
            small(&compact[4..6])?,
            small(&compact[6..])?,
        )
        .ok(),
        [year] if year.len() == 4 => Date::new(number(year)?, 1, 1).ok(),
        _ => None,
    }
}

/// `Mon, 23 Nov 2026 22:30:00 +0000` and its kin: a day, a month by name, a year, perhaps a clock and a zone, in
/// nearly any order, perhaps with a day of the week.
fn worded(text: &str) -> Option<Timestamp> {
    let (mut day, mut month, mut year) = (None, None, None);
    let mut clock = "";
    let mut zone = "";
    let mut half = None;
    let spaced = text.replace([',', '(', ')'], " ");
    for word in spaced.split_whitespace().flat_map(split_dashes) {
        if word.contains(':') && clock.is_empty() {
            let end = word
                .find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.')))
                .unwrap_or(word.len());
            let (before, after) = word.split_at(end);
            clock = before;
            if is_half(after) {
                half = Some(after);
            } else if !after.is_empty() {
                zone = after;
            }
        } else if let Some(number) = plain_number(word) {
            if day.is_none() && word.len() <= 2 {
                day = i8::try_from(number).ok();
            } else if year.is_none() && word.len() != 3 {
                year = Some(full_year(number, word.len()));
            }
        } else if is_half(word) {
            half = Some(word);
        } else if clock.is_empty() && month.is_none() {
            // Words before the clock that name no month are days of the week.
            month = month_of(word);
        } else if !clock.is_empty() && zone.is_empty() {
            if month.is_none() && month_of(word).is_some() {
                month = month_of(word);
            } else {
                zone = word;
            }
        }
    }
    let date = Date::new(year?, month?, day?).ok()?;
    if clock.is_empty() {
        return instant(date, Time::midnight(), 0);
    }
    let found = instant_at(date, clock, zone)?;
    let hour: u64 = clock.split(':').next()?.parse().ok()?;
    let half_day = std::time::Duration::from_hours(12);
    Some(match half {
        Some(half) if half.eq_ignore_ascii_case("pm") && hour < 12 => found.plus(half_day),
        Some(half) if half.eq_ignore_ascii_case("am") && hour == 12 => found.minus(half_day),
        _ => found,
    })
}

/// `23-Nov-2026` as three words; an offset such as `-0500` stays one.
fn split_dashes(word: &str) -> impl Iterator<Item = &str> {
    let is_offset = word.starts_with(['-', '+']) || word.contains(':');
    let separator = if is_offset { '\0' } else { '-' };
    word.split(separator).filter(|part| !part.is_empty())
}

fn is_half(word: &str) -> bool {
    word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm")
}

/// A number, also with an ordinal ending (`23rd`, `1.`).
fn plain_number(word: &str) -> Option<i16> {
    let digits = word.trim_end_matches(['.', 's', 't', 'n', 'd', 'r', 'h']);
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

fn full_year(number: i16, digits: usize) -> i16 {
    match number {
        0..=49 if digits <= 2 => 2_000 + number,
        50..=99 if digits <= 2 => 1_900 + number,
        _ => number,
    }
}

fn month_of(word: &str) -> Option<i8> {
    let word = word.to_lowercase();
    // The longer name first: "juin" and "juil" both begin with "jui".
    MONTHS
        .iter()
        .filter(|(name, _)| word.starts_with(name))
        .max_by_key(|(name, _)| name.len())
        .map(|&(_, month)| month)
}

/// The instant at a clock such as `22:30`, `22:30:00.5` or `2230` in a zone.
fn instant_at(date: Date, clock: &str, zone: &str) -> Option<Timestamp> {
    let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (
        parts.next()??,
        parts.next().unwrap_or(Some(0))?,
        parts.next().unwrap_or(Some(0))?,
    );
    let micros: i32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    // A leap second is told as the second before it; 24:00 is the next day's midnight.
    let is_midnight = hour == 24 && minute == 0 && second == 0;
    let time = Time::new(
        if is_midnight { 0 } else { hour },
        minute,
        second.min(59),
        micros * 1_000,
    )
    .ok()?;
    let date = if is_midnight {
        date.tomorrow().ok()?
    } else {
        date
    };
    instant(date, time, zone_minutes(zone)?)
}

/// Minutes east of Greenwich; none for an offset that cannot be. An unknown name is taken for UTC.
fn zone_minutes(zone: &str) -> Option<i32> {
    let zone = zone.trim();
    let lower = zone.to_ascii_lowercase();
    let offset = ["gmt", "utc", "ut"]
        .iter()
        .find_map(|name| lower.strip_prefix(name))
        .unwrap_or(&lower)
        .trim();
    let (sign, digits) = match offset.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => {
            let name = lower.split_whitespace().next().unwrap_or_default();
            return Some(
                ZONES
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or(0, |&(_, minutes)| minutes),
            );
        }
    };
    let digits: String = digits
        .chars()
        .take_while(|c| !c.is_whitespace())
        .filter(|&c| c != ':')
        .collect();
    let number: i32 = digits.parse().ok()?;
    let (hours, minutes) = if digits.len() <= 2 {
        (number, 0)
    } else {
        (number / 100, number % 100)
    };
    (hours <= 15 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn instant(date: Date, time: Time, minutes_east: i32) -> Option<Timestamp> {
    let offset = Offset::from_seconds(minutes_east * 60).ok()?;
    let instant = offset.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    Some(Timestamp::from_jiff(instant))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        for (text, instant) in [
            ("2026-11-23T22:30:00Z", "2026-11-23T22:30:00Z"),
            ("2026-11-23T22:30:00.25+03:30", "2026-11-23T19:00:00.25Z"),
            ("2026-11-23 22:30:00", "2026-11-23T22:30:00Z"),
            ("2026-11-23 22:30:00 +0900", "2026-11-23T13:30:00Z"),
            ("2026-11-23T22:30-05:00", "2026-11-24T03:30:00Z"),
            ("2026-11-23", "2026-11-23T00:00:00Z"),
            ("2026-11", "2026-11-01T00:00:00Z"),
            ("20261123", "2026-11-23T00:00:00Z"),
            ("2026/11/23 08:00:00", "2026-11-23T08:00:00Z"),
            ("Mon, 23 Nov 2026 22:30:00 +0000", "2026-11-23T22:30:00Z"),
            ("Mon, 23 Nov 2026 22:30:00 GMT", "2026-11-23T22:30:00Z"),
            ("Mon, 23 Nov 2026 22:30:00 EST", "2026-11-24T03:30:00Z"),
            ("Mon, 23 Nov 26 22:30 CEST", "2026-11-23T20:30:00Z"),
            ("23 November 2026 7:05 +0330", "2026-11-23T03:35:00Z"),
            ("Wrong, 23 Nov 2026 22:30:00 Z", "2026-11-23T22:30:00Z"),
            ("Monday, November 23, 2026 10:30 PM", "2026-11-23T22:30:00Z"),
            ("Mon Nov 23 22:30:00 2026", "2026-11-23T22:30:00Z"),
            ("Mon Nov 23 22:30:00 PST 2026", "2026-11-24T06:30:00Z"),
            ("23-Nov-2026 12:15 am", "2026-11-23T00:15:00Z"),
            ("Mon, 23 Nov 2026 24:00:00 GMT", "2026-11-24T00:00:00Z"),
            ("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59Z"),
            ("Пн, 23 ноя 2026 22:30:00 +0300", "2026-11-23T19:30:00Z"),
            ("lun., 23 août 2026 10:00:00 +0200", "2026-08-23T08:00:00Z"),
            ("Mo, 23 Okt 2026 10:00:00 MESZ", "2026-10-23T08:00:00Z"),
        ] {
            assert_eq!(
                parse(text).map(|found| found.to_string()).as_deref(),
                Some(instant),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "  ",
            "yesterday",
            "0",
            "2026-13-01",
            "31 Feb 2026 00:00:00 GMT",
            "25:00",
            "Mon, 23",
            "a-b-c",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}", clock in "[0-9: +.TZ-]{0,30}") {
            let _ = parse(&text);
            let _ = parse(&clock);
        }
    }
}
