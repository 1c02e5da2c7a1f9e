//! Folding: the form in which letters are compared, and the way back to the letters as written.

use caseless::Caseless;
use unicode_normalization::{UnicodeNormalization, char::decompose_canonical};

use super::script::{Role, ZWNJ, is_mark, role, sheds_marks};

/// Appends the folded form of `word` to `out`.
///
/// NFKC, full case folding, no combining marks on Latin, Greek, Cyrillic (й stays й) and Arabic letters, Arabic-script
/// letters unified, digits in ASCII, one apostrophe, nothing invisible. Hangul is never decomposed.
pub fn fold_into(word: &str, out: &mut String) {
    let from = out.len();
    if word.is_ascii() {
        out.push_str(word);
        if let Some(added) = out.get_mut(from..) {
            added.make_ascii_lowercase();
        }
        return;
    }
    for c in word.chars() {
        if let Some(folded) = fold_plain(c) {
            out.push(folded);
        } else if c == 'ß' {
            out.push_str("ss");
        } else {
            out.truncate(from);
            fold_any(word, out);
            return;
        }
    }
}

/// The folded form of `word`.
#[must_use]
pub fn fold(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    fold_into(word, &mut out);
    out
}

/// Characters that fold alone to one character, whatever stands beside them; none for all others.
fn fold_plain(c: char) -> Option<char> {
    Some(match c {
        '\0'..='\u{7F}' => c.to_ascii_lowercase(),
        'а'..='я'
        | 'پ'
        | 'چ'
        | 'ژ'
        | 'گ'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30A1}'..='\u{30FA}'
        | '\u{30FC}' => c,
        'А'..='Я' => char::from_u32(u32::from(c) + 0x20)?,
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{621}'..='\u{64A}'
        | '\u{660}'..='\u{669}'
        | '\u{6A9}'
        | '\u{6CC}'
        | '\u{6F0}'..='\u{6F9}' => {
            return unify_arabic(c);
        }
        _ => return None,
    })
}

/// The one letter or digit for variants of the Arabic script; none for what is left out.
fn unify_arabic(c: char) -> Option<char> {
    Some(match c {
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ؤ' => 'و',
        'ي' | 'ى' | 'ئ' => 'ی',
        'ك' => 'ک',
        'ة' | 'ۀ' => 'ه',
        '\u{6C2}' => '\u{6C1}',
        '\u{6D3}' => '\u{6D2}',
        '\u{660}'..='\u{669}' => char::from_u32(u32::from(c) - 0x660 + 0x30)?,
        '\u{6F0}'..='\u{6F9}' => char::from_u32(u32::from(c) - 0x6F0 + 0x30)?,
        '\u{640}' => return None,
        _ => c,
    })
}

/// Folding in full, for words with anything out of the ordinary.
fn fold_any(word: &str, out: &mut String) {
    // Half-width voicing marks and conjoining Jamo compose here; invisible characters must not stand between.
    let visible = word
        .chars()
        .filter(|&c| role(c) != Role::Invisible && c != ZWNJ);
    let mut sheds = false;
    let mut push = |c: char, out: &mut String| {
        if c.is_whitespace() {
            // What a spacing mark (˘) is made of: its other half goes as well, or it would find another letter.
            sheds = true;
        } else if is_mark(c) {
            if !sheds {
                out.push(c);
            }
        } else {
            sheds = sheds_marks(c) || is_arabic_letter(c);
            out.extend(unify_arabic(c));
        }
    };
    for c in visible.nfkc().default_case_fold() {
        match c {
            '\u{2018}' | '\u{2019}' | '\u{2BC}' | '\u{FF07}' => push('\'', out),
            'й' => push(c, out),
            _ if sheds_marks(c) => decompose_canonical(c, |part| push(part, out)),
            _ => push(c, out),
        }
    }
}

/// Whether the marks after `c` are vowel signs and the like that Arabic script leaves out at will.
const fn is_arabic_letter(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{8A0}'..='\u{8FF}')
}

