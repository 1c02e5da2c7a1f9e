//! Identifiers for other programs that stay the same whatever address wirewatch is asked at.

use sha2::{Digest as _, Sha256};

use crate::domain::delivery::hexadecimal;

/// The identifier of something in an installation, such as `articles/12`: a URN (RFC 9562, section 4) of a UUID of version 8,
/// made of the first bytes of a SHA-256.
#[must_use]
pub fn urn(installation: &str, what: &str) -> String {
    let digest = Sha256::new()
        .chain_update(installation)
        .chain_update([0])
        .chain_update(what)
        .finalize();
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&digest[..16]);
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let hex = hexadecimal(&uuid);
    let (time, mid, version) = (&hex[..8], &hex[8..12], &hex[12..16]);
    let (variant, node) = (&hex[16..20], &hex[20..]);
    format!("urn:uuid:{time}-{mid}-{version}-{variant}-{node}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_a_uuid_of_one_thing_in_one_installation() {
        let one = urn("a", "articles/1");
        let hex = one.trim_start_matches("urn:uuid:");
        let lengths: Vec<usize> = hex.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{one}");
        assert_eq!(&hex[14..15], "8", "{one}");
        assert!(matches!(&hex[19..20], "8" | "9" | "a" | "b"), "{one}");
        assert_eq!(one, urn("a", "articles/1"));
        assert_ne!(one, urn("a", "articles/2"));
        assert_ne!(one, urn("b", "articles/1"));
    }
}
