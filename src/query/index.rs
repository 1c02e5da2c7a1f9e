//! The index: from the letters of a word to the patterns that it may begin, end or stand in.
//!
//! Every pattern is listed under one word of its own, the rarest by the look of it, so that an article costs a few
//! probes of one table for each of its words, however many patterns there are. A hash that is hit proves nothing: the
//! pattern is compared letter by letter afterwards.

use std::ops::ControlFlow;

use super::{
    compile::count,
    pattern::{Article, Letters, Pattern, PatternWord},
};
use crate::text::{
    particle::{arabic_stems, hangul_ends, proclitics},
    script::WordKind,
    words::{ANY_LETTERS, ONE_LETTER, Word, Words},
};

/// The number of a pattern.
pub(super) type PatternId = u32;

/// A pattern under one of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pattern: PatternId,
    /// The leaf that the pattern belongs to.
    pub(super) leaf: u32,
    /// Where the letters begin of a simple pattern.
    letters: u32,
    length: u16,
    /// Which word of the pattern.
    pub(super) anchor: u16,
    /// Of the one word of a pattern that is nothing but its letters.
    simple: Option<WordKind>,
    /// Whether it is listed under what is inside a word, and may be visited often for one word.
    pub(super) is_inside: bool,
    /// Whether it is the last of its key.
    is_last: bool,
}

/// What is to be looked up, at a position.
pub(super) type Probe = (u64, u32);

/// Probes that are collected before they are looked up: the memory that they ask for comes at the same time.
const PROBES_AT_ONCE: usize = 1_024;

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

/// The longest of them, in bytes.
const LONGEST_FREQUENT: usize = 4;

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

/// A hash of `bytes[from..to]`, eight bytes at a time. Most words are of 16 bytes at most: no branch of theirs depends on
/// their length.
#[inline]
fn hash_of(bytes: &[u8], from: usize, to: usize) -> u64 {
    let length = to.saturating_sub(from);
    let mut at = from;
    let mut hash = length as u64;
    while to - at > 16 {
        hash = mixed(hash ^ up_to_eight(bytes, at, 8));
        at += 8;
    }
    let rest = to - at;
    let first = up_to_eight(bytes, at, rest.min(8));
    let second = up_to_eight(bytes, at + 8, rest.saturating_sub(8));
    mixed(hash ^ first.wrapping_add(second.wrapping_mul(SEED).rotate_left(29)))
}

const fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ (mixed >> 32)
}

/// Up to eight bytes as a number.
#[expect(clippy::cast_possible_truncation, reason = "at most eight")]
#[inline]
fn up_to_eight(bytes: &[u8], from: usize, count: usize) -> u64 {
    let Some(eight) = bytes
        .get(from..from + 8)
        .and_then(|eight| <[u8; 8]>::try_from(eight).ok())
    else {
        // The last bytes of all: as below, one by one.
        let last = bytes.get(from..(from + count).min(bytes.len()));
        return last
            .unwrap_or_default()
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
    };
    let mask = u64::MAX.checked_shr(64 - 8 * (count as u32)).unwrap_or(0);
    u64::from_le_bytes(eight) & mask
}

/// The key of a part with that hash.
const fn key(part: Part, hash: u64) -> u64 {
    mixed(hash ^ (part as u64).wrapping_mul(SEED))
}

fn key_of(part: Part, letters: &str) -> u64 {
    key(part, hash_of(letters.as_bytes(), 0, letters.len()))
}

/// The index of all patterns.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By the low bits of a key, with open addressing; a power of two.
    slots: Vec<Slot>,
    entries: Vec<Entry>,
    /// The letters of simple patterns.
    letters: String,
    /// Two bits for every key, in one of these: most words of an article end here.
    bits: Vec<u64>,
    /// A bit for the first four bytes of every beginning that has so many.
    openings: Vec<u64>,
    /// Lengths in bytes at which a beginning, an end, an inside is to be looked up.
    beginnings: u64,
    ends: u64,
    insides: u64,
    has_single: bool,
}

