//! Words: the stream of positions that phrases and distances are counted in, each with its bytes in the original.
//!
//! Unicode word segmentation (UAX 29) with the changes that news in many scripts needs: hyphens and slashes part words,
//! a possessive `'s` is dropped, an initialism is one word without its dots, scripts are parted from each other, and in
//! scripts without spaces each character is a word.

use std::ops::Range;

use super::{
    fold::fold_into,
    letters::{Class, Letters, Look, joins_digits, joins_letters, letters},
    particle::is_particle,
    script::{Role, WordKind, ZWNJ, is_mark, role},
    sentence::{Before, Ending},
};

/// Stands for `*` in the folded form of a pattern.
pub const ANY_LETTERS: char = '\u{E000}';
/// Stands for `?` in the folded form of a pattern.
pub const ONE_LETTER: char = '\u{E001}';

/// With the apostrophes that keyboards and editors make of one.
const POSSESSIVES: [&str; 10] = ["'s", "'S", "’s", "’S", "‘s", "‘S", "ʼs", "ʼS", "＇s", "＇S"];

/// A word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// First byte in the original.
    pub start: u32,
    /// One past the last byte in the original: without a possessive, with the last dot of an initialism.
    pub end: u32,
    /// First byte in the folded text.
    pub folded_start: u32,
    /// One past the last byte in the folded text.
    pub folded_end: u32,
    /// Number of the paragraph; grows along the stream.
    pub paragraph: u32,
    /// Number of the sentence; grows along the stream, also at each paragraph.
    pub sentence: u32,
    /// How its script forms words.
    pub kind: WordKind,
    /// Whether nothing visible stands between it and the word before.
    pub glued: bool,
    /// Whether it is an initialism whose dots were removed (`U.S.`).
    pub is_initialism: bool,
}

/// The words of one or several texts, one after the other, with their folded letters. Made to be used again.
#[derive(Debug, Default, Clone)]
pub struct Words {
    /// The words in order.
    pub list: Vec<Word>,
    /// Their folded letters, each word's in one piece, and whatever else.
    pub folded: String,
    /// Positions of words that are nothing but a Korean particle of a word in another script (`IAEA의`), ascending.
    particles: Vec<u32>,
    next_paragraph: u32,
    next_sentence: u32,
}

