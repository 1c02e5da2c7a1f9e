//! What a shift hands over: what was new and decided since an instant, what is open, which feeds went down or came back,
//! and who changed what the desk follows.

use serde_json::Value;
use sqlx::PgExecutor;

use super::{StoreError, desk};
use crate::domain::{FeedId, StoryId, Timestamp, desk::Desk};

/// The most rows of a list.
const MOST: i64 = 300;

/// How many of what there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stories that began.
    pub new: i64,
    /// Stories that were claimed, and not taken back.
    pub claimed: i64,
    /// Used.
    pub used: i64,
    /// Passed.
    pub passed: i64,
    /// Set to be watched.
    pub watched: i64,
    /// Notes.
    pub notes: i64,
}

/// A story that the desk decided about, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedStory {
    /// The story.
    pub story: StoryId,
    /// Headline of its first article.
    pub title: String,
    /// Language of that article.
    pub language: Option<String>,
    /// Source of that article.
    pub source: String,
    /// Independent reports that it has.
    pub reports: i32,
    /// Notes about it.
    pub notes: i64,
    /// What stands.
    pub desk: Desk,
}

/// Something that was wrong with a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedTurn {
    /// The feed.
    pub feed: FeedId,
    /// Name of its source.
    pub source: String,
    /// What was wrong, as a word of `domain::Trouble`.
    pub kind: String,
    /// The same for people.
    pub detail: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it was over; none while it is not.
    pub closed_at: Option<Timestamp>,
}

/// Changes of one kind by one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeatChange {
    /// Who.
    pub actor: String,
    /// `add`, `change`, `remove`, …
    pub action: String,
    /// `keyword`, `concept`, `feed`, …
    pub subject_kind: String,
    /// How many.
    pub count: i64,
    /// The first twelve subjects.
    pub subjects: Vec<String>,
    /// When the last one was made.
    pub last_at: Timestamp,
}

/// How many of what there were since an instant.
///
/// # Errors
/// The database does not answer.
pub async fn counts(db: impl PgExecutor<'_>, since: Timestamp) -> Result<Counts, StoreError> {
    Ok(sqlx::query_as!(
        Counts,
        r#"SELECT (SELECT count(*)
                     FROM stories
                    -- by its index: what began since has a report since, or had one shortly before it was placed
                    WHERE last_report_at >= $1::timestamptz - interval '1 hour' AND created_at >= $1 AND merged_into IS NULL) AS "new!",
                  count(DISTINCT story_id) FILTER (WHERE kind = 'claim') AS "claimed!",
                  count(DISTINCT story_id) FILTER (WHERE kind = 'use') AS "used!",
                  count(DISTINCT story_id) FILTER (WHERE kind = 'pass') AS "passed!",
                  count(DISTINCT story_id) FILTER (WHERE kind = 'watch') AS "watched!",
                  count(*) FILTER (WHERE kind = 'note') AS "notes!"
             FROM desk_changes
            WHERE made_at >= $1 AND undone_at IS NULL"#,
        since as Timestamp,
    )
    .fetch_one(db)
    .await?)
}

/// The stories that something was decided or written about since an instant, or that are claimed, watched or given to
/// somebody now; the latest first.
///
/// # Errors
/// The database does not answer.
pub async fn stories(
    db: impl PgExecutor<'_>,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<DecidedStory>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT t.id AS "story!: StoryId", a.title AS "title!", a.language AS "language?", s.name AS "source!",
                  t.reports AS "reports!",
                  (SELECT count(*)
                     FROM stories g
                     JOIN notes n ON n.story_id = g.id
                    WHERE (g.id = t.id OR g.merged_into = t.id) AND n.removed_at IS NULL) AS "notes!",
                  (SELECT to_jsonb(d) FROM desk_of(t.id) d) AS "desk?: Value"
             FROM (SELECT DISTINCT coalesce(o.merged_into, o.id) AS id
                     FROM (SELECT story_id FROM desk_changes WHERE made_at >= $1 AND undone_at IS NULL
                           UNION ALL
                           SELECT story_id FROM desk_states
                            WHERE state IN ('claimed', 'watch')
                               OR (assignee IS NOT NULL AND state = 'new')) AS touched
                     JOIN stories o ON o.id = touched.story_id) AS decided
             JOIN stories t ON t.id = decided.id
             JOIN articles a ON a.id = t.first_article_id
             JOIN sources s ON s.id = a.source_id
            ORDER BY t.last_report_at DESC NULLS LAST, t.id DESC
            LIMIT $2"#,
        since as Timestamp,
        MOST,
    )
    .fetch_all(db)
    .await?;
    let stories = rows.into_iter().map(|row| DecidedStory {
        story: row.story,
        title: row.title,
        language: row.language,
        source: row.source,
        reports: row.reports,
        notes: row.notes,
        desk: desk::from_json(row.desk).at(now),
    });
    Ok(stories.collect())
}

/// What went wrong with feeds, or was over, since an instant; what is open first, then the latest.
///
/// # Errors
/// The database does not answer.
pub async fn feeds(db: impl PgExecutor<'_>, since: Timestamp) -> Result<Vec<FeedTurn>, StoreError> {
    Ok(sqlx::query_as!(
        FeedTurn,
        r#"SELECT i.feed_id AS "feed!: FeedId", s.name AS "source!", i.kind AS "kind!", i.detail AS "detail!",
                  i.opened_at AS "opened_at!", i.closed_at AS "closed_at?"
             FROM incidents i
             JOIN feeds f ON f.id = i.feed_id
             JOIN sources s ON s.id = f.source_id
            WHERE (i.opened_at >= $1 OR i.closed_at >= $1)
              AND i.topic IN ('outage', 'items', 'silence', 'gap')
            ORDER BY i.closed_at IS NULL DESC, greatest(i.opened_at, i.closed_at) DESC, i.id
            LIMIT $2"#,
        since as Timestamp,
        MOST,
    )
    .fetch_all(db)
    .await?)
}

/// Who changed what the desk follows since an instant, the latest first.
///
/// # Errors
/// The database does not answer.
pub async fn beat_changes(
    db: impl PgExecutor<'_>,
    since: Timestamp,
) -> Result<Vec<BeatChange>, StoreError> {
    Ok(sqlx::query_as!(
        BeatChange,
        r#"SELECT actor, action, subject_kind, count(*) AS "count!",
                  (array_agg(subject ORDER BY at DESC, id DESC))[1:12] AS "subjects!", max(at) AS "last_at!"
             FROM audit
            WHERE at >= $1
              AND subject_kind NOT IN ('story', 'user', 'session', 'token', 'invitation', 'filter', 'article', 'page')
            GROUP BY actor, action, subject_kind
            ORDER BY max(at) DESC, subject_kind
            LIMIT $2"#,
        since as Timestamp,
        MOST,
    )
    .fetch_all(db)
    .await?)
}
