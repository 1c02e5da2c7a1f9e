//! Digests and alerts: what is due, what an edition holds, and how it reads as mail, page and payload.
//!
//! Pure: what is due comes in as values, what is sent goes out as values. Nothing here knows a table or a mail server.

mod clean;
pub mod compose;
pub mod feed;
pub mod notice;
pub mod pace;
pub mod render;
pub mod review;
mod room;
pub mod schedule;
mod subject;
pub mod urn;
pub mod webhook;
