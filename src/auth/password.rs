//! Passwords: Argon2id, and whether one is good enough.
//!
//! NIST SP 800-63B and OWASP ASVS 5.0 (V6.2): long rather than mixed, no rules of composition, nothing cut off, nothing
//! that is often used. Hashing takes tens of milliseconds and 19 MiB: not for a thread that serves requests.

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc,
};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

/// Characters that a password has at least.
pub const MIN_LENGTH: usize = 12;

/// Bytes that a password has at most.
pub const MAX_BYTES: usize = 1_024;

/// Memory in KiB, passes, lanes: OWASP's first choice for Argon2id.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// Letters that the estimate of strength looks at; it takes long over longer ones, which are strong anyway unless their
/// beginning is all there is to them.
const ESTIMATED: usize = 72;

/// Random bytes beside a password.
pub type Salt = [u8; 16];

/// A password as stored: a PHC string, with algorithm and cost. `Debug` keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A stored one.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WeakPassword {
    /// Too few letters.
    #[error(
        "a password has at least {MIN_LENGTH} characters; a sentence of four or five words is a good one"
    )]
    TooShort,
    /// Too many bytes.
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
    /// Easily guessed.
    #[error("this password would be guessed: {0}")]
    Guessable(String),
}

/// Whether a password is good enough for the account of those `names` (its own, the person's, the newsroom's).
///
/// # Errors
/// It is not; the error says what to do.
pub fn check_strength(password: &str, names: &[&str]) -> Result<(), WeakPassword> {
    if password.len() > MAX_BYTES {
        return Err(WeakPassword::TooLong);
    }
    let letters: Vec<char> = password.nfc().collect();
    if letters.len() < MIN_LENGTH {
        return Err(WeakPassword::TooShort);
    }
    let beginning: String = letters.iter().take(ESTIMATED).collect();
    let mut known = vec!["wirewatch"];
    known.extend(names.iter().filter(|name| name.len() > 2));
    let estimate = zxcvbn::zxcvbn(&beginning, &known);
    if estimate.score() >= zxcvbn::Score::Three {
        return Ok(());
    }
    let advice = estimate
        .feedback()
        .map(|feedback| {
            let warning = feedback.warning().map(|warning| warning.to_string());
            let ways = feedback.suggestions().iter().map(ToString::to_string);
            warning
                .into_iter()
                .chain(ways)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .filter(|advice| !advice.is_empty());
    Err(WeakPassword::Guessable(advice.unwrap_or_else(|| {
        "use a few words that do not go together".to_owned()
    })))
}

fn hasher() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    // The cost is within the bounds of the standard, so there is nothing to fall back from.
    let params = Params::new(memory, passes, lanes, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Letters that look the same are the same (RFC 8265): what one keyboard composes another one types apart.
fn normalised(password: &str) -> String {
    password.nfc().collect()
}

/// The hash of a password that [`check_strength`] let pass.
///
/// # Errors
/// There is no memory for it.
pub fn hash(password: &str, salt: &Salt) -> Result<PasswordHash, HashingFailed> {
    let hashed: phc::PasswordHash = hasher()
        .hash_password_with_salt(normalised(password).as_bytes(), salt)
        .map_err(|_| HashingFailed)?;
    Ok(PasswordHash(hashed.to_string()))
}

/// No memory for a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a password could not be hashed")]
pub struct HashingFailed;

/// Whether `password` is the one of `stored`. Without one (no such account, or one that cannot sign in) the answer is no,
/// after the same work.
#[must_use]
pub fn verify(password: &str, stored: Option<&PasswordHash>) -> bool {
    if password.len() > MAX_BYTES {
        return false;
    }
    let parsed = stored.and_then(|hash| phc::PasswordHash::new(&hash.0).ok());
    let Some(parsed) = parsed else {
        let wasted = hash(password, &[0; 16]);
        std::hint::black_box(&wasted);
        return false;
    };
    hasher()
        .verify_password(normalised(password).as_bytes(), &parsed)
        .is_ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const GOOD: &str = "ferry lantern oblique 7 gravel";

    #[test]
    fn a_password_is_known_by_its_hash_and_no_other_is() {
        let hashed = hash(GOOD, &[7; 16]).unwrap();
        assert!(
            hashed
                .as_str()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hashed.as_str()
        );
        let stored = PasswordHash::from_stored(hashed.as_str().to_owned());
        assert!(verify(GOOD, Some(&stored)));
        for other in [
            "",
            "ferry lantern oblique 7 grave",
            "FERRY lantern oblique 7 gravel",
        ] {
            assert!(!verify(other, Some(&stored)), "{other}");
        }
        assert!(!verify(GOOD, None));
        assert!(!verify(
            GOOD,
            Some(&PasswordHash::from_stored("x".to_owned()))
        ));
        assert_ne!(hash(GOOD, &[8; 16]).unwrap(), hashed);
    }

    #[test]
    fn nothing_is_cut_off() {
        let long = "a".repeat(72);
        let hashed = hash(&format!("{long}x"), &[1; 16]).unwrap();
        assert!(!verify(&format!("{long}y"), Some(&hashed)));
        let nul = hash("before\0after", &[1; 16]).unwrap();
        assert!(!verify("before\0other", Some(&nul)));
        assert!(!verify(&"a".repeat(MAX_BYTES + 1), Some(&hashed)));
    }

    #[test]
    fn letters_that_look_the_same_are_the_same() {
        let hashed = hash("re\u{301}sume\u{301} of the day", &[1; 16]).unwrap();
        assert!(verify("r\u{e9}sum\u{e9} of the day", Some(&hashed)));
    }

    #[test]
    fn long_and_rare_passwords_are_taken_whatever_they_are_made_of() {
        for good in [
            GOOD,
            "correct-lantern-battery",
            "평양 테헤란 사이의 긴 기차표",
            "xkqjw pvhtz rmbnd",
            &format!("{GOOD} {}", "x".repeat(900)),
        ] {
            assert_eq!(check_strength(good, &["editor.2"]), Ok(()), "{good}");
        }
    }

    #[test]
    fn short_common_and_obvious_passwords_are_not() {
        assert_eq!(
            check_strength("Xk3$qpZ!v", &[]),
            Err(WeakPassword::TooShort)
        );
        assert_eq!(
            check_strength(&"ab ".repeat(400), &[]),
            Err(WeakPassword::TooLong)
        );
        for weak in [
            "password1234",
            "123456789012",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiopasdf",
            "wirewatch1234",
            "passwordpassword",
            "abcabcabcabcabc",
        ] {
            assert!(
                matches!(check_strength(weak, &[]), Err(WeakPassword::Guessable(_))),
                "{weak}"
            );
        }
        assert!(check_strength("margaret.holloway", &["margaret.holloway"]).is_err());
    }
}
