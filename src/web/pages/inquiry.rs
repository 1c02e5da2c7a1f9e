//! What a reader asks of one article: where their search holds in it, and why a keyword finds it or does not.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;

use super::search::Asked;
use crate::{
    domain::{ArticleId, Hit},
    query::{self, Engine, Explanation, Purpose, Scratch},
    store::{
        board::{self, KeywordQuery},
        search::{self as stored, ArticleText},
    },
    web::{WebState, error::WebError, search::Sources},
};

/// The deepest step in of a line.
const DEEPEST: usize = 9;

/// The most lines of an explanation.
const MOST: usize = 400;

/// What the address of an article asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Inquiry {
    /// The search that led here.
    pub(crate) q: String,
    /// The keyword that is to explain itself.
    pub(crate) keyword: String,
}

/// Where a search holds.
#[derive(Debug)]
pub(crate) struct SearchHits {
    pub(crate) hits: Vec<Hit>,
    pub(crate) canonical: String,
    /// Back to the search.
    pub(crate) address: String,
}

/// Why a keyword finds an article, or does not.
#[derive(Debug)]
pub(crate) struct WhyView {
    pub(crate) name: String,
    pub(crate) query: String,
    pub(crate) held: bool,
    pub(crate) rows: Vec<WhyRow>,
}

/// A part of a query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WhyRow {
    pub(crate) depth: usize,
    pub(crate) held: bool,
    pub(crate) label: String,
    pub(crate) note: String,
}

/// What was found out.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) search: Option<SearchHits>,
    pub(crate) why: Option<WhyView>,
}

/// Asks it. A search that cannot be read marks nothing: its page says what is wrong with it.
pub(crate) async fn ask(
    state: &WebState,
    inquiry: &Inquiry,
    article: ArticleId,
) -> Result<Answered, WebError> {
    if inquiry.q.trim().is_empty() && inquiry.keyword.is_empty() {
        return Ok(Answered::default());
    }
    let asked = [article];
    let (texts, sources, keyword) = tokio::try_join!(
        stored::articles(&state.db, &asked),
        stored::sources(&state.db),
        board::keyword_query(&state.db, &inquiry.keyword),
    )?;
    let Some(text) = texts.texts.into_iter().next() else {
        return Ok(Answered::default());
    };
    let sources: Sources = Arc::new(
        sources
            .into_iter()
            .map(|source| (source.id, source))
            .collect::<HashMap<_, _>>(),
    );
    if !inquiry.keyword.is_empty() && keyword.is_none() {
        return Err(WebError::NotFound("keyword"));
    }
    Ok(Answered {
        search: hits(state, &inquiry.q, &text, &sources).await?,
        why: match keyword {
            Some(keyword) => why(state, keyword, text, sources).await?,
            None => None,
        },
    })
}

/// Where a search holds.
async fn hits(
    state: &WebState,
    q: &str,
    text: &ArticleText,
    sources: &Sources,
) -> Result<Option<SearchHits>, WebError> {
    if q.trim().is_empty() {
        return Ok(None);
    }
    let lexicon = state.words.lexicon(&state.db, &state.cores).await?;
    let (asked, text, sources) = (q.to_owned(), text.clone(), Arc::clone(sources));
    // Reading and compiling a long query is no more for the threads that serve than scanning is.
    let judging = state.cores.work(move || {
        let query = query::parse(&asked, &lexicon, Purpose::Search).ok()?;
        let engine = Engine::of_query(&query, &lexicon);
        let matches = engine.matches(&text.text.subject(&sources), &mut Scratch::default());
        let hits = matches.into_iter().flat_map(|matched| matched.hits);
        Some((hits.collect(), query.canonical()))
    });
    Ok(judging.await.map(|(hits, canonical)| SearchHits {
        hits,
        canonical,
        address: Asked::default().with_query(q).address(),
    }))
}

/// A keyword explains itself. None if its query is none of today's language, which the admin pages tell.
async fn why(
    state: &WebState,
    keyword: KeywordQuery,
    text: ArticleText,
    sources: Sources,
) -> Result<Option<WhyView>, WebError> {
    let lexicon = state.words.lexicon(&state.db, &state.cores).await?;
    let saved = keyword.query.clone();
    let explaining = state.cores.work(move || {
        let query = query::parse(&saved, &lexicon, Purpose::SavedKeyword).ok()?;
        Some(query::explain(
            &query,
            &lexicon,
            &text.text.subject(&sources),
        ))
    });
    let Some(explanation) = explaining.await else {
        return Ok(None);
    };
    let mut rows = Vec::new();
    flatten(&explanation, 0, &mut rows);
    Ok(Some(WhyView {
        name: keyword.name,
        query: keyword.query,
        held: explanation.held,
        rows,
    }))
}

/// The tree as lines.
fn flatten(part: &Explanation, depth: usize, rows: &mut Vec<WhyRow>) {
    if rows.len() == MOST {
        return;
    }
    rows.push(WhyRow {
        depth: depth.min(DEEPEST),
        held: part.held,
        label: part.label.clone(),
        note: part.note.clone(),
    });
    for child in &part.children {
        flatten(child, depth + 1, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_told_line_by_line() {
        let leaf = |label: &str, held| Explanation {
            label: label.to_owned(),
            held,
            note: String::new(),
            children: Vec::new(),
        };
        let tree = Explanation {
            children: vec![leaf("iran", true), leaf("ship*", false)],
            ..leaf("AND", false)
        };
        let mut rows = Vec::new();
        flatten(&tree, 0, &mut rows);
        let told: Vec<(usize, bool, &str)> = rows
            .iter()
            .map(|row| (row.depth, row.held, row.label.as_str()))
            .collect();
        assert_eq!(
            told,
            [(0, false, "AND"), (1, true, "iran"), (1, false, "ship*")]
        );
    }
}
