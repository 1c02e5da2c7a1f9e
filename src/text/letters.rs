//! The characters that nearly every text is made of: what each is and what it folds to, in one look.
//!
//! A shortcut, never another opinion: the table is computed from [`super::script`] and [`super::fold`], and whatever
//! depends on its neighbours (marks, what is invisible, compatibility forms) is left to them.

use std::sync::LazyLock;

use unicode_normalization::{IsNormalized, is_nfkc_quick};

use super::{
    fold::fold,
    script::{Role, WordKind, ZWNJ, is_mark, role},
};

/// What a character is, if that is known without its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Ask [`role`].
    Unsure,
    /// A letter, or a digit in an alphabetic word, that folds alone to one character.
    Letter(WordKind),
    /// Between words, whatever stands around it.
    Break,
    /// Between words, unless letters or digits stand around it.
    Joiner,
    /// [`ZWNJ`].
    NonJoiner,
}

/// A character of a text, looked at: class, length and folded letter in one number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look(u32);

/// Whether the folded letter is not the letter itself, ASCII in lower case.
const CHANGES: u32 = 1 << 27;

impl Look {
    const UNSURE: Self = Self::new(Class::Unsure, '\0', 0);

    const fn new(class: Class, folded: char, bytes: u32) -> Self {
        let class = match class {
            Class::Letter(WordKind::Alphabetic) => 0,
            Class::Letter(WordKind::Hangul) => 1,
            Class::Letter(WordKind::Katakana) => 2,
            Class::Letter(WordKind::Arabic) => 3,
            Class::Letter(WordKind::Unspaced) => 4,
            Class::Unsure => 5,
            Class::Break => 6,
            Class::Joiner => 7,
            Class::NonJoiner => 8,
        };
        Self(class << 28 | bytes << 24 | folded as u32)
    }

    #[expect(clippy::inline_always, reason = "asked for every character")]
    #[inline(always)]
    pub(super) const fn class(self) -> Class {
        match self.0 >> 28 {
            0 => Class::Letter(WordKind::Alphabetic),
            1 => Class::Letter(WordKind::Hangul),
            2 => Class::Letter(WordKind::Katakana),
            3 => Class::Letter(WordKind::Arabic),
            4 => Class::Letter(WordKind::Unspaced),
            6 => Class::Break,
            7 => Class::Joiner,
            8 => Class::NonJoiner,
            _ => Class::Unsure,
        }
    }

    /// The folded character, of letters.
    #[inline]
    pub(super) fn folded(self) -> char {
        char::from_u32(self.0 & 0x1F_FFFF).unwrap_or('\0')
    }

    /// Whether the folded character is another than the character itself, ASCII in lower case.
    #[inline]
    pub(super) const fn changes(self) -> bool {
        self.0 & CHANGES != 0
    }

    /// Its length in the text.
    #[inline]
    pub(super) const fn bytes(self) -> usize {
        (self.0 >> 24 & 0x7) as usize
    }
}

/// Characters below this one, which are one or two bytes long, are looked up.
const TABLE_END: usize = 0x800;

/// What is known of characters.
#[derive(Debug)]
pub(super) struct Letters([Look; TABLE_END]);

static LETTERS: LazyLock<Letters> = LazyLock::new(|| {
    let mut table = [Look::UNSURE; TABLE_END];
    for (code, place) in (0..).zip(&mut table) {
        if let Some(c) = char::from_u32(code) {
            *place = entry(c);
        }
    }
    Letters(table)
});

/// The table, to be asked for once for each text.
pub(super) fn letters() -> &'static Letters {
    &LETTERS
}

/// Whether `c` may stand inside a word: between letters, or between digits (UAX 29: `MidLetter`, `MidNum`, `MidNumLet`).
pub(super) const fn may_join(c: char) -> bool {
    joins_letters(c) || joins_digits(c) || c == '·'
}

/// Whether `c` may stand between letters.
pub(super) const fn joins_letters(c: char) -> bool {
    matches!(
        c,
        '.' | '\'' | '\u{2018}' | '\u{2019}' | '\u{2024}' | '\u{FF07}' | '\u{FF0E}'
    )
}

/// Whether `c` may stand between digits.
pub(super) const fn joins_digits(c: char) -> bool {
    matches!(
        c,
        '.' | ','
            | ';'
            | '\''
            | '\u{2018}'
            | '\u{2019}'
            | '\u{66C}'
            | '\u{FF0C}'
            | '\u{FF0E}'
            | '\u{FF07}'
    )
}

