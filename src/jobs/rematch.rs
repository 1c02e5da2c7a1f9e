//! Matching the past anew: after a keyword was saved, over all articles and the backlog, newest first, in one process at
//! a time, behind the river.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use super::{lease, task::off_thread};
use crate::{
    domain::{ArticleMatch, Clock, Identity, SourceId, Timestamp},
    query::{Engine, Lexicon, Scratch},
    store::{
        self, PgPool, StoreError,
        backlog::{self, BacklogKey},
        board::{FAR_FUTURE_MICROS, FAR_PAST_MICROS},
        rematches::{self, Judged, Next, Rematch},
        search::{SearchedSource, Text},
        workers::Worker,
    },
};

/// Texts judged and written in one transaction.
const BATCH: i64 = 500;

/// Looks for saved keywords this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long another process waits before it takes over from a dead one.
const LEASE: Duration = Duration::from_mins(1);

/// A poll that began with the engine of before is over by then: what it stored is read in the second round.
const STRAGGLERS: Duration = Duration::from_mins(5);

/// Matches the past anew.
pub struct Rematcher {
    db: PgPool,
    clock: Arc<dyn Clock>,
    holder: Arc<Worker>,
    batch: i64,
}

/// What judges the texts of one keyword.
struct Judge {
    version: i32,
    engine: Engine,
    sources: HashMap<SourceId, SearchedSource>,
}

impl Rematcher {
    /// A rematcher that holds its lease as `holder`.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, holder: Arc<Worker>) -> Self {
        Self {
            db,
            clock,
            holder,
            batch: BATCH,
        }
    }

    /// The same with other batches than usual.
    #[must_use]
    pub fn with_batches_of(self, batch: i64) -> Self {
        Self { batch, ..self }
    }

    /// Works until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.step(&stop).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the past was not matched anew; trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
        lease::give_back(&self.db, "rematch", &self.holder).await;
    }

    /// Does everything that there is to do, if no other process does. Returns the number of batches written.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn step(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        let mut written = 0;
        let mut judges: HashMap<i64, Arc<Judge>> = HashMap::new();
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let Some(rematch) = rematches::unfinished(&self.db, now.minus(STRAGGLERS)).await?
            else {
                break;
            };
            if !store::leases::hold(&self.db, "rematch", self.holder.number(), now, LEASE).await? {
                break;
            }
            let judge = match judges.get(&rematch.keyword_id.get()) {
                Some(judge) if judge.version == rematch.version => Arc::clone(judge),
                _ => {
                    let judge = Arc::new(self.judge(&rematch).await?);
                    judges.insert(rematch.keyword_id.get(), Arc::clone(&judge));
                    judge
                }
            };
            if judge.engine.is_empty() {
                // The concepts that it named are gone: it finds nothing now, and keeps what it found.
                let nothing = Judged::Articles(Vec::new());
                rematches::advance(&self.db, &rematch, &nothing, Next::Finished, now).await?;
            } else if judge.version == rematch.version {
                written += usize::from(self.batch(&rematch, judge, now).await?);
            } else {
                // It was saved while it was compiled; the next step knows of that.
                break;
            }
        }
        Ok(written)
    }

    /// Compiles the keyword as it is saved now.
    async fn judge(&self, rematch: &Rematch) -> Result<Judge, StoreError> {
        let source = store::beat::engine_source(&self.db).await?;
        let sources = store::search::sources(&self.db).await?;
        let id = rematch.keyword_id;
        let compiling = off_thread(move || {
            let (lexicon, _) = Lexicon::new(&source.concepts, &source.outlets, &source.keywords);
            let own: Vec<_> = source
                .keywords
                .into_iter()
                .filter(|keyword| keyword.id == id)
                .collect();
            let (engine, _) = Engine::compile(&own, &lexicon);
            Judge {
                version: own.first().map_or(0, |keyword| keyword.version),
                engine,
                sources: sources.into_iter().map(|it| (it.id, it)).collect(),
            }
        });
        Ok(compiling.await)
    }

    /// One batch. False if it has to be read anew.
    async fn batch(
        &self,
        rematch: &Rematch,
        judge: Arc<Judge>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (judged, next) = match rematch.next_article {
            Some(before) => self.articles(rematch, before, judge).await?,
            None => self.backlog(rematch, judge).await?,
        };
        rematches::advance(&self.db, rematch, &judged, next, now).await
    }

    async fn articles(
        &self,
        rematch: &Rematch,
        before: i64,
        judge: Arc<Judge>,
    ) -> Result<(Judged, Next), StoreError> {
        let after = if rematch.is_late {
            rematches::late_from(&self.db, rematch, rematch.saved_at.minus(STRAGGLERS)).await?
        } else {
            i64::MIN
        };
        let batch = rematches::articles(&self.db, after, before, self.batch).await?;
        let articles = batch.texts;
        let is_full = i64::try_from(articles.len()).unwrap_or(i64::MAX) >= self.batch;
        let is_last = !is_full && !batch.is_cut;
        let next = match articles.last() {
            Some(last) if !is_last => Next::Article(last.id.get()),
            _ => Next::Backlog(None),
        };
        let judged = judge.all(articles, |article| &article.text).await;
        Ok((Judged::Articles(judged), next))
    }

    async fn backlog(
        &self,
        rematch: &Rematch,
        judge: Arc<Judge>,
    ) -> Result<(Judged, Next), StoreError> {
        let before = rematch.backlog.unwrap_or(BacklogKey {
            first_seen_at: Timestamp::from_micros(FAR_FUTURE_MICROS),
            identity: Identity([0; 16]),
        });
        let from = if rematch.is_late {
            rematch.saved_at.minus(STRAGGLERS)
        } else {
            Timestamp::from_micros(FAR_PAST_MICROS)
        };
        let batch = backlog::newest(&self.db, before, from, self.batch).await?;
        let entries = batch.texts;
        let is_full = i64::try_from(entries.len()).unwrap_or(i64::MAX) >= self.batch;
        let is_last = !is_full && !batch.is_cut;
        let next = match entries.last() {
            Some(last) if !is_last => Next::Backlog(Some(last.key)),
            _ if rematch.is_late => Next::Finished,
            _ => Next::Late,
        };
        let judged = judge.all(entries, |entry| &entry.text).await;
        Ok((Judged::Backlog(judged), next))
    }
}

impl Judge {
    /// Each text with its match. Scanning is no work for the threads that wait.
    async fn all<T: Send + 'static>(
        self: Arc<Self>,
        texts: Vec<T>,
        text: fn(&T) -> &Text,
    ) -> Vec<(T, Option<ArticleMatch>)> {
        off_thread(move || {
            let mut scratch = Scratch::default();
            texts
                .into_iter()
                .map(|one| {
                    let subject = text(&one).subject(&self.sources);
                    let found = self.engine.matches(&subject, &mut scratch).pop();
                    (one, found)
                })
                .collect()
        })
        .await
    }
}
