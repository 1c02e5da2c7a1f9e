//! Where a sentence ends: enough of UAX 29 for news, with the abbreviations that it leaves open.

/// Titles and the like whose dot does not end a sentence (folded). Initialisms and initials never do.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "gen", "lt", "col", "maj", "capt", "sgt", "adm", "brig",
    "sen", "rep", "gov", "pres", "hon", "rev", "vs", "jr", "sr", "inc", "ltd", "corp", "co", "no",
    "nos", "art", "fig", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct",
    "nov", "dec", "approx", "dept", "univ", "г", "гг", "ул", "им",
];

/// A sign at the end of a sentence; the stronger, the greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    #[default]
    None,
    /// A dot, which may belong to an abbreviation.
    Dot,
    /// `!`, `?` and their like.
    Strong,
    /// A full stop of a script that needs no space after it.
    Wide,
}

/// What has been seen since the last word.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ending {
    sign: Sign,
    /// Whether a space came after the sign.
    is_spaced: bool,
}

impl Ending {
    /// Takes notice of a character that is no part of a word.
    pub(super) fn see(&mut self, c: char) {
        let sign = match c {
            '.' => Sign::Dot,
            '!' | '?' | '…' | '؟' | '۔' | '।' => Sign::Strong,
            '。' | '！' | '？' | '｡' | '．' => Sign::Wide,
            _ => Sign::None,
        };
        self.sign = self.sign.max(sign);
        self.is_spaced |= self.sign != Sign::None && c.is_whitespace();
    }

    /// Takes notice of a space.
    pub(super) fn see_space(&mut self) {
        self.is_spaced |= self.sign != Sign::None;
    }

    /// Whether a sign was seen that may end a sentence.
    pub(super) const fn may_end(self) -> bool {
        !matches!(self.sign, Sign::None)
    }

    /// Whether a sentence ended after the word `before` and before the character `next`.
    pub(super) fn is_between(self, before: Before<'_>, next: char) -> bool {
        let may_begin = self.is_spaced && !next.is_lowercase();
        match self.sign {
            Sign::None => false,
            Sign::Dot => may_begin && !before.keeps_its_dot(),
            Sign::Strong => may_begin,
            Sign::Wide => true,
        }
    }
}

/// The word before a possible end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before<'a> {
    /// As written.
    pub(super) letters: &'a str,
    /// As folded.
    pub(super) folded: &'a str,
    pub(super) is_initialism: bool,
}

impl Before<'_> {
    /// Whether a dot after it is part of it rather than the end of a sentence: initialisms, initials, titles.
    fn keeps_its_dot(self) -> bool {
        let mut letters = self.letters.chars();
        let is_initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
        self.is_initialism || is_initial || ABBREVIATIONS.contains(&self.folded)
    }
}
