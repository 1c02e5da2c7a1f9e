//! Pages for people: a handler reads, a pure function makes the page struct, a template writes it down.

pub(super) mod article;
pub(super) mod board;
mod charts;
mod condition;
pub(super) mod feed;
pub(super) mod feeds;
pub(super) mod frame;
pub(super) mod keyword;
pub(super) mod line;
mod moments;
pub(super) mod search;
