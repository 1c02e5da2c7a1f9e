//! Lists of feeds that somebody pasted: read, and their feeds added.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use super::lease;
use crate::{
    domain::{Clock, Timestamp},
    pipeline::opml,
    store::{
        self, PgPool, StoreError,
        beat::Merge,
        opml_imports::{self, WaitingList},
        workers::Worker,
    },
};

/// Looks for lists this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long another process waits before it takes over from a dead one.
const LEASE: Duration = Duration::from_mins(1);

/// Problems of a list that are told one by one.
const MOST_TOLD: usize = 5;

/// Adds the feeds of pasted lists, in one process at a time.
pub struct ListImporter {
    db: PgPool,
    clock: Arc<dyn Clock>,
    holder: Arc<Worker>,
}

impl ListImporter {
    /// An importer that holds its lease as `holder`.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, holder: Arc<Worker>) -> Self {
        Self { db, clock, holder }
    }

    /// Works until stopped; then another process may go on at once.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.step().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a list of feeds was not added; trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
        lease::give_back(&self.db, "opml", &self.holder).await;
    }

    /// Adds the feeds of every list that waits. Returns how many lists.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let mut done = 0;
        while let Some(list) = opml_imports::next(&self.db).await? {
            let now = self.clock.now();
            if !store::leases::hold(&self.db, "opml", self.holder.number(), now, LEASE).await? {
                break;
            }
            let outcome = match self.add(&list, now).await {
                Err(error) if error.is_unavailable() || error.is_conflict() => return Err(error),
                Ok(outcome) => outcome,
                Err(error) => {
                    // Its own fault: the lists behind it would wait for ever.
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "a list of feeds cannot be added");
                    "nothing was added: the database does not take this list".to_owned()
                }
            };
            opml_imports::finish(&self.db, list.id, &outcome, now).await?;
            done += 1;
        }
        Ok(done)
    }

    async fn add(&self, list: &WaitingList, now: Timestamp) -> Result<String, StoreError> {
        let text = list.text.clone().into_bytes();
        let reading = tokio::task::spawn_blocking(move || opml::read(&text));
        let outlines = match reading.await {
            Ok(Ok(outlines)) => outlines,
            Ok(Err(error)) => return Ok(format!("nothing was added: {error}")),
            Err(_) => return Ok("nothing was added: the list broke the reader".to_owned()),
        };
        let problems: Vec<String> = outlines
            .problems
            .iter()
            .take(MOST_TOLD)
            .map(|problem| format!("line {}: {}: {}", problem.line, problem.what, problem.why))
            .collect();
        let more = outlines.problems.len().saturating_sub(MOST_TOLD);
        let beat = opml::as_beat(outlines);
        // Added again after a crash, feeds that are there stay as they are.
        let imported =
            store::beat::import(&self.db, &beat, Merge::Add, &list.actor, now, &|_| {}).await?;
        let added = imported.added.get("feed").copied().unwrap_or(0);
        let kept = imported.kept.get("feed").copied().unwrap_or(0);
        let mut told = vec![format!("{added} feeds added, {kept} were there")];
        told.extend(problems);
        if more > 0 {
            told.push(format!("{more} more lines cannot be used"));
        }
        Ok(told.join("; "))
    }
}
