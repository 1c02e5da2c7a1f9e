//! The river: a claimed feed is asked, read, matched and recorded, first line to last.
//!
//! Every way out of a poll is an [`Attempt`], and one writer records it with the next check. What is pure in between runs
//! beside the network, on as many threads as there are cores.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use super::record::{Progress, Summary};
use super::{
    engine::LiveEngine,
    pace::{Pauses, Price},
    place::Nudge,
    places::Standing,
    pulse::Pulse,
    room::{Lookups, Room},
    rounds::PollOptions,
};
use crate::{
    domain::{Attempt, ClaimedFeed, Clock, FeedUrl, Ledger, PollRecord, Timestamp},
    fetch::{Ask, Fetched, Fetcher},
    meters::{Stage, meters},
    pipeline::{condition, course, schedule},
    store::{self, PgPool, StoreError, workers::Worker},
};

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
    /// Told when there is something to place.
    pub placer: Arc<Nudge>,
    /// What a request costs.
    pub price: Arc<Price>,
    /// When each host may be asked next.
    pub pauses: Arc<Pauses>,
    /// Ledgers looked into at a time.
    pub lookups: Arc<Lookups>,
    /// Room for the pure stages.
    pub room: Arc<Room>,
    /// The only addresses to poll; empty: all.
    pub only: Vec<String>,
    /// That it claims and polls.
    pub pulse: Pulse,
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

    /// Polls one claimed feed: the whole journey of its entries. None if the database, not the feed, is at fault.
    #[tracing::instrument(name = "poll", skip_all, fields(feed.id = %feed.id, feed.host = feed.url.host()))]
    pub(super) async fn poll(&self, feed: ClaimedFeed, standing: &Standing) -> Option<PollRecord> {
        if self.needs_gap(&feed) {
            self.pauses
                .turn(feed.url.host(), self.options.host_gap)
                .await;
        }
        let started_at = self.clock.now();
        let feed = Arc::new(feed);
        let (attempt, moved) = match self.attempt(&feed, started_at, standing).await {
            Ok(attempted) => attempted,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database did not answer"
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

    /// Everything up to the record, and where the address permanently redirects to. A failure of the feed is one of the
    /// things that an attempt can be.
    async fn attempt(
        &self,
        feed: &Arc<ClaimedFeed>,
        now: Timestamp,
        standing: &Standing,
    ) -> Result<(Attempt, Option<FeedUrl>), StoreError> {
        let ask = Ask {
            url: feed.url.as_url(),
            conditions: &course::conditions(feed, now),
            is_plain: feed.course.is_asked_plain,
        };
        let mut page = match timed(Stage::Fetch, self.fetcher.fetch(ask, now)).await {
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
                return Ok((attempt, moved));
            }
            Err(failure) => return Ok((Attempt::Failed(failure), None)),
        };
        let moved = page.moved.take();
        let scanned = match timed(Stage::Read, self.scan(feed, page, standing)).await {
            Ok(scanned) => scanned,
            Err(attempt) => return Ok((*attempt, moved)),
        };
        let ledger = match &scanned.0.lookup {
            None => Ledger::default(),
            Some(lookup) => {
                let _turn = self.lookups.turn().await;
                let known = store::ledger::known(&self.db, feed.id, lookup, now);
                timed(Stage::Ledger, known).await?
            }
        };
        let judged = timed(Stage::Match, self.judge(feed, scanned, ledger, now)).await?;
        Ok((judged, moved))
    }
}

/// Does a stage, and tells the meters how long it took.
async fn timed<T>(stage: Stage, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    meters().took(stage, begun.elapsed());
    done
}
