//! Entries: one element of a feed document, as published and as read.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Novelty, PollHints, Timestamp};

/// The format of a feed document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// RSS 0.9x and 2.0.
    Rss,
    /// RSS 0.90 and 1.0.
    Rdf,
    /// Atom 0.3 and 1.0.
    Atom,
    /// JSON Feed 1.0 and 1.1.
    Json,
    /// A sitemap of news.
    Sitemap,
    /// A page that lists news, read with selectors.
    List,
}

/// A feed document as its publisher wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its format.
    pub kind: DocumentKind,
    /// The feed's title, plain text.
    pub title: Option<String>,
    /// The page the feed belongs to, resolved.
    pub link: Option<String>,
    /// The declared language (BCP 47, as served).
    pub language: Option<String>,
    /// The entries, in document order.
    pub entries: Vec<RawEntry>,
    /// Entries that could not be read.
    pub skipped: u32,
    /// Whether the markup ended early: whole entries are kept, validators are not.
    pub is_partial: bool,
    /// What was wrong with its encoding, for people; the text is as it was meant.
    pub encoding_fault: Option<String>,
    /// What the document says about when to come back.
    pub hints: PollHints,
}

/// An entry as published: text fields are markup, links resolved, nothing decided yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawEntry {
    /// `guid` or `id` as served, trimmed; none if absent.
    pub id: Option<String>,
    /// The entry's page, resolved against the document.
    pub url: Option<String>,
    /// Title, HTML entities not yet decoded a second time.
    pub title: Option<String>,
    /// Summary or description, HTML.
    pub summary: Option<String>,
    /// Full content, HTML.
    pub content: Option<String>,
    /// Publication date.
    pub published: Option<Timestamp>,
    /// Date of the last change.
    pub updated: Option<Timestamp>,
    /// Names of authors.
    pub authors: Vec<String>,
    /// Declared language (BCP 47, as served).
    pub language: Option<String>,
    /// Categories or tags.
    pub categories: Vec<String>,
}

/// An entry as read: plain text, with a canonical address and a known language where there is one.
///
/// Paragraphs of `summary` and `content` are parted by `\n`. Every text is free of control characters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    /// `guid` or `id` as served, trimmed; none if absent.
    pub guid: Option<String>,
    /// The entry's page, resolved, as a reader follows it.
    pub url: Option<String>,
    /// The same page as identity: tracking parameters, fragment and default port gone.
    pub canonical_url: Option<String>,
    /// Title, one line.
    pub title: String,
    /// Summary; empty if absent.
    pub summary: String,
    /// Content; empty if absent.
    pub content: String,
    /// Publication date as served.
    pub published: Option<Timestamp>,
    /// Date of the last change as served.
    pub updated: Option<Timestamp>,
    /// Names of authors.
    pub authors: Vec<String>,
    /// Language (BCP 47), from the entry, the document, the source or the script.
    pub language: Option<String>,
    /// Categories or tags.
    pub categories: Vec<String>,
}

impl Entry {
    /// The length of its title, summary and content, in bytes.
    #[must_use]
    pub const fn text_bytes(&self) -> usize {
        self.title.len() + self.summary.len() + self.content.len()
    }
}

/// What makes an article one and the same: the first 16 bytes of a SHA-256 over its canonical URL, or over what
/// tells it apart where the URL alone does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(pub [u8; 16]);

/// A row of a feed's ledger of what was seen: hashes only. Hashes are the first 8 bytes of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What the entry was identified as.
    pub identity: Identity,
    /// Hash of the canonical URL; none without one.
    pub url: Option<i64>,
    /// Hash of the guid; none without one.
    pub guid: Option<i64>,
    /// Hash of the folded title.
    pub title: i64,
    /// Hash of title, summary and content.
    pub content: i64,
}

/// What a feed's ledger knows of a document's entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The rows that share a URL, a guid or an identity with it.
    pub known: Vec<Known>,
    /// Of these, rows that were last noted so long ago that they are to be noted again, or they would be forgotten.
    pub fading: HashSet<Identity>,
}

/// What an entry is to its feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identified {
    /// Its row in the ledger, as it is to be.
    pub known: Known,
    /// Whether the feed carried it before.
    pub novelty: Novelty,
    /// The hash of its canonical URL, if its identity is made of that alone: who has the one needs not look for the other.
    pub identity_url: Option<i64>,
}

/// Which rows of a feed's ledger are needed to identify a document's entries: those that share any of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Hashes of canonical URLs.
    pub urls: Vec<i64>,
    /// Hashes of guids.
    pub guids: Vec<i64>,
    /// Identities that entries may turn out to have.
    pub identities: Vec<Identity>,
}
