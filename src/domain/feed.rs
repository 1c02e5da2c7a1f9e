//! Feeds: what is polled, and what a worker holds while it polls.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::{FeedId, Habits, Rhythm, SourceId, Tier, Timestamp};

/// The longest feed address accepted, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// An address that may be polled: `http` or `https`, with a host, without user and password.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeedUrl(Url);

/// Why a text is no feed address.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FeedUrlError {
    /// Not an absolute URL at all.
    #[error("{0:?} is not an absolute URL; write it with https:// or http://")]
    NotAUrl(String),
    /// Some other scheme.
    #[error("the scheme {0:?} cannot be polled; only http and https can")]
    Scheme(String),
    /// User and password inside the address would end in logs and pages.
    #[error("a user name or password inside the address is not accepted")]
    Credentials,
    /// Over 2,048 bytes.
    #[error("the address is longer than 2,048 bytes")]
    TooLong,
}

impl FeedUrl {
    /// The address as a parsed URL.
    #[must_use]
    pub const fn as_url(&self) -> &Url {
        &self.0
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, lower-cased, without a port: the unit of politeness.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl FromStr for FeedUrl {
    type Err = FeedUrlError;

    fn from_str(text: &str) -> Result<Self, FeedUrlError> {
        let text = text.trim();
        if text.len() > MAX_URL_BYTES {
            return Err(FeedUrlError::TooLong);
        }
        let mut url = Url::parse(text).map_err(|_| FeedUrlError::NotAUrl(text.to_owned()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FeedUrlError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FeedUrlError::Credentials);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl TryFrom<String> for FeedUrl {
    type Error = FeedUrlError;

    fn try_from(text: String) -> Result<Self, FeedUrlError> {
        text.parse()
    }
}

impl From<FeedUrl> for String {
    fn from(url: FeedUrl) -> Self {
        url.0.into()
    }
}

impl fmt::Display for FeedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a feed is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedState {
    /// Never read yet.
    Waiting,
    /// The last attempt was a success.
    Active,
    /// The last attempt failed.
    Failing,
    /// The publisher said 410; asked again in 30 days.
    Gone,
    /// Stopped by an admin: the only state without a next check.
    Paused,
}

impl FeedState {
    /// The word used in the database, the API and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Failing => "failing",
            Self::Gone => "gone",
            Self::Paused => "paused",
        }
    }
}

/// What a server gave to ask "changed since?" with (RFC 9110 §13.1), as served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Last-Modified` header.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there is nothing to ask with.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// These, each completed by that of `others` (RFC 9111 §3.2).
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        Self {
            etag: self.etag.or_else(|| others.etag.clone()),
            last_modified: self.last_modified.or_else(|| others.last_modified.clone()),
        }
    }
}

/// What the publisher says about when to come back: lower bounds for the next check. Hours and days are those of UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollHints {
    /// Hours in which not to ask, one bit each (`skipHours`).
    pub skip_hours: u32,
    /// Days on which not to ask, one bit each, Monday first (`skipDays`).
    pub skip_days: u8,
    /// `Cache-Control: max-age` or `Expires`, from the response.
    pub fresh_for: Option<Duration>,
    /// `ttl` or `sy:updatePeriod`, from the document.
    pub ttl: Option<Duration>,
}

/// CSS selectors for a page that lists news and has no feed.
///
/// All but `item` look inside of an item, and may end in `@name`: then that attribute holds the value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSelectors {
    /// Each element that it finds is an entry.
    pub item: String,
    /// The title; none: the text of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The link; none: the first one of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The date; none: the item's `time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The summary; none: no summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// How a feed has been asked so far, as far as it bears on how to ask it next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// Entries that were new, ever.
    pub entries_seen: u64,
    /// Of these, entries that matched a keyword.
    pub entries_matched: u64,
    /// When a document was last received.
    pub last_full_at: Option<Timestamp>,
    /// Polls since then that said "not changed".
    pub polls_since_full: u32,
    /// The coding of its bodies was broken: ask for none.
    pub is_asked_plain: bool,
    /// What the publisher last said about when to come back.
    pub hints: PollHints,
    /// Where the address permanently redirects to.
    pub moved: Option<Move>,
}

/// A run of permanent redirects to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The address.
    pub to: FeedUrl,
    /// When the run began.
    pub since: Timestamp,
    /// How many answers in a row said so.
    pub times: u32,
}

/// A feed that a worker holds until its lease ends.
///
/// Neither `Clone` nor `Copy`: the claim is given back by recording what came of it, once.
#[derive(Debug)]
#[must_use = "a claimed feed is given back by recording an attempt"]
pub struct ClaimedFeed {
    /// The feed.
    pub id: FeedId,
    /// Its address.
    pub url: FeedUrl,
    /// Proof of the claim: recording fails quietly once somebody else holds a newer one.
    pub lease_token: i64,
    /// What to ask "changed since?" with.
    pub validators: Validators,
    /// For a page without a feed: how its list is read.
    pub list: Option<ListSelectors>,
    /// SHA-256 of the last body read whole.
    pub body_hash: Option<Vec<u8>>,
    /// Whether no attempt has read this feed yet: old entries then are history, not news.
    pub is_first_read: bool,
    /// Failures since the last success.
    pub consecutive_failures: i32,
    /// When how many new entries are expected; none before the first read.
    pub rhythm: Option<Rhythm>,
    /// The last success.
    pub last_success_at: Option<Timestamp>,
    /// How the feed has been asked so far.
    pub course: Course,
    /// When an entry was last new.
    pub last_new_entry_at: Option<Timestamp>,
    /// What it is measured against.
    pub habits: Habits,
    /// The language of the feed, or else of its source (BCP 47), if the desk knows it.
    pub language: Option<String>,
    /// Its source.
    pub source_id: SourceId,
    /// The source's slug, for `source:`.
    pub source_slug: String,
    /// The source's name, for `source:`.
    pub source_name: String,
    /// The source's registered domain, for `domain:`.
    pub source_domain: String,
    /// The source's country (ISO 3166-1 alpha-2, upper case).
    pub country: Option<String>,
    /// The source's tier.
    pub tier: Tier,
    /// The source's tags, for `tag:`.
    pub tags: Vec<String>,
}
