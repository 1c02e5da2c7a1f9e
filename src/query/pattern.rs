//! Patterns: how a leaf of a query meets the words of a text, script by script.

use std::{cell::Cell, ops::Range};

use smallvec::SmallVec;
use smol_str::SmolStr;
use unicode_normalization::UnicodeNormalization;

use super::{ast::Leaf, pool::Pool};
use crate::{
    domain::{Field, Subject},
    text::{
        fold::offset_of_folded,
        particle::{is_particle, is_suffix, proclitics},
        script::{Role, WordKind, role},
        words::{ANY_LETTERS, ONE_LETTER, Word, Words},
    },
};

/// An article in words: title, summary and content one after the other.
#[derive(Clone, Copy)]
pub(super) struct Article<'a> {
    pub(super) words: &'a Words,
    texts: [&'a str; 3],
    /// The position of the first word of each field, and of the end.
    firsts: [u32; 4],
    /// What comparing patterns with it has cost so far, in words.
    effort: &'a Cell<u64>,
}

impl<'a> Article<'a> {
    /// Reads the words of `subject` into `words`. What it costs to compare patterns with them is added to `effort`.
    pub(super) fn read(subject: &Subject<'a>, words: &'a mut Words, effort: &'a Cell<u64>) -> Self {
        let texts = [subject.title, subject.summary, subject.content];
        let mut firsts = [0; 4];
        words.clear();
        for (text, first) in texts.iter().zip(&mut firsts[1..]) {
            words.read(text);
            *first = position(words.list.len());
        }
        Self {
            words,
            texts,
            firsts,
            effort,
        }
    }

    /// What comparing patterns has cost so far, in words.
    pub(super) const fn effort(&self) -> u64 {
        self.effort.get()
    }

    /// Adds to what it has cost.
    pub(super) fn spend(&self, words: u64) {
        self.effort.set(self.effort.get().saturating_add(words));
    }

    /// How many words it has.
    pub(super) const fn end(&self) -> u32 {
        self.firsts[3]
    }

    pub(super) fn word(&self, at: u32) -> Option<&'a Word> {
        self.words.list.get(at as usize)
    }

    pub(super) fn paragraph(&self, at: u32) -> Option<u32> {
        self.word(at).map(|word| word.paragraph)
    }

    pub(super) fn sentence(&self, at: u32) -> Option<u32> {
        self.word(at).map(|word| word.sentence)
    }

    /// How many words stand from one position to before another: what distances are counted in.
    pub(super) fn between(&self, from: u32, to: u32) -> u32 {
        self.words.between(from, to)
    }

    /// Whether the word at a position may be passed over between `before` and the next word of a pattern: a suffix of
    /// Persian that stands apart, or a Korean particle after another script.
    fn is_passed_over(&self, at: u32, before: &PatternWord) -> bool {
        match before.kind {
            WordKind::Hangul => false,
            WordKind::Arabic if is_suffix_at(self, at) => true,
            _ => self.words.is_particle_at(at),
        }
    }

    /// The positions of a paragraph.
    pub(super) fn positions_of(&self, paragraph: u32) -> Range<u32> {
        let list = &self.words.list;
        let from = list.partition_point(|word| word.paragraph < paragraph);
        let to = list.partition_point(|word| word.paragraph <= paragraph);
        position(from)..position(to)
    }

    fn field_index(&self, at: u32) -> usize {
        usize::from(at >= self.firsts[1]) + usize::from(at >= self.firsts[2])
    }

    /// The field that a position is in.
    pub(super) fn field(&self, at: u32) -> Field {
        match self.field_index(at) {
            0 => Field::Title,
            1 => Field::Summary,
            _ => Field::Content,
        }
    }

    /// The text of the field that a position is in.
    pub(super) fn text(&self, at: u32) -> &'a str {
        self.texts
            .get(self.field_index(at))
            .copied()
            .unwrap_or_default()
    }

    /// One past the last position of the title.
    pub(super) const fn title_end(&self) -> u32 {
        self.firsts[1]
    }

    /// The positions of the body that the lead is taken from: the content, or the summary where there is none.
    pub(super) const fn body(&self) -> (u32, u32) {
        if self.firsts[2] < self.firsts[3] {
            (self.firsts[2], self.firsts[3])
        } else {
            (self.firsts[1], self.firsts[2])
        }
    }
}

/// A place in the word stream as it is stored.
pub(super) fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Words in a row, as a leaf asks for them. Few and short ones are inside it: memory elsewhere would have to be waited for.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) words: SmallVec<[PatternWord; 2]>,
    pub(super) slop: u32,
}

