//! A document as `wirewatch parse --json` shows it to other programs.

use serde::Serialize;

use crate::domain::{Document, DocumentKind, Entry, Timestamp};

/// A feed document as wirewatch reads it.
#[derive(Debug, Serialize)]
pub struct DocumentShape<'a> {
    /// Its format.
    pub kind: DocumentKind,
    /// The feed's title.
    pub title: Option<&'a str>,
    /// The page the feed belongs to, resolved.
    pub link: Option<&'a str>,
    /// The declared language.
    pub language: Option<&'a str>,
    /// The entries, in document order.
    pub entries: Vec<EntryShape<'a>>,
}

/// An entry as wirewatch reads it: plain text, dates in UTC, addresses resolved but not made canonical.
#[derive(Debug, Serialize)]
pub struct EntryShape<'a> {
    /// `guid` or `id` as served, trimmed.
    pub id: Option<&'a str>,
    /// The entry's page.
    pub url: Option<&'a str>,
    /// Title, one line.
    pub title: &'a str,
    /// Publication date.
    pub published: Option<Timestamp>,
    /// Date of the last change.
    pub updated: Option<Timestamp>,
    /// Names of authors.
    pub authors: &'a [String],
    /// Summary, or the content where there is none.
    pub summary: &'a str,
    /// Content.
    pub content: &'a str,
    /// Language (BCP 47).
    pub language: Option<&'a str>,
    /// Categories or tags.
    pub categories: &'a [String],
}

/// A document and its entries, as [`super::normalise::entries`] read them, for other programs.
#[must_use]
pub fn to_json<'a>(document: &'a Document, entries: &'a [Entry]) -> DocumentShape<'a> {
    DocumentShape {
        kind: document.kind,
        title: document.title.as_deref(),
        link: document.link.as_deref(),
        language: document.language.as_deref(),
        entries: entries.iter().map(entry).collect(),
    }
}

fn entry(entry: &Entry) -> EntryShape<'_> {
    EntryShape {
        id: entry.guid.as_deref(),
        url: entry.url.as_deref(),
        title: &entry.title,
        published: entry.published,
        updated: entry.updated,
        authors: &entry.authors,
        summary: if entry.summary.is_empty() {
            &entry.content
        } else {
            &entry.summary
        },
        content: &entry.content,
        language: entry.language.as_deref(),
        categories: &entry.categories,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::*;
    use crate::pipeline::{normalise, parse};

    #[test]
    fn a_feed_is_shown_as_other_programs_expect_it() {
        let body = include_bytes!("../../tests/fixtures/feeds/atom10.xml");
        let document = parse::parse(
            body,
            None,
            &Url::parse("https://desk.example.org/feed").unwrap(),
        )
        .unwrap();
        let entries = normalise::entries(&document, None);
        let shown = serde_json::to_value(to_json(&document, &entries)).unwrap();
        let first = json!({
            "id": "tag:desk.example.org,2026:1",
            "url": "https://desk.example.org/wire/1?utm_source=feed",
            "title": "Council adopts measures & names 12 ships",
            "published": "2026-11-23T08:00:00Z",
            "updated": "2026-11-23T09:30:00Z",
            "authors": ["Dana Roe"],
            "summary": "Twelve ships are listed.",
            "content": "First paragraph.\nSecond one, with emphasis.",
            "language": "en",
            "categories": ["Sanctions"],
        });
        assert_eq!(shown["kind"], "atom");
        assert_eq!(shown["title"], "Desk wire");
        assert_eq!(shown["link"], "https://desk.example.org/");
        assert_eq!(shown["language"], "en");
        assert_eq!(shown["entries"][0], first);
        assert_eq!(shown["entries"][1]["published"], json!(null));
        assert_eq!(shown["entries"][1]["id"], json!(null));
    }
}
