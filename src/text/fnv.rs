//! FNV-1a, 64 bits (Fowler, Noll, Vo): the same number for the same bytes on every machine. It protects nothing.

/// What a hash begins with.
pub const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// A hash with one byte more, or one small number.
#[must_use]
pub const fn step(hash: u64, next: u64) -> u64 {
    (hash ^ next).wrapping_mul(0x0100_0000_01b3)
}

/// The hash of bytes.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(BASIS, |hash, byte| step(hash, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_authors_list() {
        assert_eq!(fnv1a(b""), BASIS);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
