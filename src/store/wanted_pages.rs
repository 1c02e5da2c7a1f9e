//! Pages that somebody asked for by their address, and the articles that came of them.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    search::{SearchedSource, SourceRow},
};
use crate::domain::{
    ArticleId, ArticleMatch, Entry, Identity, KeywordId, SourceId, Timestamp, WantedPageId,
};

/// The most that somebody may ask for within an hour.
pub const MOST_PER_HOUR: i64 = 60;

/// How long a worker may read a page; then another one may.
const LEASE: Duration = Duration::from_mins(2);

/// Pages that somebody asked for within so long tell when it is their turn.
const REMEMBERED: Duration = Duration::from_hours(24);

/// A page whose reading broke off this often is given up.
const MOST_ATTEMPTS: i16 = 3;

/// Who makes a source for a host holds the advisory lock of this and the hash of the host's name.
pub const SOURCE_LOCK: i32 = 0x7769_7370;

/// A page to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Number.
    pub id: WantedPageId,
    /// Its address.
    pub url: String,
    /// Who asked.
    pub asked_by: String,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedState {
    /// The address that was asked for.
    pub url: String,
    /// Why it failed; none while it waits, and where it is stored.
    pub failure: Option<String>,
    /// The article that came of it.
    pub article: Option<ArticleId>,
}

/// An article to be stored.
#[derive(Debug, Clone)]
pub struct ReadPage<'a> {
    /// What makes it one and the same.
    pub identity: Identity,
    /// What it says.
    pub entry: &'a Entry,
    /// Its publisher.
    pub source: SourceId,
    /// When it was published, made fit for sorting.
    pub sort_at: Timestamp,
    /// The keywords that find it.
    pub matches: &'a [ArticleMatch],
}

/// Asks for a page. None if somebody asked for too many lately.
///
/// # Errors
/// The database does not answer; nothing was asked then.
pub async fn ask(
    db: &PgPool,
    url: &str,
    who: &str,
    now: Timestamp,
) -> Result<Option<WantedPageId>, StoreError> {
    let mut tx = super::begin(db).await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO wanted_pages (url, asked_by, asked_at)
           SELECT $1, $2, $3
            WHERE (SELECT count(*) FROM wanted_pages WHERE asked_by = $2 AND asked_at > $4) < $5
           RETURNING id AS "id: WantedPageId""#,
        url,
        who,
        now as Timestamp,
        now.minus(Duration::from_hours(1)) as Timestamp,
        MOST_PER_HOUR,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if id.is_some() {
        let change = Change {
            action: "ask",
            subject_kind: "page",
            subject: url.to_owned(),
            before: None,
            after: None,
        };
        audit::record(&mut tx, who, now, &[change]).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// What became of a wish; none if there is none such.
///
/// # Errors
/// The database does not answer.
pub async fn state(db: &PgPool, id: WantedPageId) -> Result<Option<WantedState>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT url, state, detail, article_id AS "article?: ArticleId" FROM wanted_pages WHERE id = $1"#,
        id as WantedPageId
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| WantedState {
        url: row.url,
        failure: (row.state == "failed").then_some(row.detail),
        article: row.article,
    }))
}

/// Takes the next page that waits, of whom none was taken for longest. None if there is none.
///
/// # Errors
/// The database does not answer.
pub async fn take(db: &PgPool, now: Timestamp) -> Result<Option<Wanted>, StoreError> {
    sqlx::query!(
        "UPDATE wanted_pages
            SET state = 'failed', detail = 'reading it broke off again and again'
          WHERE state = 'waiting' AND attempts >= $2 AND lease_until <= $1",
        now as Timestamp,
        MOST_ATTEMPTS,
    )
    .execute(db)
    .await?;
    Ok(sqlx::query_as!(
        Wanted,
        r#"UPDATE wanted_pages
              SET lease_until = $2, attempts = attempts + 1
            WHERE id = (SELECT page.id
                          FROM wanted_pages page
                         WHERE page.state = 'waiting' AND (page.lease_until IS NULL OR page.lease_until <= $1)
                         -- in turn: whoever asked for many slow ones holds up nobody
                         ORDER BY (SELECT max(own.lease_until)
                                     FROM wanted_pages own
                                    WHERE own.asked_by = page.asked_by AND own.asked_at > $3) NULLS FIRST,
                                  page.id
                         LIMIT 1
                           FOR UPDATE OF page SKIP LOCKED)
        RETURNING id AS "id: WantedPageId", url, asked_by"#,
        now as Timestamp,
        now.plus(LEASE) as Timestamp,
        now.minus(REMEMBERED) as Timestamp,
    )
    .fetch_optional(db)
    .await?)
}

