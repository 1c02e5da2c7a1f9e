//! The index: from the letters of a word to the patterns that it may begin, end or stand in.
//!
//! Every pattern is listed under one word of its own, the rarest by the look of it, so that an article costs a few
//! probes of one table for each of its words, however many patterns there are. A hash that is hit proves nothing: the
//! pattern is compared letter by letter afterwards.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::pattern::{Article, Letters, Pattern, PatternWord};
use crate::text::{
    particle::{arabic_stems, hangul_stems, proclitics},
    script::WordKind,
    words::{ANY_LETTERS, ONE_LETTER, Word},
};

/// The number of a pattern.
pub(super) type PatternId = u32;

/// A pattern under one of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pattern: PatternId,
    /// Which word of it.
    pub(super) anchor: u32,
}

/// Longest beginning, end or inside of a word that is hashed, in bytes: lengths are bits of a `u64`.
const LONGEST_PART: usize = 63;
/// Longest inside of a word that is hashed, in characters.
const LONGEST_INSIDE: usize = 3;

/// Words so frequent that a pattern is better listed under any other.
const FREQUENT: &[&str] = &[
    "the", "of", "to", "in", "and", "a", "for", "on", "at", "by", "with", "from", "is", "as", "an",
    "de", "la", "le", "les", "des", "et", "en", "du", "el", "los", "der", "die", "und", "von", "и",
    "в", "на", "с", "по", "از", "به", "در", "من", "في", "new", "said",
];

/// Hashes are already mixed: the table takes them as they are.
#[derive(Debug, Default, Clone, Copy)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// What a key is a hash of.
#[derive(Debug, Clone, Copy)]
enum Part {
    Whole = 1,
    Beginning,
    End,
    Inside,
    /// Two characters side by side in a script without spaces.
    Pair,
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// One more byte of a rolling hash.
const fn rolled(hash: u64, byte: u8) -> u64 {
    (hash.rotate_left(5) ^ byte as u64).wrapping_mul(0x517C_C1B7_2722_0A95)
}

fn rolled_over(bytes: &[u8]) -> u64 {
    bytes.iter().fold(SEED, |hash, &byte| rolled(hash, byte))
}

/// The key of a finished rolling hash.
const fn key(part: Part, hash: u64) -> u64 {
    let mixed = (hash ^ (part as u64).wrapping_mul(SEED)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ (mixed >> 32)
}

fn key_of(part: Part, letters: &str) -> u64 {
    key(part, rolled_over(letters.as_bytes()))
}

/// The index of all patterns.
#[derive(Debug, Default)]
pub(super) struct Index {
    table: HashMap<u64, (u32, u32), BuildHasherDefault<AsIs>>,
    entries: Vec<Entry>,
    /// A bit for every key, by its low bits: most words of an article end here.
    bits: Vec<u64>,
    /// Lengths in bytes at which a beginning, an end, an inside is to be looked up.
    beginnings: u64,
    ends: u64,
    insides: u64,
    has_single: bool,
}

/// A way to list a pattern: under these keys, for one of its words.
struct Choice {
    anchor: u32,
    keys: Vec<u64>,
    badness: Badness,
    letters: usize,
    asks: Asks,
}

/// How often a choice is to be expected in articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Badness {
    /// A word of its own.
    Word,
    /// The beginning of a word.
    Beginning,
    /// Two letters that begin a word.
    ShortBeginning,
    /// A word that is everywhere, or a single character.
    Frequent,
    /// The end of a word, or its inside.
    Part,
}

impl Badness {
    const fn weight(self) -> u64 {
        match self {
            Self::Word => 1,
            Self::Beginning => 3,
            Self::ShortBeginning => 15,
            Self::Frequent => 30,
            Self::Part => 60,
        }
    }
}

/// What has to be looked up in articles for a choice to be found.
#[derive(Clone, Copy)]
enum Asks {
    Nothing,
    Single,
    Beginning(usize),
    End(usize),
    Inside(usize),
}

impl Index {
    /// Lists every pattern.
    pub(super) fn new(patterns: &[Pattern]) -> Self {
        let mut frequency: HashMap<u64, u64> = HashMap::new();
        for pattern in patterns {
            for choice in choices(pattern) {
                for key in choice.keys {
                    *frequency.entry(key).or_default() += 1;
                }
            }
        }
        let mut index = Self::default();
        let mut listed: Vec<(u64, Entry)> = Vec::with_capacity(patterns.len());
        for (id, pattern) in patterns.iter().enumerate() {
            let cost = |choice: &Choice| {
                let often = choice
                    .keys
                    .iter()
                    .filter_map(|key| frequency.get(key))
                    .max();
                choice.badness.weight() * often.copied().unwrap_or(1)
            };
            let best = choices(pattern)
                .into_iter()
                .min_by_key(|choice| (cost(choice), usize::MAX - choice.letters));
            let Some(best) = best else {
                continue;
            };
            index.note(best.asks);
            let entry = Entry {
                pattern: u32::try_from(id).unwrap_or(u32::MAX),
                anchor: best.anchor,
            };
            listed.extend(best.keys.into_iter().map(|key| (key, entry)));
        }
        index.fill(listed);
        index
    }

