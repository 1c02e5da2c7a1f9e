//! The scripts that a text is written in, and the languages that each may stand for.

/// Scripts that tell languages apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    /// No letter, or one that tells nothing.
    Other,
    Latin,
    Hangul,
    Kana,
    Han,
    Cyrillic,
    Arabic,
    /// Letters and forms that Persian has and Arabic has not.
    Persian,
}

const SCRIPTS: usize = Script::Persian as usize + 1;

impl Script {
    const fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => Self::Latin,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}' => {
                Self::Hangul
            }
            '\u{3041}'..='\u{30fa}' | '\u{30fd}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9d}' => {
                Self::Kana
            }
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' => Self::Han,
            '\u{400}'..='\u{52f}' => Self::Cyrillic,
            'پ' | 'چ' | 'ژ' | 'گ' | 'ک' | 'ی' => Self::Persian,
            '\u{620}'..='\u{64a}' | '\u{66e}'..='\u{6d3}' => Self::Arabic,
            _ => Self::Other,
        }
    }
}

/// Characters below this one, which are one or two bytes long, are looked up.
const TABLE_END: u32 = 0x800;

static TABLE: [Script; TABLE_END as usize] = {
    let mut table = [Script::Other; TABLE_END as usize];
    let mut code = 0;
    while code < TABLE_END {
        if let Some(c) = char::from_u32(code) {
            table[code as usize] = Script::of(c);
        }
        code += 1;
    }
    table
};

/// Letters of a text, by script.
#[derive(Debug, Default)]
pub(super) struct Scripts([usize; SCRIPTS]);

impl Scripts {
    /// Adds the letters of a text.
    pub(super) fn count(&mut self, text: &str) {
        self.0[Script::Latin as usize] += ascii_letters(text);
        if text.is_ascii() {
            return;
        }
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&first) = bytes.get(at) {
            let script = match first {
                0..0x80 => {
                    at += 1;
                    continue;
                }
                0x80..0xE0 => {
                    let second = bytes.get(at + 1).copied().unwrap_or(0);
                    at += 2;
                    TABLE[usize::from(first & 0x1F) << 6 | usize::from(second & 0x3F)]
                }
                // All from U+5000 to U+9FFF, and from U+B000 to U+CFFF.
                0xE5..=0xE9 => {
                    at += 3;
                    Script::Han
                }
                0xEB | 0xEC => {
                    at += 3;
                    Script::Hangul
                }
                _ => {
                    let c = text[at..].chars().next().unwrap_or_default();
                    at += c.len_utf8();
                    Script::of(c)
                }
            };
            self.0[script as usize] += 1;
        }
    }

    const fn of(&self, script: Script) -> usize {
        self.0[script as usize]
    }

    /// The languages that a text in these letters may be in, the likeliest first; empty where the letters tell nothing.
    pub(super) fn languages(&self) -> &'static [&'static str] {
        let (hangul, kana, han) = (
            self.of(Script::Hangul),
            self.of(Script::Kana),
            self.of(Script::Han),
        );
        let latin = self.of(Script::Latin);
        let cyrillic = self.of(Script::Cyrillic);
        let persian = self.of(Script::Persian);
        let east_asian = hangul + kana + han;
        let most = [
            latin,
            east_asian,
            cyrillic,
            self.of(Script::Arabic) + persian,
        ]
        .into_iter()
        .max()
        .unwrap_or(0);
        if most == 0 || most == latin {
            &[]
        } else if most == east_asian {
            // Korean and Japanese mix Han into their own letters; a name in Chinese mixes nothing.
            match (hangul * 4 >= han.max(1), kana * 10 >= han.max(1)) {
                (true, _) if hangul >= kana => &["ko"],
                (_, true) => &["ja"],
                _ => &["zh", "yue", "ja", "lzh"],
            }
        } else if most == cyrillic {
            &[
                "ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tg", "mn", "uz", "az", "tt", "bs",
                "ce", "os", "ab",
            ]
        } else if persian > 0 {
            &[
                "fa", "ur", "ps", "ckb", "ku", "ug", "sd", "pnb", "prs", "az", "ks", "bal", "tg",
            ]
        } else {
            &[
                "ar", "fa", "ur", "ps", "ckb", "ku", "ug", "sd", "arz", "prs", "ms",
            ]
        }
    }
}

/// How many ASCII letters a text has. Counted in bytes, as many at a time as a byte can count: that is done for several at once.
fn ascii_letters(text: &str) -> usize {
    let few = |bytes: &[u8]| {
        bytes.iter().fold(0_u8, |count, byte| {
            count + u8::from(byte.is_ascii_alphabetic())
        })
    };
    let each = text.as_bytes().chunks(usize::from(u8::MAX));
    each.map(|bytes| usize::from(few(bytes))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_counts_as_what_it_is() {
        for c in '\0'..='\u{10FFFF}' {
            let mut scripts = Scripts::default();
            scripts.count(&format!("{c}é"));
            let mut expected = [0; SCRIPTS];
            expected[Script::Latin as usize] += 1;
            expected[Script::of(c) as usize] += 1;
            assert_eq!(scripts.0[1..], expected[1..], "{c:?}");
        }
    }
}
