//! What an attempt teaches about a feed's rhythm.

use crate::domain::{Attempt, ClaimedFeed, FoundEntry, Novelty, Reading, Rhythm, Timestamp};

/// The rhythm of `feed` after `attempt`, which ended at `now`. A failure teaches nothing: what appeared meanwhile is
/// seen by the next success.
#[must_use]
pub fn after(feed: &ClaimedFeed, attempt: &Attempt, now: Timestamp) -> Option<Rhythm> {
    match (attempt, &feed.rhythm) {
        (Attempt::Failed(_), known) => known.clone(),
        (Attempt::Unchanged { .. }, known) => {
            let mut rhythm = known.clone().unwrap_or_else(|| Rhythm::new(now));
            rhythm.observe(now, &[]);
            Some(rhythm)
        }
        (Attempt::Read(reading), None) => Some(first(reading, now)),
        (Attempt::Read(reading), Some(known)) => {
            let mut rhythm = known.clone();
            rhythm.observe(now, &appeared(reading, now));
            Some(rhythm)
        }
    }
}

/// A first document is the past of its feed, as far as its entries are dated.
fn first(reading: &Reading, now: Timestamp) -> Rhythm {
    let dates: Vec<Timestamp> = reading.found.iter().filter_map(published).collect();
    Rhythm::from_history(now, &dates)
}

/// When the entries that are news appeared, those included that came and went unseen. An entry that is new to us and old to its publisher (an archive, a feed that
/// changed all its guids) says nothing about the rhythm.
fn appeared(reading: &Reading, now: Timestamp) -> Vec<Timestamp> {
    let outside = now.plus(std::time::Duration::from_secs(1));
    let missed = reading.observed.missed.unwrap_or(0) as usize;
    reading
        .found
        .iter()
        .filter(|found| found.identified.novelty == Novelty::New && !found.is_backfill)
        // A missing date is outside the time observed, and so is spread over it.
        .map(|found| published(found).unwrap_or(outside))
        .chain(std::iter::repeat_n(outside, missed))
        .collect()
}

fn published(found: &FoundEntry) -> Option<Timestamp> {
    found.entry.published.or(found.entry.updated)
}
