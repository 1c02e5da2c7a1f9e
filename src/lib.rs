//! wirewatch: a news-monitoring aggregator for newsrooms. The rooms are described in ARCHITECTURE.md.

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod digest;
pub mod domain;
pub mod fetch;
pub mod jobs;
pub mod mail;
pub mod meters;
pub mod pipeline;
pub mod query;
pub mod store;
pub mod story;
pub mod telemetry;
pub mod text;
pub mod web;
