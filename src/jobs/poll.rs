//! The river: a claimed feed is asked, read, matched and recorded, first line to last.
//!
//! Every way out of a poll is an [`Attempt`], and one writer records it with the next check. What is pure in between runs
//! beside the network, on as many threads as there are cores.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    claims::Claims,
    engine::LiveEngine,
    pace::{Pauses, Price},
    record,
    room::Room,
    scan::{Scan, scan},
};
use crate::{
    domain::{
        Attempt, ClaimedFeed, Clock, ErrorCode, Failure, FeedId, FeedUrl, PollRecord, Timestamp,
    },
    fetch::{Ask, Fetched, Fetcher, Page},
    pipeline::{condition, course, schedule},
    store::{self, PgPool, StoreError, feeds::ClaimOptions, workers::Worker},
};

/// Records that wait for their transaction; then polls wait.
const RECORD_WAITING: usize = 64;

/// How often a service looks whether the beat has changed.
const LOOK_AT_BEAT: Duration = Duration::from_secs(1);

/// Looks for feeds that others made due this often; its own are known.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The same in a pass, which ends when there are none.
const LOOK_AGAIN_IN_PASS: Duration = Duration::from_millis(20);

/// A poll that takes longer stands aside: servers that answer slowly, or never, must not hold up the others. So many
/// times as many as are polled at a time may stand aside.
const STAND_ASIDE_AFTER: Duration = Duration::from_millis(200);
const ASIDE: u32 = 8;

/// After the stop, polls may finish for so long; then their feeds are given back.
const FINISH_WITHIN: Duration = Duration::from_secs(6);

/// How a worker polls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollOptions {
    /// Feeds polled at a time by one process.
    pub concurrency: u32,
    /// Feeds of one host polled at a time, by all processes together.
    pub per_host: u32,
    /// The pause between two requests to one host, by all processes together.
    #[serde(with = "crate::domain::duration")]
    pub host_gap: Duration,
    /// How long a worker holds a feed.
    #[serde(with = "crate::domain::duration")]
    pub lease: Duration,
}

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

/// Polls feeds.
#[derive(Clone)]
pub struct Poller {
    /// The database.
    pub db: PgPool,
    /// Who claims.
    pub worker: Arc<Worker>,
    /// The way out.
    pub fetcher: Fetcher,
    /// The keywords.
    pub engine: Arc<LiveEngine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How many at a time.
    pub options: PollOptions,
    /// When to ask again.
    pub policy: schedule::Policy,
    /// Notified when there is something to place.
    pub placer: Arc<Notify>,
    /// What a request costs.
    pub price: Arc<Price>,
    /// When each host may be asked next.
    pub pauses: Arc<Pauses>,
    /// Room for the pure stages.
    pub room: Arc<Room>,
    /// The only addresses to poll; empty: all.
    pub only: Vec<String>,
}

impl Poller {
    /// Polls what becomes due, until stopped; then lets running polls finish for some seconds and gives back the rest.
    pub async fn run(&self, stop: CancellationToken) {
        self.work(&stop, false, Arc::new(|_| {})).await;
    }

    /// Polls until nothing is due any more, or until stopped.
    pub async fn pass(&self, stop: &CancellationToken, progress: Progress) -> Summary {
        self.work(stop, true, progress).await
    }

