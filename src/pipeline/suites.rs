//! The conformance suites of other feed readers, file by file, held against what those projects assert. Like the other
//! corpora they are not ours: `WIREWATCH_CORPORA` names the folder that holds them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use url::Url;

use super::{corpora, dates, normalise, parse, shape};
use crate::domain::Timestamp;

/// Of the rows that count, in hundredths: what each suite must reach.
const TARGET: usize = 97;
/// Suites with fewer rows that count are judged together.
const SMALL: usize = 30;

/// Characters of a text that a difference shows.
const SHOWN: usize = 160;
/// Longer texts are the beginning of what their project asserts.
const CUT_AT: usize = 590;

/// Rows that we read otherwise than their project does, and why ours stays.
const READ_OTHERWISE: &[(&str, &str)] = &[
    (
        "feedparser/wellformed/base/http_entry_id_base_content_location.xml",
        "ids are given as served, not resolved",
    ),
    (
        "feedparser/wellformed/base/http_entry_id_base_docuri.xml",
        "ids are given as served, not resolved",
    ),
    (
        "gofeed/parser/atom/entry_id_xml_base.xml",
        "ids are given as served, not resolved",
    ),
    (
        "gofeed/parser/rss/rss_channel_item_author_cdata_escaped_markup.xml",
        "names are plain text: escaped twice, they are meant once",
    ),
    (
        "gofeed/translator/rss/feed_item_fallbacks_-_rss_channel_item_extensions.xml",
        "dc:date is when it was published, not also when it was updated",
    ),
    (
        "simplepie/inline/item_title_018.xml",
        "a title of 100 KB is cut at 64 KiB",
    ),
    (
        "simplepie/inline/item_title_019.xml",
        "a title of 100 KB is cut at 64 KiB",
    ),
];

/// Dates that we read otherwise than their project does, and why ours stays.
const READ_AS_OTHER_DATES: &[(&str, &str)] = &[
    (
        "03335",
        "five digits: a year and a day for one of their readers, refused (22013) by another",
    ),
    ("2003-012-31T10:14:55+00:00", "no month is 012"),
    (
        "Thu, 01 Jan 0100 00:00:01 +0100",
        "read as the year 99, which their list writes with two digits",
    ),
];

/// A row of a suite: a document and what its project asserts of it.
struct Row(Value);

impl Row {
    fn file(&self) -> &str {
        self.0["file"].as_str().unwrap()
    }

    /// Whether the row asserts a field of an entry, and no second opinion contradicts it.
    fn counts(&self) -> bool {
        let asserts = |item: &Value| {
            let fields = item.as_object().unwrap();
            fields
                .keys()
                .any(|field| field != "index" && !field.ends_with("_html"))
        };
        self.0["agree"] != Value::Bool(false)
            && self.0["expectation"]["items"]
                .as_array()
                .is_some_and(|items| items.iter().any(asserts))
    }

    fn base(&self) -> Url {
        let served = self.0["base_url"].as_str().unwrap_or("http://localhost/");
        let base = Url::parse(served).unwrap();
        self.header("content-location")
            .map_or(base.clone(), |location| base.join(location).unwrap())
    }

    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.0["headers"].as_object()?;
        headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_str())
    }

    /// What differs from what the row asserts, a line for each field.
    fn differences(&self, folder: &Path) -> Vec<String> {
        let body = fs::read(folder.join(self.file())).unwrap();
        let document = match parse::parse(&body, self.header("content-type"), &self.base()) {
            Ok(document) => document,
            Err(error) => return vec![error.to_string()],
        };
        let entries = normalise::entries(&document, None);
        let shown = serde_json::to_value(shape::to_json(&document, &entries)).unwrap();
        let shown = shown["entries"].as_array().unwrap();
        let mut differences = Vec::new();
        let expectation = &self.0["expectation"];
        if let Some(count) = expectation["entries"].as_u64()
            && count != shown.len() as u64
        {
            differences.push(format!("{} entries, not {count}", shown.len()));
        }
        for item in expectation["items"].as_array().into_iter().flatten() {
            let index = usize::try_from(item["index"].as_u64().unwrap()).unwrap();
            let Some(entry) = shown.get(index) else {
                differences.push(format!("no entry {index}"));
                continue;
            };
            let other = &self.0["oracle"]["items"][index];
            for (field, asserted) in item.as_object().unwrap() {
                let ours = reading(entry, field);
                if !(is_met(field, &ours, asserted) || is_taste(field, &ours, other)) {
                    let ours: String = ours.to_string().chars().take(SHOWN).collect();
                    let asserted: String = asserted.to_string().chars().take(SHOWN).collect();
                    differences.push(format!("{index}.{field}: {ours}, not {asserted}"));
                }
            }
        }
        differences
    }
}

/// What we read where a suite asserts a field.
fn reading(entry: &Value, field: &str) -> Value {
    match field {
        "link" => entry["url"].clone(),
        "author" | "author_any" => entry["authors"].clone(),
        "date" if entry["published"].is_null() => entry["updated"].clone(),
        "date" => entry["published"].clone(),
        _ => entry[field].clone(),
    }
}

