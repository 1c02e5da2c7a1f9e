//! What became of asking a feed: the one shape in which every way out is recorded.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    ArticleMatch, ClaimedFeed, Course, Entry, FeedState, FeedUrl, Identified, Observed, PollHints,
    Rhythm, Timestamp, Validators, Verdict,
};

/// Why an attempt failed, or what was lost in one that succeeded (`ParsePartial`, `TooManyEntries`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The host name has no address.
    Dns,
    /// No connection.
    Connect,
    /// Too slow.
    Timeout,
    /// No trusted TLS session.
    Tls,
    /// The server breaks HTTP.
    Http,
    /// The address is not one that may be asked.
    BlockedAddress,
    /// Too many redirects.
    RedirectLoop,
    /// A redirect to an address that may not be asked.
    RedirectBlocked,
    /// A status other than 2xx, 304 and 429.
    HttpStatus,
    /// 429, or 503 with `Retry-After`.
    RateLimited,
    /// The body is over the limit.
    TooLarge,
    /// The content coding is broken or unknown.
    Decompress,
    /// The body ended before its end.
    Truncated,
    /// A body without content.
    Empty,
    /// Not a feed (a page, a script, a picture).
    NotAFeed,
    /// A feed that cannot be read.
    Parse,
    /// The markup ended early; whole entries were kept.
    ParsePartial,
    /// More entries than the limit; the first were kept.
    TooManyEntries,
    /// Reading took too long.
    CpuLimit,
}

impl ErrorCode {
    /// The word used in the database, the API and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::BlockedAddress => "blocked_address",
            Self::RedirectLoop => "redirect_loop",
            Self::RedirectBlocked => "redirect_blocked",
            Self::HttpStatus => "http_status",
            Self::RateLimited => "rate_limited",
            Self::TooLarge => "too_large",
            Self::Decompress => "decompress",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::NotAFeed => "not_a_feed",
            Self::Parse => "parse",
            Self::ParsePartial => "parse_partial",
            Self::TooManyEntries => "too_many_entries",
            Self::CpuLimit => "cpu_limit",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub code: ErrorCode,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// For people: what happened, in one line.
    pub detail: String,
    /// `Retry-After`, as a duration from now.
    pub retry_after: Option<Duration>,
}

/// An entry with what was decided about it.
#[derive(Debug, Clone)]
pub struct FoundEntry {
    /// The entry.
    pub entry: Entry,
    /// What it is to its feed.
    pub identified: Identified,
    /// The keywords it matched.
    pub matches: Vec<ArticleMatch>,
    /// The publication date made fit for sorting: never after it was first seen, never absurdly early.
    pub sort_at: Timestamp,
    /// History rather than news: an old entry met at the feed's first read.
    pub is_backfill: bool,
}

/// A document read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The HTTP status.
    pub status: u16,
    /// The feed's own title.
    pub title: Option<String>,
    /// Entries that are new or changed, and unchanged ones that moved or got another guid: their row in the ledger must
    /// follow. The rest is only counted.
    pub found: Vec<FoundEntry>,
    /// The revision of the beat whose keywords they were matched with.
    pub beat_revision: i64,
    /// Entries in the document.
    pub entries: u32,
    /// Entries that could not be read.
    pub skipped: u32,
    /// Bytes of the decoded body.
    pub bytes: u64,
    /// SHA-256 of the body; none if the body was not read whole.
    pub body_hash: Option<Vec<u8>>,
    /// Validators to ask with next time; empty if the body was not read whole.
    pub validators: Validators,
    /// What the publisher says about when to come back.
    pub hints: PollHints,
    /// What was lost although the document was read.
    pub loss: Option<ErrorCode>,
    /// What was wrong with the encoding, for people.
    pub encoding_fault: Option<String>,
    /// What it shows of the feed's habits and manners.
    pub observed: Box<Observed>,
}

/// What became of asking a feed.
#[derive(Debug, Clone)]
pub enum Attempt {
    /// 304, or the same body as before.
    Unchanged {
        /// The HTTP status.
        status: u16,
        /// Validators to keep.
        validators: Validators,
        /// What the publisher says about when to come back.
        hints: PollHints,
    },
    /// A document was read.
    Read(Reading),
    /// Nothing was read.
    Failed(Failure),
}

/// When to ask again, and why then.
#[derive(Debug, Clone, PartialEq)]
pub struct NextCheck {
    /// The instant; always in the future.
    pub at: Timestamp,
    /// For people, in one line: "about 9 entries a day".
    pub reason: String,
    /// The state after the attempt.
    pub state: FeedState,
    /// The feed's rhythm after the attempt.
    pub rhythm: Option<Rhythm>,
    /// Requests an hour that the feed would get at a price of one half entry-hour: its claim on the budget.
    pub demand: f64,
}

/// An attempt with everything that its one writer needs.
#[derive(Debug)]
pub struct PollRecord {
    /// The claim, given back by recording. A reader that was given up may hold it a moment longer.
    pub feed: Arc<ClaimedFeed>,
    /// What became of it.
    pub attempt: Attempt,
    /// When to ask again.
    pub next: NextCheck,
    /// How the feed has been asked, this attempt included.
    pub course: Course,
    /// The address to ask from now on, if it is another.
    pub adopted: Option<FeedUrl>,
    /// What it says about how the feed is doing.
    pub verdicts: Vec<Verdict>,
    /// When asking began.
    pub started_at: Timestamp,
    /// When it ended: "seen" for its entries.
    pub finished_at: Timestamp,
}
