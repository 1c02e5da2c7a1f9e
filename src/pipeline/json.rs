//! JSON feeds, however loosely written, as JSON Feed 1.1 in which feed-rs loses nothing.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use url::Url;

use super::repair::MAX_ENTRIES;

/// A document written anew.
#[derive(Debug)]
pub(super) struct Repaired {
    /// What feed-rs is to read.
    pub(super) json: Vec<u8>,
    /// The page of the feed, resolved.
    pub(super) link: Option<String>,
    /// The addresses of the entries, resolved, and their languages, in order.
    pub(super) entries: Vec<(Option<String>, Option<String>)>,
    /// Items that are no objects.
    pub(super) skipped: u32,
    /// Entries beyond the limit.
    pub(super) beyond: u32,
}

/// Takes control characters out of every text: JSON can escape what XML forbids and no database stores. The reader of
/// JSON bounds the depth.
fn without_controls(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| !c.is_control() || matches!(c, '\n' | '\t')),
        Value::Array(items) => items.iter_mut().for_each(without_controls),
        Value::Object(fields) => fields.values_mut().for_each(without_controls),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text with what the reader of JSON refuses in one string and with it in the whole document: halves of pairs
/// (`\ud800` alone) become U+FFFD, and control characters that are not escaped become spaces.
fn mended(text: &str) -> Cow<'_, str> {
    let has_controls = text.bytes().any(|byte| byte < b' ');
    if !has_controls && !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '\\' || c < ' ') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(after) = rest.strip_prefix('\\') else {
            mended.push(' ');
            rest = &rest[1..];
            continue;
        };
        let pair = match half(rest) {
            Some(0xd800..0xdc00) => {
                matches!(rest.get(6..).and_then(half), Some(0xdc00..0xe000)).then_some(12)
            }
            Some(0xdc00..0xe000) => None,
            // Any other escape, whole: what is escaped may be a backslash.
            _ => Some(1 + after.chars().next().map_or(0, char::len_utf8)),
        };
        mended.push_str(pair.map_or("\\ufffd", |length| &rest[..length]));
        rest = &rest[pair.unwrap_or(6)..];
    }
    mended.push_str(rest);
    Cow::Owned(mended)
}

/// The number of the `\uXXXX` that a text begins with.
fn half(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// Writes a JSON feed anew.
///
/// # Errors
///
/// [`Fault::Syntax`] if the text is no JSON, [`Fault::NotAFeed`] if it is JSON without items or a version of JSON Feed.
pub(super) fn repair(text: &str, base: &Url) -> Result<Repaired, Fault> {
    let text = mended(text);
    let mut value: Value = serde_json::from_str(&text).map_err(Fault::Syntax)?;
    without_controls(&mut value);
    let feed = value.as_object_mut().ok_or(Fault::NotAFeed)?;
    let is_declared = text_of(feed.get("version"))
        .is_some_and(|version| version.contains("jsonfeed.org/version/"));
    let items = match feed.remove("items") {
        Some(Value::Array(items)) if is_declared || items.iter().any(is_item) => items,
        _ => return Err(Fault::NotAFeed),
    };
    let link = resolved(feed.get("home_page_url"), base);
    let total = items.len();
    let mut entries = Vec::new();
    let mut written = Vec::new();
    for item in items.iter().filter_map(Value::as_object).take(MAX_ENTRIES) {
        let url =
            resolved(item.get("url"), base).or_else(|| resolved(item.get("external_url"), base));
        entries.push((url, text_of(item.get("language"))));
        written.push(rewritten(item));
    }
    let objects = items.iter().filter(|item| item.is_object()).count();
    let json = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": text_of(feed.get("title")).unwrap_or_default(),
        "language": text_of(feed.get("language")),
        "authors": authors(feed),
        "items": written,
    });
    Ok(Repaired {
        json: serde_json::to_vec(&json).map_err(Fault::Syntax)?,
        link,
        entries,
        skipped: count(total - objects),
        beyond: count(objects.saturating_sub(MAX_ENTRIES)),
    })
}

/// Why a text is no JSON feed.
#[derive(Debug)]
pub(super) enum Fault {
    /// Not JSON, or deeper than any feed.
    Syntax(serde_json::Error),
    /// JSON of another kind.
    NotAFeed,
}

/// Whether a value looks like an item: undeclared documents are feeds only by their items.
fn is_item(value: &Value) -> bool {
    value
        .get("content_html")
        .or_else(|| value.get("content_text"))
        .or_else(|| value.get("title"))
        .is_some()
}

fn rewritten(item: &Map<String, Value>) -> Value {
    let html = text_of(item.get("content_html"));
    // feed-rs takes a second content for a summary.
    let plain = if html.is_some() {
        None
    } else {
        text_of(item.get("content_text"))
    };
    json!({
        "id": text_of(item.get("id")),
        "title": text_of(item.get("title")),
        "summary": text_of(item.get("summary")),
        "content_html": html,
        "content_text": plain,
        "date_published": text_of(item.get("date_published")),
        "date_modified": text_of(item.get("date_modified")),
        "authors": authors(item),
        "tags": tags(item.get("tags")),
    })
}

/// Text, also of a number.
fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn authors(object: &Map<String, Value>) -> Vec<Value> {
    let several = match object.get("authors") {
        Some(Value::Array(several)) => several.as_slice(),
        _ => &[],
    };
    let name = |author: &Value| text_of(author.get("name")).or_else(|| text_of(Some(author)));
    object
        .get("author")
        .into_iter()
        .chain(several)
        .filter_map(name)
        // feed-rs takes names with addresses apart by bytes.
        .map(|name| json!({ "name": name.replace('@', " at ") }))
        .collect()
}

fn tags(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(tags)) => tags.iter().filter_map(|tag| text_of(Some(tag))).collect(),
        other => text_of(other).into_iter().collect(),
    }
}

fn resolved(value: Option<&Value>, base: &Url) -> Option<String> {
    let address = text_of(value)?;
    match Url::parse(&address) {
        Err(url::ParseError::RelativeUrlWithoutBase) => base.join(&address).map(String::from).ok(),
        Ok(_) => Some(address),
        Err(_) => None,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_of_pairs_and_bare_controls_are_mended_and_nothing_else_is() {
        for (text, expected) in [
            (r#""a \ud83d\ude00 b""#, r#""a \ud83d\ude00 b""#),
            (r#""a \ud800 b""#, r#""a \ufffd b""#),
            (r#""a \udc00\ud800""#, r#""a \ufffd\ufffd""#),
            (r#""a \ud800\u0041""#, r#""a \ufffd\u0041""#),
            (r#""a \\ud800""#, r#""a \\ud800""#),
            (r#""a \" \n \u00""#, r#""a \" \n \u00""#),
            ("\"a\tb\n\"", "\"a b \""),
        ] {
            assert_eq!(mended(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_json_writes_is_left_alone(text in "\\PC{0,20}") {
            let written = serde_json::to_string(&text).unwrap_or_default();
            prop_assert_eq!(mended(&written), written.as_str());
        }

        #[test]
        fn any_text_is_mended(text in "[\\\\ud8c0-9a\u{0}\u{1f}é\"]{0,40}") {
            let _ = mended(&text);
        }
    }
}
