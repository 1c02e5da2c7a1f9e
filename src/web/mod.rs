//! The door for people and programs: pages, the live stream, the JSON API.
//!
//! It reads through `store` and never fetches, sends or polls: a wish ("poll this feed soon") is a row that a job acts
//! on. A handler reads, a pure function makes a page struct that holds what is shown, a template writes it down.

mod access;
mod api;
mod assets;
mod error;
mod extract;
mod headers;
mod health;
mod live;
mod pages;
mod router;
mod search;
mod serve;
mod state;

pub use router::router;
pub use serve::serve;
pub use state::WebState;
