//! The pure stages of a poll in their order: decode, parse, normalise, match; then identify.
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

use tokio::time;

use super::{engine::Compiled, places::Standing, poll::Poller};
use crate::{
    domain::{
        ArticleMatch, Attempt, ClaimedFeed, Entry, ErrorCode, Facts, Failure, FoundEntry, Identity,
        Ledger, Lookup, Novelty, Reading, Subject, Timestamp, Validators,
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

/// What the pure stages made of a page.
pub(super) enum Scan {
    /// Nothing more to do.
    Ended(Attempt),
    /// Entries, to be identified.
    Entries(Scanned),
}

/// A document read and matched; whether its entries are new is for the ledger to say.
pub(super) struct Scanned {
    pub(super) lookup: Lookup,
    entries: Vec<Entry>,
    prints: Vec<Fingerprint>,
    matches: Vec<Vec<ArticleMatch>>,
    /// Everything but `found`.
    reading: Reading,
}

impl Poller {
    /// The stages from decoding to matching, away from the threads that wait for the network. The poll keeps its place
    /// from here on: documents that wait to be read take memory, and must not become more than there are places.
    pub(super) async fn scan(
        &self,
        feed: &Arc<ClaimedFeed>,
        page: Page,
        standing: &Standing,
    ) -> Result<Scan, StoreError> {
        let engine = self.engine.current().await?;
        let memory = self.room.memory(page.body.len()).await;
        standing.stay();
        let seat = self.room.enter(memory).await;
        let (status, feed) = (page.status, Arc::clone(feed));
        let is_over = Arc::new(AtomicBool::new(false));
        let scanning = self.room.read(seat, {
            let is_over = Arc::clone(&is_over);
            move |scratch| scan(&feed, page, &engine, scratch, &is_over)
        });
        let limit = self.options.read_limit;
        Ok(match time::timeout(limit, scanning).await {
            Ok(Ok(scanned)) => scanned,
            Ok(Err(broken)) => failed(ErrorCode::Parse, status, &broken.to_string()),
            Err(_) => {
                is_over.store(true, Ordering::Relaxed);
                let detail = format!("reading the document took longer than {limit:?}");
                failed(ErrorCode::CpuLimit, status, &detail)
            }
        })
    }
}

fn failed(code: ErrorCode, status: u16, detail: &str) -> Scan {
    Scan::Ended(Attempt::Failed(Failure {
        code,
        status: Some(status),
        detail: detail.to_owned(),
        retry_after: None,
    }))
}

/// All stages; or, once `is_over`, whatever ends them.
fn scan(
    feed: &ClaimedFeed,
    page: Page,
    compiled: &Compiled,
    scratch: &mut Scratch,
    is_over: &AtomicBool,
) -> Scan {
    let body_hash = identify::body_hash(&page.body);
    if feed.body_hash.as_deref() == Some(body_hash.as_slice()) {
        return Scan::Ended(Attempt::Unchanged {
            status: page.status,
            validators: page.validators,
            hints: page.hints,
        });
    }
    let content_type = page.content_type.as_deref();
    let read = match &feed.list {
        Some(selectors) => page::read(&page.body, content_type, &page.url, selectors),
        None => parse::parse(&page.body, content_type, &page.url),
    };
    let document = match read {
        Ok(document) => document,
        Err(error) => return failed(error.code, page.status, &error.detail),
    };
    let goes_on = || !is_over.load(Ordering::Relaxed);
    let mut entries: Vec<Entry> = normalise::each(&document, feed.language.as_deref())
        .take_while(|_| goes_on())
        .collect();
    normalise::tell_once(&mut entries);
    let matches = entries
        .iter()
        .take_while(|_| goes_on())
        .map(|entry| {
            let matches = compiled.engine.matches(&subject(feed, entry), scratch);
            let limits = scratch.limits();
            if limits != Limits::default() {
                let (url, feed) = (entry.url.as_deref(), &feed.url);
                tracing::warn!(%feed, url, ?limits, "an entry is too much for the keywords");
            }
            matches
        })
        .collect();
    if !goes_on() {
        // Nobody waits for it any more.
        return failed(ErrorCode::CpuLimit, page.status, "given up");
    }
    let is_whole = !document.is_partial;
    let loss = parse::loss(&document);
    let mut hints = page.hints;
    hints.ttl = document.hints.ttl;
    (hints.skip_hours, hints.skip_days) = course::skips(&page.body);
    let prints = identify::fingerprints(&entries);
    Scan::Entries(Scanned {
        lookup: identify::lookup(feed.id, &entries, &prints),
        prints,
        matches,
        reading: Reading {
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

impl Scanned {
    pub(super) fn into_reading(
        self,
        feed: &ClaimedFeed,
        ledger: &Ledger,
        now: Timestamp,
    ) -> Reading {
        let known = ledger.known.as_slice();
        let identified = identify::identify(feed.id, &self.entries, &self.prints, known);
        let observed = condition::observe(feed, &self.entries, &identified, known, now);
        // A document may tell an entry several times: the telling that is news counts, wherever it stands.
        let told: HashSet<Identity> = identified
            .iter()
            .filter(|identified| identified.novelty != Novelty::Unchanged)
            .map(|identified| identified.known.identity)
            .collect();
        let mut taken = HashSet::new();
        let found = self
            .entries
            .into_iter()
            .zip(self.matches)
            .zip(identified)
            .filter(|(_, identified)| {
                let identity = &identified.known.identity;
                let is_moved = !told.contains(identity) && !known.contains(&identified.known);
                identified.novelty != Novelty::Unchanged
                    || is_moved
                    || ledger.fading.contains(identity)
            })
            .filter(|(_, identified)| taken.insert(identified.known.identity))
            .map(|((entry, matches), identified)| {
                let sort_at = normalise::sort_at(&entry, now);
                FoundEntry {
                    is_backfill: normalise::is_backfill(feed.is_first_read, sort_at, now),
                    sort_at,
                    entry,
                    identified,
                    matches,
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
