//! How a process stops: everybody is told, everybody is waited for, and nobody leaves early unnoticed.
//!
//! A signal cancels the stop token; each part finishes what it holds and ends. A part that ends before that is a fault: it
//! stops the others and the process fails, so that a supervisor starts it anew. A second signal ends the process at once.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Parts that have not ended by then are left behind.
const STOP_WITHIN: Duration = Duration::from_secs(9);

/// The parts of a process and the token that ends them.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    stop: CancellationToken,
    parts: TaskTracker,
    has_failed: Arc<AtomicBool>,
}

impl Lifecycle {
    /// A lifecycle that ends at SIGTERM or SIGINT.
    ///
    /// # Errors
    /// Signals cannot be listened to.
    pub fn with_signals() -> anyhow::Result<Self> {
        let lifecycle = Self::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = lifecycle.stop.clone();
        // Not one of the parts: it waits for a second signal while they end.
        TaskTracker::new().spawn(async move {
            for is_second in [false, true] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if is_second {
                    tracing::warn!("stopping at once");
                    std::process::exit(130);
                }
                tracing::info!("stopping; a second signal stops at once");
                stop.cancel();
            }
        });
        Ok(lifecycle)
    }

    /// The token that tells parts to end.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a part.
    pub fn spawn(&self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let (stop, has_failed) = (self.stop.clone(), Arc::clone(&self.has_failed));
        self.parts.spawn(async move {
            let panicked = AssertUnwindSafe(part).catch_unwind().await.is_err();
            if panicked || !stop.is_cancelled() {
                tracing::error!(
                    part = name,
                    panicked,
                    "a part of wirewatch ended by itself; stopping"
                );
                has_failed.store(true, Ordering::Release);
                stop.cancel();
            }
        });
    }

    /// Waits until all parts have ended.
    ///
    /// # Errors
    /// A part ended by itself, or does not end.
    pub async fn wait(&self) -> anyhow::Result<()> {
        self.stop.cancelled().await;
        self.parts.close();
        let in_time = time::timeout(STOP_WITHIN, self.parts.wait()).await.is_ok();
        anyhow::ensure!(
            in_time,
            "{} parts did not end within {STOP_WITHIN:?}",
            self.parts.len()
        );
        anyhow::ensure!(
            !self.has_failed.load(Ordering::Acquire),
            "a part ended by itself"
        );
        Ok(())
    }
}
