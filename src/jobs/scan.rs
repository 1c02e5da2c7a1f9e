//! The pure stages of a poll in their order: decode, parse, normalise; then, with what the ledger knows, identify and match.
//!
//! They run on a thread for reading within a limit of time. A thread cannot be broken off: what takes longer is recorded
//! as a failure at the limit, and the thread ends at the next entry. It keeps its core until then.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Duration;

use super::{
    engine::Compiled,
    places::Standing,
    poll::Poller,
    room::{Memory, Undone},
};
use crate::{
    domain::{
        Attempt, ClaimedFeed, Entry, ErrorCode, Facts, Failure, FoundEntry, Ledger, Lookup,
        Novelty, Reading, Subject, Timestamp, Validators,
    },
    fetch::Page,
    pipeline::{
        condition, course,
        identify::{self, Fingerprint},
        normalise, page, parse,
    },
    query::{Limits, Scratch},
    store::StoreError,
};

/// A document read, and what is left of the time for reading and matching; or the attempt, where nothing more is to do.
pub(super) type Scan = Result<(Scanned, Duration), Box<Attempt>>;

/// A document read; whether its entries are new is for the ledger to say.
pub(super) struct Scanned {
    /// What the ledger is to be asked for; none of a feed that has none, since it is written with the first success and
    /// never before.
    pub(super) lookup: Option<Lookup>,
    entries: Vec<Entry>,
    prints: Vec<Fingerprint>,
    /// Everything but `found`.
    reading: Reading,
}

impl Poller {
    /// The stages from decoding to fingerprints, away from the threads that wait for the network. The poll keeps its place
    /// from here on: documents that wait to be read take memory, and are no more than there are places and places aside.
    pub(super) async fn scan(
        &self,
        feed: &Arc<ClaimedFeed>,
        page: Page,
        standing: &Standing,
    ) -> Scan {
        let memory = self.room.memory(page.body.len()).await;
        standing.stay();
        let (status, feed) = (page.status, Arc::clone(feed));
        let limit = self.options.read_limit;
        let (scanned, left) = self
            .within(limit, memory, status, move |_, is_over| {
                scan(&feed, page, is_over)
            })
            .await
            .map_err(|failure| Box::new(Attempt::Failed(failure)))?;
        Ok((scanned?, left))
    }

    /// The stages after the ledger has told what it knows: what is new or changed is matched, and nothing else.
    pub(super) async fn judge(
        &self,
        feed: &Arc<ClaimedFeed>,
        (scanned, left): (Scanned, Duration),
        ledger: Ledger,
        now: Timestamp,
    ) -> Result<Attempt, StoreError> {
        let compiled = self.engine.current().await?;
        let bytes = usize::try_from(scanned.reading.bytes).unwrap_or(usize::MAX);
        let memory = self.room.memory(bytes).await;
        let (status, feed) = (scanned.reading.status, Arc::clone(feed));
        let judged = self
            .within(left, memory, status, move |scratch, is_over| {
                let mut reading = scanned.into_reading(&feed, &ledger, now);
                find_matches(&feed, &mut reading.found, &compiled, scratch, is_over);
                reading.beat_revision = compiled.revision;
                reading
            })
            .await;
        Ok(judged.map_or_else(Attempt::Failed, |(reading, _)| Attempt::Read(reading)))
    }

    /// Works in the room. Returns what is left of the limit, too.
    async fn within<T: Send + 'static>(
        &self,
        limit: Duration,
        memory: Memory,
        status: u16,
        work: impl FnOnce(&mut Scratch, &AtomicBool) -> T + Send + 'static,
    ) -> Result<(T, Duration), Failure> {
        let seat = self.room.enter(memory).await;
        let read = self.room.read_within(seat, limit, work).await;
        read.map_err(|undone| match undone {
            Undone::Broken => failure(ErrorCode::Parse, status, &undone.to_string()),
            Undone::TooLong => {
                let limit = self.options.read_limit;
                let detail = format!("reading the document took longer than {limit:?}");
                failure(ErrorCode::CpuLimit, status, &detail)
            }
        })
    }
}

fn failure(code: ErrorCode, status: u16, detail: &str) -> Failure {
    Failure {
        code,
        status: Some(status),
        detail: detail.to_owned(),
        retry_after: None,
    }
}

