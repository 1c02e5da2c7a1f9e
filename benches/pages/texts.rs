//! News made by number, in seven languages: a pure function, so that every run reads the same.
//!
//! Words are syllables drawn by rank, frequent ones more often, as in real text; news of the beat has sentences that its
//! keywords find, and a few that are rare.

use std::fmt::Write as _;

/// A language: its tag, its share in a hundred, its syllables, what stands between words, and sentences of the beat.
struct Language {
    tag: &'static str,
    share: u64,
    syllables: &'static [&'static str],
    space: &'static str,
    words: u64,
    stop: &'static str,
    beat: &'static [&'static str],
}

/// A piece of news.
pub(crate) struct News {
    pub(crate) language: &'static str,
    pub(crate) title: String,
    pub(crate) content: String,
}

const LANGUAGES: [Language; 7] = [
    Language {
        tag: "en",
        share: 46,
        syllables: &[
            "ba", "ter", "mon", "li", "sta", "re", "con", "vi", "ge", "ran", "do", "sel", "pri",
            "um", "ne", "tal", "or", "ken", "shi", "ma",
        ],
        space: " ",
        words: 95,
        stop: ". ",
        beat: &[
            "Treasury adds sanctions on Iran over missile parts",
            "North Korea and Iran officials meet in Tehran",
            "Pyongyang rejects new sanctions at the Security Council",
            "Iran oil tanker seized after a ship to ship transfer near Singapore",
            "US designates a front company for sanctions evasion by North Korea",
            "Sanctions monitors say Iran ballistic missile talks go on",
            "Kim Jong Un greets a delegation from Iran in Pyongyang",
        ],
    },
    Language {
        tag: "ko",
        share: 14,
        syllables: &[
            "가", "나", "사", "회", "정", "부", "경", "제", "신", "문", "보", "도", "시", "장",
            "국", "민",
        ],
        space: " ",
        words: 70,
        stop: ". ",
        beat: &[
            "북한은 이란과의 미사일 협력을 부인했다",
            "미국 재무부가 대북 제재 대상을 추가했다",
            "이란의 제재 회피에 북한이 관여했다",
            "김정은은 평양에서 이란 대표단을 만났다",
        ],
    },
    Language {
        tag: "fa",
        share: 10,
        syllables: &[
            "با", "من", "تر", "گف", "شو", "نا", "ری", "هم", "کا", "دو", "سا", "لی", "مر", "خا",
            "زی",
        ],
        space: " ",
        words: 80,
        stop: ". ",
        beat: &[
            "تحریم‌های تازه علیه ایران و کره شمالی اعلام شد",
            "ایران و کره‌شمالی درباره موشک گفتگو کردند",
            "وزارت خزانه‌داری آمریکا تحریم ایران را گسترش داد",
        ],
    },
    Language {
        tag: "ar",
        share: 10,
        syllables: &[
            "قا", "لو", "مد", "ين", "سر", "عا", "مل", "في", "بر", "حا", "كت", "نو", "شم", "دا",
        ],
        space: " ",
        words: 80,
        stop: ". ",
        beat: &[
            "فرضت واشنطن العقوبات على إيران وكوريا الشمالية",
            "وإيران ترفض العقوبات الأمريكية الجديدة",
            "كوريا الشمالية تنفي نقل الصواريخ إلى إيران",
        ],
    },
    Language {
        tag: "zh",
        share: 9,
        syllables: &[
            "新", "闻", "社", "会", "政", "府", "经", "济", "市", "场", "公", "民", "电", "力",
            "教", "育", "科", "学", "交", "通", "国", "家", "人", "大",
        ],
        space: "",
        words: 110,
        stop: "。",
        beat: &[
            "朝鲜与伊朗合作研究导弹技术",
            "美国财政部宣布对伊朗实施制裁",
            "联合国专家称朝鲜规避制裁",
        ],
    },
    Language {
        tag: "ru",
        share: 8,
        syllables: &[
            "пра", "ви", "но", "сти", "ра", "го", "во", "ре", "ча", "лю", "ди", "мос", "ки", "те",
            "бор", "зав", "ни", "ка",
        ],
        space: " ",
        words: 80,
        stop: ". ",
        beat: &[
            "США ввели новые санкции против Ирана и КНДР",
            "Иран и КНДР обсудили ракетную программу",
            "Санкции против Северной Кореи остаются в силе",
        ],
    },
    Language {
        tag: "ja",
        share: 3,
        syllables: &[
            "日", "本", "政", "府", "は", "の", "を", "に", "会", "議", "東", "京", "で", "し",
            "た", "と", "発", "表",
        ],
        space: "",
        words: 110,
        stop: "。",
        beat: &[
            "北朝鮮とイランの協力に制裁",
            "米財務省はイランへの制裁を発表した",
            "北朝鮮のミサイル発射で安保理が協議",
        ],
    },
];

