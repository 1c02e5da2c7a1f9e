//! What spares publishers: pauses between requests to a host, and the price that keeps requests within their budget.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::time::{Duration, Instant};

use crate::{
    pipeline::schedule::Policy,
    store::{self, PgPool},
};

/// The price is found anew this often.
const PRICE_FOR: Duration = Duration::from_mins(5);

/// When each host may be asked next by this process. Claims keep the pause over all workers, as of their own time; this keeps it
/// between the feeds of one claim, and whatever a feed waited for its place.
#[derive(Debug, Default)]
pub struct Pauses(Mutex<HashMap<String, Instant>>);

impl Pauses {
    /// Waits for the turn of a feed of `host`, and takes it.
    pub(super) async fn turn(&self, host: &str, gap: Duration) {
        let now = Instant::now();
        let turn = {
            let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            next.retain(|_, next| *next > now);
            let turn = next.get(host).copied().unwrap_or(now);
            next.insert(host.to_owned(), turn + gap);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

/// What a request costs, in entry-hours.
#[derive(Debug, Default)]
pub struct Price(Mutex<Option<(Instant, f64)>>);

impl Price {
    /// The price, as last found.
    pub(super) fn now(&self, policy: &Policy) -> f64 {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.map_or_else(|| policy.price(&[]), |(_, price)| price)
    }

    /// Finds the price anew if it is old. Without an answer of the database the old one is good enough.
    pub(super) async fn refresh(&self, db: &PgPool, policy: &Policy) {
        let is_fresh = {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.is_some_and(|(at, _)| at.elapsed() < PRICE_FOR)
        };
        if is_fresh {
            return;
        }
        match store::feeds::demands(db).await {
            Ok(demands) => {
                let price = policy.price(&demands);
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), price));
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the budget of requests could not be shared out anew"
            ),
        }
    }
}
