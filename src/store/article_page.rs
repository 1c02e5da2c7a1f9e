//! What one article's page shows: the article, why it is kept, who carried it, what it said before.

use serde_json::Value;
use sqlx::{PgExecutor, query_as};

use super::StoreError;
use crate::domain::{ArticleId, FeedId, Hit, Timestamp};

/// An article with its source.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredArticle {
    /// The article.
    pub id: ArticleId,
    /// Its page at the publisher's.
    pub url: Option<String>,
    /// Headline.
    pub title: String,
    /// Summary, paragraphs parted by `\n`.
    pub summary: String,
    /// Content, paragraphs parted by `\n`.
    pub content: String,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Names of authors.
    pub authors: Vec<String>,
    /// Categories as published.
    pub categories: Vec<String>,
    /// When its publisher says it was published.
    pub published_at: Option<Timestamp>,
    /// When a feed first carried it.
    pub first_seen_at: Timestamp,
    /// When its publisher last changed it.
    pub updated_at: Option<Timestamp>,
    /// History rather than news.
    pub is_backfill: bool,
    /// Name of the source.
    pub source: String,
    /// Registered domain of the source.
    pub domain: String,
    /// Tier of the source.
    pub tier: String,
    /// Country of the source.
    pub country: Option<String>,
}

/// Why an article is kept: one keyword that it matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// Short name of the keyword.
    pub slug: String,
    /// Name of the keyword.
    pub name: String,
    /// The version that matched.
    pub version: i32,
    /// What was found.
    pub hits: Vec<Hit>,
    /// The branches of the query that held.
    pub why: String,
    /// When it came to match.
    pub matched_at: Timestamp,
    /// Set when a changed keyword lost the match.
    pub closed_at: Option<Timestamp>,
}

/// That a feed carried the article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenIn {
    /// The feed.
    pub feed_id: FeedId,
    /// Its title, or else its address.
    pub feed: String,
    /// Name of its source.
    pub source: String,
    /// When it first carried the article.
    pub first_seen_at: Timestamp,
}

/// What the article said before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierText {
    /// 0 is the text as first seen.
    pub revision: i32,
    /// Headline.
    pub title: String,
    /// Summary.
    pub summary: String,
    /// Content.
    pub content: String,
    /// When another text took its place.
    pub replaced_at: Timestamp,
}

/// The article, or none with this id.
///
/// # Errors
///
/// When the database does not answer.
pub async fn article(
    db: impl PgExecutor<'_>,
    id: ArticleId,
) -> Result<Option<StoredArticle>, StoreError> {
    let article = query_as!(
        StoredArticle,
        r#"SELECT a.id, a.url, a.title, a.summary, a.content, a.language, a.authors, a.categories,
                  a.published_at, a.first_seen_at, a.updated_at, a.is_backfill,
                  s.name AS source, s.domain, s.tier, s.country
             FROM articles a
             JOIN sources s ON s.id = a.source_id
            WHERE a.id = $1"#,
        id as ArticleId,
    )
    .fetch_optional(db)
    .await?;
    Ok(article)
}

/// The keywords that the article matches or once matched, those of today first, in the order of the board.
///
/// # Errors
///
/// When the database does not answer.
pub async fn reasons(db: impl PgExecutor<'_>, id: ArticleId) -> Result<Vec<Reason>, StoreError> {
    struct ReasonRow {
        slug: String,
        name: String,
        version: i32,
        hits: Value,
        why: String,
        matched_at: Timestamp,
        closed_at: Option<Timestamp>,
    }
    let rows = query_as!(
        ReasonRow,
        r#"SELECT k.slug, k.name, m.keyword_version AS version, m.hits, m.why, m.matched_at, m.closed_at
             FROM matches m
             JOIN keywords k ON k.id = m.keyword_id
            WHERE m.article_id = $1
            ORDER BY m.closed_at IS NOT NULL, k.position, k.id"#,
        id as ArticleId,
    )
    .fetch_all(db)
    .await?;
    let reason = |row: ReasonRow| {
        let ReasonRow {
            slug,
            name,
            version,
            hits,
            why,
            matched_at,
            closed_at,
        } = row;
        Reason {
            slug,
            name,
            version,
            hits: super::hits::from_json(hits),
            why,
            matched_at,
            closed_at,
        }
    };
    Ok(rows.into_iter().map(reason).collect())
}

/// The feeds that carried the article, the first one first.
///
/// # Errors
///
/// When the database does not answer.
pub async fn seen_in(db: impl PgExecutor<'_>, id: ArticleId) -> Result<Vec<SeenIn>, StoreError> {
    let feeds = query_as!(
        SeenIn,
        r#"SELECT g.feed_id, coalesce(f.title, f.url) AS "feed!", s.name AS source, g.first_seen_at
             FROM sightings g
             JOIN feeds f ON f.id = g.feed_id
             JOIN sources s ON s.id = f.source_id
            WHERE g.article_id = $1
            ORDER BY g.first_seen_at, g.feed_id"#,
        id as ArticleId,
    )
    .fetch_all(db)
    .await?;
    Ok(feeds)
}

/// What the article said before, the latest first; at most 50.
///
/// # Errors
///
/// When the database does not answer.
pub async fn earlier_texts(
    db: impl PgExecutor<'_>,
    id: ArticleId,
) -> Result<Vec<EarlierText>, StoreError> {
    let texts = query_as!(
        EarlierText,
        r#"SELECT revision, title, summary, content, replaced_at
             FROM revisions
            WHERE article_id = $1
            ORDER BY revision DESC
            LIMIT 50"#,
        id as ArticleId,
    )
    .fetch_all(db)
    .await?;
    Ok(texts)
}
