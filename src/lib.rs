//! wirewatch: a news-monitoring aggregator for newsrooms. The rooms are described in ARCHITECTURE.md.

pub mod domain;
pub mod query;
pub mod store;
pub mod text;
