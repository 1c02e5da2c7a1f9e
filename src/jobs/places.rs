//! Places: how many feeds are polled side by side, and where the slow ones stand.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{self, Duration},
};
use tokio_util::sync::CancellationToken;

/// A poll that takes longer stands aside: servers that answer slowly, or never, must not hold up the others. So many
/// times as many as are polled at a time may stand aside.
const STAND_ASIDE_AFTER: Duration = Duration::from_millis(100);
const ASIDE: u32 = 8;

/// Places for polls, and those aside.
pub(super) struct Places {
    size: u32,
    taken: Arc<Semaphore>,
    aside: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new(size: u32) -> Self {
        let aside = size.saturating_mul(ASIDE);
        Self {
            size,
            taken: Arc::new(Semaphore::new(size as usize)),
            aside: Arc::new(Semaphore::new(aside as usize)),
        }
    }

    /// A place for one more poll, or none once stopped.
    pub(super) async fn next(&self, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            permit = Arc::clone(&self.taken).acquire_owned() => permit.ok(),
        }
    }

    pub(super) fn free(&self) -> usize {
        self.taken.available_permits()
    }

    /// Holds a place until dropped; after a moment one of those aside instead, once there is one. Never ends.
    pub(super) fn hold(
        &self,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<> {
        let aside = Arc::clone(&self.aside);
        async move {
            time::sleep(STAND_ASIDE_AFTER).await;
            let moved = aside.acquire_owned().await;
            drop(place);
            std::future::pending::<()>().await;
            drop(moved);
        }
    }

    /// Waits until nothing flies.
    pub(super) async fn all(&self) {
        // Nobody closes the semaphores.
        let all = self.taken.acquire_many(self.size).await;
        drop(
            self.aside
                .acquire_many(self.size.saturating_mul(ASIDE))
                .await,
        );
        drop(all);
    }
}
