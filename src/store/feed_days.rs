//! What each feed did on each day: the strips of the last two weeks.

use sqlx::PgConnection;

use super::{StoreError, fetch_log::missed, polls::new_entries};
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
        .map(|record| i32::try_from(missed(record)).unwrap_or(i32::MAX))
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
        Attempt::Read(reading) => i32::try_from(new_entries(&reading.found)).unwrap_or(i32::MAX),
        Attempt::Unchanged { .. } | Attempt::Failed(_) => 0,
    }
}
