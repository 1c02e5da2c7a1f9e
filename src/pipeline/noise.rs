//! What a page's template writes into a text: counters, "5 minutes ago", share buttons, pointers to other stories.
//!
//! It changes by itself and says nothing about the story, so a text is compared without it. The stored text is the one
//! that was read: noise is neither cut from it nor followed by it.

use std::{cmp::Reverse, collections::HashSet, iter, sync::LazyLock};

use memchr::{memchr, memchr3, memchr3_iter, memmem::Finder};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

use crate::text::alone::small_alone;

/// A paragraph longer than this, in characters, is never noise.
const LONGEST: usize = 200;

/// Segments of a text that are judged; what stands behind them is told. No page that people read comes near.
const MOST_JUDGED: usize = 500;

/// Characters that are enough to know a pointer by, marks between its letters included.
const LONGEST_POINTER: usize = 40;

/// What parts the segments of a paragraph.
const PARTING: [char; 4] = ['|', '•', '·', '｜'];

/// The same, ready to be sought.
static PARTING_FOUND: LazyLock<[Finder<'static>; 4]> =
    LazyLock::new(|| PARTING.map(|part| Finder::new(&part.to_string()).into_owned()));

/// White space that stands in no text that is spaced plainly.
static UNUSUAL_SPACES: LazyLock<[Finder<'static>; 2]> =
    LazyLock::new(|| ["  ", "\u{3000}"].map(|space| Finder::new(space).into_owned()));

/// Stands for a number.
const NUMBER: char = '#';

/// Words of counters, ages and buttons, folded. A paragraph of nothing else is noise. Longer ones stand before shorter ones
/// that they contain.
const WORDS: &[&str] = &[
    // English
    "views",
    "view",
    "comments",
    "comment",
    "shares",
    "share this article",
    "share this story",
    "share this",
    "share on",
    "share",
    "likes",
    "like",
    "reads",
    "times read",
    "read # times",
    "tweet",
    "facebook",
    "twitter",
    "whatsapp",
    "telegram",
    "linkedin",
    "email",
    "print",
    "copy link",
    "last updated",
    "updated",
    "published",
    "posted",
    "ago",
    "seconds",
    "second",
    "secs",
    "minutes",
    "minute",
    "mins",
    "min",
    "hours",
    "hour",
    "hrs",
    "days",
    "day",
    "min read",
    "minute read",
    "read",
    "advertisement",
    "about",
    "just now",
    "an hour",
    "a day",
    "a minute",
    // Korean
    "조회수",
    "조회",
    "댓글",
    "공감",
    "좋아요",
    "추천",
    "공유하기",
    "공유",
    "페이스북",
    "트위터",
    "카카오톡",
    "카카오스토리",
    "초 전",
    "분 전",
    "시간 전",
    "일 전",
    "업데이트",
    "입력",
    "수정",
    "프린트",
    "인쇄",
    "광고",
    "개",
    "회",
    "명",
    "만",
    "천",
    // Persian
    "تعداد بازدید",
    "بازدید",
    "تعداد نظرات",
    "نظرات",
    "نظر",
    "دیدگاه",
    "پسند",
    "اشتراک گذاری",
    "اشتراک",
    "به روزرسانی",
    "بروزرسانی",
    "ثانیه پیش",
    "دقیقه پیش",
    "ساعت پیش",
    "روز پیش",
    "دقیقه قبل",
    "ساعت قبل",
    "روز قبل",
    "چاپ",
    "تلگرام",
    "واتساپ",
    "کپی لینک",
    "تبلیغات",
    "هزار",
    "بار",
    // Arabic
    "عدد المشاهدات",
    "المشاهدات",
    "مشاهدات",
    "مشاهدة",
    "عدد القراءات",
    "القراءات",
    "قراءة",
    "التعليقات",
    "تعليقات",
    "تعليق",
    "إعجاب",
    "مشاركة",
    "شارك",
    "طباعة",
    "آخر تحديث",
    "تحديث",
    "منذ",
    "قبل",
    "ثوان",
    "ثانية",
    "دقائق",
    "دقيقة",
    "ساعات",
    "ساعة",
    "أيام",
    "يوم",
    "فيسبوك",
    "تويتر",
    "واتساب",
    "تلغرام",
    "إعلان",
    "ألف",
    "مرة",
    // Chinese
    "阅读量",
    "阅读数",
    "阅读",
    "閱讀",
    "浏览次数",
    "浏览量",
    "浏览",
    "瀏覽",
    "点击数",
    "点击",
    "點擊",
    "条评论",
    "則留言",
    "评论",
    "評論",
    "留言",
    "点赞",
    "按讚",
    "赞",
    "分享到",
    "分享",
    "转发",
    "收藏",
    "微信",
    "微博",
    "秒前",
    "分钟前",
    "分鐘前",
    "小时前",
    "小時前",
    "天前",
    "更新于",
    "更新",
    "打印",
    "列印",
    "广告",
    "廣告",
    "次",
    "人",
    "万",
    "萬",
    // Russian
    "количество просмотров",
    "просмотров",
    "просмотра",
    "просмотр",
    "просмотры",
    "комментариев",
    "комментария",
    "комментарий",
    "комментарии",
    "нравится",
    "поделиться",
    "репостов",
    "вконтакте",
    "телеграм",
    "обновлено",
    "секунд",
    "минуту",
    "минуты",
    "минут",
    "часов",
    "часа",
    "час",
    "дней",
    "дня",
    "день",
    "назад",
    "распечатать",
    "реклама",
    "тыс",
    // Japanese
    "閲覧数",
    "閲覧",
    "アクセス数",
    "コメント",
    "いいね",
    "シェアする",
    "シェア",
    "ツイート",
    "保存",
    "印刷",
    "最終更新",
    "時間前",
    "分前",
    "日前",
    "回再生",
    "件",
    "回",
    "再生",
    "広告",
    "リンクをコピー",
];

/// Numbers alone are no noise: one of these must stand beside one, or be a button.
const BUTTONS: &[&str] = &[
    "share",
    "tweet",
    "facebook",
    "advertisement",
    "공유",
    "페이스북",
    "광고",
    "اشتراک",
    "چاپ",
    "تبلیغات",
    "مشاركة",
    "شارك",
    "طباعة",
    "إعلان",
    "分享",
    "微信",
    "广告",
    "廣告",
    "поделиться",
    "вконтакте",
    "реклама",
    "シェア",
    "ツイート",
    "広告",
    "just now",
];

/// What a pointer to other stories begins with, folded.
const POINTERS: &[&str] = &[
    "read more",
    "read also",
    "also read",
    "see also",
    "related:",
    "related stories",
    "related articles",
    "more on this",
    "you may also like",
    "recommended:",
    "관련기사",
    "관련 기사",
    "추천기사",
    "많이 본 기사",
    "함께 읽기",
    "بیشتر بخوانید",
    "همچنین بخوانید",
    "مطالب مرتبط",
    "اخبار مرتبط",
    "اقرأ أيضا",
    "اقرأ المزيد",
    "مواضيع ذات صلة",
    "شاهد أيضا",
    "相关阅读",
    "延伸阅读",
    "推荐阅读",
    "相关新闻",
    "延伸閱讀",
    "相關新聞",
    "читайте также",
    "по теме:",
    "смотрите также",
    "читать далее",
    "関連記事",
    "あわせて読みたい",
    "おすすめ記事",
    "関連ニュース",
];

/// The text without what its template wrote, for comparing: white space is one space, paragraphs are parted by `\n`.
#[must_use]
pub fn essence(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    // With room for a line end, which goes again.
    let mut essence = String::with_capacity(text.len() + 1);
    let mut judged = 0;
    for paragraph in text.split('\n') {
        for segment in segments(paragraph) {
            judged += 1;
            if judged > MOST_JUDGED || !is_noise(segment) {
                push_words(&mut essence, segment);
            }
        }
        if !essence.is_empty() && !essence.ends_with('\n') {
            essence.push('\n');
        }
    }
    essence.truncate(essence.trim_end().len());
    essence
}

/// What stands between the bars and dots of a paragraph. Most have none of them.
fn segments(paragraph: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(paragraph);
    let is_parted = PARTING_FOUND
        .iter()
        .any(|part| part.find(paragraph.as_bytes()).is_some());
    iter::from_fn(move || {
        let whole = rest?;
        let (segment, after) = is_parted
            .then(|| whole.split_once(PARTING))
            .flatten()
            .map_or((whole, None), |(segment, after)| (segment, Some(after)));
        rest = after;
        Some(segment)
    })
}

fn push_words(essence: &mut String, segment: &str) {
    let segment = segment.trim_matches(' ');
    if is_spaced_plainly(segment) {
        if !segment.is_empty() && !essence.is_empty() && !essence.ends_with('\n') {
            essence.push(' ');
        }
        return essence.push_str(segment);
    }
    for word in segment.split_whitespace() {
        if !essence.is_empty() && !essence.ends_with('\n') {
            essence.push(' ');
        }
        essence.push_str(word);
    }
}

/// Whether all white space in it is single spaces, as in nearly every text that was read.
fn is_spaced_plainly(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    memchr3(b'\t', b'\r', 0x0b, bytes).is_none()
        && memchr(0x0c, bytes).is_none()
        // The first bytes of all white space that is not ASCII; most begin other characters.
        && memchr3_iter(0xc2, 0xe1, 0xe2, bytes).all(|at| !starts_with_space(segment, at))
        && UNUSUAL_SPACES.iter().all(|space| space.find(bytes).is_none())
}

fn starts_with_space(text: &str, at: usize) -> bool {
    text.get(at..)
        .is_some_and(|rest| rest.starts_with(char::is_whitespace))
}

fn is_noise(segment: &str) -> bool {
    if segment.trim().is_empty() {
        return true;
    }
    if segment.len() > 4 * LONGEST || segment.chars().nth(LONGEST).is_some() {
        return false;
    }
    is_pointer(segment) || may_count(segment) && is_counter(&fold(segment))
}

/// Whether no letter and no word speaks against a counter: a letter that none of our words has, or a word standing apart by
/// spaces that is none of ours, is left over whatever else stands there. Nearly every segment is a sentence. Where words stand
/// apart, its first one ends the question, so that they are asked first; elsewhere one of the first letters does.
fn may_count(segment: &str) -> bool {
    let is_of_words = segment.starts_with(is_of_spaced_words);
    (!is_of_words || are_words_ours(segment))
        && !has_stranger(segment)
        && (is_of_words || are_words_ours(segment))
}

/// Whether all words that stand apart by spaces are ours.
fn are_words_ours(segment: &str) -> bool {
    segment
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.chars().all(is_of_spaced_words))
        .all(|word| {
            let folded = fold(word);
            WORDS_APART.contains(folded.as_str()) || folded.chars().all(is_unit)
        })
}

/// Whether a letter stands in it that none of our words has: it is left over, too. Looks at letters that folding takes one
/// by one, as long as they follow each other.
fn has_stranger(segment: &str) -> bool {
    let mut letters = segment.chars().peekable();
    while let Some(c) = letters.next() {
        let is_followed_plainly = letters
            .peek()
            .is_none_or(|&next| stands_alone(next) || next.is_ascii());
        if stands_alone(c) && is_followed_plainly && !LETTERS.has(folded_alone(c)) {
            return true;
        }
    }
    false
}

/// A set of letters of the basic plane, a bit each.
struct Letters(Vec<u64>);

impl Letters {
    fn of(letters: impl Iterator<Item = char>) -> Self {
        let mut bits = vec![0; 0x1_0000 / 64];
        for c in letters {
            if let Some(word) = bits.get_mut(c as usize / 64) {
                *word |= 1 << (c as usize % 64);
            }
        }
        Self(bits)
    }

    fn has(&self, c: char) -> bool {
        let word = self.0.get(c as usize / 64);
        word.is_some_and(|word| word >> (c as usize % 64) & 1 == 1)
    }
}

/// Plain letters of words that are written apart: those that folding turns into nothing but such letters.
fn is_of_spaced_words(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{410}'..='\u{44f}')
        || (is_spaced_script(c) && c.is_alphabetic())
}

/// Whether it begins as pointers do.
fn is_pointer(segment: &str) -> bool {
    let segment = segment.trim_start_matches(|c: char| !c.is_alphanumeric());
    // Most sentences are told from pointers by their first letters. What follows them could change but the last.
    let mut letters = segment.chars();
    if let (Some(one), Some(two), Some(three)) = (letters.next(), letters.next(), letters.next())
        && stands_alone(one)
        && stands_alone(two)
        && (stands_alone(three) || three.is_ascii())
        && !OPENINGS.contains(&[folded_alone(one), folded_alone(two)])
    {
        return false;
    }
    points(segment)
}

/// The same for what begins with a letter or a number.
fn points(segment: &str) -> bool {
    let end = segment
        .char_indices()
        .nth(LONGEST_POINTER)
        .map_or(segment.len(), |(end, _)| end);
    let folded = fold(segment.get(..end).unwrap_or(segment));
    let start = folded.trim_start_matches(|c: char| !c.is_alphanumeric());
    POINTERS_FOLDED
        .iter()
        .any(|pointer| start.starts_with(pointer.as_str()))
}

/// Whether nothing is left of it but numbers, counters, ages and buttons.
fn is_counter(folded: &str) -> bool {
    let has_number = folded.contains(NUMBER);
    let mut has_words = BUTTONS_FOLDED
        .iter()
        .any(|button| folded.contains(button.as_str()));
    if !has_words && !has_number {
        return false;
    }
    let mut rest = folded.to_owned();
    for word in WORDS_FOLDED.iter() {
        if rest.contains(word.as_str()) {
            has_words |= has_number;
            rest = without(&rest, word);
        }
    }
    has_words && !rest.chars().any(|c| c.is_alphanumeric() && !is_unit(c))
}

/// The text with each occurrence of a word taken out. A word of letters that part words by spaces must stand alone.
fn without(text: &str, word: &str) -> String {
    let is_spaced = word
        .chars()
        .all(|c| c.is_whitespace() || c.is_ascii() || is_spaced_script(c));
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && is_spaced);
        kept.push_str(before);
        if touches(before.chars().next_back()) || touches(after.chars().next()) {
            kept.push_str(word);
        } else {
            kept.push(' ');
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Cyrillic and Arabic letters.
fn is_spaced_script(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}' | '\u{600}'..='\u{6ff}')
}

/// Letters of a number: 1.2k, 3m.
fn is_unit(c: char) -> bool {
    matches!(c, 'k' | 'm')
}

/// The longest first.
static WORDS_FOLDED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut words = all_folded(WORDS);
    words.sort_by_key(|word| Reverse(word.len()));
    words
});
/// The letters of what may be left out, and those of numbers.
static LETTERS: LazyLock<Letters> = LazyLock::new(|| {
    let words = WORDS_FOLDED.iter().flat_map(|words| words.chars());
    Letters::of(words.chain(('a'..='z').filter(|&c| is_unit(c))))
});
/// The single words of what may be left out, where words stand apart.
static WORDS_APART: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    WORDS_FOLDED
        .iter()
        .flat_map(|words| words.split(|c: char| !c.is_alphanumeric()))
        .collect()
});
static BUTTONS_FOLDED: LazyLock<Vec<String>> = LazyLock::new(|| all_folded(BUTTONS));
static POINTERS_FOLDED: LazyLock<Vec<String>> = LazyLock::new(|| all_folded(POINTERS));
/// The first two letters of pointers.
static OPENINGS: LazyLock<HashSet<[char; 2]>> = LazyLock::new(|| {
    let openings = POINTERS_FOLDED.iter().filter_map(|pointer| {
        let mut letters = pointer.chars();
        Some([letters.next()?, letters.next()?])
    });
    openings.collect()
});

