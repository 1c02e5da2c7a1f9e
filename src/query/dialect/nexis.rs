//! Nexis: OR binds tighter than the NEAR family, and that tighter than AND; distances count one more than the words
//! between.

use super::{Adjacency, Grammar, Meaning, Own, Prefix, Reading, connective, numbered};
use crate::query::ast::{FactField, Proximity, TextField};

pub(super) const GRAMMAR: Grammar = Grammar {
    or_is_tight: true,
    adjacency: Adjacency::Phrase,
    own: &[Own::Calls, Own::Plurals],
    meaning,
    wildcards,
};

/// Names that stand before a parenthesis.
const SEGMENTS: [(&str, Prefix); 20] = [
    ("headline", Prefix::Text(TextField::Title)),
    ("title", Prefix::Text(TextField::Title)),
    ("hlead", Prefix::Text(TextField::Lead)),
    ("lead", Prefix::Text(TextField::Lead)),
    ("body", Prefix::Text(TextField::Text)),
    ("byline", Prefix::Fact(FactField::Author)),
    ("publication", Prefix::Fact(FactField::Source)),
    ("language", Prefix::Fact(FactField::Lang)),
    ("caps", Prefix::Exact),
    ("allcaps", Prefix::Capitals),
    ("nocaps", Prefix::Plain),
    ("singular", Prefix::Plain),
    ("plural", Prefix::Plain),
    ("length", Prefix::Drop),
    ("date", Prefix::Drop),
    ("term", Prefix::Drop),
    ("subject", Prefix::Drop),
    ("geographic", Prefix::Drop),
    ("company", Prefix::Drop),
    ("section", Prefix::Drop),
];

fn meaning(run: &str) -> Reading {
    // The reader leaves the parenthesis with the name: HEADLINE(
    if let Some(name) = run.strip_suffix('(') {
        if let Some(n) = numbered(name, "atleast") {
            return Meaning::Prefix(Prefix::AtLeast(n), String::new()).into();
        }
        let known = SEGMENTS
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known));
        return match known {
            Some(&(_, Prefix::Plain)) => Meaning::Prefix(Prefix::Plain, String::new())
                .noted(format!("{name}() is not carried over: wider")),
            Some(&(_, Prefix::Exact)) => Meaning::Prefix(Prefix::Exact, String::new()).noted(
                "CAPS() asks for a capital somewhere, cs() for exactly these letters: narrower",
            ),
            Some(&(_, prefix)) => Meaning::Prefix(prefix, String::new()).into(),
            None => Meaning::Word(name.to_owned()).into(),
        };
    }
    for (name, proximity) in [("w/s", Proximity::Sentence), ("w/p", Proximity::Paragraph)] {
        if run.eq_ignore_ascii_case(name) {
            return Meaning::Near(proximity).into();
        }
    }
    if run.eq_ignore_ascii_case("w/seg") {
        return Meaning::And.noted("w/seg is read as AND: wider");
    }
    for name in ["w/", "near/", "/"] {
        if let Some(n) = numbered(run, name) {
            return Meaning::Near(Proximity::Near(n.saturating_sub(1))).into();
        }
    }
    for name in ["pre/", "onear/", "+"] {
        if let Some(n) = numbered(run, name) {
            return Meaning::Near(Proximity::Ordered(n.saturating_sub(1))).into();
        }
    }
    connective(run)
        .unwrap_or_else(|| Meaning::Word(run.to_owned()))
        .into()
}

/// `word!` is any ending, `*` one letter.
fn wildcards(words: &str) -> (String, Option<&'static str>) {
    let note = words
        .contains('*')
        .then_some("* may stand for no letter at the end of a word, ? is exactly one: narrower");
    (words.replace('*', "?").replace('!', "*"), note)
}
