//! Trials: an address asked once, to see what it is before it becomes a feed.

use serde::{Deserialize, Serialize};

use super::{ListSelectors, Timestamp};

/// What an address turned out to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Where the answer came from, after redirects.
    pub url: String,
    /// What it can be read as; none: as nothing.
    pub preview: Option<Preview>,
    /// Feeds that the page offers, or that stand where feeds use to be.
    pub offers: Vec<OfferedFeed>,
    /// Why it cannot be read as what it was asked for; none if it can.
    pub problem: Option<String>,
}

/// A document as it would be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Its own title.
    pub title: Option<String>,
    /// The selectors with which it was read, asked for or guessed; none for a feed.
    pub selectors: Option<ListSelectors>,
    /// Entries.
    pub entries: u32,
    /// What could not be read as an entry.
    pub skipped: u32,
    /// The first entries.
    pub first: Vec<PreviewedEntry>,
}

/// An entry of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewedEntry {
    /// Title.
    pub title: String,
    /// Address.
    pub url: Option<String>,
    /// When it was published.
    pub published: Option<Timestamp>,
    /// The beginning of its summary.
    pub summary: String,
}

/// A feed that a page offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedFeed {
    /// Its address.
    pub url: String,
    /// What the page calls it.
    pub title: Option<String>,
}
