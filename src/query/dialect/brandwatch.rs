//! Brandwatch: words side by side are a phrase, `NEAR/nf` keeps the order, `raw:` the letters.

use super::{Adjacency, Grammar, Meaning, Own, Prefix, Reading, field, numbered, same_wildcards};
use crate::query::ast::{FactField, Proximity, TextField};

pub(super) const GRAMMAR: Grammar = Grammar {
    or_is_tight: false,
    adjacency: Adjacency::Phrase,
    own: &[Own::Comments],
    meaning,
    wildcards: same_wildcards,
};

const FIELDS: [(&str, Prefix); 12] = [
    ("raw", Prefix::Exact),
    ("title", Prefix::Text(TextField::Title)),
    ("site", Prefix::Fact(FactField::Domain)),
    ("url", Prefix::Fact(FactField::Url)),
    ("author", Prefix::Fact(FactField::Author)),
    ("language", Prefix::Fact(FactField::Lang)),
    ("country", Prefix::Fact(FactField::Country)),
    ("links", Prefix::Drop),
    ("hashtags", Prefix::Drop),
    ("mentions", Prefix::Drop),
    ("rating", Prefix::Drop),
    ("engagementtype", Prefix::Drop),
];

fn meaning(run: &str) -> Reading {
    match run {
        "AND" => return Meaning::And.into(),
        "OR" => return Meaning::Or.into(),
        "NOT" => return Meaning::Not.into(),
        _ => {}
    }
    let braced = run
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    if let Some(letters) = braced.filter(|letters| !letters.is_empty()) {
        return Meaning::Prefix(Prefix::Exact, letters.to_owned()).into();
    }
    if let Some(n) = numbered(run, "NEAR/") {
        return Meaning::Near(Proximity::Near(n)).into();
    }
    let ordered = run.strip_suffix(['f', 'F']);
    if let Some(n) = ordered.and_then(|run| numbered(run, "NEAR/")) {
        return Meaning::Near(Proximity::Ordered(n)).into();
    }
    field(run, ':', &FIELDS)
        .unwrap_or_else(|| Meaning::Word(run.to_owned()))
        .into()
}
