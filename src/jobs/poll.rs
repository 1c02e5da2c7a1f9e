//! The river: a claimed feed is asked, read, matched and recorded, first line to last.
//!
//! Every way out of a poll is an [`Attempt`], and one writer records it with the next check. What is pure in between runs
//! beside the network, on as many threads as there are cores.

use std::{
    collections::{HashSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    time::{self, Instant},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    engine::{Compiled, LiveEngine},
    record,
};
use crate::{
    domain::{
        Attempt, ClaimedFeed, Clock, Entry, ErrorCode, Facts, Failure, FeedId, FoundEntry, Known,
        Lookup, Novelty, PollRecord, Reading, Subject, Timestamp, Validators,
    },
    fetch::{Fetched, Fetcher, Page},
    pipeline::{identify, normalise, parse, schedule},
    query::Scratch,
    store::{self, PgPool, StoreError, feeds::ClaimOptions, workers::Worker},
};

/// Records that wait for their transaction; then polls wait.
const RECORD_WAITING: usize = 64;

/// Feeds claimed ahead at most, and the time within which they must have been polled for more to be claimed.
const MOST_AHEAD: usize = 512;
const MOMENTS: Duration = Duration::from_millis(250);

/// Looks for feeds that others made due this often; its own are known.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The same in a pass, which ends when there are none.
const LOOK_AGAIN_IN_PASS: Duration = Duration::from_millis(20);

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
    /// Room for the pure stages: one place a core.
    pub cores: Arc<Semaphore>,
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
        let (sender, receiver) = mpsc::channel(RECORD_WAITING);
        let recorder = polls.spawn({
            let poller = self.clone();
            async move { record::all(&poller, receiver, &progress).await }
        });
        let mut claims = Claims::new(self.options.concurrency as usize);
        while let Some(place) = free_place(&places, stop).await {
            if let Some(count) = claims.wanted(places.available_permits() + 1) {
                claims.add(self.claim(count).await, count);
            }
            if let Some((claimed_at, feed)) = claims.waiting.pop_front() {
                if claimed_at.elapsed() > self.options.lease / 2 {
                    // It would be polled beyond its lease.
                    self.give_back((feed.id, feed.lease_token)).await;
                    continue;
                }
                let (sender, give_up) = (sender.clone(), give_up.clone());
                polls.spawn(self.clone().poll_and_send(feed, sender, give_up, place));
                continue;
            }
            drop(place);
            if once {
                let is_quiet = time::timeout(LOOK_AGAIN_IN_PASS, self.all_places(&places)).await;
                if is_quiet.is_ok() && self.is_nothing_free().await {
                    break;
                }
            } else {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = time::sleep(LOOK_AGAIN) => {}
                }
            }
        }
        for (_, feed) in claims.waiting {
            self.give_back((feed.id, feed.lease_token)).await;
        }
        drop(sender);
        polls.close();
        if time::timeout(FINISH_WITHIN, polls.wait()).await.is_err() {
            give_up.cancel();
            polls.wait().await;
        }
        recorder.await.unwrap_or_default()
    }

    /// Waits until nothing flies.
    async fn all_places(&self, places: &Semaphore) {
        // Nobody closes the semaphore.
        drop(places.acquire_many(self.options.concurrency).await);
    }

    /// Whether nothing is due. A feed that another process holds is its business.
    async fn is_nothing_free(&self) -> bool {
        match store::feeds::count_free(&self.db, self.clock.now(), &self.only).await {
            Ok(count) => count == 0,
            Err(_) => true,
        }
    }

    async fn claim(&self, count: usize) -> Vec<ClaimedFeed> {
        match self.try_claim(count).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot claim feeds; trying again"
                );
                Vec::new()
            }
        }
    }

    async fn try_claim(&self, count: usize) -> Result<Vec<ClaimedFeed>, StoreError> {
        self.worker.keep_alive().await?;
        self.engine.refresh(&self.db).await?;
        let options = ClaimOptions {
            holder: self.worker.number(),
            limit: i64::try_from(count).unwrap_or(i64::MAX),
            per_host: i64::from(self.options.per_host),
            lease: self.options.lease,
            only: &self.only,
        };
        store::feeds::claim_due(&self.db, self.clock.now(), options).await
    }

    /// One poll as a task: its record goes to the recorder; if it must give up, the feed goes back unpolled.
    async fn poll_and_send(
        self,
        feed: ClaimedFeed,
        recorder: mpsc::Sender<PollRecord>,
        give_up: CancellationToken,
        place: OwnedSemaphorePermit,
    ) {
        let held = (feed.id, feed.lease_token);
        let polled = tokio::select! {
            polled = AssertUnwindSafe(self.poll(feed)).catch_unwind() => polled,
            () = give_up.cancelled() => Ok(None),
        };
        let Ok(polled) = polled else {
            // Released it would be claimed again at once, and panic again. The end of its lease is soon enough.
            tracing::error!(feed.id = %held.0, "polling broke off; the feed waits for the end of its lease");
            return;
        };
        let sent = match polled {
            Some(record) => recorder.send(record).await.is_ok(),
            None => false,
        };
        if !sent {
            self.give_back(held).await;
        }
        drop(place);
    }

    async fn give_back(&self, claim: (FeedId, i64)) {
        if let Err(error) = store::feeds::release(&self.db, claim).await {
            tracing::warn!(feed.id = %claim.0, error = &error as &dyn std::error::Error, "a claim was not given back");
        }
    }

    /// Polls one claimed feed: the whole journey of its entries. None if the database, not the feed, is at fault.
    #[tracing::instrument(name = "poll", skip_all, fields(feed.id = %feed.id, feed.host = feed.url.host()))]
    async fn poll(&self, feed: ClaimedFeed) -> Option<PollRecord> {
        let started_at = self.clock.now();
        let (feed, attempt) = match self.attempt(feed, started_at).await {
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
        let next = schedule::next_check(&feed, &attempt, finished_at, &self.policy);
        Some(PollRecord {
            feed,
            attempt,
            next,
            started_at,
            finished_at,
        })
    }

    /// Everything up to the record. A failure of the feed is one of the things that an attempt can be.
    async fn attempt(
        &self,
        feed: ClaimedFeed,
        now: Timestamp,
    ) -> Result<(ClaimedFeed, Attempt), StoreError> {
        let page = match self
            .fetcher
            .fetch(feed.url.as_url(), &feed.validators, now)
            .await
        {
            Ok(Fetched::Page(page)) => page,
            Ok(Fetched::NotModified { validators, hints }) => {
                let attempt = Attempt::Unchanged {
                    status: 304,
                    validators,
                    hints,
                };
                return Ok((feed, attempt));
            }
            Err(failure) => return Ok((feed, Attempt::Failed(failure))),
        };
        let (feed, scanned) = self.scan(feed, page).await?;
        let scanned = match scanned {
            Scan::Entries(scanned) => scanned,
            Scan::Ended(attempt) => return Ok((feed, attempt)),
        };
        let known = if feed.is_first_read {
            // The ledger is written with the feed's first success and never before.
            Vec::new()
        } else {
            store::ledger::known(&self.db, feed.id, &scanned.lookup).await?
        };
        let attempt = Attempt::Read(scanned.into_reading(&feed, &known, now));
        Ok((feed, attempt))
    }

    /// The stages from decoding to matching, away from the threads that wait for the network.
    async fn scan(&self, feed: ClaimedFeed, page: Page) -> Result<(ClaimedFeed, Scan), StoreError> {
        let engine = self.engine.current();
        let core = self.cores.acquire().await;
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
        drop(core);
        scanning.map_err(|error| StoreError::Unexpected(format!("reading was broken off: {error}")))
    }
}

