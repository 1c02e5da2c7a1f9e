//! Which part a character plays in a word: the scripts that wirewatch treats apart, and the marks between them.

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, Script},
};

/// How the letters of a script form words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WordKind {
    /// Alphabets with spaces between words (Latin, Greek, Cyrillic and all that is not named below), and digits.
    Alphabetic,
    /// Hangul: words that carry particles at their end.
    Hangul,
    /// Runs of Katakana.
    Katakana,
    /// Arabic script: words that carry proclitics and suffixes.
    Arabic,
    /// Scripts without spaces (Han, Hiragana, Thai, Lao, Khmer, Burmese): each character is a word.
    Unspaced,
}

/// The part that one character plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A letter.
    Letter(WordKind),
    /// A digit or another sign of number; part of alphabetic words.
    Digit,
    /// A combining mark: belongs to what is before it.
    Mark,
    /// Invisible: neither part of a word nor the end of one (soft hyphen, direction marks, variation selectors).
    Invisible,
    /// Anything else, which ends a word.
    Other,
}

/// ZERO WIDTH NON-JOINER: ends a word in Arabic script, is invisible elsewhere.
pub const ZWNJ: char = '\u{200C}';

/// The part that `c` plays.
#[must_use]
pub fn role(c: char) -> Role {
    match c {
        '0'..='9' | '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => Role::Digit,
        'a'..='z'
        | 'A'..='Z'
        | '\u{C0}'..='\u{D6}'
        | '\u{D8}'..='\u{F6}'
        | '\u{F8}'..='\u{24F}'
        | '\u{400}'..='\u{481}' => Role::Letter(WordKind::Alphabetic),
        '\u{AC00}'..='\u{D7A3}' => Role::Letter(WordKind::Hangul),
        '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' | '\u{3041}'..='\u{3096}' => {
            Role::Letter(WordKind::Unspaced)
        }
        // Half-width Katakana has its own voicing marks, which are letters of the run.
        '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{FF66}'..='\u{FF9F}' => {
            Role::Letter(WordKind::Katakana)
        }
        '\u{620}'..='\u{63F}' | '\u{641}'..='\u{64A}' | '\u{671}'..='\u{6D3}' => {
            Role::Letter(WordKind::Arabic)
        }
        // Tatweel stretches the letter before it.
        '\u{640}' | '\u{64B}'..='\u{65F}' => Role::Mark,
        // They choose among the forms of a character, which stays the same.
        '\u{FE00}'..='\u{FE0F}'
        | '\u{E0100}'..='\u{E01EF}'
        | '\u{180B}'..='\u{180D}'
        | '\u{180F}' => Role::Invisible,
        // ZERO WIDTH SPACE parts words where no space is seen.
        '\0'..='\u{7F}'
        | '\u{200B}'
        | '\u{2018}'..='\u{201F}'
        | '\u{2010}'..='\u{2015}'
        | '\u{3000}'..='\u{3004}' => Role::Other,
        _ => looked_up(c),
    }
}

/// The part of a character outside the common ranges.
fn looked_up(c: char) -> Role {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let script = || CodePointMapData::<Script>::new().get(c);
    match category {
        GeneralCategory::Format => Role::Invisible,
        GeneralCategory::NonspacingMark
        | GeneralCategory::SpacingMark
        | GeneralCategory::EnclosingMark => {
            if is_unspaced(script()) {
                Role::Letter(WordKind::Unspaced)
            } else {
                Role::Mark
            }
        }
        GeneralCategory::DecimalNumber | GeneralCategory::OtherNumber if !is_unspaced(script()) => {
            Role::Digit
        }
        _ if !c.is_alphanumeric() => Role::Other,
        _ => Role::Letter(kind_of(script())),
    }
}

/// Whether a script is written without spaces between words.
fn is_unspaced(script: Script) -> bool {
    [
        Script::Han,
        Script::Hiragana,
        Script::Bopomofo,
        Script::Thai,
        Script::Lao,
        Script::Khmer,
        Script::Myanmar,
    ]
    .contains(&script)
}

/// How the letters of `script` form words.
fn kind_of(script: Script) -> WordKind {
    if is_unspaced(script) {
        WordKind::Unspaced
    } else if script == Script::Hangul {
        WordKind::Hangul
    } else if script == Script::Katakana {
        WordKind::Katakana
    } else if script == Script::Arabic {
        WordKind::Arabic
    } else {
        WordKind::Alphabetic
    }
}

/// Whether the combining marks of `c`'s script are removed by folding: Latin, Greek, Cyrillic.
#[must_use]
pub fn sheds_marks(c: char) -> bool {
    match c {
        '\0'..='\u{7F}' => c.is_ascii_alphabetic(),
        _ => [Script::Latin, Script::Greek, Script::Cyrillic]
            .contains(&CodePointMapData::<Script>::new().get(c)),
    }
}

/// Whether `c` is a combining mark.
#[must_use]
pub fn is_mark(c: char) -> bool {
    c > '\u{2FF}' && unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_of_the_beat_has_its_kind_of_word() {
        for (letters, kind) in [
            ("aZéŏяЙёΩ", WordKind::Alphabetic),
            ("북한", WordKind::Hangul),
            ("朝鮮々のゐ核", WordKind::Unspaced),
            ("ไทยລາວខ្មែរ", WordKind::Unspaced),
            ("イランーヴｲﾗﾝ", WordKind::Katakana),
            ("ایرانكةإ", WordKind::Arabic),
        ] {
            for c in letters.chars() {
                assert_eq!(role(c), Role::Letter(kind), "{c:?}");
            }
        }
    }

    #[test]
    fn digits_marks_and_signs_are_told_apart() {
        for c in "09۱٣４".chars() {
            assert_eq!(role(c), Role::Digit, "{c:?}");
        }
        for c in ['\u{301}', '\u{64B}', '\u{654}', '\u{640}', '\u{670}'] {
            assert_eq!(role(c), Role::Mark, "{c:?}");
        }
        for c in [
            '\u{AD}',
            '\u{200E}',
            '\u{200D}',
            '\u{FEFF}',
            '\u{FE0F}',
            '\u{E0100}',
            ZWNJ,
        ] {
            assert_eq!(role(c), Role::Invisible, "{c:?}");
        }
        for c in " .-—/・«、\n\u{A0}".chars() {
            assert_eq!(role(c), Role::Other, "{c:?}");
        }
    }
}
