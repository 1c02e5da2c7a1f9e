//! Digests: composed once, sent at least once, by the clock on the reader's wall.

mod bystanders;
mod cli;
mod clock;
pub(crate) mod desk;
mod letters;
pub(crate) mod mime;
mod pages;
mod partition;
pub(crate) mod receiver;
pub(crate) mod smtp;
mod year;
