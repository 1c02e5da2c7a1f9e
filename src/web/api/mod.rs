//! The same things as JSON, for programs: structs of its own, so that a column renamed is not an answer changed.

pub(super) mod articles;
pub(super) mod digests;
pub(super) mod feeds;
pub(super) mod health;
