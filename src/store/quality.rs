//! How good keywords are, measured by what the desk did: kept against passed as noise, and samples of what matched nothing.

use std::time::Duration;

use serde_json::json;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    search::{Text, text_of},
};
use crate::domain::{KeywordId, SampleId, Share, SourceId, Timestamp};

/// Entries that are drawn a week.
const DRAWN: i64 = 30;
/// Judged texts that are read at most.
const MOST_TEXTS: i64 = 800;
/// Characters of a summary that are kept to judge by.
const SUMMARY: i32 = 600;
/// Kept so long after they were drawn.
const KEPT: Duration = Duration::from_hours(24 * 400);

/// What the desk made of what a version of a keyword found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionShare {
    /// The version.
    pub version: i32,
    /// Stories kept (used, claimed or watched) of those kept or passed as noise.
    pub kept: Share,
}

/// How precise each version of a keyword is, the youngest first.
///
/// # Errors
/// The database does not answer.
pub async fn by_version(db: &PgPool, keyword: KeywordId) -> Result<Vec<VersionShare>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH judged AS (
               SELECT DISTINCT coalesce(s.merged_into, s.id) AS story
                 FROM desk_states d
                 JOIN stories s ON s.id = d.story_id
           ), told AS (
               SELECT j.story, d.state = 'passed' AS is_noise
                 FROM judged j
                CROSS JOIN LATERAL desk_of(j.story) d
                WHERE d.state IN ('used', 'claimed', 'watch') OR (d.state = 'passed' AND d.reason = 'noise')
           )
           SELECT m.keyword_version AS version, count(DISTINCT t.story) FILTER (WHERE NOT t.is_noise) AS "kept!",
                  count(DISTINCT t.story) AS "judged!"
             FROM told t
             JOIN stories s ON s.id = t.story OR s.merged_into = t.story
             JOIN story_members sm ON sm.story_id = s.id
             JOIN matches m ON m.article_id = sm.article_id AND m.keyword_id = $1
            GROUP BY m.keyword_version
            ORDER BY m.keyword_version DESC"#,
        keyword as KeywordId,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| VersionShare {
            version: row.version,
            kept: share(row.kept, row.judged),
        })
        .collect())
}

fn share(hits: i64, of: i64) -> Share {
    Share {
        hits: u32::try_from(hits).unwrap_or(u32::MAX),
        of: u32::try_from(of).unwrap_or(u32::MAX),
    }
}

/// A text that the desk judged.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedText {
    /// What it says.
    pub text: Text,
    /// Whether it was kept; else it was passed as noise.
    pub is_kept: bool,
}

/// The newest texts under a keyword that the desk kept or passed as noise, one a story.
///
/// # Errors
/// The database does not answer.
pub async fn judged(db: &PgPool, keyword: KeywordId) -> Result<Vec<JudgedText>, StoreError> {
    Ok(sqlx::query!(
        r#"WITH judged AS (
               SELECT DISTINCT coalesce(s.merged_into, s.id) AS story
                 FROM desk_states d
                 JOIN stories s ON s.id = d.story_id
           ), told AS (
               SELECT j.story, d.state <> 'passed' AS is_kept
                 FROM judged j
                CROSS JOIN LATERAL desk_of(j.story) d
                WHERE d.state IN ('used', 'claimed', 'watch') OR (d.state = 'passed' AND d.reason = 'noise')
           ), newest AS (
               SELECT DISTINCT ON (t.story) t.story, t.is_kept, m.article_id, m.sort_at
                 FROM told t
                 JOIN stories s ON s.id = t.story OR s.merged_into = t.story
                 JOIN story_members sm ON sm.story_id = s.id
                 JOIN matches m ON m.article_id = sm.article_id AND m.keyword_id = $1
                ORDER BY t.story, m.sort_at DESC, m.article_id DESC
           )
           SELECT n.is_kept AS "is_kept!", a.source_id AS "source_id: SourceId", a.url, a.title, a.summary,
                  left(a.content, 20000) AS "content!", a.language, a.authors, a.categories, a.sort_at
             FROM newest n
             JOIN articles a ON a.id = n.article_id
            ORDER BY n.sort_at DESC, a.id DESC
            LIMIT $2"#,
        keyword as KeywordId,
        MOST_TEXTS,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| JudgedText {
        is_kept: row.is_kept,
        text: text_of!(row),
    })
    .collect())
}

