//! The loops of a worker: each a `run` that waits and a `step` that tests call.

mod claims;
pub mod deliver;
pub mod digest;
pub mod engine;
mod grouping;
pub mod index;
mod lease;
pub mod opml;
pub mod pace;
pub mod place;
mod places;
pub mod poll;
pub mod pulse;
mod record;
pub mod release;
pub mod rematch;
pub mod room;
mod rounds;
mod scan;
mod task;
pub mod trial;
pub mod upkeep;
pub mod wanted;

pub use rounds::PollOptions;
