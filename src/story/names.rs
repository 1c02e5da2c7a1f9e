//! Names across scripts: the consonants of a name as every script writes them, so that Araghchi, Арагчи, 아라그치,
//! عراقچی and アラグチ meet.
//!
//! Vowels, doubled letters and the voice of consonants are lost on the way between scripts, so none of them counts.
//! Han has no letters to compare; names written in it meet through concepts alone.

use crate::text::script::WordKind;

/// Fewer consonants than this could be anything.
const MIN_CONSONANTS: usize = 3;

/// The skeleton of a folded word of `kind`; none where it has too few consonants, or no letters of a known script.
#[must_use]
pub fn skeleton(folded: &str, kind: WordKind) -> Option<String> {
    let mut letters = String::new();
    match kind {
        WordKind::Hangul => hangul(folded, &mut letters),
        WordKind::Katakana => folded
            .chars()
            .filter_map(katakana)
            .for_each(|c| letters.push(c)),
        WordKind::Arabic => folded
            .chars()
            .filter_map(arabic)
            .for_each(|c| letters.push(c)),
        WordKind::Alphabetic if folded.is_ascii() => latin(folded, &mut letters),
        WordKind::Alphabetic => folded
            .chars()
            .filter_map(cyrillic)
            .for_each(|c| letters.push(c)),
        WordKind::Unspaced => return None,
    }
    let mut bare = String::with_capacity(letters.len());
    for letter in letters.chars() {
        if !bare.ends_with(letter) {
            bare.push(letter);
        }
    }
    (bare.len() >= MIN_CONSONANTS).then_some(bare)
}

/// Classes: P lips, T tongue, S hissing, K throat, M, N, R liquids.
fn latin(word: &str, out: &mut String) {
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        let class = match letter {
            'c' | 's' | 't' if letters.peek() == Some(&'h') => {
                letters.next();
                if letter == 't' { 'T' } else { 'S' }
            }
            'g' | 'k' if letters.peek() == Some(&'h') => {
                letters.next();
                'K'
            }
            'p' if letters.peek() == Some(&'h') => {
                letters.next();
                'P'
            }
            'b' | 'p' | 'f' | 'v' => 'P',
            't' | 'd' => 'T',
            's' | 'z' | 'j' => 'S',
            'c' | 'k' | 'g' | 'q' | 'x' => 'K',
            'm' => 'M',
            'n' => 'N',
            'l' | 'r' => 'R',
            _ => continue,
        };
        out.push(class);
    }
}

fn cyrillic(letter: char) -> Option<char> {
    Some(match letter {
        'б' | 'п' | 'в' | 'ф' => 'P',
        'т' | 'д' => 'T',
        'с' | 'з' | 'ж' | 'ш' | 'щ' | 'ч' | 'ц' => 'S',
        'к' | 'г' | 'х' => 'K',
        'м' => 'M',
        'н' => 'N',
        'л' | 'р' => 'R',
        _ => return None,
    })
}

fn arabic(letter: char) -> Option<char> {
    Some(match letter {
        'ب' | 'پ' | 'ف' => 'P',
        'ت' | 'ط' | 'د' | 'ض' | 'ة' => 'T',
        'س' | 'ص' | 'ث' | 'ز' | 'ذ' | 'ظ' | 'ش' | 'چ' | 'ج' | 'ژ' => 'S',
        'ک' | 'گ' | 'ق' | 'غ' | 'خ' => 'K',
        'م' => 'M',
        'ن' => 'N',
        'ل' | 'ر' => 'R',
        _ => return None,
    })
}

fn katakana(letter: char) -> Option<char> {
    Some(match letter {
        'バ'..='ポ'
            if matches!(
                letter,
                'バ' | 'パ' | 'ビ' | 'ピ' | 'ブ' | 'プ' | 'ベ' | 'ペ' | 'ボ' | 'ポ'
            ) =>
        {
            'P'
        }
        'フ' | 'ヴ' => 'P',
        'タ' | 'ダ' | 'テ' | 'デ' | 'ト' | 'ド' => 'T',
        'サ'..='ゾ' | 'チ' | 'ヂ' | 'ツ' | 'ヅ' => 'S',
        'カ'..='ゴ' => 'K',
        'マ' | 'ミ' | 'ム' | 'メ' | 'モ' => 'M',
        'ナ'..='ノ' | 'ン' => 'N',
        'ラ' | 'リ' | 'ル' | 'レ' | 'ロ' => 'R',
        _ => return None,
    })
}

/// First and last consonants of each syllable, by the arithmetic of the Hangul block (Unicode 3.12).
fn hangul(word: &str, out: &mut String) {
    const FIRST: [char; 19] = [
        'K', 'K', 'N', 'T', 'T', 'R', 'M', 'P', 'P', 'S', 'S', '-', 'S', 'S', 'S', 'K', 'T', 'P',
        '-',
    ];
    const LAST: [char; 28] = [
        '-', 'K', 'K', 'K', 'N', 'N', 'N', 'T', 'R', 'R', 'R', 'R', 'R', 'R', 'R', 'R', 'M', 'P',
        'P', 'T', 'T', 'N', 'S', 'S', 'K', 'T', 'P', '-',
    ];
    for letter in word.chars() {
        let Some(index) = (letter as usize)
            .checked_sub(0xAC00)
            .filter(|index| *index < 11_172)
        else {
            continue;
        };
        for class in [FIRST[index / 588], LAST[index % 28]] {
            if class != '-' {
                out.push(class);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_skeleton_in_all_scripts() {
        for (forms, skeleton_of_all) in [
            (
                &[
                    ("araghchi", WordKind::Alphabetic),
                    ("арагчи", WordKind::Alphabetic),
                    ("아라그치", WordKind::Hangul),
                    ("عراقچی", WordKind::Arabic),
                    ("アラグチ", WordKind::Katakana),
                ][..],
                "RKS",
            ),
            (
                &[
                    ("pezeshkian", WordKind::Alphabetic),
                    ("пезешкиан", WordKind::Alphabetic),
                    ("페제시키안", WordKind::Hangul),
                    ("پزشکیان", WordKind::Arabic),
                    ("ペゼシュキアン", WordKind::Katakana),
                ][..],
                "PSKN",
            ),
        ] {
            for (form, kind) in forms {
                assert_eq!(
                    skeleton(form, *kind).as_deref(),
                    Some(skeleton_of_all),
                    "{form}"
                );
            }
        }
    }

    #[test]
    fn short_words_and_han_have_none() {
        assert_eq!(skeleton("un", WordKind::Alphabetic), None);
        assert_eq!(skeleton("伊", WordKind::Unspaced), None);
    }
}
