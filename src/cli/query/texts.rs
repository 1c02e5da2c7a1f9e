//! Texts to judge: plain-text files, and JSON lines as other programs write them.

use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::super::output;

/// A text to judge. Facts are there for queries that ask for them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Text {
    pub(super) id: serde_json::Value,
    #[serde(deserialize_with = "or_empty")]
    pub(super) title: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) summary: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) content: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) lang: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) source: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) domain: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) url: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) country: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) tier: String,
    #[serde(deserialize_with = "or_empty")]
    pub(super) author: OneOrMany,
    #[serde(deserialize_with = "or_empty")]
    pub(super) authors: OneOrMany,
    #[serde(deserialize_with = "or_empty")]
    pub(super) tags: OneOrMany,
    #[serde(deserialize_with = "or_empty")]
    pub(super) categories: OneOrMany,
}

/// A list, or a single item without its brackets.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(item) => vec![item],
            Self::Many(items) => items,
        }
    }
}

/// A value, with null as good as none.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A plain-text file: the first line is the title, the rest the content. Its letters mean themselves, so what HTML would
/// read as markup is escaped.
pub(super) fn plain_text(file: &Path) -> anyhow::Result<Text> {
    let bytes = output::read(file)?;
    let whole = String::from_utf8_lossy(&bytes);
    let whole = whole.trim_start_matches('\u{feff}');
    let (title, content) = whole.split_once('\n').unwrap_or((whole, ""));
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    Ok(Text {
        id: file.display().to_string().into(),
        title: escape(title),
        content: content.lines().fold(String::new(), |mut html, line| {
            html.push_str("<p>");
            html.push_str(&escape(line));
            html.push_str("</p>");
            html
        }),
        ..Text::default()
    })
}

/// Reads one line. What is no Unicode (foreign bytes, `\ud800` without its other half) is read as U+FFFD, as
/// everywhere else; only what is no JSON object of a text is refused.
pub(super) fn json_text(line: &[u8]) -> Result<Text, serde_json::Error> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_start_matches('\u{feff}').trim();
    let read = |line: &str| {
        // A list would be read field by field, in an order that nobody wrote down.
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line)?;
        serde_json::from_value(object.into())
    };
    read(line).or_else(|error| with_paired_surrogates(line).map_or(Err(error), |line| read(&line)))
}

/// The line with every surrogate that lacks its other half replaced by `\ufffd`; none if there is none.
fn with_paired_surrogates(line: &str) -> Option<String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    let mut has_changed = false;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => 12,
            (Some(_), _) => {
                has_changed = true;
                out.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            (None, _) => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (whole, behind) = escape.split_at(length);
        out.push_str(whole);
        rest = behind;
    }
    out.push_str(rest);
    has_changed.then_some(out)
}

/// Half of a character beyond U+FFFF.
#[derive(Clone, Copy)]
enum Half {
    High,
    Low,
}

/// The half that `text` begins with, as an escape.
fn surrogate(text: &str) -> Option<Half> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::High),
        0xDC00..=0xDFFF => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_unicode_is_read_as_a_replacement_character() {
        for (line, title) in [
            (&br#"{"title":"a \ud800 b"}"#[..], "a \u{fffd} b"),
            (br#"{"title":"a \udc00\ud83d"}"#, "a \u{fffd}\u{fffd}"),
            (br#"{"title":"\ud83d\ude00 \ud800"}"#, "😀 \u{fffd}"),
            (br#"{"title":"\\ud800 \ud800"}"#, "\\ud800 \u{fffd}"),
            (b"{\"title\":\"a \xff b\"}", "a \u{fffd} b"),
            (b"\xef\xbb\xbf{\"title\":\"a\"}\r", "a"),
            (br#"{"title":null,"authors":null,"other":1}"#, ""),
        ] {
            assert_eq!(json_text(line).unwrap().title, title);
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for line in [
            &b"iran"[..],
            b"\"iran\"",
            b"[1, \"iran\"]",
            b"{\"title\":42}",
            b"{\"title\":\"iran\"",
            b"{\"title\":\"\\ud800",
            b"{} {}",
            b"\\",
        ] {
            assert!(
                json_text(line).is_err(),
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }
}
