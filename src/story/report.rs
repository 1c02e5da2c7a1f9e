//! A report as grouping reads it: what of its words, names and numbers counts, worked out once.

use std::hash::Hasher as _;

use super::{
    background::{is_everyday, is_function_word},
    fnv::Fnv,
    headline, names,
    stem::stem,
    tuning,
};
use crate::{
    domain::Timestamp,
    text::{
        script::WordKind,
        words::{Word, Words},
    },
};

/// Words of the text that count as its lead.
const LEAD_WORDS: usize = 80;
/// Words of the text that are compared for copies: what an outlet shortens, it shortens from the end.
const COPY_WORDS: usize = 300;
/// The most terms that are kept of a report.
const MAX_TERMS: usize = 96;

/// What is known of a report.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Headline.
    pub title: &'a str,
    /// Plain text behind it, summary or content; may be empty.
    pub text: &'a str,
    /// Language (BCP 47), where it is known.
    pub language: Option<&'a str>,
    /// The outlet's name or slug.
    pub outlet: &'a str,
    /// When it was published, or first seen.
    pub at: Option<Timestamp>,
    /// Concepts of the beat that it names, by slug.
    pub concepts: &'a [String],
}

/// A term: the hash of its letters, and how strongly the report speaks of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// Hash of the stem; the two lowest bits are 0 for what belongs to a language.
    pub id: u32,
    /// Strength before rarity is counted.
    pub strength: f32,
}

/// What grouping needs of a report.
#[derive(Debug, Clone, Default)]
pub struct Traits {
    /// First two letters of the language, or what the script says.
    pub language: [u8; 2],
    /// Hash of the outlet; zero if unknown.
    pub outlet: u64,
    /// Seconds after 1970.
    pub at: i64,
    /// Words, concepts and numbers, sorted by id: what is compared within a language.
    pub terms: Vec<Term>,
    /// Concepts, numbers and skeletons of names, sorted by id: what is compared across languages.
    pub carried: Vec<Term>,
    /// Hash of the bare, folded headline.
    pub title_key: u64,
    /// Hash of the bare, folded headline without its numbers.
    pub title_shape: u64,
    /// Words of the bare headline.
    pub title_words: u32,
    /// Whether the headline is written without spaces, so that each character counts as a word.
    pub is_unspaced: bool,
    /// Hashes of runs of the text's words, sorted.
    pub shingles: Vec<u32>,
    /// Words of the text that the shingles were made of.
    pub text_words: u32,
}

impl Traits {
    /// Reads a report.
    #[must_use]
    pub fn of(report: &Report<'_>) -> Self {
        let bare = headline::bare(report.title, report.outlet);
        let title = Words::of(bare);
        let text = Words::of(beginning(report.text));
        let language = language_of(report.language, &title, &text);
        let mut terms = Terms::default();
        terms.read(&title, bare, Zone::Title);
        terms.read(&text, report.text, Zone::Lead);
        for concept in report.concepts {
            let id = hash(Kind::Concept, concept);
            terms.within.push((id, tuning::CONCEPT));
            terms.across.push((id, tuning::CONCEPT));
        }
        Self {
            language,
            outlet: if report.outlet.is_empty() {
                0
            } else {
                wide_hash(report.outlet)
            },
            at: report.at.map_or(0, |at| at.as_micros() / 1_000_000),
            terms: settle(terms.within),
            carried: settle(terms.across),
            title_key: wide_hash(&title.joined()),
            title_shape: shape(&title),
            title_words: narrow(title.list.len()),
            is_unspaced: is_unspaced(&title.list),
            shingles: shingles(&text),
            text_words: narrow(text.list.len().min(COPY_WORDS)),
        }
    }
}

/// As much of a text as is ever looked at.
fn beginning(text: &str) -> &str {
    const MAX_BYTES: usize = 6_000;
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What a term stands for; the number is kept in the lowest bits of its hash.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Word = 0,
    Concept = 1,
    Number = 2,
    Name = 3,
}

fn hash(kind: Kind, letters: &str) -> u32 {
    (fold_hash(wide_hash(letters)) & !3) | kind as u32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of the hash are mixed into one"
)]
fn fold_hash(wide: u64) -> u32 {
    (wide ^ (wide >> 32)) as u32
}

fn wide_hash(text: &str) -> u64 {
    let mut hasher = Fnv::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Title,
    Lead,
}

