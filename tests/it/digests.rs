//! Digests: composed once, sent at least once, by the clock on the reader's wall.

pub(crate) mod desk;
mod letters;
mod mime;
mod pages;
mod partition;
mod smtp;
mod year;
