//! Work that keeps a core busy: off the threads that serve, and no more at a time than there are cores.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Places for such work. A clone shares them.
#[derive(Debug, Clone)]
pub(super) struct Cores(Arc<Semaphore>);

impl Cores {
    /// A place for each core of this machine.
    pub(super) fn of_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(Arc::new(Semaphore::new(cores)))
    }

    /// Waits for a place, and works there. Work whose asker has gone away keeps its place until it is done.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        // The semaphore is never closed.
        let place = Arc::clone(&self.0).acquire_owned().await;
        let working = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        working
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use tokio::time;

    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[tokio::test]
    async fn more_work_than_places_waits_for_its_turn() {
        let cores = Cores(Arc::new(Semaphore::new(1)));
        let (go, gone) = mpsc::channel::<()>();
        let mut first = Box::pin(cores.work(move || gone.recv().unwrap()));
        assert!(time::timeout(NOW, &mut first).await.is_err());
        let mut second = Box::pin(cores.work(|| 2));
        assert!(time::timeout(NOW, &mut second).await.is_err());
        drop(first);
        assert!(time::timeout(NOW, &mut second).await.is_err());
        assert_eq!(
            cores.0.available_permits(),
            0,
            "whoever asked, it is still at work"
        );
        go.send(()).unwrap();
        assert_eq!(second.await, 2);
    }
}
