//! The index: from the letters of a word to the patterns that it may begin, end or stand in.
//!
//! Every pattern is listed under one word of its own, the rarest by the look of it, so that an article costs a few
//! probes of one table for each of its words, however many patterns there are. A hash that is hit proves nothing: the
//! pattern is compared letter by letter afterwards.

use std::ops::ControlFlow;

use super::{
    compile::count,
    keys::{Part, hash_of, key, key_of, low, pair_hash, tag, up_to_eight},
    openings::Openings,
    pattern::{Article, Letters, Pattern, PatternWord, without_article},
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
    /// The first letters of a simple pattern, which are at hand where the others would have to be fetched.
    head: [u32; HEAD / 4],
    /// Where the others begin.
    rest: u32,
    /// How many bytes they are together.
    length: u16,
    /// Which word of the pattern.
    pub(super) anchor: u16,
    /// Of the one word of a pattern that is nothing but its letters.
    pub(super) simple: Option<WordKind>,
    /// Whether it is listed under what is inside a word, and may be visited often for one word.
    pub(super) is_inside: bool,
    /// Whether it is the last of its key.
    is_last: bool,
}

/// As many letters as make an entry half a cache line.
const HEAD: usize = 12;

/// What is to be looked up, at a position.
type Probe = (u64, u32);

/// A position, where the other entries of its key begin, and the first of them.
type Seen = (u32, u32, Entry);

/// What is looked up together, in memory that is used again. Each step asks for the memory that the next one needs, of
/// all that are looked up, before any of it has come: waiting for it one by one would cost more than all else.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    /// What may be in the table, as many as were noted; [`PROBES_AT_ONCE`] have room.
    probes: Vec<Probe>,
    noted: usize,
    /// Places of the table, with what is sought there.
    places: Vec<(Slot, Probe)>,
    seen: Vec<Seen>,
}

impl Lookups {
    fn begin(&mut self) {
        self.probes.resize(PROBES_AT_ONCE, (0, 0));
        self.noted = 0;
    }

    const fn is_full(&self) -> bool {
        self.noted == PROBES_AT_ONCE
    }

    /// Notes a probe if it is in the table for all that the bits tell: without a branch that could be guessed wrong.
    #[inline]
    fn note(&mut self, probe: Probe, may_be_there: bool) {
        if let Some(place) = self.probes.get_mut(self.noted) {
            *place = probe;
            self.noted += usize::from(may_be_there);
        }
    }
}

/// Probes that are collected before they are looked up.
const PROBES_AT_ONCE: usize = 1_024;

/// Longest beginning, end or inside of a word that is hashed, in bytes: lengths are bits of a `u64`.
pub(super) const LONGEST_PART: usize = 63;
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

/// The first bytes of `bytes[from..to]`.
#[inline]
fn head_of(bytes: &[u8], from: usize, to: usize) -> [u32; HEAD / 4] {
    let first = up_to_eight(bytes, from, (to - from).min(8));
    let second = up_to_eight(bytes, from + 8, (to - from).saturating_sub(8).min(4));
    let half = |number: u64| (number & 0xFFFF_FFFF) as u32;
    [half(first), half(first >> 32), half(second)]
}

/// The index of all patterns.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By the low half of a key, with open addressing.
    slots: Vec<Slot>,
    /// The entries of each key from the second on.
    others: Vec<Entry>,
    /// The letters of simple patterns that have no room in their entries.
    letters: Vec<u8>,
    /// Two bits for every key, in one of these: most words of an article end here.
    bits: Vec<u64>,
    openings: Openings,
    /// Lengths in bytes at which an end, an inside is to be looked up.
    ends: u64,
    insides: u64,
    has_single: bool,
}

/// A place of the table, with the first entry of its key.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The high half of the key.
    tag: u32,
    /// Where the others of its key begin.
    others: u32,
    /// None if the place is free.
    first: Option<Entry>,
    /// Whether another key of the same tag stands behind it.
    has_twin: bool,
}

