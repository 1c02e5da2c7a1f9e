//! The glossary as types: what the rooms above say to each other.
//!
//! Values only. Nothing here is async, reads a clock, logs, or knows how it is stored or sent.

mod account;
mod address;
mod article;
mod attempt;
mod beat;
mod coverage;
pub mod delivery;
pub mod desk;
pub mod digest;
pub mod duration;
mod entry;
mod feed;
mod id;
pub mod marks;
mod quality;
pub mod rhythm;
mod source;
mod time;
mod trial;
mod trouble;

pub use account::{AccountWordError, ClockFormat, Role, UserName};
pub use address::{MailAddress, MailAddressError};
pub use article::{ArticleMatch, Facts, Field, Hit, Novelty, Subject};
pub use attempt::{Attempt, ErrorCode, Failure, FoundEntry, NextCheck, PollRecord, Reading};
pub use beat::{Beat, BeatConcept, BeatFeed, BeatKeyword, BeatSource, Changing, Concept, Keyword};
pub use coverage::{Collection, Coverage, Exception, SourceTrouble, Working};
pub use entry::{
    Document, DocumentKind, Entry, Identified, Identity, Known, Ledger, Lookup, RawEntry,
};
pub use feed::{
    ClaimedFeed, Course, FeedState, FeedUrl, FeedUrlError, ListSelectors, Move, PollHints,
    Validators,
};
pub use id::{
    ApiTokenId, ArticleId, ConceptId, DecisionId, DeliveryId, DeskChangeId, EditionId, FeedId,
    KeywordId, NoteId, OpmlImportId, RecipientId, SampleId, SavedFilterId, SessionId, SourceId,
    StoryId, SubscriptionId, TrialId, UserId, WantedPageId,
};
pub use quality::Share;
pub use rhythm::Rhythm;
pub use source::{Tier, UnknownTier};
pub use time::{Clock, Timestamp};
pub use trial::{OfferedFeed, Preview, PreviewedEntry, Trial};
pub use trouble::{
    Finding, Habits, Observed, SAME_INCIDENT_WITHIN, Topic, Trouble, UnknownTrouble, Verdict,
    Weight,
};
