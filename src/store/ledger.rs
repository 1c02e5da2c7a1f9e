//! The ledger: what each feed was seen to carry, as hashes.

use std::{collections::HashSet, time::Duration};

use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    copy_in::{Day, Rows},
    polls::Row,
};
use crate::domain::{FeedId, Identity, Known, Ledger, Lookup, PollRecord, Timestamp};

/// That an entry is still there is noted this often.
const NOTED_EVERY: Duration = Duration::from_hours(24 * 30);

/// Rows that are read for one document: ten times the largest. More share its URLs and guids only where a feed gives each new
/// entry the same; then those that have its identities are read for themselves.
const MOST_READ: i64 = 20_000;

/// Rows that are kept of one feed, the last seen: a hundred of the largest documents.
const MOST_KEPT: i64 = 200_000;

/// The rows of a feed's ledger that share a URL, a guid or an identity with a document. `lookup` has the identity that each of
/// its URLs makes.
///
/// # Errors
/// The database does not answer.
pub async fn known(
    db: &PgPool,
    feed: FeedId,
    lookup: &Lookup,
    now: Timestamp,
) -> Result<Ledger, StoreError> {
    let identities: Vec<Vec<u8>> = lookup
        .identities
        .iter()
        .map(|identity| identity.0.to_vec())
        .collect();
    let mut known = rows(db, feed, (&lookup.urls, &lookup.guids), &identities, now).await?;
    if i64::try_from(known.len()).is_ok_and(|count| count >= MOST_READ) {
        let there: HashSet<Vec<u8>> = known.iter().map(|row| row.identity.clone()).collect();
        let mut named = rows(db, feed, (&[], &[]), &identities, now).await?;
        named.retain(|row| !there.contains(&row.identity));
        known.append(&mut named);
    }
    ledger(known)
}

/// A row as it is read for a document.
struct KnownRow {
    identity: Vec<u8>,
    url_hash: Option<i64>,
    guid_hash: Option<i64>,
    title_hash: i64,
    content_hash: i64,
    is_fading: bool,
}

/// The rows of a feed with one of these URLs, guids or identities; at most [`MOST_READ`].
async fn rows(
    db: &PgPool,
    feed: FeedId,
    (urls, guids): (&[i64], &[i64]),
    identities: &[Vec<u8>],
    now: Timestamp,
) -> Result<Vec<KnownRow>, StoreError> {
    Ok(sqlx::query_as!(
        KnownRow,
        r#"SELECT identity, url_hash, guid_hash, title_hash, content_hash,
                  last_seen_on < (($5::timestamptz) AT TIME ZONE 'UTC')::date AS "is_fading!"
             FROM ledger
            WHERE feed_id = $1
              AND ((url_hash = ANY($2) AND url_hash IS DISTINCT FROM identity_url_hash) OR guid_hash = ANY($3)
                   OR identity = ANY($4))
            LIMIT $6"#,
        feed as FeedId,
        urls,
        guids,
        identities,
        now.minus(NOTED_EVERY) as Timestamp,
        MOST_READ,
    )
    .fetch_all(db)
    .await?)
}

fn ledger(rows: Vec<KnownRow>) -> Result<Ledger, StoreError> {
    let mut ledger = Ledger::default();
    for row in rows {
        let identity = identity(&row.identity)?;
        ledger.known.push(Known {
            identity,
            url: row.url_hash,
            guid: row.guid_hash,
            title: row.title_hash,
            content: row.content_hash,
        });
        if row.is_fading {
            ledger.fading.insert(identity);
        }
    }
    Ok(ledger)
}
/// Forgets what a feed's documents have not held for `unseen` before they were last read; of those feeds whose number
/// leaves `share` when divided by `shares`, since nothing is gained by looking at all of them at a time. A feed that rests
/// loses nothing: what counts is how far its documents have moved on. Of a feed that never repeats itself the latest rows are
/// kept. Returns how many rows.
///
/// # Errors
/// The database does not answer.
pub async fn trim(
    db: &PgPool,
    unseen: Duration,
    share: i64,
    shares: i64,
) -> Result<u64, StoreError> {
    let days = i32::try_from(unseen.as_secs() / 86_400).unwrap_or(i32::MAX);
    let feeds = sqlx::query_scalar!("SELECT id FROM feeds WHERE id % $1 = $2", shares, share)
        .fetch_all(db)
        .await?;
    let mut forgotten = 0;
    for feed in feeds {
        let done = sqlx::query!(
            "DELETE FROM ledger
              WHERE feed_id = $1
                AND last_seen_on < (SELECT max(last_seen_on) FROM ledger WHERE feed_id = $1) - $2::integer",
            feed as FeedId,
            days,
        )
        .execute(db)
        .await?;
        forgotten += done.rows_affected();
        let beyond = sqlx::query!(
            "DELETE FROM ledger
              WHERE feed_id = $1
                AND (SELECT entries_seen > $2 FROM feeds WHERE id = $1)
                AND identity IN (SELECT identity FROM ledger WHERE feed_id = $1
                                  ORDER BY last_seen_on DESC, first_seen_at DESC
                                 OFFSET $2)",
            feed as FeedId,
            MOST_KEPT,
        )
        .execute(db)
        .await?;
        forgotten += beyond.rows_affected();
    }
    Ok(forgotten)
}

