//! What is remembered against guessing: leaky buckets, raised by attempts, drained by time.

use std::time::Duration;

use super::{PgPool, StoreError};
use crate::domain::Timestamp;

/// A bucket and its size.
#[derive(Debug, Clone, Copy)]
pub struct Level<'a> {
    /// Whose.
    pub key: &'a str,
    /// Attempts that fit.
    pub capacity: f64,
    /// Attempts that drain in a second.
    pub drain: f64,
}

/// Raises a bucket by one attempt. None: it fitted; else how long until one fits.
///
/// # Errors
/// The database does not answer.
pub async fn raise(
    db: &PgPool,
    bucket: Level<'_>,
    now: Timestamp,
) -> Result<Option<Duration>, StoreError> {
    let raised = sqlx::query_scalar!(
        "INSERT INTO sign_in_buckets AS b (key, level, raised_at) VALUES ($1, 1, $2)
             ON CONFLICT (key) DO UPDATE
            SET level = GREATEST(0, b.level - GREATEST(0, EXTRACT(EPOCH FROM $2::timestamptz - b.raised_at))::float8 * $3) + 1,
                raised_at = GREATEST(b.raised_at, $2)
          WHERE GREATEST(0, b.level - GREATEST(0, EXTRACT(EPOCH FROM $2::timestamptz - b.raised_at))::float8 * $3) + 1 <= $4
         RETURNING level",
        bucket.key,
        now as Timestamp,
        bucket.drain,
        bucket.capacity
    )
    .fetch_optional(db)
    .await?;
    if raised.is_some() {
        return Ok(None);
    }
    let over = sqlx::query_scalar!(
        r#"SELECT GREATEST(0, level - GREATEST(0, EXTRACT(EPOCH FROM $2::timestamptz - raised_at))::float8 * $3) + 1 - $4 AS "over!"
             FROM sign_in_buckets WHERE key = $1"#,
        bucket.key,
        now as Timestamp,
        bucket.drain,
        bucket.capacity
    )
    .fetch_optional(db)
    .await?
    .unwrap_or(0.0);
    let seconds = (over / bucket.drain).clamp(1.0, 3_600.0).ceil();
    Ok(Some(Duration::from_secs_f64(seconds)))
}

/// Whether anything is remembered under `key`.
///
/// # Errors
/// The database does not answer.
pub async fn is_known(
    db: &PgPool,
    key: &str,
    now: Timestamp,
    forgotten_after: Duration,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM sign_in_buckets WHERE key = $1 AND raised_at > $2) AS "exists!""#,
        key,
        now.minus(forgotten_after) as Timestamp
    )
    .fetch_one(db)
    .await?)
}

/// Forgets a bucket: its attempts ended well.
///
/// # Errors
/// The database does not answer.
pub async fn forget(db: &PgPool, key: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM sign_in_buckets WHERE key = $1", key)
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets a bucket that holds no attempt.
///
/// # Errors
/// The database does not answer.
pub async fn forget_empty(db: &PgPool, key: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM sign_in_buckets WHERE key = $1 AND level <= 0",
        key
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes one attempt back out of a bucket: it was no failure.
///
/// # Errors
/// The database does not answer.
pub async fn lower(db: &PgPool, key: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE sign_in_buckets SET level = GREATEST(0, level - 1) WHERE key = $1",
        key
    )
    .execute(db)
    .await?;
    Ok(())
}
