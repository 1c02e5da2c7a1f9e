//! Placing: committed articles get their arrival number, in one process at a time.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::Clock,
    store::{self, PgPool, StoreError, workers::Worker},
};

/// Articles placed in one transaction.
const BATCH: i64 = 500;

/// Looks for articles of other processes this often; its own are told by a nudge.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long another process waits before it takes over from a dead one.
const LEASE: Duration = Duration::from_secs(15);

/// Gives arrival numbers.
pub struct Placer {
    db: PgPool,
    clock: Arc<dyn Clock>,
    holder: Arc<Worker>,
    nudge: Arc<Notify>,
}

impl Placer {
    /// A placer that holds its lease as `holder` and works at once when `nudge` is notified.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, holder: Arc<Worker>, nudge: Arc<Notify>) -> Self {
        Self {
            db,
            clock,
            holder,
            nudge,
        }
    }

    /// Places until stopped, then once more, so that nothing stored before the stop stays unseen.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.step_logged().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.nudge.notified() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
        self.step_logged().await;
        if let Err(error) = store::leases::release(&self.db, "place", self.holder.number()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the placing lease was not given back"
            );
        }
    }

    async fn step_logged(&self) {
        if let Err(error) = self.step().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "placing failed; trying again"
            );
        }
    }

    /// Places everything that waits, if no other process does. Returns the number of articles placed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn step(&self) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            if !store::leases::hold(
                &self.db,
                "place",
                self.holder.number(),
                self.clock.now(),
                LEASE,
            )
            .await?
            {
                return Ok(total);
            }
            let placed = store::arrivals::place(&self.db, BATCH).await?;
            total += placed.articles;
            if placed.articles < BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }
}
