//! Meltwater: NEAR alone is NEAR/4, and the lead is called ingress.

use super::{
    Adjacency, Grammar, Meaning, Prefix, Reading, connective, field, numbered, same_wildcards,
};
use crate::query::ast::{FactField, Proximity, TextField};

pub(super) const GRAMMAR: Grammar = Grammar {
    or_is_tight: false,
    adjacency: Adjacency::Nothing,
    own: &[],
    meaning,
    wildcards: same_wildcards,
};

/// Words between where no number is written.
const DEFAULT_DISTANCE: u32 = 4;

const FIELDS: [(&str, Prefix); 9] = [
    ("title", Prefix::Text(TextField::Title)),
    ("headline", Prefix::Text(TextField::Title)),
    ("ingress", Prefix::Text(TextField::Lead)),
    ("author", Prefix::Fact(FactField::Author)),
    ("source", Prefix::Fact(FactField::Source)),
    ("url", Prefix::Fact(FactField::Url)),
    ("language", Prefix::Fact(FactField::Lang)),
    ("country", Prefix::Fact(FactField::Country)),
    ("hashtag", Prefix::Drop),
];

fn meaning(run: &str) -> Reading {
    if run.eq_ignore_ascii_case("near") {
        return Meaning::Near(Proximity::Near(DEFAULT_DISTANCE)).into();
    }
    if run.eq_ignore_ascii_case("onear") {
        return Meaning::Near(Proximity::Ordered(DEFAULT_DISTANCE)).into();
    }
    if let Some((word, weight)) = run.split_once('^')
        && !word.is_empty()
        && weight.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Meaning::Word(word.to_owned()).noted(format!(
            "the weight ^{weight} has no counterpart and is left out"
        ));
    }
    connective(run)
        .or_else(|| Some(Meaning::Near(Proximity::Near(numbered(run, "near/")?))))
        .or_else(|| Some(Meaning::Near(Proximity::Ordered(numbered(run, "onear/")?))))
        .or_else(|| field(run, ':', &FIELDS))
        .unwrap_or_else(|| Meaning::Word(run.to_owned()))
        .into()
}
