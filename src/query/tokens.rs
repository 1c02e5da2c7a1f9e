//! Tokens: the numbers that an article is listed under in the search index, so that a query can pass over most articles
//! without reading them.
//!
//! An article has one for whatever a query may ask of its words: each word, each stem that particles, proclitics and
//! suffixes leave, its beginnings, characters and pairs of them in scripts without spaces; and for its source, language
//! and host. Each is mixed with the fortnight of the article, so that one stretch of time can be looked up at a time.
//! Two things may share a number: the index proposes, the engine decides.

use std::{collections::HashSet, ops::RangeInclusive};

use crate::{
    domain::{SourceId, Subject, Timestamp},
    text::{
        particle::{arabic_stems, hangul_stems, proclitics},
        script::WordKind,
        words::Words,
    },
};

/// Grows with every change of the text model or of what is listed: an index of another number is built anew.
pub const TOKENS_VERSION: i32 = 2;

/// The stretch of time that tokens are mixed with: long enough that a rare word is looked up in few stretches, short
/// enough that what a frequent word brings is sorted in milliseconds.
const EPOCH_MICROS: i64 = 14 * 24 * 3_600 * 1_000_000;

/// Beginnings that are listed, in characters.
const BEGINNINGS: [usize; 2] = [3, 6];
/// The same for Hangul, whose characters are syllables.
const SYLLABLES: [usize; 2] = [2, 3];

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A word or stem.
    Whole = 1,
    /// The beginning of a word.
    Beginning,
    /// Two characters side by side in a script without spaces.
    Pair,
    /// The article's source, by number.
    Source,
    /// Its language, or the language that it is a variety of.
    Language,
    /// The host of its address, or a domain above.
    Host,
}

/// A token before it is mixed with a fortnight.
pub(super) type Token = u64;