fn entry(c: char) -> Look {
    let folded = folds_alone(c);
    let class = match (role(c), folded) {
        (Role::Letter(kind), Some(_)) => Class::Letter(kind),
        (Role::Digit, Some(_)) => Class::Letter(WordKind::Alphabetic),
        (Role::Other, _) if c.is_ascii() && may_join(c) => Class::Joiner,
        (Role::Other, _) if !may_join(c) && c != '_' => Class::Break,
        _ => Class::Unsure,
    };
    let bytes = if c.is_ascii() { 1 } else { 2 };
    let look = Look::new(class, folded.unwrap_or('\0'), bytes);
    if folded.is_some_and(|folded| folded != c.to_ascii_lowercase()) {
        Look(look.0 | CHANGES)
    } else {
        look
    }
}

/// The one character that `c` folds to, if it does so in any company.
fn folds_alone(c: char) -> Option<char> {
    let is_steady =
        !is_mark(c) && is_nfkc_quick(std::iter::once(c)) == IsNormalized::Yes && c != '\u{640}';
    let folded = fold(c.encode_utf8(&mut [0; 4]));
    let mut letters = folded.chars();
    letters
        .next()
        .filter(|_| is_steady && letters.next().is_none())
        // An apostrophe may begin a possessive.
        .filter(|&folded| folded != '\'')
}

impl Letters {
    /// How many ASCII letters and digits stand at byte `at`.
    #[expect(clippy::inline_always, reason = "asked for every character")]
    #[inline(always)]
    pub(super) fn ascii_at(&self, text: &[u8], at: usize) -> usize {
        let rest = text.get(at..).unwrap_or_default();
        let is_letter = |byte: u8| byte < 0x80 && self.0[usize::from(byte)].0 >> 28 == 0;
        rest.iter()
            .position(|&byte| !is_letter(byte))
            .unwrap_or(rest.len())
    }

    /// Looks at the character that begins at byte `at`; none at the end.
    #[expect(clippy::inline_always, reason = "asked for every character")]
    #[inline(always)]
    pub(super) fn look(&self, text: &[u8], at: usize) -> Option<Look> {
        let &first = text.get(at)?;
        Some(match first {
            0..0x80 => self.0[usize::from(first)],
            0x80..0xE0 => {
                let second = usize::from(text.get(at + 1).copied().unwrap_or(0));
                self.0[usize::from(first & 0x1F) << 6 | second & 0x3F]
            }
            0xE0..0xF0 => match text.get(at + 1..at + 3) {
                Some(rest) => three(first, rest),
                None => Look::UNSURE,
            },
            _ => Look::UNSURE,
        })
    }
}

/// A character of three bytes. Its letters fold to themselves.
#[expect(clippy::inline_always, reason = "asked for every character")]
#[inline(always)]
fn three(first: u8, rest: &[u8]) -> Look {
    let &[second, third] = rest else {
        return Look::UNSURE;
    };
    let code =
        u32::from(first & 0xF) << 12 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F);
    let class = match code {
        0x4E00..=0x9FFF | 0x3041..=0x3096 => Class::Letter(WordKind::Unspaced),
        0xAC00..=0xD7A3 => Class::Letter(WordKind::Hangul),
        0x30A1..=0x30FA | 0x30FC => Class::Letter(WordKind::Katakana),
        0x2018 | 0x2019 | 0xFF0C | 0xFF0E => Class::Joiner,
        0x2010..=0x2015 | 0x201C | 0x201D | 0x2026 | 0x3000..=0x3003 | 0x3008..=0x3011 | 0x30FB => {
            Class::Break
        }
        _ if code == ZWNJ as u32 => Class::NonJoiner,
        _ => Class::Unsure,
    };
    Look::new(class, char::from_u32(code).unwrap_or('\0'), 3)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_at_a_look_is_what_scripts_and_folding_say() {
        let mut known = 0;
        for c in '\0'..='\u{10FFFF}' {
            let mut bytes = [0; 4];
            let text = c.encode_utf8(&mut bytes);
            let seen = letters().look(text.as_bytes(), 0).unwrap();
            match seen.class() {
                Class::Unsure => continue,
                Class::Letter(kind) => {
                    let expected = match role(c) {
                        Role::Digit => WordKind::Alphabetic,
                        Role::Letter(kind) => kind,
                        other => panic!("{c:?} is {other:?}"),
                    };
                    assert_eq!(kind, expected, "{c:?}");
                    assert_eq!(fold(text), seen.folded().to_string(), "{c:?}");
                    let is_other = seen.folded() != c.to_ascii_lowercase();
                    assert_eq!(seen.changes(), is_other, "{c:?}");
                }
                Class::Break => {
                    assert!(role(c) == Role::Other && !may_join(c) && c != '_', "{c:?}");
                }
                Class::Joiner => assert!(role(c) == Role::Other && may_join(c), "{c:?}"),
                Class::NonJoiner => assert_eq!(c, ZWNJ),
            }
            assert_eq!(seen.bytes(), c.len_utf8(), "{c:?}");
            known += 1;
        }
        assert!(known > 33_000, "{known}");
    }
}