fn all_folded(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| fold(word)).collect()
}

/// Without case, presentation forms, Arabic variants and marks; each number is one `#`.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return fold_letters(text.chars().map(|c| c.to_ascii_lowercase()), text.len());
    }
    if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        return fold_letters(text.chars().flat_map(char::to_lowercase), text.len());
    }
    fold_letters(text.nfkc().flat_map(char::to_lowercase), text.len())
}

fn fold_letters(letters: impl Iterator<Item = char>, length: usize) -> String {
    let mut folded = String::with_capacity(length);
    for c in letters {
        let c = match one_of_variants(c) {
            '\u{200c}' | '\u{a0}' => ' ',
            '\u{64b}'..='\u{652}' | '\u{640}' | '\u{200e}' | '\u{200f}' => continue,
            c if !is_surely_letter(c) && c.is_numeric() => NUMBER,
            // Within a number.
            ',' | '.' | '٬' | '٫' | '،' | ':' if folded.ends_with(NUMBER) => continue,
            c => c,
        };
        if c != NUMBER || !folded.ends_with(NUMBER) {
            folded.push(c);
        }
    }
    folded
}

/// The letter that stands for its variants.
const fn one_of_variants(c: char) -> char {
    match c {
        'ي' | 'ى' | 'ئ' => 'ی',
        'ك' => 'ک',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ة' => 'ه',
        c => c,
    }
}

