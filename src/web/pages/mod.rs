//! Pages for people: a handler reads, a pure function makes the page struct, a template writes it down.

pub(super) mod account;
pub(super) mod article;
pub(super) mod audit;
pub(super) mod board;
mod charts;
mod condition;
pub(super) mod digests;
pub(super) mod feed;
pub(super) mod feeds;
pub(super) mod frame;
pub(super) mod grouping;
pub(super) mod keyword;
pub(super) mod league;
pub(super) mod line;
pub(super) mod login;
pub(super) mod moments;
pub(super) mod new_feed;
pub(super) mod search;
pub(super) mod stories;
pub(super) mod story;
pub(super) mod users;
pub(super) mod welcome;