impl Words {
    /// Forgets all words, keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.folded.clear();
        self.particles.clear();
        self.next_paragraph = 0;
        self.next_sentence = 0;
    }

    /// Appends the words of `text`, which begins a new paragraph. Paragraphs are parted by `\n`.
    pub fn read(&mut self, text: &str) {
        self.read_as(text, false);
    }

    /// The words of a pattern, in which `*` and `?` are wildcards: part of the word that they touch.
    #[must_use]
    pub fn of_pattern(text: &str) -> Self {
        let mut words = Self::default();
        let mut marked = String::with_capacity(text.len() + ANY_LETTERS.len_utf8());
        let letters = text
            .chars()
            .filter(|c| !matches!(*c, ANY_LETTERS | ONE_LETTER));
        marked.extend(letters.map(|c| match c {
            '*' => ANY_LETTERS,
            '?' => ONE_LETTER,
            _ => c,
        }));
        words.read_as(&marked, true);
        words
    }

    /// The words of a plain text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut words = Self::default();
        words.read(text);
        words
    }

    /// The folded letters of a word.
    #[must_use]
    pub fn folded(&self, word: &Word) -> &str {
        self.folded
            .get(word.folded_start as usize..word.folded_end as usize)
            .unwrap_or_default()
    }

    /// Whether the word at a position is nothing but the particle of the word before it. A query may ask for it all the
    /// same, since it may be a word of its own (`3만`); where it does not, it is passed over.
    #[must_use]
    pub fn is_particle_at(&self, at: u32) -> bool {
        self.particles.binary_search(&at).is_ok()
    }

    /// How many words stand from one position to before another, particles not counted.
    #[must_use]
    pub fn between(&self, from: u32, to: u32) -> u32 {
        if self.particles.is_empty() {
            return to.saturating_sub(from);
        }
        let before = |end: u32| self.particles.partition_point(|&at| at < end);
        let particles = before(to).saturating_sub(before(from));
        to.saturating_sub(from).saturating_sub(narrow(particles))
    }

    /// The text as folded words with one space between: for comparing names rather than finding mentions.
    #[must_use]
    pub fn joined(&self) -> String {
        let words: Vec<&str> = self.list.iter().map(|word| self.folded(word)).collect();
        words.join(" ")
    }

    /// Adds a word to the sentence that is read.
    #[inline]
    fn add(&mut self, start: usize, run: &Run, folded: Range<usize>, glued: bool) {
        self.list.push(Word {
            start: narrow(start),
            end: narrow(run.end),
            folded_start: narrow(folded.start),
            folded_end: narrow(folded.end),
            paragraph: self.next_paragraph,
            sentence: self.next_sentence,
            kind: run.kind,
            glued,
            is_initialism: run.is_initialism,
        });
    }

    fn read_as(&mut self, text: &str, is_pattern: bool) {
        self.read_by(text, is_pattern, Some(letters()));
    }

    /// The same without shortcuts: what [`Self::of`] must give.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub fn of_slowly(text: &str) -> Self {
        let mut words = Self::default();
        words.read_by(text, false, None);
        words
    }

    fn read_by(&mut self, text: &str, is_pattern: bool, letters: Option<&'static Letters>) {
        // Offsets are 32 bits wide; no entry comes near that, so what is beyond is not read.
        let text = text.get(..u32::MAX as usize).unwrap_or(text);
        let reader = Reader {
            text,
            letters,
            copy: self.folded.len(),
            at: 0,
            is_pattern,
            ending: Ending::default(),
            glued_to: None,
            starts_paragraph: true,
        };
        if letters.is_some() {
            self.folded.push_str(text);
            if let Some(copy) = self.folded.get_mut(reader.copy..) {
                copy.make_ascii_lowercase();
            }
        }
        reader.run(self);
        self.next_paragraph += 1;
        self.next_sentence += 1;
    }
}

/// What a run of letters is made of, while it is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Letter,
    Digit,
    Wild,
}

/// Walks through one text.
struct Reader<'a> {
    text: &'a str,
    /// What is known at a look; none to take no shortcuts.
    letters: Option<&'static Letters>,
    /// Where the folded letters have a copy of the text, ASCII in lower case: most words are folded so.
    copy: usize,
    at: usize,
    is_pattern: bool,
    ending: Ending,
    /// End of the word before, while nothing visible followed it.
    glued_to: Option<WordKind>,
    starts_paragraph: bool,
}

/// A run of letters as found: its kind, where the letters end and where reading goes on.
struct Run {
    kind: WordKind,
    end: usize,
    resume: usize,
    is_initialism: bool,
}

impl Run {
    /// A word of nothing but letters.
    const fn plain(kind: WordKind, end: usize) -> Self {
        Self {
            kind,
            end,
            resume: end,
            is_initialism: false,
        }
    }
}

