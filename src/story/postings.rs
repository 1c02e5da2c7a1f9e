//! An index from keys to the newest documents that have them, in memory that shrinks as the window moves on.

use std::collections::{VecDeque, hash_map::Entry};

use super::fnv::FnvMap;

/// The newest documents of each key, close together: a list that is walked costs one miss of the cache, not one a
/// document.
#[derive(Debug)]
pub(super) struct Postings {
    places: FnvMap<u32, Place>,
    /// Lists of the keys that more than one document has, oldest document first.
    lists: Vec<Vec<u32>>,
    /// Lists that no key uses.
    free: Vec<u32>,
    /// Keys of the documents in order, and how many keys each document has, so that both can be forgotten.
    keys: VecDeque<u32>,
    counts: VecDeque<u32>,
    /// Number of the first document that is remembered.
    oldest: u32,
    /// Documents that are kept of a key.
    keep: usize,
}

/// Where the documents of a key are. Most keys have one document, so this decides what a window weighs: four bytes, the
/// highest bit set for the number of a list, clear for the number of the only document.
#[derive(Debug, Clone, Copy)]
struct Place(u32);

const IS_LIST: u32 = 1 << 31;

impl Place {
    const fn list(self) -> Option<usize> {
        if self.0 & IS_LIST == 0 {
            None
        } else {
            Some((self.0 & !IS_LIST) as usize)
        }
    }
}

impl Postings {
    /// An index that keeps at least the `keep` newest documents of each key.
    pub(super) fn keeping(keep: usize) -> Self {
        Self {
            places: FnvMap::default(),
            lists: Vec::new(),
            free: Vec::new(),
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
            self.note(key, document);
            self.keys.push_back(key);
        }
        let count = self.keys.len() - before;
        self.counts
            .push_back(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Adds the newest document of a key; of more than twice `keep` the older half goes.
    fn note(&mut self, key: u32, document: u32) {
        match self.places.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Place(document & !IS_LIST));
            }
            Entry::Occupied(mut place) => match place.get().list() {
                None => {
                    let documents = vec![place.get().0, document];
                    let number = self.free.pop().unwrap_or_else(|| {
                        self.lists.push(Vec::new());
                        u32::try_from(self.lists.len() - 1).unwrap_or(u32::MAX)
                    });
                    if let Some(list) = self.lists.get_mut(number as usize) {
                        *list = documents;
                    }
                    place.insert(Place(number | IS_LIST));
                }
                Some(number) => {
                    if let Some(documents) = self.lists.get_mut(number) {
                        if documents.len() >= self.keep * 2 {
                            documents.drain(..self.keep);
                        }
                        documents.push(document);
                    }
                }
            },
        }
    }

    /// The newest documents that have `key`, newest first.
    pub(super) fn newest(&self, key: u32) -> impl Iterator<Item = u32> + '_ {
        let documents = match self.places.get(&key) {
            None => &[],
            Some(place) => match place.list() {
                None => std::slice::from_ref(&place.0),
                Some(number) => self.lists.get(number).map_or(&[][..], Vec::as_slice),
            },
        };
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
                if let Some(key) = self.keys.pop_front() {
                    self.forget_if_last(key);
                }
            }
            self.oldest += 1;
        }
    }

    /// Forgets a key that no younger document has than the oldest.
    fn forget_if_last(&mut self, key: u32) {
        let Entry::Occupied(place) = self.places.entry(key) else {
            return;
        };
        match place.get().list() {
            None => {
                if place.get().0 == self.oldest {
                    place.remove();
                }
            }
            Some(number) => {
                if let Some(list) = self.lists.get_mut(number)
                    && list.last() == Some(&self.oldest)
                {
                    *list = Vec::new();
                    self.free.push(place.remove().0 & !IS_LIST);
                }
            }
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
        assert!(postings.places.is_empty() && postings.keys.is_empty());
        assert_eq!(postings.free.len(), postings.lists.len());
        postings.add(20, [7].into_iter());
        assert_eq!(postings.newest(7).collect::<Vec<_>>(), [20]);
    }
}
