//! What each feed did on each day: the strips of the last two weeks.

use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    fetch_log::{missed, number},
    polled_feeds::new_entries,
};
use crate::domain::{Attempt, FeedId, PollRecord, Timestamp};

/// Adds a batch of attempts to the days (UTC) on which they ended.
pub(super) async fn count(
    tx: &mut PgConnection,
    records: &[&PollRecord],
) -> Result<(), StoreError> {
    let feeds: Vec<FeedId> = records.iter().map(|record| record.feed.id).collect();
    let at: Vec<Timestamp> = records.iter().map(|record| record.finished_at).collect();
    let failures: Vec<bool> = records
        .iter()
        .map(|record| matches!(record.attempt, Attempt::Failed(_)))
        .collect();
    let new: Vec<i32> = records.iter().map(|record| news(record)).collect();
    let missed: Vec<i32> = records
        .iter()
        .map(|record| number(missed(record)))
        .collect();
    sqlx::query!(
        "INSERT INTO feed_days (feed_id, day, attempts, failures, new_entries, missed)
         SELECT feed, (at AT TIME ZONE 'UTC')::date, 1, failed::integer, new, missed
           FROM UNNEST($1::bigint[], $2::timestamptz[], $3::boolean[], $4::integer[], $5::integer[])
                AS done (feed, at, failed, new, missed)
             ON CONFLICT (feed_id, day) DO UPDATE
            SET attempts = feed_days.attempts + 1,
                failures = feed_days.failures + excluded.failures,
                new_entries = feed_days.new_entries + excluded.new_entries,
                missed = feed_days.missed + excluded.missed",
        &feeds as &[FeedId],
        &at as &[Timestamp],
        &failures,
        &new,
        &missed,
    )
    .execute(tx)
    .await?;
    Ok(())
}

fn news(record: &PollRecord) -> i32 {
    match &record.attempt {
        Attempt::Read(reading) => number(new_entries(&reading.found)),
        Attempt::Unchanged { .. } | Attempt::Failed(_) => 0,
    }
}

/// A day of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedDay {
    /// The feed.
    pub feed: FeedId,
    /// How many days ago, 0 being today (UTC).
    pub ago: i32,
    /// Attempts.
    pub attempts: i32,
    /// Those of them that failed.
    pub failures: i32,
    /// Entries that were new.
    pub new_entries: i32,
    /// Entries that fell out unseen, estimated.
    pub missed: i32,
}

/// The last `days` days of some feeds, as far as there were attempts.
///
/// # Errors
/// The database does not answer.
pub async fn last(
    db: &PgPool,
    feeds: &[FeedId],
    now: Timestamp,
    days: i32,
) -> Result<Vec<FeedDay>, StoreError> {
    Ok(sqlx::query_as!(
        FeedDay,
        r#"SELECT feed_id AS feed, ((($2::timestamptz) AT TIME ZONE 'UTC')::date - day) AS "ago!", attempts, failures,
                  new_entries, missed
             FROM feed_days
            WHERE feed_id = ANY ($1)
              AND day > (($2::timestamptz) AT TIME ZONE 'UTC')::date - $3::integer"#,
        feeds as &[FeedId],
        now as Timestamp,
        days,
    )
    .fetch_all(db)
    .await?)
}

/// Deletes one batch of days before `before`. Returns how many; call again while it is not zero.
///
/// # Errors
/// The database does not answer.
pub async fn trim(db: &PgPool, before: Timestamp) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "DELETE FROM feed_days WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM feed_days WHERE day < (($1::timestamptz) AT TIME ZONE 'UTC')::date LIMIT $2))",
        before as Timestamp,
        super::TRIM_BATCH,
    )
    .execute(db)
    .await?
    .rows_affected())
}
