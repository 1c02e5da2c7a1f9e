//! Google: words side by side are joined by AND, and OR binds tighter than that.

use super::{Adjacency, Grammar, Meaning, Own, Prefix, Reading, field, same_wildcards};
use crate::query::ast::{FactField, Proximity, TextField};

pub(super) const GRAMMAR: Grammar = Grammar {
    or_is_tight: true,
    adjacency: Adjacency::And,
    own: &[Own::Bars],
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
        "OR" => return Meaning::Or.into(),
        "AND" => return Meaning::And.into(),
        _ => {}
    }
    if let Some(rest) = run.strip_prefix('-') {
        return Meaning::Minus(rest.to_owned()).into();
    }
    if let Some(rest) = run.strip_prefix('+').filter(|rest| !rest.is_empty()) {
        return meaning(rest);
    }
    if let Some(rest) = run.strip_prefix('~').filter(|rest| !rest.is_empty()) {
        return Meaning::Word(rest.to_owned())
            .noted("~ asks for words of like meaning, here for this one alone: narrower");
    }
    if is_range(run) {
        return Meaning::Prefix(Prefix::Drop, run.to_owned()).into();
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
            let site = site.trim_start_matches('.');
            match site.split_once('/') {
                Some((domain, _)) => Meaning::Prefix(prefix, domain.to_owned())
                    .noted("the path behind the domain is not carried over: wider"),
                None => Meaning::Prefix(prefix, site.to_owned()).into(),
            }
        }
        Some(meaning) => meaning.into(),
        None => Meaning::Word(run.to_owned()).into(),
    }
}

/// A range of numbers: `2010..2020`.
fn is_range(run: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    run.split_once("..")
        .is_some_and(|(from, to)| is_number(from) && is_number(to))
}
