//! Trials: addresses that somebody wants tried, and what came of it.

use std::time::Duration;

use super::{PgPool, StoreError};
use crate::domain::{FeedUrl, ListSelectors, Timestamp, Trial, TrialId};

/// Trials that may wait at a time.
const MOST_WAITING: i64 = 50;

/// A trial as its page shows it.
#[derive(Debug, Clone)]
pub struct StoredTrial {
    /// The address asked for.
    pub url: String,
    /// How it was to be read.
    pub selectors: Option<ListSelectors>,
    /// What came of it; none while it waits.
    pub outcome: Option<Trial>,
}

/// A trial that a worker holds.
#[derive(Debug)]
pub struct ClaimedTrial {
    /// The trial.
    pub id: TrialId,
    /// The address.
    pub url: FeedUrl,
    /// How it is to be read.
    pub selectors: Option<ListSelectors>,
    /// How often it was begun, this time included.
    pub attempts: i16,
}

fn selectors(stored: Option<&str>) -> Result<Option<ListSelectors>, StoreError> {
    stored
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| StoreError::Unexpected(format!("selectors of a trial: {error}")))
}

/// Notes the wish; none while too many wait.
///
/// # Errors
/// The database does not answer.
pub async fn ask(
    db: &PgPool,
    url: &FeedUrl,
    selectors: Option<&ListSelectors>,
    actor: &str,
    now: Timestamp,
) -> Result<Option<TrialId>, StoreError> {
    let selectors = selectors
        .map(serde_json::to_string)
        .transpose()
        .map_err(|error| StoreError::Unexpected(format!("selectors of a trial: {error}")))?;
    Ok(sqlx::query_scalar!(
        r#"INSERT INTO trials (url, selectors, actor, asked_at)
           SELECT $1, ($2::text)::jsonb, $3, $4
            WHERE (SELECT count(*) FROM trials WHERE outcome IS NULL) < $5
        RETURNING id"#,
        url.as_str(),
        selectors,
        actor,
        now as Timestamp,
        MOST_WAITING,
    )
    .fetch_optional(db)
    .await?)
}

/// A trial; none if there is none of that number.
///
/// # Errors
/// The database does not answer.
pub async fn get(db: &PgPool, id: TrialId) -> Result<Option<StoredTrial>, StoreError> {
    let row = sqlx::query!(
        "SELECT url, selectors::text AS selectors, outcome::text AS outcome FROM trials WHERE id = $1",
        id as TrialId,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(StoredTrial {
            url: row.url,
            selectors: selectors(row.selectors.as_deref())?,
            outcome: row
                .outcome
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(|error| StoreError::Unexpected(format!("outcome of a trial: {error}")))?,
        })
    })
    .transpose()
}

/// Takes the trial that waits the longest, for `lease`; none if none waits.
///
/// # Errors
/// The database does not answer.
pub async fn claim(
    db: &PgPool,
    now: Timestamp,
    lease: Duration,
) -> Result<Option<ClaimedTrial>, StoreError> {
    let row = sqlx::query!(
        "UPDATE trials
            SET lease_until = $2, attempts = attempts + 1
          WHERE id = (SELECT id
                        FROM trials
                       WHERE outcome IS NULL
                         AND (lease_until IS NULL OR lease_until <= $1)
                       ORDER BY asked_at
                       LIMIT 1
                         FOR UPDATE SKIP LOCKED)
        RETURNING id, url, selectors::text AS selectors, attempts",
        now as Timestamp,
        now.plus(lease) as Timestamp,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(ClaimedTrial {
            id: row.id,
            url: row
                .url
                .parse()
                .map_err(|error| StoreError::Unexpected(format!("trial {}: {error}", row.url)))?,
            selectors: selectors(row.selectors.as_deref())?,
            attempts: row.attempts,
        })
    })
    .transpose()
}

/// Writes down what came of a trial.
///
/// # Errors
/// The database does not answer.
pub async fn finish(db: &PgPool, id: TrialId, outcome: &Trial) -> Result<(), StoreError> {
    let outcome = serde_json::to_value(outcome)
        .map_err(|error| StoreError::Unexpected(format!("outcome of a trial: {error}")))?;
    sqlx::query!(
        "UPDATE trials SET outcome = $2 WHERE id = $1",
        id as TrialId,
        outcome,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes one batch of trials that were asked for before `before`. Returns how many; call again while it is not zero.
///
/// # Errors
/// The database does not answer.
pub async fn trim(db: &PgPool, before: Timestamp) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "DELETE FROM trials WHERE ctid = ANY (ARRAY(SELECT ctid FROM trials WHERE asked_at < $1 LIMIT $2))",
        before as Timestamp,
        super::TRIM_BATCH
    )
    .execute(db)
    .await?
    .rows_affected())
}
