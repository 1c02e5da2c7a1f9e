//! Upkeep: what must not grow for ever, in one process at a time.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::Clock,
    store::{self, PgPool, StoreError, workers::Worker},
};

/// Upkeep is done this often.
const INTERVAL: Duration = Duration::from_mins(15);

/// Days of feeds are kept for so long: twice what any page shows.
const DAYS_KEPT: Duration = Duration::from_hours(24 * 28);

/// Longer than one round takes, shorter than the interval.
const LEASE: Duration = Duration::from_mins(10);

/// Trims the backlog and the sessions.
pub struct Upkeep {
    db: PgPool,
    clock: Arc<dyn Clock>,
    holder: Arc<Worker>,
    keep: Keep,
}

/// How long what is kept.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Entries that matched nothing.
    pub backlog: Duration,
    /// Sessions, after their last use.
    pub sessions: Duration,
    /// What is remembered against guessing, after the last attempt.
    pub attempts: Duration,
}

impl Upkeep {
    /// Upkeep that holds its lease as `holder`.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, holder: Arc<Worker>, keep: Keep) -> Self {
        Self {
            db,
            clock,
            holder,
            keep,
        }
    }

    /// Works until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.step(&stop).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "upkeep failed; trying again later"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Deletes backlog entries that left the window, batch by batch, and what let people in and does not any more. Returns
    /// how many entries.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn step(&self, stop: &CancellationToken) -> Result<u64, StoreError> {
        let now = self.clock.now();
        if !store::leases::hold(&self.db, "upkeep", self.holder.number(), now, LEASE).await? {
            return Ok(0);
        }
        store::sessions::trim(&self.db, now, self.keep.sessions, self.keep.attempts).await?;
        let mut total = 0;
        while !stop.is_cancelled() {
            let trimmed = store::backlog::trim(&self.db, now, self.keep.backlog).await?;
            total += trimmed;
            if trimmed == 0 {
                break;
            }
        }
        store::feed_days::trim(&self.db, now.minus(DAYS_KEPT)).await?;
        store::seen::trim(&self.db, now.minus(store::seen::REMEMBERED_FOR)).await?;
        if total > 0 {
            tracing::info!(count = total, "trimmed the backlog");
        }
        Ok(total)
    }
}
