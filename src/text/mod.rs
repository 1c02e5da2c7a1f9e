//! The text model: what the project understands by letters, words and paragraphs.

pub mod html;
