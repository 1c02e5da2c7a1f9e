//! What each reader has had on the screen: what is new to them, and who has seen a story.

use std::time::Duration;

use sqlx::PgExecutor;

use super::{PgPool, StoreError};
use crate::domain::{ArticleId, StoryId, Timestamp, UserId};

/// The channel on which it is told which stories somebody has seen.
pub const CHANNEL: &str = "seen";

/// What came before is new to nobody: what was seen is remembered for longer.
pub const NEW_FOR: Duration = Duration::from_hours(14 * 24);

/// How long it is remembered what somebody has seen.
pub const REMEMBERED_FOR: Duration = Duration::from_hours(30 * 24);

/// A visit ends after so long without a sign of life.
const VISIT_ENDS_AFTER: Duration = Duration::from_mins(30);

/// Stories named in one announcement, which holds at most 8,000 bytes.
const ANNOUNCED: usize = 200;

/// Somebody who has seen a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seer {
    /// Their name.
    pub name: String,
    /// When they last saw something of it for the first time.
    pub seen_at: Timestamp,
}

/// Notes that somebody had these articles on the screen, and that they are here.
///
/// # Errors
/// The database does not answer.
pub async fn see(
    db: &PgPool,
    user: UserId,
    articles: &[ArticleId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = super::begin(db).await?;
    sqlx::query!(
        "INSERT INTO visits (user_id, first_at, here_at) VALUES ($1, $2, $2)
             ON CONFLICT (user_id) DO UPDATE
            SET before_at = CASE WHEN visits.here_at < $3 THEN visits.here_at ELSE visits.before_at END,
                here_at = excluded.here_at",
        user as UserId,
        now as Timestamp,
        now.minus(VISIT_ENDS_AFTER) as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    let stories = sqlx::query_scalar!(
        r#"WITH fresh AS (
               INSERT INTO seen (user_id, article_id, seen_at)
               SELECT $1, id, $3 FROM articles WHERE id = ANY($2)
                   ON CONFLICT DO NOTHING
               RETURNING article_id
           )
           SELECT DISTINCT m.story_id AS "story!: StoryId"
             FROM fresh
             JOIN story_members m ON m.article_id = fresh.article_id"#,
        user as UserId,
        articles as &[ArticleId],
        now as Timestamp,
    )
    .fetch_all(&mut *tx)
    .await?;
    for some in stories.chunks(ANNOUNCED) {
        let some: Vec<String> = some.iter().map(ToString::to_string).collect();
        sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, some.join(","))
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Somebody has seen all of these keywords (their short names; none: of all) up to an arrival. What arrives later, or
/// while they say so, stays new. A mark never goes back.
///
/// # Errors
/// The database does not answer.
pub async fn mark(
    db: &PgPool,
    user: UserId,
    keywords: &[String],
    arrival: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO seen_marks (user_id, keyword_id, arrival, marked_at)
         SELECT $1, id, least($3, (SELECT last FROM arrivals)), $4
           FROM keywords
          WHERE cardinality($2::text[]) = 0 OR slug = ANY($2)
             ON CONFLICT (user_id, keyword_id) DO UPDATE
            SET before_arrival = seen_marks.arrival,
                before_marked_at = seen_marks.marked_at,
                arrival = excluded.arrival,
                marked_at = excluded.marked_at
          WHERE seen_marks.arrival < excluded.arrival",
        user as UserId,
        keywords,
        arrival,
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes back what somebody marked last, all keywords of that moment. Returns how many.
///
/// # Errors
/// The database does not answer.
pub async fn unmark(db: &PgPool, user: UserId) -> Result<u64, StoreError> {
    let mut tx = super::begin(db).await?;
    let last = sqlx::query_scalar!(
        "SELECT max(marked_at) FROM seen_marks WHERE user_id = $1",
        user as UserId
    )
    .fetch_one(&mut *tx)
    .await?;
    let unmarked = sqlx::query!(
        "DELETE FROM seen_marks WHERE user_id = $1 AND marked_at = $2 AND before_arrival IS NULL",
        user as UserId,
        last,
    )
    .execute(&mut *tx)
    .await?;
    let lowered = sqlx::query!(
        "UPDATE seen_marks
            SET arrival = before_arrival, marked_at = before_marked_at,
                before_arrival = NULL, before_marked_at = NULL
          WHERE user_id = $1 AND marked_at = $2 AND before_arrival IS NOT NULL AND before_marked_at IS NOT NULL",
        user as UserId,
        last,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(unmarked.rows_affected() + lowered.rows_affected())
}

/// A reader's visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// When they came for the first time.
    pub first_at: Timestamp,
    /// When they were here before this visit; none if this is the first one.
    pub last_at: Option<Timestamp>,
}

/// When somebody was here; none if never.
///
/// # Errors
/// The database does not answer.
pub async fn visit(
    db: impl PgExecutor<'_>,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Visit>, StoreError> {
    let visit = sqlx::query!(
        "SELECT first_at, here_at, before_at FROM visits WHERE user_id = $1",
        user as UserId
    )
    .fetch_optional(db)
    .await?;
    Ok(visit.map(|visit| Visit {
        first_at: visit.first_at,
        last_at: if visit.here_at < now.minus(VISIT_ENDS_AFTER) {
            Some(visit.here_at)
        } else {
            visit.before_at
        },
    }))
}

/// Who has seen something of a story, the latest first; at most 100.
///
/// # Errors
/// The database does not answer.
pub async fn seers(db: impl PgExecutor<'_>, story: StoryId) -> Result<Vec<Seer>, StoreError> {
    Ok(sqlx::query_as!(
        Seer,
        r#"SELECT u.name AS "name!", max(s.seen_at) AS "seen_at!"
             FROM story_members m
             JOIN seen s ON s.article_id = m.article_id
             JOIN users u ON u.id = s.user_id
            WHERE m.story_id = $1
            GROUP BY u.name
            ORDER BY max(s.seen_at) DESC, u.name
            LIMIT 100"#,
        story as StoryId,
    )
    .fetch_all(db)
    .await?)
}

/// Forgets one batch of what was seen long ago. Returns how many; call again while it is not zero.
///
/// # Errors
/// The database does not answer.
pub async fn trim(db: &PgPool, before: Timestamp) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "DELETE FROM seen WHERE ctid = ANY (ARRAY(SELECT ctid FROM seen WHERE seen_at < $1 LIMIT $2))",
        before as Timestamp,
        super::TRIM_BATCH
    )
    .execute(db)
    .await?
    .rows_affected())
}
