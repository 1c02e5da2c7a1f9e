//! Tokens: what a browser, a program or a link shows to be let in.
//!
//! A token has 256 random bits; what is stored is its SHA-256. A stored hash is found by an index, and whoever times that
//! learns about hashes, of which they cannot choose one: no comparison here needs to take constant time.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::domain::delivery::hexadecimal;

/// Bytes of a random source for one token.
pub type RandomBytes = [u8; 32];

/// What begins the token of a program, so that scanners for lost secrets know it.
const PROGRAM_PREFIX: &str = "wirewatch_";

/// A token, to be shown once. `Debug` keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// What is stored of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl Token {
    /// For a cookie or a link: 64 hexadecimal digits.
    #[must_use]
    pub fn new(random: RandomBytes) -> Self {
        Self(hexadecimal(&random))
    }

    /// For a program: the same behind a prefix.
    #[must_use]
    pub fn for_program(random: RandomBytes) -> Self {
        Self(format!("{PROGRAM_PREFIX}{}", Self::new(random).0))
    }

    /// The token itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl TokenHash {
    /// Of what was shown, whatever it is.
    #[must_use]
    pub fn of(shown: &str) -> Self {
        Self(Sha256::digest(shown.as_bytes()).into())
    }

    /// The bytes as stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_bytes_and_its_hash_is_sha_256_of_what_is_shown() {
        let token = Token::new([0xab; 32]);
        assert_eq!(token.reveal(), "ab".repeat(32));
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            TokenHash::of("abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(token.hash(), TokenHash::of(token.reveal()));
        assert_ne!(token.hash(), Token::for_program([0xab; 32]).hash());
    }

    #[test]
    fn a_token_does_not_reach_a_log() {
        assert_eq!(format!("{:?}", Token::new([7; 32])), "Token(…)");
    }
}
