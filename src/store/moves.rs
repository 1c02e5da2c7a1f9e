//! Feeds whose address is another from now on.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use sqlx::{Acquire as _, PgConnection};

use super::{StoreError, audit, polled_feeds::Held};
use crate::domain::{FeedId, FeedUrl, PollRecord, Timestamp};

/// Where feeds that moved are asked today, by the addresses that they had; none for an address that a feed has again.
///
/// # Errors
/// The database does not answer.
pub(super) async fn adopted(tx: &mut PgConnection) -> Result<HashMap<String, FeedUrl>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT before ->> 'url' AS "from!", after ->> 'url' AS "to!"
             FROM audit
            WHERE subject_kind = 'feed' AND action = 'change' AND actor = 'wirewatch'
              AND before ->> 'url' <> after ->> 'url'
            ORDER BY id"#
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut today: HashMap<String, String> = HashMap::new();
    for row in rows {
        for known in today.values_mut().filter(|known| **known == row.from) {
            known.clone_from(&row.to);
        }
        today.insert(row.from, row.to);
    }
    let there: HashSet<String> = sqlx::query_scalar!("SELECT url FROM feeds")
        .fetch_all(tx)
        .await?
        .into_iter()
        .collect();
    Ok(today
        .into_iter()
        .filter(|(from, to)| !there.contains(from) && there.contains(to))
        .filter_map(|(from, to)| Some((from, to.parse().ok()?)))
        .collect())
}

/// Writes the addresses that were adopted, each with its row in the audit. One that another feed has is not taken.
pub(super) async fn adopt(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    held: &Held,
) -> Result<(), StoreError> {
    for record in records {
        let Some(to) = record.adopted.as_ref().filter(|_| held.has(&record.feed)) else {
            continue;
        };
        let now: Timestamp = record.finished_at;
        // Another worker may be giving the same address to another feed: only its commit shows that, as a breach of the
        // key, which must cost this feed the address and not the poll.
        let mut step = tx.begin().await?;
        let moved = sqlx::query!(
            "UPDATE feeds
                SET url = $2, host = $3, moved_to = NULL, moved_since = NULL, moved_times = 0
              WHERE id = $1
                AND NOT EXISTS (SELECT FROM feeds AS others WHERE others.url = $2)",
            record.feed.id as FeedId,
            to.as_str(),
            to.host(),
        )
        .execute(&mut *step)
        .await;
        let moved = match moved {
            Err(error) if is_taken(&error) => {
                step.rollback().await?;
                continue;
            }
            moved => moved?,
        };
        if moved.rows_affected() > 0 {
            let change = audit::Change {
                action: "change",
                subject_kind: "feed",
                subject: to.as_str().to_owned(),
                before: Some(json!({ "url": record.feed.url.as_str() })),
                after: Some(
                    json!({ "url": to.as_str(), "reason": "the publisher redirects permanently" }),
                ),
            };
            audit::record(&mut step, "wirewatch", now, &[change]).await?;
        }
        step.commit().await?;
    }
    Ok(())
}

fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
