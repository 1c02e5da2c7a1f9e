//! Identifiers of stored things, one type each, so that two can never be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Wraps the number that the database gave.
            #[must_use]
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The number as stored.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A publisher or outlet.
    SourceId,
    /// A polled address.
    FeedId,
    /// A stored article.
    ArticleId,
    /// A saved query.
    KeywordId,
    /// A named list of terms.
    ConceptId,
    /// An account.
    UserId,
    /// A signed-in browser.
    SessionId,
    /// A key of a program to the API.
    ApiTokenId,
    /// The articles that report one event.
    StoryId,
    /// What the desk said about the grouping of articles.
    DecisionId,
    /// A change of what the desk makes of a story.
    DeskChangeId,
    /// What the desk wrote about a story.
    NoteId,
    /// A filter of the board under a name.
    SavedFilterId,
    /// A page that somebody asked for by its address.
    WantedPageId,
    /// An address that somebody wants tried.
    TrialId,
    /// Who is told of which keywords when.
    SubscriptionId,
    /// An issue of a subscription.
    EditionId,
    /// Where a subscription goes.
    RecipientId,
    /// One edition or notice to one recipient.
    DeliveryId,
}
