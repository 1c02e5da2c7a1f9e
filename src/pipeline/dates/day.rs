//! The day in a date, once its clock is gone.

use jiff::civil::{Date, Time, Weekday};

use super::{
    calendar::{self, Calendar},
    clock::Clock,
    names,
};

/// A day, and the calendar that it was told in.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) date: Date,
    pub(super) calendar: Calendar,
    /// The clock of a date that is digits throughout.
    pub(super) clock: Option<Clock>,
}

/// A number as written.
#[derive(Debug, Clone, Copy)]
struct Number {
    value: i64,
    digits: usize,
    /// What stands between it and the number before; none if that is a word.
    joint: Option<char>,
}

impl Number {
    fn is_short(self) -> bool {
        self.digits <= 2
    }

    fn month_or_day(self) -> Option<i8> {
        i8::try_from(self.value).ok()
    }

    /// As a year: those of two digits are of this century, or from 50 on of the last.
    fn year(self) -> Option<i16> {
        let year = i16::try_from(self.value).ok()?;
        Some(match (self.is_short(), year) {
            (true, 0..=49) => 2_000 + year,
            (true, 50..=99) => 1_900 + year,
            _ => year,
        })
    }
}

enum Token {
    Number(Number),
    Word(String),
}

/// Reads a day. Without a clock beside it, a month or a year alone are their first day.
pub(super) fn read(text: &str, has_clock: bool) -> Option<Day> {
    let tokens = tokens(text);
    let numbers: Vec<Number> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Number(number) => Some(*number),
            Token::Word(_) => None,
        })
        .collect();
    if numbers.len() > 3 {
        return None;
    }
    if let Some((year, month, day)) = by_units(&tokens) {
        return Some(gregorian(Date::new(year, month, day).ok()?));
    }
    if let Some((calendar, month)) = named_month(&tokens) {
        return with_month(calendar, month, &numbers, has_clock);
    }
    match numbers[..] {
        [one] => digits_alone(one, text.trim_start().starts_with('-'), has_clock),
        [one, two] => two_numbers(one, two, text.trim_start().starts_with('-'))
            .filter(|_| !has_clock || two.digits == 3),
        [one, two, three] => three_numbers([one, two, three], weekday(&tokens)),
        _ => None,
    }
}

const fn gregorian(date: Date) -> Day {
    Day {
        date,
        calendar: Calendar::Gregorian,
        clock: None,
    }
}

/// Numbers and words, in their order. Words of Han and Hangul are parted where a unit is.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut joint = None;
    while let Some(c) = rest.chars().next() {
        let is_east_asian =
            |c: char| matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
        let length = if c.is_ascii_digit() {
            rest.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len())
        } else if is_east_asian(c) {
            let era = ["令和", "平成", "昭和", "民国", "民國"]
                .iter()
                .find(|era| rest.starts_with(**era));
            era.map_or(c.len_utf8(), |era| era.len())
        } else if c.is_alphabetic() {
            rest.find(|c: char| !c.is_alphabetic() || is_east_asian(c))
                .unwrap_or(rest.len())
        } else {
            if joint.is_none_or(|before| before == ' ') {
                joint = Some(c);
            }
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let (piece, after) = rest.split_at(length);
        if c.is_ascii_digit() {
            let is_after_number = matches!(tokens.last(), Some(Token::Number(_)));
            // More digits than any number of a date has.
            let value = piece.parse().unwrap_or(i64::MAX);
            tokens.push(Token::Number(Number {
                value,
                digits: length,
                joint: joint.filter(|_| is_after_number),
            }));
        } else {
            tokens.push(Token::Word(piece.to_owned()));
        }
        joint = None;
        rest = after;
    }
    tokens
}

/// `2026年11月24日`, `2026년 11월 24일`, `令和8年11月24日`: year, month and day where units tell the year.
fn by_units(tokens: &[Token]) -> Option<(i16, i8, i8)> {
    let (mut year, mut month, mut day, mut era) = (None, 1, 1, None);
    for pair in tokens.windows(2) {
        match pair {
            // The first year of an era is no number.
            [Token::Word(word), Token::Word(first)] if first == "元" => {
                year = names::era(word).map(|years| years + 1);
            }
            [Token::Word(word), Token::Number(_)] => era = names::era(word).or(era),
            [Token::Number(number), Token::Word(unit)] => match unit.as_str() {
                "年" | "년" => {
                    year = match era {
                        Some(years) => number.month_or_day().map(|year| i16::from(year) + years),
                        None => number.year(),
                    };
                }
                "月" | "월" => month = number.month_or_day().unwrap_or(0),
                "日" | "일" | "号" | "號" => day = number.month_or_day().unwrap_or(0),
                _ => {}
            },
            _ => {}
        }
    }
    year.map(|year| (year, month, day))
}

/// The month that words name. Days of the week may be called like months, and stand before them.
fn named_month(tokens: &[Token]) -> Option<(Calendar, i8)> {
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    (0..tokens.len())
        .rev()
        .filter(|&at| !word(at).is_empty())
        .find_map(|at| names::month(word(at), word(at + 1)))
}

