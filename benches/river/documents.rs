//! The documents of the benchmark: a pure function of feed and revision, so that every run reads the same news.
//!
//! Formats in the shares that the web has (RSS 70, Atom 25, RDF 3, JSON 2 %), nine languages in five scripts, about 35
//! items and 43 KB a document. The words are syllables drawn by rank, frequent ones more often; every twelfth item or so
//! speaks of what the default beat follows.

use std::fmt::Write as _;

use jiff::Timestamp;

/// The first item of every feed was published then: 2026-01-01.
const EPOCH_SECONDS: i64 = 1_767_225_600;

/// Time between two items of a feed.
const ITEM_EVERY_SECONDS: i64 = 3 * 3_600;

/// Words of each language.
const VOCABULARY: u64 = 20_000;

/// A language: its tag, its syllables, what stands between words, and news of the default beat.
struct Language {
    tag: &'static str,
    syllables: &'static [&'static str],
    space: &'static str,
    words_per_item: u64,
    beat: &'static [&'static str],
}

const LATIN: &[&str] = &[
    "ba", "ter", "mon", "li", "sta", "re", "con", "vi", "ge", "ran", "do", "sel", "pri", "um",
    "ne", "tal", "or", "ken", "shi", "ma",
];
const CYRILLIC: &[&str] = &[
    "пра", "ви", "но", "сти", "ра", "го", "во", "ре", "ча", "лю", "ди", "мос", "ки", "те", "бор",
    "зав", "ни", "ка",
];
const ARABIC: &[&str] = &[
    "با", "من", "تر", "گف", "شو", "نا", "ری", "هم", "کا", "دو", "سا", "لی", "مر", "خا", "زی",
];
const HANGUL: &[&str] = &[
    "가", "나", "사", "회", "정", "부", "경", "제", "신", "문", "보", "도", "시", "장", "국", "민",
];
const HAN: &[&str] = &[
    "新", "聞", "社", "会", "政", "府", "経", "済", "市", "場", "公", "民", "電", "力", "教", "育",
    "科", "学", "交", "通",
];

const LANGUAGES: [Language; 9] = [
    language(
        "en",
        LATIN,
        " ",
        95,
        &[
            "Iran and North Korea face new sanctions",
            "Pyongyang missile test",
            "sanctions on Tehran",
        ],
    ),
    language(
        "de",
        LATIN,
        " ",
        95,
        &["Sanktionen gegen Nordkorea", "Iran"],
    ),
    language(
        "fr",
        LATIN,
        " ",
        95,
        &["sanctions contre l'Iran", "Corée du Nord"],
    ),
    language(
        "es",
        LATIN,
        " ",
        95,
        &["sanciones contra Irán", "Corea del Norte"],
    ),
    language(
        "ru",
        CYRILLIC,
        " ",
        60,
        &["санкции против Ирана", "Северная Корея"],
    ),
    language("fa", ARABIC, " ", 65, &["تحریم‌های ایران", "کره شمالی"]),
    language(
        "ar",
        ARABIC,
        " ",
        65,
        &["عقوبات على إيران", "كوريا الشمالية"],
    ),
    language("ko", HANGUL, " ", 55, &["대북제재 강화", "이란 미사일"]),
    language("zh", HAN, "", 80, &["朝鲜制裁", "伊朗"]),
];

const fn language(
    tag: &'static str,
    syllables: &'static [&'static str],
    space: &'static str,
    words_per_item: u64,
    beat: &'static [&'static str],
) -> Language {
    Language {
        tag,
        syllables,
        space,
        words_per_item,
        beat,
    }
}

/// A document as it is served.
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) content_type: &'static str,
    /// Changes with the text and with nothing else.
    pub(crate) etag: String,
}

/// How many items feed `id` has gained up to `revision`; a tenth of the feeds gain one to five at each.
pub(crate) fn gained(id: u64, revision: u64) -> u64 {
    (1..=revision)
        .filter(|revision| gains(id, *revision))
        .map(|revision| 1 + mix(&[id, revision, 2]) % 5)
        .sum()
}

