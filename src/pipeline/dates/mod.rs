//! Dates as publishers write them: RFC 3339 and RFC 822, what people take for them, and the ways of seven languages and
//! three calendars.
//!
//! A date is a clock with a zone, taken out first, and a day in what is left. What cannot be read honestly is none.

mod calendar;
mod clock;
mod day;
mod names;

use jiff::{
    civil::{Date, DateTime, Time},
    fmt::rfc2822,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};

use self::{calendar::Calendar, clock::Zone};
use crate::{domain::Timestamp, text::fold};

/// Longer texts are no date; in characters.
const LONGEST: usize = 100;

/// The instant that a text names. Without a zone it is that of the country that alone writes so, or else UTC. None where
/// no honest reading exists.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || text.chars().take(LONGEST + 1).count() > LONGEST {
        return None;
    }
    standard(text).or_else(|| free(text))
}

/// An instant in the form of RFC 3339 or, with a numeric zone or GMT, of RFC 2822: nearly all that feeds carry.
fn standard(text: &str) -> Option<Timestamp> {
    static RFC_2822: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
    let bytes = text.as_bytes();
    let is_long_enough = bytes.len() >= "2026-11-23T22:30:00Z".len();
    // A leap second is a matter of opinion.
    if !is_long_enough || text.contains(":60") {
        return None;
    }
    let has_offset = |width: usize| {
        let offset = &bytes[bytes.len() - width..];
        matches!(offset[0], b'+' | b'-') && offset[1..3] < b"16"[..]
    };
    let instant = if bytes[10] == b'T' && (bytes.ends_with(b"Z") || has_offset(6)) {
        text.parse().ok()?
    } else if bytes[3] == b',' && (bytes.ends_with(b" GMT") || has_offset(5)) {
        RFC_2822.parse_timestamp(text).ok()?
    } else {
        return None;
    };
    // Years long past are those of another calendar.
    let is_of_ours = (1970..2200).contains(&Offset::UTC.to_datetime(instant).year());
    is_of_ours.then(|| Timestamp::from_jiff(instant))
}

/// What is written in any other way.
fn free(text: &str) -> Option<Timestamp> {
    let folded = prepared(text);
    if let Some(instant) = epoch(&folded) {
        return Some(instant);
    }
    let spoken = clock::spelt_with_colons(&folded);
    let (clock, rest) = clock::take(&spoken)?;
    let day = day::read(&rest, clock.is_some())?;
    let clock = clock.or(day.clock);
    let Some(clock) = clock else {
        return instant(day.date, Time::midnight(), &TimeZone::UTC);
    };
    let date = if clock.is_next_day {
        day.date.tomorrow().ok()?
    } else {
        day.date
    };
    let zone = match clock.zone {
        Some(Zone::Offset(minutes)) => Offset::from_seconds(minutes * 60).ok()?.to_time_zone(),
        Some(Zone::Place(place)) => place,
        None => zone_of_script(&folded, day.calendar),
    };
    instant(date, clock.time, &zone)
}