impl Reader<'_> {
    fn run(mut self, words: &mut Words) {
        while self.at < self.text.len() {
            match self.look(self.at).map(Look::class) {
                Some(Class::Letter(kind)) => {
                    self.word(kind, words);
                    self.words_like_it(kind, words);
                    continue;
                }
                Some(Class::Break | Class::Joiner) => {
                    self.between(self.peek(self.at).unwrap_or_default(), words);
                    continue;
                }
                _ => {}
            }
            let Some(c) = self.peek(self.at) else { break };
            match self.role(c) {
                Some(Role::Letter(kind)) => self.word(kind, words),
                Some(Role::Digit) => self.word(WordKind::Alphabetic, words),
                None => self.word(self.kind_ahead(), words),
                Some(Role::Mark | Role::Invisible) => self.at += c.len_utf8(),
                Some(Role::Other) => self.between(c, words),
            }
        }
    }

    /// Reads on, after a word, as long as words follow of which a look tells all: most words of most texts are plain letters
    /// between single spaces, or one character between others.
    fn words_like_it(&mut self, kind: WordKind, words: &mut Words) {
        let Some(letters) = self.letters else { return };
        if kind == WordKind::Unspaced && self.glued_to == Some(kind) {
            self.unspaced_words(letters, words);
        }
        let text = self.text.as_bytes();
        while text.get(self.at) == Some(&b' ') {
            let start = self.at + 1;
            let ascii = letters.ascii_at(text, start);
            let (kind, end, changes) = if ascii > 0 {
                (WordKind::Alphabetic, start + ascii, false)
            } else if let Some(Class::Letter(kind)) = self.look(start).map(Look::class)
                && let Some((end, changes)) = self.plain(kind, start)
            {
                (kind, end, changes)
            } else {
                return;
            };
            if text.get(end) != Some(&b' ') {
                return;
            }
            let folded = self.fold_plain(start..end, changes, &mut words.folded);
            self.at = end;
            words.add(start, &Run::plain(kind, end), folded, false);
        }
    }

    /// The same where words stand without spaces. The last of a row is left, for a mark may cling to it.
    fn unspaced_words(&mut self, letters: &Letters, words: &mut Words) {
        let kind = WordKind::Unspaced;
        let text = self.text.as_bytes();
        let is_alike = |seen: &Look| seen.class() == Class::Letter(kind) && !seen.changes();
        let mut seen = letters.look(text, self.at).filter(is_alike);
        while let Some(it) = seen {
            let (start, end) = (self.at, self.at + it.bytes());
            seen = letters.look(text, end).filter(is_alike);
            if seen.is_some() {
                let folded = self.fold_plain(start..end, false, &mut words.folded);
                self.at = end;
                words.add(start, &Run::plain(kind, end), folded, true);
            }
        }
    }

    /// What is known of the character at `at`.
    #[inline]
    fn look(&self, at: usize) -> Option<Look> {
        self.letters?.look(self.text.as_bytes(), at)
    }

    fn peek(&self, at: usize) -> Option<char> {
        if let Some(&byte) = self.text.as_bytes().get(at)
            && byte.is_ascii()
        {
            return Some(char::from(byte));
        }
        self.text.get(at..)?.chars().next()
    }

    /// The part a character plays; none for a wildcard of a pattern.
    fn role(&self, c: char) -> Option<Role> {
        if self.is_wild(c) { None } else { Some(role(c)) }
    }

    fn is_wild(&self, c: char) -> bool {
        self.is_pattern && matches!(c, ANY_LETTERS | ONE_LETTER)
    }

    /// The kind of word that a wildcard stands in front of.
    fn kind_ahead(&self) -> WordKind {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.chars().find(|&c| !self.is_wild(c)).map(role) {
            Some(Role::Letter(kind)) => kind,
            _ if self.glued_to == Some(WordKind::Unspaced) => WordKind::Unspaced,
            _ => WordKind::Alphabetic,
        }
    }

    /// Passes a character between words.
    fn between(&mut self, c: char, words: &mut Words) {
        self.at += c.len_utf8();
        self.glued_to = None;
        if c == ' ' {
            self.ending.see_space();
            return;
        }
        self.ending.see(c);
        if c == '\n' {
            self.ending = Ending::default();
            if !self.starts_paragraph {
                words.next_paragraph += 1;
                words.next_sentence += 1;
                self.starts_paragraph = true;
            }
        }
    }

    /// Reads one word.
    fn word(&mut self, kind: WordKind, words: &mut Words) {
        let start = self.at;
        // The long vowel mark of Katakana stands in Hiragana words as well.
        let kind =
            if self.glued_to == Some(WordKind::Unspaced) && self.text[start..].starts_with('ー') {
                WordKind::Unspaced
            } else {
                kind
            };
        let (run, folded) = match self.plain(kind, start) {
            Some((end, changes)) => (
                Run::plain(kind, end),
                self.fold_plain(start..end, changes, &mut words.folded),
            ),
            None => self.closely(kind, start, &mut words.folded),
        };
        if !folded.is_empty() {
            self.push(start, &run, folded, words);
        }
        self.at = run.resume;
        self.ending = Ending::default();
        self.starts_paragraph = false;
        self.glued_to = (run.end == run.resume).then_some(run.kind);
        if self.is_past_zwnj() {
            self.glued_to = None;
        }
    }

    fn is_past_zwnj(&self) -> bool {
        self.peek(self.at) == Some(ZWNJ)
    }

    /// Reads a word that has, or may have, anything out of the ordinary in or after it. Returns it with the place of its
    /// folded letters.
    #[inline(never)]
    fn closely(&self, kind: WordKind, start: usize, folded: &mut String) -> (Run, Range<usize>) {
        let run = match kind {
            WordKind::Alphabetic => self.alphabetic(start),
            WordKind::Unspaced => self.single(start),
            WordKind::Hangul | WordKind::Katakana | WordKind::Arabic => self.run_of(kind, start),
        };
        let from = folded.len();
        let letters = self.text.get(start..run.end).unwrap_or_default();
        if run.is_initialism {
            for part in letters.split('.') {
                fold_into(part, folded);
            }
        } else {
            fold_into(letters, folded);
        }
        (run, from..folded.len())
    }

    /// Reads a word of letters that are known at a look, with nothing in or after it that asks for a closer one; most
    /// words of most texts are such. Returns where it ends, and whether folding changes more than the case of ASCII.
    #[expect(clippy::inline_always, reason = "asked for every word")]
    #[inline(always)]
    fn plain(&self, kind: WordKind, start: usize) -> Option<(usize, bool)> {
        let (letters, text) = (self.letters?, self.text.as_bytes());
        let mut end = start;
        let mut changes = false;
        loop {
            if kind == WordKind::Alphabetic {
                end += letters.ascii_at(text, end);
            }
            let Some(seen) = letters.look(text, end) else {
                break;
            };
            match seen.class() {
                Class::Letter(other) if other == kind => {
                    if kind == WordKind::Unspaced && end > start {
                        break;
                    }
                    changes |= seen.changes();
                    end += seen.bytes();
                }
                Class::Letter(_) | Class::Break => break,
                Class::NonJoiner if matches!(kind, WordKind::Arabic | WordKind::Unspaced) => break,
                Class::Joiner if !self.may_go_on(end + seen.bytes()) => break,
                Class::Joiner | Class::NonJoiner | Class::Unsure => return None,
            }
        }
        (end > start).then_some((end, changes))
    }

    /// Where the folded form of letters is that are known at a look: in the copy, or behind it where folding changes more.
    #[inline]
    fn fold_plain(&self, place: Range<usize>, changes: bool, folded: &mut String) -> Range<usize> {
        if changes {
            self.fold_changed(place.start, place.end, folded)
        } else {
            self.copy + place.start..self.copy + place.end
        }
    }

    /// Appends the folded form of letters that are known at a look. Returns where it is.
    fn fold_changed(&self, start: usize, end: usize, folded: &mut String) -> Range<usize> {
        let from = folded.len();
        let mut at = start;
        while let Some(seen) = self.look(at).filter(|_| at < end) {
            folded.push(seen.folded());
            at += seen.bytes();
        }
        from..folded.len()
    }

    /// Whether a word may go on with the character at `at`, after one that may join.
    fn may_go_on(&self, at: usize) -> bool {
        matches!(
            self.look(at).map(Look::class),
            Some(Class::Letter(WordKind::Alphabetic) | Class::Unsure)
        )
    }

    /// Adds a word, which may begin a sentence or be nothing but a particle.
    fn push(&self, start: usize, run: &Run, folded: Range<usize>, words: &mut Words) {
        if self.ending.may_end() && !self.starts_paragraph && self.begins_sentence(start, words) {
            words.next_sentence += 1;
        }
        if run.kind == WordKind::Hangul
            && self.glued_to.is_some_and(|kind| kind != WordKind::Hangul)
            && words.folded.get(folded.clone()).is_some_and(is_particle)
        {
            words.particles.push(narrow(words.list.len()));
        }
        words.add(start, run, folded, self.glued_to.is_some());
    }

    /// Whether a sentence ended between the last word and the one that begins at `start`.
    fn begins_sentence(&self, start: usize, words: &Words) -> bool {
        let Some(before) = words.list.last() else {
            return false;
        };
        let letters = before.start as usize..before.end as usize;
        let before = Before {
            letters: self.text.get(letters).unwrap_or_default(),
            folded: words.folded(before),
            is_initialism: before.is_initialism,
        };
        self.ending
            .is_between(before, self.peek(start).unwrap_or_default())
    }

    /// One character of a script without spaces, with what clings to it.
    fn single(&self, start: usize) -> Run {
        let mut end = start + self.peek(start).map_or(1, char::len_utf8);
        while let Some(c) = self.peek(end)
            && is_mark(c)
            && role(c) == Role::Mark
        {
            end += c.len_utf8();
        }
        Run {
            kind: WordKind::Unspaced,
            end,
            resume: end,
            is_initialism: false,
        }
    }

    /// A run of letters of one script, without digits.
    fn run_of(&self, kind: WordKind, start: usize) -> Run {
        let mut end = start;
        while let Some(c) = self.peek(end) {
            let belongs = match self.role(c) {
                None | Some(Role::Mark) => true,
                Some(Role::Letter(other)) => other == kind,
                Some(Role::Invisible) => c != ZWNJ || kind != WordKind::Arabic,
                Some(Role::Digit | Role::Other) => false,
            };
            if !belongs {
                break;
            }
            end += c.len_utf8();
        }
        let end = self.without_invisible_tail(start, end);
        Run {
            kind,
            end,
            resume: self.past_possessive(end),
            is_initialism: false,
        }
    }

    /// A run of alphabetic letters and digits (UAX 29, rules 5 to 13).
    fn alphabetic(&self, start: usize) -> Run {
        let mut end = start;
        let mut last = Piece::Letter;
        let mut parts = Parts::default();
        while let Some(c) = self.peek(end) {
            match self.role(c) {
                Some(Role::Letter(WordKind::Alphabetic)) => {
                    last = Piece::Letter;
                    parts.letter();
                }
                Some(Role::Digit) => {
                    last = Piece::Digit;
                    parts.spoil();
                }
                None => {
                    last = Piece::Wild;
                    parts.spoil();
                }
                Some(Role::Mark | Role::Invisible) => {}
                Some(Role::Other) if c == '_' => parts.spoil(),
                Some(Role::Other)
                    if self.joins(c, last, end + c.len_utf8())
                        && !self.parts_anyway(c, last, start, end, &parts) =>
                {
                    parts.join(c);
                }
                Some(Role::Letter(_) | Role::Other) => break,
            }
            end += c.len_utf8();
        }
        let end = self.without_invisible_tail(start, end);
        if self.has_possessive(start, end) {
            let cut = end - self.possessive_bytes(end);
            return self.initialism(start, cut, end);
        }
        if parts.is_initialism() {
            return self.initialism(start, end, end);
        }
        Run {
            kind: WordKind::Alphabetic,
            end,
            resume: self.past_possessive(end),
            is_initialism: false,
        }
    }

    /// A run whose letters end at `end`, and with `resume` past its possessive: an initialism if single letters are
    /// parted by dots.
    fn initialism(&self, start: usize, end: usize, resume: usize) -> Run {
        let letters = self.text.get(start..end).unwrap_or_default();
        let is_initialism = letters.contains('.') && letters.split('.').all(is_one_letter);
        let has_last_dot = is_initialism && self.peek(end) == Some('.');
        let end = end + usize::from(has_last_dot);
        Run {
            kind: WordKind::Alphabetic,
            end,
            resume: if has_last_dot {
                self.past_possessive(end)
            } else {
                resume.max(end)
            },
            is_initialism,
        }
    }

    /// Whether `c` stands inside a word: between letters, or between digits (UAX 29: `MidLetter`, `MidNum`, `MidNumLet`).
    fn joins(&self, c: char, last: Piece, next_at: usize) -> bool {
        // Lists of names are parted by it in Korean news; only Catalan has it inside words (l·l).
        if c == '·' {
            let at = next_at - c.len_utf8();
            let is_l =
                |byte: Option<&u8>| byte.is_some_and(|byte| byte.eq_ignore_ascii_case(&b'l'));
            let bytes = self.text.as_bytes();
            return is_l(at.checked_sub(1).and_then(|before| bytes.get(before)))
                && is_l(bytes.get(next_at));
        }
        let next = self.peek(next_at).map(|next| self.role(next));
        match last {
            Piece::Letter => {
                joins_letters(c) && next == Some(Some(Role::Letter(WordKind::Alphabetic)))
            }
            Piece::Digit => joins_digits(c) && next == Some(Some(Role::Digit)),
            Piece::Wild => false,
        }
    }

    /// Whether a mark that could stand inside a word parts this run nevertheless: a dot where a sentence ends without its
    /// space (`said.Iran`, `U.S.Navy`), and the apostrophe of an elision (`d’Iran`, `l'Iran`).
    fn parts_anyway(&self, c: char, last: Piece, start: usize, at: usize, parts: &Parts) -> bool {
        match c {
            '.' if last == Piece::Letter => {
                let before = self
                    .text
                    .get(..at)
                    .and_then(|text| text.chars().next_back());
                let is_seam = before.is_some_and(char::is_lowercase)
                    && self.peek(at + 1).is_some_and(char::is_uppercase);
                is_seam || (parts.is_initialism() && !self.is_letter_alone(at + 1))
            }
            '\'' | '\u{2018}' | '\u{2019}' | '\u{FF07}' => {
                let before = self.text.get(start..at).unwrap_or_default();
                ["c", "d", "j", "l", "m", "n", "s", "t", "qu"]
                    .iter()
                    .any(|elided| before.eq_ignore_ascii_case(elided))
            }
            _ => false,
        }
    }

    /// Whether the letter at `at` is followed by no other.
    fn is_letter_alone(&self, at: usize) -> bool {
        let mut rest = self.text.get(at..).unwrap_or_default().chars().skip(1);
        rest.find(|&c| !is_mark(c))
            .is_none_or(|c| !matches!(self.role(c), Some(Role::Letter(WordKind::Alphabetic))))
    }

    /// Whether the run ends with `'s` after something.
    fn has_possessive(&self, start: usize, end: usize) -> bool {
        let bytes = self.possessive_bytes(end);
        bytes > 0 && end - bytes > start
    }

    /// The bytes of a possessive right before `end`; 0 without one.
    fn possessive_bytes(&self, end: usize) -> usize {
        let letters = self.text.get(..end).unwrap_or_default();
        POSSESSIVES
            .iter()
            .find(|possessive| letters.ends_with(**possessive))
            .map_or(0, |possessive| possessive.len())
    }

    /// `end`, moved past a possessive that stands there as a word of its own.
    fn past_possessive(&self, end: usize) -> usize {
        let rest = self.text.get(end..).unwrap_or_default();
        let Some(possessive) = POSSESSIVES.iter().find(|p| rest.starts_with(**p)) else {
            return end;
        };
        let after = end + possessive.len();
        match self.peek(after).map(|c| self.role(c)) {
            None | Some(Some(Role::Other | Role::Invisible)) => after,
            Some(_) => end,
        }
    }

    /// `end`, moved back before invisible characters, so that they do not end up in a hit.
    fn without_invisible_tail(&self, start: usize, end: usize) -> usize {
        let run = self.text.get(start..end).unwrap_or_default();
        start
            + run
                .trim_end_matches(|c: char| !c.is_ascii() && role(c) == Role::Invisible)
                .len()
    }
}

