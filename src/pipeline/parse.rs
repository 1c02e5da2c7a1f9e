//! Bytes of a body to a feed document: the one place that knows feed-rs.

use std::{
    fmt, mem,
    ops::{Add, Sub},
    panic,
    time::Duration,
};

use feed_rs::{
    model,
    parser::{Builder, ParseFeedError},
};
use url::Url;

use super::{
    dates, decode, json,
    plain_address::PlainAddress,
    repair::{self, Told},
};
use crate::{
    domain::{Document, DocumentKind, ErrorCode, PollHints, RawEntry, Timestamp},
    text::html,
};

/// Entries kept of a document, in its order; see [`loss`].
pub const MAX_ENTRIES: usize = repair::MAX_ENTRIES;
/// Bytes kept of a title.
pub const MAX_TITLE_BYTES: usize = 64 * 1_024;
/// Bytes of an address; longer ones are dropped.
pub const MAX_URL_BYTES: usize = repair::MAX_URL_BYTES;
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
    pub(super) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
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
    let decoded = decode::read(body, content_type);
    let text = decoded
        .text
        .trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    if text.is_empty() {
        return Err(ParseError::new(ErrorCode::Empty, "the body has no content"));
    }
    let document = if text.starts_with(['{', '[']) {
        parse_json(text, base)
    } else {
        parse_xml(text, base)
    }?;
    Ok(Document {
        encoding_fault: decoded.fault,
        ..document
    })
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
    let repaired = repair::repair(text, base)
        .ok_or_else(|| ParseError::new(ErrorCode::NotAFeed, what_it_is(text)))?;
    let feed = read(repaired.xml.as_bytes())?;
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
    if repaired.kind == DocumentKind::Sitemap && !has_news(&feed, text) {
        return Err(ParseError::new(
            ErrorCode::NotAFeed,
            "a sitemap whose pages have no news titles",
        ));
    }
    let feed_authors = names(feed.authors.iter().map(person_name));
    let entries = feed
        .entries
        .into_iter()
        .zip(repaired.entries)
        // A sitemap of news may hold pages that are none.
        .filter(|(entry, _)| repaired.kind != DocumentKind::Sitemap || entry.title.is_some())
        .map(|(entry, beside)| {
            let mut raw = raw_entry(repaired.kind, entry, beside.url.as_deref(), beside.language);
            raw.summary = beside.description.and_then(told);
            raw.content = beside.content.and_then(told);
            if let Some(summary) = beside.summary {
                let description = mem::replace(&mut raw.summary, markup(summary, false));
                raw.content = raw.content.or(description);
            }
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
        title: feed.title.as_ref().and_then(title),
        link: repaired.feed.url.as_deref().and_then(address),
        language: repaired
            .feed
            .language
            .or(feed.language)
            .and_then(|language| name(&language)),
        entries,
        skipped: repaired.beyond,
        is_partial: repaired.is_partial,
        encoding_fault: None,
        hints: PollHints {
            ttl: repaired.ttl,
            ..PollHints::default()
        },
    })
}

/// Whether a sitemap has titles, or would have them on a day with news.
fn has_news(feed: &model::Feed, text: &str) -> bool {
    let is_quiet = feed.entries.is_empty() && text.contains("/schemas/sitemap-news/");
    is_quiet || feed.entries.iter().any(|entry| entry.title.is_some())
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
    let feed = read(&repaired.json)?;
    let entries = feed
        .entries
        .into_iter()
        .zip(repaired.entries)
        .map(|(entry, (url, language))| {
            raw_entry(DocumentKind::Json, entry, url.as_deref(), language)
        })
        .collect();
    Ok(Document {
        kind: DocumentKind::Json,
        title: feed.title.as_ref().and_then(title),
        link: repaired.link.as_deref().and_then(address),
        language: feed.language.and_then(|language| name(&language)),
        entries,
        skipped: repaired.skipped + repaired.beyond,
        is_partial: false,
        encoding_fault: None,
        hints: PollHints::default(),
    })
}