/// Sixteen bytes as they lie in a row.
pub(super) fn identity(bytes: &[u8]) -> Result<Identity, StoreError> {
    bytes
        .try_into()
        .map(Identity)
        .map_err(|_| StoreError::Unexpected(format!("an identity of {} bytes", bytes.len())))
}

/// Writes down what the documents of a feed carried that was never read before: there is nothing of it yet.
pub(super) async fn copy_in(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    mut entries: Vec<Row<'_>>,
) -> Result<(), StoreError> {
    // As the key has them: what lies beside each other is written together.
    entries.sort_by_key(|row| (row.feed.id, row.found.identified.known.identity));
    let mut rows = Rows::<9>::new();
    for row in entries {
        let known = &row.found.identified.known;
        let seen = records[row.record].finished_at;
        rows.begin()
            .field(row.feed.id)
            .field(row.identity())
            .field(known.url)
            .field(known.guid)
            .field(known.title)
            .field(known.content)
            .field(seen)
            .field(Day(seen))
            .field(row.found.identified.identity_url);
    }
    rows.copy_in(
        tx,
        "COPY ledger (feed_id, identity, url_hash, guid_hash, title_hash, content_hash, first_seen_at, last_seen_on,
                      identity_url_hash)
         FROM STDIN (FORMAT binary)",
    )
    .await
}

/// Writes down what the documents of a batch carried.
pub(super) async fn upsert(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    entries: &[Row<'_>],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut feeds: Vec<FeedId> = Vec::with_capacity(entries.len());
    let mut identities: Vec<&[u8]> = Vec::with_capacity(entries.len());
    let mut urls: Vec<Option<i64>> = Vec::with_capacity(entries.len());
    let mut guids: Vec<Option<i64>> = Vec::with_capacity(entries.len());
    let mut titles: Vec<i64> = Vec::with_capacity(entries.len());
    let mut contents: Vec<i64> = Vec::with_capacity(entries.len());
    let mut seen: Vec<Timestamp> = Vec::with_capacity(entries.len());
    let mut identity_urls: Vec<Option<i64>> = Vec::with_capacity(entries.len());
    for row in entries {
        let known = &row.found.identified.known;
        identity_urls.push(row.found.identified.identity_url);
        feeds.push(row.feed.id);
        identities.push(&known.identity.0);
        urls.push(known.url);
        guids.push(known.guid);
        titles.push(known.title);
        contents.push(known.content);
        seen.push(records[row.record].finished_at);
    }
    sqlx::query!(
        "INSERT INTO ledger (feed_id, identity, url_hash, guid_hash, title_hash, content_hash, first_seen_at, last_seen_on,
                             identity_url_hash)
         SELECT feed, identity, url, guid, title, content, seen, (seen AT TIME ZONE 'UTC')::date, identity_url
           FROM UNNEST($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                       $7::timestamptz[], $8::bigint[])
                AS entry (feed, identity, url, guid, title, content, seen, identity_url)
             ON CONFLICT (feed_id, identity) DO UPDATE
            SET url_hash = excluded.url_hash, guid_hash = excluded.guid_hash, title_hash = excluded.title_hash,
                content_hash = excluded.content_hash, last_seen_on = excluded.last_seen_on,
                identity_url_hash = excluded.identity_url_hash",
        &feeds as &[FeedId],
        &identities as &[&[u8]],
        &urls as &[Option<i64>],
        &guids as &[Option<i64>],
        &titles,
        &contents,
        &seen as &[Timestamp],
        &identity_urls as &[Option<i64>],
    )
    .execute(tx)
    .await?;
    Ok(())
}
