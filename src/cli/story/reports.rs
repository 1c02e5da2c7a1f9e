//! Reports and pairs of them as JSON lines, as other programs write them.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::output;
use crate::{domain::Timestamp, text::html};

/// A report to place.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: Value,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) published: Option<Timestamp>,
    pub(super) language: Option<String>,
    pub(super) outlet: String,
}

/// Two reports to compare.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) id: Value,
    pub(super) a: Row,
    pub(super) b: Row,
}

/// The reports of a file; for a line that is none, why it is none, so that answers and lines keep step.
pub(super) fn rows(file: &Path) -> anyhow::Result<Vec<Result<Row, String>>> {
    lines(file, |object: Map<String, Value>| row(&object, ""))
}

/// The pairs of a file: `a` and `b` are reports, or headlines with `a_text`, `a_published` and so on beside them.
pub(super) fn pairs(file: &Path) -> anyhow::Result<Vec<Result<Pair, String>>> {
    lines(file, |object: Map<String, Value>| Pair {
        id: object.get("id").cloned().unwrap_or_default(),
        a: side(&object, "a"),
        b: side(&object, "b"),
    })
}

fn side(object: &Map<String, Value>, name: &str) -> Row {
    match object.get(name) {
        Some(Value::Object(report)) => row(report, ""),
        _ => row(object, name),
    }
}

/// Other names under which programs write a field.
const TITLE: &[&str] = &["title", "headline"];
const TEXT: &[&str] = &["text", "summary", "content"];
const PUBLISHED: &[&str] = &["published", "published_at", "date", "seen"];
const LANGUAGE: &[&str] = &["lang", "language"];
const OUTLET: &[&str] = &["source", "publisher", "pub", "outlet"];

/// A report from the fields of an object; with a prefix from `a_title` and its like, `a` alone being the headline.
fn row(object: &Map<String, Value>, prefix: &str) -> Row {
    let field = |names: &[&str]| -> Option<&str> {
        names.iter().find_map(|name| {
            let own = if prefix.is_empty() {
                (*name).to_owned()
            } else {
                format!("{prefix}_{name}")
            };
            object
                .get(&own)
                .and_then(Value::as_str)
                .filter(|value| !value.is_empty())
        })
    };
    let shared = |names: &[&str]| names.iter().find_map(|name| object.get(*name)?.as_str());
    let bare = || object.get(prefix).and_then(Value::as_str);
    Row {
        id: object.get("id").cloned().unwrap_or_default(),
        title: html::title(field(TITLE).or_else(bare).unwrap_or_default()),
        text: html::plain(field(TEXT).unwrap_or_default()),
        published: field(PUBLISHED).and_then(instant),
        language: field(LANGUAGE)
            .or_else(|| shared(LANGUAGE))
            .map(str::to_owned),
        outlet: field(OUTLET).unwrap_or_default().to_owned(),
    }
}

/// RFC 3339; the same without an offset is UTC; a day alone is its noon.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let civil = || {
        let at = match text.parse::<jiff::civil::DateTime>() {
            Ok(at) if text.len() > 10 => at,
            _ => text.parse::<jiff::civil::Date>().ok()?.at(12, 0, 0, 0),
        };
        jiff::tz::TimeZone::UTC.to_timestamp(at).ok()
    };
    zoned.or_else(civil).map(Timestamp::from_jiff)
}

fn lines<T: DeserializeOwned, R>(
    file: &Path,
    read: impl Fn(T) -> R,
) -> anyhow::Result<Vec<Result<R, String>>> {
    let bytes = output::read(file)?;
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    Ok(lines
        .filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace))
        .map(|(index, line)| {
            let line = String::from_utf8_lossy(line);
            serde_json::from_str(line.trim_start_matches('\u{feff}'))
                .map(&read)
                .map_err(|error| {
                    let message = format!(
                        "{} line {}: no JSON object: {error}",
                        file.display(),
                        index + 1
                    );
                    output::complain(&message);
                    message
                })
        })
        .collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn dates_come_with_and_without_offset_and_as_days() {
        for (text, expected) in [
            ("2026-01-01T05:45:00Z", "2026-01-01T05:45:00Z"),
            ("2026-01-01T05:45:00+09:00", "2025-12-31T20:45:00Z"),
            ("2026-01-01T05:45:00", "2026-01-01T05:45:00Z"),
            ("2026-01-01 05:45:00", "2026-01-01T05:45:00Z"),
            ("2026-01-01", "2026-01-01T12:00:00Z"),
        ] {
            assert_eq!(instant(text).unwrap().to_string(), expected, "{text}");
        }
        assert_eq!(instant("yesterday"), None);
    }

    #[test]
    fn a_pair_may_be_two_headlines_or_two_reports() {
        let read = |text: &str| {
            let object: Map<String, Value> = serde_json::from_str(text).unwrap();
            (side(&object, "a"), side(&object, "b"))
        };
        let (a, b) = read(r#"{"a":"One","b":"Two","a_pub":"X","a_seen":"2026-01-01","lang":"en"}"#);
        assert_eq!(
            (a.title.as_str(), b.title.as_str(), a.outlet.as_str()),
            ("One", "Two", "X")
        );
        assert!(a.published.is_some() && b.published.is_none());
        assert_eq!(b.language.as_deref(), Some("en"));
        let (a, b) =
            read(r#"{"a_title":"One","a_text":"first","b":{"title":"Two","text":"second"}}"#);
        assert_eq!((a.text.as_str(), b.text.as_str()), ("first", "second"));
    }
}
