//! Upkeep: what must not grow for ever, and the weekly sample of what matched nothing, in one process at a time.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use super::lease;
use crate::{
    domain::{Clock, Timestamp},
    pipeline::schedule,
    store::{self, PgPool, StoreError, workers::Worker},
};

/// Upkeep is done this often.
const INTERVAL: Duration = Duration::from_mins(15);
const ROUND_MICROS: i64 = 15 * 60 * 1_000_000;

/// Hosts are remembered for so long after they were last asked, longer than any pause or slowness; and trials, longer than
/// anybody looks at one.
const DAY_KEPT: Duration = Duration::from_hours(24);

/// The ledger is trimmed in so many shares, one in each round: each feed about once a day. So are subscriptions.
const SHARES: i64 = 96;

/// A match that is closed, and stands again within so long, is told yet.
const SETTLED_AFTER: Duration = Duration::from_hours(30 * 24);

/// Clocks of several machines may differ by so much.
const CLOCKS_DIFFER: Duration = Duration::from_hours(1);

/// Longer than one round takes, shorter than the interval.
const LEASE: Duration = Duration::from_mins(10);

/// Trims the backlog, the ledger, sessions and tokens, incidents, hosts and the days of feeds, and takes back what a clock
/// that ran ahead has set.
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
    /// Incidents that are over.
    pub incidents: Duration,
    /// What each feed did on each day.
    pub feed_days: Duration,
    /// What a feed's documents have held; unseen for longer, while they moved on, it is no longer known to be old.
    pub ledger: Duration,
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

    /// Works until stopped; then another process may go on at once.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.step(&stop).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "upkeep failed; trying again later"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
        lease::give_back(&self.db, "upkeep", &self.holder).await;
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
        let (db, keep) = (&self.db, &self.keep);
        let share = now.as_micros() / ROUND_MICROS % SHARES;
        let trimmed = whole(stop, || store::backlog::trim(db, now, keep.backlog)).await;
        // One that fails holds up no other: what grows while a disk is full must still be trimmed.
        let others = [
            whole(stop, || {
                store::sessions::trim(db, now, keep.sessions, keep.attempts)
            })
            .await
            .map(drop),
            whole(stop, || {
                store::feed_days::trim(db, now.minus(keep.feed_days))
            })
            .await
            .map(drop),
            whole(stop, || {
                store::seen::trim(db, now.minus(store::seen::REMEMBERED_FOR))
            })
            .await
            .map(drop),
            whole(stop, || {
                store::incidents::trim(db, now.minus(keep.incidents))
            })
            .await
            .map(drop),
            whole(stop, || store::trials::trim(db, now.minus(DAY_KEPT)))
                .await
                .map(drop),
            whole(stop, || store::hosts::trim(db, now.minus(DAY_KEPT)))
                .await
                .map(drop),
            store::wanted_pages::trim(db, now.minus(DAY_KEPT))
                .await
                .map(drop),
            bring_back(db, now).await,
            store::ledger::trim(db, keep.ledger, share, SHARES)
                .await
                .map(drop),
            store::due::settle_old(db, now.minus(SETTLED_AFTER), share, SHARES)
                .await
                .map(drop),
            store::quality::draw(db, now).await.map(drop),
        ];
        for error in others.iter().filter_map(|done| done.as_ref().err()) {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "a part of the upkeep could not be done; the next round tries again"
            );
        }
        let total = trimmed?;
        if total > 0 {
            tracing::info!(count = total, "trimmed the backlog");
        }
        Ok(total)
    }
}

/// What a machine set whose clock ran ahead would hold up feeds until that time comes.
async fn bring_back(db: &PgPool, now: Timestamp) -> Result<(), StoreError> {
    let latest = now.plus(schedule::LONGEST_WAIT + CLOCKS_DIFFER);
    let feeds = store::feeds::bring_back(db, now, latest, CLOCKS_DIFFER).await?;
    let hosts = store::hosts::bring_back(db, now).await?;
    if feeds + hosts > 0 {
        tracing::warn!(feeds, hosts, "a clock ran ahead: feeds are asked again now");
    }
    Ok(())
}

/// Trims batch by batch, until nothing is left or until stopped. Returns how many rows.
async fn whole<F>(stop: &CancellationToken, mut batch: impl FnMut() -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut total = 0;
    while !stop.is_cancelled() {
        match batch().await? {
            0 => break,
            trimmed => total += trimmed,
        }
    }
    Ok(total)
}