fn failed(code: ErrorCode, status: u16, detail: &str) -> Box<Attempt> {
    Box::new(Attempt::Failed(failure(code, status, detail)))
}

/// All stages up to the ledger; or, once `is_over`, whatever ends them.
fn scan(feed: &ClaimedFeed, page: Page, is_over: &AtomicBool) -> Result<Scanned, Box<Attempt>> {
    let body_hash = identify::body_hash(&page.body);
    if feed.body_hash.as_deref() == Some(body_hash.as_slice()) {
        return Err(Box::new(Attempt::Unchanged {
            status: page.status,
            validators: page.validators,
            hints: page.hints,
        }));
    }
    let content_type = page.content_type.as_deref();
    let read = match &feed.list {
        Some(selectors) => page::read(&page.body, content_type, &page.url, selectors),
        None => parse::parse(&page.body, content_type, &page.url),
    };
    let mut document = match read {
        Ok(document) => document,
        Err(error) => return Err(failed(error.code, page.status, &error.detail)),
    };
    let goes_on = || !is_over.load(Ordering::Relaxed);
    let loss = parse::loss(&document);
    let mut entries: Vec<Entry> = normalise::each(&mut document, feed.language.as_deref())
        .take_while(|_| goes_on())
        .collect();
    normalise::tell_once(&mut entries);
    if !goes_on() {
        // Nobody waits for it any more.
        return Err(failed(ErrorCode::CpuLimit, page.status, "given up"));
    }
    let is_whole = !document.is_partial;
    let mut hints = page.hints;
    hints.ttl = document.hints.ttl;
    (hints.skip_hours, hints.skip_days) = course::skips(&page.body);
    let prints = identify::fingerprints(&entries);
    Ok(Scanned {
        lookup: (!feed.is_first_read).then(|| identify::lookup(feed.id, &entries, &prints)),
        prints,
        reading: Reading {
            beat_revision: 0,
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
            encoding_fault: document.encoding_fault,
            observed: Box::default(),
        },
        entries,
    })
}

/// Matches what is new or changed; once `is_over`, no more of it.
fn find_matches(
    feed: &ClaimedFeed,
    found: &mut [FoundEntry],
    compiled: &Compiled,
    scratch: &mut Scratch,
    is_over: &AtomicBool,
) {
    let news = found
        .iter_mut()
        .filter(|found| found.identified.novelty != Novelty::Unchanged)
        .take_while(|_| !is_over.load(Ordering::Relaxed));
    for FoundEntry { entry, matches, .. } in news {
        *matches = compiled.engine.matches(&subject(feed, entry), scratch);
        let limits = scratch.limits();
        if limits != Limits::default() {
            let (url, feed) = (entry.url.as_deref(), &feed.url);
            tracing::warn!(%feed, url, ?limits, "an entry is too much for the keywords");
        }
    }
}

impl Scanned {
    /// What was found, not matched yet.
    fn into_reading(self, feed: &ClaimedFeed, ledger: &Ledger, now: Timestamp) -> Reading {
        let known = ledger.known.as_slice();
        let identified = identify::identify(feed.id, &self.entries, &self.prints, known);
        let observed = condition::observe(feed, &self.entries, &identified, known, now);
        // A document may tell an entry several times: the telling that is news counts, wherever it stands.
        let news = identified
            .iter()
            .filter(|identified| identified.novelty != Novelty::Unchanged)
            .map(|identified| identified.known.identity);
        let mut told = HashSet::with_capacity(identified.len());
        told.extend(news);
        let mut taken = HashSet::with_capacity(identified.len());
        let found = self
            .entries
            .into_iter()
            .zip(identified)
            .filter(|(_, identified)| {
                let identity = &identified.known.identity;
                let is_moved = !told.contains(identity) && !known.contains(&identified.known);
                identified.novelty != Novelty::Unchanged
                    || is_moved
                    || ledger.fading.contains(identity)
            })
            .filter(|(_, identified)| taken.insert(identified.known.identity))
            .map(|(entry, identified)| {
                let sort_at = normalise::sort_at(&entry, now);
                FoundEntry {
                    is_backfill: normalise::is_backfill(feed.is_first_read, sort_at, now),
                    sort_at,
                    entry,
                    identified,
                    matches: Vec::new(),
                }
            })
            .collect();
        Reading {
            found,
            observed: Box::new(observed),
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
