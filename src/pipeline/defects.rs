//! One bad entry among good ones: in every format and at every place the good ones are read whole, and the bad one is
//! read or counted, and never stored without the title that it has.

use serde::Deserialize;
use url::Url;

use super::{normalise, parse};
use crate::domain::Entry;

const GOOD: usize = 49;

/// What stands in the place of an entry.
#[derive(Deserialize)]
struct Defect {
    format: String,
    name: String,
    entry: String,
    title: Option<String>,
}

fn defects() -> Vec<Defect> {
    #[derive(Deserialize)]
    struct File {
        defects: Vec<Defect>,
    }
    let text = include_str!("../../tests/fixtures/feeds/defects.toml");
    toml::from_str::<File>(text).unwrap().defects
}

/// The entry with its bytes and repetitions written out.
fn bytes(entry: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = entry;
    while let Some((before, after)) = rest.split_once("{{") {
        let (told, after) = after.split_once("}}").unwrap();
        bytes.extend(before.bytes());
        if let Some(byte) = told.strip_prefix("0x") {
            bytes.push(u8::from_str_radix(byte, 16).unwrap());
        } else {
            let (text, times) = told.rsplit_once('*').unwrap();
            bytes.extend(text.repeat(times.parse().unwrap()).bytes());
        }
        rest = after;
    }
    bytes.extend(rest.bytes());
    bytes
}

fn good(format: &str, number: usize) -> String {
    let (title, url) = (
        format!("acme report {number}"),
        format!("https://news.example/{number}"),
    );
    match format {
        "atom" => format!(
            "<entry><id>urn:{number}</id><title>{title}</title><link href=\"{url}\"/></entry>"
        ),
        "rdf" => {
            format!("<item rdf:about=\"{url}\"><title>{title}</title><link>{url}</link></item>")
        }
        "json" => format!("{{\"id\":\"{number}\",\"title\":\"{title}\",\"url\":\"{url}\"}}"),
        _ => format!(
            "<item><guid isPermaLink=\"false\">{number}</guid><title>{title}</title><link>{url}</link></item>"
        ),
    }
}

/// A document of 49 good entries with the defect at `place`.
fn document(defect: &Defect, place: usize) -> Vec<u8> {
    let (before, between, after) = match defect.format.as_str() {
        "atom" => (
            "<feed xmlns=\"http://www.w3.org/2005/Atom\">",
            "\n",
            "</feed>",
        ),
        "rdf" => (
            "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\" \
             xmlns:dc=\"http://purl.org/dc/elements/1.1/\">",
            "\n",
            "</rdf:RDF>",
        ),
        "json" => (
            "{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"t\",\"items\":[",
            ",",
            "]}",
        ),
        _ => (
            "<rss version=\"2.0\" xmlns:media=\"http://search.yahoo.com/mrss/\"><channel><title>t</title>",
            "\n",
            "</channel></rss>",
        ),
    };
    let mut entries: Vec<Vec<u8>> = (0..GOOD)
        .map(|number| good(&defect.format, number).into_bytes())
        .collect();
    entries.insert(place, bytes(&defect.entry));
    [
        before.as_bytes(),
        &entries.join(between.as_bytes()),
        after.as_bytes(),
    ]
    .concat()
}

/// What is wrong with how a document was read.
fn fault(defect: &Defect, place: usize) -> Option<String> {
    let base = Url::parse("https://news.example/feed").unwrap();
    let document = match parse::parse(&document(defect, place), None, &base) {
        Ok(document) => document,
        Err(error) => return Some(error.to_string()),
    };
    let entries = normalise::entries(&document, None);
    let is_good = |entry: &&Entry| entry.title.starts_with("acme report ");
    let read = entries.iter().filter(is_good).count();
    if read != GOOD {
        return Some(format!("{read} of {GOOD} others"));
    }
    let rest: Vec<&str> = entries
        .iter()
        .filter(|entry| !is_good(entry))
        .map(|entry| entry.title.as_str())
        .collect();
    let is_met = |expected: &str| match expected.strip_prefix('*') {
        Some(part) => rest.iter().any(|title| title.contains(part)),
        None => rest.contains(&expected),
    };
    let expected = defect.title.as_deref()?;
    (!is_met(expected)).then(|| {
        let shown: Vec<String> = rest
            .iter()
            .map(|title| title.chars().take(60).collect())
            .collect();
        format!("{shown:?}, not {expected:?}")
    })
}

#[test]
fn one_bad_entry_costs_no_other_and_keeps_its_title() {
    let defects = defects();
    assert!(defects.len() >= 80);
    let mut faults = Vec::new();
    for defect in &defects {
        for place in [0, GOOD / 2, GOOD] {
            if let Some(fault) = fault(defect, place) {
                faults.push(format!(
                    "{}, {} at {place}: {fault}",
                    defect.format, defect.name
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