/// Has feed-rs read a repaired document. A panic in it costs this document and nothing else.
fn read(document: &[u8]) -> Result<model::Feed, ParseError> {
    let outcome = panic::catch_unwind(|| {
        Builder::new()
            // feed-rs would make up an id, a new one at each reading.
            .id_generator(|_, _, _| String::new())
            .timestamp_parser(|text| dates::parse(text).map(after_epoch))
            .sanitize_content(false)
            .build()
            .parse(document)
    });
    outcome
        .map_err(|_| ParseError::new(ErrorCode::Parse, "the reader gave up"))?
        .map_err(|error: ParseFeedError| ParseError::new(ErrorCode::Parse, error.to_string()))
}

/// An instant in the type of feed-rs, whose default is 1970.
fn after_epoch<T>(instant: Timestamp) -> T
where
    T: Default + Add<Duration, Output = T> + Sub<Duration, Output = T>,
{
    let micros = instant.as_micros();
    let distance = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 {
        T::default() - distance
    } else {
        T::default() + distance
    }
}

fn raw_entry(
    kind: DocumentKind,
    entry: model::Entry,
    url: Option<&str>,
    language: Option<String>,
) -> RawEntry {
    let content = entry.content.and_then(|content| {
        let is_plain = content.content_type.as_str() == "text/plain";
        content.body.map(|body| (body, is_plain))
    });
    let is_rss = matches!(
        kind,
        DocumentKind::Rss | DocumentKind::Rdf | DocumentKind::Sitemap
    );
    RawEntry {
        id: filled(&entry.id).map(|id| cut_bytes(id, MAX_ID_BYTES).to_owned()),
        url: url.and_then(address),
        title: entry.title.as_ref().and_then(title),
        summary: entry.summary.and_then(summary),
        content: content.and_then(|(body, is_plain)| markup(body, is_plain)),
        published: entry
            .published
            .map(|at| Timestamp::from_micros(at.timestamp_micros())),
        updated: entry
            .updated
            // feed-rs copies the date of publication where RSS gives no other.
            .filter(|_| !is_rss || entry.updated != entry.published)
            .map(|at| Timestamp::from_micros(at.timestamp_micros())),
        authors: names(entry.authors.iter().map(person_name)),
        language: language
            .or(entry.language)
            .and_then(|language| name(&language)),
        categories: names(
            entry
                .categories
                .into_iter()
                .map(|category| Some(category.label.unwrap_or(category.term))),
        ),
    }
}

fn title(text: &model::Text) -> Option<String> {
    filled(&text.content).map(|title| cut_bytes(title, MAX_TITLE_BYTES).to_owned())
}

fn summary(text: model::Text) -> Option<String> {
    let is_plain = text.content_type.as_str() == "text/plain";
    markup(text.content, is_plain)
}

fn told(told: Told) -> Option<String> {
    markup(told.text, told.is_plain)
}

/// A text as HTML, cut to the limit.
fn markup(text: String, is_plain: bool) -> Option<String> {
    let kept = cut_bytes(filled(&text)?, MAX_TEXT_BYTES);
    Some(if is_plain {
        html::escape(kept).replace('\n', "<br>")
    } else if kept.len() == text.len() {
        text
    } else {
        kept.to_owned()
    })
}

fn person_name(person: &model::Person) -> Option<String> {
    person.name.clone().or_else(|| person.email.clone())
}

/// Names as plain text, each once, up to the limit.
fn names(served: impl Iterator<Item = Option<String>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for found in served
        .flatten()
        .filter_map(|found| name(&html::name(&found)))
    {
        if names.len() < MAX_CATEGORIES && !names.contains(&found) {
            names.push(found);
        }
    }
    names
}

fn name(text: &str) -> Option<String> {
    let name = filled(text)?;
    let end = name.char_indices().nth(MAX_NAME_CHARS);
    Some(name[..end.map_or(name.len(), |(end, _)| end)].to_owned())
}