    const fn note(&mut self, asks: Asks) {
        match asks {
            Asks::Nothing => {}
            Asks::Single => self.has_single = true,
            Asks::Beginning(length) => self.beginnings |= 1 << length,
            Asks::End(length) => self.ends |= 1 << length,
            Asks::Inside(length) => self.insides |= 1 << length,
        }
    }

    fn fill(&mut self, mut listed: Vec<(u64, Entry)>) {
        listed.sort_by_key(|&(key, entry)| (key, entry.pattern, entry.anchor));
        let bits = (listed.len() * 16).next_power_of_two().max(4_096);
        self.bits = vec![0; bits / 64];
        for run in listed.chunk_by(|one, other| one.0 == other.0) {
            let from = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
            self.entries.extend(run.iter().map(|&(_, entry)| entry));
            let to = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
            if let Some(&(key, _)) = run.first() {
                self.table.insert(key, (from, to));
                let (at, mask) = self.bit(key);
                if let Some(word) = self.bits.get_mut(at) {
                    *word |= mask;
                }
            }
        }
        self.entries.shrink_to_fit();
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low bits are all that is wanted"
    )]
    const fn bit(&self, key: u64) -> (usize, u64) {
        let at = key as usize & (self.bits.len() * 64 - 1);
        (at / 64, 1 << (at % 64))
    }

    fn probe(&self, key: u64, visit: &mut impl FnMut(Entry)) {
        let (at, mask) = self.bit(key);
        if self.bits.get(at).is_none_or(|word| word & mask == 0) {
            return;
        }
        if let Some(&(from, to)) = self.table.get(&key) {
            for &entry in self
                .entries
                .get(from as usize..to as usize)
                .unwrap_or_default()
            {
                visit(entry);
            }
        }
    }

    /// Visits every entry that the word at a position may be the anchor of, and some that it is not. Entries for pairs
    /// of characters are visited at the second one, with the position of the first.
    pub(super) fn visit(&self, article: &Article<'_>, visit: &mut impl FnMut(u32, Entry)) {
        if self.entries.is_empty() {
            return;
        }
        let mut before: Option<&Word> = None;
        for (at, word) in (0_u32..).zip(&article.words.list) {
            let folded = article.words.folded(word);
            let mut here = |entry| visit(at, entry);
            match word.kind {
                WordKind::Alphabetic | WordKind::Katakana => self.visit_word(folded, &mut here),
                WordKind::Hangul => self.visit_hangul(folded, &mut here),
                WordKind::Arabic => self.visit_arabic(folded, &mut here),
                WordKind::Unspaced => {
                    if self.has_single {
                        self.probe(key_of(Part::Whole, folded), &mut here);
                    }
                    if let Some(before) =
                        before.filter(|before| word.glued && before.kind == WordKind::Unspaced)
                    {
                        let hash = rolled_over(article.words.folded(before).as_bytes());
                        let pair = folded.bytes().fold(hash, rolled);
                        self.probe(key(Part::Pair, pair), &mut |entry| visit(at - 1, entry));
                    }
                }
            }
            before = Some(word);
        }
    }

    fn visit_word(&self, folded: &str, visit: &mut impl FnMut(Entry)) {
        let hash = self.visit_beginnings(folded, visit);
        self.probe(key(Part::Whole, hash), visit);
        self.visit_parts(folded, visit);
    }

    /// Probes beginnings of the lengths in use. Returns the hash of the whole.
    fn visit_beginnings(&self, folded: &str, visit: &mut impl FnMut(Entry)) -> u64 {
        if self.beginnings == 0 {
            return rolled_over(folded.as_bytes());
        }
        let mut hash = SEED;
        for (before, byte) in folded.bytes().enumerate() {
            hash = rolled(hash, byte);
            if before < LONGEST_PART && self.beginnings >> (before + 1) & 1 == 1 {
                self.probe(key(Part::Beginning, hash), visit);
            }
        }
        hash
    }

    /// Probes ends and insides of the lengths in use.
    fn visit_parts(&self, folded: &str, visit: &mut impl FnMut(Entry)) {
        let bytes = folded.as_bytes();
        for length in lengths(self.ends) {
            if let Some(end) = bytes
                .len()
                .checked_sub(length)
                .and_then(|from| bytes.get(from..))
            {
                self.probe(key(Part::End, rolled_over(end)), visit);
            }
        }
        for length in lengths(self.insides) {
            for inside in bytes.windows(length) {
                self.probe(key(Part::Inside, rolled_over(inside)), visit);
            }
        }
    }

    fn visit_hangul(&self, folded: &str, visit: &mut impl FnMut(Entry)) {
        for end in hangul_stems(folded) {
            self.probe(
                key_of(Part::Whole, folded.get(..end).unwrap_or_default()),
                visit,
            );
        }
        if self.beginnings != 0 {
            self.visit_beginnings(folded, visit);
        }
        self.visit_parts(folded, visit);
    }

