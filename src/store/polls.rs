//! The one writer of what came of polling.
//!
//! Every way out of a poll is a [`PollRecord`]; a batch of them is recorded in one transaction together with the next
//! check of each feed. If the batch fails, its records are written one by one, so that one poisoned document cannot hold
//! back its neighbours.

use std::time::Duration;

use sqlx::PgConnection;

use super::{
    PgPool, StoreError, articles, backlog, feed_days, fetch_log, hosts, incidents, ledger, moves,
    polled_feeds::{self, Held},
};
use crate::domain::{Attempt, ClaimedFeed, FeedId, FoundEntry, Novelty, PollRecord};

/// As long as a lease by default, after which the claims of a batch are void: recording takes a second, or waits for a lock.
const ANSWER_WITHIN: Duration = Duration::from_mins(5);

/// What recording wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Articles stored for the first time.
    pub new_articles: u64,
    /// Matches stored for the first time.
    pub new_matches: u64,
}

impl Recorded {
    fn add(&mut self, other: Self) {
        self.new_articles += other.new_articles;
        self.new_matches += other.new_matches;
    }
}

/// An entry on its way into the tables.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// Place of its record in the batch.
    pub(super) record: usize,
    /// The feed that carried it.
    pub(super) feed: &'a ClaimedFeed,
    /// The entry with what was decided about it.
    pub(super) found: &'a FoundEntry,
}

impl<'a> Row<'a> {
    pub(super) fn identity(&self) -> &'a [u8] {
        &self.found.identified.known.identity.0
    }
}

/// What became of a batch of records.
#[derive(Debug, Default)]
pub struct Batch {
    /// What recording wrote.
    pub recorded: Recorded,
    /// Incidents that opened or closed.
    pub turns: Vec<incidents::Turn>,
    /// The records that are in the database. One whose feed somebody else holds by now is in neither list.
    pub written: Vec<PollRecord>,
    /// The records that are not, each with the reason.
    pub refused: Vec<(PollRecord, StoreError)>,
    /// How many records were lost because the database could not be reached: their claims run out.
    pub lost: Option<(usize, StoreError)>,
}

/// Records a batch of polls: all together, if that fails once more in the way that suffers other workers, or else each that
/// can be.
pub async fn record(db: &PgPool, records: Vec<PollRecord>) -> Batch {
    for first_reads in [FirstReads::Copied, FirstReads::Compared] {
        let all: Vec<&PollRecord> = records.iter().collect();
        match record_together(db, &all, first_reads).await {
            Ok(Together {
                recorded,
                held,
                turns,
            }) => {
                let mut written = records;
                written.retain(|record| held.has(&record.feed));
                return Batch {
                    recorded,
                    turns,
                    written,
                    ..Batch::default()
                };
            }
            Err(error) if error.is_unavailable() => {
                return Batch {
                    lost: Some((records.len(), error)),
                    ..Batch::default()
                };
            }
            Err(_) => {}
        }
    }
    let mut batch = Batch::default();
    for record in records {
        match record_together(db, &[&record], FirstReads::Compared).await {
            Ok(together) => {
                batch.recorded.add(together.recorded);
                batch.turns.extend(together.turns);
                let is_held = together.held.has(&record.feed);
                batch.written.extend(is_held.then_some(record));
            }
            Err(error) => batch.refused.push((record, error)),
        }
    }
    batch
}

/// How the entries of feeds that were never read are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstReads {
    /// By `COPY`, which fails if another worker writes the same entry at this moment.
    Copied,
    /// Like all others, with what is there.
    Compared,
}

impl FirstReads {
    /// Whether this entry is copied in.
    pub(super) fn copies(self, row: &Row<'_>) -> bool {
        self == Self::Copied && row.feed.is_first_read
    }
}

/// What one transaction wrote.
struct Together {
    recorded: Recorded,
    held: Held,
    turns: Vec<incidents::Turn>,
}

async fn record_together(
    db: &PgPool,
    records: &[&PollRecord],
    first_reads: FirstReads,
) -> Result<Together, StoreError> {
    super::within(ANSWER_WITHIN, record_in_one(db, records, first_reads)).await
}