/// The text folded, with one kind of each sign and spaces for what only parts.
fn prepared(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .map(|c| match c {
            '\u{200b}' | '\u{200c}' | ',' | '،' | '、' | '(' | ')' | '[' | ']' | '|' | ';' | '·' | '•' => ' ',
            '−' | '–' | '—' | '‐' | '‑' => '-',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect();
    let mut folded = String::with_capacity(plain.len());
    for word in plain.split(' ') {
        if !folded.is_empty() {
            folded.push(' ');
        }
        fold::fold_into(word, &mut folded);
    }
    folded.replace("a.m.", "am").replace("p.m.", "pm")
}

/// Seconds, or thousandths or millionths of them, since 1970.
fn epoch(text: &str) -> Option<Timestamp> {
    /// 1990 and 2100.
    const SANE: std::ops::Range<i64> = 631_152_000_000_000..4_102_444_800_000_000;
    let factor = match text.len() {
        9 | 10 => 1_000_000,
        13 => 1_000,
        16 => 1,
        _ => return None,
    };
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    let micros = is_number
        .then(|| text.parse::<i64>().ok())??
        .checked_mul(factor)?;
    SANE.contains(&micros)
        .then(|| Timestamp::from_micros(micros))
}

/// The zone of those who alone write so.
fn zone_of_script(text: &str, calendar: Calendar) -> TimeZone {
    const JAPANESE: [&str; 7] = ["午前", "午後", "時", "曜", "令和", "平成", "昭和"];
    let has = |range: std::ops::RangeInclusive<char>| text.contains(|c| range.contains(&c));
    let hours = |hours| TimeZone::fixed(Offset::constant(hours));
    if calendar == Calendar::Jalali {
        place("asia/tehran").unwrap_or(TimeZone::UTC)
    } else if has('\u{ac00}'..='\u{d7a3}')
        || has('\u{3041}'..='\u{30ff}')
        || JAPANESE.iter().any(|word| text.contains(word))
    {
        hours(9)
    } else if has('\u{4e00}'..='\u{9fff}') {
        hours(8)
    } else {
        TimeZone::UTC
    }
}

/// A zone by the name of its place, from the tables inside of the program.
fn place(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

fn instant(date: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    let instant = zone.to_timestamp(DateTime::from_parts(date, time)).ok()?;
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
            ("1405-09-03T14:30:00+03:30", "2026-11-24T11:00:00Z"),
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
            ("1795559400", "2026-11-24T22:30:00Z"),
            ("1795559400000", "2026-11-24T22:30:00Z"),
            ("20261124223000", "2026-11-24T22:30:00Z"),
            ("20261124T223000Z", "2026-11-24T22:30:00Z"),
            ("2026-328", "2026-11-24T00:00:00Z"),
            ("24.11.2026 22:30", "2026-11-24T22:30:00Z"),
            ("24/11/2026 22:30", "2026-11-24T22:30:00Z"),
            ("11/24/2026 10:30 p.m.", "2026-11-24T22:30:00Z"),
            ("Sat, 11 04 2020 08:51:49 +0100", "2020-04-11T07:51:49Z"),
            ("Sun, 04/05/2026", "2026-04-05T00:00:00Z"),
            ("Mon, 04/05/2026", "2026-05-04T00:00:00Z"),
            ("24 Nov 2026 22h30", "2026-11-24T22:30:00Z"),
            ("24/Nov/2026:22:30:00 +0300", "2026-11-24T19:30:00Z"),
            ("Tue, 24 Nov 2026 22:30:00 GMT+3", "2026-11-24T19:30:00Z"),
            (
                "Tue, 24 Nov 2026 22:30:00 +0330 (IRST)",
                "2026-11-24T19:00:00Z",
            ),
            (
                "Tue, 24 Nov 2026 22:30:00 Asia/Seoul",
                "2026-11-24T13:30:00Z",
            ),
            ("November 2026", "2026-11-01T00:00:00Z"),
            // our seven languages
            ("2026年11月24日", "2026-11-24T00:00:00Z"),
            ("2026年11月24日 15:30", "2026-11-24T07:30:00Z"),
            ("2026年11月24日15时30分", "2026-11-24T07:30:00Z"),
            ("2026年11月24日 星期二 下午3:30", "2026-11-24T07:30:00Z"),
            ("2026年11月24日(火) 15時30分", "2026-11-24T06:30:00Z"),
            ("2026年11月24日 午後3時30分", "2026-11-24T06:30:00Z"),
            ("令和8年11月24日", "2026-11-24T00:00:00Z"),
            ("令和元年5月1日", "2019-05-01T00:00:00Z"),
            ("平成31年4月30日", "2019-04-30T00:00:00Z"),
            ("民國115年11月24日", "2026-11-24T00:00:00Z"),
            ("2026.11.24 오후 3:30", "2026-11-24T06:30:00Z"),
            ("2026년 11월 24일 (화) 오전 9시 5분", "2026-11-24T00:05:00Z"),
            ("2026년 11월 24일 15시", "2026-11-24T06:00:00Z"),
            ("24 ноября 2026 г., 22:30 МСК", "2026-11-24T19:30:00Z"),
            ("вт, 24 ноя 2026, 22:30", "2026-11-24T22:30:00Z"),
            ("середа, 25 листопада 2026", "2026-11-25T00:00:00Z"),
            ("سه‌شنبه ۳ آذر ۱۴۰۵ - ۱۴:۳۰", "2026-11-24T11:00:00Z"),
            ("۱۴۰۵/۰۹/۰۳ ۱۴:۳۰", "2026-11-24T11:00:00Z"),
            ("۳ آذر ۱۴۰۵", "2026-11-24T00:00:00Z"),
            ("۱۲ تیر ۱۴۰۰ ساعت ۱۰:۰۰", "2021-07-03T05:30:00Z"),
            ("۲۴ نوامبر ۲۰۲۶", "2026-11-24T00:00:00Z"),
            ("٢٤ نوفمبر ٢٠٢٦، ٠٢:٣٠ م", "2026-11-24T14:30:00Z"),
            ("الثلاثاء 24 تشرين الثاني 2026", "2026-11-24T00:00:00Z"),
            ("1 محرم 1447", "2025-06-27T00:00:00Z"),
            ("1447/01/01", "2025-06-27T00:00:00Z"),
            // and their neighbours
            ("mardi 24 novembre 2026 à 22:30", "2026-11-24T22:30:00Z"),
            ("martes, 24 de noviembre de 2026", "2026-11-24T00:00:00Z"),
            (
                "Dienstag, 24. März 2026, 22:30 Uhr MEZ",
                "2026-03-24T21:30:00Z",
            ),
            ("24 września 2026", "2026-09-24T00:00:00Z"),
            ("24 Kasım 2026 Salı", "2026-11-24T00:00:00Z"),
            ("24 Νοεμβρίου 2026", "2026-11-24T00:00:00Z"),
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
            "2026-11-24-01",
            "2026-xx-24",
            "24 zzz 2026",
            "2026-11-24T09:00:00+00:xx",
            "2026-11-24T10:14:61Z",
            "Tue, 24 Nov 2026 1:2:3:4 GMT",
            "11月24日",
            "2026年13月1日",
            "1405/07/31",
            "2 hours ago",
            "22:30",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        /// What is read at once is read as any other text is.
        #[test]
        fn the_short_way_is_the_long_way(
            second in -20_000_000_000_i64..8_000_000_000, minutes in -20 * 60..20 * 60_i32, is_utc in any::<bool>(),
        ) {
            let offset = if is_utc { Offset::UTC } else { Offset::from_seconds(minutes * 60).unwrap_or(Offset::UTC) };
            let instant = jiff::Timestamp::constant(second, 0);
            let wall = offset.to_datetime(instant);
            let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
            let (utc, mail) = if is_utc {
                ("Z".to_owned(), "GMT".to_owned())
            } else {
                let (hours, minutes) = (minutes / 60, minutes % 60);
                (format!("{sign}{hours:02}:{minutes:02}"), format!("{sign}{hours:02}{minutes:02}"))
            };
            for text in [
                wall.strftime(&format!("%Y-%m-%dT%H:%M:%S{utc}")).to_string(),
                wall.strftime(&format!("%a, %d %b %Y %H:%M:%S {mail}")).to_string(),
            ] {
                let at_once = standard(&text);
                let is_usual = (631_152_000..4_102_444_800).contains(&second) && (is_utc || minutes < 14 * 60);
                if at_once.is_some() || is_usual {
                    prop_assert_eq!(at_once, Some(Timestamp::from_jiff(instant)), "{}", &text);
                    prop_assert_eq!(free(&text), at_once, "{}", &text);
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}", clock in "[0-9: +.TZ-]{0,30}") {
            for text in [text, clock] {
                if let Some(instant) = standard(text.trim()) {
                    prop_assert_eq!(free(text.trim()), Some(instant), "{}", &text);
                }
                let _ = parse(&text);
            }
        }
    }
}
