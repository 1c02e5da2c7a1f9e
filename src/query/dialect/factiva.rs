//! Factiva: operators in any case, words side by side are a phrase, and distances count one more than the words between.

use super::{Adjacency, Grammar, Meaning, Prefix, Reading, connective, field, numbered};
use crate::query::ast::{FactField, Proximity, TextField};

pub(super) const GRAMMAR: Grammar = Grammar {
    or_is_tight: false,
    adjacency: Adjacency::Phrase,
    own: &[],
    meaning,
    wildcards,
};

const FIELDS: [(&str, Prefix); 14] = [
    ("hd", Prefix::Text(TextField::Title)),
    ("hlp", Prefix::Text(TextField::Lead)),
    ("lp", Prefix::Text(TextField::Lead)),
    ("td", Prefix::Text(TextField::Text)),
    ("by", Prefix::Fact(FactField::Author)),
    ("la", Prefix::Fact(FactField::Lang)),
    ("sn", Prefix::Fact(FactField::Source)),
    ("rst", Prefix::Drop),
    ("sc", Prefix::Drop),
    ("re", Prefix::Drop),
    ("ns", Prefix::Drop),
    ("in", Prefix::Drop),
    ("co", Prefix::Drop),
    ("fds", Prefix::Drop),
];

fn meaning(run: &str) -> Reading {
    if run.eq_ignore_ascii_case("same") {
        return Meaning::Near(Proximity::Paragraph).into();
    }
    let slashed = run
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    if let Some(n) = slashed.and_then(|run| numbered(run, "n")) {
        return Meaning::Near(Proximity::Near(n.saturating_sub(1))).into();
    }
    if slashed.is_some_and(|run| numbered(run, "f").is_some()) {
        return Meaning::Prefix(Prefix::Drop, run.to_owned()).into();
    }
    if let Some(n) = numbered(run, "near") {
        return Meaning::Near(Proximity::Near(n.saturating_sub(1))).into();
    }
    if let Some(n) = numbered(run, "adj").or_else(|| numbered(run, "w/")) {
        return Meaning::Near(Proximity::Ordered(n.saturating_sub(1))).into();
    }
    if let Some(n) = numbered(run, "atleast") {
        return Meaning::Prefix(Prefix::AtLeast(n), String::new()).into();
    }
    if run
        .get(..3)
        .is_some_and(|head| head.eq_ignore_ascii_case("wc>") || head.eq_ignore_ascii_case("wc<"))
    {
        return Meaning::Prefix(Prefix::Drop, run.to_owned()).into();
    }
    match connective(run).or_else(|| field(run, '=', &FIELDS)) {
        Some(meaning) if run.to_ascii_lowercase().starts_with("lp=") => {
            meaning.noted("lp= is read as lead:, which has the headline too: wider")
        }
        Some(meaning) => meaning.into(),
        None => Meaning::Word(run.to_owned()).into(),
    }
}

/// `word$3`, at most three more letters, is any ending here.
fn wildcards(words: &str) -> (String, Option<&'static str>) {
    if !words.contains('$') {
        return (words.to_owned(), None);
    }
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let is_ending = before
            .chars()
            .next_back()
            .is_some_and(char::is_alphanumeric);
        out.push(if is_ending { '*' } else { '$' });
        rest = if is_ending {
            behind.trim_start_matches(|c: char| c.is_ascii_digit())
        } else {
            behind
        };
    }
    out.push_str(rest);
    (
        out,
        Some("$ limits the letters of an ending; * is any ending: wider"),
    )
}
