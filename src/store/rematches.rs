//! Matching the past anew after a keyword was saved: how far it has come, and what each batch writes.
//!
//! A batch and the place that it reached are one transaction, so a crash at any point loses nothing and repeats nothing.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    backlog::{BacklogKey, BacklogText},
    ledger,
    search::{BATCH_BYTES, Batch, Text, text_of},
};
use crate::domain::{ArticleId, ArticleMatch, Identity, KeywordId, Timestamp};

/// How far a keyword's re-match has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rematch {
    /// The keyword.
    pub keyword_id: KeywordId,
    /// The version that the past is matched with.
    pub version: i32,
    /// When that was saved.
    pub saved_at: Timestamp,
    /// Articles up to this one were there then.
    pub last_article: i64,
    /// Whether this is the second round, over what was stored meanwhile.
    pub is_late: bool,
    /// Articles from this one on have been read in this round; none once the backlog is being read.
    pub next_article: Option<i64>,
    /// The last entry of the backlog that was read in this round.
    pub backlog: Option<BacklogKey>,
    /// About how many articles and entries there are to read.
    pub total: i64,
    /// How many have been read.
    pub read: i64,
    /// Matches that came.
    pub gained: i64,
    /// Matches that were closed.
    pub lost: i64,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
}

/// Where a batch leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// On with the articles before this one.
    Article(i64),
    /// On with the backlog, behind an entry or from its newest one.
    Backlog(Option<BacklogKey>),
    /// On with the second round.
    Late,
    /// It is done.
    Finished,
}

/// An article of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastArticle {
    /// The article.
    pub id: ArticleId,
    /// The revision of its text.
    pub revision: i32,
    /// Its text.
    pub text: Text,
}

/// What a batch came to: every text that was judged, with the match of those that do.
#[derive(Debug, Clone)]
pub enum Judged {
    /// Articles.
    Articles(Vec<(PastArticle, Option<ArticleMatch>)>),
    /// Entries of the backlog.
    Backlog(Vec<(BacklogText, Option<ArticleMatch>)>),
}

/// Begins a re-match, in the transaction that saves the keyword. What one of an earlier version has left to do is part
/// of it.
pub(super) async fn begin(
    tx: &mut PgConnection,
    keyword: KeywordId,
    version: i32,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO rematches AS r (keyword_id, version, saved_at, last_article, next_article, total)
         SELECT $1, $2, $3, newest.id, newest.id + 1,
                (SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint
                   FROM pg_class
                  WHERE oid IN ('articles'::regclass, 'backlog'::regclass))
           FROM (SELECT coalesce(max(id), 0) AS id FROM articles) newest
             ON CONFLICT (keyword_id) DO UPDATE
            SET version = excluded.version, saved_at = excluded.saved_at, last_article = excluded.last_article,
                is_late = false, next_article = excluded.next_article, backlog_seen_at = NULL, backlog_entry = NULL,
                total = excluded.total, read = 0, gained = 0, lost = 0, finished_at = NULL",
        keyword as KeywordId,
        version,
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(())
}

struct Row {
    keyword_id: KeywordId,
    version: i32,
    saved_at: Timestamp,
    last_article: i64,
    is_late: bool,
    next_article: Option<i64>,
    backlog_seen_at: Option<Timestamp>,
    backlog_entry: Option<Vec<u8>>,
    total: i64,
    read: i64,
    gained: i64,
    lost: i64,
    finished_at: Option<Timestamp>,
}

impl Row {
    fn into_rematch(self) -> Result<Rematch, StoreError> {
        let backlog = match (self.backlog_seen_at, self.backlog_entry) {
            (Some(first_seen_at), Some(entry)) => Some(BacklogKey {
                first_seen_at,
                identity: ledger::identity(&entry)?,
            }),
            _ => None,
        };
        Ok(Rematch {
            keyword_id: self.keyword_id,
            version: self.version,
            saved_at: self.saved_at,
            last_article: self.last_article,
            is_late: self.is_late,
            next_article: self.next_article,
            backlog,
            total: self.total,
            read: self.read,
            gained: self.gained,
            lost: self.lost,
            finished_at: self.finished_at,
        })
    }
}

