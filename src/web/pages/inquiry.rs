//! What a reader asks of one article: where their search holds in it, and why a keyword finds it or does not.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;

use super::search::Asked;
use crate::{
    domain::{ArticleId, Hit},
    query::{self, Explanation, Purpose},
    store::{
        board::{self, KeywordQuery},
        search::{self as stored, ArticleText},
    },
    web::{
        WebState,
        error::WebError,
        search::{Question, Sources},
    },
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
    let Ok(query) = query::parse(q, &lexicon, Purpose::Search) else {
        return Ok(None);
    };
    let question = Question::new(&query, &lexicon, &[], state.cores.clone());
    let judged = question.judge(vec![text.clone()], sources).await;
    Ok(Some(SearchHits {
        hits: judged
            .into_iter()
            .flat_map(|(_, matched)| matched.hits)
            .collect(),
        canonical: query.canonical(),
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
    let Ok(query) = query::parse(&keyword.query, &lexicon, Purpose::SavedKeyword) else {
        return Ok(None);
    };
    // Scanning is no work for the threads that serve.
    let explaining = state
        .cores
        .work(move || query::explain(&query, &lexicon, &text.text.subject(&sources)));
    let explanation = explaining.await;
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