/// The byte of `word` after which its folded form has reached `folded_bytes` bytes: always a character boundary, and
/// never between a letter and its marks.
#[must_use]
pub fn offset_of_folded(word: &str, folded_bytes: usize) -> usize {
    let mut at = 0;
    let mut reached = 0;
    let mut folded = String::new();
    while reached < folded_bytes && at < word.len() {
        let cluster = cluster_at(word, at);
        let mut letters = cluster.chars();
        let alone = letters
            .next()
            .and_then(fold_plain)
            .filter(|_| letters.next().is_none());
        reached += alone.map_or_else(
            || {
                folded.clear();
                fold_into(cluster, &mut folded);
                folded.len()
            },
            char::len_utf8,
        );
        at += cluster.len();
    }
    at
}

/// A character with all that folding may join to it.
fn cluster_at(word: &str, at: usize) -> &str {
    let rest = word.get(at..).unwrap_or_default();
    let end = rest
        .char_indices()
        .skip(1)
        .find(|&(_, c)| !joins_backwards(c))
        .map_or(rest.len(), |(end, _)| end);
    rest.get(..end).unwrap_or(rest)
}

/// Whether `c` may be joined to the character before it.
fn joins_backwards(c: char) -> bool {
    matches!(
        c,
        '\u{1160}'..='\u{11FF}' | '\u{FF9E}' | '\u{FF9F}' | '\u{640}'
    ) || is_mark(c)
        || (!c.is_ascii() && role(c) == Role::Invisible)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_that_people_hold_for_the_same_fold_to_the_same() {
        for (one, other) in [
            ("IRAN", "iran"),
            ("Hwasŏng", "hwasong"),
            ("ＩＲＡＮ", "iran"),
            ("STRASSE", "straße"),
            ("Ёлка", "елка"),
            ("И\u{306}", "й"),
            ("Σίσυφος", "σισυφοσ"),
            ("إيران", "ایران"),
            ("أوفاك", "اوفاک"),
            ("كُورِيَا", "کوریا"),
            ("کرهٔ", "کره"),
            ("کرۀ", "کره"),
            ("هیئت", "هییت"),
            ("ایـــران", "ایران"),
            ("۲۲۳۱", "2231"),
            ("٢٢٣١", "2231"),
            ("１７", "17"),
            ("P’yongyang", "P'yongyang"),
            ("ｲﾗﾝ", "イラン"),
            ("ﾐｻｲﾙ", "ミサイル"),
            ("ﾃﾎﾟﾄﾞﾝ", "テポドン"),
            ("mis\u{AD}sile", "missile"),
            ("葛\u{E0100}", "葛"),
            ("朝\u{FE00}", "朝"),
            ("\u{1107}\u{116E}\u{11A8}", "북"),
        ] {
            assert_eq!(fold(one), fold(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn letters_that_differ_stay_apart() {
        for (one, other) in [
            ("й", "и"),
            ("북", "부"),
            ("か", "が"),
            ("ハ", "バ"),
            ("朝鲜", "朝鮮"),
        ] {
            assert_ne!(fold(one), fold(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_is_folded_stays_as_it_is() {
        for text in ["\u{358}\u{2d8}\u{66c}", "a\u{b4}\u{301}", "か\u{309b}"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text:?}");
        }
    }

    #[test]
    fn hangul_stays_composed() {
        assert_eq!(fold("북한"), "북한");
    }

    #[test]
    fn a_place_in_the_folded_word_is_found_in_the_original() {
        assert_eq!(offset_of_folded("وَإيران", "و".len()), "وَ".len());
        assert_eq!(offset_of_folded("북한은", "북한".len()), "북한".len());
        assert_eq!(offset_of_folded("ŏngs", 1), "ŏ".len());
    }

    proptest! {
        #[test]
        fn any_text_folds_and_every_offset_is_a_boundary(text in "\\PC{0,24}", folded in 0_usize..64) {
            let folded_text = fold(&text);
            prop_assert_eq!(fold(&folded_text), folded_text);
            prop_assert!(text.is_char_boundary(offset_of_folded(&text, folded)));
        }
    }
}