/// Whether feed `id` has new items at `revision`.
pub(crate) fn gains(id: u64, revision: u64) -> bool {
    revision > 0 && mix(&[id, revision, 1]).is_multiple_of(10)
}

/// The document of feed `id` at `revision`, newest item first.
pub(crate) fn document(id: u64, revision: u64) -> Document {
    written(&Feed::new(id), gained(id, revision))
}

/// Whether news of feed `id` can match: the default beat has no sanctions in German and Spanish.
pub(crate) fn can_match(id: u64) -> bool {
    !matches!(Feed::new(id).language.tag, "de" | "es")
}

/// The document of feed `id` after it has gained so many items that all match the default beat, and the address of the newest.
pub(crate) fn document_with_news(id: u64, gained: u64) -> (Document, String) {
    let mut feed = Feed::new(id);
    feed.news_from = feed.length;
    let newest = feed.address(gained + feed.length - 1);
    (written(&feed, gained), newest)
}

fn written(feed: &Feed, gained: u64) -> Document {
    let id = feed.id;
    let items: Vec<Item> = (gained..gained + feed.length)
        .rev()
        .map(|serial| feed.item(serial))
        .collect();
    let (content_type, text) = match mix(&[id, 5]) % 100 {
        0..70 => ("application/rss+xml; charset=utf-8", feed.rss(&items)),
        70..95 => ("application/atom+xml; charset=utf-8", feed.atom(&items)),
        95..98 => ("application/rdf+xml; charset=utf-8", feed.rdf(&items)),
        _ => ("application/feed+json; charset=utf-8", feed.json(&items)),
    };
    Document {
        text,
        content_type,
        etag: format!("\"{id}-{gained}\""),
    }
}

struct Item {
    url: String,
    title: String,
    html: String,
    author: String,
    category: String,
    published: Timestamp,
}

struct Feed {
    id: u64,
    language: &'static Language,
    /// Items in its document.
    length: u64,
    /// From this item on all match the default beat.
    news_from: u64,
}

impl Feed {
    fn new(id: u64) -> Self {
        Self {
            id,
            language: &LANGUAGES[index(mix(&[id, 3]), LANGUAGES.len())],
            length: 20 + mix(&[id, 4]) % 31,
            news_from: u64::MAX,
        }
    }

    fn address(&self, serial: u64) -> String {
        format!("{}/{}/{serial}", self.site(), self.language.tag)
    }

    fn site(&self) -> String {
        format!("https://news-{}.example", self.id)
    }

    fn item(&self, serial: u64) -> Item {
        let mut text = Text {
            language: self.language,
            state: mix(&[self.id, serial, 6]),
        };
        let speaks_of_the_beat = text.draw().is_multiple_of(12);
        let mut title = text.words(6);
        let url = self.address(serial);
        let (lead, rest) = (
            text.words(self.language.words_per_item / 3),
            text.words(self.language.words_per_item * 2 / 3),
        );
        if serial >= self.news_from {
            // One of these alone may match no keyword.
            title = format!("{title} {}", self.language.beat.join(" "));
        } else if speaks_of_the_beat {
            let beat = self.language.beat[index(text.draw(), self.language.beat.len())];
            title = format!("{title} {beat}");
        }
        Item {
            html: format!(
                "<p>{lead}.</p>\n<p><a href=\"{url}#more\">{}</a> {rest} &amp; c.</p>",
                text.words(2)
            ),
            author: text.words(2),
            category: text.words(1),
            published: Timestamp::from_second(
                EPOCH_SECONDS + i64::try_from(serial).unwrap_or(0) * ITEM_EVERY_SECONDS,
            )
            .unwrap_or_default(),
            url,
            title,
        }
    }

