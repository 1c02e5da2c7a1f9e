//! What is new to who reads: to a member what they have not seen, to everybody else what came lately.

use std::time::Duration;

use crate::{
    auth::Capability,
    domain::Timestamp,
    store::{PgPool, StoreError, board, seen},
    web::{reading, visitor::Visitor},
};

/// How long an item stays new to a reader without an account.
const NEW_FOR: Duration = Duration::from_hours(24);

/// What is new to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    asked: board::News,
    last_at: Option<Timestamp>,
}

impl News {
    /// To anybody.
    pub(crate) fn lately(now: Timestamp) -> Self {
        Self {
            asked: board::News {
                reader: None,
                since: now.minus(NEW_FOR),
            },
            last_at: None,
        }
    }

    /// To this visitor.
    pub(crate) async fn read(
        db: &PgPool,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let Some(member) = visitor.member() else {
            return Ok(Self::lately(now));
        };
        let visit = seen::visit(db, member.id, now).await?;
        // Of what was there before the first visit, the last day is new.
        let first_at = visit.map_or(now, |visit| visit.first_at);
        Ok(Self {
            asked: board::News {
                reader: Some(member.id),
                since: first_at.minus(NEW_FOR).max(now.minus(seen::NEW_FOR)),
            },
            last_at: visit.and_then(|visit| visit.last_at),
        })
    }

    /// To anybody, after an instant.
    #[cfg(test)]
    pub(crate) const fn after(since: Timestamp) -> Self {
        Self {
            asked: board::News {
                reader: None,
                since,
            },
            last_at: None,
        }
    }

    /// As the store is asked.
    pub(crate) const fn asked(&self) -> board::News {
        self.asked
    }

    /// What came before is not new.
    pub(crate) const fn since(&self) -> Timestamp {
        self.asked.since
    }

    /// When the reader was here last; none for nobody in particular, and at the first visit.
    pub(crate) const fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// The same, or else since when things are new.
    pub(crate) fn was_here(&self) -> Timestamp {
        self.last_at.unwrap_or(self.asked.since)
    }

    /// Whether there is a reader who has seen things.
    pub(crate) const fn is_personal(&self) -> bool {
        self.asked.reader.is_some()
    }
}

/// Whether the reader may choose lines, to do something with several.
pub(crate) fn may_choose() -> bool {
    reading::current().visitor.may(Capability::WorkDesk)
}
