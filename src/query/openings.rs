//! Openings: which words may begin as a pattern with a wildcard does, told by their first letters.

use super::{
    index::LONGEST_PART,
    keys::{mixed, up_to_eight},
};

/// Bits for openings: few enough to stay at hand.
const OPENING_BITS: u64 = 1 << 16;

/// What is looked up of the beginnings of words that begin with an ASCII letter, and of others.
///
/// An opening is the first bytes of a beginning: a word whose own is none has no beginnings but the shortest. Those have two
/// bytes in place of it, or one, which tells nothing.
#[derive(Debug, Default)]
pub(super) struct Openings {
    /// Lengths in bytes at which a beginning is to be looked up.
    in_use: [u64; 2],
    /// The length of openings, in bytes.
    lengths: [usize; 2],
    /// A bit for each.
    bits: Vec<u64>,
    /// A bit for the first two bytes of each beginning that is shorter than openings.
    short: Vec<u64>,
}

impl Openings {
    /// Fewest bytes of an opening: four ASCII letters, or three of a larger alphabet.
    const SHORTEST: [usize; 2] = [4, 6];
    /// Most bytes of one.
    const LONGEST: usize = 8;

    /// From the first eight bytes of beginnings and their lengths. The shortest beginning that is long enough tells how long
    /// openings can be.
    pub(super) fn new(beginnings: impl Iterator<Item = (u64, usize)> + Clone) -> Self {
        let mut openings = Self {
            in_use: [0; 2],
            lengths: [Self::LONGEST; 2],
            bits: Vec::new(),
            short: Vec::new(),
        };
        for (first, length) in beginnings.clone() {
            let class = class_of(first.to_le_bytes()[0]);
            openings.in_use[class] |= 1 << length;
            if length >= Self::SHORTEST[class] {
                openings.lengths[class] = openings.lengths[class].min(length);
            }
        }
        for (first, length) in beginnings {
            let bytes = first.to_le_bytes();
            let (bits, (at, mask)) = match openings.bit_of(&bytes, 0, length) {
                Some(bit) => (&mut openings.bits, bit),
                None => (&mut openings.short, bit_of_two(&bytes, 0)),
            };
            if bits.is_empty() {
                *bits = vec![0; (OPENING_BITS / 64) as usize];
            }
            bits[at] |= mask;
        }
        openings
    }

    /// The lengths at which `bytes[from..to]` may have a beginning.
    #[inline]
    pub(super) fn possible(&self, bytes: &[u8], from: usize, to: usize) -> u64 {
        let class = class_of(bytes[from]);
        let mut lengths = self.in_use[class];
        if to - from < LONGEST_PART {
            lengths &= (1 << (to - from + 1)) - 1;
        }
        let is_none = |bits: &[u64], (at, mask): (usize, u64)| {
            bits.get(at).is_none_or(|word: &u64| word & mask == 0)
        };
        let shorter = (1 << self.lengths[class]) - 1;
        if self
            .bit_of(bytes, from, to)
            .is_some_and(|bit| is_none(&self.bits, bit))
        {
            lengths &= shorter;
        }
        if lengths & shorter != 0 && is_none(&self.short, bit_of_two(bytes, from)) {
            lengths &= !shorter | ONE_BYTE;
        }
        lengths
    }

    /// The word of `bits` for the opening of `bytes[from..to]`, and its bit there; none if that is too short.
    #[inline]
    fn bit_of(&self, bytes: &[u8], from: usize, to: usize) -> Option<(usize, u64)> {
        let length = self.lengths[class_of(*bytes.get(from)?)];
        (from + length <= to).then(|| {
            let at = mixed(up_to_eight(bytes, from, length)) >> 48;
            (at as usize / 64, 1 << (at % 64))
        })
    }
}

/// The length of a beginning that is looked up in every word of its class.
const ONE_BYTE: u64 = 1 << 1;

/// The word of `short` for the two bytes at `from`, and its bit there.
#[inline]
fn bit_of_two(bytes: &[u8], from: usize) -> (usize, u64) {
    let two = up_to_eight(bytes, from, 2);
    ((two / 64) as usize, 1 << (two % 64))
}

#[inline]
const fn class_of(first: u8) -> usize {
    !first.is_ascii() as usize
}
