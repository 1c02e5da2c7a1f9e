//! Every stored article once, by arrival: the only order that loses nothing.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{PgPool, query_as};

use super::StoreError;
use crate::domain::{ArticleId, Hit, Timestamp};

/// An article as it goes out to other programs.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrivedArticle {
    /// The article.
    pub id: ArticleId,
    /// Its number of arrival.
    pub arrival: i64,
    /// Its page at the publisher's.
    pub url: Option<String>,
    /// Headline.
    pub title: String,
    /// Summary.
    pub summary: String,
    /// Content.
    pub content: String,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Short name of the source.
    pub source: String,
    /// When its publisher says it was published.
    pub published_at: Option<Timestamp>,
    /// When a feed first carried it.
    pub first_seen_at: Timestamp,
    /// The keywords it matches.
    pub matches: Vec<ArrivedMatch>,
}

/// A keyword that an article matches.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrivedMatch {
    /// Short name of the keyword.
    pub keyword: String,
    /// The version that matched.
    pub version: i32,
    /// What was found.
    pub hits: Vec<Hit>,
    /// The branches of the query that held.
    pub why: String,
}

struct ArticleRow {
    id: ArticleId,
    arrival: i64,
    url: Option<String>,
    title: String,
    summary: String,
    content: String,
    language: Option<String>,
    source: String,
    published_at: Option<Timestamp>,
    first_seen_at: Timestamp,
}

struct MatchRow {
    article_id: ArticleId,
    keyword: String,
    version: i32,
    hits: Value,
    why: String,
}

/// The articles that arrived after number `after`, in order of arrival, at most `limit`.
///
/// # Errors
///
/// When the database does not answer.
pub async fn arrived_after(
    db: &PgPool,
    after: i64,
    limit: i64,
) -> Result<Vec<ArrivedArticle>, StoreError> {
    let articles = query_as!(
        ArticleRow,
        r#"SELECT a.id, a.arrival AS "arrival!", a.url, a.title, a.summary, a.content, a.language, s.slug AS source,
                  a.published_at, a.first_seen_at
             FROM articles a
             JOIN sources s ON s.id = a.source_id
            WHERE a.arrival > $1
            ORDER BY a.arrival
            LIMIT $2"#,
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    let ids: Vec<ArticleId> = articles.iter().map(|article| article.id).collect();
    let mut matches = matches_of(db, &ids).await?;
    let article = |row: ArticleRow| {
        let ArticleRow {
            id,
            arrival,
            url,
            title,
            summary,
            content,
            language,
            source,
            published_at,
            first_seen_at,
        } = row;
        let matches = matches.remove(&id).unwrap_or_default();
        ArrivedArticle {
            id,
            arrival,
            url,
            title,
            summary,
            content,
            language,
            source,
            published_at,
            first_seen_at,
            matches,
        }
    };
    Ok(articles.into_iter().map(article).collect())
}

/// What the articles match today, in the order of the board.
async fn matches_of(
    db: &PgPool,
    articles: &[ArticleId],
) -> Result<HashMap<ArticleId, Vec<ArrivedMatch>>, StoreError> {
    let rows = query_as!(
        MatchRow,
        r#"SELECT m.article_id, k.slug AS keyword, m.keyword_version AS version, m.hits, m.why
             FROM matches m
             JOIN keywords k ON k.id = m.keyword_id
            WHERE m.article_id = ANY($1) AND m.closed_at IS NULL
            ORDER BY m.article_id, k.position, k.id"#,
        articles as &[ArticleId],
    )
    .fetch_all(db)
    .await?;
    let mut matches: HashMap<ArticleId, Vec<ArrivedMatch>> = HashMap::new();
    for MatchRow {
        article_id,
        keyword,
        version,
        hits,
        why,
    } in rows
    {
        let hits = super::hits::from_json(hits);
        matches.entry(article_id).or_default().push(ArrivedMatch {
            keyword,
            version,
            hits,
            why,
        });
    }
    Ok(matches)
}