/// One word of a pattern.
#[derive(Debug, Clone)]
pub(super) struct PatternWord {
    pub(super) kind: WordKind,
    /// Whether nothing may stand between it and the word before: inside scripts without spaces.
    pub(super) is_glued: bool,
    pub(super) letters: Letters,
    /// The unfolded letters, for `cs()`.
    exact: Option<Box<Letters>>,
}

/// Letters with or without wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Letters {
    Plain(SmolStr),
    /// With [`ANY_LETTERS`] and [`ONE_LETTER`] in it.
    Wild(SmolStr),
}

impl Letters {
    fn new(letters: &str) -> Self {
        if letters.contains([ANY_LETTERS, ONE_LETTER]) {
            Self::Wild(letters.into())
        } else {
            Self::Plain(letters.into())
        }
    }

    /// Whether these are the letters as `cs()` compares them.
    fn is_unfolded(&self, letters: &str, is_initialism: bool) -> bool {
        match self {
            Self::Plain(plain) => unfolded(letters, is_initialism).eq(plain.chars()),
            Self::Wild(wild) => {
                is_match(wild, &unfolded(letters, is_initialism).collect::<String>())
            }
        }
    }

    fn matches(&self, letters: &str) -> bool {
        match self {
            Self::Plain(plain) => **plain == *letters,
            Self::Wild(wild) => is_match(wild, letters),
        }
    }
}

/// A stretch of words that a pattern was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    /// First position.
    pub(super) first: u32,
    /// One past the last position.
    pub(super) last: u32,
    /// First byte in the field.
    pub(super) start: u32,
    /// One past the last byte in the field.
    pub(super) end: u32,
}

impl Stretch {
    /// The whole word at a position.
    pub(super) const fn of(word: &Word, at: u32) -> Self {
        Self {
            first: at,
            last: at + 1,
            start: word.start,
            end: word.end,
        }
    }
}

impl Pattern {
    /// The patterns of a leaf: one, and another where Persian writes a suffix joined as well as apart.
    pub(super) fn of(leaf: &Leaf) -> Vec<Self> {
        let apart = Self::new(&leaf.words, leaf);
        let joined = apart.with_suffixes_joined();
        std::iter::once(apart).chain(joined).collect()
    }

    fn new(text: &str, leaf: &Leaf) -> Self {
        let marked: String = text
            .replace('*', &ANY_LETTERS.to_string())
            .replace('?', &ONE_LETTER.to_string());
        let words = Words::of_pattern(text);
        let mut out = SmallVec::<[PatternWord; 2]>::with_capacity(words.list.len());
        for word in &words.list {
            let folded = words.folded(word);
            // Any ending of a word means nothing where there are no words.
            if word.kind == WordKind::Unspaced && folded.chars().all(|c| c == ANY_LETTERS) {
                continue;
            }
            let original = marked
                .get(word.start as usize..word.end as usize)
                .unwrap_or_default();
            out.push(PatternWord {
                kind: word.kind,
                is_glued: word.glued
                    && word.kind == WordKind::Unspaced
                    && out
                        .last()
                        .is_some_and(|before| before.kind == WordKind::Unspaced),
                letters: Letters::new(folded),
                exact: leaf.is_exact.then(|| {
                    let letters: String = unfolded(original, word.is_initialism).collect();
                    Box::new(Letters::new(&letters))
                }),
            });
        }
        Self {
            words: out,
            slop: leaf.slop,
        }
    }

    /// The word and its letters, if the pattern is nothing else.
    pub(super) fn simple(&self) -> Option<(WordKind, &str)> {
        match self.words.as_slice() {
            [
                PatternWord {
                    kind,
                    letters: Letters::Plain(letters),
                    exact: None,
                    ..
                },
            ] => Some((*kind, letters)),
            _ => None,
        }
    }

    /// The pattern with suffixes that stand apart joined to the word before; none if there are none.
    fn with_suffixes_joined(&self) -> Option<Self> {
        let mut words = SmallVec::<[PatternWord; 2]>::with_capacity(self.words.len());
        for word in &self.words {
            match (&word.letters, words.last_mut()) {
                (Letters::Plain(suffix), Some(before))
                    if word.kind == WordKind::Arabic && is_suffix(suffix) =>
                {
                    if before.kind == WordKind::Arabic
                        && let Letters::Plain(stem) = &before.letters
                    {
                        before.letters = Letters::Plain(format!("{stem}{suffix}").into());
                        before.exact = None;
                        continue;
                    }
                }
                _ => {}
            }
            words.push(word.clone());
        }
        (words.len() < self.words.len()).then_some(Self {
            words,
            slop: self.slop,
        })
    }

