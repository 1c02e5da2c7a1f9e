//! What can be wrong with a feed, and what an attempt says about it.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Timestamp;

/// A trouble that comes back within this is the same incident: nobody is told of it anew.
pub const SAME_INCIDENT_WITHIN: Duration = Duration::from_hours(6);

/// What a trouble is about. A feed has at most one open incident of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Whether it is read at all.
    Outage,
    /// Whether its documents hold anything.
    Items,
    /// Whether it publishes as it used to.
    Silence,
    /// Whether entries fell out between two reads.
    Gap,
    /// Whether its documents are read whole.
    Markup,
    /// Whether its dates can be used.
    Dates,
    /// Whether its entries keep their names.
    Identity,
    /// Whether its letters are what they are declared to be.
    Encoding,
    /// Whether it lives where it is asked.
    Address,
}

impl Topic {
    /// The word used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Items => "items",
            Self::Silence => "silence",
            Self::Gap => "gap",
            Self::Markup => "markup",
            Self::Dates => "dates",
            Self::Identity => "identity",
            Self::Encoding => "encoding",
            Self::Address => "address",
        }
    }
}

/// How much a trouble matters, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Nothing is read.
    Outage,
    /// Something is missing, or is likely to be.
    Loss,
    /// Put up with: nothing is missing.
    Oddity,
}

/// What is wrong with a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No usable answer: name, connection, time, TLS, a fault of the server.
    Unreachable,
    /// The server, or the fetch policy, says no.
    Refused,
    /// 410: the publisher has withdrawn it.
    Gone,
    /// A page or something else where a feed was.
    NotAFeed,
    /// A body without content.
    Empty,
    /// A feed that cannot be read: broken, too large, too costly.
    Unreadable,
    /// Documents without a single entry.
    ZeroItems,
    /// Nothing new for longer than its norm explains.
    Stale,
    /// Entries came and went between two reads.
    Gap,
    /// Part of a document could not be read.
    Partial,
    /// Many entries are dated ahead.
    FutureDates,
    /// Many entries have no date.
    MissingDates,
    /// Entries that are known come under new guids or addresses.
    GuidChurn,
    /// The declared encoding is not the real one.
    EncodingRepaired,
    /// The publisher answers from another address.
    Moved,
}

impl Trouble {
    /// Every trouble, the worst first.
    pub const ALL: [Self; 15] = [
        Self::Gone,
        Self::Refused,
        Self::Unreachable,
        Self::NotAFeed,
        Self::Empty,
        Self::Unreadable,
        Self::ZeroItems,
        Self::Stale,
        Self::Gap,
        Self::Partial,
        Self::Moved,
        Self::GuidChurn,
        Self::FutureDates,
        Self::MissingDates,
        Self::EncodingRepaired,
    ];

    /// The word used in the database, the API and addresses of pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::NotAFeed => "not_a_feed",
            Self::Empty => "empty",
            Self::Unreadable => "unreadable",
            Self::ZeroItems => "zero_items",
            Self::Stale => "stale",
            Self::Gap => "gap",
            Self::Partial => "partial",
            Self::FutureDates => "future_dates",
            Self::MissingDates => "missing_dates",
            Self::GuidChurn => "guid_churn",
            Self::EncodingRepaired => "encoding_repaired",
            Self::Moved => "moved",
        }
    }

    /// The same for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "not reachable",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::NotAFeed => "not a feed",
            Self::Empty => "an empty document",
            Self::Unreadable => "not readable",
            Self::ZeroItems => "no items",
            Self::Stale => "stale",
            Self::Gap => "gap",
            Self::Partial => "read in part",
            Self::FutureDates => "dates ahead",
            Self::MissingDates => "dates missing",
            Self::GuidChurn => "guids change",
            Self::EncodingRepaired => "encoding repaired",
            Self::Moved => "moved",
        }
    }

    /// What it is about.
    #[must_use]
    pub const fn topic(self) -> Topic {
        match self {
            Self::Unreachable
            | Self::Refused
            | Self::Gone
            | Self::NotAFeed
            | Self::Empty
            | Self::Unreadable => Topic::Outage,
            Self::ZeroItems => Topic::Items,
            Self::Stale => Topic::Silence,
            Self::Gap => Topic::Gap,
            Self::Partial => Topic::Markup,
            Self::FutureDates | Self::MissingDates => Topic::Dates,
            Self::GuidChurn => Topic::Identity,
            Self::EncodingRepaired => Topic::Encoding,
            Self::Moved => Topic::Address,
        }
    }

    /// How much it matters.
    #[must_use]
    pub const fn weight(self) -> Weight {
        match self.topic() {
            Topic::Outage => Weight::Outage,
            Topic::Items | Topic::Silence | Topic::Gap | Topic::Markup => Weight::Loss,
            Topic::Dates | Topic::Identity | Topic::Encoding | Topic::Address => Weight::Oddity,
        }
    }
}

/// A word that names no trouble.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no trouble of a feed")]
pub struct UnknownTrouble(pub String);

impl FromStr for Trouble {
    type Err = UnknownTrouble;

    fn from_str(word: &str) -> Result<Self, UnknownTrouble> {
        Self::ALL
            .into_iter()
            .find(|trouble| trouble.as_str() == word)
            .ok_or_else(|| UnknownTrouble(word.to_owned()))
    }
}

/// A trouble that an attempt found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub trouble: Trouble,
    /// For people, in one line.
    pub detail: String,
    /// Entries that fell out unseen, estimated; 0 for anything but a gap.
    pub missed: u32,
}

/// What an attempt says about one topic. A topic that it says nothing about stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The topic.
    pub topic: Topic,
    /// What is wrong; none if all is well.
    pub finding: Option<Finding>,
}

/// What was known of a feed before an attempt, and what is known after it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Habits {
    /// The newest publication date in its documents, never in the future.
    pub newest_published_at: Option<Timestamp>,
    /// Entries of the last document read.
    pub last_entry_count: Option<i32>,
    /// When it last showed life: something new, or at the first read the newest date.
    pub last_sign_at: Option<Timestamp>,
    /// Entries a day, frozen while it is silent.
    pub norm_per_day: Option<f64>,
    /// The longest time it was silent for before it went on, in seconds; fades.
    pub longest_pause_s: Option<f64>,
}

/// What a document shows beside its entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// The feed's habits with this document.
    pub habits: Habits,
    /// Entries that fell out unseen before this read, estimated; none without a gap.
    pub missed: Option<u32>,
    /// Entries dated ahead.
    pub future: u32,
    /// Entries without a date.
    pub undated: u32,
    /// Entries that were carried before.
    pub known: u32,
    /// Those of them that have another guid now.
    pub churned: u32,
    /// All entries are new to the ledger, and none is newer than what was seen.
    pub is_renamed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_one_word() {
        for trouble in Trouble::ALL {
            assert_eq!(trouble.as_str().parse(), Ok(trouble));
        }
        assert_eq!(
            "asleep".parse::<Trouble>(),
            Err(UnknownTrouble("asleep".to_owned()))
        );
    }
}
