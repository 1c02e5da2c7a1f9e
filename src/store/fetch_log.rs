//! The last 30 attempts of each feed: a ring, so that the log never grows and needs no sweeping.

use sqlx::PgConnection;

use super::{
    StoreError,
    polled_feeds::{Held, Outcome, Places, new_entries},
};
use crate::domain::{Attempt, FeedId, Novelty, PollRecord, Reading, Timestamp};

/// Attempts kept for each feed.
const KEPT: i64 = 30;

/// Attempts, column by column.
#[derive(Default)]
struct LogColumns {
    feeds: Vec<FeedId>,
    slots: Vec<i16>,
    started: Vec<Timestamp>,
    durations: Vec<i32>,
    outcomes: Vec<String>,
    statuses: Vec<Option<i32>>,
    errors: Vec<Option<String>>,
    details: Vec<Option<String>>,
    next: Vec<Timestamp>,
    reasons: Vec<String>,
    read: Places,
    documents: DocumentColumns,
}

/// What is logged of the documents of a batch, column by column.
#[derive(Default)]
struct DocumentColumns {
    bytes: Vec<i64>,
    entries: Vec<i32>,
    new: Vec<i32>,
    changed: Vec<i32>,
    matched: Vec<i32>,
    skipped: Vec<i32>,
    missed: Vec<i32>,
}

impl LogColumns {
    /// Adds an attempt, the `poll`th of its feed.
    fn push(&mut self, record: &PollRecord, poll: i64) {
        let elapsed = record.finished_at.since(record.started_at).as_millis();
        let outcome = Outcome::of(&record.attempt);
        self.feeds.push(record.feed.id);
        self.slots.push(slot(poll));
        self.started.push(record.started_at);
        self.durations.push(number(elapsed));
        self.outcomes.push(outcome.word.to_owned());
        self.statuses.push(outcome.status);
        self.errors.push(outcome.error.map(str::to_owned));
        self.details.push(outcome.detail.map(str::to_owned));
        self.next.push(record.next.at);
        self.reasons.push(record.next.reason.clone());
        if let Some(reading) = self.read.push(&record.attempt) {
            self.documents.push(reading);
            self.documents.missed.push(number(missed(record)));
        }
    }
}

impl DocumentColumns {
    fn push(&mut self, reading: &Reading) {
        let found = || reading.found.iter();
        let changed = found().filter(|found| found.identified.novelty == Novelty::Changed);
        let matched = found().filter(|found| !found.matches.is_empty());
        self.bytes
            .push(i64::try_from(reading.bytes).unwrap_or(i64::MAX));
        self.entries.push(number(reading.entries));
        self.new.push(number(new_entries(&reading.found)));
        self.changed.push(number(changed.count()));
        self.matched.push(number(matched.count()));
        self.skipped.push(number(reading.skipped));
    }
}

/// Where in the ring the `poll`th attempt of a feed goes.
fn slot(poll: i64) -> i16 {
    i16::try_from(poll.rem_euclid(KEPT)).unwrap_or(0)
}

/// A count as an integer column has it.
pub(super) fn number(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

/// Entries that fell out unseen before an attempt, estimated.
pub(super) fn missed(record: &PollRecord) -> u32 {
    match &record.attempt {
        Attempt::Read(reading) => reading.observed.missed.unwrap_or(0),
        Attempt::Unchanged { .. } | Attempt::Failed(_) => 0,
    }
}

/// Writes a batch of attempts over the oldest ones.
pub(super) async fn append(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    held: &Held,
) -> Result<(), StoreError> {
    let mut columns = LogColumns::default();
    for record in records {
        if let Some(poll) = held.poll_of(&record.feed) {
            columns.push(record, poll);
        }
    }
    let documents = &columns.documents;
    sqlx::query!(
        "INSERT INTO fetch_log (feed_id, slot, started_at, duration_ms, outcome, http_status, error_code, error_detail,
                                next_poll_at, next_poll_reason,
                                body_bytes, entries, new_entries, changed, matched, skipped, missed)
         SELECT feed, slot, started, duration, outcome, status, error, detail, next, reason,
                coalesce(($12::bigint[])[document], 0), coalesce(($13::integer[])[document], 0),
                coalesce(($14::integer[])[document], 0), coalesce(($15::integer[])[document], 0),
                coalesce(($16::integer[])[document], 0), coalesce(($17::integer[])[document], 0),
                coalesce(($18::integer[])[document], 0)
           FROM UNNEST($1::bigint[], $2::smallint[], $3::timestamptz[], $4::integer[], $5::text[], $6::integer[],
                       $7::text[], $8::text[], $9::timestamptz[], $10::text[], $11::integer[])
                AS log (feed, slot, started, duration, outcome, status, error, detail, next, reason, document)
             ON CONFLICT (feed_id, slot) DO UPDATE
            SET started_at = excluded.started_at, duration_ms = excluded.duration_ms, outcome = excluded.outcome,
                http_status = excluded.http_status, error_code = excluded.error_code,
                error_detail = excluded.error_detail, body_bytes = excluded.body_bytes, entries = excluded.entries,
                new_entries = excluded.new_entries, changed = excluded.changed, matched = excluded.matched,
                skipped = excluded.skipped, next_poll_at = excluded.next_poll_at,
                next_poll_reason = excluded.next_poll_reason, missed = excluded.missed",
        &columns.feeds as &[FeedId],
        &columns.slots,
        &columns.started as &[Timestamp],
        &columns.durations,
        &columns.outcomes,
        &columns.statuses as &[Option<i32>],
        &columns.errors as &[Option<String>],
        &columns.details as &[Option<String>],
        &columns.next as &[Timestamp],
        &columns.reasons,
        &columns.read.places as &[Option<i32>],
        &documents.bytes,
        &documents.entries,
        &documents.new,
        &documents.changed,
        &documents.matched,
        &documents.skipped,
        &documents.missed,
    )
    .execute(tx)
    .await?;
    Ok(())
}
