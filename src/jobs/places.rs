//! Places: how many feeds are polled side by side, and where the slow ones stand.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{self, Duration},
};
use tokio_util::sync::CancellationToken;

/// A poll that waits longer stands aside: servers that answer slowly, or never, must not hold up the others. So many
/// times as many as are polled at a time may stand aside.
const STAND_ASIDE_AFTER: Duration = Duration::from_millis(100);
const ASIDE: u32 = 8;

/// Whether a poll waits for others, or has what it needs and keeps its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing(Arc<AtomicBool>);

impl Standing {
    /// From now on it does not stand aside any more.
    pub(super) fn stay(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn stays(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

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

    /// Holds a place until dropped; after a moment one of those aside instead, once there is one, unless the poll stays.
    /// Never ends.
    pub(super) fn hold(
        &self,
        place: OwnedSemaphorePermit,
        standing: Standing,
    ) -> impl Future<Output = ()> + Send + use<> {
        let aside = Arc::clone(&self.aside);
        async move {
            time::sleep(STAND_ASIDE_AFTER).await;
            let mut held = place;
            if !standing.stays()
                && let Ok(moved) = aside.acquire_owned().await
                && !standing.stays()
            {
                held = moved;
            }
            std::future::pending::<()>().await;
            drop(held);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_stands_aside_and_who_stays_keeps_its_place() {
        let places = Places::new(1);
        let stop = CancellationToken::new();
        for stays in [false, true] {
            let standing = Standing::default();
            let place = places.next(&stop).await.expect("nobody stops");
            let held = places.hold(place, standing.clone());
            if stays {
                standing.stay();
            }
            let look = async {
                time::sleep(2 * STAND_ASIDE_AFTER).await;
                places.free()
            };
            tokio::select! {
                () = held => panic!("a place is held for ever"),
                free = look => assert_eq!(free, usize::from(!stays)),
            }
            assert_eq!(places.free(), 1);
        }
    }
}