fn with_month(calendar: Calendar, month: i8, numbers: &[Number], has_clock: bool) -> Option<Day> {
    let (day, year) = match *numbers {
        [year] if year.digits == 4 && !has_clock => (1, year),
        [year, day] if year.digits >= 3 && day.is_short() => (day.month_or_day()?, year),
        [day, year] if day.is_short() && year.digits != 3 => (day.month_or_day()?, year),
        _ => return None,
    };
    let year = match (calendar, year.value) {
        (Calendar::Jalali, short @ 0..=99) => {
            i16::try_from(1_400 - (short / 50) * 100 + short).ok()?
        }
        _ => year.year()?,
    };
    let date = calendar::date(calendar, year, month, day)?;
    Some(Day {
        date,
        calendar,
        clock: None,
    })
}

/// `20261124`, `261124`, `2026328`, `202611`, `20261124223000`, `2026`, and `-2611`.
fn digits_alone(number: Number, is_signed: bool, has_clock: bool) -> Option<Day> {
    const YEARS: std::ops::RangeInclusive<i64> = 1_900..=2_100;
    let value = number.value;
    let parts = |value: i64| {
        Some((
            i16::try_from(value / 10_000).ok()?,
            i8::try_from(value / 100 % 100).ok()?,
            i8::try_from(value % 100).ok()?,
        ))
    };
    let (year, month, day) = match number.digits {
        4 if is_signed => (
            Number {
                value: value / 100,
                digits: 2,
                joint: None,
            }
            .year()?,
            i8::try_from(value % 100).ok()?,
            1,
        ),
        4 if !has_clock && YEARS.contains(&value) => (i16::try_from(value).ok()?, 1, 1),
        6 if YEARS.contains(&(value / 100)) && (1..=12).contains(&(value % 100)) => {
            parts(value * 100 + 1)?
        }
        6 => {
            let (year, month, day) = parts(value)?;
            (
                Number {
                    value: year.into(),
                    digits: 2,
                    joint: None,
                }
                .year()?,
                month,
                day,
            )
        }
        7 => return of_day_of_year(value / 1_000, value % 1_000),
        8 => parts(value)?,
        12 | 14 => {
            let value = if number.digits == 12 {
                value * 100
            } else {
                value
            };
            let small = |value: i64| i8::try_from(value % 100).ok();
            let time = Time::new(
                small(value / 10_000)?,
                small(value / 100)?,
                small(value)?,
                0,
            )
            .ok()?;
            let (year, month, day) = parts(value / 1_000_000)?;
            let clock = Clock {
                time,
                is_next_day: false,
                zone: None,
            };
            return Some(Day {
                clock: Some(clock),
                ..gregorian(Date::new(year, month, day).ok()?)
            });
        }
        _ => return None,
    };
    let calendar = calendar::of_year(year);
    Some(Day {
        date: calendar::date(calendar, year, month, day)?,
        calendar,
        clock: None,
    })
}

fn of_day_of_year(year: i64, day: i64) -> Option<Day> {
    let first = Date::new(i16::try_from(year).ok()?, 1, 1).ok()?;
    let date = first
        .with()
        .day_of_year(i16::try_from(day).ok()?)
        .build()
        .ok()?;
    Some(gregorian(date))
}

/// `2026-11`, `11/2026`, `2026-328`, and `-26-11`.
fn two_numbers(one: Number, two: Number, is_signed: bool) -> Option<Day> {
    if !matches!(two.joint, Some('-' | '/' | '.')) {
        return None;
    }
    let (year, month) = match (one.digits, two.digits) {
        (4, 3) => return of_day_of_year(one.value, two.value),
        (4, 1 | 2) => (one, two),
        (1 | 2, 4) => (two, one),
        (2, 2) if is_signed => (one, two),
        _ => return None,
    };
    let year = year.year()?;
    let calendar = calendar::of_year(year);
    Some(Day {
        date: calendar::date(calendar, year, month.month_or_day()?, 1)?,
        calendar,
        clock: None,
    })
}

/// Three numbers, whose order is told by their lengths, their joints, what is possible, and the day of the week.
fn three_numbers([one, two, three]: [Number; 3], weekday: Option<Weekday>) -> Option<Day> {
    let joint = two.joint?;
    three.joint?;
    if !two.is_short() {
        return None;
    }
    let orders: &[[Number; 3]] = match (one.digits, three.digits, joint) {
        (4, 1 | 2, _) => &[[one, two, three]],
        (1 | 2, 4 | 1 | 2, '/') => &[[three, one, two], [three, two, one]],
        (1 | 2, 1 | 2, '-') => &[[one, two, three], [three, two, one]],
        (1 | 2, 4 | 1 | 2, _) => &[[three, two, one], [three, one, two]],
        _ => return None,
    };
    let days: Vec<Day> = orders
        .iter()
        .filter_map(|[year, month, day]| {
            let year = year.year()?;
            let calendar = calendar::of_year(year);
            let date = calendar::date(calendar, year, month.month_or_day()?, day.month_or_day()?)?;
            Some(Day {
                date,
                calendar,
                clock: None,
            })
        })
        .collect();
    let told = days
        .iter()
        .position(|day| Some(day.date.weekday()) == weekday)
        .unwrap_or(0);
    days.into_iter().nth(told)
}

fn weekday(tokens: &[Token]) -> Option<Weekday> {
    tokens.iter().find_map(|token| match token {
        Token::Word(word) => Some(match word.get(..3)? {
            "mon" => Weekday::Monday,
            "tue" => Weekday::Tuesday,
            "wed" => Weekday::Wednesday,
            "thu" => Weekday::Thursday,
            "fri" => Weekday::Friday,
            "sat" => Weekday::Saturday,
            "sun" => Weekday::Sunday,
            _ => return None,
        }),
        Token::Number(_) => None,
    })
}
