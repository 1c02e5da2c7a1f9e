//! Readings of other people's documents, held against what is known of them. They are not part of the project: the
//! tests read them where `WIREWATCH_CORPORA` names a folder that has them, and say so where it does not.

use std::{env, fs, path::PathBuf};

use serde_json::Value;
use url::Url;

use super::parse;
use crate::text::html;

/// The folder of the corpora, or none with a word on standard error.
fn folder(test: &str) -> Option<PathBuf> {
    let folder = env::var_os("WIREWATCH_CORPORA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("{test}: skipped, WIREWATCH_CORPORA names no folder");
    }
    folder
}

fn rows(path: PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn base() -> Url {
    Url::parse("https://feeds.example.org/feed").unwrap()
}

#[test]
fn captured_feeds_have_the_entries_that_another_reader_finds() {
    let Some(folder) = folder("captured feeds") else { return };
    let mut faults = Vec::new();
    for row in rows(folder.join("feeds/real.oracle.jsonl")) {
        let file = row["file"].as_str().unwrap();
        let body = fs::read(folder.join("feeds/real").join(file)).unwrap();
        match parse::parse(&body, None, &base()) {
            Ok(document) => {
                if Some(document.entries.len() as u64) != row["n"].as_u64() || document.is_partial {
                    faults.push(format!("{file}: {} entries, not {} {}", document.entries.len(), row["n"], document.is_partial));
                }
                for (entry, other) in document.entries.iter().zip(row["items"].as_array().unwrap()) {
                    let ours = entry.title.as_deref().map(html::title).unwrap_or_default();
                    let theirs = html::title(other["title"].as_str().unwrap_or_default());
                    if ours != theirs { faults.push(format!("{file} title {ours:?} {theirs:?}")); }
                    for (what, ours, theirs) in [("link", entry.url.clone(), &other["link"]), ("id", entry.id.clone(), &other["id"]),
                        ("date", entry.published.map(|t| t.to_string()), if other["published"].is_null() { &other["updated"] } else { &other["published"] })] {
                        if ours.as_deref() != theirs.as_str() { faults.push(format!("{file} {what} {ours:?} {theirs:?}")); }
                    }
                }
            }
            Err(error) => faults.push(format!("{file}: {error}")),
        }
    }
    assert!(faults.is_empty(), "{} {}", faults.len(), faults.join("\n"));
}
