//! A beat: what one desk follows, as a file, and its keywords and concepts as the engine takes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FeedUrl, KeywordId, ListSelectors, Tier};

/// A beat file, format 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// The format of the file: 1.
    pub format: u32,
    /// Short name for commands and addresses.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Names of outlets: inside them no concept is mentioned ("Tehran Times").
    #[serde(default)]
    pub outlets: Vec<String>,
    /// The saved queries, in the order of the board.
    #[serde(default)]
    pub keywords: Vec<BeatKeyword>,
    /// The named lists of terms.
    #[serde(default)]
    pub concepts: Vec<BeatConcept>,
    /// The publishers with their feeds.
    #[serde(default)]
    pub sources: Vec<BeatSource>,
}

/// A saved query in a beat file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeatKeyword {
    /// Short name, for `/keywords/{slug}` and `keyword:slug`.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// The query (canonical grammar).
    pub query: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A concept in a beat file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeatConcept {
    /// The name after `@`.
    pub slug: String,
    /// Name for people: the gloss beside a hit.
    pub name: String,
    /// Terms, phrases and `cs()` by language (BCP 47). The columns are for people: they restrict nothing.
    #[serde(default)]
    pub terms: BTreeMap<String, Vec<String>>,
    /// Terms and phrases that consume a span first, so that no mention of this concept is found inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anti_terms: Vec<String>,
    /// What to know about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A publisher in a beat file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeatSource {
    /// Short name, for `source:`.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Registered domain, for `domain:`.
    pub domain: String,
    /// Country (ISO 3166-1 alpha-2) or none for international bodies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Main language (BCP 47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What kind of publisher.
    pub tier: Tier,
    /// Free tags, for `tag:`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What to know about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The polled addresses.
    #[serde(default)]
    pub feeds: Vec<BeatFeed>,
}

/// A feed in a beat file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeatFeed {
    /// The address.
    pub url: FeedUrl,
    /// Name for people; none: the feed's own title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Language (BCP 47) if not the source's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// For a page without a feed: how its list is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListSelectors>,
    /// Folder or category, as in OPML: `a/b`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// Not polled, for the reason in `note`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// What to know about it: why it is paused, what it replaces.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl BeatFeed {
    /// A polled feed of which nothing but the address is said.
    #[must_use]
    pub const fn at(url: FeedUrl) -> Self {
        Self {
            url,
            title: None,
            language: None,
            list: None,
            category: String::new(),
            paused: false,
            note: String::new(),
        }
    }
}

/// A keyword as the engine compiles it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyword {
    /// The stored keyword.
    pub id: KeywordId,
    /// Short name.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Its version: every match keeps the one that made it.
    pub version: i32,
    /// The query text.
    pub query: String,
}

/// A concept as the engine compiles it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concept {
    /// The name after `@`.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Terms, phrases and `cs()` in all languages.
    pub terms: Vec<String>,
    /// Spans that are no mention of it.
    pub anti_terms: Vec<String>,
}

/// What of a beat changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changing<'a> {
    /// A concept, by its slug.
    Concept(&'a str),
    /// A keyword, by its slug.
    Keyword(&'a str),
    /// The names of outlets, inside which no keyword sees anything.
    Outlets,
    /// What is known of a source.
    SourceFacts,
}