const FREE: Slot = Slot {
    tag: 0,
    others: 0,
    first: None,
    has_twin: false,
};

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
    /// Beginnings of words that have to be looked up: their first eight bytes, and their lengths in bytes.
    beginnings: [Option<(u64, usize)>; 2],
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
        let mut beginnings = Vec::new();
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
            beginnings.extend(best.beginnings.iter().flatten().copied());
            let entry = index.entry(pattern, best, leaf_of);
            listed.extend(best.keys().map(|key| (key, entry)));
        }
        index.openings = Openings::new(beginnings.into_iter());
        index.fill(listed);
        index
    }

    /// The entry of a pattern. The letters that do not fit into it go to the others.
    fn entry(&mut self, pattern: &Pattern, choice: &Choice, leaf_of: &[u32]) -> Entry {
        let simple = pattern
            .simple()
            .filter(|(_, letters)| u16::try_from(letters.len()).is_ok());
        let letters = simple.map_or(&[][..], |(_, letters)| letters.as_bytes());
        let others = letters.get(HEAD..).unwrap_or_default();
        let rest = count(self.letters.len());
        self.letters.extend_from_slice(others);
        Entry {
            pattern: choice.pattern,
            leaf: leaf_of
                .get(choice.pattern as usize)
                .copied()
                .unwrap_or(u32::MAX),
            head: head_of(letters, 0, letters.len()),
            rest,
            length: u16::try_from(letters.len()).unwrap_or(u16::MAX),
            anchor: choice.anchor,
            simple: simple.map(|(kind, _)| kind),
            is_inside: matches!(choice.asks, Asks::Inside(_)),
            is_last: false,
        }
    }

    const fn note(&mut self, asks: Asks) {
        match asks {
            Asks::Nothing => {}
            Asks::Single => self.has_single = true,
            Asks::End(length) => self.ends |= 1 << length,
            Asks::Inside(length) => self.insides |= 1 << length,
        }
    }

    fn fill(&mut self, mut listed: Vec<(u64, Entry)>) {
        listed.sort_unstable_by_key(|&(key, entry)| (key, entry.pattern, entry.anchor));
        let keys = listed.chunk_by(|one, other| one.0 == other.0).count();
        self.bits = vec![0; (keys / 4).next_power_of_two().max(64)];
        self.slots = vec![FREE; keys * 8 / 5 + 1];
        for run in listed.chunk_by(|one, other| one.0 == other.0) {
            if let [(key, first), others @ ..] = run {
                self.insert(*key, *first, others);
            }
        }
    }

    fn insert(&mut self, key: u64, mut first: Entry, others: &[(u64, Entry)]) {
        let (at, mask) = self.bits_of(key);
        if let Some(word) = self.bits.get_mut(at) {
            *word |= mask;
        }
        let others_from = count(self.others.len());
        first.is_last = others.is_empty();
        self.others.extend(others.iter().map(|&(_, entry)| entry));
        if let Some(last) = self.others.last_mut() {
            last.is_last = true;
        }
        let mut at = self.place(key);
        while let Some(taken) = self.slots.get_mut(at).filter(|slot| slot.first.is_some()) {
            taken.has_twin |= taken.tag == tag(key);
            at = self.after(at);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot {
                tag: tag(key),
                others: others_from,
                first: Some(first),
                has_twin: false,
            };
        }
    }

    /// The place where a key is sought first.
    #[inline]
    const fn place(&self, key: u64) -> usize {
        (((key & 0xFFFF_FFFF) * self.slots.len() as u64) >> 32) as usize
    }

    #[inline]
    const fn after(&self, place: usize) -> usize {
        if place + 1 < self.slots.len() {
            place + 1
        } else {
            0
        }
    }

    /// The word of `bits` for a key, and its two bits there.
    #[inline]
    fn bits_of(&self, key: u64) -> (usize, u64) {
        let mask = 1_u64 << (key >> 58) | 1 << (key >> 52 & 63);
        (low(key >> 20, self.bits.len()), mask)
    }

    /// Looks probes up, and forgets them, until one visit breaks. `fetch` is told of entries ahead of their visit.
    fn look_up_all<B>(
        &self,
        lookups: &mut Lookups,
        fetch: &impl Fn(&Entry),
        visit: &mut impl FnMut(u32, &Entry) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Lookups {
            probes,
            noted,
            places,
            seen,
        } = lookups;
        let noted = probes.iter().take(std::mem::take(noted));
        places.clear();
        places.extend(noted.map(|&probe| (self.slots[self.place(probe.0)], probe)));
        seen.clear();
        for &(slot, probe) in &*places {
            self.find(slot, probe, seen);
        }
        for (_, _, entry) in &*seen {
            fetch(entry);
        }
        for &(position, others, entry) in &*seen {
            visit(position, &entry)?;
            if !entry.is_last {
                self.visit_others(others, position, visit)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Adds the first entry of each key that a probe may be of, at `slot` or behind.
    #[inline]
    fn find(&self, slot: Slot, (key, position): Probe, seen: &mut Vec<Seen>) {
        let mut slot = &slot;
        let mut at = self.place(key);
        while let Some(first) = slot.first {
            if slot.tag == tag(key) {
                seen.push((position, slot.others, first));
                if !slot.has_twin {
                    return;
                }
            }
            at = self.after(at);
            slot = &self.slots[at];
        }
    }

    /// Visits the entries of a key from its second on.
    fn visit_others<B>(
        &self,
        from: u32,
        position: u32,
        visit: &mut impl FnMut(u32, &Entry) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for entry in self.others.get(from as usize..).unwrap_or_default() {
            visit(position, entry)?;
            if entry.is_last {
                break;
            }
        }
        ControlFlow::Continue(())
    }

    /// Whether a simple pattern is a word as it is; none if that takes a closer look.
    pub(super) fn is_simply(&self, entry: &Entry, words: &Words, word: &Word) -> Option<bool> {
        let kind = entry.simple?;
        let is_same = word.kind == kind && self.has_letters(entry, words, word);
        let carries = matches!(kind, WordKind::Hangul | WordKind::Arabic);
        (is_same || !carries).then_some(is_same)
    }

    /// Whether the letters of a simple pattern are those of a word.
    #[inline]
    fn has_letters(&self, entry: &Entry, words: &Words, word: &Word) -> bool {
        let bytes = words.folded.as_bytes();
        let (from, to) = (word.folded_start as usize, word.folded_end as usize);
        let length = to - from;
        if length != usize::from(entry.length) || entry.head != head_of(bytes, from, to) {
            return false;
        }
        let others = length.saturating_sub(HEAD);
        let rest = entry.rest as usize;
        others == 0 || self.letters.get(rest..rest + others) == bytes.get(from + HEAD..to)
    }

    /// Visits every entry that the word at a position may be the anchor of, and some that it is not, in the order of the
    /// words, until one visit breaks. Entries for pairs of characters are visited with the position of the first.
    pub(super) fn visit<B>(
        &self,
        article: &Article<'_>,
        lookups: &mut Lookups,
        fetch: &impl Fn(&Entry),
        visit: &mut impl FnMut(u32, &Entry) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if self.slots.is_empty() {
            return ControlFlow::Continue(());
        }
        lookups.begin();
        let mut before: Option<&Word> = None;
        for (at, word) in (0_u32..).zip(&article.words.list) {
            let mut broken = None;
            let mut probe = |key, at| {
                if lookups.is_full() && broken.is_none() {
                    broken = self.look_up_all(lookups, fetch, visit).break_value();
                }
                let (place, mask) = self.bits_of(key);
                lookups.note((key, at), self.bits[place] & mask == mask);
            };
            self.probe_word(article.words, word, &mut |key| probe(key, at));
            if let Some(before) =
                before.filter(|before| word.glued && before.kind == WordKind::Unspaced)
                && word.kind == WordKind::Unspaced
            {
                let pair = pair_hash(article.words.folded.as_bytes(), before, word);
                probe(key(Part::Pair, pair), at - 1);
            }
            if let Some(broken) = broken {
                return ControlFlow::Break(broken);
            }
            before = Some(word);
        }
        self.look_up_all(lookups, fetch, visit)
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
        for length in lengths(self.openings.possible(bytes, from, to)) {
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
                        beginnings: [None; 2],
                    });
                }
                out.push(plain(id, anchor, word, one));
            }
            (Letters::Plain(letters), _) => out.push(plain(id, anchor, word, letters)),
            (Letters::Wild(wild), _) => out.extend(wild_choice(id, anchor, word.kind, wild)),
        }
    }
}

