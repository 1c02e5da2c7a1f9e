//! The pages, the API and the live stream, asked over a real connection about what a real worker stored.

mod access;
mod accounts;
mod added;
mod administered;
mod api;
mod attacks;
mod crowd;
mod desk;
mod keywords;
mod live;
mod metrics;
mod new_feeds;
mod origins;
mod outputs;
mod pages;
mod refusals;
mod refused_writes;
mod regrouped;
mod search;
mod seen;
mod trends;

use std::collections::BTreeMap;

use wirewatch::domain::{Beat, BeatConcept};

/// The beat `beat` with the concepts Iran and North Korea.
fn with_concepts(mut beat: Beat) -> Beat {
    let concept = |slug: &str, name: &str, terms: &[(&str, &str)]| BeatConcept {
        slug: slug.to_owned(),
        name: name.to_owned(),
        terms: terms
            .iter()
            .map(|(language, term)| ((*language).to_owned(), vec![(*term).to_owned()]))
            .collect::<BTreeMap<_, _>>(),
        anti_terms: Vec::new(),
        note: String::new(),
    };
    beat.concepts = vec![
        concept("iran", "Iran", &[("en", "Iran"), ("ko", "이란")]),
        concept(
            "dprk",
            "North Korea",
            &[("en", "North Korea"), ("ko", "북한")],
        ),
    ];
    beat
}

/// The fields of a form with the seal of what its page shows.
pub(crate) fn sealed<'a>(page: &'a str, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let seal = between(page, "name=\"seen\" value=\"", "\"")[0];
    let mut sealed = fields.to_vec();
    sealed.push(("seen", seal));
    sealed
}

/// All pieces of `text` between `before` and the next `after`.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before)
        .skip(1)
        .map(|rest| rest.split(after).next().unwrap())
        .collect()
}
