//! Rounds: feeds are claimed, polled side by side, and what came of them is handed to the recorder.

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::JoinHandle,
    time::{self, Instant},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    claims::{Claimed, Claims, Order},
    places::{Places, Standing},
    poll::Poller,
    record::{self, Inlet, Progress, Summary},
    task::ended,
};
use crate::{
    domain::{ClaimedFeed, FeedId, Timestamp},
    store::{self, PgPool, feeds::ClaimOptions},
};

/// How often a service looks whether the beat has changed.
const LOOK_AT_BEAT: Duration = Duration::from_secs(1);

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
    /// The pause between two requests to one host, by all processes together.
    #[serde(with = "crate::domain::duration")]
    pub host_gap: Duration,
    /// How long a worker holds a feed.
    #[serde(with = "crate::domain::duration")]
    pub lease: Duration,
    /// How long reading and matching one document may take.
    #[serde(with = "crate::domain::duration")]
    pub read_limit: Duration,
}

/// A round on its way: polls as tasks, and what they share.
struct Round {
    poller: Arc<Poller>,
    polls: TaskTracker,
    places: Places,
    inlet: Inlet,
    /// Tells polls to give up.
    give_up: CancellationToken,
    /// The connection that claims.
    claims_db: PgPool,
    /// In a pass, the time of its start: a feed that becomes due again meanwhile waits for the next one.
    due_by: Option<Timestamp>,
}

impl Round {
    fn begin_poll(&self, place: OwnedSemaphorePermit, feed: ClaimedFeed) {
        let standing = Standing::default();
        let held = self.places.hold(place, standing.clone());
        let (inlet, give_up) = (self.inlet.clone(), self.give_up.clone());
        let poll = Arc::clone(&self.poller).poll_and_hand_in(feed, standing, inlet, give_up, held);
        // Boxed, for it is moved several times before it runs and after, and takes kilobytes.
        self.polls.spawn(Box::pin(poll));
    }
}

impl Poller {
    pub(super) async fn work(
        &self,
        stop: &CancellationToken,
        once: bool,
        progress: Progress,
    ) -> Summary {
        let (inlet, outlet) = record::inlet_and_outlet();
        let round = Round {
            poller: Arc::new(self.clone()),
            polls: TaskTracker::new(),
            places: Places::new(self.options.concurrency),
            inlet,
            give_up: CancellationToken::new(),
            claims_db: store::planned_once(&self.db),
            due_by: once.then(|| self.clock.now()),
        };
        let recorder = round.polls.spawn({
            let poller = self.clone();
            async move { record::all(&poller, outlet, &progress).await }
        });
        let watching = stop.child_token();
        let watcher = (!once).then(|| round.polls.spawn(self.clone().watch_beat(watching.clone())));
        // Polling without a recorder would ask publishers in vain, and for ever; with the keywords of yesterday as well.
        let may_poll =
            || !recorder.is_finished() && !watcher.as_ref().is_some_and(JoinHandle::is_finished);
        let claims = self.poll_side_by_side(&round, stop, may_poll).await;
        watching.cancel();
        self.wind_up(round, claims).await;
        if let Some(watcher) = watcher {
            ended(watcher.await);
        }
        ended(recorder.await)
    }

