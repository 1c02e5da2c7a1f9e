//! What became of a page: whether it is stored, waits in the backlog, or was never fetched, and why.

use serde_json::Value;
use sqlx::{PgExecutor, PgPool, query_as};

use super::{
    StoreError, desk,
    search::{Text, text_of},
};
use crate::domain::{ArticleId, FeedId, SourceId, StoryId, Timestamp, desk::Desk};

/// Pages told at most.
const MOST: i64 = 5;

/// Entries that are looked through for a page of another outlet's feed: about two seconds' worth.
const LOOKED_THROUGH: i64 = 1_000_000;

/// A stored article.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundArticle {
    /// The article.
    pub id: ArticleId,
    /// Its headline.
    pub title: String,
    /// When a feed first carried it.
    pub first_seen_at: Timestamp,
    /// Its story; none while it is not placed.
    pub story: Option<StoryId>,
    /// The article that it is a copy of.
    pub copy_of: Option<ArticleId>,
    /// Headline of that one.
    pub original: Option<String>,
    /// What the desk made of the story.
    pub desk: Desk,
    /// Names of the keywords that match it.
    pub keywords: Vec<String>,
    /// Whether it was history when it came, and so never new.
    pub is_backfill: bool,
}

/// The articles at an address, however it is written.
///
/// # Errors
/// The database does not answer.
pub async fn articles(db: &PgPool, url: &str) -> Result<Vec<FoundArticle>, StoreError> {
    Ok(sqlx::query!(
        r#"SELECT a.id AS "id: ArticleId", a.title, a.first_seen_at, a.is_backfill,
                  coalesce(s.merged_into, s.id) AS "story?: StoryId",
                  m.copy_of AS "copy_of?: ArticleId", o.title AS "original?",
                  (SELECT to_jsonb(d) FROM desk_of(coalesce(s.merged_into, s.id)) d) AS "desk?: Value",
                  ARRAY(SELECT k.name
                          FROM matches x
                          JOIN keywords k ON k.id = x.keyword_id
                         WHERE x.article_id = a.id AND x.closed_at IS NULL
                         ORDER BY k.position, k.id) AS "keywords!"
             FROM articles a
             LEFT JOIN story_members m ON m.article_id = a.id
             LEFT JOIN stories s ON s.id = m.story_id
             LEFT JOIN articles o ON o.id = m.copy_of
            WHERE a.url IS NOT NULL
              AND hashtext(page_of(a.url)) = hashtext(page_of($1))
              AND page_of(a.url) = page_of($1)
            ORDER BY (a.url = $1) DESC, a.id DESC
            LIMIT $2"#,
        url,
        MOST,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| FoundArticle {
        id: row.id,
        title: row.title,
        first_seen_at: row.first_seen_at,
        story: row.story,
        copy_of: row.copy_of,
        original: row.original,
        desk: desk::from_json(row.desk),
        keywords: row.keywords,
        is_backfill: row.is_backfill,
    })
    .collect())
}

/// An entry that matched nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundEntry {
    /// What it says.
    pub text: Text,
    /// When it came.
    pub first_seen_at: Timestamp,
    /// The feed that carried it.
    pub feed_id: FeedId,
}

