//! Placing: committed articles get their arrival number, in one process at a time.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, Notify},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{grouping::Grouping, lease, pulse::Pulse};
use crate::{
    domain::Clock,
    meters::{Stage, meters},
    store::{self, PgPool, StoreError, workers::Worker},
};

/// Articles placed in one transaction.
const BATCH: i64 = 500;

/// Looks for articles of other processes this often; its own are told by a nudge.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long numbers wait for stories that are not in memory yet.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long another process waits before it takes over from a dead one.
const LEASE: Duration = Duration::from_secs(15);

/// Longer than a batch, or remembering a hundred thousand articles, takes.
const ROUND_WITHIN: Duration = Duration::from_mins(2);

/// Tells a placer that there is something to place.
#[derive(Debug, Default)]
pub struct Nudge {
    something: Notify,
    nearly_over: Notify,
}

impl Nudge {
    /// There is something.
    pub(super) fn tell(&self) {
        self.something.notify_one();
    }

    /// No more feeds begin in this pass: what there is can be placed beside those that still run, rather than after them.
    pub(super) fn tell_nearly_over(&self) {
        self.nearly_over.notify_one();
    }
}

/// Gives arrival numbers, and groups what has one into stories.
pub struct Placer {
    db: PgPool,
    clock: Arc<dyn Clock>,
    holder: Arc<Worker>,
    nudge: Arc<Nudge>,
    grouping: Mutex<Grouping>,
    pulse: Pulse,
}

impl Placer {
    /// A placer that holds its lease as `holder` and works at once when `nudge` tells.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, holder: Arc<Worker>, nudge: Arc<Nudge>) -> Self {
        Self {
            db,
            clock,
            holder,
            nudge,
            grouping: Mutex::default(),
            pulse: Pulse::new("place", ROUND_WITHIN),
        }
    }

    /// That it places, or looks whether it may.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Places until stopped, then once more, so that nothing stored before the stop stays unseen.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(self.prepare_soon(&stop), async {
            while !stop.is_cancelled() {
                self.step_logged().await;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.nudge.something.notified() => {}
                    () = time::sleep(INTERVAL) => {}
                }
            }
        });
        self.step_logged().await;
        self.leave().await;
    }

    /// Places beside a pass and what is left after it, then lets another process place.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn beside<T>(&self, pass: impl Future<Output = T>) -> Result<T, StoreError> {
        let is_over = CancellationToken::new();
        let (done, ()) = tokio::join!(
            async {
                let done = pass.await;
                is_over.cancel();
                done
            },
            self.place_at_leisure(&is_over)
        );
        let placed = self.step().await;
        self.leave().await;
        placed.map(|_| done)
    }

    /// Places from time to time while there is something to place: each round costs the same for one article as for many.
    async fn place_at_leisure(&self, is_over: &CancellationToken) {
        let is_to_place = || async {
            self.nudge.something.notified().await;
            drop(time::timeout(INTERVAL, self.nudge.nearly_over.notified()).await);
        };
        while is_over.run_until_cancelled(is_to_place()).await.is_some() {
            self.step_logged().await;
        }
    }

    /// Prepares beside placing, as soon as no other process places.
    async fn prepare_soon(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() && !self.prepare_logged().await {
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
        // What came meanwhile stands in no story yet.
        self.nudge.tell();
    }

    /// Lets another process place at once.
    pub async fn leave(&self) {
        lease::give_back(&self.db, "place", &self.holder).await;
    }

    async fn step_logged(&self) {
        if let Err(error) = self.step().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "placing failed; trying again"
            );
        }
    }

    /// Whether this process places: none other does while it holds the lease.
    async fn holds(&self) -> Result<bool, StoreError> {
        let (number, now) = (self.holder.number(), self.clock.now());
        store::leases::hold(&self.db, "place", number, now, LEASE).await
    }

    /// Remembers what articles are compared with, if no other process places. It takes seconds to read a hundred thousand of
    /// them: what arrives meanwhile is told, and gets its story then. True once that is done.
    async fn prepare(&self) -> Result<bool, StoreError> {
        if !self.holds().await? {
            return Ok(false);
        }
        self.grouping.lock().await.remember(&self.db).await?;
        Ok(true)
    }

    async fn prepare_logged(&self) -> bool {
        self.prepare().await.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "stories could not be remembered; trying again"
            );
            false
        })
    }

    /// Whether everything with a number stands in a story now. A fault in grouping is told and tried again with the next
    /// step: arrival numbers and what follows from them do not wait for it, nor until the articles to compare with are read.
    async fn group_logged(&self) -> bool {
        let Ok(mut grouping) = time::timeout(PATIENCE, self.grouping.lock()).await else {
            return false;
        };
        let grouped = grouping.step(&self.db, self.clock.now()).await;
        if let Err(error) = &grouped {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "grouping into stories failed; trying again"
            );
        }
        grouped.is_ok()
    }

    /// Groups all articles anew in order of arrival, if no other process places. What the desk decided stays, and so do
    /// links to stories. Returns the number of articles; none if another process places.
    ///
    /// # Errors
    /// The database does not answer; stories are as they were then.
    pub async fn regroup(&self) -> Result<Option<u64>, StoreError> {
        if !self.holds().await? {
            return Ok(None);
        }
        let mut grouping = self.grouping.lock().await;
        Ok(Some(grouping.regroup(&self.db, self.clock.now()).await?))
    }

    /// Places everything that waits, if no other process does. Returns the number of articles placed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn step(&self) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            self.pulse.beat();
            if !self.holds().await? {
                return Ok(total);
            }
            let begun = Instant::now();
            let placed = store::arrivals::place(&self.db, BATCH).await?;
            total += placed.articles;
            let is_grouped = self.group_logged().await;
            let is_to_tell = if is_grouped {
                placed.is_news
            } else {
                store::arrivals::tell_ahead(&self.db, placed.last).await?
            };
            if is_to_tell {
                store::arrivals::announce(&self.db, placed.last).await?;
            }
            if placed.is_news {
                meters().took(Stage::Place, begun.elapsed());
            }
            let now = self.clock.now();
            for seen_at in &placed.seen_at {
                meters().placed(now.since(*seen_at));
            }
            if placed.articles < BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }
}
