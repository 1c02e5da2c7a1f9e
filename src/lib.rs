//! wirewatch: a news-monitoring aggregator for newsrooms. The rooms are described in ARCHITECTURE.md.

pub mod domain;
pub mod fetch;
pub mod pipeline;
pub mod store;
pub mod text;