/// Frequent words of news that are no keyword's: (language, words, one article in so many has them).
const SPICE: &[(&str, &str, u64)] = &[
    ("en", "the minister said", 2),
    ("en", "port of Fujairah", 150),
    ("en", "insurance for the tanker fleet", 60),
    ("en", "a front company in Dandong", 300),
    ("en", "gallium nitride", 9_000),
    ("en", "Zvornikovo", 60_000),
    ("ko", "금강산 관광", 900),
    ("ko", "원유를 실은 유조선", 60),
    ("ar", "ناقلة النفط", 60),
    ("ar", "ميناء الفجيرة", 700),
    ("zh", "丹东口岸", 500),
    ("zh", "石油运输", 50),
    ("ja", "テヘラン", 80),
    ("ru", "нефтяной танкер", 60),
    ("fa", "نفتکش", 60),
];

/// Words of each language.
const VOCABULARY: u64 = 40_000;

/// Numbers by number (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A rank of the vocabulary, small ones more often: each doubling of rank is as likely as any other.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ranks are small"
    )]
    fn rank(&mut self) -> u64 {
        let share = self.below(1 << 20) as f64 / f64::from(1 << 20);
        (VOCABULARY as f64).powf(share) as u64
    }
}

/// The news of a number: with a sentence of the beat, or without.
pub(crate) fn news(number: u64, is_of_the_beat: bool) -> News {
    let mut chance =
        Chance::of(number.wrapping_mul(0xA076_1D64_78BD_642F) ^ u64::from(is_of_the_beat));
    let language = language(&mut chance);
    let mut title = if is_of_the_beat {
        pick(language.beat, &mut chance).to_owned()
    } else {
        String::new()
    };
    words(language, 6, &mut chance, &mut title);
    let mut content = String::with_capacity(800);
    let sentences = language.words / 14;
    for sentence in 0..sentences {
        words(language, 14, &mut chance, &mut content);
        if is_of_the_beat && sentence == 1 {
            add(
                &mut content,
                language.space,
                pick(language.beat, &mut chance),
            );
        }
        for (tag, spice, often) in SPICE {
            if *tag == language.tag && chance.below(often * sentences) == 0 {
                add(&mut content, language.space, spice);
            }
        }
        content.push_str(language.stop);
        if sentence % 3 == 2 {
            content.push('\n');
        }
    }
    News {
        language: language.tag,
        title,
        content,
    }
}

fn language(chance: &mut Chance) -> &'static Language {
    let mut point = chance.below(LANGUAGES.iter().map(|language| language.share).sum());
    for language in &LANGUAGES {
        if point < language.share {
            return language;
        }
        point -= language.share;
    }
    &LANGUAGES[0]
}

fn pick<'a>(list: &[&'a str], chance: &mut Chance) -> &'a str {
    let place = usize::try_from(chance.below(list.len() as u64)).unwrap_or(0);
    list.get(place).copied().unwrap_or_default()
}

fn add(text: &mut String, space: &str, more: &str) {
    if !text.is_empty() {
        text.push_str(space);
    }
    text.push_str(more);
}

fn words(language: &Language, count: u64, chance: &mut Chance, text: &mut String) {
    for _ in 0..count {
        if !text.is_empty() {
            text.push_str(language.space);
        }
        let mut rank = chance.rank();
        // A frequent word is short, as everywhere.
        loop {
            let syllables = language.syllables.len() as u64;
            let place = usize::try_from(rank % syllables).unwrap_or(0);
            let _ = write!(text, "{}", language.syllables[place]);
            rank /= syllables;
            if rank == 0 {
                break;
            }
        }
    }
}
