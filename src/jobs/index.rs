//! Listing: placed articles come into the search index, behind the river, in one process at a time.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use super::{lease, task::off_thread};
use crate::{
    domain::{Clock, Facts, Subject},
    query::{TOKENS_VERSION, article_tokens},
    store::{
        self, PgPool, StoreError,
        article_tokens::{Listing, Unlisted},
        workers::Worker,
    },
};

/// Articles listed in one transaction.
const BATCH: i64 = 200;

/// Looks for articles this often: what is not listed yet is found all the same, only slower.
const INTERVAL: Duration = Duration::from_secs(2);

/// How long another process waits before it takes over from a dead one.
const LEASE: Duration = Duration::from_mins(1);

/// Lists articles.
pub struct Lister {
    db: PgPool,
    clock: Arc<dyn Clock>,
    holder: Arc<Worker>,
}

impl Lister {
    /// A lister that holds its lease as `holder`.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, holder: Arc<Worker>) -> Self {
        Self { db, clock, holder }
    }

    /// Lists until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.step(&stop).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the search index was not brought up to date; trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
        lease::give_back(&self.db, "index", &self.holder).await;
    }

    /// Lists everything that waits, if no other process does. Returns the number of articles listed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn step(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        let mut total = 0;
        while !stop.is_cancelled() {
            let now = self.clock.now();
            if !store::leases::hold(&self.db, "index", self.holder.number(), now, LEASE).await? {
                break;
            }
            let listed = self.batch().await?;
            total += listed;
            if listed == 0 {
                break;
            }
        }
        Ok(total)
    }

    async fn batch(&self) -> Result<usize, StoreError> {
        let mut progress = store::article_tokens::progress(&self.db).await?;
        if progress.version > TOKENS_VERSION {
            // A newer release has begun it: this one's tokens mean nothing there.
            return Ok(0);
        }
        if progress.version < TOKENS_VERSION {
            tracing::info!(articles = progress.last, "building the search index anew");
            store::article_tokens::begin(&self.db, TOKENS_VERSION).await?;
            progress.indexed_to = 0;
        }
        let mut articles = store::article_tokens::stale(&self.db, BATCH).await?;
        let stale = articles.len();
        articles.extend(store::article_tokens::next(&self.db, progress.indexed_to, BATCH).await?);
        if articles.is_empty() {
            return Ok(0);
        }
        let indexed_to = articles
            .get(stale..)
            .and_then(|next| next.last())
            .map_or(progress.indexed_to, |last| last.arrival);
        let count = articles.len();
        let listings = off_thread(move || listings(&articles)).await;
        let is_listed =
            store::article_tokens::list(&self.db, TOKENS_VERSION, &listings, indexed_to).await?;
        Ok(if is_listed { count } else { 0 })
    }
}

/// Each article once, with its tokens.
fn listings(articles: &[Unlisted]) -> Vec<Listing> {
    let mut listed = std::collections::HashSet::new();
    articles
        .iter()
        .filter(|article| listed.insert(article.id))
        .map(|article| Listing {
            id: article.id,
            revision: article.revision,
            tokens: article_tokens(&subject(article), article.source_id, article.sort_at),
        })
        .collect()
}

fn subject(article: &Unlisted) -> Subject<'_> {
    Subject {
        title: &article.title,
        summary: &article.summary,
        content: &article.content,
        facts: Facts {
            url: article.url.as_deref().unwrap_or_default(),
            language: article.language.as_deref().unwrap_or_default(),
            ..Facts::default()
        },
    }
}