/// Mentions being collected.
#[derive(Default)]
struct Terms {
    within: Vec<(u32, f32)>,
    across: Vec<(u32, f32)>,
}

impl Terms {
    fn read(&mut self, words: &Words, text: &str, zone: Zone) {
        let strength = match zone {
            Zone::Title => tuning::TITLE,
            Zone::Lead => tuning::LEAD,
        };
        let has_telling_capitals = zone == Zone::Lead || !is_title_case(words, text);
        let limit = if zone == Zone::Lead {
            LEAD_WORDS
        } else {
            usize::MAX
        };
        let mut before: Option<(&Word, &str)> = None;
        let mut sentence = u32::MAX;
        for word in words.list.iter().take(limit) {
            let folded = words.folded(word);
            let begins_sentence = std::mem::replace(&mut sentence, word.sentence) != word.sentence;
            if word.kind == WordKind::Unspaced {
                self.unspaced(words, word, before, strength);
                before = Some((word, folded));
                continue;
            }
            if is_function_word(folded) {
                before = None;
                continue;
            }
            let stem = stem(words, word);
            if folded.bytes().all(|byte| byte.is_ascii_digit()) {
                let id = hash(Kind::Number, folded.trim_start_matches('0'));
                self.within.push((id, strength * tuning::NUMBER));
                self.across.push((id, strength * tuning::NUMBER_ACROSS));
            } else {
                let is_everyday = is_everyday(folded);
                let is_name = is_name(word, text);
                let factor = match () {
                    () if is_everyday => tuning::EVERYDAY,
                    () if is_name && has_telling_capitals => tuning::NAME,
                    () => 1.0,
                };
                self.within
                    .push((hash(Kind::Word, stem), strength * factor));
                if !is_everyday && (is_name && !begins_sentence || has_no_capitals(word.kind)) {
                    self.name(folded, stem, word.kind, strength);
                }
            }
            if zone == Zone::Title
                && let Some((_, previous)) = before
            {
                let pair = format!("{previous} {stem}");
                self.within
                    .push((hash(Kind::Word, &pair), strength * tuning::PAIR));
            }
            before = Some((word, stem));
        }
    }

    /// What carries over to other languages: designations in Latin letters with digits as they are, names by skeleton.
    fn name(&mut self, folded: &str, stem: &str, kind: WordKind, strength: f32) {
        let is_designation = folded.is_ascii() && folded.bytes().any(|byte| byte.is_ascii_digit());
        let letters = if has_no_capitals(kind) { stem } else { folded };
        let skeleton = if is_designation {
            Some(folded.to_owned())
        } else {
            names::skeleton(letters, kind)
        };
        if let Some(skeleton) = skeleton {
            self.across
                .push((hash(Kind::Name, &skeleton), strength * tuning::NAME_ACROSS));
        }
    }

    /// Han and Hiragana: pairs of neighbouring characters.
    fn unspaced(
        &mut self,
        words: &Words,
        word: &Word,
        before: Option<(&Word, &str)>,
        strength: f32,
    ) {
        let folded = words.folded(word);
        let Some((previous_word, previous)) = before else {
            return;
        };
        if previous_word.kind != WordKind::Unspaced
            || !word.glued
            || is_function_word(folded)
            || is_function_word(previous)
        {
            return;
        }
        let pair = format!("{previous}{folded}");
        let factor = if is_everyday(&pair) {
            tuning::EVERYDAY
        } else {
            1.0
        };
        self.within
            .push((hash(Kind::Word, &pair), strength * factor));
    }
}

const fn has_no_capitals(kind: WordKind) -> bool {
    matches!(
        kind,
        WordKind::Hangul | WordKind::Katakana | WordKind::Arabic
    )
}

/// Mentions of one term made one: the strongest, plus a little for each repetition.
fn settle(mut mentions: Vec<(u32, f32)>) -> Vec<Term> {
    mentions.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut terms: Vec<Term> = Vec::new();
    for (id, strength) in mentions {
        match terms.last_mut() {
            Some(last) if last.id == id => last.strength += strength * 0.25,
            _ => terms.push(Term { id, strength }),
        }
    }
    if terms.len() > MAX_TERMS {
        terms.sort_by(|a, b| b.strength.total_cmp(&a.strength));
        terms.truncate(MAX_TERMS);
        terms.sort_by_key(|term| term.id);
    }
    // A window keeps a hundred thousand of these lists.
    terms.shrink_to_fit();
    terms
}

