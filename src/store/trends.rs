//! How much is written about each keyword: stories by spans of time, counted once however many articles report them. Copies do not
//! count: they come as long as a story is syndicated, and tell nothing.
//!
//! A keyword counts what its present query finds, also in the time before it was saved; the time of an article is the one that
//! lists sort by.

use jiff::civil::Date;
use sqlx::query_as;

use super::{PgPool, StoreError};
use crate::domain::{KeywordId, Timestamp};

/// Where what is counted apart is parted; each list ascends.
#[derive(Debug, Clone, Copy)]
pub struct Edges<'a> {
    /// Of days.
    pub days: &'a [Timestamp],
    /// Of days that are counted back from now.
    pub last: &'a [Timestamp],
    /// Of the time before, what lies between, and the time that is looked at.
    pub halves: [Timestamp; 4],
}

/// Stories of a keyword in a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoriesIn {
    /// The keyword.
    pub keyword: KeywordId,
    /// Which of the days, from 0 on.
    pub day: Option<i32>,
    /// Else which of the days back from now.
    pub last: Option<i32>,
    /// Else which half: 0 the time before, 2 the time that is looked at.
    pub half: Option<i32>,
    /// Stories with a report in it.
    pub stories: i64,
}

/// Stories of a keyword on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoriesOfDay {
    /// The keyword.
    pub keyword: KeywordId,
    /// Which day, from 0 on.
    pub day: i32,
    /// Stories with a report of it.
    pub stories: i64,
}

/// What stories are told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldBy {
    /// `language`, `country` or `tier`.
    pub kind: String,
    /// Which; none where it is not known.
    pub value: Option<String>,
    /// Stories with a report of it in the time that is looked at.
    pub stories: i64,
    /// The same in the time before.
    pub before: i64,
}

/// What all feeds together brought on a day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRead {
    /// The day.
    pub day: Date,
    /// New entries.
    pub entries: i64,
    /// Whether anything was read.
    pub is_read: bool,
}

/// The stories of every keyword that has any, by day, by day back from now and by half. A story of several days is one of each,
/// and one of their half.
///
/// # Errors
/// The database does not answer.
pub async fn stories(db: &PgPool, edges: Edges<'_>) -> Result<Vec<StoriesIn>, StoreError> {
    let all = || edges.days.iter().chain(edges.last).chain(&edges.halves);
    let (Some(&from), Some(&to)) = (all().min(), all().max()) else {
        return Ok(Vec::new());
    };
    Ok(query_as!(
        StoriesIn,
        r#"SELECT k.id AS "keyword!", found.day, found.last, found.half, count(DISTINCT s.story_id) AS "stories!"
             FROM keywords k
            -- of each keyword a piece of the index, whose spans are worked out once and not once for each of the sortings
            CROSS JOIN LATERAL (SELECT m.article_id,
                                       width_bucket(m.sort_at, $3::timestamptz[]) - 1 AS day,
                                       width_bucket(m.sort_at, $4::timestamptz[]) - 1 AS last,
                                       width_bucket(m.sort_at, $5::timestamptz[]) - 1 AS half
                                  FROM matches m
                                 WHERE m.keyword_id = k.id AND m.closed_at IS NULL
                                   AND m.sort_at >= $1 AND m.sort_at < $2
                                OFFSET 0) AS found
             JOIN story_members s ON s.article_id = found.article_id
            WHERE s.copy_of IS NULL
            GROUP BY GROUPING SETS ((k.id, found.day), (k.id, found.last), (k.id, found.half))"#,
        from as Timestamp,
        to as Timestamp,
        edges.days as &[Timestamp],
        edges.last as &[Timestamp],
        &edges.halves as &[Timestamp],
    )
    .fetch_all(db)
    .await?)
}

