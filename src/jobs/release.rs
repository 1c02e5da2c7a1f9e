//! Releasing: claims on stories end by themselves. Pages tell an ended claim at once; this writes it down and tells open
//! pages. Any number of processes may do it: the store lets one after the other.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::Clock,
    store::{self, PgPool, StoreError},
};

/// Looks for claims that ran out this often.
const INTERVAL: Duration = Duration::from_secs(10);

/// Releases claims.
pub struct Releaser {
    db: PgPool,
    clock: Arc<dyn Clock>,
}

impl Releaser {
    /// A releaser of claims that ran out by this clock.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// Releases until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.step().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "claims that ran out were not released; trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Releases what ran out. Returns how many claims.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn step(&self) -> Result<usize, StoreError> {
        store::desk::release_expired(&self.db, self.clock.now()).await
    }
}
