//! What wirewatch promises, tested through the doors that people use: a real PostgreSQL, real HTTP on loopback, the real
//! binary, a real Chromium.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::format_collect,
    clippy::print_stderr,
    reason = "tests stand outside the house: they panic, read the environment, ask the service and write documents"
)]

mod asking;
mod beats;
mod binary;
mod boundaries;
mod browser;
mod cli;
mod corpora;
mod crash;
mod database;
mod dice;
mod digests;
mod encodings;
mod engine;
mod feed_server;
mod first_reads;
mod guard;
mod headlines;
mod hostile;
mod identity;
mod operations;
mod private_server;
mod rematches;
mod river;
mod site;
mod stories;
mod traps;
mod truth;
mod web;
mod worker;
mod workers;
