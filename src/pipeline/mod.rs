//! From bytes to identified entries.

pub mod address;