    async fn work(&self, stop: &CancellationToken, once: bool, progress: Progress) -> Summary {
        let polls = TaskTracker::new();
        let give_up = CancellationToken::new();
        let places = Arc::new(Semaphore::new(self.options.concurrency as usize));
        let aside = Arc::new(Semaphore::new(self.places_aside() as usize));
        let (sender, receiver) = mpsc::channel(RECORD_WAITING);
        let recorder = polls.spawn({
            let poller = self.clone();
            async move { record::all(&poller, receiver, &progress).await }
        });
        let watching = stop.child_token();
        if !once {
            polls.spawn(self.clone().watch_beat(watching.clone()));
        }
        let mut claims = Claims::new(self.options.concurrency as usize);
        // A pass is over what is due at its start: a feed that becomes due again meanwhile waits for the next one.
        let due_by = once.then(|| self.clock.now());
        while let Some(place) = free_place(&places, stop).await {
            if recorder.is_finished() {
                // Polling without a recorder would ask publishers in vain, and for ever.
                break;
            }
            if let Some(count) = claims.wanted(places.available_permits() + 1) {
                match self.claim(count, due_by).await {
                    Ok(claimed) => claims.add(claimed, count),
                    Err(error) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "cannot claim feeds"
                        );
                        if once {
                            break;
                        }
                    }
                }
            }
            if let Some((claimed_at, feed)) = claims.waiting.pop_front() {
                if claimed_at.elapsed() > self.options.lease / 2 {
                    // It would be polled beyond its lease.
                    self.give_back(vec![(feed.id, feed.lease_token)]).await;
                    continue;
                }
                let (sender, give_up) = (sender.clone(), give_up.clone());
                let held = hold(place, Arc::clone(&aside));
                polls.spawn(self.clone().poll_and_send(feed, sender, give_up, held));
                continue;
            }
            drop(place);
            if once {
                let is_quiet =
                    time::timeout(LOOK_AGAIN_IN_PASS, self.all_places(&places, &aside)).await;
                if is_quiet.is_ok() && self.is_nothing_free(due_by).await {
                    break;
                }
            } else {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = time::sleep(LOOK_AGAIN) => {}
                }
            }
        }
        watching.cancel();
        let unpolled = claims
            .waiting
            .iter()
            .map(|(_, feed)| (feed.id, feed.lease_token));
        self.give_back(unpolled.collect()).await;
        drop(sender);
        polls.close();
        if time::timeout(FINISH_WITHIN, polls.wait()).await.is_err() {
            give_up.cancel();
            polls.wait().await;
        }
        match recorder.await {
            Ok(summary) => summary,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    const fn places_aside(&self) -> u32 {
        self.options.concurrency.saturating_mul(ASIDE)
    }

    /// Waits until nothing flies.
    async fn all_places(&self, places: &Semaphore, aside: &Semaphore) {
        // Nobody closes the semaphores.
        let all = places.acquire_many(self.options.concurrency).await;
        drop(aside.acquire_many(self.places_aside()).await);
        drop(all);
    }

    /// Rebuilds the engine when the beat changes. Polls go on meanwhile, with the engine that there is.
    async fn watch_beat(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.engine.refresh(&self.db).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "cannot look whether the beat has changed");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(LOOK_AT_BEAT) => {}
            }
        }
    }

    /// Whether nothing is due. A feed that another process holds is its business.
    async fn is_nothing_free(&self, due_by: Option<Timestamp>) -> bool {
        let due_by = due_by.unwrap_or_else(|| self.clock.now());
        match store::feeds::count_free(&self.db, due_by, &self.only).await {
            Ok(count) => count == 0,
            Err(_) => true,
        }
    }

    async fn claim(
        &self,
        count: usize,
        due_by: Option<Timestamp>,
    ) -> Result<Vec<ClaimedFeed>, StoreError> {
        self.worker.keep_alive().await?;
        if due_by.is_some() {
            // A pass is over the beat as it is; a service has the engine rebuilt beside its polls.
            self.engine.refresh(&self.db).await?;
        }
        self.price.refresh(&self.db, &self.policy).await;
        let now = self.clock.now();
        let options = ClaimOptions {
            holder: self.worker.number(),
            limit: i64::try_from(count).unwrap_or(i64::MAX),
            per_host: i64::from(self.options.per_host),
            lease: self.options.lease,
            due_by: due_by.unwrap_or(now),
            only: &self.only,
            host_gap: self.options.host_gap,
            needs_gap: &|feed| self.needs_gap(feed),
        };
        store::feeds::claim_due(&self.db, now, options).await
    }

    /// Hosts are spared; the operator's own need it not.
    fn needs_gap(&self, feed: &ClaimedFeed) -> bool {
        !self.options.host_gap.is_zero() && !self.fetcher.is_own_network(feed.url.as_url())
    }

    /// One poll as a task: its record goes to the recorder; if it must give up, the feed goes back unpolled.
    async fn poll_and_send(
        self,
        feed: ClaimedFeed,
        recorder: mpsc::Sender<PollRecord>,
        give_up: CancellationToken,
        place: impl Future<Output = ()> + Send,
    ) {
        let held = (feed.id, feed.lease_token);
        let poll = async {
            match AssertUnwindSafe(self.poll(feed)).catch_unwind().await {
                // With the recorder gone the process ends; its claims end with it.
                Ok(Some(record)) => drop(recorder.send(record).await),
                // Given back, the feed would be claimed again at once and fail again. The end of its lease is soon enough.
                Ok(None) => {}
                Err(_) => {
                    tracing::error!(feed.id = %held.0, "polling broke off; the feed waits for the end of its lease");
                }
            }
        };
        tokio::select! {
            () = poll => {}
            () = give_up.cancelled() => self.give_back(vec![held]).await,
            () = place => {}
        }
    }

    /// Gives claims back unpolled. They are void anyway once this process has ended.
    async fn give_back(&self, claims: Vec<(FeedId, i64)>) {
        if let Err(error) = store::feeds::release(&self.db, &claims).await {
            tracing::warn!(
                count = claims.len(),
                error = &error as &dyn std::error::Error,
                "claims were not given back"
            );
        }
    }

    /// Polls one claimed feed: the whole journey of its entries. None if the database, not the feed, is at fault.
    #[tracing::instrument(name = "poll", skip_all, fields(feed.id = %feed.id, feed.host = feed.url.host()))]
    async fn poll(&self, feed: ClaimedFeed) -> Option<PollRecord> {
        if self.needs_gap(&feed) {
            self.pauses
                .turn(feed.url.host(), self.options.host_gap)
                .await;
        }
        let started_at = self.clock.now();
        let (feed, attempt, moved) = match self.attempt(feed, started_at).await {
            Ok(attempted) => attempted,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the ledger could not be read"
                );
                return None;
            }
        };
        let finished_at = self.clock.now();
        let price = self.price.now(&self.policy);
        let next = schedule::next_check(&feed, &attempt, finished_at, &self.policy, price);
        let (course, adopted) = course::after(&feed, &attempt, moved, finished_at);
        let verdicts = condition::judge(&feed, &attempt, &course, finished_at);
        Some(PollRecord {
            feed,
            attempt,
            next,
            course,
            adopted,
            verdicts,
            started_at,
            finished_at,
        })
    }

    /// Everything up to the record. A failure of the feed is one of the things that an attempt can be.
    async fn attempt(
        &self,
        feed: ClaimedFeed,
        now: Timestamp,
    ) -> Result<(ClaimedFeed, Attempt, Option<FeedUrl>), StoreError> {
        let ask = Ask {
            url: feed.url.as_url(),
            conditions: &course::conditions(&feed, now),
            is_plain: feed.course.is_asked_plain,
        };
        let mut page = match self.fetcher.fetch(ask, now).await {
            Ok(Fetched::Page(page)) => page,
            Ok(Fetched::NotModified {
                validators,
                hints,
                moved,
            }) => {
                let attempt = Attempt::Unchanged {
                    status: 304,
                    validators,
                    hints,
                };
                return Ok((feed, attempt, moved));
            }
            Err(failure) => return Ok((feed, Attempt::Failed(failure), None)),
        };
        let moved = page.moved.take();
        let (feed, scanned) = self.scan(feed, page).await?;
        let scanned = match scanned {
            Scan::Entries(scanned) => scanned,
            Scan::Ended(attempt) => return Ok((feed, attempt, moved)),
        };
        let known = if feed.is_first_read {
            // The ledger is written with the feed's first success and never before.
            Vec::new()
        } else {
            store::ledger::known(&self.db, feed.id, &scanned.lookup).await?
        };
        let attempt = Attempt::Read(scanned.into_reading(&feed, &known, now));
        Ok((feed, attempt, moved))
    }

    /// The stages from decoding to matching, away from the threads that wait for the network.
    async fn scan(&self, feed: ClaimedFeed, page: Page) -> Result<(ClaimedFeed, Scan), StoreError> {
        let engine = self.engine.current();
        let room = self.room.enter(page.body.len()).await;
        let scanning = tokio::task::spawn_blocking(move || {
            // What a publisher sends may find a fault in any parser: it must cost one attempt, not the worker.
            let scan = catch_unwind(AssertUnwindSafe(|| scan(&feed, page, &engine)))
                .unwrap_or_else(|_| {
                    Scan::Ended(Attempt::Failed(Failure {
                        code: ErrorCode::Parse,
                        status: None,
                        detail: "the document broke the reader".to_owned(),
                        retry_after: None,
                    }))
                });
            (feed, scan)
        })
        .await;
        drop(room);
        scanning.map_err(|error| StoreError::Unexpected(format!("reading was broken off: {error}")))
    }
}

/// A place for one more poll, or none once stopped.
async fn free_place(
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        permit = Arc::clone(places).acquire_owned() => permit.ok(),
    }
}

/// Holds a place until dropped; after a moment one of those aside instead, once there is one. Never ends.
async fn hold(place: OwnedSemaphorePermit, aside: Arc<Semaphore>) {
    time::sleep(STAND_ASIDE_AFTER).await;
    let moved = aside.acquire_owned().await;
    drop(place);
    std::future::pending::<()>().await;
    drop(moved);
}
