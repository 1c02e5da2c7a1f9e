//! Lists of feeds that somebody pasted, waiting for a worker, and what came of them.

use super::{PgPool, StoreError};
use crate::domain::{OpmlImportId, Timestamp};

/// Lists that may wait at a time.
const MOST_WAITING: i64 = 20;

/// A list that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingList {
    /// The list.
    pub id: OpmlImportId,
    /// What was pasted.
    pub text: String,
    /// Who did.
    pub actor: String,
}

/// A list as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldList {
    /// Who pasted it.
    pub actor: String,
    /// When.
    pub asked_at: Timestamp,
    /// What came of it; none while it waits.
    pub outcome: Option<String>,
}

/// Notes the wish to add the feeds of a list. False while too many wait.
///
/// # Errors
/// The database does not answer.
pub async fn ask(db: &PgPool, text: &str, actor: &str, now: Timestamp) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO opml_imports (text, actor, asked_at)
         SELECT $1, $2, $3
          WHERE (SELECT count(*) FROM opml_imports WHERE outcome IS NULL) < $4",
        text,
        actor,
        now as Timestamp,
        MOST_WAITING,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The list that waits the longest.
///
/// # Errors
/// The database does not answer.
pub async fn next(db: &PgPool) -> Result<Option<WaitingList>, StoreError> {
    Ok(sqlx::query_as!(
        WaitingList,
        "SELECT id, text, actor FROM opml_imports WHERE outcome IS NULL ORDER BY asked_at, id LIMIT 1"
    )
    .fetch_optional(db)
    .await?)
}

/// Writes down what came of a list, which is not kept.
///
/// # Errors
/// The database does not answer.
pub async fn finish(
    db: &PgPool,
    id: OpmlImportId,
    outcome: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE opml_imports SET outcome = $2, finished_at = $3, text = '' WHERE id = $1 AND outcome IS NULL",
        id as OpmlImportId,
        outcome,
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The last lists, youngest first.
///
/// # Errors
/// The database does not answer.
pub async fn last(db: &PgPool) -> Result<Vec<ToldList>, StoreError> {
    Ok(sqlx::query_as!(
        ToldList,
        "SELECT actor, asked_at, outcome FROM opml_imports ORDER BY id DESC LIMIT 5"
    )
    .fetch_all(db)
    .await?)
}
