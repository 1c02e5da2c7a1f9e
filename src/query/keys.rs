//! Keys: hashes of words, of their parts, and of pairs of characters, by which patterns are listed.

use crate::text::words::Word;

/// What a key is a hash of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Whole = 1,
    Beginning,
    End,
    Inside,
    /// Two characters side by side in a script without spaces.
    Pair,
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash of `bytes[from..to]`, eight bytes at a time. Most words are of 16 bytes at most: no branch of theirs depends on
/// their length.
#[expect(clippy::inline_always, reason = "asked for every word")]
#[inline(always)]
pub(super) fn hash_of(bytes: &[u8], from: usize, to: usize) -> u64 {
    let length = to.saturating_sub(from);
    let mut at = from;
    let mut hash = length as u64;
    while to - at > 16 {
        hash = mixed(hash ^ up_to_eight(bytes, at, 8));
        at += 8;
    }
    let rest = to - at;
    let first = up_to_eight(bytes, at, rest.min(8));
    let second = up_to_eight(bytes, at + 8, rest.saturating_sub(8));
    mixed(hash ^ first.wrapping_add(second.wrapping_mul(SEED).rotate_left(29)))
}

pub(super) const fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ (mixed >> 32)
}

/// Up to eight bytes as a number.
#[expect(clippy::cast_possible_truncation, reason = "at most eight")]
#[inline]
pub(super) fn up_to_eight(bytes: &[u8], from: usize, count: usize) -> u64 {
    let Some(eight) = bytes
        .get(from..from + 8)
        .and_then(|eight| <[u8; 8]>::try_from(eight).ok())
    else {
        // The last bytes of all: as below, one by one.
        let last = bytes.get(from..(from + count).min(bytes.len()));
        return last
            .unwrap_or_default()
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
    };
    let mask = u64::MAX.checked_shr(64 - 8 * (count as u32)).unwrap_or(0);
    u64::from_le_bytes(eight) & mask
}

/// The key of a part with that hash.
pub(super) const fn key(part: Part, hash: u64) -> u64 {
    mixed(hash ^ (part as u64).wrapping_mul(SEED))
}

pub(super) fn key_of(part: Part, letters: &str) -> u64 {
    key(part, hash_of(letters.as_bytes(), 0, letters.len()))
}

/// The hash of two characters, one after the other.
#[inline]
pub(super) fn pair_hash(bytes: &[u8], one: &Word, two: &Word) -> u64 {
    if one.folded_end == two.folded_start {
        return hash_of(bytes, one.folded_start as usize, two.folded_end as usize);
    }
    let mut both = [0; 32];
    let mut length = 0;
    for word in [one, two] {
        let letters = bytes.get(word.folded_start as usize..word.folded_end as usize);
        for (&byte, place) in letters.unwrap_or_default().iter().zip(&mut both[length..]) {
            *place = byte;
            length += 1;
        }
    }
    hash_of(&both, 0, length)
}

/// The low bits of a key, as many as count places; `places` is a power of two.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low bits are all that is wanted"
)]
#[inline]
pub(super) const fn low(key: u64, places: usize) -> usize {
    key as usize & (places - 1)
}

pub(super) const fn tag(key: u64) -> u32 {
    (key >> 32) as u32
}
