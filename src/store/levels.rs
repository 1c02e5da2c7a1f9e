//! What waits and how things stand, read when somebody watches.

use super::{
    PgPool, StoreError,
    workers::{self, Kind},
};
use crate::domain::Timestamp;

/// Something that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub length: i64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Feeds by state.
    pub feeds: Vec<(String, i64)>,
    /// Open incidents by kind.
    pub incidents: Vec<(String, i64)>,
    /// Feeds that are due and not claimed.
    pub due: Waiting,
    /// Articles without a number of arrival.
    pub unplaced: Waiting,
    /// Articles that are not in the search index, by their numbers.
    pub unlisted: i64,
    /// Deliveries in the outbox, also those that are tried again later; the oldest since it is tried.
    pub outbox: Waiting,
    /// Of these, those to be tried now.
    pub outbox_due: Waiting,
    /// Addresses to be tried.
    pub trials: Waiting,
    /// Keywords whose past is matched anew.
    pub rematches: i64,
    /// Processes that live and claim, by kind.
    pub workers: Vec<(Kind, i64)>,
}

/// Reads how things stand.
///
/// # Errors
/// The database does not answer.
pub async fn read(db: &PgPool, now: Timestamp) -> Result<Standing, StoreError> {
    let feeds = sqlx::query!(r#"SELECT state, count(*) AS "count!" FROM feeds GROUP BY state"#)
        .fetch_all(db)
        .await?;
    let incidents = sqlx::query!(
        r#"SELECT kind, count(*) AS "count!" FROM incidents WHERE closed_at IS NULL GROUP BY kind"#
    )
    .fetch_all(db)
    .await?;
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM feeds WHERE next_poll_at <= $1 AND (lease_until IS NULL OR lease_until <= $1))
                      AS "due!",
                  (SELECT min(next_poll_at) FROM feeds
                    WHERE next_poll_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)) AS "oldest_due: Timestamp",
                  (SELECT count(*) FROM articles WHERE arrival IS NULL) AS "unplaced!",
                  (SELECT min(first_seen_at) FROM articles WHERE arrival IS NULL) AS "oldest_unplaced: Timestamp",
                  (SELECT count(*) FROM deliveries WHERE state = 'waiting') AS "outbox!",
                  (SELECT min(tried_since) FROM deliveries WHERE state = 'waiting') AS "oldest_delivery: Timestamp",
                  (SELECT count(*) FROM deliveries WHERE state = 'waiting' AND next_at <= $1) AS "outbox_due!",
                  (SELECT min(next_at) FROM deliveries
                    WHERE state = 'waiting' AND next_at <= $1) AS "oldest_due_delivery: Timestamp",
                  (SELECT count(*) FROM trials WHERE outcome IS NULL) AS "trials!",
                  (SELECT min(asked_at) FROM trials WHERE outcome IS NULL) AS "oldest_trial: Timestamp",
                  (SELECT count(*) FROM rematches WHERE finished_at IS NULL) AS "rematches!""#,
        now as Timestamp,
    )
    .fetch_one(db)
    .await?;
    let progress = super::article_tokens::progress(db).await?;
    let waiting = |length, oldest| Waiting { length, oldest };
    Ok(Standing {
        feeds: feeds
            .into_iter()
            .map(|row| (row.state, row.count))
            .collect(),
        incidents: incidents
            .into_iter()
            .map(|row| (row.kind, row.count))
            .collect(),
        due: waiting(row.due, row.oldest_due),
        unplaced: waiting(row.unplaced, row.oldest_unplaced),
        unlisted: (progress.last - progress.indexed_to).max(0),
        outbox: waiting(row.outbox, row.oldest_delivery),
        outbox_due: waiting(row.outbox_due, row.oldest_due_delivery),
        trials: waiting(row.trials, row.oldest_trial),
        rematches: row.rematches,
        workers: workers::living(db).await?,
    })
}
