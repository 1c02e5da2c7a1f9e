//! The clock in a date, with its half of the day and its zone.

use jiff::{civil::Time, tz::TimeZone};

use super::{names, place};

/// A time of day as a date tells it.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    pub(super) time: Time,
    /// 24:00 is the midnight of the next day.
    pub(super) is_next_day: bool,
    /// None where nothing is said.
    pub(super) zone: Option<Zone>,
}

/// Where a clock is read.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    /// Minutes east of Greenwich.
    Offset(i32),
    /// A place with rules of its own.
    Place(TimeZone),
}

/// A clock that is spelt with words (`22時30分`, `22시`, `22h30`), or without signs after a `T`, with colons.
pub(super) fn spelt_with_colons(text: &str) -> String {
    let mut spelt = String::with_capacity(text.len() + 2);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_after_digit = spelt.ends_with(|c: char| c.is_ascii_digit());
        let mut is_before_digit = rest.peek().is_some_and(char::is_ascii_digit);
        if is_after_digit && matches!(c, '时' | '時' | '시' | '点' | '點' | '分' | '분') {
            while rest.next_if_eq(&' ').is_some() {}
            is_before_digit = rest.peek().is_some_and(char::is_ascii_digit);
        }
        match c {
            '时' | '時' | '시' | '点' | '點' if is_after_digit => {
                spelt.push_str(if is_before_digit { ":" } else { ":00 " });
            }
            '分' | '분' if is_after_digit => spelt.push(if is_before_digit { ':' } else { ' ' }),
            '秒' | '초' if is_after_digit => spelt.push(' '),
            'h' if is_after_digit && is_before_digit => spelt.push(':'),
            't' if is_after_digit && is_before_digit => {
                spelt.push(' ');
                let ahead: String = rest.clone().take_while(char::is_ascii_digit).collect();
                if matches!(ahead.len(), 4 | 6) {
                    for (at, digit) in ahead.chars().enumerate() {
                        if at > 0 && at % 2 == 0 {
                            spelt.push(':');
                        }
                        spelt.push(digit);
                        rest.next();
                    }
                }
            }
            _ => spelt.push(c),
        }
    }
    spelt
}

/// Takes the clock out of a text: the clock, if there is one, and the text without it. None for a clock that cannot be.
pub(super) fn take(text: &str) -> Option<(Option<Clock>, String)> {
    let Some(colon) = clock_colon(text) else {
        return Some((None, text.to_owned()));
    };
    let start = colon - digits_before(&text[..colon]);
    let hour: i8 = text[start..colon].parse().ok()?;
    let (minute, mut rest) = number(&text[colon + 1..])?;
    let mut second = 0;
    if let Some(after) = rest.strip_prefix(':') {
        (second, rest) = number(after)?;
    }
    let mut micros = 0;
    if let Some(after) = rest
        .strip_prefix(['.', ','])
        .filter(|after| after.starts_with(|c: char| c.is_ascii_digit()))
    {
        let end = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        micros = format!("{:0<6}", &after[..end]).get(..6)?.parse().ok()?;
        rest = &after[end..];
    }
    if rest.starts_with(':') {
        return None;
    }
    let before = text[..start].trim_end();
    let (before, mut half) = half_before(before);
    let mut left_over = String::new();
    let mut zone = None;
    for (place, word) in rest.split_whitespace().enumerate() {
        if place == 0
            && half.is_none()
            && let Some(hours) = names::half(word)
        {
            half = Some(hours);
            continue;
        }
        match zone_of(word) {
            Said::Impossible => return None,
            Said::Zone(found) if zone.is_none() => zone = Some(found),
            Said::Zone(_) | Said::Nothing => {
                left_over.push(' ');
                left_over.push_str(word);
            }
        }
    }
    let hour = match half {
        Some(12) if hour < 12 => hour + 12,
        Some(0) if hour == 12 => 0,
        _ => hour,
    };
    // A leap second is told as the second before it.
    let is_next_day = hour == 24 && minute == 0 && second == 0;
    let second = if second == 60 { 59 } else { second };
    let time = Time::new(
        if is_next_day { 0 } else { hour },
        minute,
        second,
        micros * 1_000,
    )
    .ok()?;
    let clock = Clock {
        time,
        is_next_day,
        zone,
    };
    Some((Some(clock), format!("{before}{left_over}")))
}

/// The colon between hour and minute: behind one or two digits.
fn clock_colon(text: &str) -> Option<usize> {
    text.match_indices(':')
        .map(|(at, _)| at)
        .find(|&at| matches!(digits_before(&text[..at]), 1 | 2))
}

fn digits_before(text: &str) -> usize {
    text.bytes().rev().take_while(u8::is_ascii_digit).count()
}

/// A number of one or two digits, and what follows it.
fn number(text: &str) -> Option<(i8, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    matches!(end, 1 | 2).then(|| Some((text[..end].parse().ok()?, &text[end..])))?
}

/// The text without a word for the half of the day at its end, and that half.
fn half_before(text: &str) -> (&str, Option<u8>) {
    [
        "오전", "오후", "午前", "午後", "上午", "下午", "凌晨", "早上", "晚上",
    ]
    .iter()
    .find_map(|word| Some((text.strip_suffix(word)?, names::half(word))))
    .unwrap_or((text, None))
}

/// What a word after a clock says about its zone.
enum Said {
    Nothing,
    Zone(Zone),
    /// An offset that cannot be.
    Impossible,
}

fn zone_of(word: &str) -> Said {
    let said = |zone: Option<Zone>| zone.map_or(Said::Nothing, Said::Zone);
    if word.contains('/') && word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return said(place(word).map(Zone::Place));
    }
    let offset = ["gmt", "utc", "ut"]
        .iter()
        .find_map(|name| word.strip_prefix(name))
        .unwrap_or(word);
    let (sign, digits) = match offset.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return said(names::zone(word).map(Zone::Offset)),
    };
    if digits.is_empty() || digits.starts_with('-') {
        // A dash between two words.
        return Said::Nothing;
    }
    minutes_of(digits).map_or(Said::Impossible, |minutes| {
        Said::Zone(Zone::Offset(sign * minutes))
    })
}

/// The minutes of `3`, `03`, `330`, `0330`, `3:30` and `03:30`, also with a `Z` behind.
fn minutes_of(digits: &str) -> Option<i32> {
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let (first, rest) = digits.split_at(end);
    let first_number: i32 = first.parse().ok()?;
    let (hours, minutes, rest) = match (first.len(), rest.strip_prefix(':')) {
        (1 | 2, Some(rest)) => {
            let (minutes, rest) = number(rest)?;
            (first_number, i32::from(minutes), rest)
        }
        (1 | 2, None) => (first_number, 0, rest),
        (3 | 4, None) => (first_number / 100, first_number % 100, rest),
        _ => return None,
    };
    let is_possible = hours <= 15 && minutes < 60 && matches!(rest, "" | "z");
    is_possible.then_some(hours * 60 + minutes)
}