/// The oldest re-match with something to do: a first round, or a second one of what was saved at `late_from` or earlier.
///
/// # Errors
/// The database does not answer.
pub async fn unfinished(db: &PgPool, late_from: Timestamp) -> Result<Option<Rematch>, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT keyword_id, version, saved_at, last_article, is_late, next_article, backlog_seen_at, backlog_entry,
                total, read, gained, lost, finished_at
           FROM rematches
          WHERE finished_at IS NULL
            AND (NOT is_late OR saved_at <= $1)
          ORDER BY is_late, saved_at, keyword_id
          LIMIT 1",
        late_from as Timestamp,
    )
    .fetch_optional(db)
    .await?
    .map(Row::into_rematch)
    .transpose()
}

/// How far the re-match of a keyword has come; none if it was never changed.
///
/// # Errors
/// The database does not answer.
pub async fn of_keyword(db: &PgPool, keyword: KeywordId) -> Result<Option<Rematch>, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT keyword_id, version, saved_at, last_article, is_late, next_article, backlog_seen_at, backlog_entry,
                total, read, gained, lost, finished_at
           FROM rematches
          WHERE keyword_id = $1",
        keyword as KeywordId,
    )
    .fetch_optional(db)
    .await?
    .map(Row::into_rematch)
    .transpose()
}

/// Numbers before the last one that was there when a keyword was saved, among which some may have been given but not been
/// there yet.
const GIVEN_EARLY: i64 = 100_000;

/// The number after which articles came meanwhile. Numbers are given before transactions end, so those that were first seen
/// since `from` are among them, whatever their number.
///
/// # Errors
/// The database does not answer.
pub async fn late_from(db: &PgPool, rematch: &Rematch, from: Timestamp) -> Result<i64, StoreError> {
    let earliest = sqlx::query_scalar!(
        "SELECT min(id) FROM articles WHERE id > $1 AND id <= $2 AND first_seen_at >= $3",
        rematch.last_article - GIVEN_EARLY,
        rematch.last_article,
        from as Timestamp,
    )
    .fetch_one(db)
    .await?;
    Ok(earliest.map_or(rematch.last_article, |id| id - 1))
}

