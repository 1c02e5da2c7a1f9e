//! Recording: finished polls are written in batches, and one that the database refuses becomes a failure of its feed.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{self, Instant},
};

use super::poll::Poller;
use crate::{
    domain::{Attempt, ErrorCode, Failure, Novelty, PollRecord, Reading},
    meters::{Stage, meters},
    pipeline::{condition, schedule},
    store::{
        self, PgPool, StoreError,
        incidents::Turn,
        polls::{Batch, Recorded},
    },
};

/// What a pass or a run has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Feeds polled.
    pub polled: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Of these, unchanged.
    pub unchanged: u64,
    /// Entries never seen before.
    pub new_entries: u64,
    /// Articles stored for the first time.
    pub new_articles: u64,
    /// Matches stored for the first time.
    pub new_matches: u64,
}

/// Told after each batch of recorded polls.
pub type Progress = Arc<dyn Fn(&Summary) + Send + Sync>;

/// Records written in one transaction at most.
const RECORD_BATCH: usize = 512;

/// New or changed entries written in one transaction, beyond which no record is added: what a transaction holds in
/// memory is bounded by them.
const RECORD_ENTRIES: usize = 1_000;

/// The first record of a transaction waits so long for others: a commit costs the same for one as for many.
const GATHER: Duration = Duration::from_millis(10);

/// Records that wait for their transaction, and the entries in them; then polls wait. What brought nothing waits without
/// weight.
const WAITING: usize = 512;
const ENTRIES_WAITING: u32 = 500;

/// Where finished polls are handed in.
#[derive(Clone)]
pub(super) struct Inlet {
    records: mpsc::Sender<Waiting>,
    entries: Arc<Semaphore>,
}

/// Where they come out.
pub(super) type Outlet = mpsc::Receiver<Waiting>;

/// A record with the room that its entries take until it is written.
pub(super) struct Waiting {
    record: PollRecord,
    _entries: Option<OwnedSemaphorePermit>,
}

/// A way from polls to recorders.
pub(super) fn way() -> (Inlet, Outlet) {
    let (records, outlet) = mpsc::channel(WAITING);
    let entries = Arc::new(Semaphore::new(ENTRIES_WAITING as usize));
    (Inlet { records, entries }, outlet)
}

impl Inlet {
    /// Hands a record in, once there is room for it. It is lost if nobody records any more.
    pub(super) async fn hand_in(&self, record: PollRecord) {
        let entries = u32::try_from(found(&record)).unwrap_or(ENTRIES_WAITING);
        let entries = entries.min(ENTRIES_WAITING);
        let room = if entries == 0 {
            None
        } else {
            // Nobody closes the semaphore.
            let room = Arc::clone(&self.entries).acquire_many_owned(entries);
            room.await.ok()
        };
        let waiting = Waiting {
            record,
            _entries: room,
        };
        drop(self.records.send(waiting).await);
    }
}

/// Records what arrives until all senders are gone.
pub(super) async fn all(poller: &Poller, mut records: Outlet, progress: &Progress) -> Summary {
    let db = store::apart(&poller.db);
    let mut summary = Summary::default();
    while let Some(batch) = gather(&mut records).await {
        record(poller, &db, batch, &mut summary).await;
        progress(&summary);
    }
    db.close().await;
    summary
}

/// Takes the records of one transaction; none when there are none and none will come.
async fn gather(records: &mut Outlet) -> Option<Vec<PollRecord>> {
    let first = records.recv().await?.record;
    let until = Instant::now() + GATHER;
    let mut entries = found(&first);
    let mut batch = Vec::with_capacity(RECORD_BATCH);
    batch.push(first);
    while batch.len() < RECORD_BATCH
        && entries < RECORD_ENTRIES
        && let Ok(Some(Waiting { record, .. })) = time::timeout_at(until, records.recv()).await
    {
        entries += found(&record);
        batch.push(record);
    }
    Some(batch)
}

fn found(record: &PollRecord) -> usize {
    match &record.attempt {
        Attempt::Read(reading) => reading.found.len(),
        Attempt::Unchanged { .. } | Attempt::Failed(_) => 0,
    }
}

async fn record(poller: &Poller, db: &PgPool, records: Vec<PollRecord>, summary: &mut Summary) {
    let begun = Instant::now();
    let batch = store::polls::record(db, records).await;
    meters().took(Stage::Record, begun.elapsed());
    note(poller, &batch, summary);
    let failures: Vec<PollRecord> = batch
        .refused
        .into_iter()
        .filter_map(|(record, error)| as_failure(poller, record, &error))
        .collect();
    if failures.is_empty() {
        return;
    }
    let batch = store::polls::record(db, failures).await;
    note(poller, &batch, summary);
    for (record, error) in batch.refused {
        complain(&record, &error);
    }
}