/// A capital letter where the script has capitals.
fn is_name(word: &Word, text: &str) -> bool {
    text.get(word.start as usize..)
        .and_then(|rest| rest.chars().next())
        .is_some_and(char::is_uppercase)
}

/// Whether a headline writes most of its longer words with a capital, so that capitals say nothing.
fn is_title_case(words: &Words, text: &str) -> bool {
    let (mut all, mut capital) = (0_u32, 0_u32);
    for word in words.list.iter().skip(1) {
        if word.end - word.start > 3 {
            all += 1;
            capital += u32::from(is_name(word, text));
        }
    }
    capital * 5 >= all * 4
}

/// Runs of three words, or of five characters in scripts without spaces.
fn shingles(words: &Words) -> Vec<u32> {
    let list = words
        .list
        .get(..words.list.len().min(COPY_WORDS))
        .unwrap_or_default();
    let length = if is_unspaced(list) { 5 } else { 3 };
    let mut found: Vec<u32> = list
        .windows(length)
        .map(|run| {
            let mut hasher = Fnv::default();
            for word in run {
                hasher.write(words.folded(word).as_bytes());
                hasher.write_u8(0);
            }
            fold_hash(hasher.finish())
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.shrink_to_fit();
    found
}

/// Hash of the words that have no digits.
fn shape(title: &Words) -> u64 {
    let mut hasher = Fnv::default();
    for word in &title.list {
        let folded = title.folded(word);
        if !folded.bytes().any(|byte| byte.is_ascii_digit()) {
            hasher.write(folded.as_bytes());
            hasher.write_u8(0);
        }
    }
    hasher.finish()
}

/// Whether most words are single characters.
fn is_unspaced(list: &[Word]) -> bool {
    let unspaced = list
        .iter()
        .filter(|word| word.kind == WordKind::Unspaced)
        .count();
    unspaced * 2 > list.len()
}

/// The language as told, or as the letters say.
fn language_of(told: Option<&str>, title: &Words, text: &Words) -> [u8; 2] {
    if let Some([a, b, ..]) = told.map(str::as_bytes)
        && a.is_ascii_alphabetic()
        && b.is_ascii_alphabetic()
    {
        return [a.to_ascii_lowercase(), b.to_ascii_lowercase()];
    }
    let mut counts = [0_usize; 6];
    for (words, word) in title
        .list
        .iter()
        .map(|word| (title, word))
        .chain(text.list.iter().take(LEAD_WORDS).map(|word| (text, word)))
    {
        let folded = words.folded(word);
        let first = folded.chars().next().unwrap_or_default();
        let at = match word.kind {
            WordKind::Hangul => 1,
            WordKind::Katakana => 2,
            WordKind::Arabic => 3,
            WordKind::Unspaced if ('\u{3041}'..='\u{3096}').contains(&first) => 2,
            WordKind::Unspaced => 4,
            WordKind::Alphabetic if ('\u{400}'..='\u{52F}').contains(&first) => 5,
            WordKind::Alphabetic => 0,
        };
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    let [latin, korean, japanese, arabic, han, cyrillic] = counts;
    if japanese * 5 > han && japanese > 0 && japanese + han > latin + korean + arabic + cyrillic {
        return *b"ja";
    }
    let most = [
        (latin, *b"en"),
        (korean, *b"ko"),
        (arabic, arabic_or_persian(title, text)),
        (han, *b"zh"),
        (cyrillic, *b"ru"),
    ];
    most.into_iter()
        .max_by_key(|(count, _)| *count)
        .map_or(*b"en", |(_, language)| language)
}

/// Persian has letters and short words that Arabic has not.
fn arabic_or_persian(title: &Words, text: &Words) -> [u8; 2] {
    let is_persian = |words: &Words| {
        words.list.iter().any(|word| {
            let folded = words.folded(word);
            folded.contains(['پ', 'چ', 'ژ', 'گ'])
                || matches!(folded, "در" | "از" | "که" | "را" | "این" | "است" | "شد")
        })
    };
    if is_persian(title) || is_persian(text) {
        *b"fa"
    } else {
        *b"ar"
    }
}