fn is_met(field: &str, ours: &Value, asserted: &Value) -> bool {
    match field {
        "title" | "summary" | "content" | "id" => is_text(ours, asserted),
        "link" => address(ours) == address(asserted),
        "published" | "updated" | "date" => instant(ours) == instant(asserted),
        "author" | "author_any" => ours.as_array().into_iter().flatten().any(|author| {
            let mut names = asserted
                .as_array()
                .map_or(std::slice::from_ref(asserted), Vec::as_slice)
                .iter();
            names.any(|name| is_text(author, name))
        }),
        _ => true,
    }
}

/// Whether a field that we leave empty is only that project's fallback: the second opinion has none either.
fn is_taste(field: &str, ours: &Value, other: &Value) -> bool {
    let field = if field == "author_any" {
        "author"
    } else {
        field
    };
    let is_empty = match ours {
        Value::String(text) => text.is_empty(),
        Value::Array(names) => names.is_empty(),
        other => other.is_null(),
    };
    is_empty && other.get(field).is_none()
}

fn folded(text: &Value) -> String {
    text.as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_text(ours: &Value, asserted: &Value) -> bool {
    let (ours, asserted) = (folded(ours), folded(asserted));
    ours == asserted || asserted.chars().count() > CUT_AT && ours.starts_with(&asserted)
}

fn address(text: &Value) -> Option<String> {
    let text = text.as_str()?;
    Some(Url::parse(text).map_or_else(|_| text.to_owned(), String::from))
}

fn instant(text: &Value) -> Option<i64> {
    dates::parse(text.as_str()?).map(seconds)
}

/// Whole seconds since 1970.
fn seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

#[test]
fn other_readers_conformance_suites_are_read_as_their_projects_read_them() {
    let Some(folder) = corpora::folder("conformance suites") else {
        return;
    };
    let suites = folder.join("feeds/suites");
    let mut rates: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut report = String::new();
    let mut unexplained = Vec::new();
    for (suite, path) in lists(&suites) {
        let mut unread = 0;
        for row in corpora::rows(path).into_iter().map(Row) {
            let differences = row.differences(&suites.join(folder_of(&suite, &suites)));
            if !row.counts() {
                unread += usize::from(!differences.is_empty());
                continue;
            }
            let rate = rates.entry(suite.clone()).or_default();
            rate.1 += 1;
            if differences.is_empty() {
                rate.0 += 1;
                continue;
            }
            let name = format!("{suite}/{}", row.file());
            let reason = READ_OTHERWISE
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, reason)| *reason);
            let _ = writeln!(
                report,
                "  {name}: {}\n    because {}",
                differences.join("; "),
                reason.unwrap_or("?")
            );
            if reason.is_none() {
                unexplained.push(name);
            }
        }
        let _ = writeln!(
            report,
            "  ({suite}: {unread} more differences in rows that do not count)"
        );
    }
    let small = rates
        .extract_if(.., |_, (_, counted)| *counted < SMALL)
        .fold((0, 0), |sum, (_, rate)| (sum.0 + rate.0, sum.1 + rate.1));
    rates.insert("the small ones together".to_owned(), small);
    for (suite, (met, counted)) in &rates {
        eprintln!(
            "{suite}: {met} of {counted} rows, {}.{} %",
            met * 100 / counted,
            met * 1_000 / counted % 10
        );
    }
    eprintln!("{report}");
    for (suite, (met, counted)) in rates {
        assert!(met * 100 >= counted * TARGET, "{suite}: {met} of {counted}");
    }
    assert!(
        unexplained.is_empty(),
        "without a reason: {}",
        unexplained.join(" ")
    );
}

/// The suites by name, with their lists of rows.
fn lists(suites: &Path) -> Vec<(String, PathBuf)> {
    let mut lists: Vec<_> = fs::read_dir(suites)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(suite, _)| suite != "dates")
        .collect();
    lists.sort();
    lists
}

/// A list may describe files in another suite's folder: `feedparser-sanitize` is a part of `feedparser`.
fn folder_of<'a>(suite: &'a str, suites: &Path) -> &'a str {
    if suites.join(suite).is_dir() {
        suite
    } else {
        suite.split('-').next().unwrap_or(suite)
    }
}

#[test]
fn dates_of_other_readers_tests_are_read() {
    let Some(folder) = corpora::folder("dates of other readers") else {
        return;
    };
    let rows = corpora::rows(folder.join("feeds/suites/dates.jsonl"));
    let mut faults = Vec::new();
    for row in &rows {
        let input = row["input"].as_str().unwrap();
        let found = dates::parse(input).map(seconds);
        let is_met = match (row["expected"].as_str(), row["must"].as_str()) {
            (Some(instant), _) => found == dates::parse(instant).map(seconds),
            (None, Some("parse")) => found.is_some(),
            _ => found.is_none(),
        };
        if !is_met && !READ_AS_OTHER_DATES.iter().any(|(known, _)| *known == input) {
            faults.push(format!(
                "{} {input:?}: {:?}, {} {}",
                row["suite"],
                dates::parse(input),
                row["must"],
                row["expected"]
            ));
        }
    }
    eprintln!(
        "dates: {} of {} rows",
        rows.len() - faults.len() - READ_AS_OTHER_DATES.len(),
        rows.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
