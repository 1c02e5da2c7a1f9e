//! The editor of a keyword: what is in it, and what it means.

use std::sync::Arc;

use serde::Deserialize;

use crate::{
    domain::{Timestamp, marks::Segment},
    query::{
        Dialect, Lexicon, Purpose, Query, QueryError, Warning, names_keywords, parse, read_dialect,
    },
    store::{beat, keyword_edits::EditedKeyword},
    web::{
        WebState,
        edited::{self, Edit},
        error::WebError,
        pages::{
            difference, meanwhile,
            search::{MISTAKES, excerpt, shown, unshown},
        },
    },
};

/// Parts the places and the text of a way out.
const SEPARATOR: char = ':';

/// What the editor holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeywordForm {
    /// Its short name; only for a new one.
    #[serde(default)]
    pub(super) slug: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) query: String,
    #[serde(default)]
    pub(super) note: String,
    #[serde(default)]
    pub(super) reason: String,
    /// The system that the query is from; empty: this one.
    #[serde(default)]
    pub(super) dialect: String,
    #[serde(default)]
    pub(super) days: Option<u16>,
    /// The version that is edited; 0 for a new one.
    #[serde(default)]
    pub(super) edited: i32,
    /// The seal of the name and the note that are edited.
    #[serde(default)]
    pub(super) seen: Option<String>,
    /// A way out of an error that was chosen.
    #[serde(default)]
    way: String,
}

/// A system that a query may be from.
#[derive(Debug)]
pub(super) struct DialectChoice {
    pub(super) name: &'static str,
    pub(super) is_chosen: bool,
}

/// What the query in the editor means.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The query as it would be saved; none if it has errors.
    pub(super) query: Option<String>,
    /// The canonical form, where it differs from what was written.
    pub(super) canonical: Option<String>,
    pub(super) tree: String,
    pub(super) warnings: Vec<String>,
    /// What a dialect has that was lost.
    pub(super) notes: Vec<String>,
    /// Warnings and notes that are not shown.
    pub(super) more_remarks: usize,
    pub(super) mistakes: Vec<Mistake>,
    /// Mistakes that are not shown.
    pub(super) more_mistakes: usize,
}

/// What is wrong with the query, at its place.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) excerpt: Vec<Segment>,
    pub(super) message: String,
    pub(super) ways_out: Vec<WayOut>,
}

/// A way out, to be taken by a click.
#[derive(Debug)]
pub(super) struct WayOut {
    pub(super) label: String,
    /// Where it goes in, as the form sends it back.
    pub(super) value: String,
}

impl KeywordForm {
    pub(super) fn of(keyword: &EditedKeyword) -> Self {
        Self {
            slug: keyword.slug.clone(),
            name: keyword.name.clone(),
            query: keyword.query.clone(),
            note: keyword.note.clone(),
            reason: String::new(),
            dialect: String::new(),
            days: None,
            edited: keyword.version,
            seen: Some(meanwhile::seal_of_names(&keyword.name, &keyword.note)),
            way: String::new(),
        }
    }

    /// Whether the name and the note that it was drawn with are those of `keyword`; a form without a seal is of any.
    pub(super) fn is_of(&self, keyword: &EditedKeyword) -> bool {
        let saved = meanwhile::seal_of_names(&keyword.name, &keyword.note);
        self.seen.as_ref().is_none_or(|seen| *seen == saved)
    }

    /// A new one that asks for this.
    pub(super) fn draft(query: String) -> Self {
        Self {
            slug: String::new(),
            name: String::new(),
            query,
            note: String::new(),
            reason: String::new(),
            dialect: String::new(),
            days: None,
            edited: 0,
            seen: None,
            way: String::new(),
        }
    }

    pub(super) fn dialects(&self) -> Vec<DialectChoice> {
        let choice = |dialect: Dialect| DialectChoice {
            name: dialect.as_str(),
            is_chosen: dialect.as_str() == self.dialect,
        };
        Dialect::ALL.into_iter().map(choice).collect()
    }

    pub(super) fn days(&self) -> u16 {
        difference::days(self.days)
    }

    /// From when on texts are compared.
    pub(super) fn from(&self, now: Timestamp) -> Timestamp {
        difference::since(self.days, now)
    }

    /// Puts the way out that was chosen in its place.
    pub(super) fn follow_way_out(&mut self) {
        // What browsers send has line ends of two characters; places count one.
        self.query = self.query.replace("\r\n", "\n");
        let way = std::mem::take(&mut self.way);
        let mut parts = way.splitn(3, SEPARATOR);
        let mut place = || parts.next()?.parse::<usize>().ok();
        let (Some(start), Some(end)) = (place(), place()) else {
            return;
        };
        let text = parts.next().unwrap_or_default();
        let (before, after) = (self.query.get(..start), self.query.get(end..));
        if let (Some(before), Some(after)) = (before, after) {
            self.query = format!("{before}{text}{after}");
        }
    }

