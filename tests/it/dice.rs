//! Dice: numbers of a seed, so that what a test drew can be drawn again.

use crate::binary::any_below;

/// Numbers of a seed that is not 0 (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of the seed that the environment names, or of any other; the seed is said where a failed test shows it.
    pub(crate) fn said(variable: &str) -> (Self, u64) {
        let seed = asked(variable).unwrap_or_else(|| any_below(1 << 32) + 1);
        eprintln!("{variable}={seed}");
        (Self::of(seed), seed)
    }

    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}

/// A number that the environment names.
pub(crate) fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