/// Whether a run may be an initialism: single letters parted by dots.
#[derive(Default)]
struct Parts {
    letters: u8,
    dots: u8,
    is_spoiled: bool,
}

impl Parts {
    fn letter(&mut self) {
        self.letters = self.letters.saturating_add(1);
        self.is_spoiled |= self.letters > 1;
    }

    fn join(&mut self, c: char) {
        if c == '.' {
            self.dots = self.dots.saturating_add(1);
            self.letters = 0;
        } else {
            self.is_spoiled = true;
        }
    }

    const fn spoil(&mut self) {
        self.is_spoiled = true;
    }

    const fn is_initialism(&self) -> bool {
        !self.is_spoiled && self.dots > 0
    }
}

/// Whether `part` is one letter with its marks.
fn is_one_letter(part: &str) -> bool {
    let mut letters = part
        .chars()
        .filter(|&c| !is_mark(c) && role(c) != Role::Invisible);
    letters
        .next()
        .is_some_and(|c| role(c) == Role::Letter(WordKind::Alphabetic))
        && letters.next().is_none()
}

/// A place in a text as it is stored; texts are cut long before this can saturate.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> Vec<String> {
        let words = Words::of(text);
        words
            .list
            .iter()
            .map(|word| words.folded(word).to_owned())
            .collect()
    }

    fn letters(text: &str) -> Vec<&str> {
        Words::of(text)
            .list
            .iter()
            .map(|word| &text[word.start as usize..word.end as usize])
            .collect()
    }

    #[test]
    fn texts_fall_into_words_as_the_language_says() {
        let table: &[(&str, &[&str])] = &[
            ("Iran-backed", &["iran", "backed"]),
            ("ship-to-ship", &["ship", "to", "ship"]),
            ("Hwasong-14", &["hwasong", "14"]),
            ("Iran/Iraq — war", &["iran", "iraq", "war"]),
            ("Iran's and IRAN’S", &["iran", "and", "iran"]),
            ("don't", &["don't"]),
            ("U.S. D.P.R.K. U.S", &["us", "dprk", "us"]),
            ("U.S.'s U.S.-led", &["us", "us", "led"]),
            ("N. Korea", &["n", "korea"]),
            ("example.com", &["example.com"]),
            (
                "he said.Iran, U.S.Navy",
                &["he", "said", "iran", "us", "navy"],
            ),
            (
                "l'Iran d’Iran P'yongyang",
                &["l", "iran", "d", "iran", "p'yongyang"],
            ),
            ("EU:s Iran:talks", &["eu", "s", "iran", "talks"]),
            ("1,000 3.5 1990's", &["1,000", "3.5", "1990"]),
            ("18형", &["18", "형"]),
            ("KN23형 IAEA는", &["kn23", "형", "iaea", "는"]),
            ("북한·이란", &["북한", "이란"]),
            ("UN·IAEA col·legi", &["un", "iaea", "col·legi"]),
            ("朝鮮の核", &["朝", "鮮", "の", "核"]),
            (
                "イランの核、イラン・イラク",
                &["イラン", "の", "核", "イラン", "イラク"],
            ),
            ("らーめん", &["ら", "ー", "め", "ん"]),
            ("تحریم‌ها", &["تحریم", "ها"]),
            ("شاهد۱۳۶", &["شاهد", "136"]),
            ("mis\u{AD}sile", &["missile"]),
            ("ＫＮ２３", &["kn23"]),
            ("อิหร่าน", &["อ", "ิ", "ห", "ร", "่", "า", "น"]),
            ("", &[]),
            ("… — !", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(folded(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn the_letters_of_a_word_leave_out_the_possessive_and_keep_the_last_dot() {
        assert_eq!(letters("Iran's U.S. it"), ["Iran", "U.S.", "it"]);
        assert_eq!(letters("the U.S.'s"), ["the", "U.S."]);
    }

    #[test]
    fn paragraphs_and_sentences_are_counted() {
        let text = "Mr. Kim met the U.S. Treasury. Iran said no! 伊朗。朝鲜\nNext, e.g. this.";
        let words = Words::of(text);
        let at = |needle: &str| {
            let start = text.find(needle).unwrap_or_default();
            words
                .list
                .iter()
                .find(|word| word.start as usize == start)
                .copied()
        };
        let sentence = |needle: &str| at(needle).map(|word| word.sentence);
        assert_eq!(sentence("Mr"), sentence("Treasury"));
        assert_ne!(sentence("Treasury"), sentence("Iran"));
        assert_ne!(sentence("no"), sentence("伊"));
        assert_ne!(sentence("朗"), sentence("朝"));
        assert_eq!(at("伊").map(|word| word.paragraph), Some(0));
        assert_eq!(at("Next").map(|word| word.paragraph), Some(1));
        assert_eq!(sentence("Next"), sentence("this"));
    }

    #[test]
    fn particles_after_other_scripts_do_not_count() {
        let words = Words::of("IAEA의 사찰, KN-23을 1718의 美의 북한의 18형");
        let particles: Vec<&str> = (0..)
            .zip(&words.list)
            .filter(|(at, _)| words.is_particle_at(*at))
            .map(|(_, word)| words.folded(word))
            .collect();
        assert_eq!(particles, ["의", "을", "의", "의"]);
        assert_eq!(words.between(0, 2), 1);
        assert_eq!(words.between(1, 3), 1);
        let all = narrow(words.list.len());
        assert_eq!(words.between(0, all), all - 4);
    }

    #[test]
    fn wildcards_of_a_pattern_are_part_of_their_word_but_those_of_a_text_are_not() {
        let words = Words::of_pattern("санкци* 제재* ایران* *stan w?rd");
        assert_eq!(words.list.len(), 5);
        assert_eq!(words.folded(&words.list[1]), format!("제재{ANY_LETTERS}"));
        assert_eq!(folded(&format!("ab{ANY_LETTERS}cd")), ["ab", "cd"]);
    }

    proptest! {
        #[test]
        fn any_text_gives_words_on_boundaries_in_order(text in "(\\PC|[a-z.'’ \n\u{200c}\u{301}\u{ad}북한朝イا]){0,40}") {
            let words = Words::of(&text);
            let mut from = 0;
            for word in &words.list {
                let range = word.start as usize..word.end as usize;
                prop_assert!(range.start >= from && range.end > range.start);
                prop_assert!(text.get(range.clone()).is_some());
                prop_assert!(!words.folded(word).is_empty());
                from = range.end;
            }
            let _ = Words::of_pattern(&text);
        }

        #[test]
        fn shortcuts_change_nothing(text in "(\\PC|[a-zA-Z0-9.,'’:;_·é \n]|['’ʼ‘]s|[ld]['’]|[:]|\u{200c}|[\u{300}-\u{370}]|[\u{600}-\u{6ff}]|[\u{3000}-\u{3100}]|[ßéйЙςΣİµ]|\u{ad}|북한|朝|イー|ايران|U\\.S\\.){0,24}") {
            let told = |words: &Words| -> Vec<(Word, String)> {
                let place = |word: &Word| Word { folded_start: 0, folded_end: 0, ..*word };
                words.list.iter().map(|word| (place(word), words.folded(word).to_owned())).collect()
            };
            prop_assert_eq!(told(&Words::of(&text)), told(&Words::of_slowly(&text)));
        }
    }
}
