//! Who is first: each source's share in stories, and what would be lost without it.

use sqlx::{PgExecutor, query_as};

use super::StoreError;
use crate::domain::{SourceId, Timestamp};

/// A source in the league.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The source.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// Its tier.
    pub tier: String,
    /// Its country.
    pub country: Option<String>,
    /// Stories that it had.
    pub stories: i64,
    /// Stories of several sources in which it was first.
    pub first: i64,
    /// Stories of several sources that it had.
    pub contested: i64,
    /// Median lead over the second, in seconds, where it was first.
    pub lead_seconds: Option<f64>,
    /// Median delay behind the first, in seconds, where it was not.
    pub behind_seconds: Option<f64>,
    /// Stories that no other source had: lost without it.
    pub only_here: i64,
}

/// A story that only one source had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlyHere {
    /// The story.
    pub story: crate::domain::StoryId,
    /// Headline of its first article.
    pub title: String,
    /// Language of that article.
    pub language: Option<String>,
    /// When it was seen.
    pub first_seen_at: Timestamp,
}

/// All sources with stories since an instant; those that were first most often first.
///
/// # Errors
/// The database does not answer.
pub async fn standings(
    db: impl PgExecutor<'_>,
    since: Timestamp,
) -> Result<Vec<Standing>, StoreError> {
    Ok(query_as!(
        Standing,
        r#"WITH seen AS (
               SELECT m.story_id, a.source_id, min(a.first_seen_at) AS at
                 FROM story_members m
                 JOIN stories t ON t.id = m.story_id
                 JOIN articles a ON a.id = m.article_id
                WHERE t.first_seen_at >= $1 AND NOT a.is_backfill
                GROUP BY m.story_id, a.source_id
           ), ranked AS (
               SELECT story_id, source_id, at,
                      row_number() OVER (PARTITION BY story_id ORDER BY at, source_id) AS place,
                      count(*) OVER (PARTITION BY story_id) AS sources,
                      min(at) OVER (PARTITION BY story_id) AS first_at,
                      nth_value(at, 2) OVER (PARTITION BY story_id ORDER BY at, source_id
                                             ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS second_at
                 FROM seen
           )
           SELECT s.id, s.name, s.tier, s.country,
                  count(*) AS "stories!",
                  count(*) FILTER (WHERE place = 1 AND sources > 1) AS "first!",
                  count(*) FILTER (WHERE sources > 1) AS "contested!",
                  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM second_at - at)::float8)
                      FILTER (WHERE place = 1 AND sources > 1) AS lead_seconds,
                  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at - first_at)::float8)
                      FILTER (WHERE place > 1) AS behind_seconds,
                  count(*) FILTER (WHERE sources = 1) AS "only_here!"
             FROM ranked
             JOIN sources s ON s.id = ranked.source_id
            GROUP BY s.id
            ORDER BY 6 DESC, 10 DESC, s.name"#,
        since as Timestamp,
    )
    .fetch_all(db)
    .await?)
}

/// The latest stories since an instant that only this source had; at most `limit`.
///
/// # Errors
/// The database does not answer.
pub async fn only_here(
    db: impl PgExecutor<'_>,
    source: SourceId,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<OnlyHere>, StoreError> {
    Ok(query_as!(
        OnlyHere,
        r#"SELECT t.id AS story, a.title, a.language, t.first_seen_at AS "first_seen_at!"
             FROM stories t
             JOIN articles a ON a.id = t.first_article_id
            WHERE a.source_id = $1
              AND t.merged_into IS NULL
              AND t.first_seen_at >= $2
              AND NOT EXISTS (SELECT
                                FROM story_members m
                                JOIN articles other ON other.id = m.article_id
                               WHERE m.story_id = t.id AND other.source_id <> $1)
            ORDER BY t.first_seen_at DESC, t.id DESC
            LIMIT $3"#,
        source as SourceId,
        since as Timestamp,
        limit,
    )
    .fetch_all(db)
    .await?)
}
