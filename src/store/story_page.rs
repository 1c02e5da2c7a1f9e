//! What pages show of stories: the list, one story with its articles, and their earlier headlines.

use std::collections::HashMap;

use sqlx::{PgExecutor, query_as};

use super::StoreError;
use crate::domain::{ArticleId, SourceId, StoryId, Timestamp};

/// A story in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryLine {
    /// The story.
    pub id: StoryId,
    /// Headline of its first article.
    pub title: String,
    /// Language of that article.
    pub language: Option<String>,
    /// Source of that article.
    pub source: String,
    /// Tier of that source.
    pub tier: String,
    /// Country of that source.
    pub country: Option<String>,
    /// Articles in all.
    pub articles: i32,
    /// Articles that are no copies.
    pub reports: i32,
    /// Distinct sources.
    pub sources: i64,
    /// When its first article was seen.
    pub first_seen_at: Timestamp,
    /// When its latest independent report was seen.
    pub last_report_at: Timestamp,
}

/// An article of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryArticle {
    /// The article.
    pub id: ArticleId,
    /// Its original, if it is a copy.
    pub copy_of: Option<ArticleId>,
    /// Why it stands here, as JSON.
    pub reason: serde_json::Value,
    /// Headline.
    pub title: String,
    /// Summary or content, cut at 400 letters.
    pub text: String,
    /// Its page at the publisher's.
    pub url: Option<String>,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Names of authors.
    pub authors: Vec<String>,
    /// Its source.
    pub source_id: SourceId,
    /// Name of the source.
    pub source: String,
    /// Tier of the source.
    pub tier: String,
    /// Country of the source.
    pub country: Option<String>,
    /// When its publisher says it was published.
    pub published_at: Option<Timestamp>,
    /// When a feed first carried it.
    pub first_seen_at: Timestamp,
    /// Names of the keywords that it matches, in the order of the board.
    pub keywords: Vec<String>,
}

/// An earlier headline of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierHeadline {
    /// The article.
    pub article_id: ArticleId,
    /// The headline as it was.
    pub title: String,
    /// When another text took its place.
    pub replaced_at: Timestamp,
}

/// Where a permalink leads: the story itself, or the one that took its members.
///
/// # Errors
/// The database does not answer.
pub async fn survivor(
    db: impl PgExecutor<'_>,
    story: StoryId,
) -> Result<Option<StoryId>, StoreError> {
    super::story_decisions::survivor(db, story).await
}

/// The story of an article.
///
/// # Errors
/// The database does not answer.
pub async fn story_of(
    db: impl PgExecutor<'_>,
    article: ArticleId,
) -> Result<Option<StoryId>, StoreError> {
    super::story_decisions::story_of(db, article).await
}

/// The stories of articles; what is not placed has none.
///
/// # Errors
/// The database does not answer.
pub async fn stories_of(
    db: impl PgExecutor<'_>,
    articles: &[ArticleId],
) -> Result<HashMap<ArticleId, StoryId>, StoreError> {
    Ok(sqlx::query!(
        r#"SELECT m.article_id AS "article: ArticleId", coalesce(s.merged_into, s.id) AS "story!: StoryId"
             FROM story_members m
             JOIN stories s ON s.id = m.story_id
            WHERE m.article_id = ANY($1)"#,
        articles as &[ArticleId],
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| (row.article, row.story))
    .collect())
}

/// The articles of a story, first seen first; at most 1,000.
///
/// # Errors
/// The database does not answer.
pub async fn articles(
    db: impl PgExecutor<'_>,
    story: StoryId,
) -> Result<Vec<StoryArticle>, StoreError> {
    Ok(query_as!(
        StoryArticle,
        r#"SELECT a.id, m.copy_of, m.reason, a.title,
                  left(CASE WHEN a.summary = '' THEN a.content ELSE a.summary END, 400) AS "text!",
                  a.url, a.language, a.authors, a.source_id, s.name AS source, s.tier, s.country, a.published_at,
                  a.first_seen_at,
                  ARRAY(SELECT k.name
                          FROM matches
                          JOIN keywords k ON k.id = matches.keyword_id
                         WHERE matches.article_id = a.id AND matches.closed_at IS NULL
                         ORDER BY k.position, k.id) AS "keywords!"
             FROM story_members m
             JOIN articles a ON a.id = m.article_id
             JOIN sources s ON s.id = a.source_id
            WHERE m.story_id = $1
            ORDER BY a.first_seen_at, a.id
            LIMIT 1000"#,
        story as StoryId,
    )
    .fetch_all(db)
    .await?)
}