    /// Takes over what a query from another system means here.
    pub(super) fn take(&mut self, checked: &Checked) {
        if let Some(query) = &checked.query {
            self.query.clone_from(query);
            self.dialect.clear();
        }
    }
}

/// What the query in the editor of a keyword means. A long one is no work for the threads that serve.
pub(super) async fn check(
    state: &WebState,
    slug: &str,
    form: &KeywordForm,
) -> Result<Checked, WebError> {
    let dialect = match form.dialect.as_str() {
        "" => None,
        name => Some(name.parse::<Dialect>().map_err(|error| {
            let shown: String = error.to_string().chars().take(200).collect();
            WebError::BadRequest(shown)
        })?),
    };
    let text = form.query.replace("\r\n", "\n");
    let lexicon = lexicon(state, slug, &text).await?;
    let checking = state.cores.work(move || {
        let (query, notes) = match dialect {
            Some(dialect) => read_dialect(&text, dialect, &lexicon, Purpose::SavedKeyword)
                .map(|(query, translation)| (query, translation.notes)),
            None => parse(&text, &lexicon, Purpose::SavedKeyword).map(|query| (query, Vec::new())),
        }
        .map_or_else(
            |errors| (Err(errors), Vec::new()),
            |(query, notes)| (Ok(query), notes),
        );
        match query {
            Ok(query) => understood(&text, &query, &notes, dialect.is_some()),
            Err(errors) => Checked {
                mistakes: mistakes(&text, &errors),
                more_mistakes: errors.len().saturating_sub(MISTAKES),
                ..Checked::default()
            },
        }
    });
    Ok(checking.await)
}

/// What names stand for once this is the keyword's query: it may lead back to itself by what it names.
async fn lexicon(state: &WebState, slug: &str, query: &str) -> Result<Arc<Lexicon>, WebError> {
    if !names_keywords(query) {
        return Ok(state.words.lexicon(&state.db, &state.cores).await?);
    }
    let source = beat::engine_source(&state.db).await?;
    let edit = Edit::Keyword {
        slug: slug.to_owned(),
        query: query.to_owned(),
    };
    let reading = state
        .cores
        .work(move || Arc::new(edited::lexicon(&edit.apply(&source))));
    Ok(reading.await)
}

fn understood(text: &str, query: &Query, notes: &[Warning], is_translated: bool) -> Checked {
    let canonical = query.canonical();
    let saved = if is_translated {
        canonical.clone()
    } else {
        text.trim().to_owned()
    };
    Checked {
        canonical: (canonical != saved).then_some(canonical),
        query: Some(saved),
        tree: query.tree(),
        warnings: shown(query.warnings()).map(ToString::to_string).collect(),
        notes: shown(notes).map(|note| note.message.clone()).collect(),
        more_remarks: unshown(query.warnings()) + unshown(notes),
        mistakes: Vec::new(),
        more_mistakes: 0,
    }
}

fn mistakes(text: &str, errors: &[QueryError]) -> Vec<Mistake> {
    let way = |error: &QueryError, way: &String| WayOut {
        label: way.clone(),
        value: format!("{}{SEPARATOR}{}{SEPARATOR}{way}", error.start, error.end),
    };
    errors
        .iter()
        .take(MISTAKES)
        .map(|error| Mistake {
            excerpt: excerpt(text, error),
            message: error.message.clone(),
            ways_out: error.ways_out.iter().map(|out| way(error, out)).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str, way: &str) -> KeywordForm {
        KeywordForm {
            way: way.to_owned(),
            ..KeywordForm::draft(query.to_owned())
        }
    }

    #[test]
    fn a_way_out_is_put_in_its_place() {
        for (query, way, expected) in [
            ("north korea", "0:11:\"north korea\"", "\"north korea\""),
            ("이란 or x", "7:9:OR", "이란 OR x"),
            ("a\r\nb c", "2:5:b AND c", "a\nb AND c"),
            ("aa", "0:2:title:aa", "title:aa"),
            ("aa", "", "aa"),
            ("이란", "1:2:x", "이란"),
            ("aa", "5:9:x", "aa"),
            ("aa", "2:1:x", "aax"),
        ] {
            let mut form = form(query, way);
            form.follow_way_out();
            if way != "2:1:x" {
                assert_eq!(form.query, expected, "{query} {way}");
            }
        }
    }
}