    /// Polls until stopped, or until nothing is left of a pass. Returns what was claimed and not polled.
    async fn poll_side_by_side(
        &self,
        round: &Round,
        stop: &CancellationToken,
        may_poll: impl Fn() -> bool,
    ) -> Claims {
        let mut claims = Claims::new(self.options.concurrency as usize);
        while let Some(place) = round.places.next(stop).await {
            self.pulse.beat();
            if !may_poll() {
                break;
            }
            claims.top_up(round.places.free() + 1, |order| {
                let (poller, db, due_by) = (self.clone(), round.claims_db.clone(), round.due_by);
                let claim = async move { poller.claim(&db, order, due_by).await };
                round.polls.spawn(claim)
            });
            if let Err(error) = claims.arrive().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot claim feeds"
                );
                if round.due_by.is_some() {
                    break;
                }
            }
            // What has waited for longer would be polled beyond its lease.
            self.give_back(claims.stale(self.options.lease / 2)).await;
            if let Some((_, feed)) = claims.waiting.pop_front() {
                round.begin_poll(place, feed);
                continue;
            }
            drop(place);
            if !self.pause(stop, round).await {
                break;
            }
        }
        claims
    }

    /// Gives back what is not polled and lets what runs finish, but not for ever.
    async fn wind_up(&self, round: Round, claims: Claims) {
        let Round {
            polls,
            inlet,
            give_up,
            claims_db,
            ..
        } = round;
        drop(inlet);
        polls.close();
        let rest = async {
            self.give_back(claims.rest().await).await;
            claims_db.close().await;
        };
        let running = async {
            if time::timeout(FINISH_WITHIN, polls.wait()).await.is_err() {
                give_up.cancel();
                polls.wait().await;
            }
        };
        tokio::join!(rest, running);
    }

    /// Waits until there may be more to claim. False when there will not be: at the end of a pass, and once stopped.
    async fn pause(&self, stop: &CancellationToken, round: &Round) -> bool {
        if let Some(due_by) = round.due_by {
            let is_quiet = time::timeout(LOOK_AGAIN_IN_PASS, round.places.all()).await;
            let is_any_free = self.is_any_free(due_by).await;
            if !is_any_free {
                self.placer.tell_nearly_over();
            }
            return is_quiet.is_err() || is_any_free;
        }
        tokio::select! {
            () = stop.cancelled() => false,
            () = time::sleep(LOOK_AGAIN) => true,
        }
    }

    /// Whether anything is due. A feed that another process holds is its business.
    async fn is_any_free(&self, due_by: Timestamp) -> bool {
        let free = store::feeds::count_free(&self.db, due_by, due_by, &self.only, 1).await;
        free.is_ok_and(|count| count > 0)
    }

    /// Rebuilds the engine when the beat changes. Polls go on meanwhile, with the engine that there is.
    async fn watch_beat(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let compiled = self.engine.current().await;
            if let Err(error) = compiled.and(self.engine.refresh().await) {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "cannot look whether the beat has changed");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(LOOK_AT_BEAT) => {}
            }
        }
    }

    async fn claim(&self, db: &PgPool, order: Order, due_by: Option<Timestamp>) -> Claimed {
        self.worker.keep_alive().await?;
        if due_by.is_some() {
            // A pass is over the beat as it is; a service has the engine rebuilt beside its polls.
            self.engine.refresh().await?;
        }
        let now = self.clock.now();
        let options = ClaimOptions {
            holder: self.worker.number(),
            limit: i64::try_from(order.count).unwrap_or(i64::MAX),
            per_host: i64::from(self.options.per_host),
            lease: self.options.lease,
            due_by: due_by.unwrap_or(now),
            only: &self.only,
            frees_dead: order.frees_dead,
            host_gap: self.options.host_gap,
            needs_gap: &|feed| self.needs_gap(feed),
        };
        let begun = Instant::now();
        let (claimed, ()) = tokio::join!(
            store::feeds::claim_due(db, now, options),
            self.price.refresh(&self.db, &self.policy),
        );
        Ok((begun, claimed?))
    }

    /// Hosts are spared; the operator's own need it not.
    pub(super) fn needs_gap(&self, feed: &ClaimedFeed) -> bool {
        !self.options.host_gap.is_zero() && !self.fetcher.is_own_network(feed.url.as_url())
    }

    /// One poll as a task: its record goes to the recorder; if it must give up, the feed goes back unpolled.
    async fn poll_and_hand_in(
        self: Arc<Self>,
        feed: ClaimedFeed,
        standing: Standing,
        recorder: Inlet,
        give_up: CancellationToken,
        place: impl Future<Output = ()> + Send,
    ) {
        let held = (feed.id, feed.lease_token);
        // Pinned where it is made: it takes kilobytes.
        let poll = pin!(async {
            match AssertUnwindSafe(self.poll(feed, &standing))
                .catch_unwind()
                .await
            {
                // With the recorder gone the process ends; its claims end with it.
                Ok(Some(record)) => recorder.hand_in(record).await,
                // Given back, the feed would be claimed again at once and fail again. The end of its lease is soon enough.
                Ok(None) => {}
                Err(_) => {
                    tracing::error!(feed.id = %held.0, "polling broke off; the feed waits for the end of its lease");
                }
            }
        });
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
}
