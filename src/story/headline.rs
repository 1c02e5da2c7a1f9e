//! Headlines as they were before outlets dressed them: without wire slugs, brackets of a desk and the outlet's name.
//!
//! The slugs are data, one list a language; a slug is only taken off where slugs stand: in brackets at either end, or
//! before a colon, dash or bar at the beginning.

use crate::text::words::Words;

/// Words of slugs, folded. A bracket that holds nothing else but numbers is a slug.
const SLUGS: [&[&str]; 7] = [
    // English
    &[
        "lead",
        "ld",
        "attn",
        "update",
        "updated",
        "updates",
        "1st",
        "2nd",
        "3rd",
        "4th",
        "5th",
        "6th",
        "new",
        "breaking",
        "urgent",
        "exclusive",
        "news",
        "alert",
        "flash",
        "wrapup",
        "refile",
        "corrected",
        "correction",
        "rpt",
        "repeat",
        "analysis",
        "factbox",
        "explainer",
        "feature",
        "focus",
        "photo",
        "photos",
        "video",
        "watch",
        "live",
        "developing",
        "roundup",
        "recasts",
        "adds",
        "details",
        "yonhap",
        "eds",
        "pics",
        "graphic",
        "just",
        "in",
        "bulletin",
        "interview",
        "opinion",
        "insight",
        "special",
        "report",
        "editorial",
        "advisory",
    ],
    // Korean
    &[
        "속보",
        "종합",
        "단독",
        "긴급",
        "상보",
        "보",
        "영상",
        "포토",
        "사진",
        "특보",
        "그래픽",
        "인터뷰",
        "전문",
        "재송고",
        "수정",
        "현장",
        "라이브",
        "특징주",
        "르포",
        "외신",
        "업데이트",
        "1보",
        "2보",
        "3보",
        "4보",
    ],
    // Persian
    &[
        "فوری",
        "اختصاصی",
        "خبر",
        "ویدئو",
        "ویدیو",
        "عکس",
        "تکمیلی",
        "لحظه",
        "به",
        "زنده",
        "فیلم",
        "مصاحبه",
        "گزارش",
        "جدید",
    ],
    // Arabic
    &[
        "عاجل",
        "خاص",
        "حصری",
        "حصریا",
        "فیدیو",
        "بالفیدیو",
        "بالصور",
        "صور",
        "تحدیث",
        "محدث",
        "مباشر",
        "تقریر",
        "انفراد",
    ],
    // Chinese (both scripts)
    &[
        "快讯", "突发", "独家", "更新", "详讯", "快訊", "突發", "獨家", "詳訊", "滚动", "滾動",
        "视频", "影", "影片", "图", "图集", "圖", "最新", "要闻", "即时", "即時", "综合", "综述",
        "專訪", "专访", "国际", "国際", "國際", "现场", "外媒", "续讯", "简讯", "更正", "頭條",
        "头条",
    ],
    // Russian
    &[
        "срочно",
        "молния",
        "обновлено",
        "эксклюзив",
        "видео",
        "фото",
        "дополнено",
        "исправлено",
        "коротко",
        "важно",
        "подробности",
        "повтор",
        "онлаин",
        "онлайн",
        "интервью",
        "репортаж",
        "главное",
        "расширенная",
        "версия",
    ],
    // Japanese
    &[
        "速報",
        "独自",
        "更新",
        "詳報",
        "動画",
        "写真",
        "緊急",
        "号外",
        "続報",
        "差し替え",
        "訂正",
        "解説",
        "最新",
        "独占",
        "まとめ",
        "特集",
        "単独",
        "会員限定",
    ],
];

/// Marks between a headline and the outlet's name behind it.
const SEAMS: [&str; 12] = [
    " - ", " – ", " — ", " | ", " :: ", " // ", " · ", " « ", " » ", "｜", " _ ", "_",
];

/// The longest name of an outlet behind a headline, in words of letters with spaces.
const MAX_OUTLET_WORDS: usize = 5;
/// The longest one in scripts without spaces, in characters.
const MAX_OUTLET_CHARACTERS: usize = 12;
/// What must be left of a headline, in words.
const MIN_WORDS_LEFT: usize = 4;
/// How many slugs and suffixes are taken off at most.
const MAX_LAYERS: usize = 4;