    /// The stretch of words around position `at` that has word `anchor` of the pattern there.
    pub(super) fn around(&self, article: &Article<'_>, anchor: usize, at: u32) -> Option<Stretch> {
        self.run_around(article, 0..self.words.len(), anchor, at)
    }

    /// The same for a run of words of the pattern.
    fn run_around(
        &self,
        article: &Article<'_>,
        run: Range<usize>,
        anchor: usize,
        at: u32,
    ) -> Option<Stretch> {
        let mut stretch = self.words.get(anchor)?.stretch(article, at)?;
        let paragraph = article.paragraph(at)?;
        for i in (run.start..anchor).rev() {
            let needs_glue = self.words.get(i + 1).is_some_and(|next| next.is_glued);
            let before = self.step(article, i, stretch.first, needs_glue, paragraph)?;
            stretch.first = before.first;
            stretch.start = before.start;
        }
        for i in anchor + 1..run.end {
            let next = self.step_on(article, i, stretch.last, paragraph)?;
            stretch.last = next.last;
            stretch.end = next.end;
        }
        Some(stretch)
    }

    /// Word `i` of the pattern right before position `first`, or before what may be passed over there.
    fn step(
        &self,
        article: &Article<'_>,
        i: usize,
        first: u32,
        is_glued: bool,
        paragraph: u32,
    ) -> Option<Stretch> {
        let pattern = self.words.get(i)?;
        let at = first.checked_sub(1)?;
        if article.paragraph(at)? != paragraph || (is_glued && !article.word(first)?.glued) {
            return None;
        }
        pattern.stretch(article, at).or_else(|| {
            let beyond = at.checked_sub(1)?;
            let skips = !is_glued && article.is_passed_over(at, pattern);
            (skips && article.paragraph(beyond)? == paragraph)
                .then(|| pattern.stretch(article, beyond))?
        })
    }

    /// Word `i` of the pattern at position `at`, or after what may be passed over there.
    fn step_on(&self, article: &Article<'_>, i: usize, at: u32, paragraph: u32) -> Option<Stretch> {
        let pattern = self.words.get(i)?;
        let word = article.word(at)?;
        if word.paragraph != paragraph || (pattern.is_glued && !word.glued) {
            return None;
        }
        pattern.stretch(article, at).or_else(|| {
            let before = self.words.get(i.checked_sub(1)?)?;
            let skips = !pattern.is_glued && article.is_passed_over(at, before);
            (skips && article.paragraph(at + 1)? == paragraph)
                .then(|| pattern.stretch(article, at + 1))?
        })
    }

    /// All stretches in `positions` where the words stand in order with at most `slop` others among them: for each
    /// possible end the shortest. One pass over the positions for each word of the pattern.
    pub(super) fn loosely(
        &self,
        article: &Article<'_>,
        positions: &Range<u32>,
        pool: &Pool,
        found: &mut Vec<Stretch>,
    ) {
        let mut chain = pool.list();
        let mut from = 0;
        while from < self.words.len() {
            let to = (from + 1..self.words.len())
                .find(|&i| self.words.get(i).is_some_and(|word| !word.is_glued))
                .unwrap_or(self.words.len());
            let Some(first) = self.words.get(from) else {
                break;
            };
            let places = positions
                .clone()
                .filter(|&at| article.word(at).is_some_and(|word| first.may_be(word)))
                .filter_map(|at| self.run_around(article, from..to, from, at));
            if from == 0 {
                chain.extend(places);
            } else {
                let mut longer = pool.list();
                append(&chain, places, &mut longer);
                std::mem::swap(&mut *chain, &mut *longer);
            }
            if chain.is_empty() {
                return;
            }
            from = to;
        }
        let most = position(self.words.len()).saturating_add(self.slop);
        found.extend(
            chain
                .iter()
                .filter(|stretch| article.between(stretch.first, stretch.last) <= most),
        );
    }
}

/// Each of `places` appended to the last of `before` that ends before it.
fn append(before: &[Stretch], places: impl Iterator<Item = Stretch>, out: &mut Vec<Stretch>) {
    let mut passed = 0;
    for place in places {
        while before
            .get(passed)
            .is_some_and(|stretch| stretch.last <= place.first)
        {
            passed += 1;
        }
        if let Some(head) = passed.checked_sub(1).and_then(|last| before.get(last)) {
            out.push(Stretch {
                first: head.first,
                start: head.start,
                ..place
            });
        }
    }
}

