//! Mail addresses that any server takes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes of an address at most (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const LONGEST: usize = 254;

/// Bytes before the `@` at most (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;

/// A mail address: a local part of plain ASCII letters (RFC 5322 dot-atom) and a host name, in ASCII form (IDNA).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(String);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailAddressError {
    /// Not the shape of one.
    #[error("{0:?} is no mail address; write it as name@example.org")]
    NoAddress(String),
    /// The part before the @ has letters that many servers refuse.
    #[error(
        "the part before the @ in {0:?} has letters that many mail servers refuse; only a–z, digits and .!#$%&'*+/=?^_`{{|}}~- can be used"
    )]
    Local(String),
}

impl MailAddress {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MailAddress {
    type Err = MailAddressError;

    fn from_str(text: &str) -> Result<Self, MailAddressError> {
        let text = text.trim();
        let no_address = || MailAddressError::NoAddress(text.chars().take(100).collect());
        let (local, host) = text.rsplit_once('@').ok_or_else(no_address)?;
        let is_atom = local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte));
        if !is_atom || local.len() > LONGEST_LOCAL {
            return Err(MailAddressError::Local(text.chars().take(100).collect()));
        }
        let Ok(url::Host::Domain(host)) = url::Host::parse(host) else {
            return Err(no_address());
        };
        let is_name = host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
        let address = format!("{local}@{host}");
        if !is_name || address.len() > LONGEST {
            return Err(no_address());
        }
        Ok(Self(address))
    }
}

/// `atext` of RFC 5322, section 3.2.3.
const fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
                | b'-'
        )
}

impl TryFrom<String> for MailAddress {
    type Error = MailAddressError;

    fn try_from(text: String) -> Result<Self, MailAddressError> {
        text.parse()
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_taken() {
        for (text, expected) in [
            ("desk@example.org", Some("desk@example.org")),
            (" a.b+c@Example.ORG ", Some("a.b+c@example.org")),
            (
                "redaktion@bücher.example",
                Some("redaktion@xn--bcher-kva.example"),
            ),
            ("root@localhost", Some("root@localhost")),
            ("ä@example.org", None),
            ("\"quoted part\"@example.org", None),
            ("a@x>,<b@example.org", None),
            ("a@example.org\r\nBcc: b@example.org", None),
            ("a\n@example.org", None),
            ("@example.org", None),
            ("a..b@example.org", None),
            ("a@", None),
            ("a@[127.0.0.1]", None),
            ("a@127.0.0.1", None),
            ("a@exa mple.org", None),
            ("nothing", None),
        ] {
            let found = text.parse::<MailAddress>().ok();
            assert_eq!(
                found.as_ref().map(MailAddress::as_str),
                expected,
                "{text:?}"
            );
        }
        let long = format!("{}@example.org", "a".repeat(300));
        assert!(long.parse::<MailAddress>().is_err());
    }
}
