//! Publishers and what is known about them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What kind of publisher a source is: how near to the event, and who speaks through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Governments and international bodies.
    Official,
    /// News agencies.
    Wire,
    /// Media owned or run by a state.
    State,
    /// Media of people who left.
    Exile,
    /// Research institutes and trade press.
    Specialist,
    /// General press and broadcasters.
    Press,
    /// Services that list what others publish.
    Aggregator,
}

impl Tier {
    /// Every tier, nearest to the event first.
    pub const ALL: [Self; 7] = [
        Self::Official,
        Self::Wire,
        Self::State,
        Self::Exile,
        Self::Specialist,
        Self::Press,
        Self::Aggregator,
    ];

    /// The word used in files, queries and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Wire => "wire",
            Self::State => "state",
            Self::Exile => "exile",
            Self::Specialist => "specialist",
            Self::Press => "press",
            Self::Aggregator => "aggregator",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no tier.
#[derive(Debug, Error)]
#[error(
    "{0:?} is no tier; the tiers are official, wire, state, exile, specialist, press and aggregator"
)]
pub struct UnknownTier(pub String);

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(word: &str) -> Result<Self, UnknownTier> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == word)
            .ok_or_else(|| UnknownTier(word.to_owned()))
    }
}