/// Whether the word at `at` is a suffix of Persian that stands apart.
fn is_suffix_at(article: &Article<'_>, at: u32) -> bool {
    article
        .word(at)
        .is_some_and(|word| word.kind == WordKind::Arabic && is_suffix(article.words.folded(word)))
}

impl PatternWord {
    /// What it costs to compare it with a word, in words of usual length.
    fn cost(&self, word: &Word) -> u64 {
        let length = u64::from(word.folded_end - word.folded_start);
        if length < 64 {
            return 1;
        }
        let times = match &self.letters {
            Letters::Wild(wild) if wild.contains(ONE_LETTER) => wild.len() as u64,
            Letters::Wild(_) => 1,
            Letters::Plain(_) => u64::from(self.exact.is_some()),
        };
        1 + length / 16 * times
    }

    /// Whether a word may be this word of the pattern, as far as its length tells: most are not.
    #[inline]
    fn may_be(&self, word: &Word) -> bool {
        let length = (word.folded_end - word.folded_start) as usize;
        word.kind == self.kind
            && match (self.kind, &self.letters) {
                // They carry what is no part of the term.
                (WordKind::Hangul, Letters::Plain(stem)) => length >= stem.len(),
                (WordKind::Arabic, _) | (_, Letters::Wild(_)) => true,
                (_, Letters::Plain(letters)) => length == letters.len(),
            }
    }

    /// The stretch of the one word at `at`, if it is this word of the pattern.
    fn stretch(&self, article: &Article<'_>, at: u32) -> Option<Stretch> {
        let word = article.word(at)?;
        article.spend(self.cost(word));
        if word.kind != self.kind {
            return None;
        }
        let folded = article.words.folded(word);
        let (from, to) = self.stem_in(folded)?;
        let is_whole = from == 0 && to == folded.len();
        if is_whole && self.exact.is_none() {
            return Some(Stretch::of(word, at));
        }
        let letters = article
            .text(at)
            .get(word.start as usize..word.end as usize)?;
        let start = if from == 0 {
            0
        } else {
            offset_of_folded(letters, from)
        };
        let end = if to == folded.len() {
            letters.len()
        } else {
            offset_of_folded(letters, to)
        };
        let stem = letters.get(start..end)?;
        if let Some(exact) = &self.exact
            && !exact.is_unfolded(stem, word.is_initialism)
        {
            return None;
        }
        Some(Stretch {
            first: at,
            last: at + 1,
            start: word.start + position(start),
            end: word.start + position(end),
        })
    }

    /// The bytes of a folded word that this stands for: without particle, proclitic and suffix.
    fn stem_in(&self, folded: &str) -> Option<(usize, usize)> {
        let whole = folded.len();
        match (self.kind, &self.letters) {
            (WordKind::Hangul, Letters::Plain(stem)) => {
                let rest = folded.strip_prefix(&**stem)?;
                (rest.is_empty() || is_particle(rest)).then_some((0, stem.len()))
            }
            (WordKind::Arabic, Letters::Plain(stem)) => arabic_stem(folded, stem),
            (WordKind::Arabic, Letters::Wild(wild)) => arabic_wild(folded, wild),
            (_, letters) => letters.matches(folded).then_some((0, whole)),
        }
    }
}

/// The bytes of `stem` in a folded word of Arabic script.
fn arabic_stem(folded: &str, stem: &str) -> Option<(usize, usize)> {
    let is_rest = |rest: &str| rest.is_empty() || is_suffix(rest);
    let plain = proclitics(folded).find_map(|start| {
        let rest = folded.get(start..)?.strip_prefix(stem)?;
        is_rest(rest).then_some((start, start + stem.len()))
    });
    plain.or_else(|| {
        let bare = without_article(stem)?;
        let (start, after) = after_melted(folded, bare)?;
        let rest = after.strip_prefix(bare)?;
        is_rest(rest).then(|| (start, folded.len() - rest.len()))
    })
}

/// The bytes of a folded word of Arabic script that `wild` stands for.
fn arabic_wild(folded: &str, wild: &str) -> Option<(usize, usize)> {
    let is_rest = |&start: &usize| folded.get(start..).is_some_and(|rest| is_match(wild, rest));
    let start = proclitics(folded).find(is_rest).or_else(|| {
        let bare = without_article(wild)?;
        let (start, after) = after_melted(folded, bare)?;
        is_match(bare, after).then_some(start)
    })?;
    Some((start, folded.len()))
}

