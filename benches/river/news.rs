//! What feeds gain while they are polled, and when that was first served.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::{documents::can_match, meter};

/// From one feed that gains to the next: a prime, so that all gain in turn, and neighbours at different times.
const STEP: u64 = 7_919;

/// The news of all feeds.
#[derive(Default)]
pub(crate) struct News {
    turns: u64,
    gained: HashMap<u64, u64>,
    /// Addresses of the items that nobody got yet, by feed.
    waiting: HashMap<u64, Vec<String>>,
    told: Told,
}

/// What there is to tell.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Requests for feeds so far.
    pub(crate) asked: u64,
    /// When each item, by its address, was first served ([`meter::now_micros`]).
    pub(crate) served: BTreeMap<String, i64>,
}

impl News {
    /// The feed of `feeds` that gains next, and how many items it has gained then.
    pub(crate) fn next(&mut self, feeds: u64) -> (u64, u64) {
        let feed = loop {
            self.turns += 1;
            let feed = self.turns.wrapping_mul(STEP) % feeds;
            if can_match(feed) {
                break feed;
            }
        };
        let gained = self.gained.entry(feed).or_default();
        *gained += 1;
        (feed, *gained)
    }

    /// An item stands in the document of its feed from now on.
    pub(crate) fn waits(&mut self, feed: u64, item: String) {
        self.waiting.entry(feed).or_default().push(item);
    }

    /// A feed was asked for.
    pub(crate) const fn asked(&mut self) {
        self.told.asked += 1;
    }

    /// The document of a feed goes out, with all that waits in it.
    pub(crate) fn served(&mut self, feed: u64) {
        let Some(items) = self.waiting.remove(&feed) else {
            return;
        };
        let now = meter::now_micros();
        self.told
            .served
            .extend(items.into_iter().map(|item| (item, now)));
    }

    pub(crate) const fn told(&self) -> &Told {
        &self.told
    }
}
