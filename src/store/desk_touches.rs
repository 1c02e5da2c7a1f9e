//! What open pages catch up with: the numbers at which something of a story changed, be it what the desk made of it, or
//! which articles it has.

use std::collections::BTreeSet;

use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, desk};
use crate::domain::StoryId;

/// Stories that are touched by one regrouping of everything: the latest.
const MOST_REGROUPED: i64 = 1_000;

/// A story of which something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched {
    /// The story.
    pub story: StoryId,
    /// At which number.
    pub number: i64,
    /// Whether articles left it, or came to it in another way than by arriving.
    pub is_regrouped: bool,
}

/// The stories of which something changed after a number, the earliest first; at most `limit`.
///
/// # Errors
/// The database does not answer.
pub async fn after(
    db: impl PgExecutor<'_>,
    number: i64,
    limit: i64,
) -> Result<Vec<Touched>, StoreError> {
    Ok(sqlx::query_as!(
        Touched,
        r#"SELECT story_id AS "story: StoryId", number, regrouped > $1 AS "is_regrouped!"
             FROM desk_touches
            WHERE number > $1
            ORDER BY number, story_id
            LIMIT $2"#,
        number,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Open pages are to read what is told of this story anew.
pub(super) async fn touch(
    tx: &mut PgConnection,
    story: StoryId,
    number: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO desk_touches (story_id, number) VALUES ($1, $2)
             ON CONFLICT (story_id) DO UPDATE SET number = excluded.number",
        story as StoryId,
        number,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Open pages are to read anew which articles these stories have. Whoever decides about the desk waits from here to the end
/// of the transaction, and finds the stories as they are then: the lock on stories is taken before, never after.
pub(super) async fn regrouped(
    tx: &mut PgConnection,
    stories: impl IntoIterator<Item = i64>,
) -> Result<(), StoreError> {
    let stories: BTreeSet<i64> = stories.into_iter().collect();
    if stories.is_empty() {
        return Ok(());
    }
    let stories: Vec<i64> = stories.into_iter().collect();
    let last = sqlx::query_scalar!("SELECT last FROM desk_numbers FOR UPDATE")
        .fetch_one(&mut *tx)
        .await?;
    // Each has a number of its own, so that a page may read some of them and go on from there.
    let touched = sqlx::query_scalar!(
        r#"WITH latest AS (
               SELECT id, row_number() OVER (ORDER BY last_report_at, id) AS place
                 FROM (SELECT id, last_report_at
                         FROM stories
                        WHERE id = ANY($1)
                        ORDER BY last_report_at DESC NULLS LAST, id DESC
                        LIMIT $3) AS chosen
           )
           INSERT INTO desk_touches (story_id, number, regrouped)
           SELECT id, $2 + place, $2 + place FROM latest
               ON CONFLICT (story_id) DO UPDATE
              SET number = excluded.number, regrouped = excluded.regrouped
           RETURNING number"#,
        &stories,
        last,
        MOST_REGROUPED,
    )
    .fetch_all(&mut *tx)
    .await?;
    announce(tx, touched.into_iter().max().unwrap_or(last)).await
}

/// Writes down the last number and tells everybody who listens, once the transaction ends.
pub(super) async fn announce(tx: &mut PgConnection, last: i64) -> Result<(), StoreError> {
    sqlx::query!("UPDATE desk_numbers SET last = $1", last)
        .execute(&mut *tx)
        .await?;
    sqlx::query!("SELECT pg_notify($1, $2)", desk::CHANNEL, last.to_string())
        .execute(tx)
        .await?;
    Ok(())
}
