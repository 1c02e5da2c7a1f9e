//! What the documents say, for keywords whose words occur in them.

use crate::keywords::{Kind, Stock};
use wirewatch::domain::BeatKeyword;

/// Of a thousand terms of an invented keyword, those that occur in the documents.
const OCCURRING: usize = 20;

/// A text, as far as words can be taken from it.
pub(crate) struct Article {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// The pieces of a document between its tags, or quotes.
fn of(document: &str) -> impl Iterator<Item = Article> {
    document
        .split(['<', '>', '"'])
        .filter(|piece| piece.contains(' ') && !piece.contains(['=', '/']))
        .map(|text| Article {
            title: String::new(),
            text: text.to_owned(),
        })
}

/// So many keywords over the words of these documents.
pub(crate) fn keywords(documents: &[String], count: usize) -> Vec<BeatKeyword> {
    let articles: Vec<Article> = documents.iter().flat_map(|document| of(document)).collect();
    Stock::of(&articles)
        .keywords(Kind::Rare(OCCURRING), count)
        .into_iter()
        .map(|keyword| BeatKeyword {
            slug: keyword.slug,
            name: keyword.name,
            query: keyword.query,
            note: String::new(),
        })
        .collect()
}
