//! Letters that normalisation and case folding take one by one.

/// The small letter of one that neither NFKC nor what stands beside it changes, as long as that is a letter of the same kind or
/// ASCII; itself where there is no case. None for every other character: ask the tables.
///
/// Latin without marks, Cyrillic of Russian, Arabic and Persian, kana, Han, Hangul syllables: nearly every letter of nearly every
/// text.
#[must_use]
pub const fn small_alone(c: char) -> Option<char> {
    match c {
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        // Each stands 32 places before its small letter.
        '\u{410}'..='\u{42f}' => char::from_u32(c as u32 + 0x20),
        'a'..='z'
        | '\u{430}'..='\u{44f}'
        | '\u{621}'..='\u{63a}'
        | '\u{641}'..='\u{64a}'
        | '\u{67e}'
        | '\u{686}'
        | '\u{698}'
        | '\u{6a9}'
        | '\u{6af}'
        | '\u{6cc}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' => Some(c),
        _ => None,
    }
}

/// Whether it is a sign of punctuation, not of ASCII, of which normalisation makes nothing but such, whatever stands beside it:
/// quotes, dashes, commas of many scripts. False says nothing: ask the tables.
#[must_use]
pub const fn is_sign_alone(c: char) -> bool {
    matches!(
        c,
        '\u{ab}'
            | '\u{b7}'
            | '\u{bb}'
            | '\u{60c}'
            | '\u{61b}'
            | '\u{61f}'
            | '\u{2010}'..='\u{2015}'
            | '\u{2018}'..='\u{201e}'
            | '\u{2022}'
            | '\u{2026}'
            | '\u{3001}'..='\u{3002}'
            | '\u{3008}'..='\u{3011}'
            | '\u{30fb}'
    )
}

#[cfg(test)]
mod tests {
    use unicode_normalization::{UnicodeNormalization as _, char::decompose_canonical};

    use super::*;

    fn all() -> impl Iterator<Item = char> {
        ('\0'..=char::MAX).filter(|&c| small_alone(c).is_some())
    }

    #[test]
    fn such_a_letter_folds_alone_to_one_letter() {
        for c in all() {
            let folded: String = c.nfkc().flat_map(char::to_lowercase).collect();
            let small = small_alone(c).map(String::from);
            assert_eq!(small, Some(folded), "{c:?}");
            assert!(c.is_alphabetic(), "{c:?}");
        }
    }

    #[test]
    fn such_a_sign_holds_no_letter() {
        for c in ('\0'..=char::MAX).filter(|&c| is_sign_alone(c)) {
            assert!(!c.nfkc().any(char::is_alphanumeric), "{c:?}");
            assert_eq!(small_alone(c), None, "{c:?}");
        }
    }

    #[test]
    fn no_such_letter_or_sign_is_the_second_half_of_another() {
        for whole in '\0'..=char::MAX {
            let mut parts = Vec::new();
            decompose_canonical(whole, |part| parts.push(part));
            for part in parts.iter().skip(1) {
                assert_eq!(small_alone(*part), None, "{part:?} in {whole:?}");
                assert!(!is_sign_alone(*part), "{part:?} in {whole:?}");
            }
        }
    }
}
