//! The text model: what a word is in each script, how letters are folded, and where each stands in the original.
//!
//! Everything here is total: any string gives words, in linear time, with ranges on character boundaries.

pub mod alone;
pub mod diff;
pub mod fnv;
pub mod fold;
pub mod html;
mod letters;
pub mod particle;
pub mod script;
pub mod sentence;
mod simple_html;
pub mod words;
