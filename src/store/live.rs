//! The last arrival number, as it grows: PostgreSQL says so on a channel, and is asked from time to time as well.

use std::time::Duration;

use sqlx::{PgExecutor, PgPool, postgres::PgListener, query_scalar};
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use super::{StoreError, arrivals::CHANNEL};

/// How long a lost announcement can stay unnoticed.
const REREAD_AFTER: Duration = Duration::from_secs(15);

/// How long to wait before listening again after the connection was lost.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);

/// The last arrival number given.
///
/// # Errors
///
/// When the database does not answer.
pub async fn last_arrival(db: impl PgExecutor<'_>) -> Result<i64, StoreError> {
    Ok(query_scalar!("SELECT last FROM arrivals")
        .fetch_one(db)
        .await?)
}

/// Keeps `last` at the last arrival number until `stop`: one such task per web process, to be spawned by its owner.
///
/// A lost connection is logged and made again. While the pool has no connection to spare the numbers stand still,
/// and come with the next reading.
pub async fn follow_arrivals(db: PgPool, last: watch::Sender<i64>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            ended = listen(&db, &last) => if let Err(error) = ended {
                tracing::warn!(error = &error as &dyn std::error::Error, "listening for arrivals was interrupted");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = time::sleep(RECONNECT_AFTER) => {}
        }
    }
}

/// Listens until the connection fails. The number is read after LISTEN took hold, so nothing falls between.
async fn listen(db: &PgPool, last: &watch::Sender<i64>) -> Result<(), StoreError> {
    let mut listener = PgListener::connect_with(db).await?;
    // The owner of the pool ends this task through `stop`; a pool that closes must not wait for it.
    listener.ignore_pool_close_event(false);
    listener.listen(CHANNEL).await?;
    loop {
        raise(last, last_arrival(db).await?);
        // Announcements come in bursts and each says the latest number: the payload spares the reading.
        while let Ok(received) = time::timeout(REREAD_AFTER, listener.try_recv()).await {
            match received?.map(|notification| notification.payload().parse::<i64>()) {
                Some(Ok(number)) => raise(last, number),
                // No number, or a connection made anew: read it.
                Some(Err(_)) | None => break,
            }
        }
    }
}

/// Raises `last` to `number`; it never falls, and nobody is woken for nothing.
fn raise(last: &watch::Sender<i64>, number: i64) {
    last.send_if_modified(|known| {
        let is_later = number > *known;
        *known = (*known).max(number);
        is_later
    });
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_number_rises_and_never_falls() {
        let (sender, mut receiver) = watch::channel(5);
        raise(&sender, 4);
        assert!(!receiver.has_changed().unwrap());
        raise(&sender, 9);
        assert!(receiver.has_changed().unwrap());
        assert_eq!(*receiver.borrow_and_update(), 9);
    }
}