/// FNV-1a, 64 bits. Stored: never to be changed without [`TOKENS_VERSION`].
pub(super) fn token(part: Part, letters: &str) -> Token {
    let seed = 0xcbf2_9ce4_8422_2325 ^ (part as u64);
    letters.bytes().fold(seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(super) fn source_token(source: SourceId) -> Token {
    token(Part::Source, &source.get().to_string())
}

/// The beginning of a word by which it is listed, the longest that `letters` has.
pub(super) fn beginning(kind: WordKind, letters: &str) -> Option<&str> {
    lengths(kind)
        .into_iter()
        .rev()
        .find_map(|length| prefix(letters, length))
}

const fn lengths(kind: WordKind) -> [usize; 2] {
    match kind {
        WordKind::Hangul => SYLLABLES,
        _ => BEGINNINGS,
    }
}

/// The first `length` characters; none if there are fewer.
fn prefix(letters: &str, length: usize) -> Option<&str> {
    let last = letters.char_indices().nth(length.checked_sub(1)?)?;
    letters.get(..last.0 + last.1.len_utf8())
}

/// The fortnight of an instant.
#[must_use]
pub fn epoch(instant: Timestamp) -> i64 {
    instant.as_micros().div_euclid(EPOCH_MICROS)
}

/// The first instant of a fortnight.
#[must_use]
pub fn epoch_start(epoch: i64) -> Timestamp {
    Timestamp::from_micros(epoch.saturating_mul(EPOCH_MICROS))
}

/// A token of a fortnight, as it is stored.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bits of a hash"
)]
const fn mixed(token: Token, epoch: i64) -> i32 {
    let hash = (token ^ (epoch as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (hash ^ (hash >> 32)) as i32
}

/// Tokens in each of some fortnights, as they are stored.
pub(super) fn in_epochs(tokens: &[Token], epochs: &RangeInclusive<i64>) -> Vec<i32> {
    epochs
        .clone()
        .flat_map(|epoch| tokens.iter().map(move |&token| mixed(token, epoch)))
        .collect()
}

/// The tokens of an article, sorted, each once. Linear in its length.
#[must_use]
pub fn article_tokens(subject: &Subject<'_>, source: SourceId, sort_at: Timestamp) -> Vec<i32> {
    let mut listed = Listed::default();
    let mut words = Words::default();
    for text in [subject.title, subject.summary, subject.content] {
        words.read(text);
    }
    listed.add_words(&words);
    listed.add_facts(subject, source);
    let epoch = epoch(sort_at);
    let mut tokens: Vec<i32> = listed
        .tokens
        .into_iter()
        .map(|token| mixed(token, epoch))
        .collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// Tokens as they are collected.
#[derive(Default)]
struct Listed {
    tokens: HashSet<Token>,
}

impl Listed {
    fn add(&mut self, part: Part, letters: &str) {
        self.tokens.insert(token(part, letters));
    }

    fn add_words(&mut self, words: &Words) {
        let mut before: Option<&str> = None;
        let mut pair = String::new();
        for word in &words.list {
            let folded = words.folded(word);
            match word.kind {
                WordKind::Alphabetic | WordKind::Katakana => {
                    self.add(Part::Whole, folded);
                    self.add_beginnings(word.kind, folded);
                }
                WordKind::Hangul => {
                    for end in hangul_stems(folded) {
                        self.add(Part::Whole, folded.get(..end).unwrap_or_default());
                    }
                    self.add_beginnings(word.kind, folded);
                }
                WordKind::Arabic => {
                    for start in proclitics(folded) {
                        for end in arabic_stems(folded, start) {
                            self.add(Part::Whole, folded.get(start..end).unwrap_or_default());
                        }
                        self.add_beginnings(word.kind, folded.get(start..).unwrap_or_default());
                    }
                }
                WordKind::Unspaced => {
                    self.add(Part::Whole, folded);
                    if let Some(before) = before.filter(|_| word.glued) {
                        pair.clear();
                        pair.push_str(before);
                        pair.push_str(folded);
                        self.add(Part::Pair, &pair);
                    }
                }
            }
            before = (word.kind == WordKind::Unspaced).then_some(folded);
        }
    }

    fn add_beginnings(&mut self, kind: WordKind, folded: &str) {
        for length in lengths(kind) {
            if let Some(beginning) = prefix(folded, length) {
                self.add(Part::Beginning, beginning);
            }
        }
    }

    fn add_facts(&mut self, subject: &Subject<'_>, source: SourceId) {
        self.tokens.insert(source_token(source));
        let language = subject.facts.language.to_lowercase().replace('_', "-");
        for (end, _) in language.match_indices('-') {
            self.add(Part::Language, language.get(..end).unwrap_or_default());
        }
        self.add(Part::Language, &language);
        let host = super::facts::host(subject.facts.url)
            .trim_end_matches('.')
            .to_lowercase();
        for (start, _) in host.match_indices('.') {
            self.add(Part::Host, host.get(start + 1..).unwrap_or_default());
        }
        self.add(Part::Host, &host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Facts;

    fn tokens(text: &str) -> Vec<i32> {
        let subject = Subject {
            title: text,
            facts: Facts {
                language: "zh-Hant-TW",
                url: "https://www.news.example/1",
                ..Facts::default()
            },
            ..Subject::default()
        };
        article_tokens(&subject, SourceId::new(7), Timestamp::from_micros(0))
    }

    #[test]
    fn an_index_of_this_version_was_made_by_this_text_model() {
        let text = "Iran's U.S. sanctions 북한과의 제재 والعقوبات للنفط تحریم‌ها 朝鲜与伊朗 イランの核 Санкции «Ирана» Hwasong-14 葛\u{E0100}城";
        let sum = tokens(text).into_iter().fold(0_i64, |sum, token| {
            sum.wrapping_mul(31).wrapping_add(i64::from(token))
        });
        assert_eq!(
            sum, PINNED,
            "what is listed has changed: give TOKENS_VERSION the next number, so that every index is built anew"
        );
    }

    /// Of version 2.
    const PINNED: i64 = -8_723_743_854_642_606_566;

    #[test]
    fn fortnights_part_time_without_gaps() {
        for micros in [
            -1,
            0,
            1,
            EPOCH_MICROS - 1,
            EPOCH_MICROS,
            i64::from(i32::MAX) * 1_000_000,
        ] {
            let instant = Timestamp::from_micros(micros);
            let epoch = epoch(instant);
            assert!(
                epoch_start(epoch) <= instant && instant < epoch_start(epoch + 1),
                "{micros}"
            );
        }
    }

    #[test]
    fn the_same_word_of_another_fortnight_is_another_token() {
        assert_ne!(mixed(1, 5), mixed(1, 6));
        assert_eq!(in_epochs(&[1, 2], &(5..=6)).len(), 4);
    }

    #[test]
    fn a_long_article_has_each_token_once() {
        let text = "sanctions ".repeat(100_000);
        assert!(tokens(&text).len() < 20);
    }
}
