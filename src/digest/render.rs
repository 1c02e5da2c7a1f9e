//! An edition as mail: the same stories in HTML and in plain text.
//!
//! A function of the edition and the recipient's links alone, so that a mail that is sent again has the same content.

use askama::Template;
use jiff::tz::TimeZone;

use super::{clean, room::shares, subject};
use crate::domain::{
    StoryId, Timestamp,
    digest::{Edition, EditionLine, Section},
    marks::Segment,
};

/// Bytes of HTML at most: Gmail clips a message of more than 102 KiB.
const HTML_LIMIT: usize = 100_000;

/// Where the links of a mail lead.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// The installation's public address, without a slash at its end.
    pub base: &'a str,
    /// Ends the subscription of this recipient; none in a preview.
    pub unsubscribe: Option<&'a str>,
}

/// A rendered mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Subject, one line.
    pub subject: String,
    /// Plain text, lines parted by `\n`.
    pub text: String,
    /// HTML, at most 100 kB.
    pub html: String,
}

/// Renders an edition in the reader's zone.
///
/// # Errors
/// A template fails to render; it writes to memory and is checked at compile time, so this is a fault of the program.
pub fn mail(
    edition: &Edition,
    zone: &TimeZone,
    links: Links<'_>,
) -> Result<Rendered, askama::Error> {
    let html = |measure| -> Result<String, askama::Error> {
        let view = View::new(edition, zone, links, measure);
        HtmlMail { view: &view }.render()
    };
    let all = edition.lines().filter(|line| line.is_shown()).count();
    let measure = fitting(all, |measure| {
        html(measure).map(|html| html.len() <= HTML_LIMIT)
    })?;
    let view = View::new(edition, zone, links, measure);
    Ok(Rendered {
        subject: edition.subject.clone(),
        text: TextMail { view: &view }.render()?,
        html: HtmlMail { view: &view }.render()?,
    })
}

/// The page of a story. One that is not grouped yet is known by its only article, as a negative number.
#[must_use]
pub fn story_link(base: &str, story: StoryId) -> String {
    match story.get() {
        article @ ..0 => format!("{base}/articles/{}", article.unsigned_abs()),
        story => format!("{base}/stories/{story}"),
    }
}

/// How much of an edition a mail shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measure {
    /// Stories.
    lines: usize,
    /// Stories with two lines of their text; those after them are headlines.
    passages: usize,
}

/// Stories that have their passages before other stories have a place.
const WITH_PASSAGES: usize = 30;

/// The most of `all` stories that fits: first passages go, from the end on, then stories, then both.
fn fitting<E>(all: usize, mut fits: impl FnMut(Measure) -> Result<bool, E>) -> Result<Measure, E> {
    let mut fits = |lines, passages| fits(Measure { lines, passages });
    let few = all.min(WITH_PASSAGES);
    let (lines, passages) = if fits(all, all)? {
        (all, all)
    } else if fits(all, few)? {
        (all, most(few, all, |passages| fits(all, passages))?)
    } else if fits(few, few)? {
        (most(few, all, |lines| fits(lines, few))?, few)
    } else {
        let both = most(0, few, |both| fits(both, both))?;
        (both, both)
    };
    Ok(Measure { lines, passages })
}

/// The greatest number that fits, between one that does and one that does not.
pub(super) fn most<E>(
    mut fitting: usize,
    mut beyond: usize,
    mut fits: impl FnMut(usize) -> Result<bool, E>,
) -> Result<usize, E> {
    while beyond.saturating_sub(fitting) > 1 {
        let middle = usize::midpoint(fitting, beyond);
        if fits(middle)? {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    Ok(fitting)
}

#[derive(Template)]
#[template(path = "edition_mail.html")]
struct HtmlMail<'a> {
    view: &'a View,
}

#[derive(Template)]
#[template(path = "edition_mail.txt")]
struct TextMail<'a> {
    view: &'a View,
}

/// An edition in words.
struct View {
    name: String,
    issue: String,
    count: String,
    collection: String,
    note: String,
    sections: Vec<SectionView>,
    silent: String,
    repeated: u32,
    left_out: usize,
    archive: String,
    subscription: String,
    unsubscribe: Option<String>,
}

struct SectionView {
    name: String,
    link: String,
    count: usize,
    lines: Vec<LineView>,
}

struct LineView {
    is_new: bool,
    told: String,
    news: Vec<String>,
    headline: Vec<Segment>,
    plain: String,
    lang: Option<String>,
    dir: &'static str,
    /// Where the headline leads.
    link: String,
    story: String,
    meta: String,
    passage: Vec<Segment>,
    plain_passage: String,
    why: String,
    about: String,
    piece: Option<String>,
    notes: Vec<String>,
}