/// The entries of the backlog at an address, however it is written: those that feeds of its host carried, or else those of any
/// feed among the latest million. No index tells addresses, since each entry would pay for what is hardly ever
/// asked.
///
/// # Errors
/// The database does not answer.
pub async fn entries(db: &PgPool, url: &str, host: &str) -> Result<Vec<FoundEntry>, StoreError> {
    let of_host = sqlx::query_as!(
        EntryRow,
        r#"SELECT b.title, b.summary, b.content, b.url, b.language, b.authors, b.categories,
                  b.sort_at AS "sort_at: Timestamp", b.first_seen_at AS "first_seen_at: Timestamp",
                  b.feed_id AS "feed_id: FeedId", f.source_id AS "source_id: SourceId"
             FROM backlog b
             JOIN feeds f ON f.id = b.feed_id
            WHERE b.identity = ANY (ARRAY(
                      SELECT l.identity
                        FROM ledger l
                       WHERE l.feed_id = ANY (ARRAY(SELECT w.id
                                                      FROM feeds w
                                                      JOIN sources s ON s.id = w.source_id
                                                     WHERE w.host = $2 OR w.host = 'www.' || $2 OR s.domain = $2
                                                        OR right($2, length(s.domain) + 1) = '.' || s.domain))
                         AND l.first_seen_at >= (SELECT min(first_seen_at) FROM backlog)))
              AND page_key(b.url) = ANY (page_keys($1))
              AND page_of(b.url) = page_of($1)
            ORDER BY b.first_seen_at DESC
            LIMIT $3"#,
        url,
        bare(host),
        MOST,
    )
    .fetch_all(db)
    .await?;
    let rows = if of_host.is_empty() {
        sqlx::query_as!(
            EntryRow,
            r#"SELECT b.title, b.summary, b.content, b.url, b.language, b.authors, b.categories,
                      b.sort_at AS "sort_at: Timestamp", b.first_seen_at AS "first_seen_at: Timestamp",
                      b.feed_id AS "feed_id: FeedId", f.source_id AS "source_id: SourceId"
                 FROM (SELECT * FROM backlog ORDER BY first_seen_at DESC LIMIT $3) b
                 JOIN feeds f ON f.id = b.feed_id
                WHERE page_key(b.url) = ANY (page_keys($1))
                  AND page_of(b.url) = page_of($1)
                ORDER BY b.first_seen_at DESC
                LIMIT $2"#,
            url,
            MOST,
            LOOKED_THROUGH,
        )
        .fetch_all(db)
        .await?
    } else {
        of_host
    };
    Ok(rows.into_iter().map(FoundEntry::from).collect())
}

/// A row of the backlog.
struct EntryRow {
    title: String,
    summary: String,
    content: String,
    url: Option<String>,
    language: Option<String>,
    authors: Vec<String>,
    categories: Vec<String>,
    sort_at: Timestamp,
    first_seen_at: Timestamp,
    feed_id: FeedId,
    source_id: SourceId,
}

impl From<EntryRow> for FoundEntry {
    fn from(row: EntryRow) -> Self {
        Self {
            text: text_of!(row),
            first_seen_at: row.first_seen_at,
            feed_id: row.feed_id,
        }
    }
}

/// A feed that may have carried a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikelyFeed {
    /// The feed.
    pub id: FeedId,
    /// Its name.
    pub name: String,
    /// Its state, as a word.
    pub state: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// When it was last read.
    pub last_success_at: Option<Timestamp>,
    /// When it last had something new.
    pub last_new_entry_at: Option<Timestamp>,
}

/// The feeds of a host, and those of the sources whose domain it belongs to.
///
/// # Errors
/// The database does not answer.
pub async fn feeds(db: impl PgExecutor<'_>, host: &str) -> Result<Vec<LikelyFeed>, StoreError> {
    let host = bare(host);
    Ok(query_as!(
        LikelyFeed,
        r#"SELECT f.id AS "id: FeedId", coalesce(f.title, f.url) AS "name!", f.state,
                  coalesce(f.last_error_detail, f.last_error_code) AS error,
                  f.last_success_at AS "last_success_at?: Timestamp",
                  f.last_new_entry_at AS "last_new_entry_at?: Timestamp"
             FROM feeds f
             JOIN sources s ON s.id = f.source_id
            WHERE f.host = $1 OR f.host = 'www.' || $1 OR s.domain = $1 OR right($1, length(s.domain) + 1) = '.' || s.domain
            ORDER BY f.state, f.url
            LIMIT 20"#,
        host,
    )
    .fetch_all(db)
    .await?)
}

/// A host as its owner is called.
fn bare(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}
