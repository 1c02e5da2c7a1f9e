//! The last 30 attempts of each feed: a ring, so that the log never grows and needs no sweeping.

use sqlx::PgConnection;

use super::{StoreError, polls::new_entries};
use crate::domain::{Attempt, ErrorCode, FeedId, Novelty, PollRecord, Reading, Timestamp};

/// Attempts kept for each feed.
const KEPT: i64 = 30;

#[derive(Default)]
struct LogColumns {
    feeds: Vec<FeedId>,
    started: Vec<Timestamp>,
    durations: Vec<i32>,
    outcomes: Vec<String>,
    statuses: Vec<Option<i32>>,
    errors: Vec<Option<String>>,
    details: Vec<Option<String>>,
    bytes: Vec<i64>,
    entries: Vec<i32>,
    new: Vec<i32>,
    changed: Vec<i32>,
    matched: Vec<i32>,
    skipped: Vec<i32>,
    next: Vec<Timestamp>,
    reasons: Vec<String>,
    missed: Vec<i32>,
}

/// What an attempt leaves in the log.
#[derive(Default)]
struct LogOutcome<'a> {
    outcome: &'static str,
    status: Option<u16>,
    error: Option<&'a str>,
    detail: Option<&'a str>,
    bytes: u64,
    entries: u32,
    new: i64,
    changed: usize,
    matched: usize,
    skipped: u32,
}

impl<'a> LogOutcome<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        match attempt {
            Attempt::Unchanged { status, .. } => Self {
                outcome: "unchanged",
                status: Some(*status),
                ..Self::default()
            },
            Attempt::Failed(failure) => Self {
                outcome: "failed",
                status: failure.status,
                error: Some(failure.code.as_str()),
                detail: Some(&failure.detail),
                ..Self::default()
            },
            Attempt::Read(reading) => Self::of_reading(reading),
        }
    }

    fn of_reading(reading: &Reading) -> Self {
        let found = || reading.found.iter();
        Self {
            outcome: "read",
            status: Some(reading.status),
            error: reading.loss.map(ErrorCode::as_str),
            detail: None,
            bytes: reading.bytes,
            entries: reading.entries,
            new: new_entries(&reading.found),
            changed: found()
                .filter(|found| found.identified.novelty == Novelty::Changed)
                .count(),
            matched: found().filter(|found| !found.matches.is_empty()).count(),
            skipped: reading.skipped,
        }
    }
}

impl LogColumns {
    fn push(&mut self, record: &PollRecord) {
        let elapsed = record.finished_at.since(record.started_at).as_millis();
        let outcome = LogOutcome::of(&record.attempt);
        self.feeds.push(record.feed.id);
        self.started.push(record.started_at);
        self.durations.push(number(elapsed));
        self.outcomes.push(outcome.outcome.to_owned());
        self.statuses.push(outcome.status.map(i32::from));
        self.errors.push(outcome.error.map(str::to_owned));
        self.details.push(outcome.detail.map(str::to_owned));
        self.bytes
            .push(i64::try_from(outcome.bytes).unwrap_or(i64::MAX));
        self.entries.push(number(outcome.entries));
        self.new.push(number(outcome.new));
        self.changed.push(number(outcome.changed));
        self.matched.push(number(outcome.matched));
        self.skipped.push(number(outcome.skipped));
        self.next.push(record.next.at);
        self.reasons.push(record.next.reason.clone());
        self.missed.push(number(missed(record)));
    }
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
) -> Result<(), StoreError> {
    let mut columns = LogColumns::default();
    for record in records {
        columns.push(record);
    }
    sqlx::query!(
        "INSERT INTO fetch_log (feed_id, slot, started_at, duration_ms, outcome, http_status, error_code, error_detail,
                                body_bytes, entries, new_entries, changed, matched, skipped, next_poll_at,
                                next_poll_reason, missed)
         SELECT feeds.id, (feeds.poll_count % $14)::smallint, started, duration, outcome, status, error, detail,
                bytes, entries, new, changed, matched, skipped, next, reason, log.missed
           FROM UNNEST($1::bigint[], $2::timestamptz[], $3::integer[], $4::text[], $5::integer[], $6::text[],
                       $7::text[], $8::bigint[], $9::integer[], $10::integer[], $11::integer[], $12::integer[],
                       $13::integer[], $15::timestamptz[], $16::text[], $17::integer[])
                AS log (feed, started, duration, outcome, status, error, detail, bytes, entries, new, changed, matched,
                        skipped, next, reason, missed)
           JOIN feeds ON feeds.id = log.feed
             ON CONFLICT (feed_id, slot) DO UPDATE
            SET started_at = excluded.started_at, duration_ms = excluded.duration_ms, outcome = excluded.outcome,
                http_status = excluded.http_status, error_code = excluded.error_code,
                error_detail = excluded.error_detail, body_bytes = excluded.body_bytes, entries = excluded.entries,
                new_entries = excluded.new_entries, changed = excluded.changed, matched = excluded.matched,
                skipped = excluded.skipped, next_poll_at = excluded.next_poll_at,
                next_poll_reason = excluded.next_poll_reason, missed = excluded.missed",
        &columns.feeds as &[FeedId],
        &columns.started as &[Timestamp],
        &columns.durations,
        &columns.outcomes,
        &columns.statuses as &[Option<i32>],
        &columns.errors as &[Option<String>],
        &columns.details as &[Option<String>],
        &columns.bytes,
        &columns.entries,
        &columns.new,
        &columns.changed,
        &columns.matched,
        &columns.skipped,
        KEPT,
        &columns.next as &[Timestamp],
        &columns.reasons,
        &columns.missed,
    )
    .execute(tx)
    .await?;
    Ok(())
}