/// A place of the table.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The high half of the key.
    tag: u32,
    /// One past the first of its entries; 0 if the place is free.
    first: u32,
}

/// Bits for openings: few enough to stay at hand.
const OPENING_BITS: u64 = 1 << 16;

/// The bytes of an opening: four ASCII letters, or three of a larger alphabet.
#[inline]
const fn opening_length(first: u8) -> usize {
    if first.is_ascii() { 4 } else { 6 }
}

/// A way to list a pattern: under a key or two, for one of its words.
#[derive(Debug)]
pub(super) struct Choice {
    pattern: PatternId,
    anchor: u16,
    key: u64,
    other_key: Option<u64>,
    badness: Badness,
    /// In characters.
    letters: u32,
    asks: Asks,
    /// Of a beginning that is long enough, its opening.
    opening: Option<u64>,
}

impl Choice {
    fn keys(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.key).chain(self.other_key)
    }
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
#[derive(Debug, Clone, Copy)]
enum Asks {
    Nothing,
    Single,
    Beginning(usize),
    End(usize),
    Inside(usize),
}

impl Index {
    /// Lists every pattern by the best of its choices, which come pattern by pattern; `leaf_of` has the leaf of each.
    pub(super) fn new(patterns: &[Pattern], leaf_of: &[u32], choices: &[Choice]) -> Self {
        let mut keys: Vec<u64> = choices.iter().flat_map(Choice::keys).collect();
        keys.sort_unstable();
        let frequency = |key: u64| {
            let from = keys.partition_point(|&other| other < key);
            let rest = keys.get(from..).unwrap_or_default();
            rest.iter().take_while(|&&other| other == key).count() as u64
        };
        let cost = |choice: &Choice| {
            let often = choice.keys().map(frequency).max();
            choice.badness.weight() * often.unwrap_or(1)
        };
        let mut index = Self::default();
        let mut listed: Vec<(u64, Entry)> = Vec::with_capacity(patterns.len());
        for of_one in choices.chunk_by(|one, other| one.pattern == other.pattern) {
            let best = match of_one {
                [only] => Some(only),
                several => several
                    .iter()
                    .min_by_key(|choice| (cost(choice), u32::MAX - choice.letters)),
            };
            let Some(best) = best else {
                continue;
            };
            let Some(pattern) = patterns.get(best.pattern as usize) else {
                continue;
            };
            index.note(best.asks);
            if let Some(opening) = best.opening {
                index.note_opening(opening);
            }
            let simple = pattern.simple();
            let entry = Entry {
                pattern: best.pattern,
                leaf: leaf_of
                    .get(best.pattern as usize)
                    .copied()
                    .unwrap_or(u32::MAX),
                letters: count(index.letters.len()),
                length: simple.map_or(0, |(_, letters)| {
                    u16::try_from(letters.len()).unwrap_or(u16::MAX)
                }),
                anchor: best.anchor,
                simple: simple.map(|(kind, _)| kind),
                is_inside: matches!(best.asks, Asks::Inside(_)),
                is_last: false,
            };
            index
                .letters
                .push_str(simple.map_or("", |(_, letters)| letters));
            listed.extend(best.keys().map(|key| (key, entry)));
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

    fn note_opening(&mut self, opening: u64) {
        let (at, mask) = opening_bit(opening);
        if self.openings.is_empty() {
            self.openings = vec![0; (OPENING_BITS / 64) as usize];
        }
        if let Some(word) = self.openings.get_mut(at) {
            *word |= mask;
        }
    }

    fn fill(&mut self, mut listed: Vec<(u64, Entry)>) {
        listed.sort_unstable_by_key(|&(key, entry)| (key, entry.pattern, entry.anchor));
        let keys = listed.chunk_by(|one, other| one.0 == other.0).count();
        self.bits = vec![0; (keys / 4).next_power_of_two().max(64)];
        self.slots = vec![Slot::default(); (keys * 2).next_power_of_two().max(64)];
        self.entries = Vec::with_capacity(listed.len());
        for run in listed.chunk_by(|one, other| one.0 == other.0) {
            let first = count(self.entries.len() + 1);
            self.entries.extend(run.iter().map(|&(_, entry)| entry));
            if let Some(last) = self.entries.last_mut() {
                last.is_last = true;
            }
            if let Some(&(key, _)) = run.first() {
                self.insert(key, first);
            }
        }
    }

    fn insert(&mut self, key: u64, first: u32) {
        let (at, mask) = self.bits_of(key);
        if let Some(word) = self.bits.get_mut(at) {
            *word |= mask;
        }
        let mut at = low(key, self.slots.len());
        while self.slots.get(at).is_some_and(|slot| slot.first != 0) {
            at = (at + 1) & (self.slots.len() - 1);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot {
                tag: tag(key),
                first,
            };
        }
    }

    /// The word of `bits` for a key, and its two bits there.
    #[inline]
    fn bits_of(&self, key: u64) -> (usize, u64) {
        let mask = 1_u64 << (key >> 58) | 1 << (key >> 52 & 63);
        (low(key >> 20, self.bits.len()), mask)
    }

    /// Looks probes up, and forgets them, until one visit breaks.
    fn look_up_all<B>(
        &self,
        probes: &mut Vec<Probe>,
        visit: &mut impl FnMut(u32, &Entry) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        // First what can be told from the bits, without a branch that could be guessed wrong.
        let mut kept = 0;
        for at in 0..probes.len() {
            let probe = probes[at];
            let (word, mask) = self.bits_of(probe.0);
            probes[kept] = probe;
            kept += usize::from(self.bits[word] & mask == mask);
        }
        for &(key, position) in &probes[..kept] {
            self.look_up(key, &mut |entry| visit(position, entry))?;
        }
        probes.clear();
        ControlFlow::Continue(())
    }

    /// Whether a simple pattern is a word as it is; none if that takes a closer look.
    pub(super) fn is_simply(&self, entry: &Entry, words: &Words, word: &Word) -> Option<bool> {
        let kind = entry.simple?;
        let letters = entry.letters as usize..entry.letters as usize + usize::from(entry.length);
        let is_same = word.kind == kind
            && self.letters.as_bytes().get(letters)
                == words
                    .folded
                    .as_bytes()
                    .get(word.folded_start as usize..word.folded_end as usize);
        let carries = matches!(kind, WordKind::Hangul | WordKind::Arabic);
        (is_same || !carries).then_some(is_same)
    }

    fn look_up<B>(
        &self,
        key: u64,
        visit: &mut impl FnMut(&Entry) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut at = low(key, self.slots.len());
        // Two keys may have one tag: their runs are visited both.
        while let Some(slot) = self.slots.get(at).filter(|slot| slot.first != 0) {
            if slot.tag == tag(key) {
                let run = self.entries.get(slot.first as usize - 1..);
                for entry in run.unwrap_or_default() {
                    visit(entry)?;
                    if entry.is_last {
                        break;
                    }
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        ControlFlow::Continue(())
    }

    /// Visits every entry that the word at a position may be the anchor of, and some that it is not, in the order of the
    /// words, until one visit breaks. Entries for pairs of characters are visited with the position of the first.
    /// `probes` is memory to be used.
    pub(super) fn visit<B>(
        &self,
        article: &Article<'_>,
        probes: &mut Vec<Probe>,
        visit: &mut impl FnMut(u32, &Entry) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if self.entries.is_empty() {
            return ControlFlow::Continue(());
        }
        probes.clear();
        let mut before: Option<&Word> = None;
        for (at, word) in (0_u32..).zip(&article.words.list) {
            let mut broken = None;
            let mut probe = |key| {
                if broken.is_some() {
                    return;
                }
                if probes.len() >= PROBES_AT_ONCE {
                    broken = self.look_up_all(probes, visit).break_value();
                }
                probes.push((key, at));
            };
            self.probe_word(article.words, word, &mut probe);
            if let Some(broken) = broken {
                return ControlFlow::Break(broken);
            }
            if let Some(before) =
                before.filter(|before| word.glued && before.kind == WordKind::Unspaced)
                && word.kind == WordKind::Unspaced
            {
                let pair = pair_hash(article.words.folded.as_bytes(), before, word);
                probes.push((key(Part::Pair, pair), at - 1));
            }
            before = Some(word);
        }
        self.look_up_all(probes, visit)
    }

    /// Probes all that a word may be listed under.
    #[inline]
    fn probe_word(&self, words: &Words, word: &Word, probe: &mut impl FnMut(u64)) {
        let bytes = words.folded.as_bytes();
        let (from, to) = (word.folded_start as usize, word.folded_end as usize);
        match word.kind {
            WordKind::Alphabetic | WordKind::Katakana => {
                probe(key(Part::Whole, hash_of(bytes, from, to)));
                self.probe_beginnings(bytes, from, to, probe);
                self.probe_parts(bytes, from, to, probe);
            }
            WordKind::Hangul => {
                for end in hangul_ends(words.folded(word)) {
                    probe(key(Part::Whole, hash_of(bytes, from, from + end)));
                }
                self.probe_beginnings(bytes, from, to, probe);
                self.probe_parts(bytes, from, to, probe);
            }
            WordKind::Arabic => {
                let folded = words.folded(word);
                for start in proclitics(folded) {
                    for end in arabic_stems(folded, start) {
                        probe(key(Part::Whole, hash_of(bytes, from + start, from + end)));
                    }
                    self.probe_beginnings(bytes, from + start, to, probe);
                }
                self.probe_parts(bytes, from, to, probe);
            }
            WordKind::Unspaced => {
                if self.has_single {
                    probe(key(Part::Whole, hash_of(bytes, from, to)));
                }
            }
        }
    }

    /// Probes beginnings of the lengths in use.
    #[inline]
    fn probe_beginnings(&self, bytes: &[u8], from: usize, to: usize, probe: &mut impl FnMut(u64)) {
        if self.beginnings == 0 {
            return;
        }
        let mut in_use = self.beginnings;
        if to - from < LONGEST_PART {
            in_use &= (1 << (to - from + 1)) - 1;
        }
        if let Some(opening) = opening(bytes, from, to) {
            let (at, mask) = opening_bit(opening);
            if self.openings.get(at).is_none_or(|word| word & mask == 0) {
                in_use &= (1 << opening_length(bytes[from])) - 1;
            }
        }
        for length in lengths(in_use) {
            let hash = hash_of(bytes, from, from + length);
            probe(key(Part::Beginning, hash));
        }
    }

    /// Probes ends and insides of the lengths in use.
    #[inline]
    fn probe_parts(&self, bytes: &[u8], from: usize, to: usize, probe: &mut impl FnMut(u64)) {
        if self.ends | self.insides == 0 {
            return;
        }
        for length in lengths(self.ends).take_while(|length| from + length <= to) {
            probe(key(Part::End, hash_of(bytes, to - length, to)));
        }
        for length in lengths(self.insides).take_while(|length| from + length <= to) {
            // A word that repeats itself asks for the same again and again.
            let mut recent = [0; 8];
            for at in from..=to - length {
                let key = key(Part::Inside, hash_of(bytes, at, at + length));
                if !recent.contains(&key) {
                    recent[at % recent.len()] = key;
                    probe(key);
                }
            }
        }
    }
}

/// The hash of two characters, one after the other.
#[inline]
fn pair_hash(bytes: &[u8], one: &Word, two: &Word) -> u64 {
    if one.folded_end == two.folded_start {
        return hash_of(bytes, one.folded_start as usize, two.folded_end as usize);
    }
    let mut both = [0; 32];
    let mut length = 0;
    for word in [one, two] {
        let letters = bytes.get(word.folded_start as usize..word.folded_end as usize);
        for (&byte, place) in letters.unwrap_or_default().iter().zip(&mut both[length..]) {
            *place = byte;
            length += 1;
        }
    }
    hash_of(&both, 0, length)
}

/// The low bits of a key, as many as count places; `places` is a power of two.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low bits are all that is wanted"
)]
#[inline]
const fn low(key: u64, places: usize) -> usize {
    key as usize & (places - 1)
}

const fn tag(key: u64) -> u32 {
    (key >> 32) as u32
}

/// The first letters of `bytes[from..to]`; none if there are too few.
#[inline]
fn opening(bytes: &[u8], from: usize, to: usize) -> Option<u64> {
    let length = opening_length(*bytes.get(from)?);
    (from + length <= to).then(|| up_to_eight(bytes, from, length))
}

/// The word of [`Index::openings`] for an opening, and its bit there.
#[inline]
const fn opening_bit(opening: u64) -> (usize, u64) {
    let at = mixed(opening) >> 48;
    (at as usize / 64, 1 << (at % 64))
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

/// Adds all ways to list a pattern.
pub(super) fn add_choices(pattern: &Pattern, id: PatternId, out: &mut Vec<Choice>) {
    for (i, word) in pattern.words.iter().enumerate() {
        let anchor = u16::try_from(i).unwrap_or(u16::MAX);
        let next = pattern.words.get(i + 1);
        match (&word.letters, next) {
            (Letters::Plain(one), Some(next))
                if next.is_glued && word.kind == WordKind::Unspaced =>
            {
                if let Letters::Plain(two) = &next.letters {
                    out.push(Choice {
                        pattern: id,
                        anchor,
                        key: key_of(Part::Pair, &format!("{one}{two}")),
                        other_key: None,
                        badness: Badness::Word,
                        letters: 2,
                        asks: Asks::Nothing,
                        opening: None,
                    });
                }
                out.push(plain(id, anchor, word, one));
            }
            (Letters::Plain(letters), _) => out.push(plain(id, anchor, word, letters)),
            (Letters::Wild(wild), _) => out.extend(wild_choice(id, anchor, wild)),
        }
    }
}

fn plain(pattern: PatternId, anchor: u16, word: &PatternWord, letters: &str) -> Choice {
    // Where the article melts into a preposition, the bare stem is what is left to be found.
    let bare = letters.strip_prefix("ال");
    let letters_in_all = count(letters.chars().count());
    let is_single = word.kind == WordKind::Unspaced;
    Choice {
        pattern,
        anchor,
        key: key_of(Part::Whole, letters),
        other_key: bare
            .filter(|_| word.kind == WordKind::Arabic)
            .map(|bare| key_of(Part::Whole, bare)),
        badness: if is_single || letters_in_all == 1 || is_frequent(letters) {
            Badness::Frequent
        } else {
            Badness::Word
        },
        letters: letters_in_all,
        asks: if is_single {
            Asks::Single
        } else {
            Asks::Nothing
        },
        opening: None,
    }
}

fn is_frequent(letters: &str) -> bool {
    letters.len() <= LONGEST_FREQUENT && FREQUENT.contains(&letters)
}

/// A word with wildcards: by its beginning, or else its end, or else what is inside.
fn wild_choice(pattern: PatternId, anchor: u16, wild: &str) -> Option<Choice> {
    let parts: Vec<&str> = wild.split([ANY_LETTERS, ONE_LETTER]).collect();
    let cut = |letters: &str, most: usize| {
        letters
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .take_while(|&end| end <= most)
            .last()
    };
    let choice = |part, letters: &str, badness, asks| Choice {
        pattern,
        anchor,
        key: key_of(part, letters),
        other_key: None,
        badness,
        letters: count(letters.chars().count()),
        opening: match part {
            Part::Beginning => opening(letters.as_bytes(), 0, letters.len()),
            _ => None,
        },
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

/// How often a pattern of so many words is to be expected in articles, as a weight for choosing among leaves.
pub(super) fn expectation(choices: &[Choice], words: usize) -> u32 {
    choices
        .iter()
        .map(|choice| match choice.badness {
            Badness::Word => 20_u32.saturating_sub(choice.letters).max(4),
            Badness::Beginning => 40,
            Badness::ShortBeginning | Badness::Frequent | Badness::Part => 200,
        })
        .min()
        .unwrap_or(1_000)
        / count(words).clamp(1, 4)
        + 1
}
