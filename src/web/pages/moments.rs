//! Instants and durations in words.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::{
    domain::{ClockFormat, Timestamp},
    web::reading,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// An instant as a page shows it: in words, exactly, and for programs. The script refreshes the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// RFC 3339.
    pub(crate) iso: String,
    /// The words: "4 min".
    pub(crate) words: String,
    /// The instant in full: "Tue 24 Nov 2026, 06:40 UTC".
    pub(crate) exact: String,
    /// How the script is to word it: `age`, `ago`, `ahead`, `clock` or `exact`.
    pub(crate) form: &'static str,
}

impl Moment {
    /// How long ago, in few letters.
    pub(crate) fn age(now: Timestamp, then: Timestamp) -> Self {
        Self {
            words: age(now, then),
            form: "age",
            ..Self::exact(then)
        }
    }

    /// How long ago, as a phrase: "4 min ago".
    pub(crate) fn ago(now: Timestamp, then: Timestamp) -> Self {
        Self {
            words: phrase(&age(now, then)),
            form: "ago",
            ..Self::exact(then)
        }
    }

    /// The time of day, with the day if it is another one.
    pub(crate) fn clock(now: Timestamp, then: Timestamp) -> Self {
        Self {
            words: clock(now, then),
            form: "clock",
            ..Self::exact(then)
        }
    }

    /// The instant in full.
    pub(crate) fn exact(then: Timestamp) -> Self {
        let exact = told(then, "%a %-d %b %Y", ", ");
        Self {
            iso: then.to_string(),
            words: exact.clone(),
            exact,
            form: "exact",
        }
    }
}

fn age(now: Timestamp, then: Timestamp) -> String {
    match now.since(then).as_secs() {
        0..MINUTE => "now".to_owned(),
        seconds @ MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        seconds @ HOUR..DAY => format!("{} h", seconds / HOUR),
        seconds if seconds < 7 * DAY => format!("{} d", seconds / DAY),
        _ => date(now, then),
    }
}

/// An age with "ago", unless it is a date or the present.
fn phrase(age: &str) -> String {
    let is_span = [" min", " h", " d"].iter().any(|unit| age.ends_with(unit));
    if is_span {
        format!("{age} ago")
    } else {
        age.to_owned()
    }
}

/// A day and the time of day on the reader's clock. Without a zone of theirs the zone is named: UTC.
fn told(then: Timestamp, day: &str, between: &str) -> String {
    let reader = reading::current();
    let hour = match reader.clock_format {
        ClockFormat::Hours24 => "%H:%M",
        ClockFormat::Hours12 => "%-I:%M %p",
    };
    let zone = match reader.zone {
        Some(_) if between.is_empty() || day == "%a" => "",
        Some(_) => " %Z",
        None => " UTC",
    };
    local(then, &format!("{day}{between}{hour}{zone}"))
}

/// An instant in the reader's zone.
fn local(then: Timestamp, format: &str) -> String {
    let zone = reading::current().zone.unwrap_or(TimeZone::UTC);
    then.to_jiff()
        .to_zoned_datetime(zone)
        .strftime(format)
        .to_string()
}

fn date(now: Timestamp, then: Timestamp) -> String {
    let is_this_year = local(now, "%Y") == local(then, "%Y");
    local(then, if is_this_year { "%-d %b" } else { "%-d %b %Y" })
}

fn clock(now: Timestamp, then: Timestamp) -> String {
    if local(now, "%F") == local(then, "%F") {
        return told(then, "", "");
    }
    weekday(now, then)
}

/// The day in few letters: its name within the last six days, its date before.
pub(crate) fn weekday(now: Timestamp, then: Timestamp) -> String {
    if now.since(then).as_secs() < 6 * DAY {
        told(then, "%a", " ")
    } else {
        date(now, then)
    }
}

/// A duration in words, its largest unit only: "3 days".
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..MINUTE => "less than a minute".to_owned(),
        MINUTE..HOUR => counted(seconds / MINUTE, "minute"),
        HOUR..DAY => counted(seconds / HOUR, "hour"),
        _ => counted(seconds / DAY, "day"),
    }
}