/// What the database refuses is the document's fault, and the feed must still get its next check. None if it is the
/// database that is at fault: the claim then runs out and the feed is polled again.
fn as_failure(poller: &Poller, record: PollRecord, error: &StoreError) -> Option<PollRecord> {
    complain(&record, error);
    if error.is_unavailable() || error.is_conflict() {
        return None;
    }
    let attempt = Attempt::Failed(Failure {
        code: ErrorCode::Parse,
        status: None,
        detail: "what was read cannot be stored; the log says why".to_owned(),
        retry_after: None,
    });
    Some(PollRecord {
        next: schedule::next_check(
            &record.feed,
            &attempt,
            record.finished_at,
            &poller.policy,
            poller.price.now(&poller.policy),
        ),
        verdicts: condition::judge(
            &record.feed,
            &attempt,
            &record.feed.course,
            record.finished_at,
        ),
        attempt,
        ..record
    })
}

fn complain(record: &PollRecord, error: &StoreError) {
    tracing::error!(
        feed.id = %record.feed.id,
        feed.url = %record.feed.url,
        error = error as &dyn std::error::Error,
        "a poll could not be recorded"
    );
}

fn note(poller: &Poller, batch: &Batch, summary: &mut Summary) {
    summary.add(&batch.written, batch.recorded);
    if batch.recorded.new_matches > 0 {
        poller.placer.notify_one();
    }
    for record in &batch.written {
        log(record);
        meter(&record.attempt);
    }
    meters().stored(batch.recorded.new_articles, batch.recorded.new_matches);
    for turn in &batch.turns {
        tell(turn);
    }
    if let Some((count, error)) = &batch.lost {
        tracing::error!(
            count,
            error = error as &dyn std::error::Error,
            "polls could not be recorded; their feeds are polled again when their leases end"
        );
    }
}

fn meter(attempt: &Attempt) {
    match attempt {
        Attempt::Unchanged { .. } => meters().polled("unchanged", "", 0),
        Attempt::Read(reading) => {
            let loss = reading.loss.map_or("", ErrorCode::as_str);
            meters().polled("read", loss, reading.bytes);
            meters().read("new", count(reading, Novelty::New));
            meters().read("changed", count(reading, Novelty::Changed));
            meters().read("skipped", u64::from(reading.skipped));
        }
        Attempt::Failed(failure) => meters().polled("failed", failure.code.as_str(), 0),
    }
}

impl Summary {
    fn add(&mut self, records: &[PollRecord], recorded: Recorded) {
        self.new_articles += recorded.new_articles;
        self.new_matches += recorded.new_matches;
        for record in records {
            self.polled += 1;
            match &record.attempt {
                Attempt::Failed(_) => self.failed += 1,
                Attempt::Unchanged { .. } => self.unchanged += 1,
                Attempt::Read(reading) => {
                    self.new_entries += count(reading, Novelty::New);
                }
            }
        }
    }
}

fn count(reading: &Reading, novelty: Novelty) -> u64 {
    reading
        .found
        .iter()
        .filter(|found| found.identified.novelty == novelty)
        .count() as u64
}

/// One line when a feed breaks, and one when it recovers.
fn tell(turn: &Turn) {
    let Turn {
        feed,
        kind,
        detail,
        is_open,
    } = turn;
    if *is_open {
        tracing::warn!(feed.id = %feed, incident = kind, detail, "an incident began");
    } else {
        tracing::info!(feed.id = %feed, incident = kind, "an incident is over");
    }
}

/// One line a poll.
fn log(record: &PollRecord) {
    let feed = &record.feed;
    let duration_ms =
        u64::try_from(record.finished_at.since(record.started_at).as_millis()).unwrap_or(u64::MAX);
    match &record.attempt {
        Attempt::Unchanged { status, .. } => tracing::info!(
            feed.id = %feed.id, feed.url = %feed.url, poll.outcome = "unchanged", http.status = status, duration_ms,
            next = %record.next.at, "polled"
        ),
        Attempt::Read(reading) => tracing::info!(
            feed.id = %feed.id, feed.url = %feed.url, poll.outcome = "read", http.status = reading.status, duration_ms,
            size_bytes = reading.bytes, entries = reading.entries, new = count(reading, Novelty::New),
            changed = count(reading, Novelty::Changed),
            matched = reading.found.iter().filter(|found| !found.matches.is_empty()).count(),
            skipped = reading.skipped, loss = reading.loss.map(ErrorCode::as_str), next = %record.next.at, "polled"
        ),
        Attempt::Failed(failure) => tracing::warn!(
            feed.id = %feed.id, feed.url = %feed.url, poll.outcome = "failed", http.status = failure.status, duration_ms,
            error = failure.code.as_str(), detail = failure.detail, next = %record.next.at, "polled"
        ),
    }
}
