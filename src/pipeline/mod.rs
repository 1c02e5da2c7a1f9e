//! From bytes to identified, sortable, plain-text entries, and when to ask again.
//!
//! `decode` → `parse` (with `repair` before feed-rs) → `normalise` → `identify`; then `schedule`. Every step is a pure
//! function that takes whatever a publisher sends.

pub mod address;
pub mod condition;
pub mod course;
pub mod dates;
pub mod decode;
mod dialect;
pub mod discover;
mod entities;
pub mod freshness;
pub mod identify;
mod json;
mod markup;
pub mod noise;
pub mod normalise;
pub mod opml;
pub mod page;
pub mod parse;
mod plain_address;
mod repair;
pub mod replay;
pub mod rhythm;
pub mod schedule;
mod scripts;
pub mod shape;
pub mod trial;
mod xml;

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
mod corpora;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod defects;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
mod suites;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod traps;