/// The headline without slugs and without the name of its outlet. Never empty unless `title` has no words.
#[must_use]
pub fn bare<'a>(title: &'a str, outlet: &str) -> &'a str {
    let mut rest = title.trim();
    for _ in 0..MAX_LAYERS {
        let shorter = without_slug(rest).or_else(|| without_outlet(rest, outlet));
        match shorter {
            Some(shorter) if has_words(shorter, 1) => rest = shorter,
            _ => break,
        }
    }
    rest
}

fn has_words(text: &str, least: usize) -> bool {
    Words::of(text).list.len() >= least
}

fn without_slug(title: &str) -> Option<&str> {
    bracket_in_front(title)
        .or_else(|| bracket_behind(title))
        .or_else(|| label_in_front(title))
}

const BRACKETS: [(char, char); 8] = [
    ('(', ')'),
    ('[', ']'),
    ('【', '】'),
    ('〈', '〉'),
    ('<', '>'),
    ('（', '）'),
    ('［', '］'),
    ('《', '》'),
];

fn bracket_in_front(title: &str) -> Option<&str> {
    let first = title.chars().next()?;
    let (_, close) = BRACKETS.iter().find(|(open, _)| *open == first)?;
    let end = title.find(*close)?;
    let inside = title.get(first.len_utf8()..end)?;
    let rest = title.get(end + close.len_utf8()..)?.trim_start();
    is_slug(inside).then_some(rest)
}

fn bracket_behind(title: &str) -> Option<&str> {
    let last = title.chars().next_back()?;
    let (open, _) = BRACKETS.iter().find(|(_, close)| *close == last)?;
    let start = title.rfind(*open)?;
    let inside = title.get(start + open.len_utf8()..title.len() - last.len_utf8())?;
    is_slug(inside).then(|| title[..start].trim_end())
}

/// `UPDATE 2-`, `EXCLUSIVE:`, `عاجل |`, `Срочно.`: a slug that a mark ends.
fn label_in_front(title: &str) -> Option<&str> {
    let end = title.find([
        ':', '：', '|', '｜', '/', '-', '–', '—', '!', '…', '.', ' ', '　',
    ])?;
    // The mark may stand behind a number or further words of the slug.
    let mut at = end;
    for _ in 0..4 {
        let label = title.get(..at)?;
        let mark = title.get(at..)?.chars().next()?;
        if !is_slug(label) && !mark.is_whitespace() {
            return None;
        }
        if !mark.is_whitespace() {
            // A hyphen between letters belongs to a word, but `UPDATE 2-EU` is how wires write.
            let is_word = mark == '-' && label.chars().any(char::is_lowercase);
            let rest = title.get(at + mark.len_utf8()..)?;
            return (!is_word || rest.starts_with(' '))
                .then(|| rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !opens(c)));
        }
        let rest = title.get(at + mark.len_utf8()..)?;
        at += mark.len_utf8()
            + rest.find([
                ':', '：', '|', '｜', '/', '-', '–', '—', '!', '…', ' ', '　',
            ])?;
    }
    None
}

fn opens(c: char) -> bool {
    matches!(c, '"' | '“' | '‘' | '«' | '「' | '『' | '\'')
        || BRACKETS.iter().any(|(open, _)| *open == c)
}

/// Whether a text is made of nothing but words of slugs and short numbers.
fn is_slug(text: &str) -> bool {
    let words = Words::of(text);
    // Scripts without spaces: the whole run is looked up.
    let joined: String = words.list.iter().map(|word| words.folded(word)).collect();
    if joined.is_empty() || words.list.len() > 6 {
        return false;
    }
    let knows = |word: &str| SLUGS.iter().any(|list| list.contains(&word));
    if knows(&joined) {
        return true;
    }
    let bare_run = joined.trim_end_matches(|c: char| c.is_ascii_digit());
    if !bare_run.is_ascii() && knows(bare_run) {
        return true;
    }
    let mut has_slug = false;
    words.list.iter().all(|word| {
        let word = words.folded(word);
        let is_number = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
        let is_known = knows(word);
        has_slug |= is_known;
        is_number || is_known
    }) && has_slug
}

