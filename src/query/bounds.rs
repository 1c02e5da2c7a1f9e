//! How far an article is read: what an absurd one costs is bounded, and where reading stopped is told.
//!
//! An article is judged as if it ended where it becomes too much. What stands before that is judged exactly.

use super::{
    evaluate::Found,
    pattern::{Article, Stretch},
};
use crate::domain::Field;

/// Mentions that are kept of one article, all leaves together: some 250 MB at most.
pub(super) const MAX_MENTIONS: usize = 6_000_000;
/// Words that patterns are compared with in one article: seconds.
pub(super) const MAX_EFFORT: u64 = 300_000_000;
/// Mentions that are compared with each other in one article: seconds.
pub(super) const MAX_COMPARED: u64 = 60_000_000;
/// Articles with fewer mentions than this are never cut for what their mentions cost.
pub(super) const FEW_MENTIONS: usize = 10_000;
/// The most hits that a match tells.
pub(super) const MAX_HITS: usize = 100_000;

/// What was left out of an article that is too much to be judged whole. No article of a usual length comes near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Where reading stopped: the field, and the first byte of its plain text that was not read.
    pub unread_from: Option<(Field, u32)>,
    /// Whether a match has more hits than are told: those told are the first.
    pub has_more_hits: bool,
}

/// Takes out the last mentions, so that at most `most` are left. Returns the position before which all are kept.
pub(super) fn shorten(sightings: &mut Vec<(u32, Stretch)>, most: usize) -> u32 {
    if sightings.len() <= most {
        return u32::MAX;
    }
    let (_, (_, first_out), _) = sightings.select_nth_unstable_by_key(most, |(_, it)| it.last);
    let end = first_out.last - 1;
    sightings.retain(|(_, stretch)| stretch.last <= end);
    end
}

/// Halves what is read until judging it by `cost` is within bounds. Returns the position where that ends; none if all of
/// it can be read.
pub(super) fn keep_in_bounds(
    found: &mut Found,
    end: u32,
    cost: impl Fn(&Found) -> u64,
) -> Option<u32> {
    let mut unread = end;
    while found.len() > FEW_MENTIONS && cost(found) > MAX_COMPARED {
        unread /= 2;
        found.shorten(unread);
    }
    (unread < end).then_some(unread)
}

/// The field and the byte of a position.
pub(super) fn place_of(article: &Article<'_>, at: u32) -> Option<(Field, u32)> {
    let word = article.word(at)?;
    Some((article.field(at), word.start))
}
