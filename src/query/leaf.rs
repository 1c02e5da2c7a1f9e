//! Terms and phrases as they are written: alone in a concept's list, or as a leaf of a query.

use super::{
    ast::Leaf,
    lexer::{Kind, lex},
};
use crate::text::{
    script::WordKind,
    words::{ANY_LETTERS, ONE_LETTER, Words},
};

/// The longest term or phrase, in characters. A phrase is compared word by word wherever its rarest word stands, and a
/// text may repeat that word for ever: the product must stay small.
const MAX_CHARS: usize = 500;
/// Letters that a wildcard needs beside it.
const MIN_LETTERS: usize = 2;

/// What keeps words from being sought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) message: String,
    pub(super) ways_out: Vec<String>,
}

/// What is wrong with the words of a leaf, if anything.
pub(super) fn flaw_of(words: &str) -> Option<Flaw> {
    if let Some((cut, _)) = words.char_indices().nth(MAX_CHARS) {
        let shown: String = words
            .get(..cut)
            .unwrap_or_default()
            .chars()
            .take(40)
            .collect();
        return Some(Flaw {
            message: format!(
                "{shown}… has {} characters, a term or phrase may have {MAX_CHARS}",
                words.chars().count()
            ),
            ways_out: Vec::new(),
        });
    }
    let pattern = Words::of_pattern(words);
    if pattern.list.is_empty() {
        return Some(Flaw {
            message: format!(
                "{words:?} has neither letters nor digits, nothing can be found by it"
            ),
            ways_out: Vec::new(),
        });
    }
    let has_few_letters = || {
        let letters = pattern
            .list
            .iter()
            .flat_map(|word| pattern.folded(word).chars());
        letters
            .filter(|c| c.is_alphanumeric())
            .take(MIN_LETTERS)
            .count()
            < MIN_LETTERS
    };
    let broad = pattern
        .list
        .iter()
        .find(|word| {
            is_too_broad(pattern.folded(word))
                && (word.kind != WordKind::Unspaced || has_few_letters())
        })
        .map(|word| pattern.folded(word))?;
    let shown = broad.replace(ANY_LETTERS, "*").replace(ONE_LETTER, "?");
    let bare: Vec<&str> = words
        .split(' ')
        .filter(|word| word.contains(char::is_alphanumeric))
        .collect();
    let ways_out = if bare.len() > 1 && !shown.contains(char::is_alphanumeric) {
        vec![format!("\"{}\"~1", bare.join(" "))]
    } else {
        Vec::new()
    };
    Some(Flaw {
        message: format!("{shown}: a wildcard needs at least {MIN_LETTERS} letters beside it"),
        ways_out,
    })
}

/// Whether a word of a pattern has a wildcard with too few letters.
fn is_too_broad(word: &str) -> bool {
    word.contains([ANY_LETTERS, ONE_LETTER])
        && word.chars().filter(|c| c.is_alphanumeric()).count() < MIN_LETTERS
}

/// Signs in a term that no text is searched for.
pub(super) fn ignored_signs(words: &str) -> Option<char> {
    words.chars().find(|c| "+#$%=<>|[]{}^\\&;!".contains(*c))
}

/// Reads an entry of a concept's list: a term, a phrase with or without quotes, or `cs()` of one.
pub(super) fn read_entry(text: &str) -> Result<Leaf, String> {
    let (tokens, errors) = lex(text);
    if let Some(error) = errors.first() {
        return Err(error.to_string());
    }
    let kinds: Vec<&Kind> = tokens.iter().map(|token| &token.kind).collect();
    let mut leaf = match kinds.as_slice() {
        [] => return Err("it is empty".to_owned()),
        [Kind::Exact, inner @ .., Kind::Close] => Leaf {
            is_exact: true,
            ..words_of(inner)?
        },
        all => words_of(all)?,
    };
    if leaf.words == "*" {
        return Err("* would be a mention everywhere".to_owned());
    }
    leaf.is_phrase |= leaf.words.contains(' ');
    flaw_of(&leaf.words).map_or(Ok(leaf), |flaw| Err(flaw.message))
}

/// A phrase, or words without quotes, which are taken as one.
fn words_of(kinds: &[&Kind]) -> Result<Leaf, String> {
    if let [Kind::Phrase { words, slop }] = kinds {
        return Ok(Leaf {
            words: words.clone(),
            is_phrase: true,
            slop: *slop,
            is_exact: false,
        });
    }
    let words: Option<Vec<&str>> = kinds
        .iter()
        .map(|kind| match kind {
            Kind::Word(word) => Some(word.as_str()),
            _ => None,
        })
        .collect();
    let words = words.ok_or(
        "it is to be a term, a phrase, or cs() of one; operators and lists belong in a query",
    )?;
    Ok(Leaf {
        words: words.join(" "),
        is_phrase: false,
        slop: 0,
        is_exact: false,
    })
}