/// The headline without the last part behind a seam, if that is the outlet's name or reads like one.
fn without_outlet<'a>(title: &'a str, outlet: &str) -> Option<&'a str> {
    let (at, seam) = SEAMS
        .iter()
        .filter_map(|seam| Some((title.rfind(seam)?, *seam)))
        .max()?;
    let (front, tail) = (
        title.get(..at)?.trim_end(),
        title.get(at + seam.len()..)?.trim(),
    );
    let tail_words = Words::of(tail);
    if tail_words.list.is_empty() {
        return Some(front);
    }
    let name = tail_words.joined();
    let outlet = Words::of(outlet).joined();
    if !outlet.is_empty() && (name == outlet || name.contains(&outlet) || outlet.contains(&name)) {
        return Some(front);
    }
    let has_digit = name.bytes().any(|byte| byte.is_ascii_digit());
    let is_short = if tail.is_ascii() || tail.contains(' ') {
        tail_words.list.len() <= MAX_OUTLET_WORDS
    } else {
        tail.chars().count() <= MAX_OUTLET_CHARACTERS
    };
    let left = Words::of(front).list.len();
    (is_short
        && !has_digit
        && reads_like_a_name(tail)
        && left >= MIN_WORDS_LEFT
        && left > tail_words.list.len())
    .then_some(front)
}

/// Every longer word of a name has a capital, where the script has any.
fn reads_like_a_name(tail: &str) -> bool {
    tail.split_whitespace()
        .filter(|word| word.chars().count() > 3)
        .all(|word| !word.chars().next().is_some_and(char::is_lowercase) || word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_and_outlets_are_taken_off() {
        for (title, outlet, bare_title) in [
            (
                "(LEAD) Kim visits the missile plant",
                "",
                "Kim visits the missile plant",
            ),
            (
                "(2nd LD) Kim visits the missile plant",
                "",
                "Kim visits the missile plant",
            ),
            (
                "UPDATE 2-EU deals blow to two pipelines",
                "",
                "EU deals blow to two pipelines",
            ),
            (
                "WRAPUP 1-Oil rises as talks stall",
                "",
                "Oil rises as talks stall",
            ),
            (
                "EXCLUSIVE: Ministry ordered the parts",
                "",
                "Ministry ordered the parts",
            ),
            (
                "Ministry ordered the parts - Reuters",
                "",
                "Ministry ordered the parts",
            ),
            (
                "Ministry ordered the parts | The Daily Example",
                "",
                "Ministry ordered the parts",
            ),
            (
                "Ministry ordered - example news",
                "Example News",
                "Ministry ordered",
            ),
            ("[속보] 북한, 미사일 발사", "", "북한, 미사일 발사"),
            ("북한, 미사일 발사(종합2보)", "", "북한, 미사일 발사"),
            ("【快讯】朝鲜代表团抵达德黑兰", "", "朝鲜代表团抵达德黑兰"),
            (
                "عاجل | وفد كوري شمالي يصل طهران",
                "",
                "وفد كوري شمالي يصل طهران",
            ),
            (
                "Срочно: делегация прибыла в Тегеран",
                "",
                "делегация прибыла в Тегеран",
            ),
            (
                "【速報】代表団がテヘランに到着",
                "",
                "代表団がテヘランに到着",
            ),
            (
                "فوری/ هیئت کره شمالی وارد تهران شد",
                "",
                "هیئت کره شمالی وارد تهران شد",
            ),
        ] {
            assert_eq!(bare(title, outlet), bare_title, "{title}");
        }
    }

    #[test]
    fn what_belongs_to_the_headline_stays() {
        for title in [
            "Live-fire drills held near the border",
            "New sanctions hit three banks",
            "Leeds 1-1 Man United - Game 4",
            "Who is behind the firm? A short history - and why it matters",
            "(Reuters was there) Ministry ordered the parts",
            "Update",
            "",
        ] {
            assert_eq!(bare(title, ""), title);
        }
    }
}