/// Leaves a page that was taken to another process, as if it had not been taken.
///
/// # Errors
/// The database does not answer.
pub async fn give_back(db: &PgPool, id: WantedPageId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE wanted_pages SET lease_until = NULL, attempts = attempts - 1 WHERE id = $1 AND state = 'waiting'",
        id as WantedPageId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes down why a page could not be read.
///
/// # Errors
/// The database does not answer.
pub async fn fail(db: &PgPool, id: WantedPageId, detail: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE wanted_pages SET state = 'failed', detail = $2 WHERE id = $1 AND state = 'waiting'",
        id as WantedPageId,
        detail,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes wishes that were made before `before`; the articles stay.
///
/// # Errors
/// The database does not answer.
pub async fn trim(db: &PgPool, before: Timestamp) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "DELETE FROM wanted_pages WHERE asked_at < $1",
        before as Timestamp
    )
    .execute(db)
    .await?
    .rows_affected())
}

/// The source whose domain is the host, or the longest end of it, `www.` aside; else one that is made for the host, once,
/// however many ask at a time.
///
/// # Errors
/// The database does not answer, or holds a tier that no version of wirewatch writes.
pub async fn source_of(
    db: &PgPool,
    host: &str,
    name: &str,
    who: &str,
    now: Timestamp,
) -> Result<SearchedSource, StoreError> {
    let mut tx = super::begin(db).await?;
    sqlx::query!(
        "SELECT pg_advisory_xact_lock($1, hashtext($2))",
        SOURCE_LOCK,
        host,
    )
    .execute(&mut *tx)
    .await?;
    if let Some(source) = known_source(&mut tx, host).await? {
        return Ok(source);
    }
    let slug = slug_of(host);
    let made = sqlx::query_scalar!(
        r#"INSERT INTO sources (slug, name, domain, tier, note, created_at)
           SELECT free.slug, $2, $3, 'press', 'made for a page that was added by hand', $4
             FROM (SELECT CASE number WHEN 1 THEN $1 ELSE $1 || '-' || number END AS slug
                     FROM generate_series(1, 100) AS number
                 ORDER BY number) free
            WHERE NOT EXISTS (SELECT FROM sources s WHERE s.slug = free.slug)
            LIMIT 1
               ON CONFLICT (slug) DO NOTHING
           RETURNING slug"#,
        slug,
        name,
        host,
        now as Timestamp,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(slug) = made {
        let change = Change {
            action: "add",
            subject_kind: "source",
            subject: slug,
            before: None,
            after: Some(json!({"name": name, "domain": host})),
        };
        audit::record(&mut tx, who, now, &[change]).await?;
    }
    let source = known_source(&mut tx, host).await?;
    tx.commit().await?;
    source.ok_or_else(|| StoreError::Unexpected(format!("no source could be made for {host}")))
}

/// The short name of a host: its letters and digits, the rest as dashes.
fn slug_of(host: &str) -> String {
    host.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect()
}

async fn known_source(
    tx: &mut PgConnection,
    host: &str,
) -> Result<Option<SearchedSource>, StoreError> {
    let row = sqlx::query_as!(
        SourceRow,
        "SELECT id, slug, name, domain, country, language, tier, tags
           FROM sources
          CROSS JOIN LATERAL (SELECT regexp_replace(domain, '^www\\.', '') AS site) AS named
          WHERE site = $1 OR right($1, length(site) + 1) = '.' || site
          ORDER BY length(site) DESC, id
          LIMIT 1",
        host
    )
    .fetch_optional(tx)
    .await?;
    row.map(SourceRow::into_source).transpose()
}

/// Stores what a page said as an article, unless there is one of that address, and ends the wish.
///
/// # Errors
/// The database does not answer; nothing was stored then.
pub async fn store(
    db: &PgPool,
    wanted: &Wanted,
    page: &ReadPage<'_>,
    now: Timestamp,
) -> Result<ArticleId, StoreError> {
    let mut tx = super::begin(db).await?;
    let added = insert(&mut tx, page, now).await?;
    let article = match added {
        Some(article) => article,
        None => {
            sqlx::query_scalar!(
                r#"SELECT id AS "id: ArticleId" FROM articles WHERE identity = $1"#,
                page.identity.0.as_slice()
            )
            .fetch_one(&mut *tx)
            .await?
        }
    };
    if added.is_some() {
        insert_matches(&mut tx, article, page, now).await?;
        sqlx::query!(
            "DELETE FROM backlog WHERE identity = $1",
            page.identity.0.as_slice()
        )
        .execute(&mut *tx)
        .await?;
        let change = Change {
            action: "add",
            subject_kind: "article",
            subject: article.to_string(),
            before: None,
            // Its address only: the audit keeps for good what it holds, and a text may have to be erased.
            after: Some(json!({"url": page.entry.url})),
        };
        audit::record(&mut tx, &wanted.asked_by, now, &[change]).await?;
    }
    sqlx::query!(
        "UPDATE wanted_pages SET state = 'stored', article_id = $2 WHERE id = $1",
        wanted.id as WantedPageId,
        article as ArticleId,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(article)
}

async fn insert(
    tx: &mut PgConnection,
    page: &ReadPage<'_>,
    now: Timestamp,
) -> Result<Option<ArticleId>, StoreError> {
    let entry = page.entry;
    Ok(sqlx::query_scalar!(
        r#"INSERT INTO articles (identity, source_id, url, title, summary, content, language, authors, categories,
                                 published_at, sort_at, first_seen_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
               ON CONFLICT (identity) DO NOTHING
           RETURNING id AS "id: ArticleId""#,
        page.identity.0.as_slice(),
        page.source as SourceId,
        entry.url,
        entry.title,
        entry.summary,
        entry.content,
        entry.language,
        &entry.authors,
        &entry.categories,
        entry.published as Option<Timestamp>,
        page.sort_at as Timestamp,
        now as Timestamp,
    )
    .fetch_optional(tx)
    .await?)
}

async fn insert_matches(
    tx: &mut PgConnection,
    article: ArticleId,
    page: &ReadPage<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let keywords: Vec<KeywordId> = page.matches.iter().map(|found| found.keyword_id).collect();
    let versions: Vec<i32> = page.matches.iter().map(|found| found.version).collect();
    let whys: Vec<String> = page.matches.iter().map(|found| found.why.clone()).collect();
    let hits: Vec<serde_json::Value> = page
        .matches
        .iter()
        .map(|found| serde_json::to_value(&found.hits).unwrap_or_else(|_| json!([])))
        .collect();
    sqlx::query!(
        "INSERT INTO matches (article_id, keyword_id, keyword_version, hits, why, sort_at, matched_at)
         SELECT $1, k.id, found.version, found.hits, found.why, $6, $7
           FROM UNNEST($2::bigint[], $3::integer[], $4::jsonb[], $5::text[]) AS found (keyword, version, hits, why)
           JOIN keywords k ON k.id = found.keyword
             ON CONFLICT DO NOTHING",
        article as ArticleId,
        &keywords as &[KeywordId],
        &versions,
        &hits,
        &whys,
        page.sort_at as Timestamp,
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(())
}
