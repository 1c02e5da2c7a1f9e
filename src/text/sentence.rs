//! Where a sentence ends: enough of UAX 29 for news, with the abbreviations that it leaves open.

/// Titles and the like whose dot does not end a sentence (folded). Initialisms and single letters never do.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "gen", "lt", "col", "maj", "capt", "sgt", "adm", "brig",
    "sen", "rep", "gov", "pres", "hon", "rev", "vs", "jr", "sr", "inc", "ltd", "corp", "co", "no",
    "nos", "art", "fig", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct",
    "nov", "dec", "approx", "dept", "univ", "г", "гг", "ул", "им",
];

/// What has been seen since the last word.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ending {
    /// A dot.
    dot: bool,
    /// `!`, `?` and their like.
    strong: bool,
    /// A full stop of a script that needs no space after it.
    wide: bool,
    /// A space after any of these.
    spaced: bool,
}

impl Ending {
    /// Takes notice of a character that is no part of a word.
    pub(super) fn see(&mut self, c: char) {
        match c {
            '.' => self.dot = true,
            '!' | '?' | '…' | '؟' | '۔' | '।' => self.strong = true,
            '。' | '！' | '？' | '｡' | '．' => self.wide = true,
            _ if c.is_whitespace() => self.spaced |= self.dot || self.strong,
            _ => {}
        }
    }

    /// Whether a sentence ended between the word `before` (folded) and the word that begins with `next`.
    pub(super) fn is_between(self, before: &str, was_initialism: bool, next: char) -> bool {
        if self.wide {
            return true;
        }
        if !self.spaced || next.is_lowercase() {
            return false;
        }
        self.strong || (self.dot && !was_initialism && !is_abbreviation(before))
    }
}

/// Whether a dot after `word` is part of it rather than the end of a sentence.
fn is_abbreviation(word: &str) -> bool {
    ABBREVIATIONS.contains(&word)
        || (word.chars().count() == 1 && word.chars().all(|c| c.is_lowercase()))
}