fn plain(pattern: PatternId, anchor: u16, word: &PatternWord, letters: &str) -> Choice {
    // Where the article melts into a preposition, the bare stem is what is left to be found.
    let bare = without_article(letters);
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
        beginnings: [None; 2],
    }
}

fn is_frequent(letters: &str) -> bool {
    letters.len() <= LONGEST_FREQUENT && FREQUENT.contains(&letters)
}

/// What stands for letters.
const WILDCARDS: [char; 2] = [ANY_LETTERS, ONE_LETTER];

/// The letters before the first wildcard, as many as are looked up; none if there are none.
fn beginning_of(wild: &str) -> Option<&str> {
    let letters = wild.split(WILDCARDS).next()?;
    let end = letters
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|&end| end <= LONGEST_PART)
        .last()?;
    letters.get(..end)
}

/// A word with wildcards: by its beginning, or else its end, or else what is inside.
fn wild_choice(pattern: PatternId, anchor: u16, kind: WordKind, wild: &str) -> Option<Choice> {
    let parts: Vec<&str> = wild.split(WILDCARDS).collect();
    let choice = |part, letters: &str, badness, asks| Choice {
        pattern,
        anchor,
        key: key_of(part, letters),
        other_key: None,
        badness,
        letters: count(letters.chars().count()),
        asks,
        beginnings: [None; 2],
    };
    if let Some(beginning) = beginning_of(wild) {
        // As with whole words, where the article melts.
        let bare = without_article(wild)
            .filter(|_| kind == WordKind::Arabic)
            .and_then(beginning_of);
        let shortest = bare.unwrap_or(beginning).chars().count();
        let badness = if shortest < 3 {
            Badness::ShortBeginning
        } else {
            Badness::Beginning
        };
        let looked_up = |letters: &str| {
            let first = up_to_eight(letters.as_bytes(), 0, letters.len().min(8));
            (first, letters.len())
        };
        return Some(Choice {
            other_key: bare.map(|bare| key_of(Part::Beginning, bare)),
            beginnings: [Some(looked_up(beginning)), bare.map(looked_up)],
            ..choice(Part::Beginning, beginning, badness, Asks::Nothing)
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pattern: PatternId) -> Entry {
        Entry {
            pattern,
            leaf: pattern,
            head: [0; HEAD / 4],
            rest: 0,
            length: 0,
            anchor: 0,
            simple: None,
            is_inside: false,
            is_last: false,
        }
    }

    #[test]
    fn keys_that_meet_in_the_table_are_all_found() {
        let tagged = |tag: u64, low: u64| tag << 32 | low;
        // Of one tag side by side, of others among them, around the end of the table, and several entries to one key.
        let keys = [
            tagged(7, 0),
            tagged(7, 1),
            tagged(8, 2),
            tagged(7, 3),
            tagged(7, u64::from(u32::MAX)),
            tagged(9, u64::from(u32::MAX) - 1),
            tagged(9, u64::from(u32::MAX) - 1),
            tagged(9, u64::from(u32::MAX) - 1),
        ];
        let mut index = Index::default();
        let listed = (0..).zip(keys).map(|(id, key)| (key, entry(id)));
        index.fill(listed.collect());
        for (id, key) in (0..).zip(keys) {
            let mut lookups = Lookups {
                probes: vec![(key, 5)],
                noted: 1,
                ..Lookups::default()
            };
            let mut found = Vec::new();
            let read = index.look_up_all(&mut lookups, &|_| (), &mut |at, entry| {
                assert_eq!(at, 5);
                found.push(entry.pattern);
                ControlFlow::<()>::Continue(())
            });
            assert!(
                read.is_continue() && found.contains(&id),
                "{key:x} {found:?}"
            );
        }
    }
}
