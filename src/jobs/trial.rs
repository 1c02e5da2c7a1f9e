//! Trials: addresses that somebody wants to add are asked, read and shown before they become feeds.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::room::Room;
use crate::{
    domain::{Clock, ListSelectors, OfferedFeed, Trial},
    fetch::{Ask, Fetched, Fetcher},
    pipeline::{discover, trial},
    store::{self, PgPool, StoreError, trials::ClaimedTrial},
};

/// Somebody waits before a page: looked for this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// A trial with everything that belongs to it takes no longer.
const WITHIN: Duration = Duration::from_secs(40);

/// Longer than a trial takes.
const LEASE: Duration = Duration::from_mins(1);

/// A trial that broke off this often is given up: reading it may end the process.
const MOST_ATTEMPTS: i16 = 3;

/// Between two places of one host that are looked at for a feed.
const GAP: Duration = Duration::from_millis(500);

/// Tries addresses.
pub struct Tryer {
    db: PgPool,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    room: Arc<Room>,
}

impl Tryer {
    /// A tryer that asks by way of `fetcher` and reads in `room`.
    #[must_use]
    pub fn new(db: PgPool, fetcher: Fetcher, clock: Arc<dyn Clock>, room: Arc<Room>) -> Self {
        Self {
            db,
            fetcher,
            clock,
            room,
        }
    }

    /// Tries until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                tried = self.step() => match tried {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "an address was not tried; trying again"
                    ),
                },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Tries the address that waits the longest. False if none does.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn step(&self) -> Result<bool, StoreError> {
        let Some(claimed) = store::trials::claim(&self.db, self.clock.now(), LEASE).await? else {
            return Ok(false);
        };
        let outcome = if claimed.attempts > MOST_ATTEMPTS {
            failed(&claimed, "trying it broke off again and again".to_owned())
        } else {
            time::timeout(WITHIN, self.outcome(&claimed))
                .await
                .unwrap_or_else(|_| failed(&claimed, format!("no answer within {WITHIN:?}")))
        };
        store::trials::finish(&self.db, claimed.id, &outcome).await?;
        Ok(true)
    }

    async fn outcome(&self, claimed: &ClaimedTrial) -> Trial {
        let url = claimed.url.as_url();
        let mut found = match self.try_at(url, claimed.selectors.clone()).await {
            Ok(found) => found,
            Err(detail) => return failed(claimed, detail),
        };
        let is_feed = found.problem.is_none();
        if !is_feed && claimed.selectors.is_none() && found.offers.is_empty() {
            found.offers.extend(self.usual_place(url).await);
        }
        found
    }

    /// A feed where feeds use to be, if there is one.
    async fn usual_place(&self, url: &Url) -> Option<OfferedFeed> {
        for place in discover::common(url) {
            time::sleep(GAP).await;
            let Ok(found) = self.try_at(&place, None).await else {
                continue;
            };
            if let (None, Some(preview)) = (found.problem, found.preview) {
                return Some(OfferedFeed {
                    url: place.to_string(),
                    title: preview.title,
                });
            }
        }
        None
    }

    /// What one address is, or why it gave no answer.
    async fn try_at(&self, url: &Url, selectors: Option<ListSelectors>) -> Result<Trial, String> {
        let answer = self
            .fetcher
            .fetch(Ask::for_document(url), self.clock.now())
            .await;
        let page = match answer {
            Ok(Fetched::Page(page)) => page,
            Ok(Fetched::NotModified { .. }) => {
                return Err("the server answered 304 to a request without conditions".to_owned());
            }
            Err(failure) => return Err(format!("{}: {}", failure.code, failure.detail)),
        };
        let seat = self
            .room
            .enter(self.room.memory(page.body.len()).await)
            .await;
        let judging = self.room.read(seat, move |_| {
            let content_type = page.content_type.as_deref();
            trial::judge(&page.body, content_type, &page.url, selectors.as_ref())
        });
        judging.await.map_err(|broken| broken.to_string())
    }
}

fn failed(claimed: &ClaimedTrial, detail: String) -> Trial {
    Trial {
        url: claimed.url.as_str().to_owned(),
        problem: Some(detail),
        ..Trial::default()
    }
}