/// What a term of Arabic script is without its article, where that may have melted into a preposition. What melts is told by
/// the letter behind it, so there must be one.
pub(super) fn without_article(term: &str) -> Option<&str> {
    term.strip_prefix("ال")
        .filter(|bare| !bare.is_empty() && !bare.starts_with([ANY_LETTERS, ONE_LETTER]))
}

/// "To the sanctions": what follows in a folded word where the article of a term, `bare` without it, has melted into the
/// preposition, and where the preposition begins.
fn after_melted<'a>(folded: &'a str, bare: &str) -> Option<(usize, &'a str)> {
    let word = folded.strip_prefix(['و', 'ف']).unwrap_or(folded);
    // Of the three ل before a stem that begins with one, two are written: للجنة.
    let melted = if bare.starts_with('ل') { "ل" } else { "لل" };
    let after = word.strip_prefix(melted)?;
    Some((folded.len() - word.len(), after))
}

/// The letters as `cs()` compares them: composed, without what is invisible and without the dots of an initialism.
fn unfolded(letters: &str, is_initialism: bool) -> impl Iterator<Item = char> + '_ {
    letters
        .nfc()
        .filter(|&c| c.is_ascii() || role(c) != Role::Invisible)
        .filter(move |&c| !is_initialism || c != '.')
        .map(|c| if c == '\u{2019}' { '\'' } else { c })
}

/// The first byte of [`ANY_LETTERS`] and [`ONE_LETTER`].
const FIRST_OF_WILD: u8 = 0xee;

/// Whether `letters` are what `wild` asks for. Linear in `letters` but for parts with [`ONE_LETTER`], which multiply it by
/// their length at worst.
pub(super) fn is_match(wild: &str, letters: &str) -> bool {
    // Most are the beginning of a word.
    if let Some(beginning) = wild.strip_suffix(ANY_LETTERS)
        && !beginning.as_bytes().contains(&FIRST_OF_WILD)
    {
        return letters.starts_with(beginning);
    }
    let Some((beginning, rest)) = wild.split_once(ANY_LETTERS) else {
        return fits_at_start(wild, letters) == Some(letters.len());
    };
    let (middle, end) = rest.rsplit_once(ANY_LETTERS).unwrap_or(("", rest));
    let Some(mut at) = fits_at_start(beginning, letters) else {
        return false;
    };
    // The first place that fits a part leaves the most to those after it.
    for part in middle.split(ANY_LETTERS) {
        let Some(after) = letters.get(at..).and_then(|rest| end_of_first(part, rest)) else {
            return false;
        };
        at += after;
    }
    let count = end.chars().count();
    let from = match count.checked_sub(1) {
        None => Some(letters.len()),
        Some(before) => letters
            .char_indices()
            .nth_back(before)
            .map(|(from, _)| from),
    };
    from.filter(|&from| from >= at)
        .and_then(|from| letters.get(from..))
        .is_some_and(|rest| fits_at_start(end, rest) == Some(rest.len()))
}

/// Where `part`, in which [`ONE_LETTER`] stands for any letter, ends if `letters` begin with it.
fn fits_at_start(part: &str, letters: &str) -> Option<usize> {
    let mut rest = letters.chars();
    part.chars()
        .all(|asked| {
            rest.next()
                .is_some_and(|found| asked == ONE_LETTER || asked == found)
        })
        .then(|| letters.len() - rest.as_str().len())
}

/// Where the first place ends that fits `part`.
fn end_of_first(part: &str, letters: &str) -> Option<usize> {
    if !part.contains(ONE_LETTER) {
        return letters.find(part).map(|at| at + part.len());
    }
    letters.char_indices().find_map(|(at, _)| {
        let end = fits_at_start(part, letters.get(at..)?)?;
        Some(at + end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_letters_or_for_one() {
        for (wild, letters, expected) in [
            ("san*", "sanctions", true),
            ("san*", "san", true),
            ("*stan", "pakistan", true),
            ("*stan", "stand", false),
            ("w?rd", "word", true),
            ("w?rd", "wrd", false),
            ("*ab*ab", "xxababab", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("*", "", true),
            ("*", "a", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a?*", "a", false),
            ("*a?c*", "xabxabcx", true),
            ("**b", "ab", true),
            ("*й", "ой", true),
        ] {
            let wild = wild
                .replace('*', &ANY_LETTERS.to_string())
                .replace('?', &ONE_LETTER.to_string());
            assert_eq!(is_match(&wild, letters), expected, "{wild} {letters}");
        }
    }
}