/// Letters that folding takes one by one.
const fn stands_alone(c: char) -> bool {
    small_alone(c).is_some()
}

/// What folding makes of a letter that [`stands_alone`].
fn folded_alone(c: char) -> char {
    one_of_variants(small_alone(c).unwrap_or(c))
}

/// Letters that need no look into a table: of Cyrillic, Hangul, kana and Han (一 and its like are numeric, and letters of
/// words).
const fn is_surely_letter(c: char) -> bool {
    matches!(c, 'a'..='z' | '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}' | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STORY: &str = "Seoul says 12 technicians returned from Tehran.";

    #[test]
    fn what_a_template_writes_is_not_the_story() {
        for noise in [
            "1,234 views",
            "Views: 1.2k | 56 comments",
            "Updated 5 minutes ago",
            "3 hours ago · 4 min read",
            "Share on Facebook Tweet WhatsApp Email",
            "Advertisement",
            "Read more: Oil prices fall for a third day",
            "조회수 1,234",
            "댓글 12개 · 공감 5",
            "5분 전",
            "페이스북 트위터 카카오톡 공유하기",
            "[관련기사] 북한, 미사일 발사",
            "تعداد بازدید: ۱۲۳۴",
            "۵ دقیقه پیش",
            "۱۲ نظر | اشتراک‌گذاری",
            "بیشتر بخوانید: نفت ارزان شد",
            "عدد المشاهدات: ١٢٣٤",
            "منذ 5 دقائق",
            "مشاركة طباعة",
            "اقرأ أيضًا: أسعار النفط",
            "阅读量：1.2万",
            "5分钟前 · 12条评论",
            "分享到 微信 微博",
            "相关阅读：油价下跌",
            "延伸閱讀：油價下跌",
            "Просмотров: 1 234",
            "5 минут назад",
            "Поделиться Вконтакте Телеграм",
            "Читайте также: цены на нефть",
            "閲覧数 1,234",
            "5分前 · コメント12件",
            "シェア ツイート",
            "関連記事：原油安",
        ] {
            let with = format!("{STORY}\n{noise}");
            assert_eq!(essence(&with), STORY, "{noise}");
            assert_eq!(essence(&format!("{noise}\n{STORY}")), STORY, "{noise}");
        }
    }

    #[test]
    fn what_a_story_says_is_no_noise() {
        for said in [
            "12 killed",
            "Five ships were seized.",
            "1,234",
            "Share prices fell by 5 percent",
            "He updated the list 5 times",
            "The president likes 3 of them",
            "사망자 12명",
            "이란 대표단 5명 방문",
            "۱۲ کشته",
            "١٢ قتيلا",
            "12人死亡",
            "5万吨煤炭",
            "12 погибших",
            "死者12人",
            "ミサイル5発",
            "Сделка на 5 тыс тонн угля",
        ] {
            assert_eq!(essence(said), said);
        }
    }

    #[test]
    fn a_correction_of_a_number_is_seen_and_a_counter_beside_it_is_not() {
        let text = |dead: u32, views: u32| format!("At least {dead} died.\n{views} views");
        assert_eq!(essence(&text(5, 10)), essence(&text(5, 999)));
        assert_ne!(essence(&text(5, 10)), essence(&text(6, 10)));
    }

    #[test]
    fn a_text_of_nothing_but_segments_is_judged_only_so_far() {
        let parts = "12 views|".repeat(MOST_JUDGED + 3);
        assert_eq!(essence(&parts), "12 views 12 views 12 views");
    }

    proptest! {
        #[test]
        fn the_quick_look_denies_no_counter(segment in "(views|Ago|# |[0-9]{1,4}k?| |۱|분 전|просмотров|назад|نظر|منذ|مشاركة|\u{200c}|\u{64b}|\u{640}|[a-z]{1,5}|é|中|\\PC){0,8}") {
            prop_assert!(may_count(&segment) || !is_counter(&fold(&segment)), "{segment:?}");
        }

        #[test]
        fn the_first_letters_deny_no_pointer(segment in "(R|r|see|read|more|Also|related:|you|\u{301}|é|ſ|ｒ|읽|관|련|\u{11ab}|あ|か|\u{3099}|わ|Ч|ит|и|\u{306}|اق|ا|ق|\u{653}|ر|أ|相|关|[a-z]{1,2}| |\\PC){0,6}") {
            prop_assert_eq!(is_pointer(&segment), {
                let letters = segment.trim_start_matches(|c: char| !c.is_alphanumeric());
                points(letters)
            });
        }

        #[test]
        fn what_is_spaced_plainly_stays_as_it_is(segment in "( |a|[\t\r\u{b}\u{c}]|\u{85}|\u{a0}|\u{2003}|\u{2019}|\u{205f}|\u{3000}|의|\\PC){0,8}") {
            let segment = segment.trim_matches(' ');
            if is_spaced_plainly(segment) {
                let words: Vec<&str> = segment.split_whitespace().collect();
                prop_assert_eq!(words.join(" "), segment);
            }
        }

        #[test]
        fn essence_is_total_and_no_longer_than_its_text(text in "(views|ago|# |[0-9]{1,4}| |\\||۱|분 전|[a-z]{1,5}|\n|中|\\PC){0,20}") {
            prop_assert!(essence(&text).len() <= text.len());
        }
    }
}
