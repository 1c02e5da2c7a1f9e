//! The door for people and programs: pages, the live stream, the JSON API.
//!
//! It reads through `store` and never fetches, sends or polls: a wish ("poll this feed soon") is a row that a job acts
//! on. A handler reads, a pure function makes a page struct that holds what is shown, a template writes it down.

mod access;
#[expect(
    unused_qualifications,
    reason = "the macros of utoipa write whole paths"
)]
mod api;
mod assets;
mod conditional;
mod cookie;
mod cores;
mod coverage;
mod days;
mod edited;
mod error;
mod extract;
mod growing;
mod headers;
mod health;
pub mod links;
mod live;
mod local_path;
mod metrics;
mod options;
mod outputs;
mod pages;
mod past;
mod peer;
mod quota;
mod reading;
mod router;
mod routes;
mod search;
mod seats;
mod secrets;
mod serve;
mod sign_in;
mod state;
mod texts;
mod visitor;

pub use access::Gate;
pub use api::export::{line as export_line, resumed as export_resumed};
pub use edited::Edit;
pub use metrics::Metrics;
pub use options::WebOptions;
pub use past::{Changed, Difference, DifferenceError, Named, PastText};
pub use router::router;
pub use routes::{ROUTES, Route};
pub use secrets::random;
pub use serve::serve;
pub use state::WebState;
