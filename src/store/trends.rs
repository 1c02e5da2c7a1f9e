//! How much is written about each keyword: stories by spans of time, counted once however many articles and copies report them.
//!
//! A keyword counts what its present query finds, also in the time before it was saved; the time of an article is the one that
//! lists sort by.

use sqlx::query_as;

use super::{PgPool, StoreError};
use crate::domain::{KeywordId, Timestamp};

/// Stories of a keyword in a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// The keyword.
    pub keyword: KeywordId,
    /// Which span: the first has the number 0. None: all of them together, in which a story of several spans is one.
    pub span: Option<i32>,
    /// Stories with a report in it.
    pub stories: i64,
}

/// What a share of the stories is told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// `language`, `country` or `tier`.
    pub facet: String,
    /// Its value; none where it is not known.
    pub value: Option<String>,
    /// Stories with a report of it since the middle.
    pub stories: i64,
    /// Stories with a report of it before.
    pub before: i64,
}

/// New entries of all feeds on a day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRead {
    /// How many days ago, 0 being today.
    pub ago: i32,
    /// New entries.
    pub entries: i64,
}

/// The stories of every keyword that has any, in the spans that `edges` part: each of them goes from one edge to before the next.
/// Edges ascend.
///
/// # Errors
/// The database does not answer.
pub async fn attention(db: &PgPool, edges: &[Timestamp]) -> Result<Vec<Attention>, StoreError> {
    let (Some(&from), Some(&to)) = (edges.first(), edges.last()) else {
        return Ok(Vec::new());
    };
    Ok(query_as!(
        Attention,
        r#"WITH reported AS (
               SELECT m.keyword_id, width_bucket(m.sort_at, $1::timestamptz[]) - 1 AS span, s.story_id
                 FROM matches m
                 JOIN story_members s ON s.article_id = m.article_id
                WHERE m.closed_at IS NULL AND m.sort_at >= $2 AND m.sort_at < $3)
           SELECT keyword_id AS "keyword!", span, count(DISTINCT story_id) AS "stories!"
             FROM reported
            GROUP BY GROUPING SETS ((keyword_id, span), (keyword_id))"#,
        edges as &[Timestamp],
        from as Timestamp,
        to as Timestamp,
    )
    .fetch_all(db)
    .await?)
}

/// In which languages, from which countries and by whom the stories of a keyword, or of all, are told since `middle`, and
/// were from `from` on before; those told most first, at most `limit` of each.
///
/// # Errors
/// The database does not answer.
pub async fn shares(
    db: &PgPool,
    keyword: Option<KeywordId>,
    [from, middle, to]: [Timestamp; 3],
    limit: i64,
) -> Result<Vec<Share>, StoreError> {
    Ok(query_as!(
        Share,
        r#"WITH reported AS (
               SELECT DISTINCT m.article_id, m.sort_at >= $3 AS is_now
                 FROM matches m
                WHERE m.closed_at IS NULL AND m.sort_at >= $2 AND m.sort_at < $4
                  AND ($1::bigint IS NULL OR m.keyword_id = $1)),
           counted AS (
               SELECT told.facet, told.value,
                      count(DISTINCT s.story_id) FILTER (WHERE is_now) AS stories,
                      count(DISTINCT s.story_id) FILTER (WHERE NOT is_now) AS before
                 FROM reported
                 JOIN story_members s USING (article_id)
                 JOIN articles a ON a.id = reported.article_id
                 JOIN sources ON sources.id = a.source_id
                CROSS JOIN LATERAL (VALUES ('language', a.language), ('country', sources.country),
                                           ('tier', sources.tier)) AS told (facet, value)
                GROUP BY told.facet, told.value),
           ranked AS (
               SELECT *, row_number() OVER (PARTITION BY facet ORDER BY stories DESC, before DESC, value) AS rank
                 FROM counted)
           SELECT facet AS "facet!", value, stories AS "stories!", before AS "before!"
             FROM ranked
            WHERE rank <= $5
            ORDER BY facet, rank"#,
        keyword as Option<KeywordId>,
        from as Timestamp,
        middle as Timestamp,
        to as Timestamp,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// When the first feed that is polled was added; none without feeds.
///
/// # Errors
/// The database does not answer.
pub async fn collecting_since(db: &PgPool) -> Result<Option<Timestamp>, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"SELECT min(created_at) AS "since: Timestamp" FROM feeds"#)
            .fetch_one(db)
            .await?,
    )
}

/// What all feeds together brought on each of the last `days` days, as far as that is remembered.
///
/// # Errors
/// The database does not answer.
pub async fn read(db: &PgPool, now: Timestamp, days: i32) -> Result<Vec<DayRead>, StoreError> {
    Ok(query_as!(
        DayRead,
        r#"SELECT (($1::timestamptz) AT TIME ZONE 'UTC')::date - day AS "ago!", sum(new_entries) AS "entries!"
             FROM feed_days
            WHERE day > (($1::timestamptz) AT TIME ZONE 'UTC')::date - $2::integer
            GROUP BY day
            ORDER BY day"#,
        now as Timestamp,
        days,
    )
    .fetch_all(db)
    .await?)
}
