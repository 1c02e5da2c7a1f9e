//! Word forms made one: what inflection leaves of a word, by the habits of its script.
//!
//! Light on purpose: a stem only has to be the same for forms of a word and rarely for two words, and is never shown.

use crate::text::script::WordKind;
use crate::text::{
    particle,
    words::{Word, Words},
};

/// Letters of an alphabetic stem that count; endings stand behind them.
const LATIN_LETTERS: usize = 6;
/// The same for Cyrillic, whose endings are longer.
const CYRILLIC_LETTERS: usize = 5;

/// The stem of a folded word, as part of the word itself.
#[must_use]
pub(super) fn stem<'a>(words: &'a Words, word: &Word) -> &'a str {
    let folded = words.folded(word);
    match word.kind {
        WordKind::Alphabetic if folded.bytes().any(|byte| byte.is_ascii_digit()) => folded,
        WordKind::Alphabetic if folded.is_ascii() => cut(english(folded), LATIN_LETTERS),
        WordKind::Alphabetic => cut(folded, CYRILLIC_LETTERS),
        WordKind::Hangul => hangul(folded),
        WordKind::Arabic => arabic(folded),
        WordKind::Katakana | WordKind::Unspaced => folded,
    }
}

fn cut(word: &str, letters: usize) -> &str {
    word.char_indices()
        .nth(letters)
        .map_or(word, |(at, _)| word.get(..at).unwrap_or(word))
}

/// Plurals, participles and the commonest names of peoples.
fn english(word: &str) -> &str {
    let length = word.len();
    let less = |bytes: usize| word.get(..length - bytes).unwrap_or(word);
    if length > 4 && word.ends_with("ies") {
        return less(3);
    }
    if length > 5 && (word.ends_with("ing") || word.ends_with("ian")) {
        return undoubled(less(3));
    }
    if length > 4 && word.ends_with("ed") {
        return undoubled(less(2));
    }
    if length > 4 && (word.ends_with("es") || word.ends_with("an")) {
        return less(2);
    }
    if length > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") {
        return without_mute(less(1));
    }
    without_mute(word)
}

/// `stopp` is `stop`.
fn undoubled(word: &str) -> &str {
    let bytes = word.as_bytes();
    match bytes {
        [.., a, b] if a == b && !matches!(b, b's' | b'l' | b'e') => &word[..word.len() - 1],
        _ => without_mute(word),
    }
}

/// A last vowel that comes and goes (`rise`, `rising`; `italy`, `italian`; `america`, `american`).
fn without_mute(word: &str) -> &str {
    if word.len() > 4 && word.ends_with(['e', 'y', 'i', 'a']) {
        &word[..word.len() - 1]
    } else {
        word
    }
}

/// Without the longest particle that leaves two syllables.
fn hangul(word: &str) -> &str {
    particle::hangul_stems(word)
        .filter(|&end| end >= 6)
        .last()
        .and_then(|end| word.get(..end))
        .unwrap_or(word)
}

/// Without the longest proclitic and suffix that leave three letters.
fn arabic(word: &str) -> &str {
    const SHORTEST: usize = 6;
    let start = particle::proclitics(word)
        .filter(|&start| {
            // a single letter may belong to the word; the article with what precedes it hardly ever
            (start == 0 || start >= 4) && word.len() - start >= SHORTEST
        })
        .last()
        .unwrap_or(0);
    let end = particle::arabic_stems(word, start)
        .filter(|&end| end >= start + SHORTEST)
        .min()
        .unwrap_or(word.len());
    word.get(start..end).unwrap_or(word)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for (a, b) in [
            ("protests", "protest"),
            ("sanctioned", "sanctions"),
            ("tariffs", "tariff"),
            ("stopped", "stop"),
            ("Italian", "Italy"),
            ("Ukrainian", "Ukraine"),
            ("Venezuelan", "Venezuela"),
            ("countries", "country"),
            ("санкции", "санкций"),
            ("иранский", "иранского"),
            ("북한은", "북한과의"),
            ("والعقوبات", "العقوبات"),
            ("تحریم‌های", "تحریم"),
        ] {
            let of = |text: &str| {
                let words = Words::of(text);
                stem(&words, words.list.first().unwrap()).to_owned()
            };
            assert_eq!(of(a), of(b), "{a} {b}");
        }
    }

    #[test]
    fn different_words_keep_apart() {
        for (a, b) in [
            ("iran", "iraq"),
            ("miss", "missile"),
            ("이란", "이라크"),
            ("2025", "2026"),
        ] {
            let of = |text: &str| {
                let words = Words::of(text);
                stem(&words, words.list.first().unwrap()).to_owned()
            };
            assert_ne!(of(a), of(b), "{a} {b}");
        }
    }
}
