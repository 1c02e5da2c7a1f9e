//! Bytes of a body to a feed document: the one place that knows feed-rs.

use std::{fmt, panic};

use feed_rs::{
    model,
    parser::{Builder, ParseFeedError},
};
use url::Url;

use super::{dates, decode::decode, json, repair};
use crate::{
    domain::{Document, DocumentKind, ErrorCode, PollHints, RawEntry, Timestamp},
    text::html,
};

/// Entries kept of a document, in its order; see [`loss`].
pub const MAX_ENTRIES: usize = repair::MAX_ENTRIES;
/// Characters kept of a title.
pub const MAX_TITLE_CHARS: usize = 1_000;
/// Bytes of an address; longer ones are dropped.
pub const MAX_URL_BYTES: usize = 2_048;
/// Bytes kept of a summary or content.
pub const MAX_TEXT_BYTES: usize = repair::MAX_FIELD_BYTES;
/// Categories, and authors, kept of an entry.
pub const MAX_CATEGORIES: usize = 50;
/// Characters kept of a name, category or language.
const MAX_NAME_CHARS: usize = 200;
/// Bytes kept of an identifier; it is compared, not shown.
const MAX_ID_BYTES: usize = 4_096;

/// Why a body is no feed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// `Empty`, `NotAFeed` or `Parse`.
    pub code: ErrorCode,
    /// For people: what was found instead, in one line.
    pub detail: String,
}

