//! Hits: the mentions that are told of a match, in order, without overlaps, and not without end.

use std::cmp::Reverse;

use super::{
    ast::TextField,
    bounds::MAX_HITS,
    compile::Signal,
    pattern::{Article, Stretch},
    scanner::Mention,
};

/// Mentions that are kept of a match: more than are told, for some overlap.
const MAX_KEPT: usize = 2 * MAX_HITS;

/// A mention that made a query true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sighting {
    stretch: Stretch,
    signal: Signal,
}

impl Sighting {
    /// In order of place; the longest first of those that begin together, and concepts before leaves.
    const fn order(&self) -> (u32, Reverse<u32>, Reverse<Signal>) {
        let Stretch { first, last, .. } = self.stretch;
        (first, Reverse(last), Reverse(self.signal))
    }
}

/// The first mentions that made a query true.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    list: Vec<Sighting>,
    /// Signals of which all mentions in a part of the text were added.
    whole: Vec<(Signal, TextField)>,
    /// The first position from which on mentions are left out.
    left_out: Option<u32>,
}

impl Sightings {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.whole.clear();
        self.left_out = None;
    }

    /// Whether all mentions of a signal in a part of the text were added before; they are from now on.
    pub(super) fn has_all(&mut self, signal: Signal, field: TextField) -> bool {
        let has = self.whole.contains(&(signal, field));
        if !has {
            self.whole.push((signal, field));
        }
        has
    }

    /// Adds mentions, which are sorted by position.
    pub(super) fn add(&mut self, signal: Signal, stretches: impl Iterator<Item = Stretch>) {
        for (count, stretch) in stretches.enumerate() {
            if self.left_out.is_some_and(|from| stretch.first >= from) {
                return;
            }
            if count == MAX_KEPT {
                self.left_out = Some(stretch.first);
                break;
            }
            self.list.push(Sighting { stretch, signal });
        }
        if self.list.len() > 2 * MAX_KEPT {
            self.sort();
        }
    }

    /// Sorts, and takes out what comes last and is too much.
    fn sort(&mut self) {
        self.list.sort_unstable_by_key(Sighting::order);
        self.list.dedup_by_key(|sighting| sighting.stretch);
        if let Some(out) = self.list.get(MAX_KEPT) {
            let from = out.stretch.first.min(self.left_out.unwrap_or(u32::MAX));
            self.left_out = Some(from);
        }
        if let Some(from) = self.left_out {
            let kept = self.list.partition_point(|it| it.stretch.first < from);
            self.list.truncate(kept);
        }
    }

    /// Adds the letters to show: in order, where they overlap the first and longest. Returns whether there are more.
    pub(super) fn tell(&mut self, article: &Article<'_>, mentions: &mut Vec<Mention>) -> bool {
        self.sort();
        let from = mentions.len();
        for Sighting { stretch, signal } in &self.list {
            let field = article.field(stretch.first);
            let is_overlapping = mentions
                .get(from..)
                .and_then(<[Mention]>::last)
                .is_some_and(|last| last.field == field && stretch.start < last.end);
            if is_overlapping {
                continue;
            }
            if mentions.len() - from == MAX_HITS {
                return true;
            }
            mentions.push(Mention {
                field,
                start: stretch.start,
                end: stretch.end,
                concept: match signal {
                    Signal::Concept(number) => Some(*number),
                    Signal::Leaf(_) => None,
                },
            });
        }
        self.left_out.is_some()
    }
}
