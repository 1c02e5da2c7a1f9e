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
    pipeline::{condition, course, schedule},
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

/// Weight beyond which no record is added to a transaction.
const BATCH_WEIGHT: u32 = 2_048;

/// The first record of a transaction waits so long for others: a commit costs the same for one as for many.
const GATHER: Duration = Duration::from_millis(10);

/// Records that wait for their transaction at most.
const WAITING: usize = 512;

/// What records that wait or are being written weigh together at most; then polls wait. One that is heavier waits until it is
/// alone.
const ALL_WEIGHT: u32 = 4_096;

/// Where finished polls are handed in.
#[derive(Clone)]
pub(super) struct Inlet {
    records: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// Where they come out.
pub(super) type Outlet = mpsc::Receiver<Waiting>;

/// A record with the room that it takes until it is written.
pub(super) struct Waiting {
    record: PollRecord,
    room: Option<OwnedSemaphorePermit>,
}

/// Records of one transaction, with the room that they take together.
struct Gathered {
    records: Vec<PollRecord>,
    room: Vec<OwnedSemaphorePermit>,
}

/// A way from polls to their recorder.
pub(super) fn inlet_and_outlet() -> (Inlet, Outlet) {
    let (records, outlet) = mpsc::channel(WAITING);
    let room = Arc::new(Semaphore::new(ALL_WEIGHT as usize));
    (Inlet { records, room }, outlet)
}

impl Inlet {
    /// Hands a record in, once there is room for it. It is lost if nobody records any more.
    pub(super) async fn hand_in(&self, record: PollRecord) {
        let weight = weight(&record).min(ALL_WEIGHT);
        let room = if weight == 0 {
            None
        } else {
            // Nobody closes the semaphore.
            let room = Arc::clone(&self.room).acquire_many_owned(weight);
            room.await.ok()
        };
        drop(self.records.send(Waiting { record, room }).await);
    }
}

/// Records what arrives until all senders are gone.
pub(super) async fn all(poller: &Poller, mut outlet: Outlet, progress: &Progress) -> Summary {
    let db = store::apart(&poller.db);
    let mut summary = Summary::default();
    while let Some(Gathered { records, room }) = gather(&mut outlet).await {
        record(poller, &db, records, &mut summary).await;
        drop(room);
        progress(&summary);
    }
    db.close().await;
    summary
}

/// Takes the records of one transaction; none when there are none and none will come.
async fn gather(outlet: &mut Outlet) -> Option<Gathered> {
    let mut next = outlet.recv().await?;
    let until = Instant::now() + GATHER;
    let mut gathered = Gathered {
        records: Vec::with_capacity(RECORD_BATCH),
        room: Vec::new(),
    };
    let mut sum = 0_u32;
    loop {
        sum = sum.saturating_add(weight(&next.record));
        gathered.records.push(next.record);
        gathered.room.extend(next.room);
        if gathered.records.len() >= RECORD_BATCH || sum >= BATCH_WEIGHT {
            break;
        }
        let Ok(Some(more)) = time::timeout_at(until, outlet.recv()).await else {
            break;
        };
        next = more;
    }
    Some(gathered)
}

/// What a record takes in memory, in KiB: its texts, and one for each entry. What brought nothing weighs nothing.
fn weight(record: &PollRecord) -> u32 {
    let Attempt::Read(reading) = &record.attempt else {
        return 0;
    };
    let bytes: usize = reading
        .found
        .iter()
        .map(|found| found.entry.text_bytes())
        .sum();
    u32::try_from(bytes / 1_024 + reading.found.len()).unwrap_or(u32::MAX)
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
    let (course, adopted) = course::after(&record.feed, &attempt, None, record.finished_at);
    Some(PollRecord {
        next: schedule::next_check(
            &record.feed,
            &attempt,
            record.finished_at,
            &poller.policy,
            poller.price.now(&poller.policy),
        ),
        verdicts: condition::judge(&record.feed, &attempt, &course, record.finished_at),
        course,
        adopted,
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
        poller.placer.tell();
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