/// The articles between two numbers, neither included, the newest first, at most `limit` and about four megabytes.
///
/// # Errors
/// The database does not answer.
pub async fn articles(
    db: &PgPool,
    after: i64,
    before: i64,
    limit: i64,
) -> Result<Batch<PastArticle>, StoreError> {
    let texts = sqlx::query!(
        "SELECT a.id, a.revision, a.source_id, a.url, a.title, a.summary, a.content, a.language, a.authors, a.categories,
                a.sort_at
           FROM (SELECT n.*, sum(octet_length(n.title) + octet_length(n.summary) + octet_length(n.content))
                            OVER (ORDER BY n.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                   FROM (SELECT * FROM articles WHERE id > $1 AND id < $2 ORDER BY id DESC LIMIT $3) n) a
          WHERE coalesce(a.bytes_before, 0) < $4
          ORDER BY a.id DESC",
        after,
        before,
        limit,
        BATCH_BYTES,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| PastArticle {
        id: row.id,
        revision: row.revision,
        text: text_of!(row),
    })
    .collect();
    Ok(Batch::new(texts, |article: &PastArticle| &article.text))
}

/// Writes a batch and where it leads. False, and nothing was written, if somebody else got on with the re-match, the
/// keyword was saved again, or a text changed since it was judged: read anew.
///
/// # Errors
/// The database does not answer; nothing was written then.
pub async fn advance(
    db: &PgPool,
    from: &Rematch,
    judged: &Judged,
    next: Next,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    if !is_still_there(&mut tx, from).await? {
        return Ok(false);
    }
    let written = match judged {
        Judged::Articles(articles) => write_articles(&mut tx, from, articles, now).await?,
        Judged::Backlog(entries) => write_backlog(&mut tx, from, entries, now).await?,
    };
    let Some((read, gained, lost)) = written else {
        return Ok(false);
    };
    let (next_article, key) = match next {
        Next::Article(article) => (Some(article), None),
        Next::Backlog(key) => (None, key),
        Next::Late => (Some(i64::MAX), None),
        Next::Finished => (None, from.backlog),
    };
    sqlx::query!(
        "UPDATE rematches
            SET next_article = $2, backlog_seen_at = $3, backlog_entry = $4, is_late = is_late OR $5,
                finished_at = CASE WHEN $6 THEN $7::timestamptz END,
                read = read + $8, gained = gained + $9, lost = lost + $10
          WHERE keyword_id = $1",
        from.keyword_id as KeywordId,
        next_article,
        key.map(|key| key.first_seen_at) as Option<Timestamp>,
        key.map(|key| key.identity.0.to_vec()),
        next == Next::Late,
        next == Next::Finished,
        now as Timestamp,
        read,
        gained,
        lost,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// Whether a re-match is where it was when the batch was read; locks it.
async fn is_still_there(tx: &mut PgConnection, from: &Rematch) -> Result<bool, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT keyword_id, version, saved_at, last_article, is_late, next_article, backlog_seen_at, backlog_entry,
                total, read, gained, lost, finished_at
           FROM rematches
          WHERE keyword_id = $1
            FOR UPDATE",
        from.keyword_id as KeywordId,
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(Row::into_rematch).transpose()?.as_ref() == Some(from))
}

/// Read, gained and lost; none if a text has changed.
type Written = Option<(i64, i64, i64)>;

async fn write_articles(
    tx: &mut PgConnection,
    rematch: &Rematch,
    articles: &[(PastArticle, Option<ArticleMatch>)],
    now: Timestamp,
) -> Result<Written, StoreError> {
    let ids: Vec<ArticleId> = articles.iter().map(|(article, _)| article.id).collect();
    let revisions: HashMap<ArticleId, i32> = sqlx::query!(
        "SELECT id, revision FROM articles WHERE id = ANY($1) ORDER BY id FOR SHARE",
        &ids as &[ArticleId],
    )
    .fetch_all(&mut *tx)
    .await?
    .into_iter()
    .map(|row| (row.id, row.revision))
    .collect();
    let has_changed = articles.iter().any(|(article, _)| {
        let revision = revisions.get(&article.id);
        revision.is_some_and(|&revision| revision != article.revision)
    });
    if has_changed {
        return Ok(None);
    }
    let found = articles
        .iter()
        .filter_map(|(article, found)| Some((article.id, found.as_ref()?)));
    let gained = insert_matches(tx, rematch, found, now).await?;
    let without = articles.iter().filter(|(_, found)| found.is_none());
    let without: Vec<ArticleId> = without.map(|(article, _)| article.id).collect();
    let lost = sqlx::query!(
        "UPDATE matches
            SET closed_at = $3
          WHERE keyword_id = $1
            AND article_id = ANY($2)
            AND closed_at IS NULL
            AND (keyword_version < $4 OR NOT is_from_copy)",
        rematch.keyword_id as KeywordId,
        &without as &[ArticleId],
        now as Timestamp,
        rematch.version,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok(Some((
        count(articles.len()),
        gained,
        i64::try_from(lost).unwrap_or(i64::MAX),
    )))
}

/// Entries that match become articles. Those of before the keyword was saved are of the past: never new, never told. What
/// a poll brought after that is news, as it is when the poll knows the keyword.
async fn write_backlog(
    tx: &mut PgConnection,
    rematch: &Rematch,
    entries: &[(BacklogText, Option<ArticleMatch>)],
    now: Timestamp,
) -> Result<Written, StoreError> {
    let matched: HashMap<Identity, (&BacklogText, &ArticleMatch)> = entries
        .iter()
        .filter_map(|(entry, found)| Some((entry.key.identity, (entry, found.as_ref()?))))
        .collect();
    let mut identities: Vec<Vec<u8>> = matched.keys().map(|it| it.0.to_vec()).collect();
    identities.sort_unstable();
    let read = count(entries.len());
    if identities.is_empty() {
        return Ok(Some((read, 0, 0)));
    }
    let rows = sqlx::query!(
        "SELECT identity, title, summary, content FROM backlog WHERE identity = ANY($1) ORDER BY identity FOR UPDATE",
        &identities,
    )
    .fetch_all(&mut *tx)
    .await?;
    // Those that are gone became articles, whose turn comes in the second round, or left the window.
    let mut there = Vec::with_capacity(rows.len());
    for row in rows {
        let identity = ledger::identity(&row.identity)?;
        let judged = matched.get(&identity).map(|(entry, _)| &entry.text);
        if judged.is_some_and(|text| {
            (&text.title, &text.summary, &text.content) != (&row.title, &row.summary, &row.content)
        }) {
            return Ok(None);
        }
        there.push(row.identity);
    }
    let stored = sqlx::query!(
        r#"WITH entry AS (
               SELECT b.*, f.source_id
                 FROM backlog b
                 JOIN feeds f ON f.id = b.feed_id
                WHERE b.identity = ANY($1)
           ), stored AS (
               INSERT INTO articles (identity, source_id, feed_id, url, title, summary, content, language, authors,
                                     categories, published_at, sort_at, first_seen_at, is_backfill)
               SELECT identity, source_id, feed_id, url, title, summary, content, language, authors, categories,
                      published_at, sort_at, first_seen_at, is_backfill OR first_seen_at <= $2
                 FROM entry
                ORDER BY identity
                   ON CONFLICT (identity) DO NOTHING
               RETURNING id, identity
           ), sighted AS (
               INSERT INTO sightings (article_id, feed_id, first_seen_at, url, guid)
               SELECT stored.id, entry.feed_id, entry.first_seen_at, entry.url, entry.guid
                 FROM stored
                 JOIN entry ON entry.identity = stored.identity
           ), gone AS (
               DELETE FROM backlog WHERE identity = ANY($1)
           )
           SELECT id AS "id!: ArticleId", identity AS "identity!" FROM stored ORDER BY id"#,
        &there,
        rematch.saved_at as Timestamp,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut found = Vec::with_capacity(stored.len());
    for row in &stored {
        if let Some((_, matched)) = matched.get(&ledger::identity(&row.identity)?) {
            found.push((row.id, *matched));
        }
    }
    let gained = insert_matches(tx, rematch, found.into_iter(), now).await?;
    Ok(Some((read, gained, 0)))
}

/// Writes matches, opens those again that were closed; an article whose text was erased gets none. Returns how many are new
/// or open again.
async fn insert_matches<'a>(
    tx: &mut PgConnection,
    rematch: &Rematch,
    found: impl Iterator<Item = (ArticleId, &'a ArticleMatch)>,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let mut ids: Vec<ArticleId> = Vec::new();
    let (mut hits, mut whys) = (Vec::new(), Vec::new());
    for (id, found) in found {
        ids.push(id);
        hits.push(serde_json::to_string(&found.hits).unwrap_or_else(|_| "[]".to_owned()));
        whys.push(found.why.clone());
    }
    if ids.is_empty() {
        return Ok(0);
    }
    let open = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
             FROM matches
             JOIN articles ON articles.id = article_id AND erased_at IS NULL
            WHERE keyword_id = $1 AND article_id = ANY($2) AND closed_at IS NULL"#,
        rematch.keyword_id as KeywordId,
        &ids as &[ArticleId],
    )
    .fetch_one(&mut *tx)
    .await?;
    let written = sqlx::query!(
        "INSERT INTO matches (article_id, keyword_id, keyword_version, hits, why, sort_at, matched_at, is_backfill)
         SELECT articles.id, $1, $2, found.hits::jsonb, found.why, articles.sort_at, $6,
                articles.is_backfill OR articles.first_seen_at <= $7
           FROM UNNEST($3::bigint[], $4::text[], $5::text[]) AS found (article, hits, why)
           JOIN articles ON articles.id = found.article AND articles.erased_at IS NULL
          ORDER BY articles.id
             ON CONFLICT (article_id, keyword_id) DO UPDATE
            SET keyword_version = excluded.keyword_version, hits = excluded.hits, why = excluded.why,
                closed_at = NULL, is_from_copy = false",
        rematch.keyword_id as KeywordId,
        rematch.version,
        &ids as &[ArticleId],
        &hits,
        &whys,
        now as Timestamp,
        rematch.saved_at as Timestamp,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok(i64::try_from(written).unwrap_or(i64::MAX) - open)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
