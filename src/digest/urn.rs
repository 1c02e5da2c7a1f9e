//! Identifiers for other programs that stay the same whatever address wirewatch is asked at.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The identifier of something in an installation, such as `articles/12`: a URN (RFC 9562, section 4) of a UUID of version 8,
/// made of the first bytes of a SHA-256.
#[must_use]
pub fn urn(installation: &str, what: &str) -> String {
    let digest = Sha256::new()
        .chain_update(installation)
        .chain_update([0])
        .chain_update(what)
        .finalize();
    let mut urn = "urn:uuid:".to_owned();
    for (place, &byte) in digest.iter().take(16).enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            urn.push('-');
        }
        let byte = match place {
            // Version and variant.
            6 => byte & 0x0f | 0x80,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        let _ = write!(urn, "{byte:02x}");
    }
    urn
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
