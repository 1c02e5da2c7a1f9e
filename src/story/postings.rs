//! An index from keys to the newest documents that have them, in memory that shrinks as the window moves on.

use std::collections::VecDeque;

use super::fnv::FnvMap;

/// No entry before this one.
const NONE: u64 = u64::MAX;

/// Chains of entries, newest first, in one ring in order of documents.
#[derive(Debug, Default)]
pub(super) struct Postings {
    heads: FnvMap<u32, u64>,
    ring: VecDeque<Entry>,
    /// Number of the ring's first entry.
    base: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: u32,
    document: u32,
    previous: u64,
}

impl Postings {
    /// Adds a document, whose number is above all before.
    pub(super) fn add(&mut self, document: u32, keys: impl Iterator<Item = u32>) {
        for key in keys {
            let number = self.base + self.ring.len() as u64;
            let previous = self.heads.insert(key, number).unwrap_or(NONE);
            self.ring.push_back(Entry {
                key,
                document,
                previous,
            });
        }
    }

    /// The newest documents that have `key`, newest first.
    pub(super) fn newest(&self, key: u32) -> impl Iterator<Item = u32> + '_ {
        let mut at = self.heads.get(&key).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let index = at.checked_sub(self.base).filter(|_| at != NONE)?;
            let entry = self.ring.get(usize::try_from(index).ok()?)?;
            at = entry.previous;
            Some(entry.document)
        })
    }

    /// Forgets the documents before `oldest`.
    pub(super) fn forget_before(&mut self, oldest: u32) {
        while let Some(entry) = self.ring.front().copied()
            && entry.document < oldest
        {
            if self.heads.get(&entry.key) == Some(&self.base) {
                self.heads.remove(&entry.key);
            }
            self.ring.pop_front();
            self.base += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut postings = Postings::default();
        for document in 0..5 {
            postings.add(document, [7, document].into_iter());
        }
        assert_eq!(postings.newest(7).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
        postings.forget_before(3);
        assert_eq!(postings.newest(7).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(postings.newest(1).count(), 0);
        postings.forget_before(9);
        assert!(postings.heads.is_empty() && postings.ring.is_empty());
        postings.add(9, [7].into_iter());
        assert_eq!(postings.newest(7).collect::<Vec<_>>(), [9]);
    }
}