/// Feeds claimed and not yet polled. A claim costs the database about the same for one feed as for many, so feeds are
/// claimed ahead: as many more as are on their way within moments, and where servers answer slowly, as many as are polled
/// at a time.
struct Claims {
    /// With the time of their claim.
    waiting: VecDeque<(Instant, ClaimedFeed)>,
    /// Feeds to claim beyond the places that are free.
    ahead: usize,
    /// The least of that.
    least: usize,
    last: Instant,
    /// The last claim brought less than was asked for.
    is_dry: bool,
}

impl Claims {
    fn new(concurrency: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            ahead: concurrency,
            least: concurrency,
            last: Instant::now(),
            is_dry: false,
        }
    }

    /// How many feeds to claim now, with so many places free; none while enough wait.
    fn wanted(&self, free: usize) -> Option<usize> {
        let is_low =
            self.waiting.is_empty() || (!self.is_dry && self.waiting.len() <= self.least / 2);
        is_low.then(|| (free + self.ahead).saturating_sub(self.waiting.len()))
    }

    fn add(&mut self, claimed: Vec<ClaimedFeed>, wanted: usize) {
        self.is_dry = claimed.len() < wanted;
        let now = Instant::now();
        self.waiting
            .extend(claimed.into_iter().map(|feed| (now, feed)));
        self.ahead = if self.last.elapsed() < MOMENTS {
            (self.ahead * 2).min(MOST_AHEAD.max(self.least))
        } else {
            self.least
        };
        self.last = now;
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

/// What the pure stages made of a page.
enum Scan {
    /// Nothing more to do.
    Ended(Attempt),
    /// Entries, to be identified.
    Entries(Scanned),
}

/// A document read and matched; whether its entries are new is for the ledger to say.
struct Scanned {
    lookup: Lookup,
    entries: Vec<Entry>,
    matches: Vec<Vec<crate::domain::ArticleMatch>>,
    /// Everything but `found`.
    reading: Reading,
}

fn scan(feed: &ClaimedFeed, page: Page, compiled: &Compiled) -> Scan {
    let body_hash = identify::body_hash(&page.body);
    if feed.body_hash.as_deref() == Some(body_hash.as_slice()) {
        return Scan::Ended(Attempt::Unchanged {
            status: page.status,
            validators: page.validators,
            hints: page.hints,
        });
    }
    let document = match parse::parse(&page.body, page.content_type.as_deref(), &page.url) {
        Ok(document) => document,
        Err(error) => {
            return Scan::Ended(Attempt::Failed(Failure {
                code: error.code,
                status: Some(page.status),
                detail: error.detail,
                retry_after: None,
            }));
        }
    };
    let entries = normalise::entries(&document, feed.language.as_deref());
    let mut scratch = Scratch::default();
    let matches = entries
        .iter()
        .map(|entry| compiled.engine.matches(&subject(feed, entry), &mut scratch))
        .collect();
    let is_whole = !document.is_partial;
    let loss = parse::loss(&document);
    let mut hints = page.hints;
    hints.ttl = document.hints.ttl;
    Scan::Entries(Scanned {
        lookup: identify::lookup(feed.id, &entries),
        matches,
        reading: Reading {
            status: page.status,
            title: document.title,
            found: Vec::new(),
            entries: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            skipped: document.skipped,
            bytes: page.body.len() as u64,
            body_hash: is_whole.then_some(body_hash),
            validators: if is_whole {
                page.validators
            } else {
                Validators::default()
            },
            hints,
            loss,
        },
        entries,
    })
}

impl Scanned {
    fn into_reading(self, feed: &ClaimedFeed, known: &[Known], now: Timestamp) -> Reading {
        let identified = identify::identify(feed.id, &self.entries, known);
        // A document may carry the same entry twice.
        let mut taken = HashSet::new();
        let found = self
            .entries
            .into_iter()
            .zip(self.matches)
            .zip(identified)
            .filter(|(_, identified)| taken.insert(identified.known.identity))
            .filter(|(_, identified)| {
                identified.novelty != Novelty::Unchanged || !known.contains(&identified.known)
            })
            .map(|((entry, matches), identified)| {
                let sort_at = normalise::sort_at(&entry, now);
                FoundEntry {
                    is_backfill: normalise::is_backfill(feed.is_first_read, sort_at, now),
                    sort_at,
                    entry,
                    identified,
                    matches,
                }
            })
            .collect();
        Reading {
            found,
            ..self.reading
        }
    }
}

/// The entry as the engine reads it, with what is known of its source.
fn subject<'a>(feed: &'a ClaimedFeed, entry: &'a Entry) -> Subject<'a> {
    Subject {
        title: &entry.title,
        summary: &entry.summary,
        content: &entry.content,
        facts: Facts {
            source: [&feed.source_slug, &feed.source_name],
            domain: &feed.source_domain,
            url: entry.url.as_deref().unwrap_or_default(),
            language: entry.language.as_deref().unwrap_or_default(),
            country: feed.country.as_deref().unwrap_or_default(),
            tier: Some(feed.tier),
            authors: &entry.authors,
            tags: &feed.tags,
            categories: &entry.categories,
        },
    }
}
