//! Invented languages: words in the scripts, lengths and frequencies of news, none of them from anybody's text.

use crate::dice::Dice;

/// How many words a language has.
const WORDS: usize = 40_000;

/// How the words of a language look.
pub(crate) struct Tongue {
    /// Its code.
    pub(crate) code: &'static str,
    /// Of a thousand articles.
    pub(crate) share: usize,
    onsets: &'static str,
    nuclei: &'static str,
    endings: &'static str,
    /// Whether words have spaces between them.
    pub(crate) is_spaced: bool,
    comma: &'static str,
}

/// Languages and their shares, as in feeds about the Middle East and East Asia.
pub(crate) const TONGUES: [Tongue; 9] = [
    Tongue {
        code: "en",
        share: 440,
        onsets: "b br c ch cl d f g h j k l m n p pr r s st t th tr v w",
        nuclei: "a e i o u ai ea ou an er in or al",
        endings: " s ed ing ly er tion ment",
        is_spaced: true,
        comma: ", ",
    },
    Tongue {
        code: "ru",
        share: 130,
        onsets: "б в г д ж з к л м н п р с т х ц ч ш пр ст тр",
        nuclei: "а е и о у ы я ор ен ан",
        endings: " а ов ом ами ский ного ение ость ать",
        is_spaced: true,
        comma: ", ",
    },
    Tongue {
        code: "zh",
        share: 110,
        onsets: "",
        nuclei: "",
        endings: "",
        is_spaced: false,
        comma: "，",
    },
    Tongue {
        code: "ko",
        share: 90,
        onsets: "",
        nuclei: "",
        endings: "  은 는 이 가 을 를 의 에 에서 으로 했다 적인",
        is_spaced: true,
        comma: ", ",
    },
    Tongue {
        code: "fa",
        share: 80,
        onsets: "ب پ ت ج چ خ د ر ز س ش ف ق ک گ ل م ن ه",
        nuclei: "ا و ی ر ن",
        endings: "  ها های ی \u{200c}ها ان",
        is_spaced: true,
        comma: "، ",
    },
    Tongue {
        code: "ar",
        share: 50,
        onsets: "ب ت ج ح خ د ر س ش ص ط ع ف ق ك ل م ن ه ال",
        nuclei: "ا و ي ر ل",
        endings: "  ة ات ين ه",
        is_spaced: true,
        comma: "، ",
    },
    Tongue {
        code: "es",
        share: 40,
        onsets: "b c ch d f g h j l ll m n p pr qu r s t tr v",
        nuclei: "a e i o u ó é ie",
        endings: "o a os as ción mente ado",
        is_spaced: true,
        comma: ", ",
    },
    Tongue {
        code: "de",
        share: 30,
        onsets: "b d f g h k l m n p r s sch st t v w z",
        nuclei: "a e i o u ä ö ü ei ie au",
        endings: " en er ung lich keit ßen e",
        is_spaced: true,
        comma: ", ",
    },
    Tongue {
        code: "fr",
        share: 30,
        onsets: "b c ch d f g j l m n p pr r s t v",
        nuclei: "a e i o u é è ou eau oi",
        endings: " e es tion ment eux é ée",
        is_spaced: true,
        comma: ", ",
    },
];

impl Tongue {
    /// A word that need not be in the language.
    pub(crate) fn word(&self, syllables: usize, dice: &mut Dice) -> String {
        let mut word = String::new();
        for _ in 0..syllables {
            match self.code {
                "zh" => word.extend(letter(dice.below(1_500), 0x4E00, 13)),
                "ko" => word.extend(letter(dice.below(1_200), 0xAC00, 9)),
                _ => {
                    word.push_str(one_of(self.onsets, dice));
                    word.push_str(one_of(self.nuclei, dice));
                }
            }
        }
        if syllables > 1 {
            word.push_str(one_of(self.endings, dice));
        }
        word
    }

    /// The words of the language, the most frequent first.
    pub(crate) fn words(&self, dice: &mut Dice) -> Vec<String> {
        (0..WORDS)
            .map(|rank| {
                let syllables = match rank {
                    0..60 => 1,
                    60..2_000 => 2,
                    _ if self.is_spaced => 2 + dice.below(3),
                    _ => 2 + dice.below(2),
                };
                self.word(syllables, dice)
            })
            .collect()
    }

    /// Appends a sentence of `words` words. The logarithm of a word's rank is evenly spread, as in natural text.
    pub(crate) fn sentence(&self, words: usize, of: &[String], dice: &mut Dice, out: &mut String) {
        for at in 0..words {
            let word = &of[rank(of.len(), dice)];
            if at == 0 {
                let mut letters = word.chars();
                out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
                out.push_str(letters.as_str());
            } else {
                out.push_str(word);
            }
            if at + 1 < words {
                if dice.permille(60) {
                    out.push_str(self.comma);
                } else if self.is_spaced {
                    out.push(' ');
                }
            }
        }
        out.push_str(if self.is_spaced { ". " } else { "。" });
    }
}

/// A letter of a script whose letters stand in a row, every `step`th of them.
fn letter(number: usize, first: u32, step: u32) -> Option<char> {
    char::from_u32(first + u32::try_from(number).ok()? * step)
}

fn one_of<'a>(list: &'a str, dice: &mut Dice) -> &'a str {
    let count = list.split(' ').count();
    list.split(' ').nth(dice.below(count)).unwrap_or_default()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ranks are small and positive"
)]
fn rank(words: usize, dice: &mut Dice) -> usize {
    let even = dice.below(1 << 24) as f64 / f64::from(1 << 24);
    ((words as f64 + 1.0).powf(even) as usize - 1).min(words - 1)
}