async fn record_in_one(
    db: &PgPool,
    records: &[&PollRecord],
    first_reads: FirstReads,
) -> Result<Together, StoreError> {
    let mut tx = super::begin(db).await?;
    let answered = matched_with_todays_keywords(&mut tx, records).await?;
    let held = polled_feeds::finish(&mut tx, &answered).await?;
    moves::adopt(&mut tx, &answered, &held).await?;
    let records: Vec<&PollRecord> = answered
        .iter()
        .copied()
        .filter(|record| held.has(&record.feed))
        .collect();
    let rows = rows(&records);
    let (copied, compared): (Vec<Row<'_>>, Vec<Row<'_>>) =
        rows.iter().partition(|row| first_reads.copies(row));
    ledger::copy_in(&mut tx, &records, copied).await?;
    ledger::upsert(&mut tx, &records, &compared).await?;
    let rows: Vec<Row<'_>> = rows
        .into_iter()
        .filter(|row| row.found.identified.novelty != Novelty::Unchanged)
        .collect();
    let stored = articles::store(&mut tx, &records, &rows).await?;
    backlog::store(&mut tx, &records, &rows, &stored, first_reads).await?;
    fetch_log::append(&mut tx, &records, &held).await?;
    feed_days::count(&mut tx, &records).await?;
    let turns = incidents::apply(&mut tx, &records).await?;
    // At the end: claims of all workers wait for the rows of hosts.
    hosts::slow_down(&mut tx, &answered).await?;
    tx.commit().await?;
    let recorded = Recorded {
        new_articles: stored.new_articles,
        new_matches: stored.new_matches,
    };
    Ok(Together {
        recorded,
        held,
        turns,
    })
}

/// The records but for those that change what is stored, matched with keywords that were changed since: matching the past anew
/// may have been there before them. Their feeds are asked again at once. Until this transaction ends no keyword changes.
async fn matched_with_todays_keywords<'a>(
    tx: &mut PgConnection,
    records: &[&'a PollRecord],
) -> Result<Vec<&'a PollRecord>, StoreError> {
    if !records.iter().any(|record| changes_what_is_stored(record)) {
        return Ok(records.to_vec());
    }
    let revision = sqlx::query_scalar!("SELECT revision FROM beat FOR SHARE")
        .fetch_optional(&mut *tx)
        .await?
        .unwrap_or(0);
    let (outdated, kept): (Vec<&PollRecord>, Vec<&PollRecord>) =
        records.iter().partition(|record| {
            changes_what_is_stored(record)
                && matches!(&record.attempt, Attempt::Read(reading) if reading.beat_revision != revision)
        });
    if !outdated.is_empty() {
        let (feeds, tokens): (Vec<FeedId>, Vec<i64>) = outdated
            .iter()
            .map(|record| (record.feed.id, record.feed.lease_token))
            .unzip();
        sqlx::query!(
            "UPDATE feeds SET lease_until = NULL
               FROM UNNEST($1::bigint[], $2::bigint[]) AS outdated (id, token)
              WHERE feeds.id = outdated.id AND feeds.lease_token = outdated.token",
            &feeds as &[FeedId],
            &tokens,
        )
        .execute(tx)
        .await?;
    }
    Ok(kept)
}

/// Whether a record has an entry that is new to its feed, which another may have brought already, or has another text now.
fn changes_what_is_stored(record: &PollRecord) -> bool {
    matches!(&record.attempt, Attempt::Read(reading)
        if reading.found.iter().any(|found| found.identified.novelty != Novelty::Unchanged))
}

/// All entries of a batch that leave something, ordered by identity: two workers that store the same articles lock
/// them in the same order.
fn rows<'a>(records: &[&'a PollRecord]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        if let Attempt::Read(reading) = &record.attempt {
            rows.extend(reading.found.iter().map(|found| Row {
                record: index,
                feed: &record.feed,
                found,
            }));
        }
    }
    rows.sort_by_key(|row| row.found.identified.known.identity);
    rows
}