impl View {
    fn new(edition: &Edition, zone: &TimeZone, links: Links<'_>, measure: Measure) -> Self {
        let shown_in_all = edition.lines().filter(|line| line.is_shown()).count();
        let beyond: usize = edition.sections.iter().map(Section::left_out).sum();
        let place = format!("{}/digests/{}", links.base, edition.slug);
        Self {
            name: edition.name.clone(),
            issue: format!(
                "{}, {} ({})",
                edition.key.date.strftime("%A %-d %B %Y"),
                edition.key.slot,
                edition.zone
            ),
            count: subject::count(edition),
            collection: edition.collection.clone(),
            note: edition.note.clone(),
            sections: sections(edition, zone, links, measure),
            silent: edition.silent.join(", "),
            repeated: edition.repeated,
            left_out: beyond + shown_in_all.saturating_sub(measure.lines),
            archive: if edition.is_test {
                format!("{place}/preview")
            } else {
                format!("{place}/{}", edition.key)
            },
            subscription: place,
            unsubscribe: links.unsubscribe.map(ToOwned::to_owned),
        }
    }
}

/// The sections with as many lines as the measure allows, from the front of each in rounds.
fn sections(
    edition: &Edition,
    zone: &TimeZone,
    links: Links<'_>,
    measure: Measure,
) -> Vec<SectionView> {
    let counts: Vec<_> = edition
        .sections
        .iter()
        .map(|section| section.shown().count())
        .collect();
    let shown = shares(&counts, measure.lines);
    let passages = shares(&counts, measure.passages);
    edition
        .sections
        .iter()
        .zip(shown.into_iter().zip(passages))
        .filter(|(_, (shown, _))| *shown > 0)
        .map(|(section, (shown, passages))| SectionView {
            name: section.name.clone(),
            link: format!("{}/keywords/{}", links.base, section.slug),
            count: section.shown().count() + section.left_out(),
            lines: section
                .shown()
                .take(shown)
                .enumerate()
                .map(|(place, line)| LineView::new(line, zone, links, place < passages))
                .collect(),
        })
        .collect()
}

impl LineView {
    fn new(line: &EditionLine, zone: &TimeZone, links: Links<'_>, has_passage: bool) -> Self {
        let plain = plain(&line.headline);
        let story = story_link(links.base, line.story);
        let passage = if has_passage {
            line.passage.clone()
        } else {
            Vec::new()
        };
        Self {
            is_new: line.told_on.is_none(),
            told: line.told_on.map_or_else(String::new, |date| {
                format!("developing, sent on {}", date.strftime("%A %-d %B"))
            }),
            news: line.news.clone(),
            dir: direction(&plain),
            plain,
            headline: line.headline.clone(),
            lang: line
                .language
                .as_deref()
                .filter(|tag| is_language_tag(tag))
                .map(ToOwned::to_owned),
            link: line
                .url
                .clone()
                .filter(|url| is_web(url))
                .unwrap_or_else(|| story.clone()),
            story,
            meta: meta(line, zone),
            plain_passage: self::plain(&passage),
            passage,
            why: why(line),
            about: about(line, zone),
            piece: line.piece.clone().filter(|url| is_web(url)),
            notes: line.notes.clone(),
        }
    }
}

