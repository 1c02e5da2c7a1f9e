//! FNV-1a with a last mixing step: the same number for the same letters on every machine and in every release.

use std::hash::{BuildHasherDefault, Hasher};

use crate::text::fnv::{BASIS, step};

/// The hasher.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(BASIS)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        // MurmurHash3's finaliser: FNV alone leaves the upper bits of short words alike.
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = step(self.0, u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = step(self.0, u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = step(self.0, number);
    }
}

/// Maps with small numbers as keys: twice as fast as with the keyed hasher, which none of them needs: what a stranger can
/// make collide is bounded by the window.
pub(crate) type FnvMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Fnv>>;