/// Draws the sample of the week that ended last, unless it is drawn. Returns how many entries were drawn.
///
/// # Errors
/// The database does not answer.
pub async fn draw(db: &PgPool, now: Timestamp) -> Result<u64, StoreError> {
    let drawn = sqlx::query!(
        "WITH week AS (
             SELECT (date_trunc('week', $1::timestamptz AT TIME ZONE 'UTC') - interval '7 days') AS monday
         ), entry AS (
             SELECT b.identity, b.url, b.title, left(b.summary, $3) AS summary, b.language, f.source_id, week.monday
               FROM week
               JOIN backlog b ON b.first_seen_at >= week.monday AT TIME ZONE 'UTC'
                             AND b.first_seen_at < (week.monday + interval '7 days') AT TIME ZONE 'UTC'
               JOIN feeds f ON f.id = b.feed_id
              WHERE NOT b.is_backfill
                AND NOT EXISTS (SELECT FROM backlog_samples s WHERE s.week = week.monday::date)
         )
         INSERT INTO backlog_samples (week, identity, source_id, url, title, summary, language, entries)
         SELECT monday::date, identity, source_id, url, title, summary, language,
                (SELECT count(*) FROM entry)
           FROM entry
          ORDER BY random()
          LIMIT $2",
        now as Timestamp,
        DRAWN,
        SUMMARY,
    )
    .execute(db)
    .await?
    .rows_affected();
    sqlx::query!(
        "DELETE FROM backlog_samples WHERE week < ($1::timestamptz AT TIME ZONE 'UTC')::date",
        now.minus(KEPT) as Timestamp
    )
    .execute(db)
    .await?;
    Ok(drawn)
}

/// An entry that is to be judged, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its number.
    pub id: SampleId,
    /// Name of its source.
    pub source: String,
    /// At the publisher's.
    pub url: Option<String>,
    /// Headline.
    pub title: String,
    /// The begin of its summary.
    pub summary: String,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Whether it should have been caught; none while nobody judged it.
    pub is_missed: Option<bool>,
    /// Name of the keyword that should have.
    pub keyword: Option<String>,
    /// Who judged it.
    pub judged_by: Option<String>,
}

/// The entries of the last sample, those to be judged first.
///
/// # Errors
/// The database does not answer.
pub async fn samples(db: &PgPool) -> Result<Vec<Sample>, StoreError> {
    Ok(sqlx::query_as!(
        Sample,
        r#"SELECT b.id, s.name AS source, b.url, b.title, b.summary, b.language, b.is_missed,
                  k.name AS "keyword?", b.judged_by
             FROM backlog_samples b
             JOIN sources s ON s.id = b.source_id
             LEFT JOIN keywords k ON k.id = b.keyword_id
            WHERE b.week = (SELECT max(week) FROM backlog_samples)
            ORDER BY b.is_missed IS NOT NULL, b.id"#
    )
    .fetch_all(db)
    .await?)
}

/// What the samples of a week say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekShare {
    /// The Monday, as a date.
    pub week: String,
    /// Those that should have been caught of those that were judged.
    pub missed: Share,
    /// Entries of the week that matched nothing.
    pub entries: i64,
    /// Articles that came in that week.
    pub caught: i64,
}

/// What the samples of the last weeks say, the youngest first.
///
/// # Errors
/// The database does not answer.
pub async fn weeks(db: &PgPool) -> Result<Vec<WeekShare>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT to_char(week, 'YYYY-MM-DD') AS "week!", count(*) FILTER (WHERE is_missed) AS "missed!",
                  count(is_missed) AS "judged!", max(entries) AS "entries!",
                  (SELECT count(*)
                     FROM articles a
                    WHERE a.sort_at >= week::timestamp AT TIME ZONE 'UTC'
                      AND a.sort_at < (week + 7)::timestamp AT TIME ZONE 'UTC'
                      AND NOT a.is_backfill) AS "caught!"
             FROM backlog_samples
            GROUP BY week
            ORDER BY week DESC
            LIMIT 12"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| WeekShare {
            week: row.week,
            missed: share(row.missed, row.judged),
            entries: row.entries,
            caught: row.caught,
        })
        .collect())
}

/// Judges an entry: under which keyword it should have been, if under any. False if there is no such entry or keyword.
///
/// # Errors
/// The database does not answer.
pub async fn judge(
    db: &PgPool,
    id: SampleId,
    missed_by: Option<&str>,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let judged = sqlx::query!(
        "UPDATE backlog_samples
            SET is_missed = $2::text IS NOT NULL, keyword_id = (SELECT id FROM keywords WHERE slug = $2), judged_by = $3,
                judged_at = $4
          WHERE id = $1
            AND ($2::text IS NULL OR EXISTS (SELECT FROM keywords WHERE slug = $2))
        RETURNING url",
        id as SampleId,
        missed_by,
        actor,
        now as Timestamp,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(sample) = judged else {
        return Ok(false);
    };
    let change = Change {
        action: "judge",
        subject_kind: "sample",
        subject: id.to_string(),
        before: None,
        // Its address only: the audit keeps for good what it holds, and a text may have to be erased.
        after: Some(json!({"url": sample.url, "missed_by": missed_by})),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(true)
}