/// The stories by day of one keyword, or of every one that has any.
///
/// # Errors
/// The database does not answer.
pub async fn stories_by_day(
    db: &PgPool,
    keyword: Option<KeywordId>,
    days: &[Timestamp],
) -> Result<Vec<StoriesOfDay>, StoreError> {
    let (Some(&from), Some(&to)) = (days.first(), days.last()) else {
        return Ok(Vec::new());
    };
    Ok(query_as!(
        StoriesOfDay,
        r#"SELECT k.id AS keyword, found.day AS "day!", count(DISTINCT s.story_id) AS "stories!"
             FROM keywords k
            CROSS JOIN LATERAL (SELECT m.article_id, width_bucket(m.sort_at, $2::timestamptz[]) - 1 AS day
                                  FROM matches m
                                 WHERE m.keyword_id = k.id AND m.closed_at IS NULL
                                   AND m.sort_at >= $3 AND m.sort_at < $4
                                OFFSET 0) AS found
             JOIN story_members s ON s.article_id = found.article_id
            WHERE s.copy_of IS NULL AND ($1::bigint IS NULL OR k.id = $1)
            GROUP BY 1, 2"#,
        keyword as Option<KeywordId>,
        days as &[Timestamp],
        from as Timestamp,
        to as Timestamp,
    )
    .fetch_all(db)
    .await?)
}

/// In which languages, from which countries and by which tiers the stories of a keyword are told in the last of the halves, and
/// were in the first; those told most first, at most `limit` of each kind.
///
/// # Errors
/// The database does not answer.
pub async fn told_by(
    db: &PgPool,
    keyword: KeywordId,
    halves: [Timestamp; 4],
    limit: i64,
) -> Result<Vec<ToldBy>, StoreError> {
    let [from, _, _, to] = halves;
    Ok(query_as!(
        ToldBy,
        r#"WITH reported AS (
               SELECT m.article_id, width_bucket(m.sort_at, $2::timestamptz[]) AS half
                 FROM matches m
                WHERE m.keyword_id = $1 AND m.closed_at IS NULL AND m.sort_at >= $3 AND m.sort_at < $4),
           counted AS (
               SELECT told.kind, told.value,
                      count(DISTINCT s.story_id) FILTER (WHERE half = 3) AS stories,
                      count(DISTINCT s.story_id) FILTER (WHERE half = 1) AS before
                 FROM reported
                 JOIN story_members s USING (article_id)
                 JOIN articles a ON a.id = reported.article_id
                 JOIN sources ON sources.id = a.source_id
                CROSS JOIN LATERAL (VALUES ('language', a.language), ('country', sources.country),
                                           ('tier', sources.tier)) AS told (kind, value)
                WHERE s.copy_of IS NULL AND half <> 2
                GROUP BY told.kind, told.value),
           ranked AS (
               SELECT *, row_number() OVER (PARTITION BY kind ORDER BY stories DESC, before DESC, value) AS rank
                 FROM counted)
           SELECT kind AS "kind!", value, stories AS "stories!", before AS "before!"
             FROM ranked
            WHERE rank <= $5
            ORDER BY kind, rank"#,
        keyword as KeywordId,
        &halves as &[Timestamp],
        from as Timestamp,
        to as Timestamp,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// When the feeds began to be read: when the first of those that are there was added; none without feeds.
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

/// From when on all is known of what each keyword finds: since its query was saved, and before as far as the backlog reaches,
/// which was read then. Keywords whose past is being read right now are missing.
///
/// # Errors
/// The database does not answer.
pub async fn known_since(db: &PgPool) -> Result<Vec<(KeywordId, Timestamp)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT k.id AS "id: KeywordId",
                  greatest((SELECT min(created_at) FROM feeds),
                           least(v.saved_at, (SELECT min(first_seen_at) FROM backlog))) AS "since!: Timestamp"
             FROM keywords k
             JOIN keyword_versions v ON v.keyword_id = k.id AND v.version = k.version
            WHERE NOT EXISTS (SELECT FROM rematches r WHERE r.keyword_id = k.id AND r.finished_at IS NULL)"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.since)).collect())
}

/// What was read on each day since an instant, as far as that is remembered, the oldest first.
///
/// # Errors
/// The database does not answer.
pub async fn read_since(db: &PgPool, since: Timestamp) -> Result<Vec<DayRead>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT day::text AS "day!", sum(new_entries) AS "entries!", bool_or(attempts > failures) AS "is_read!"
             FROM feed_days
            WHERE day >= (($1::timestamptz) AT TIME ZONE 'UTC')::date
            GROUP BY day
            ORDER BY day"#,
        since as Timestamp,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let day = row.day.parse().map_err(|_| {
                StoreError::Unexpected(format!("a day of feeds that is none: {}", row.day))
            })?;
            Ok(DayRead {
                day,
                entries: row.entries,
                is_read: row.is_read,
            })
        })
        .collect()
}