impl ParseError {
    fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for ParseError {}

/// Reads a feed document: RSS 0.90 to 2.0, Atom 0.3 and 1.0, JSON Feed, in any encoding, whatever it is served as.
///
/// `base` is the address that answered: relative addresses are resolved against it where the document gives no base.
///
/// # Errors
///
/// `Empty` for a body of nothing, `NotAFeed` for one in which no feed begins, `Parse` for a feed that cannot be read.
pub fn parse(body: &[u8], content_type: Option<&str>, base: &Url) -> Result<Document, ParseError> {
    let text = decode(body, content_type);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    if text.is_empty() {
        return Err(ParseError::new(ErrorCode::Empty, "the body has no content"));
    }
    if text.starts_with(['{', '[']) {
        parse_json(text, base)
    } else {
        parse_xml(text, base)
    }
}

/// What was lost of a document that was read: its end, or entries over the limit.
#[must_use]
pub fn loss(document: &Document) -> Option<ErrorCode> {
    if document.is_partial {
        Some(ErrorCode::ParsePartial)
    } else if document.entries.len() >= MAX_ENTRIES && document.skipped > 0 {
        Some(ErrorCode::TooManyEntries)
    } else {
        None
    }
}

fn parse_xml(text: &str, base: &Url) -> Result<Document, ParseError> {
    let repaired = repair::repair(text, base).ok_or_else(|| ParseError::new(ErrorCode::NotAFeed, what_it_is(text)))?;
    let feed = read(repaired.xml.into_bytes())?;
    if feed.entries.len() != repaired.entries.len() {
        let detail = format!(
            "{} of {} entries could be read",
            feed.entries.len(),
            repaired.entries.len()
        );
        return Err(ParseError::new(ErrorCode::Parse, detail));
    }
    if repaired.is_partial && feed.entries.is_empty() {
        return Err(ParseError::new(
            ErrorCode::Parse,
            "the markup ends before its first entry does",
        ));
    }
    let feed_authors = names(feed.authors.iter().map(person_name));
    let entries = feed
        .entries
        .into_iter()
        .zip(repaired.entries)
        .map(|(entry, beside)| {
            let mut raw = raw_entry(repaired.kind, entry, beside.url.as_deref(), beside.language);
            if raw.authors.is_empty() {
                raw.authors = names(beside.bylines.into_iter().map(Some));
            }
            if raw.authors.is_empty() {
                raw.authors.clone_from(&feed_authors);
            }
            raw
        })
        .collect();
    Ok(Document {
        kind: repaired.kind,
        title: feed.title.and_then(title),
        link: repaired.feed.url.as_deref().and_then(address),
        language: repaired
            .feed
            .language
            .or(feed.language)
            .and_then(|language| name(&language)),
        entries,
        skipped: repaired.beyond,
        is_partial: repaired.is_partial,
        hints: PollHints {
            fresh_for: None,
            ttl: repaired.ttl,
        },
    })
}

fn parse_json(text: &str, base: &Url) -> Result<Document, ParseError> {
    let repaired = json::repair(text, base).map_err(|fault| match fault {
        json::Fault::Syntax(error) if text.contains("jsonfeed.org/version/") => {
            ParseError::new(ErrorCode::Parse, error.to_string())
        }
        json::Fault::Syntax(_) | json::Fault::NotAFeed => {
            ParseError::new(ErrorCode::NotAFeed, "JSON, but no JSON Feed")
        }
    })?;
    let feed = read(repaired.json)?;
    let entries = feed
        .entries
        .into_iter()
        .zip(repaired.entries)
        .map(|(entry, (url, language))| raw_entry(DocumentKind::Json, entry, url.as_deref(), language))
        .collect();
    Ok(Document {
        kind: DocumentKind::Json,
        title: feed.title.and_then(title),
        link: repaired.link.as_deref().and_then(address),
        language: feed.language.and_then(|language| name(&language)),
        entries,
        skipped: repaired.skipped + repaired.beyond,
        is_partial: false,
        hints: PollHints::default(),
    })
}

/// Has feed-rs read a repaired document. A panic in it costs this document and nothing else.
fn read(document: Vec<u8>) -> Result<model::Feed, ParseError> {
    let outcome = panic::catch_unwind(|| {
        Builder::new()
            // feed-rs would make up an id, a new one at each reading.
            .id_generator(|_, _, _| String::new())
            .timestamp_parser(|text| dates::parse(text)?.to_string().parse().ok())
            .sanitize_content(false)
            .build()
            .parse(document.as_slice())
    });
    outcome
        .map_err(|_| ParseError::new(ErrorCode::Parse, "the reader gave up"))?
        .map_err(|error: ParseFeedError| ParseError::new(ErrorCode::Parse, error.to_string()))
}

fn raw_entry(kind: DocumentKind, entry: model::Entry, url: Option<&str>, language: Option<String>) -> RawEntry {
    let content = entry.content.and_then(|content| {
        let is_plain = content.content_type.as_str() == "text/plain";
        content.body.map(|body| (body, is_plain))
    });
    let is_said_by_entry = !matches!(kind, DocumentKind::Rss | DocumentKind::Rdf);
    RawEntry {
        id: filled(&entry.id).map(|id| cut_bytes(id, MAX_ID_BYTES).to_owned()),
        url: url.and_then(address),
        title: entry.title.and_then(title),
        summary: entry.summary.and_then(|text| summary(kind, &text)),
        content: content.and_then(|(body, is_plain)| markup(&body, is_plain)),
        published: entry.published.map(|at| Timestamp::from_micros(at.timestamp_micros())),
        updated: entry
            .updated
            // feed-rs copies the date of publication where RSS gives no other.
            .filter(|_| is_said_by_entry || entry.updated != entry.published)
            .map(|at| Timestamp::from_micros(at.timestamp_micros())),
        authors: names(entry.authors.iter().map(person_name)),
        language: language.or(entry.language).and_then(|language| name(&language)),
        categories: names(
            entry
                .categories
                .into_iter()
                .map(|category| Some(category.label.unwrap_or(category.term))),
        ),
    }
}

fn title(text: model::Text) -> Option<String> {
    filled(&text.content).map(|title| title.chars().take(MAX_TITLE_CHARS).collect())
}

fn summary(kind: DocumentKind, text: &model::Text) -> Option<String> {
    // A description of RSS is HTML; the other formats say when it is.
    let is_html = matches!(kind, DocumentKind::Rss | DocumentKind::Rdf);
    markup(&text.content, !is_html && text.content_type.as_str() == "text/plain")
}

/// A text as HTML, cut to the limit.
fn markup(text: &str, is_plain: bool) -> Option<String> {
    let text = cut_bytes(filled(text)?, MAX_TEXT_BYTES);
    Some(if is_plain {
        html::escape(text).replace('\n', "<br>")
    } else {
        text.to_owned()
    })
}

fn person_name(person: &model::Person) -> Option<String> {
    person.name.clone().or_else(|| person.email.clone())
}

/// Names as plain text, each once, up to the limit.
fn names(served: impl Iterator<Item = Option<String>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for found in served.flatten().filter_map(|found| name(&html::title(&found))) {
        if names.len() < MAX_CATEGORIES && !names.contains(&found) {
            names.push(found);
        }
    }
    names
}

fn name(text: &str) -> Option<String> {
    filled(text).map(|text| text.chars().take(MAX_NAME_CHARS).collect())
}

/// A web address that a reader may follow, without user and password.
fn address(text: &str) -> Option<String> {
    let mut url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_clean = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    let address = if has_user {
        url.set_username("").and_then(|()| url.set_password(None)).ok()?;
        url.into()
    } else if is_clean {
        text.to_owned()
    } else {
        url.into()
    };
    Some(address).filter(|address: &String| address.len() <= MAX_URL_BYTES)
}

fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn cut_bytes(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// What a document that is no feed seems to be.
fn what_it_is(text: &str) -> &'static str {
    let head = text[..text.floor_char_boundary(1_024)].to_ascii_lowercase();
    if head.contains("<html") || head.contains("<!doctype html") {
        "an HTML page"
    } else if head.contains("<urlset") || head.contains("<sitemapindex") {
        "a sitemap"
    } else if head.contains("<opml") {
        "an OPML list"
    } else if head.starts_with('<') {
        "XML of another kind"
    } else {
        "no markup"
    }
}
