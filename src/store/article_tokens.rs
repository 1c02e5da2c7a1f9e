//! The search index: under which numbers each article is listed, and how far listing has come.

use sqlx::{PgPool, query_as};

use super::StoreError;
use crate::domain::{ArticleId, SourceId, Timestamp};

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Of the numbers in it; 0 before it was begun.
    pub version: i32,
    /// The last arrival that is listed.
    pub indexed_to: i64,
    /// The last arrival.
    pub last: i64,
}

/// An article that is to be listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Unlisted {
    /// The article.
    pub id: ArticleId,
    /// Its number of arrival.
    pub arrival: i64,
    /// Of the text.
    pub revision: i32,
    /// Its source.
    pub source_id: SourceId,
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
    /// When it was published, made fit for sorting.
    pub sort_at: Timestamp,
}

/// What an article is listed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The article.
    pub id: ArticleId,
    /// Of the text that the tokens were taken from.
    pub revision: i32,
    /// The tokens, each once.
    pub tokens: Vec<i32>,
}

/// How far the index has come.
///
/// # Errors
/// The database does not answer.
pub async fn progress(db: &PgPool) -> Result<Progress, StoreError> {
    Ok(query_as!(
        Progress,
        "SELECT search_index.version, search_index.indexed_to, arrivals.last FROM search_index CROSS JOIN arrivals"
    )
    .fetch_one(db)
    .await?)
}

/// Empties the index, which is to hold tokens of `version` from now on; one of a later version stays as it is.
///
/// # Errors
/// The database does not answer.
pub async fn begin(db: &PgPool, version: i32) -> Result<(), StoreError> {
    let mut tx = super::begin(db).await?;
    let begun = sqlx::query!(
        "UPDATE search_index SET version = $1, indexed_to = 0 WHERE version < $1",
        version
    )
    .execute(&mut *tx)
    .await?;
    if begun.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query!("TRUNCATE article_tokens")
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// The next articles by arrival that are not listed, at most `limit`.
///
/// # Errors
/// The database does not answer.
pub async fn next(db: &PgPool, indexed_to: i64, limit: i64) -> Result<Vec<Unlisted>, StoreError> {
    Ok(query_as!(
        Unlisted,
        r#"SELECT id, arrival AS "arrival!", revision, source_id, url, title, summary, content, language, sort_at
             FROM articles
            WHERE arrival > $1
            ORDER BY arrival
            LIMIT $2"#,
        indexed_to,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Articles that have changed since they were listed, at most `limit`.
///
/// # Errors
/// The database does not answer.
pub async fn stale(db: &PgPool, limit: i64) -> Result<Vec<Unlisted>, StoreError> {
    Ok(query_as!(
        Unlisted,
        r#"SELECT a.id, coalesce(a.arrival, 0) AS "arrival!", a.revision, a.source_id, a.url, a.title, a.summary,
                  a.content, a.language, a.sort_at
             FROM article_tokens t
             JOIN articles a ON a.id = t.article_id
            WHERE t.tokens IS NULL
            ORDER BY t.article_id
            LIMIT $1"#,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Lists articles under tokens of `version`, and says that the index has come to `indexed_to`. Nothing is listed in an
/// index that has begun anew with another version meanwhile; returns whether it was.
///
/// An article whose text changed meanwhile stays to be listed: its row is locked while that is decided, so that a change
/// comes either before or after. Rows are locked in the order of their ids, as by whoever changes texts.
///
/// # Errors
/// The database does not answer; nothing was listed then.
pub async fn list(
    db: &PgPool,
    version: i32,
    listings: &[Listing],
    indexed_to: i64,
) -> Result<bool, StoreError> {
    let ids: Vec<ArticleId> = listings.iter().map(|listing| listing.id).collect();
    let revisions: Vec<i32> = listings.iter().map(|listing| listing.revision).collect();
    // UNNEST flattens arrays of arrays, so each travels as the text of an array.
    let tokens: Vec<String> = listings
        .iter()
        .map(|listing| array_text(&listing.tokens))
        .collect();
    let mut tx = super::begin(db).await?;
    let found = sqlx::query_scalar!("SELECT version FROM search_index FOR UPDATE")
        .fetch_one(&mut *tx)
        .await?;
    if found != version {
        return Ok(false);
    }
    sqlx::query_scalar!(
        "SELECT id FROM articles WHERE id = ANY($1) ORDER BY id FOR SHARE",
        &ids as &[ArticleId],
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        "INSERT INTO article_tokens (article_id, sort_at, tokens)
         SELECT a.id, a.sort_at, CASE WHEN a.revision = listing.revision THEN listing.tokens::integer[] END
           FROM UNNEST($1::bigint[], $2::integer[], $3::text[]) AS listing (id, revision, tokens)
           JOIN articles a ON a.id = listing.id
             ON CONFLICT (article_id) DO UPDATE SET tokens = excluded.tokens",
        &ids as &[ArticleId],
        &revisions,
        &tokens,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE search_index SET indexed_to = $1 WHERE indexed_to < $1",
        indexed_to
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}

fn array_text(tokens: &[i32]) -> String {
    let mut text = String::with_capacity(tokens.len() * 12 + 2);
    text.push('{');
    for (place, token) in tokens.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&token.to_string());
    }
    text.push('}');
    text
}
