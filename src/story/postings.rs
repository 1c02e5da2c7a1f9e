//! An index from keys to the newest documents that have them, in memory that shrinks as the window moves on.

use std::collections::{VecDeque, hash_map::Entry};

use super::fnv::FnvMap;

/// The newest documents of each key, close together: a list that is walked costs one miss of the cache, not one a
/// document.
#[derive(Debug)]
pub(super) struct Postings {
    lists: FnvMap<u32, List>,
    /// Keys of the documents in order, and how many keys each document has, so that both can be forgotten.
    keys: VecDeque<u32>,
    counts: VecDeque<u32>,
    /// Number of the first document that is remembered.
    oldest: u32,
    /// Documents that are kept of a key.
    keep: usize,
}

/// Documents with a key, oldest first. Most keys have one.
#[derive(Debug)]
enum List {
    One(u32),
    Many(Vec<u32>),
}

impl List {
    fn documents(&self) -> &[u32] {
        match self {
            Self::One(document) => std::slice::from_ref(document),
            Self::Many(documents) => documents,
        }
    }

    /// Adds the newest document; of more than twice `keep` the older half goes.
    fn push(&mut self, document: u32, keep: usize) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, document]),
            Self::Many(documents) => {
                if documents.len() >= keep * 2 {
                    documents.drain(..keep);
                }
                documents.push(document);
            }
        }
    }
}

impl Postings {
    /// An index that keeps at least the `keep` newest documents of each key.
    pub(super) fn keeping(keep: usize) -> Self {
        Self {
            lists: FnvMap::default(),
            keys: VecDeque::new(),
            counts: VecDeque::new(),
            oldest: 0,
            keep,
        }
    }

    /// Adds a document, whose number follows that of the one before.
    pub(super) fn add(&mut self, document: u32, keys: impl Iterator<Item = u32>) {
        let before = self.keys.len();
        for key in keys {
            match self.lists.entry(key) {
                Entry::Occupied(mut list) => list.get_mut().push(document, self.keep),
                Entry::Vacant(place) => {
                    place.insert(List::One(document));
                }
            }
            self.keys.push_back(key);
        }
        let count = self.keys.len() - before;
        self.counts
            .push_back(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// The newest documents that have `key`, newest first.
    pub(super) fn newest(&self, key: u32) -> impl Iterator<Item = u32> + '_ {
        let documents = self.lists.get(&key).map_or(&[][..], List::documents);
        documents
            .iter()
            .rev()
            .copied()
            .take(self.keep)
            .take_while(|document| *document >= self.oldest)
    }

    /// Forgets the documents before `oldest`.
    pub(super) fn forget_before(&mut self, oldest: u32) {
        while self.oldest < oldest {
            let Some(count) = self.counts.pop_front() else {
                self.oldest = oldest;
                return;
            };
            for _ in 0..count {
                if let Some(key) = self.keys.pop_front()
                    && let Entry::Occupied(list) = self.lists.entry(key)
                    && list.get().documents().last() == Some(&self.oldest)
                {
                    list.remove();
                }
            }
            self.oldest += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut postings = Postings::keeping(3);
        for document in 0..20 {
            postings.add(document, [7, 100 + document].into_iter());
        }
        assert_eq!(postings.newest(7).collect::<Vec<_>>(), [19, 18, 17]);
        assert_eq!(postings.newest(101).collect::<Vec<_>>(), [1]);
        postings.forget_before(18);
        assert_eq!(postings.newest(7).collect::<Vec<_>>(), [19, 18]);
        assert_eq!(postings.newest(101).count(), 0);
        postings.forget_before(20);
        assert!(postings.lists.is_empty() && postings.keys.is_empty());
        postings.add(20, [7].into_iter());
        assert_eq!(postings.newest(7).collect::<Vec<_>>(), [20]);
    }
}
