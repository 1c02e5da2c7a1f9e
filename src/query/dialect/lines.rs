//! A list of terms, one a line or parted by commas or semicolons: any of them.

use super::{
    Translation, error,
    shape::{Shape, Writer},
};
use crate::query::{QueryError, Warning};

/// What stands before the items of a list in a word processor.
const BULLETS: [char; 7] = ['•', '·', '‣', '▪', '-', '–', '*'];

pub(super) fn translate(text: &str) -> Result<Translation, Vec<QueryError>> {
    let mut notes = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut list = Vec::new();
    for (start, item) in items(text)? {
        let place = (start, start + item.len());
        if item.starts_with("# ") {
            note(&mut notes, place, "the comment is left out".to_owned());
            continue;
        }
        let words = words_of(item);
        if words.is_empty() {
            continue;
        }
        if says_more(&words) {
            let message = format!(
                "{words} is read as plain words: a list has no operators, fields or concepts"
            );
            note(&mut notes, place, message);
        }
        if !seen.insert(words.to_lowercase()) {
            note(&mut notes, place, format!("{words} is in the list twice"));
            continue;
        }
        list.push(Shape::words(&words, words.contains(' '), 0, place));
    }
    Writer::write(&Shape::any(list), notes)
        .ok_or_else(|| vec![error((0, text.len()), "the list is empty")])
}

fn note(notes: &mut Vec<Warning>, (start, end): (usize, usize), message: String) {
    notes.push(Warning {
        start,
        end,
        message,
    });
}

/// Whether an item looks as if more than words was meant.
fn says_more(words: &str) -> bool {
    words.starts_with(['@', '('])
        || words.contains([':', '|'])
        || words.contains("cs(")
        || words
            .split(' ')
            .any(|word| matches!(word, "AND" | "OR" | "NOT") || word.starts_with("NEAR/"))
}

/// `item` without the number of a numbered list: `3. `, `12) `.
fn without_number(item: &str) -> &str {
    let rest = item.trim_start_matches(|c: char| c.is_ascii_digit());
    let behind = rest
        .strip_prefix(['.', ')'])
        .filter(|_| rest.len() < item.len());
    behind
        .filter(|behind| behind.starts_with(char::is_whitespace))
        .unwrap_or(item)
}

/// The items with their first bytes.
fn items(text: &str) -> Result<Vec<(usize, &str)>, Vec<QueryError>> {
    let mut out = Vec::new();
    let mut quote = None;
    let mut from = 0;
    for (at, c) in text.char_indices() {
        match c {
            '"' | '“' | '”' | '„' | '«' | '»' => {
                quote = if quote.is_some() { None } else { Some(at) };
            }
            '\n' | '\r' if quote.is_some() => break,
            '\n' | '\r' | ',' | ';' | '،' | '؛' | '，' | '；' | '、' if quote.is_none() => {
                out.push((from, text.get(from..at).unwrap_or_default()));
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if let Some(at) = quote {
        let end = text
            .get(at..)
            .and_then(|rest| rest.find(['\n', '\r']))
            .map_or(text.len(), |length| at + length);
        return Err(vec![error((at, end), "the quote is never closed")]);
    }
    out.push((from, text.get(from..).unwrap_or_default()));
    let trimmed = |(at, item): (usize, &'_ str)| at + (item.len() - item.trim_start().len());
    Ok(out
        .into_iter()
        .map(|part| (trimmed(part), part.1.trim()))
        .collect())
}

/// The words of an item: without bullet and quotes, one space between.
fn words_of(item: &str) -> String {
    let item = item
        .strip_prefix(BULLETS)
        .filter(|rest| rest.starts_with(char::is_whitespace))
        .unwrap_or(item);
    let item = without_number(item);
    item.replace(['"', '“', '”', '„', '«', '»'], " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
