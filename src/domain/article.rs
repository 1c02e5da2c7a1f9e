//! Articles and why they are kept.

use serde::{Deserialize, Serialize};

use super::{KeywordId, Tier};

/// Whether a feed carried an entry before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Novelty {
    /// Never seen in this feed.
    New,
    /// Seen with another title or text.
    Changed,
    /// Seen just so.
    Unchanged,
}

/// The part of an article that a query term was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The headline.
    Title,
    /// The summary.
    Summary,
    /// The content.
    Content,
}

/// Letters of an article that a leaf of a query stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Where.
    pub field: Field,
    /// First byte in the field's plain text.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The letters.
    pub text: String,
    /// The concept's name if a concept's term was found: the gloss beside a hit in another script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<String>,
}

/// That an article matched a keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleMatch {
    /// The keyword.
    pub keyword_id: KeywordId,
    /// Its version.
    pub version: i32,
    /// What was found, in order of field and place, without overlaps.
    pub hits: Vec<Hit>,
    /// The branches of the query that held, in canonical form.
    pub why: String,
}

/// What `source:`, `domain:`, `lang:` and their like ask about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// Slug and name of the source.
    pub source: [&'a str; 2],
    /// Registered domain of the source.
    pub domain: &'a str,
    /// Address of the article.
    pub url: &'a str,
    /// Language (BCP 47).
    pub language: &'a str,
    /// Country of the source (ISO 3166-1 alpha-2).
    pub country: &'a str,
    /// Tier of the source.
    pub tier: Option<Tier>,
    /// Authors as published.
    pub authors: &'a [String],
    /// Tags of the source.
    pub tags: &'a [String],
    /// Categories of the article, asked by `tag:` as well.
    pub categories: &'a [String],
}

/// An article as the engine reads it: plain text and facts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// Headline.
    pub title: &'a str,
    /// Summary, paragraphs parted by `\n`.
    pub summary: &'a str,
    /// Content, paragraphs parted by `\n`.
    pub content: &'a str,
    /// What is known beside the text.
    pub facts: Facts<'a>,
}
