//! What tasks come to.

use tokio::task::{JoinError, spawn_blocking};

/// What a task came to. Its panic is this one's.
pub(super) fn ended<T>(joined: Result<T, JoinError>) -> T {
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Does what is arithmetic for up to seconds: not on a thread that answers others.
pub(super) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    ended(spawn_blocking(work).await)
}