/// A web address that a reader may follow, without user and password.
pub(super) fn address(text: &str) -> Option<String> {
    if text.len() <= MAX_URL_BYTES && PlainAddress::of(text).is_some() {
        return Some(text.to_owned());
    }
    let mut url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_clean = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    let address = if has_user {
        url.set_username("")
            .and_then(|()| url.set_password(None))
            .ok()?;
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

pub(super) fn cut_bytes(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// What a document that is no feed seems to be.
fn what_it_is(text: &str) -> String {
    let head = text[..text.floor_char_boundary(4_096)].to_ascii_lowercase();
    if head.contains("<sitemapindex") {
        return index_of_sitemaps(text);
    }
    let what = if head.contains("<html") || head.contains("<!doctype html") {
        "an HTML page"
    } else if head.contains("<opml") {
        "an OPML list"
    } else if head.starts_with('<') {
        "XML of another kind"
    } else {
        "no markup"
    };
    what.to_owned()
}

/// An index is not followed: each sitemap in it is an address of its own, and mostly not one of news.
fn index_of_sitemaps(text: &str) -> String {
    let mut addresses: Vec<&str> = text
        .split("<loc>")
        .skip(1)
        .filter_map(|after| after.split_once('<'))
        .map(|(address, _)| cut_bytes(address.trim(), MAX_NAME_CHARS))
        .take(MAX_ENTRIES)
        .collect();
    addresses.sort_by_key(|address| !address.contains("news"));
    addresses.truncate(3);
    format!(
        "an index of sitemaps; add the one with the news: {}",
        addresses.join(" ")
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const RSS: &str = include_str!("../../tests/fixtures/feeds/rss20.xml");
    const RDF: &str = include_str!("../../tests/fixtures/feeds/rdf.xml");
    const ATOM: &str = include_str!("../../tests/fixtures/feeds/atom10.xml");
    const BROKEN: &str = include_str!("../../tests/fixtures/feeds/broken.xml");
    const JSON: &str = include_str!("../../tests/fixtures/feeds/loose.json");

    fn base() -> Url {
        Url::parse("https://served.example.org/dir/feed.xml").unwrap()
    }

    fn read(text: &str) -> Document {
        parse(text.as_bytes(), None, &base()).unwrap()
    }

    fn code(text: &str) -> ErrorCode {
        parse(text.as_bytes(), None, &base()).unwrap_err().code
    }

    fn at(text: &str) -> Timestamp {
        dates::parse(text).unwrap()
    }

    fn titles(document: &Document) -> Vec<String> {
        let title = |entry: &RawEntry| html::title(entry.title.as_deref().unwrap_or("-"));
        document.entries.iter().map(title).collect()
    }

    fn urls(document: &Document) -> Vec<&str> {
        document
            .entries
            .iter()
            .map(|entry| entry.url.as_deref().unwrap_or("-"))
            .collect()
    }

    #[test]
    fn what_stands_above_every_entry_is_not_carried_when_it_is_huge() {
        let huge = "a".repeat(300_000);
        let document = read(&format!(
            "<rss version='2.0' xml:lang='{huge}' xml:base='https://far.example.org/{huge}/'><channel xml:lang='fa'>\
             <item><title>one</title><link>1.html</link></item>\
             <item xml:base='{huge}' xml:lang='{huge}'><title>two</title><link>{huge}</link></item></channel></rss>"
        ));
        assert_eq!(
            urls(&document),
            ["https://served.example.org/dir/1.html", "-"]
        );
        for entry in &document.entries {
            assert_eq!(entry.language.as_deref(), Some("fa"));
        }
    }

    #[test]
    fn rss_is_read_in_every_script() {
        let document = read(RSS);
        assert_eq!(document.kind, DocumentKind::Rss);
        assert_eq!(document.title.as_deref(), Some("Example Wire"));
        assert_eq!(document.link.as_deref(), Some("https://wire.example.org/"));
        assert_eq!(document.language.as_deref(), Some("en-gb"));
        assert_eq!(document.hints.ttl, Some(Duration::from_mins(15)));
        assert!(!document.is_partial);
        assert_eq!(
            titles(&document),
            [
                "Tehran signals talks",
                "عنوان به فارسی",
                "북한 제재 & 원유",
                "制裁リスト更新",
                "Санкции расширены",
                "对伊朗的制裁",
                "-",
            ]
        );
        assert_eq!(
            urls(&document),
            [
                "https://wire.example.org/1?utm_source=rss",
                "https://wire.example.org/2",
                "https://served.example.org/3",
                "https://wire.example.org/4",
                "-",
                "https://wire.example.org/6",
                "-",
            ]
        );
        let first = &document.entries[0];
        assert_eq!(first.id.as_deref(), Some("wire-1"));
        assert_eq!(first.summary.as_deref(), Some("<p>First &amp; only.</p>"));
        assert_eq!(first.content.as_deref(), Some("<p>Whole <b>text</b>.</p>"));
        assert_eq!(first.published, Some(at("2026-11-23T04:30:00Z")));
        assert_eq!(first.updated, None);
        assert_eq!(first.authors, ["Dana Roe"]);
        assert_eq!(first.categories, ["Nuclear", "Diplomacy"]);
        assert_eq!(document.entries[1].authors, ["رضا نمونه"]);
        assert_eq!(document.entries[3].published, None);
        assert_eq!(document.entries[6].id, None, "no id is made up");
        assert_eq!(
            document.entries[6].summary.as_deref(),
            Some("العقوبات بلا عنوان")
        );
    }

    #[test]
    fn rdf_is_read_with_its_items_beside_the_channel() {
        let document = read(RDF);
        assert_eq!(document.kind, DocumentKind::Rdf);
        assert_eq!(
            (document.title.as_deref(), document.language.as_deref()),
            (Some("Beispiel"), Some("de"))
        );
        assert_eq!(document.hints.ttl, Some(Duration::from_hours(6)));
        assert_eq!(titles(&document), ["Sanktionen verlängert", "Ohne Adresse"]);
        assert_eq!(
            urls(&document),
            [
                "https://rdf.example.org/1?from=rss",
                "https://rdf.example.org/2"
            ]
        );
        assert_eq!(
            document.entries[0].id.as_deref(),
            Some("https://rdf.example.org/1")
        );
        assert_eq!(
            document.entries[0].published,
            Some(at("2026-11-23T07:00:00Z"))
        );
        assert_eq!(document.entries[0].categories, ["Politik"]);
    }

    #[test]
    fn atom_is_read_with_bases_languages_and_types() {
        let document = read(ATOM);
        let [first, second] = document.entries.as_slice() else {
            panic!("two entries")
        };
        assert_eq!(
            first.url.as_deref(),
            Some("https://desk.example.org/wire/1?utm_source=feed")
        );
        assert_eq!(first.language.as_deref(), Some("en"));
        assert!(
            first
                .content
                .as_deref()
                .unwrap()
                .contains("<em>emphasis</em>")
        );
        assert_eq!(second.language.as_deref(), Some("fa"));
        assert_eq!(second.authors, ["Dana Roe"], "the feed's author");
        assert_eq!(second.content.as_deref(), Some("a &lt; b<br>second line"));
    }

    #[test]
    fn a_broken_feed_keeps_its_entries_and_their_titles() {
        let document = read(BROKEN);
        assert_eq!(document.title.as_deref(), Some("Tom & Jerry's café"));
        assert_eq!(
            document.link.as_deref(),
            Some("http://broken.example.org/?a=1&b=2")
        );
        assert_eq!(
            titles(&document),
            [
                "AT&T & Iran: 5 < 6 nobody",
                "Never ended",
                "Wrong end",
                "Open item",
                "Bell nul half\u{fffd} dash–"
            ]
        );
        assert_eq!(
            urls(&document),
            [
                "http://broken.example.org/1?a=1&copy=2",
                "http://broken.example.org/2",
                "http://broken.example.org/3",
                "http://broken.example.org/4",
                "-",
            ]
        );
        let summary = document.entries[0].summary.as_deref().map(html::plain);
        assert_eq!(summary.as_deref(), Some("café\nbare markup\nhere"));
        assert_eq!(
            document.entries[2].published,
            Some(at("2026-11-23T08:00:00Z"))
        );
        assert!(!document.is_partial);
    }

    #[test]
    fn a_loose_json_feed_is_read() {
        let document = read(JSON);
        assert_eq!((document.kind, document.skipped), (DocumentKind::Json, 1));
        assert_eq!(
            document.link.as_deref(),
            Some("https://served.example.org/")
        );
        let [first, second, third] = document.entries.as_slice() else {
            panic!("three entries")
        };
        assert_eq!(
            (first.id.as_deref(), first.url.as_deref()),
            (Some("17"), Some("https://served.example.org/1"))
        );
        assert_eq!(
            (first.title.as_deref(), first.authors.as_slice()),
            (Some("제재 & 원유"), &["Dana Roe".to_owned()][..])
        );
        assert_eq!(first.published, Some(at("2026-11-22T23:00:00Z")));
        assert_eq!(second.content.as_deref(), Some("a &lt; b<br>next"));
        assert_eq!(
            (second.authors.join(","), second.categories.join(",")),
            ("Reza".to_owned(), "x,7".to_owned())
        );
        assert_eq!(
            (third.id.as_deref(), third.title.as_deref(), third.published),
            (None, None, None)
        );
        assert_eq!(third.summary.as_deref(), Some("Only a summary"));
    }

    #[test]
    fn every_root_that_publishers_write_begins_a_feed() {
        let item =
            "<channel><title>t</title><item><title>Iran</title><link>/1</link></item></channel>";
        let entry = "<title>t</title><entry><title>Iran</title><link href='/1'/></entry>";
        let rss = [
            "",
            "version='2'",
            "version='2.0.1'",
            "version='0.93'",
            "version='0.91'",
            "xmlns='http://backend.userland.com/rss2'",
        ];
        let mut documents: Vec<String> = rss
            .iter()
            .map(|attributes| format!("<rss {attributes}>{item}</rss>"))
            .collect();
        documents.push(format!("<RSS>{item}</RSS>"));
        documents.push(format!(
            "<rss xmlns='http://www.w3.org/2005/Atom' version='2.0'>{item}</rss>"
        ));
        documents.push(format!(
            "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>{item}</r:RDF>"
        ));
        for space in [
            "http://www.w3.org/2005/Atom",
            "https://www.w3.org/2005/Atom",
            "http://purl.org/atom/ns#",
            "urn:x",
        ] {
            documents.push(format!("<feed xmlns='{space}'>{entry}</feed>"));
        }
        documents.push(
            "<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:entry><a:title>Iran</a:title><a:link href='/1'/></a:entry></a:feed>"
                .to_owned(),
        );
        documents
            .push("<entry xmlns='http://www.w3.org/2005/Atom'><title>Iran</title><link href='/1'/></entry>".to_owned());
        documents.push(format!(
            "{} \n<?xml version='1.0'?><rss>{item}</rss>",
            " ".repeat(9_000)
        ));
        for document in documents {
            let found = read(&document);
            assert_eq!(titles(&found), ["Iran"], "{document}");
            assert_eq!(urls(&found), ["https://served.example.org/1"], "{document}");
        }
    }

    #[test]
    fn one_poisoned_entry_of_atom_costs_no_other() {
        for poison in [
            "<title type='markdown'>x</title>",
            "<title/>",
            "<content src='https://example.org/' type='nonsense'>both</content>",
            "<content type='image/png'>AAAA</content>",
            "<content type='html'/>",
            "<link href='http://[broken' xml:base='http://['/>",
            "<author><name>\u{e9}.a@example.org</name></author>",
        ] {
            let document = read(&format!(
                "<feed xmlns='http://www.w3.org/2005/Atom'><entry>{poison}</entry><entry><title>Iran</title></entry></feed>"
            ));
            assert_eq!(titles(&document)[1..], ["Iran"], "{poison}");
        }
        let rss = "<rss><channel><item><author>\u{e9}.a@example.org</author><title>Iran</title></item></channel></rss>";
        assert_eq!(titles(&read(rss)), ["Iran"]);
    }

    #[test]
    fn a_sitemap_of_news_is_read_and_others_are_explained() {
        let document = read(include_str!("../../tests/fixtures/feeds/news-sitemap.xml"));
        assert_eq!(document.kind, DocumentKind::Sitemap);
        assert_eq!(
            titles(&document),
            ["تحریم‌های تازه & نفت", "Technicians return"]
        );
        assert_eq!(
            urls(&document),
            [
                "https://wire.example.org/fa/1?utm_source=map",
                "https://served.example.org/2"
            ]
        );
        let first = &document.entries[0];
        assert_eq!(first.published, Some(at("2026-11-24T04:30:00Z")));
        assert_eq!(first.updated, Some(at("2026-11-24T05:30:00Z")));
        assert_eq!(first.language.as_deref(), Some("fa"));
        assert_eq!(first.categories, ["Sanctions", "Oil"]);
        let quiet = "<urlset xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'></urlset>";
        assert_eq!(read(quiet).entries, []);
        let index = "<sitemapindex><sitemap><loc>https://e.example/a.xml</loc></sitemap>\
                     <sitemap><loc>https://e.example/news.xml</loc></sitemap></sitemapindex>";
        let error = parse(index.as_bytes(), None, &base()).unwrap_err();
        assert_eq!(error.code, ErrorCode::NotAFeed);
        assert!(
            error
                .detail
                .ends_with("https://e.example/news.xml https://e.example/a.xml"),
            "{error}"
        );
    }

    #[test]
    fn markup_that_ends_early_keeps_whole_entries() {
        for (text, kind) in [(RSS, "</item>"), (ATOM, "</entry>"), (RDF, "</item>")] {
            let first = text.find(kind).unwrap() + kind.len();
            let last = text.rfind(kind).unwrap();
            for end in (first..last).filter(|&end| text.is_char_boundary(end)) {
                let document = read(&text[..end]);
                let whole = text[..end].matches(kind).count();
                assert_eq!(
                    (document.entries.len(), document.is_partial),
                    (whole, true),
                    "{end}"
                );
                assert_eq!(loss(&document), Some(ErrorCode::ParsePartial));
                assert_eq!(document.entries[0], read(text).entries[0]);
            }
        }
    }

    #[test]
    fn an_entry_cut_in_the_content_beside_its_summary_is_kept_without_it() {
        let whole = "<item><title>Whole</title><link>https://e.example/1</link></item>";
        let date = "<pubDate>Mon, 23 Nov 2026 08:00:00 GMT</pubDate>";
        let told = format!("<title>Told</title><link>https://e.example/2</link>{date}");
        let (summary, content) = (
            "<description>All of it</description>",
            "<content:encoded><![CDATA[<p>Half of",
        );
        for (item, is_kept) in [
            (format!("{told}{summary}{content}"), true),
            (format!("{told}{content}"), false),
            (format!("{summary}{told}"), false),
            (format!("{told}<description>Half of"), false),
            (
                format!("<title>Told</title>{date}{summary}{content}"),
                false,
            ),
            (
                format!("{summary}<link>https://e.example/2</link>{date}{content}"),
                false,
            ),
            (
                format!("<title>Told</title><link>/2</link>{summary}{content}"),
                false,
            ),
        ] {
            let document = read(&format!("<rss version='2.0'><channel>{whole}<item>{item}"));
            assert_eq!(document.entries.len(), 1 + usize::from(is_kept), "{item}");
            assert_eq!(loss(&document), Some(ErrorCode::ParsePartial));
            if let Some(entry) = document.entries.get(1) {
                assert_eq!(entry.summary.as_deref(), Some("All of it"));
                assert_eq!(entry.content, None, "nothing half is told");
            }
        }
        let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id><title>Told</title><link href='/1'/>\
                    <updated>2026-11-23T08:00:00Z</updated><summary>All of it</summary><content type='xhtml'><div><p>Half of";
        assert_eq!(titles(&read(atom)), ["Told"]);
    }

    #[test]
    fn what_is_no_feed_is_told_from_a_feed_that_cannot_be_read() {
        for (text, expected) in [
            ("", ErrorCode::Empty),
            (" \n\u{feff}\0", ErrorCode::Empty),
            (
                "<!DOCTYPE html><html><body>Log in</body></html>",
                ErrorCode::NotAFeed,
            ),
            (
                "<urlset><url><loc>x</loc></url></urlset>",
                ErrorCode::NotAFeed,
            ),
            ("<opml/>", ErrorCode::NotAFeed),
            ("nothing at all", ErrorCode::NotAFeed),
            ("{\"a\": 1}", ErrorCode::NotAFeed),
            ("[]", ErrorCode::NotAFeed),
            (
                "{\"version\": \"https://jsonfeed.org/version/1\", \"items\": [{\"id\": \"1\"",
                ErrorCode::Parse,
            ),
            ("<rss><channel><item><title>cut", ErrorCode::Parse),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
        assert_eq!(
            read("<rss><channel><title>Quiet</title></channel></rss>").entries,
            []
        );
    }

    #[test]
    fn no_document_is_longer_than_the_limits() {
        let item = |title: &str| {
            format!("<item><title>{title}</title><link>https://e.example/{title}</link></item>")
        };
        let many: String = (0..=MAX_ENTRIES)
            .map(|number| item(&number.to_string()))
            .collect();
        let document = read(&format!("<rss><channel>{many}</channel></rss>"));
        assert_eq!((document.entries.len(), document.skipped), (MAX_ENTRIES, 1));
        assert_eq!(loss(&document), Some(ErrorCode::TooManyEntries));
        let long = "é".repeat(MAX_TEXT_BYTES);
        let labels = (0..60).fold(String::new(), |labels, number| {
            labels + &format!("<category>{number}</category>")
        });
        let document = read(&format!(
            "<rss><channel><item><title>{long}</title><link>https://e.example/{long}</link><description>{long}</description>\
             {labels}</item></channel></rss>"
        ));
        let entry = &document.entries[0];
        assert_eq!(entry.title.as_deref().unwrap().len(), MAX_TITLE_BYTES);
        assert!(entry.summary.as_deref().unwrap().len() <= MAX_TEXT_BYTES);
        assert_eq!(
            (entry.url.as_deref(), entry.categories.len()),
            (None, MAX_CATEGORIES)
        );
        assert_eq!(loss(&document), None);
    }

    #[test]
    fn the_encoding_of_the_header_is_heeded() {
        let (body, _, _) = encoding_rs::WINDOWS_1251
            .encode("<rss><channel><item><title>Санкции</title></item></channel></rss>");
        let document = parse(&body, Some("text/xml; charset=windows-1251"), &base()).unwrap();
        assert_eq!(titles(&document), ["Санкции"]);
        let utf_16: Vec<u8> = RSS.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(parse(&utf_16, None, &base()).unwrap(), read(RSS));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_damaged_feed_is_read_or_refused(
            which in 0_usize..5,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        ) {
            let mut body = [RSS, RDF, ATOM, BROKEN, JSON][which].as_bytes().to_vec();
            for (place, byte) in damage {
                let at = place.index(body.len());
                body[at] = byte;
            }
            if let Err(error) = parse(&body, None, &base()) {
                prop_assert_ne!(error.detail.as_str(), "the reader gave up");
            }
        }
    }
}
