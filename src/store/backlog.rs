//! The backlog: entries that matched nothing, kept for a window so that a keyword added later sees the past.

use std::{collections::HashSet, time::Duration};

use sqlx::PgConnection;

use super::search::{BATCH_BYTES, Batch, Text, text_of};
use super::{
    PgPool, StoreError,
    articles::{EntryColumns, LIST_SEPARATOR, StoredArticles},
    copy_in::Rows,
    polls::{FirstReads, Row},
};
use crate::domain::{FeedId, FoundEntry, Identity, Novelty, PollRecord, SourceId, Timestamp};

/// Rows deleted at a time, so that upkeep never holds many locks.
const DELETE_BATCH: i64 = 5_000;

/// Stores the entries of a batch that matched nothing and are no article, and takes out those that became one.
pub(super) async fn store(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    rows: &[Row<'_>],
    articles: &StoredArticles,
    first_reads: FirstReads,
) -> Result<(), StoreError> {
    let (stored, unmatched): (Vec<&Row<'_>>, Vec<&Row<'_>>) = rows
        .iter()
        .partition(|row| articles.has(row.found.identified.known.identity));
    let promoted: Vec<&[u8]> = stored.iter().map(|row| row.identity()).collect();
    if !promoted.is_empty() {
        sqlx::query!(
            "DELETE FROM backlog WHERE identity = ANY($1)",
            &promoted as &[&[u8]]
        )
        .execute(&mut *tx)
        .await?;
    }
    // All or none: a batch takes its rows in one order, or it and that of another worker could wait for each other.
    if unmatched.iter().all(|row| first_reads.copies(row)) {
        copy_in(tx, records, &unmatched).await
    } else {
        upsert(tx, records, unmatched).await
    }
}

/// Copies in what is not there: what is, another feed brought.
async fn copy_in(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    rows: &[&Row<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let identities: Vec<&[u8]> = rows.iter().map(|row| row.identity()).collect();
    let there = sqlx::query_scalar!(
        "SELECT identity FROM backlog WHERE identity = ANY($1)",
        &identities as &[&[u8]]
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut met: HashSet<&[u8]> = HashSet::with_capacity(there.len() + rows.len());
    met.extend(there.iter().map(Vec::as_slice));
    let mut copy = Rows::<14>::new();
    for row in rows.iter().filter(|row| met.insert(row.identity())) {
        let FoundEntry {
            entry,
            sort_at,
            is_backfill,
            ..
        } = row.found;
        copy.begin()
            .field(row.identity())
            .field(row.feed.id)
            .field(entry.url.as_deref())
            .field(entry.guid.as_deref())
            .field(entry.title.as_str())
            .field(entry.summary.as_str())
            .field(entry.content.as_str())
            .field(entry.language.as_deref())
            .field(entry.authors.as_slice())
            .field(entry.categories.as_slice())
            .field(entry.published)
            .field(*sort_at)
            .field(records[row.record].finished_at)
            .field(*is_backfill);
    }
    copy.copy_in(
        tx,
        "COPY backlog (identity, feed_id, url, guid, title, summary, content, language, authors, categories,
                       published_at, sort_at, first_seen_at, is_backfill)
         FROM STDIN (FORMAT binary)",
    )
    .await
}

/// Stores what is not there, and what changed of it in the feed that brought it.
async fn upsert(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    mut rows: Vec<&Row<'_>>,
) -> Result<(), StoreError> {
    // Of several with one identity the first is taken: a change, which another feed's copy of the old text must not hide.
    rows.sort_by_key(|row| {
        let is_change = row.found.identified.novelty == Novelty::Changed;
        (row.identity(), !is_change)
    });
    let columns = EntryColumns::of(records, rows.into_iter());
    if columns.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO backlog (identity, feed_id, url, guid, title, summary, content, language, authors, categories,
                              published_at, sort_at, first_seen_at, is_backfill)
         SELECT identity, feed, url, guid, title, summary, content, language,
                string_to_array(authors, $15), string_to_array(categories, $15),
                published, sort, seen, backfill
           FROM UNNEST($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                       $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[],
                       $13::timestamptz[], $14::boolean[])
                AS entry (identity, feed, url, guid, title, summary, content, language, authors, categories,
                          published, sort, seen, backfill)
             ON CONFLICT (identity) DO UPDATE
            SET title = excluded.title, summary = excluded.summary, content = excluded.content
          WHERE backlog.feed_id = excluded.feed_id",
        &columns.identities as &[&[u8]],
        &columns.feeds as &[FeedId],
        &columns.urls as &[Option<&str>],
        &columns.guids as &[Option<&str>],
        &columns.titles as &[&str],
        &columns.summaries as &[&str],
        &columns.contents as &[&str],
        &columns.languages as &[Option<&str>],
        &columns.authors,
        &columns.categories,
        &columns.published as &[Option<Timestamp>],
        &columns.sort as &[Timestamp],
        &columns.seen as &[Timestamp],
        &columns.backfill,
        LIST_SEPARATOR,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes one batch of entries that left the window. Returns how many; call again while it is not zero.
///
/// # Errors
/// The database does not answer.
pub async fn trim(db: &PgPool, now: Timestamp, window: Duration) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM backlog
          WHERE identity IN (SELECT identity FROM backlog WHERE first_seen_at < $1 ORDER BY first_seen_at LIMIT $2)",
        now.minus(window) as Timestamp,
        DELETE_BATCH,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Where an entry stands in the backlog, in the order in which entries came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BacklogKey {
    /// When a feed first carried it.
    pub first_seen_at: Timestamp,
    /// What tells it from others of the same poll.
    pub identity: Identity,
}

/// An entry that the engine is to judge.
#[derive(Debug, Clone, PartialEq)]
pub struct BacklogText {
    /// Where it stands.
    pub key: BacklogKey,
    /// What it says.
    pub text: Text,
}

/// The newest entries before `before` that came at `from` or later, at most `limit` and about four megabytes, the last that
/// came first.
///
/// # Errors
/// The database does not answer.
pub async fn newest(
    db: &PgPool,
    before: BacklogKey,
    from: Timestamp,
    limit: i64,
) -> Result<Batch<BacklogText>, StoreError> {
    let texts = sqlx::query!(
        r#"SELECT b.identity, b.first_seen_at, f.source_id AS "source_id: SourceId", b.url, b.title, b.summary,
                  b.content, b.language, b.authors, b.categories, b.sort_at
             FROM (SELECT n.*, sum(octet_length(n.title) + octet_length(n.summary) + octet_length(n.content))
                              OVER (ORDER BY n.first_seen_at DESC, n.identity DESC
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                     FROM (SELECT *
                             FROM backlog
                            WHERE first_seen_at <= $1
                              AND (first_seen_at, identity) < ($1, $2)
                              AND first_seen_at >= $3
                            ORDER BY first_seen_at DESC, identity DESC
                            LIMIT $4) n) b
             JOIN feeds f ON f.id = b.feed_id
            WHERE coalesce(b.bytes_before, 0) < $5
            ORDER BY b.first_seen_at DESC, b.identity DESC"#,
        before.first_seen_at as Timestamp,
        &before.identity.0,
        from as Timestamp,
        limit,
        BATCH_BYTES,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(BacklogText {
            key: BacklogKey {
                first_seen_at: row.first_seen_at,
                identity: super::ledger::identity(&row.identity)?,
            },
            text: text_of!(row),
        })
    })
    .collect::<Result<Vec<BacklogText>, StoreError>>()?;
    Ok(Batch::new(texts, |entry| &entry.text))
}

/// About how many entries there are, as the planner knows it; 0 while nobody has counted.
///
/// # Errors
/// The database does not answer.
pub async fn about_how_many(db: &PgPool) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT greatest(reltuples, 0)::bigint AS "count!" FROM pg_class WHERE oid = 'backlog'::regclass"#
    )
    .fetch_one(db)
    .await?)
}
