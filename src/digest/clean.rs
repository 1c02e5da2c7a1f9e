//! Text of publishers made fit for a line of a mail: hostile letters out, white space folded, length bounded.

use crate::domain::marks::Segment;

/// Letters of a headline, a name or a note at most.
pub(super) const HEADLINE: usize = 300;

/// Letters of a passage at most.
pub(super) const PASSAGE: usize = 320;

/// The text in one line of at most `limit` letters: no control characters, and no characters that change the
/// direction of what follows (Unicode bidirectional controls).
pub(super) fn line(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut room = Room::new(limit);
    room.push(text, &mut out);
    out.truncate(out.trim_end().len());
    out
}

/// The text, which is in one line, kept from changing the order of what stands around it (Unicode FSI and PDI) where its
/// letters run from the right.
pub(super) fn isolated(text: &str) -> String {
    if text.chars().any(runs_from_the_right) {
        format!("\u{2068}{text}\u{2069}")
    } else {
        text.to_owned()
    }
}

/// Whether a letter is of a script that runs from right to left.
pub(super) const fn runs_from_the_right(letter: char) -> bool {
    matches!(letter,
        '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}' | '\u{10800}'..='\u{10FFF}'
        | '\u{1E800}'..='\u{1EFFF}')
}

/// The same for pieces of one line: the limit holds for all together, and an empty piece vanishes.
pub(super) fn segments(pieces: Vec<Segment>, limit: usize) -> Vec<Segment> {
    let mut room = Room::new(limit);
    pieces
        .into_iter()
        .filter_map(|piece| {
            let mut text = String::new();
            room.push(&piece.text, &mut text);
            (!text.is_empty()).then_some(Segment {
                text,
                gloss: piece.gloss.map(|gloss| line(&gloss, HEADLINE)),
                ..piece
            })
        })
        .collect()
}

/// What fits on the line still.
struct Room {
    left: usize,
    /// Whether the line ends with a space, or has not begun.
    after_space: bool,
}

impl Room {
    const fn new(left: usize) -> Self {
        Self {
            left,
            after_space: true,
        }
    }

    fn push(&mut self, text: &str, out: &mut String) {
        for letter in text.chars().filter(|letter| !is_hostile(*letter)) {
            if self.left == 0 {
                return;
            }
            let is_space = letter.is_whitespace() || letter.is_control();
            if is_space && self.after_space {
                continue;
            }
            self.left -= 1;
            self.after_space = is_space;
            out.push(match letter {
                _ if self.left == 0 => '…',
                _ if is_space => ' ',
                _ => letter,
            });
        }
    }
}

/// Controls of direction and format that can make a line read otherwise than it is written. The joiners stay: Persian
/// and emoji need them.
const fn is_hostile(letter: char) -> bool {
    matches!(letter,
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_one_line() {
        for (text, expected) in [
            ("two\r\nBcc: x@example.org", "two Bcc: x@example.org"),
            ("  \t a \u{0} b \u{85}\u{2028}c ", "a b c"),
            ("\u{202E}evil\u{202C} \u{2066}iso\u{2069}", "evil iso"),
            ("کره\u{200C}شمالی", "کره\u{200C}شمالی"),
            ("", ""),
        ] {
            assert_eq!(line(text, 100), expected, "{text:?}");
        }
        assert_eq!(line("abcdefgh", 5), "abcd…");
        assert_eq!(
            line(&"x".repeat(60_000), HEADLINE).chars().count(),
            HEADLINE
        );
    }

    #[test]
    fn what_runs_from_the_right_stands_alone() {
        assert_eq!(isolated("Seoul 서울"), "Seoul 서울");
        assert_eq!(isolated("تهران"), "\u{2068}تهران\u{2069}");
    }

    #[test]
    fn pieces_share_their_limit_and_their_spaces() {
        let piece = |text: &str| Segment {
            text: text.to_owned(),
            ..Segment::default()
        };
        let found = segments(
            vec![piece("one \n"), piece(" two"), piece(""), piece("three")],
            9,
        );
        let texts: Vec<_> = found.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(texts, ["one ", "two", "t…"]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_line(text in "\\PC*|[\\x00-\\x20\u{202A}-\u{202E}\u{2028}a]*", limit in 0_usize..40) {
            let found = line(&text, limit);
            prop_assert!(found.chars().count() <= limit);
            prop_assert!(!found.chars().any(|letter| letter.is_control() || is_hostile(letter)));
            prop_assert_eq!(line(&found, limit), found);
        }
    }
}