fn plain(pieces: &[Segment]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// Source, tier and country, language, time.
fn meta(line: &EditionLine, zone: &TimeZone) -> String {
    let mut parts = vec![clean::isolated(&line.source), line.facts.clone()];
    parts.extend(line.language.clone().filter(|tag| is_language_tag(tag)));
    parts.push(when(line.at, zone));
    parts.join(" · ")
}

fn when(instant: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(instant.to_jiff())
        .strftime("%a %-d %b %H:%M")
        .to_string()
}

/// Letters of a query that a mail shows: the words that it found are marked, and the archive has all of it.
pub(super) const WHY: usize = 120;

/// Why it is here: the branches that held, what other scripts mean, the other keywords.
fn why(line: &EditionLine) -> String {
    let mut parts = vec![clean::line(&line.why, WHY)];
    parts.extend(line.glosses.iter().cloned());
    if !line.also.is_empty() {
        parts.push(format!("also under {}", line.also.join(", ")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// Copies, independent reports, who was first, the desk.
fn about(line: &EditionLine, zone: &TimeZone) -> String {
    let mut parts = Vec::new();
    if line.copies > 0 {
        parts.push(format!(
            "+{} {}",
            line.copies,
            if line.copies == 1 { "copy" } else { "copies" }
        ));
    }
    match line.independent {
        0 => {}
        1 => parts.push("single source".to_owned()),
        more => parts.push(format!("{more} independent reports")),
    }
    if let Some(first) = line
        .first
        .as_ref()
        .filter(|_| line.copies > 0 || line.independent > 1)
    {
        parts.push(format!(
            "first: {} {}",
            clean::isolated(&clean::line(&first.source, 100)),
            when(first.at, zone)
        ));
    }
    parts.extend(line.desk.clone());
    parts.join(" · ")
}

/// The base direction of a text: that of its first strong letter, as in the Unicode Bidirectional Algorithm (UAX 9,
/// P2 and P3). Mail programs do not know `dir="auto"`.
fn direction(text: &str) -> &'static str {
    let strong = text.chars().find(|letter| letter.is_alphabetic());
    if strong.is_some_and(clean::runs_from_the_right) {
        "rtl"
    } else {
        "ltr"
    }
}

/// Whether a text can be the value of `lang` (BCP 47).
pub(super) fn is_language_tag(tag: &str) -> bool {
    (2..=35).contains(&tag.len())
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::{
        super::compose::tests::{article, at, composed, story, subscription},
        *,
    };
    use crate::domain::{
        KeywordId,
        desk::{Desk, DeskState},
        digest::{DueNote, DueStory, SubscribedKeyword},
    };

    const LINKS: Links<'_> = Links {
        base: "https://desk.example",
        unsubscribe: Some("https://desk.example/unsubscribe/abc"),
    };

    fn rendered(due: &[DueStory]) -> Rendered {
        let edition = composed(&subscription(), due).edition;
        mail(&edition, &TimeZone::get(&edition.zone).unwrap(), LINKS).unwrap()
    }

    /// The addresses in a text, however they are set.
    fn addresses(text: &str) -> BTreeSet<String> {
        text.match_indices("https://")
            .map(|(start, _)| {
                let rest = text.get(start..).unwrap();
                let end = rest
                    .find(|c: char| c.is_whitespace() || c == '"' || c == '<')
                    .unwrap_or(rest.len());
                rest.get(..end).unwrap().to_owned()
            })
            .collect()
    }

    #[test]
    fn both_parts_tell_the_same_stories() {
        let found = rendered(&[story(1, vec![article(1, 1)]), story(2, vec![article(2, 2)])]);
        let sections = |address: &String| !address.contains("/keywords/");
        let html: BTreeSet<_> = addresses(&found.html)
            .into_iter()
            .filter(sections)
            .collect();
        assert_eq!(html, addresses(&found.text));
        assert!(
            html.contains("https://news.example/1")
                && html.contains("https://desk.example/stories/2")
        );
        assert!(html.contains("https://desk.example/digests/morning/2026-11-24-0700"));
    }

    #[test]
    fn text_begins_with_what_could_not_be_collected() {
        let found = rendered(&[]);
        assert!(
            found
                .text
                .starts_with("Collection: complete to 06:00 except Tasnim (since Tue)\n")
        );
        assert!(found.text.contains("Nothing new for your keywords"));
        assert_eq!(found.subject, "Morning: nothing new — Tue 24 Nov");
    }

    #[test]
    fn a_mail_loads_and_runs_nothing() {
        let mut hostile = article(1, 1);
        hostile.title = "<script>alert(1)</script><img src=x onerror=alert(1)>".to_owned();
        hostile.source = "\"><iframe>".to_owned();
        hostile.url = Some("javascript:alert(1)".to_owned());
        hostile.language = Some("en\" onclick=\"x".to_owned());
        let found = rendered(&[story(1, vec![hostile])]);
        for tag in [
            "<script",
            "<img",
            "<iframe",
            "<link",
            "javascript:",
            "onclick=\"",
            "url(",
        ] {
            assert!(!found.html.contains(tag), "{tag}");
        }
        assert!(found.text.contains("https://desk.example/stories/1"));
    }

    #[test]
    fn a_headline_has_its_own_direction() {
        for (text, expected) in [
            ("ایران و کره شمالی", "rtl"),
            ("«ایران»", "rtl"),
            ("14 وفد", "rtl"),
            ("Iran ایران", "ltr"),
            ("북한 대표단", "ltr"),
            ("", "ltr"),
        ] {
            assert_eq!(direction(text), expected, "{text}");
        }
    }

    /// Headlines of 300 letters in seven languages, with as much text.
    fn long(id: i64) -> DueStory {
        let words = [
            "Sanctioned front company & “partners” in Dubai <again>",
            "ایران و کره‌شمالی درباره موشک‌های بالستیک گفتگو کردند",
            "북한 대표단이 이란을 방문해 미사일 협력을 논의했다",
            "朝鲜代表团访问德黑兰讨论弹道导弹合作问题",
            "北朝鮮の代表団がイランを訪問しミサイル協力を協議した",
            "وفد كوري شمالي يزور طهران لبحث التعاون الصاروخي",
            "Делегация КНДР прибыла в Тегеран для переговоров о ракетах",
        ];
        let number = usize::try_from(id).unwrap();
        let text = format!("{} ", words[number % words.len()]).repeat(30);
        let mut article = article(id, 1 + id % 3);
        article.title = text.clone();
        article.summary = text.clone();
        article.source = text.clone();
        article.url = Some(format!("https://news.example/{id}/{}", "x".repeat(1_900)));
        article.matches[0].why = text.clone();
        let mut story = story(id, vec![article]);
        story.copies = 14;
        story.independent = 3;
        story.notes = vec![
            DueNote {
                author: "mara".to_owned(),
                text,
            };
            3
        ];
        story
    }

    /// A story by its number.
    type Make = fn(i64) -> DueStory;

    #[test]
    fn a_mail_is_never_clipped_and_says_what_it_leaves_out() {
        let plain = |id| story(id, vec![article(id, 1 + id % 3)]);
        let make: [(i64, Make, usize); 3] = [(200, plain, 80), (400, plain, 80), (200, long, 8)];
        for (stories, make, least) in make {
            let due: Vec<_> = (1..=stories).map(make).collect();
            let mut subscription = subscription();
            subscription.limit = 1_000;
            let edition = composed(&subscription, &due).edition;
            let found = mail(&edition, &TimeZone::UTC, LINKS).unwrap();
            assert!(found.html.len() <= HTML_LIMIT);
            let shown = found.text.matches("\n* ").count();
            assert!(shown >= least, "{shown} of {stories}");
            let more = usize::try_from(stories).unwrap() - shown;
            let told = format!("{more} more stories did not fit");
            assert!(
                found.text.contains(&told) && found.html.contains(&told),
                "{told}"
            );
            assert!(
                found.html.len() > HTML_LIMIT / 2,
                "there was room: {}",
                found.html.len()
            );
        }
    }

    #[test]
    fn a_mail_without_a_single_story_fits_whatever_its_names_are() {
        let mut subscription = subscription();
        subscription.name = "&".repeat(5_000);
        let keyword = subscription.keywords[0].clone();
        subscription.keywords = (10..1_010)
            .map(|id| SubscribedKeyword {
                id: KeywordId::new(id),
                slug: format!("k{id}"),
                name: "&".repeat(5_000),
            })
            .chain([keyword])
            .collect();
        let due: Vec<_> = (1..=40).map(|id| long(3 * id)).collect();
        let edition = composed(&subscription, &due).edition;
        let found = mail(&edition, &TimeZone::UTC, LINKS).unwrap();
        assert!(found.html.len() <= HTML_LIMIT);
        assert!(found.text.contains("970 more"), "{}", found.text);
    }

    #[test]
    fn what_fits_is_found_exactly() {
        // A headline takes one, a passage two.
        for (all, room, expected) in [
            (100, 300, (100, 100)),
            (100, 299, (100, 99)),
            (100, 160, (100, 30)),
            (100, 159, (99, 30)),
            (100, 90, (30, 30)),
            (100, 89, (29, 29)),
            (100, 2, (0, 0)),
            (0, 0, (0, 0)),
            (5, 14, (4, 4)),
        ] {
            let found = fitting(all, |measure| {
                Ok::<_, ()>(measure.lines + 2 * measure.passages <= room)
            });
            let (lines, passages) = expected;
            assert_eq!(found, Ok(Measure { lines, passages }), "{all} {room}");
        }
    }

    #[test]
    fn a_story_that_develops_says_since_when_and_why() {
        let mut told = story(1, vec![article(1, 1)]);
        told.told_at = Some(at("2026-11-23T06:00:00Z"));
        told.copies = 14;
        told.independent = 3;
        told.desk = Desk {
            state: DeskState::Used,
            by: "M. Sato".to_owned(),
            link: Some("https://ours.example/piece".to_owned()),
            reports: 1,
            ..Desk::default()
        };
        told.notes = vec![DueNote {
            author: "mara".to_owned(),
            text: "call the\nministry".to_owned(),
        }];
        let found = rendered(&[told]);
        for words in [
            "developing, sent on Monday 23 November",
            "now also reported by Source 1",
            "+14 copies · 3 independent reports · first: Yonhap Tue 24 Nov 05:41 · used by M. Sato, 2 independent reports since",
            "Our piece: https://ours.example/piece",
            "Note by mara: call the ministry",
            "Why: @iran NEAR/25 @dprk",
        ] {
            assert!(found.text.contains(words), "{words}\n{}", found.text);
        }
    }

    #[test]
    fn rounds_share_the_room() {
        for (counts, room, expected) in [
            (&[5, 1, 3][..], 6, &[3, 1, 2][..]),
            (&[2, 2], 9, &[2, 2]),
            (&[2, 2], 0, &[0, 0]),
            (&[], 3, &[]),
        ] {
            assert_eq!(shares(counts, room), expected);
        }
    }
}
