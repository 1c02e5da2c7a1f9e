//! What open pages follow: the last arrival number and the last change of the desk as they grow, and which stories
//! somebody has seen. PostgreSQL says so on channels, and is asked from time to time as well.

use std::{sync::Arc, time::Duration};

use sqlx::{
    PgExecutor, PgPool,
    postgres::{PgListener, PgNotification},
};
use tokio::{
    sync::{broadcast, watch},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{StoreError, arrivals, desk, seen};
use crate::domain::StoryId;

/// How long a lost announcement can stay unnoticed.
const REREAD_AFTER: Duration = Duration::from_secs(15);

/// How long to wait before listening again after the connection was lost.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);

/// Announcements of what was seen that a slow listener may be behind: it then misses some.
const SEEN_KEPT: usize = 256;

/// The last numbers given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Of arrivals.
    pub arrival: i64,
    /// Of changes of the desk.
    pub desk: i64,
}

/// Where [`follow`] tells what it hears.
#[derive(Debug)]
pub struct Telling {
    numbers: watch::Sender<Numbers>,
    seen: broadcast::Sender<Arc<[StoryId]>>,
}

/// What there is to hear. A clone hears the same.
#[derive(Debug, Clone)]
pub struct Hearing {
    /// The numbers as they grow.
    pub numbers: watch::Receiver<Numbers>,
    seen: broadcast::Sender<Arc<[StoryId]>>,
}

impl Hearing {
    /// The stories that somebody has seen, from now on.
    #[must_use]
    pub fn seen(&self) -> broadcast::Receiver<Arc<[StoryId]>> {
        self.seen.subscribe()
    }
}

/// Both ends of what is told, beginning at these numbers.
#[must_use]
pub fn channel(numbers: Numbers) -> (Telling, Hearing) {
    let (sender, receiver) = watch::channel(numbers);
    let (seen, _) = broadcast::channel(SEEN_KEPT);
    let telling = Telling {
        numbers: sender,
        seen: seen.clone(),
    };
    let hearing = Hearing {
        numbers: receiver,
        seen,
    };
    (telling, hearing)
}

/// The last numbers given. Of arrivals: up to where articles stand in their stories, unless they were told ahead of that.
///
/// # Errors
///
/// When the database does not answer.
pub async fn last_numbers(db: impl PgExecutor<'_>) -> Result<Numbers, StoreError> {
    Ok(sqlx::query_as!(
        Numbers,
        r#"SELECT greatest(a.told,
                           coalesce((SELECT min(arrival) FROM articles WHERE arrival > g.last_arrival) - 1, a.last))
                      AS "arrival!",
                  d.last AS "desk!"
             FROM arrivals a, grouping g, desk_numbers d"#
    )
    .fetch_one(db)
    .await?)
}

/// Keeps the numbers at the last ones until `stop`: one such task per web process, to be spawned by its owner.
///
/// A lost connection is logged and made again. While the pool has no connection to spare the numbers stand still,
/// and come with the next reading.
pub async fn follow(db: PgPool, telling: Telling, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            ended = listen(&db, &telling) => if let Err(error) = ended {
                tracing::warn!(error = &error as &dyn std::error::Error, "listening for arrivals was interrupted");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = time::sleep(RECONNECT_AFTER) => {}
        }
    }
}

/// Listens until the connection fails. The numbers are read after LISTEN took hold, so nothing falls between.
async fn listen(db: &PgPool, telling: &Telling) -> Result<(), StoreError> {
    let mut listener = PgListener::connect_with(db).await?;
    // The owner of the pool ends this task through `stop`; a pool that closes must not wait for it.
    listener.ignore_pool_close_event(false);
    listener
        .listen_all([arrivals::CHANNEL, desk::CHANNEL, seen::CHANNEL])
        .await?;
    loop {
        telling.raise(last_numbers(db).await?);
        // Announcements come in bursts and each says the latest number: the payload spares the reading.
        while let Ok(received) = time::timeout(REREAD_AFTER, listener.try_recv()).await {
            // No number, or a connection made anew: read it.
            if !received?.is_some_and(|notification| telling.pass_on(&notification)) {
                break;
            }
        }
    }
}

impl Telling {
    /// Passes an announcement on; false if it makes no sense.
    fn pass_on(&self, notification: &PgNotification) -> bool {
        let payload = notification.payload();
        if notification.channel() == seen::CHANNEL {
            let stories = payload.split(',').filter_map(|id| id.parse().ok());
            // Nobody may be listening.
            let _ = self.seen.send(stories.map(StoryId::new).collect());
            return true;
        }
        let Ok(number) = payload.parse() else {
            return false;
        };
        self.raise(if notification.channel() == desk::CHANNEL {
            Numbers {
                arrival: 0,
                desk: number,
            }
        } else {
            Numbers {
                arrival: number,
                desk: 0,
            }
        });
        true
    }

    /// Raises the numbers; they never fall, and nobody is woken for nothing.
    fn raise(&self, numbers: Numbers) {
        self.numbers.send_if_modified(|known| {
            let before = *known;
            known.arrival = known.arrival.max(numbers.arrival);
            known.desk = known.desk.max(numbers.desk);
            *known != before
        });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_rise_and_never_fall() {
        let at = |arrival, desk| Numbers { arrival, desk };
        let (telling, mut hearing) = channel(at(5, 2));
        telling.raise(at(4, 1));
        assert!(!hearing.numbers.has_changed().unwrap());
        telling.raise(at(9, 0));
        telling.raise(at(0, 3));
        assert!(hearing.numbers.has_changed().unwrap());
        assert_eq!(*hearing.numbers.borrow_and_update(), at(9, 3));
    }
}
