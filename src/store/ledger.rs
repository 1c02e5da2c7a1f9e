//! The ledger: what each feed was seen to carry, as hashes.

use sqlx::PgConnection;

use super::{PgPool, StoreError};
use crate::domain::{FeedId, Identity, Known, Lookup, PollRecord, Timestamp};

/// The rows of a feed's ledger that share a URL, a guid or an identity with a document.
///
/// # Errors
/// The database does not answer.
pub async fn known(db: &PgPool, feed: FeedId, lookup: &Lookup) -> Result<Vec<Known>, StoreError> {
    let identities: Vec<Vec<u8>> = lookup
        .identities
        .iter()
        .map(|identity| identity.0.to_vec())
        .collect();
    let rows = sqlx::query!(
        "SELECT identity, url_hash, guid_hash, title_hash, content_hash
           FROM ledger
          WHERE feed_id = $1
            AND (url_hash = ANY($2) OR guid_hash = ANY($3) OR identity = ANY($4))",
        feed as FeedId,
        &lookup.urls,
        &lookup.guids,
        &identities,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Known {
                identity: identity(&row.identity)?,
                url: row.url_hash,
                guid: row.guid_hash,
                title: row.title_hash,
                content: row.content_hash,
            })
        })
        .collect()
}

/// Sixteen bytes as they lie in a row.
pub(super) fn identity(bytes: &[u8]) -> Result<Identity, StoreError> {
    bytes
        .try_into()
        .map(Identity)
        .map_err(|_| StoreError::Unexpected(format!("an identity of {} bytes", bytes.len())))
}

/// Writes down what the documents of a batch carried.
pub(super) async fn upsert(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    entries: &[super::polls::Row<'_>],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut feeds: Vec<FeedId> = Vec::with_capacity(entries.len());
    let mut identities: Vec<Vec<u8>> = Vec::with_capacity(entries.len());
    let mut urls: Vec<Option<i64>> = Vec::with_capacity(entries.len());
    let mut guids: Vec<Option<i64>> = Vec::with_capacity(entries.len());
    let mut titles: Vec<i64> = Vec::with_capacity(entries.len());
    let mut contents: Vec<i64> = Vec::with_capacity(entries.len());
    let mut seen: Vec<Timestamp> = Vec::with_capacity(entries.len());
    for row in entries {
        let known = &row.found.identified.known;
        feeds.push(row.feed.id);
        identities.push(known.identity.0.to_vec());
        urls.push(known.url);
        guids.push(known.guid);
        titles.push(known.title);
        contents.push(known.content);
        seen.push(records[row.record].finished_at);
    }
    sqlx::query!(
        "INSERT INTO ledger (feed_id, identity, url_hash, guid_hash, title_hash, content_hash, first_seen_at)
         SELECT * FROM UNNEST($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                              $7::timestamptz[])
             ON CONFLICT (feed_id, identity) DO UPDATE
            SET url_hash = excluded.url_hash, guid_hash = excluded.guid_hash, title_hash = excluded.title_hash,
                content_hash = excluded.content_hash",
        &feeds as &[FeedId],
        &identities,
        &urls as &[Option<i64>],
        &guids as &[Option<i64>],
        &titles,
        &contents,
        &seen as &[Timestamp],
    )
    .execute(tx)
    .await?;
    Ok(())
}
