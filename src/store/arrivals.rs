//! Arrival numbers: the order in which committed articles and matches become visible to everybody.
//!
//! Transactions commit out of order, so neither ids nor times can serve as a cursor. One transaction at a time gives
//! numbers: it holds the lock on the only row of `arrivals` until it commits.

use sqlx::PgConnection;

use super::{PgPool, StoreError};
use crate::domain::Timestamp;

/// The channel on which the last number is announced.
pub const CHANNEL: &str = "arrivals";

/// Articles whose changed matches get a number in one round: a changed keyword may lose all that it has.
const CHANGED: i64 = 5_000;

/// What one round of placing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Articles that got a number.
    pub articles: u64,
    /// The last number given so far.
    pub last: i64,
    /// Whether this round gave any, to be announced once the articles stand in their stories.
    pub is_news: bool,
    /// When those of the articles that are news were first seen.
    pub seen_at: Vec<Timestamp>,
}

/// The last number of arrival that was given.
///
/// # Errors
/// The database does not answer.
pub async fn last(db: &PgPool) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!("SELECT last FROM arrivals")
        .fetch_one(db)
        .await?)
}

/// Gives numbers to at most `limit` articles that are committed and have none, oldest first, and to the matches that
/// hang on them; then to matches that placed articles gained later, and to those that were lost or found again. The last number
/// is for [`announce`].
///
/// # Errors
/// The database does not answer; nothing was placed then.
pub async fn place(db: &PgPool, limit: i64) -> Result<Placed, StoreError> {
    let mut tx = super::begin(db).await?;
    let before = sqlx::query_scalar!("SELECT last FROM arrivals FOR UPDATE")
        .fetch_one(&mut *tx)
        .await?;
    let placed = sqlx::query!(
        "WITH unplaced AS (
             SELECT id, sort_at FROM articles WHERE arrival IS NULL ORDER BY id LIMIT $2
         ), numbered AS (
             SELECT id, $1 + row_number() OVER (ORDER BY sort_at, id) AS arrival FROM unplaced
         )
         UPDATE articles SET arrival = numbered.arrival FROM numbered WHERE articles.id = numbered.id
         RETURNING articles.first_seen_at, articles.is_backfill",
        before,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    let articles = placed.len() as u64;
    let seen_at = placed
        .iter()
        .filter(|article| !article.is_backfill)
        .map(|article| article.first_seen_at)
        .collect();
    let placed = before + i64::try_from(articles).unwrap_or(0);
    sqlx::query!(
        "UPDATE matches
            SET arrival = articles.arrival
           FROM articles
          WHERE articles.id = matches.article_id
            AND matches.arrival IS NULL
            AND articles.arrival > $1",
        before,
    )
    .execute(&mut *tx)
    .await?;
    let late = sqlx::query_scalar!(
        r#"
        WITH late AS (
            SELECT DISTINCT matches.article_id
              FROM matches
              JOIN articles ON articles.id = matches.article_id
             WHERE matches.arrival IS NULL
               AND articles.arrival IS NOT NULL
        ), numbered AS (
            SELECT article_id, $1 + row_number() OVER (ORDER BY article_id) AS arrival FROM late
        )
        UPDATE matches
           SET arrival = numbered.arrival
          FROM numbered
         WHERE matches.article_id = numbered.article_id
           AND matches.arrival IS NULL
        RETURNING matches.arrival AS "arrival!"
        "#,
        placed,
    )
    .fetch_all(&mut *tx)
    .await?;
    let placed = late.into_iter().max().unwrap_or(placed);
    let last = place_changed(&mut tx, placed).await?;
    if last > before {
        sqlx::query!("UPDATE arrivals SET last = $1", last)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(Placed {
        articles,
        last,
        is_news: last > before,
        seen_at,
    })
}

/// Lets readers have the numbers up to `last` although the articles stand in no story yet. True if they did not have them:
/// then it is to be announced.
///
/// # Errors
/// The database does not answer.
pub async fn tell_ahead(db: &PgPool, last: i64) -> Result<bool, StoreError> {
    let told = sqlx::query!("UPDATE arrivals SET told = $1 WHERE told < $1", last)
        .execute(db)
        .await?;
    Ok(told.rows_affected() > 0)
}

/// Gives numbers after `placed` to matches that were lost or found again. Returns the last number given.
async fn place_changed(tx: &mut PgConnection, placed: i64) -> Result<i64, StoreError> {
    let changed = sqlx::query_scalar!(
        r#"
        WITH numbered AS (
            SELECT article_id, $1 + row_number() OVER (ORDER BY article_id) AS number
              FROM (SELECT DISTINCT article_id FROM matches WHERE changed = 0 ORDER BY article_id LIMIT $2) AS waiting
        )
        UPDATE matches
           SET changed = numbered.number
          FROM numbered
         WHERE matches.article_id = numbered.article_id
           AND matches.changed = 0
        RETURNING matches.changed AS "changed!"
        "#,
        placed,
        CHANGED,
    )
    .fetch_all(tx)
    .await?;
    Ok(changed.into_iter().max().unwrap_or(placed))
}

/// Tells everybody who listens the last number given. An announcement that is lost is made up for: listeners ask from
/// time to time.
///
/// # Errors
/// The database does not answer.
pub async fn announce(db: &PgPool, last: i64) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, last.to_string())
        .execute(db)
        .await?;
    Ok(())
}
