//! Forms of what somebody else may have changed since they were shown.
//!
//! A form carries a seal of what was saved when it was shown. Where another is saved when it comes back, nothing is
//! written: the page tells what is saved, keeps what was typed, and takes it when it is sent again.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::domain::delivery::hexadecimal;

/// A field that is saved otherwise than it was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Other {
    /// Its name for people.
    pub(super) label: &'static str,
    /// What is saved.
    pub(super) saved: String,
}

/// What tells the values of a form from all others.
pub(super) fn seal(shown: &impl Serialize) -> String {
    let text = serde_json::to_string(shown).unwrap_or_default();
    hexadecimal(&Sha256::digest(text))
}

/// The seal of a name and a note of what has versions: others are no other version.
pub(super) fn seal_of_names(name: &str, note: &str) -> String {
    seal(&(name, note))
}

/// The fields in which what is saved differs from what was typed: each its name, what is saved, what was typed.
pub(super) fn others<T: AsRef<str>>(
    fields: impl IntoIterator<Item = (&'static str, T, T)>,
) -> Vec<Other> {
    fields
        .into_iter()
        .filter(|(_, saved, typed)| saved.as_ref() != typed.as_ref().trim())
        .map(|(label, saved, _)| Other {
            label,
            saved: saved.as_ref().to_owned(),
        })
        .collect()
}