/// A wait in words, rounded up: "20 seconds", "2 minutes".
pub(crate) fn span_up(wait: Duration) -> String {
    let seconds = wait.as_secs();
    if seconds <= MINUTE {
        counted(seconds.max(1), "second")
    } else {
        counted(seconds.div_ceil(MINUTE), "minute")
    }
}

/// How far ahead an instant is: "in 5 minutes", or "now" if it is not ahead.
pub(crate) fn ahead(now: Timestamp, then: Timestamp) -> String {
    let until = then.since(now);
    if until.as_secs() < MINUTE {
        "now".to_owned()
    } else {
        format!("in {}", span(until))
    }
}

/// A number with its noun: "1 day", "2 days".
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{} {noun}s", grouped(count))
    }
}

/// A number with its thousands parted: 12,345.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut parted = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            parted.push(',');
        }
        parted.push(digit);
    }
    parted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::reading::Reader;

    /// 2026-11-24T08:00:00Z, a Tuesday.
    const NOW_MICROS: i64 = 1_795_507_200_000_000;

    fn now() -> Timestamp {
        Timestamp::from_micros(NOW_MICROS)
    }

    #[test]
    fn ages_are_short() {
        for (seconds, words) in [
            (0, "now"),
            (59, "now"),
            (60, "1 min"),
            (3_599, "59 min"),
            (7_200, "2 h"),
            (2 * DAY, "2 d"),
            (7 * DAY, "17 Nov"),
            (365 * DAY, "24 Nov 2025"),
        ] {
            assert_eq!(age(now(), now().minus(Duration::from_secs(seconds))), words);
        }
        assert_eq!(age(now(), now().plus(Duration::from_secs(90))), "now");
    }

    #[test]
    fn a_phrase_says_ago_where_it_is_one() {
        assert_eq!(
            Moment::ago(now(), now().minus(Duration::from_secs(2 * DAY))).words,
            "2 d ago"
        );
        assert_eq!(Moment::ago(now(), now()).words, "now");
        assert_eq!(
            Moment::ago(now(), now().minus(Duration::from_secs(9 * DAY))).words,
            "15 Nov"
        );
    }

    #[test]
    fn a_clock_names_the_day_if_it_is_another() {
        for (seconds, words) in [
            (HOUR, "07:00 UTC"),
            (DAY, "Mon 08:00 UTC"),
            (10 * DAY, "14 Nov"),
        ] {
            assert_eq!(
                clock(now(), now().minus(Duration::from_secs(seconds))),
                words
            );
        }
    }

    #[test]
    fn a_moment_is_exact_as_well() {
        let moment = Moment::age(now(), now().minus(Duration::from_mins(4)));
        assert_eq!(
            (moment.words.as_str(), moment.exact.as_str()),
            ("4 min", "Tue 24 Nov 2026, 07:56 UTC")
        );
        assert_eq!(moment.iso, "2026-11-24T07:56:00Z");
    }

    #[test]
    fn a_reader_with_a_zone_reads_their_own_clock() {
        let reader = Reader {
            zone: reading::zone("Asia/Seoul"),
            clock_format: ClockFormat::Hours12,
            ..Reader::default()
        };
        reading::within(reader, || {
            let then = now().minus(Duration::from_mins(4));
            assert_eq!(Moment::clock(now(), then).words, "4:56 PM");
            assert_eq!(Moment::exact(then).exact, "Tue 24 Nov 2026, 4:56 PM KST");
            // 23:30 in Seoul is another day than in London.
            let late = now().minus(Duration::from_mins(17 * 60 + 30));
            assert_eq!(Moment::clock(now(), late).words, "Mon 11:30 PM");
        });
    }

    #[test]
    fn durations_are_told_by_their_largest_unit() {
        for (seconds, words) in [
            (59, "less than a minute"),
            (61, "1 minute"),
            (2 * HOUR + 1, "2 hours"),
            (3 * DAY, "3 days"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), words);
        }
        assert_eq!(
            ahead(now(), now().plus(Duration::from_mins(5))),
            "in 5 minutes"
        );
        assert_eq!(ahead(now(), now().minus(Duration::from_mins(5))), "now");
    }

    #[test]
    fn thousands_are_parted() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
