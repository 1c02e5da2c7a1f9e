//! Lists by number, laid out so that the most usual, of one item, costs one look into memory.

use std::hint::black_box;

/// A list for each number below a bound.
#[derive(Debug, Default)]
pub(super) struct Lists<T> {
    /// A bit for each list that is not empty: where few are, this is all that is looked at.
    in_use: Vec<u64>,
    heads: Vec<Head<T>>,
    /// The items of each list from its second on.
    others: Vec<T>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Head<T> {
    first: T,
    /// Where the others begin; they end where those of the next list do.
    others: u32,
}

impl<T: Ord + Copy + Default> Lists<T> {
    /// From pairs of (number, item); numbers are below `bound`.
    pub(super) fn new(bound: usize, mut pairs: Vec<(u32, T)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let mut lists = Self {
            in_use: vec![0; bound.div_ceil(64)],
            heads: Vec::with_capacity(bound + 1),
            others: Vec::new(),
        };
        for run in pairs.chunk_by(|one, other| one.0 == other.0) {
            if let [(number, first), others @ ..] = run {
                lists.fill_up(*number as usize);
                lists.add(*first, others);
                if let Some(word) = lists.in_use.get_mut(*number as usize / 64) {
                    *word |= 1 << (number % 64);
                }
            }
        }
        lists.fill_up(bound + 1);
        lists
    }

    /// Adds empty lists until there are so many.
    fn fill_up(&mut self, so_many: usize) {
        while self.heads.len() < so_many {
            self.add(T::default(), &[]);
        }
    }

    fn add(&mut self, first: T, others: &[(u32, T)]) {
        self.heads.push(Head {
            first,
            others: super::compile::count(self.others.len()),
        });
        self.others.extend(others.iter().map(|&(_, item)| item));
    }

    /// Asks for the memory of a list, without waiting for it.
    #[inline]
    pub(super) fn fetch(&self, number: u32) {
        black_box(self.heads.get(number as usize).map(|head| head.others));
    }

    /// The items of a list.
    #[inline]
    pub(super) fn of(&self, number: u32) -> impl Iterator<Item = T> + '_ {
        let at = number as usize;
        let word = self.in_use.get(at / 64).copied().unwrap_or(0);
        let head = self.heads.get(at).filter(|_| word >> (at % 64) & 1 == 1);
        let others = head.and_then(|head| {
            let end = self.heads.get(at + 1)?.others;
            self.others.get(head.others as usize..end as usize)
        });
        head.map(|head| head.first)
            .into_iter()
            .chain(others.unwrap_or_default().iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_its_items_and_no_others() {
        let pairs = [(200, 7), (3, 5), (3, 4), (3, 5), (0, 9), (200, 8), (200, 6)];
        let lists = Lists::new(300, pairs.to_vec());
        let of = |number| lists.of(number).collect::<Vec<i32>>();
        assert_eq!(of(0), [9]);
        assert_eq!(of(3), [4, 5]);
        assert_eq!(of(200), [6, 7, 8]);
        for number in (1..3).chain(4..200).chain(201..300).chain([300, 5_000]) {
            assert!(of(number).is_empty(), "{number}");
        }
        assert_eq!(Lists::<u32>::default().of(0).count(), 0);
    }
}
