//! An edition as mail: the same stories in HTML and in plain text.
//!
//! A function of the edition and the recipient's links alone, so that a mail that is sent again has the same content.

use askama::Template;
use jiff::tz::TimeZone;

use super::subject;
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
    let mut measure = Measure::all(edition);
    loop {
        let view = View::new(edition, zone, links, measure);
        let html = HtmlMail { view: &view }.render()?;
        if html.len() <= HTML_LIMIT || !measure.shrink() {
            return Ok(Rendered {
                subject: edition.subject.clone(),
                text: TextMail { view: &view }.render()?,
                html,
            });
        }
    }
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
    has_passages: bool,
    lines: usize,
}

impl Measure {
    fn all(edition: &Edition) -> Self {
        Self {
            has_passages: true,
            lines: edition.lines().filter(|line| line.is_shown()).count(),
        }
    }

    /// Shows less; false if there is no less.
    fn shrink(&mut self) -> bool {
        if self.has_passages {
            self.has_passages = false;
            return true;
        }
        self.lines = self.lines * 3 / 4;
        self.lines > 0
    }
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
    let shares = shares(&counts, measure.lines);
    edition
        .sections
        .iter()
        .zip(shares)
        .filter(|(_, share)| *share > 0)
        .map(|(section, share)| SectionView {
            name: section.name.clone(),
            link: format!("{}/keywords/{}", links.base, section.slug),
            count: section.shown().count() + section.left_out(),
            lines: section
                .shown()
                .take(share)
                .map(|line| LineView::new(line, zone, links, measure))
                .collect(),
        })
        .collect()
}

/// How many of each count fit if they take one each in turn until `room` is used up.
fn shares(counts: &[usize], room: usize) -> Vec<usize> {
    let mut shares = vec![0; counts.len()];
    let mut left = room;
    while left > 0 {
        let before = left;
        for (share, count) in shares.iter_mut().zip(counts) {
            if left > 0 && *share < *count {
                *share += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    shares
}

impl LineView {
    fn new(line: &EditionLine, zone: &TimeZone, links: Links<'_>, measure: Measure) -> Self {
        let plain = plain(&line.headline);
        let story = story_link(links.base, line.story);
        let passage = if measure.has_passages {
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
            notes: line.notes.clone(),
        }
    }
}

fn plain(pieces: &[Segment]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// Source, tier and country, language, time.
fn meta(line: &EditionLine, zone: &TimeZone) -> String {
    let mut parts = vec![line.source.clone(), line.facts.clone()];
    parts.extend(line.language.clone().filter(|tag| is_language_tag(tag)));
    parts.push(when(line.at, zone));
    parts.join(" · ")
}

fn when(instant: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(instant.to_jiff())
        .strftime("%a %-d %b %H:%M")
        .to_string()
}

/// Why it is here: the branches that held, what other scripts mean, the other keywords.
fn why(line: &EditionLine) -> String {
    let mut parts = vec![line.why.clone()];
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
            super::clean::line(&first.source, 100),
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
    match strong {
        Some(
            '\u{0590}'..='\u{08FF}'
            | '\u{FB1D}'..='\u{FDFF}'
            | '\u{FE70}'..='\u{FEFF}'
            | '\u{10800}'..='\u{10FFF}'
            | '\u{1E800}'..='\u{1EFFF}',
        ) => "rtl",
        _ => "ltr",
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
    use crate::domain::digest::DueStory;

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

    #[test]
    fn a_mail_is_never_clipped_and_says_what_it_leaves_out() {
        let due: Vec<_> = (1..=400)
            .map(|id| story(id, vec![article(id, 1 + id % 3)]))
            .collect();
        let mut subscription = subscription();
        subscription.limit = 400;
        let edition = composed(&subscription, &due).edition;
        let found = mail(&edition, &TimeZone::UTC, LINKS).unwrap();
        assert!(found.html.len() <= HTML_LIMIT);
        let shown = found.text.matches("\n* ").count();
        assert!(shown > 50, "{shown}");
        assert!(
            found
                .text
                .contains(&format!("{} more stories did not fit", 400 - shown))
        );
        assert!(
            found
                .html
                .contains(&format!("{} more stories did not fit", 400 - shown))
        );
    }

    #[test]
    fn a_story_that_develops_says_since_when_and_why() {
        let mut told = story(1, vec![article(1, 1)]);
        told.told_at = Some(at("2026-11-23T06:00:00Z"));
        told.copies = 14;
        told.independent = 3;
        told.desk = Some("claimed by M. Sato".to_owned());
        told.notes = vec!["call the ministry".to_owned()];
        let found = rendered(&[told]);
        for words in [
            "developing, sent on Monday 23 November",
            "now also reported by Source 1",
            "+14 copies · 3 independent reports · first: Yonhap Tue 24 Nov 05:41 · claimed by M. Sato",
            "Note: call the ministry",
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