/// Earlier headlines of the articles of a story that differ from what followed, oldest first.
///
/// # Errors
/// The database does not answer.
pub async fn earlier_headlines(
    db: impl PgExecutor<'_>,
    story: StoryId,
) -> Result<Vec<EarlierHeadline>, StoreError> {
    Ok(query_as!(
        EarlierHeadline,
        r#"SELECT article_id AS "article_id!: ArticleId", title AS "title!", replaced_at AS "replaced_at!: Timestamp"
             FROM (SELECT r.article_id, r.title, r.replaced_at,
                          lead(r.title, 1, a.title) OVER (PARTITION BY r.article_id ORDER BY r.revision) AS later
                     FROM story_members m
                     JOIN articles a ON a.id = m.article_id
                     JOIN revisions r ON r.article_id = m.article_id
                    WHERE m.story_id = $1) AS revised
            WHERE title <> later
            ORDER BY replaced_at
            LIMIT 200"#,
        story as StoryId,
    )
    .fetch_all(db)
    .await?)
}

/// Stories with the latest independent reports, those first; at most `limit`, with an independent report before `before`.
///
/// # Errors
/// The database does not answer.
pub async fn latest(
    db: impl PgExecutor<'_>,
    before: Option<(Timestamp, StoryId)>,
    least_reports: i32,
    limit: i64,
) -> Result<Vec<StoryLine>, StoreError> {
    let (before_at, before_id) = before.unzip();
    Ok(query_as!(
        StoryLine,
        r#"SELECT t.id, a.title, a.language, s.name AS source, s.tier, s.country, t.articles, t.reports,
                  (SELECT count(DISTINCT other.source_id)
                     FROM story_members m
                     JOIN articles other ON other.id = m.article_id
                    WHERE m.story_id = t.id) AS "sources!",
                  t.first_seen_at AS "first_seen_at!", t.last_report_at AS "last_report_at!"
             FROM stories t
             JOIN articles a ON a.id = t.first_article_id
             JOIN sources s ON s.id = a.source_id
            WHERE t.merged_into IS NULL
              AND t.last_report_at IS NOT NULL
              AND t.articles >= $1
              AND ($2::timestamptz IS NULL OR (t.last_report_at, t.id) < ($2, $3))
            ORDER BY t.last_report_at DESC, t.id DESC
            LIMIT $4"#,
        least_reports,
        before_at as Option<Timestamp>,
        before_id.map(StoryId::get),
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// What the desk's decisions say about grouping, in pairs of articles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Moves out that stand: articles that grouping had joined wrongly.
    pub wrongly_joined: i64,
    /// Merges that stand: stories that grouping had kept apart wrongly.
    pub wrongly_parted: i64,
    /// Articles grouped since `since` in a story with others.
    pub joined: i64,
    /// Stories since `since`.
    pub stories: i64,
    /// Decisions taken back.
    pub undone: i64,
}

/// How often the desk had to correct what was grouped since an instant.
///
/// # Errors
/// The database does not answer.
pub async fn verdicts(db: impl PgExecutor<'_>, since: Timestamp) -> Result<Verdicts, StoreError> {
    Ok(query_as!(
        Verdicts,
        r#"SELECT (SELECT coalesce(sum(cardinality(moved)), 0) FROM story_decisions
                    WHERE kind = 'apart' AND undone_at IS NULL AND made_at >= $1) AS "wrongly_joined!: i64",
                  (SELECT count(*) FROM story_decisions
                    WHERE kind = 'together' AND undone_at IS NULL AND made_at >= $1) AS "wrongly_parted!",
                  (SELECT count(*) FROM story_members m JOIN stories t ON t.id = m.story_id
                    WHERE m.placed_at >= $1 AND t.articles > 1) AS "joined!",
                  (SELECT count(*) FROM stories WHERE created_at >= $1 AND merged_into IS NULL) AS "stories!",
                  (SELECT count(*) FROM story_decisions
                    WHERE undone_at IS NOT NULL AND made_at >= $1) AS "undone!""#,
        since as Timestamp,
    )
    .fetch_one(db)
    .await?)
}
