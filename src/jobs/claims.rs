//! Feeds claimed and not yet polled.

use std::collections::VecDeque;

use tokio::{
    task::JoinHandle,
    time::{Duration, Instant},
};

use super::task::ended;
use crate::{
    domain::{ClaimedFeed, FeedId},
    store::StoreError,
};

/// What a claim got, and when it began: leases run from then on.
pub(super) type Claimed = Result<(Instant, Vec<ClaimedFeed>), StoreError>;

/// Feeds claimed ahead at most, and the time within which they must have been polled for more to be claimed.
const MOST_AHEAD: usize = 1_024;
const MOMENTS: Duration = Duration::from_millis(250);

/// More are claimed once only one in so many of what is claimed ahead is left.
const LOW: usize = 4;

/// Feeds claimed ahead at a start, for each that is polled at a time.
const FIRST_AHEAD: usize = 4;

/// How often the claims of processes that are gone are looked for.
const LOOK_FOR_DEAD: Duration = Duration::from_secs(1);

/// Feeds claimed and not yet polled. A claim costs the database about the same for one feed as for many, so feeds are
/// claimed ahead: as many more as are on their way within moments, and where servers answer slowly, as many as are polled
/// at a time.
pub(super) struct Claims {
    /// With the time of their claim.
    pub(super) waiting: VecDeque<(Instant, ClaimedFeed)>,
    /// Feeds to claim beyond the places that are free.
    ahead: usize,
    /// The least of that.
    least: usize,
    last: Instant,
    /// The last claim brought less than was asked for.
    is_dry: bool,
    /// When claims of the dead were last freed.
    freed: Option<Instant>,
    /// A claim beside the polls, and how many feeds it asked for.
    on_its_way: Option<(usize, JoinHandle<Claimed>)>,
}

/// What a claim is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    /// Feeds at most.
    pub(super) count: usize,
    /// Whether it frees what the dead hold: it is to look at every claim that there is.
    pub(super) frees_dead: bool,
}

impl Claims {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            // Many are due at a start, if any are.
            ahead: (FIRST_AHEAD * concurrency).min(MOST_AHEAD.max(concurrency)),
            least: concurrency,
            last: Instant::now(),
            is_dry: false,
            freed: None,
            on_its_way: None,
        }
    }

    /// Has one more claim begin if few wait, with so many places free.
    pub(super) fn top_up(&mut self, free: usize, begin: impl FnOnce(Order) -> JoinHandle<Claimed>) {
        if self.on_its_way.is_none()
            && let Some(count) = self.wanted(free)
        {
            let frees_dead = self.frees_dead();
            self.on_its_way = Some((count, begin(Order { count, frees_dead })));
        }
    }

    /// Takes what a claim brought, if it has ended, or if nothing else is left to poll.
    ///
    /// # Errors
    /// The database did not answer the claim.
    pub(super) async fn arrive(&mut self) -> Result<(), StoreError> {
        let is_empty = self.waiting.is_empty();
        let arrived = self
            .on_its_way
            .take_if(|(_, claim)| is_empty || claim.is_finished());
        if let Some((count, claim)) = arrived {
            let (begun, claimed) = ended(claim.await)?;
            self.add(begun, claimed, count);
        }
        Ok(())
    }

    /// Everything that was claimed and is not polled, also by a claim that is still on its way.
    pub(super) async fn rest(mut self) -> Vec<(FeedId, i64)> {
        if let Some((count, claim)) = self.on_its_way.take()
            && let Ok((begun, claimed)) = ended(claim.await)
        {
            self.add(begun, claimed, count);
        }
        self.waiting.drain(..).map(unpolled).collect()
    }

    /// Takes out what has waited for longer than `most` since its claim.
    pub(super) fn stale(&mut self, most: Duration) -> Vec<(FeedId, i64)> {
        let is_stale = |(begun, _): &(Instant, ClaimedFeed)| begun.elapsed() > most;
        let count = self
            .waiting
            .iter()
            .take_while(|claim| is_stale(claim))
            .count();
        self.waiting.drain(..count).map(unpolled).collect()
    }

    fn frees_dead(&mut self) -> bool {
        let is_long_ago = self
            .freed
            .is_none_or(|freed| freed.elapsed() >= LOOK_FOR_DEAD);
        if is_long_ago {
            self.freed = Some(Instant::now());
        }
        is_long_ago
    }

    /// How many feeds to claim now, with so many places free; none while enough wait for the time that a claim takes.
    fn wanted(&self, free: usize) -> Option<usize> {
        let is_low =
            self.waiting.is_empty() || (!self.is_dry && self.waiting.len() <= self.ahead / LOW);
        is_low.then(|| (free + self.ahead).saturating_sub(self.waiting.len()))
    }

    fn add(&mut self, begun: Instant, claimed: Vec<ClaimedFeed>, wanted: usize) {
        self.is_dry = claimed.len() < wanted;
        self.waiting
            .extend(claimed.into_iter().map(|feed| (begun, feed)));
        self.ahead = if begun.saturating_duration_since(self.last) < MOMENTS {
            (self.ahead * 2).min(MOST_AHEAD.max(self.least))
        } else {
            self.least
        };
        self.last = begun;
    }
}

/// What it takes to give a claim back.
fn unpolled((_, feed): (Instant, ClaimedFeed)) -> (FeedId, i64) {
    (feed.id, feed.lease_token)
}
