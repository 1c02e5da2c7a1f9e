//! Google: words side by side are joined by AND, and OR binds tighter than that.

use super::{Adjacency, Grammar, Meaning, Prefix, Reading, field, same_wildcards};
use crate::query::ast::{FactField, Proximity, TextField};

pub(super) const GRAMMAR: Grammar = Grammar {
    or_is_tight: true,
    adjacency: Adjacency::And,
    has_calls: false,
    meaning,
    wildcards: same_wildcards,
};

const FIELDS: [(&str, Prefix); 13] = [
    ("site", Prefix::Fact(FactField::Domain)),
    ("source", Prefix::Fact(FactField::Source)),
    ("author", Prefix::Fact(FactField::Author)),
    ("inurl", Prefix::Fact(FactField::Url)),
    ("intitle", Prefix::Text(TextField::Title)),
    ("allintitle", Prefix::Text(TextField::Title)),
    ("intext", Prefix::Text(TextField::Text)),
    ("filetype", Prefix::Drop),
    ("before", Prefix::Drop),
    ("after", Prefix::Drop),
    ("when", Prefix::Drop),
    ("location", Prefix::Drop),
    ("related", Prefix::Drop),
];

fn meaning(run: &str) -> Reading {
    match run {
        "OR" | "|" => return Meaning::Or.into(),
        "AND" => return Meaning::And.into(),
        _ => {}
    }
    if let Some(rest) = run.strip_prefix('-') {
        return Meaning::Minus(rest.to_owned()).into();
    }
    if let Some(rest) = run.strip_prefix('+').filter(|rest| !rest.is_empty()) {
        return meaning(rest);
    }
    let around = run
        .strip_prefix("AROUND(")
        .and_then(|rest| rest.strip_suffix(')'));
    if let Some(n) = around.and_then(|n| n.trim().parse().ok()) {
        return Meaning::Near(Proximity::Near(n)).into();
    }
    match field(run, ':', &FIELDS) {
        Some(meaning) if run.to_ascii_lowercase().starts_with("allintitle:") => {
            meaning.noted("allintitle: is read as intitle: of the next word alone")
        }
        Some(Meaning::Prefix(prefix @ Prefix::Fact(FactField::Domain), site)) => {
            match site.split_once('/') {
                Some((domain, _)) => Meaning::Prefix(prefix, domain.to_owned())
                    .noted("the path behind the domain is not carried over: wider"),
                None => Meaning::Prefix(prefix, site).into(),
            }
        }
        Some(meaning) => meaning.into(),
        None => Meaning::Word(run.to_owned()).into(),
    }
}
