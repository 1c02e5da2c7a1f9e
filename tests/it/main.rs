//! What wirewatch promises, tested through the doors that people use: a real PostgreSQL, real HTTP on loopback, the real
//! binary, a real Chromium.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod binary;
mod browser;
mod corpora;
mod crash;
mod database;
mod feed_server;
mod private_server;
mod river;
mod site;
mod web;
mod worker;
mod workers;