    fn visit_arabic(&self, folded: &str, visit: &mut impl FnMut(Entry)) {
        for start in proclitics(folded) {
            for end in arabic_stems(folded, start) {
                self.probe(
                    key_of(Part::Whole, folded.get(start..end).unwrap_or_default()),
                    visit,
                );
            }
            if self.beginnings != 0 {
                self.visit_beginnings(folded.get(start..).unwrap_or_default(), visit);
            }
        }
        self.visit_parts(folded, visit);
    }
}

/// The bits set, as lengths.
fn lengths(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (bits != 0).then(|| {
            let length = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            length
        })
    })
}

/// All ways to list a pattern.
fn choices(pattern: &Pattern) -> Vec<Choice> {
    let mut out = Vec::with_capacity(pattern.words.len());
    for (i, word) in pattern.words.iter().enumerate() {
        let anchor = u32::try_from(i).unwrap_or(u32::MAX);
        let next = pattern.words.get(i + 1);
        match (&word.letters, next) {
            (Letters::Plain(one), Some(next))
                if next.is_glued && word.kind == WordKind::Unspaced =>
            {
                if let Letters::Plain(two) = &next.letters {
                    out.push(Choice {
                        anchor,
                        keys: vec![key_of(Part::Pair, &format!("{one}{two}"))],
                        badness: Badness::Word,
                        letters: 2,
                        asks: Asks::Nothing,
                    });
                }
                out.push(plain(anchor, word, one));
            }
            (Letters::Plain(letters), _) => out.push(plain(anchor, word, letters)),
            (Letters::Wild(wild), _) => out.extend(wild_choice(anchor, wild)),
        }
    }
    out
}

fn plain(anchor: u32, word: &PatternWord, letters: &str) -> Choice {
    let mut keys = vec![key_of(Part::Whole, letters)];
    // Where the article melts into a preposition, the bare stem is what is left to be found.
    if word.kind == WordKind::Arabic
        && let Some(bare) = letters.strip_prefix("ال")
    {
        keys.push(key_of(Part::Whole, bare));
    }
    let count = letters.chars().count();
    let is_single = word.kind == WordKind::Unspaced;
    Choice {
        anchor,
        keys,
        badness: if is_single || count == 1 || FREQUENT.contains(&letters) {
            Badness::Frequent
        } else {
            Badness::Word
        },
        letters: count,
        asks: if is_single {
            Asks::Single
        } else {
            Asks::Nothing
        },
    }
}

/// A word with wildcards: by its beginning, or else its end, or else what is inside.
fn wild_choice(anchor: u32, wild: &str) -> Option<Choice> {
    let parts: Vec<&str> = wild.split([ANY_LETTERS, ONE_LETTER]).collect();
    let cut = |letters: &str, most: usize| {
        letters
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .take_while(|&end| end <= most)
            .last()
    };
    let choice = |part, letters: &str, badness, asks| Choice {
        anchor,
        keys: vec![key_of(part, letters)],
        badness,
        letters: letters.chars().count(),
        asks,
    };
    let first = parts.first().filter(|part| !part.is_empty());
    if let Some(beginning) = first.and_then(|part| part.get(..cut(part, LONGEST_PART)?)) {
        let badness = if beginning.chars().count() < 3 {
            Badness::ShortBeginning
        } else {
            Badness::Beginning
        };
        return Some(choice(
            Part::Beginning,
            beginning,
            badness,
            Asks::Beginning(beginning.len()),
        ));
    }
    let last = parts.last().filter(|part| !part.is_empty());
    if let Some(end) = last.and_then(|part| {
        let from = part
            .char_indices()
            .map(|(at, _)| at)
            .find(|&at| part.len() - at <= LONGEST_PART)?;
        part.get(from..)
    }) {
        return Some(choice(Part::End, end, Badness::Part, Asks::End(end.len())));
    }
    let longest = parts.into_iter().max_by_key(|part| part.len())?;
    let inside: String = longest.chars().take(LONGEST_INSIDE).collect();
    (!inside.is_empty()).then(|| {
        choice(
            Part::Inside,
            &inside,
            Badness::Part,
            Asks::Inside(inside.len()),
        )
    })
}

/// How often a pattern is to be expected in articles, as a weight for choosing among leaves.
pub(super) fn expectation(pattern: &Pattern) -> u32 {
    choices(pattern)
        .iter()
        .map(|choice| match choice.badness {
            Badness::Word => 20_u32
                .saturating_sub(u32::try_from(choice.letters).unwrap_or(u32::MAX))
                .max(4),
            Badness::Beginning => 40,
            Badness::ShortBeginning | Badness::Frequent | Badness::Part => 200,
        })
        .min()
        .unwrap_or(1_000)
        / u32::try_from(pattern.words.len()).unwrap_or(1).clamp(1, 4)
        + 1
}
