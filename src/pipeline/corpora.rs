//! Readings of other people's documents, held against what is known of them. They are not part of the project: the
//! tests read them where `WIREWATCH_CORPORA` names a folder that has them, and say so where it does not.

use std::{collections::HashMap, env, fs, io::Read as _, path::PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;
use url::Url;

use super::{dates, identify, normalise, parse};
use crate::{
    domain::{FeedId, Identity, Known, Novelty, RawEntry},
    text::html,
};

/// Documents in which the other reader is the one that errs.
const READ_BETTER: [(&str, &str); 4] = [
    (
        "dw-com",
        "items without <link>, whose rdf:about is their address",
    ),
    ("imnews", "2013.12.24 is a date with dots"),
    ("kc0011", "2020/1/10 is a date with one-digit parts"),
    (
        "news-yandex",
        "UTF-8 encoded twice, by way of windows-1252; white space folds otherwise in the ruins",
    ),
];

/// Captures in which the index counts changes that plain text does not have: a space was doubled or made narrow.
const SPACE_ALONE: [(&str, usize); 2] = [
    ("cnn/036_20200429T074626Z.xml.gz", 1),
    ("straitstimes/006_20200423T062603Z.xml.gz", 1),
];

#[expect(
    clippy::disallowed_methods,
    reason = "tests may be told where documents lie"
)]
/// The folder of the corpora, or none with a word on standard error.
pub(super) fn folder(test: &str) -> Option<PathBuf> {
    let folder = env::var_os("WIREWATCH_CORPORA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("{test}: skipped, WIREWATCH_CORPORA names no folder");
    }
    folder
}

pub(super) fn rows(path: PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn base() -> Url {
    Url::parse("https://feeds.example.org/feed").unwrap()
}

#[test]
fn captured_feeds_have_the_entries_that_another_reader_finds() {
    let Some(folder) = folder("captured feeds") else {
        return;
    };
    let mut faults = Vec::new();
    for row in rows(folder.join("feeds/real.oracle.jsonl")) {
        let file = row["file"].as_str().unwrap();
        let body = fs::read(folder.join("feeds/real").join(file)).unwrap();
        let document = match parse::parse(&body, None, &base()) {
            Ok(document) => document,
            Err(error) => {
                faults.push(format!("{file}: {error}"));
                continue;
            }
        };
        if Some(document.entries.len() as u64) != row["n"].as_u64() {
            faults.push(format!(
                "{file}: {} entries, not {}",
                document.entries.len(),
                row["n"]
            ));
        }
        for (entry, other) in document
            .entries
            .iter()
            .zip(row["items"].as_array().unwrap())
        {
            let ours = plain(entry, file);
            let theirs = expected(other);
            if ours != theirs
                && !READ_BETTER
                    .iter()
                    .any(|(better, _)| file.starts_with(better))
            {
                faults.push(format!("{file}: {ours:?}, not {theirs:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Title, link, id and date to the second, as the other reader tells them.
type Told = (String, Option<String>, Option<String>, Option<i64>);

fn plain(entry: &RawEntry, file: &str) -> Told {
    let title = entry.title.as_deref().map(html::title).unwrap_or_default();
    // The other reader gives what it cannot resolve as it is, and an entity for a parameter that is named like one.
    let url = entry.url.as_deref().map(|url| {
        url.trim_start_matches("https://feeds.example.org")
            .to_owned()
    });
    let id = entry.id.as_deref().map(|id| {
        if file.starts_with("bold-dk") {
            id.replace("&utm_", "&utm;_")
        } else {
            id.to_owned()
        }
    });
    let date = entry
        .published
        .or(entry.updated)
        .map(|at| at.as_micros() / 1_000_000);
    (title, url, id, date)
}

fn expected(other: &Value) -> Told {
    let text = |name: &str| other[name].as_str().map(str::to_owned);
    let date = text("published").or_else(|| text("updated"));
    (
        html::title(&text("title").unwrap_or_default()),
        text("link"),
        text("id"),
        date.and_then(|date| dates::parse(&date))
            .map(|at| at.as_micros() / 1_000_000),
    )
}

#[test]
fn captures_of_a_feed_hold_as_many_new_and_changed_entries_as_are_known() {
    let Some(folder) = folder("sequences of captures") else {
        return;
    };
    let index = fs::read_to_string(folder.join("feeds/sequences/INDEX.tsv")).unwrap();
    let mut ledger: HashMap<Identity, Known> = HashMap::new();
    let mut sequence = String::new();
    let mut faults = Vec::new();
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let file = columns[0];
        let expected: [usize; 3] = [6, 7, 8].map(|column: usize| columns[column].parse().unwrap());
        let name = file.split('/').next().unwrap();
        if name != sequence {
            ledger.clear();
            name.clone_into(&mut sequence);
        }
        let unseen = SPACE_ALONE
            .iter()
            .find(|(capture, _)| *capture == file)
            .map_or(0, |(_, changes)| *changes);
        let expected = [expected[0], expected[1], expected[2] - unseen];
        let found = replay(
            &fs::read(folder.join("feeds/sequences").join(file)).unwrap(),
            &mut ledger,
        );
        if found != expected {
            faults.push(format!("{file}: {found:?}, not {expected:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Entries, new ones and changed ones of a capture, with the ledger carried on as a store would.
fn replay(gzipped: &[u8], ledger: &mut HashMap<Identity, Known>) -> [usize; 3] {
    const FEED: FeedId = FeedId::new(1);
    let mut body = Vec::new();
    GzDecoder::new(gzipped).read_to_end(&mut body).unwrap();
    let mut entries = normalise::entries(&parse::parse(&body, None, &base()).unwrap(), None);
    normalise::tell_once(&mut entries);
    let prints = identify::fingerprints(&entries);
    let lookup = identify::lookup(FEED, &entries, &prints);
    let known: Vec<Known> = ledger
        .values()
        .filter(|row| {
            row.url.is_some_and(|url| lookup.urls.contains(&url))
                || row.guid.is_some_and(|guid| lookup.guids.contains(&guid))
                || lookup.identities.contains(&row.identity)
        })
        .copied()
        .collect();
    let identified = identify::identify(FEED, &entries, &prints, &known);
    for found in identified
        .iter()
        .filter(|found| found.novelty != Novelty::Unchanged)
    {
        ledger.insert(found.known.identity, found.known);
    }
    let count = |novelty| {
        identified
            .iter()
            .filter(|found| found.novelty == novelty)
            .count()
    };
    [entries.len(), count(Novelty::New), count(Novelty::Changed)]
}