    fn rss(&self, items: &[Item]) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" \
             xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<channel><title>News {}</title><link>{}/</link>\
             <description>News</description><language>{}</language>\n",
            self.id,
            self.site(),
            self.language.tag
        );
        for item in items {
            let _ = writeln!(
                out,
                "<item><title>{}</title><link>{}</link><guid isPermaLink=\"true\">{}</guid><pubDate>{}</pubDate>\
                 <dc:creator>{}</dc:creator><category>{}</category><description>{}</description></item>",
                escaped(&item.title),
                item.url,
                item.url,
                item.published.strftime("%a, %d %b %Y %H:%M:%S +0000"),
                item.author,
                item.category,
                escaped(&item.html)
            );
        }
        out + "</channel></rss>\n"
    }

    fn atom(&self, items: &[Item]) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\
             <title>News {}</title><id>{}/</id><link href=\"{}/\"/><updated>2026-01-01T00:00:00Z</updated>\n",
            self.language.tag,
            self.id,
            self.site(),
            self.site()
        );
        for item in items {
            let _ = writeln!(
                out,
                "<entry><title>{}</title><link rel=\"alternate\" href=\"{}\"/><id>{}</id><updated>{}</updated>\
                 <author><name>{}</name></author><category term=\"{}\"/><content type=\"html\">{}</content></entry>",
                escaped(&item.title),
                item.url,
                item.url,
                item.published,
                item.author,
                item.category,
                escaped(&item.html)
            );
        }
        out + "</feed>\n"
    }

    fn rdf(&self, items: &[Item]) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rdf:RDF \
             xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\" \
             xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<channel rdf:about=\"{}/\"><title>News {}</title>\
             <link>{}/</link><description>News</description><dc:language>{}</dc:language></channel>\n",
            self.site(),
            self.id,
            self.site(),
            self.language.tag
        );
        for item in items {
            let _ = writeln!(
                out,
                "<item rdf:about=\"{}\"><title>{}</title><link>{}</link><dc:date>{}</dc:date><dc:creator>{}</dc:creator>\
                 <dc:subject>{}</dc:subject><description>{}</description></item>",
                item.url,
                escaped(&item.title),
                item.url,
                item.published,
                item.author,
                item.category,
                escaped(&item.html)
            );
        }
        out + "</rdf:RDF>\n"
    }

    fn json(&self, items: &[Item]) -> String {
        let items: Vec<_> = items
            .iter()
            .map(|item| {
                serde_json::json!({
                    "id": item.url,
                    "url": item.url,
                    "title": item.title,
                    "content_html": item.html,
                    "date_published": item.published.to_string(),
                    "authors": [{ "name": item.author }],
                    "tags": [item.category],
                })
            })
            .collect();
        serde_json::json!({
            "version": "https://jsonfeed.org/version/1.1",
            "title": format!("News {}", self.id),
            "home_page_url": format!("{}/", self.site()),
            "language": self.language.tag,
            "items": items,
        })
        .to_string()
    }
}

/// Endless text of one language.
struct Text {
    language: &'static Language,
    state: u64,
}

impl Text {
    fn draw(&mut self) -> u64 {
        self.state = mix(&[self.state]);
        self.state
    }

    fn words(&mut self, count: u64) -> String {
        let mut out = String::new();
        for place in 0..count {
            if place > 0 {
                out.push_str(self.language.space);
            }
            // The fourth power of an even draw makes low ranks frequent, as in any language.
            let even = self.draw() % 1_000;
            let rank = even.pow(4) / 1_000_u64.pow(3) * VOCABULARY / 1_000;
            self.word(rank, &mut out);
        }
        out
    }

    fn word(&self, rank: u64, out: &mut String) {
        let mut spelling = mix(&[rank, 7]);
        for _ in 0..2 + spelling % 3 {
            spelling = mix(&[spelling]);
            out.push_str(self.language.syllables[index(spelling, self.language.syllables.len())]);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn index(number: u64, length: usize) -> usize {
    usize::try_from(number % length as u64).unwrap_or(0)
}

/// `SplitMix64` over a few numbers: the same everywhere and always.
fn mix(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0x5769_7265, |state, number| {
        let mut z = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
