//! A line: an article under a keyword, as the board, a keyword's page and the live stream show it.

use super::{
    desk::DeskView,
    moments::{Moment, grouped},
    news::{self, News},
};
use crate::{
    domain::{
        Field, Timestamp,
        marks::{Gloss, Segment, glosses, marked, passage},
    },
    store::board::{BoardLine, LineStory},
    web::{reading, texts::Texts},
};

/// An article under a keyword.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The texts that stand around it.
    pub(crate) texts: &'static Texts,
    /// Number of the article.
    pub(crate) article: i64,
    /// Microseconds to sort by.
    pub(crate) sort: i64,
    /// Whether it is news to the reader.
    pub(crate) is_new: bool,
    /// Headline with its hits.
    pub(crate) headline: Vec<Segment>,
    /// For `lang`.
    pub(crate) lang: Option<String>,
    /// The part of the text that shows what the headline lacks.
    pub(crate) passage: Vec<Segment>,
    /// What hits in other scripts stand for.
    pub(crate) glosses: Vec<Gloss>,
    /// Why it matched.
    pub(crate) why: String,
    /// The article at its publisher's.
    pub(crate) original: Option<String>,
    /// Name of the source.
    pub(crate) source: String,
    /// Tier, country and language, parted by points.
    pub(crate) facts: String,
    /// When it was published.
    pub(crate) when: Moment,
    /// What its publisher changed since: "title changed 2×".
    pub(crate) changed: Option<String>,
    /// The story behind it, where there is more to say of it.
    pub(crate) story: Option<StoryFacts>,
    /// What the desk made of the story.
    pub(crate) desk: DeskView,
    /// Whether it can be chosen, to do something with several.
    pub(crate) can_be_chosen: bool,
    /// What its page is to be asked with: nothing, or a query string.
    pub(crate) asked: String,
}

/// What a line says of its story.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StoryFacts {
    /// Number of the story.
    pub(crate) id: i64,
    /// "+14 copies", "3 independent"; empty for a story of one article.
    pub(crate) counts: Vec<String>,
    /// Who was first and when, if somebody else.
    pub(crate) first: Option<(String, Moment)>,
    /// Whether a new report joined a story that was there before.
    pub(crate) is_new_report: bool,
}

impl StoryFacts {
    fn new(story: &LineStory, is_new: bool, now: Timestamp, news: Option<&News>) -> Self {
        let mut counts = Vec::new();
        if let Ok(copies) = u64::try_from(story.copies)
            && copies > 0
        {
            let noun = if copies == 1 { "copy" } else { "copies" };
            counts.push(format!("+{} {noun}", grouped(copies)));
        }
        if let Ok(reports) = u64::try_from(story.reports)
            && reports > 1
        {
            counts.push(format!("{} independent", grouped(reports)));
        }
        let is_older = news.is_some_and(|news| story.first_seen_at <= news.was_here());
        Self {
            id: story.id.get(),
            counts,
            first: (!story.is_first).then(|| {
                (
                    story.first_source.clone(),
                    Moment::clock(now, story.first_seen_at),
                )
            }),
            is_new_report: is_new && is_older && !story.is_first && !story.is_copy,
        }
    }
}

impl Line {
    /// The line as shown at `now`, with what is new to its reader; without `news`, whatever is no history is.
    pub(crate) fn new(line: &BoardLine, now: Timestamp, news: Option<&News>) -> Self {
        let lang = language_tag(line.language.as_deref());
        // What stands for its story is new once: a copy of what the keyword knows already is no news.
        let is_new = !line.is_backfill
            && line.stands
            && !line.is_seen
            && news.is_none_or(|news| line.matched_at > news.since());
        Self {
            texts: reading::current().texts,
            article: line.article_id.get(),
            sort: line.sort_at.as_micros(),
            is_new,
            story: line
                .story
                .as_ref()
                .map(|story| StoryFacts::new(story, is_new, now, news)),
            desk: line
                .story
                .as_ref()
                .map(|story| DeskView::new(&story.desk, story.reports, story.notes, now))
                .unwrap_or_default(),
            can_be_chosen: line.story.is_some() && news::may_choose(),
            asked: String::new(),
            headline: headline(&line.title, &line.hits),
            passage: passage(&line.summary, &line.content, &line.hits),
            glosses: glosses(&line.hits),
            why: line.why.clone(),
            original: outward(line.url.as_deref()),
            source: line.source.clone(),
            facts: facts(&line.tier, line.country.as_deref(), lang.as_deref()),
            lang,
            when: Moment::age(now, line.sort_at),
            changed: changed(line.revision, line.title_changes),
        }
    }
}

/// What the publisher changed since the article was first seen; none if nothing.
fn changed(revision: i32, title_changes: i32) -> Option<String> {
    let times = |what: &str, count: i32| match count {
        1 => format!("{what} changed"),
        _ => format!("{what} changed {count}×"),
    };
    match (revision, title_changes) {
        (..=0, _) => None,
        (revision, ..=0) => Some(times("text", revision)),
        (_, titles) => Some(times("title", titles)),
    }
}

/// The headline with its hits, or words for its absence.
pub(crate) fn headline(title: &str, hits: &[crate::domain::Hit]) -> Vec<Segment> {
    if title.trim().is_empty() {
        return vec![Segment {
            text: "(no headline)".to_owned(),
            ..Segment::default()
        }];
    }
    marked(title, Field::Title, hits)
}

/// Tier, country and language, as far as known.
pub(crate) fn facts(tier: &str, country: Option<&str>, language: Option<&str>) -> String {
    [Some(tier), country, language]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

/// The language as a value for `lang`: what publishers send is kept only if it looks like a tag (BCP 47).
pub(crate) fn language_tag(language: Option<&str>) -> Option<String> {
    let tag = language?;
    let is_tag = (2..=35).contains(&tag.len())
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_tag.then(|| tag.to_owned())
}

/// The address of another site, if it is one that a browser may be sent to.
pub(crate) fn outward(url: Option<&str>) -> Option<String> {
    let url = url?;
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    is_web.then(|| url.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{ArticleId, Hit};

    /// A line of a Korean agency that matched yesterday at noon.
    pub(crate) fn line() -> BoardLine {
        let hit = |start: u32, text: &str, concept: &str| Hit {
            field: Field::Title,
            start,
            end: start + u32::try_from(text.len()).unwrap_or_default(),
            text: text.to_owned(),
            concept: Some(concept.to_owned()),
        };
        BoardLine {
            keyword: "link".to_owned(),
            article_id: ArticleId::new(7),
            url: Some("https://news.example/7".to_owned()),
            title: "북한 대표단, 이란 방문".to_owned(),
            summary: String::new(),
            content: String::new(),
            language: Some("ko".to_owned()),
            source: "한빛통신".to_owned(),
            source_slug: "hanbit".to_owned(),
            tier: "wire".to_owned(),
            country: Some("KR".to_owned()),
            sort_at: noon(),
            matched_at: noon(),
            is_backfill: false,
            is_seen: false,
            arrival: Some(3),
            hits: vec![hit(0, "북한", "North Korea"), hit(18, "이란", "Iran")],
            why: "@dprk NEAR/25 @iran".to_owned(),
            revision: 0,
            title_changes: 0,
            story: None,
            stands: true,
        }
    }

    fn noon() -> Timestamp {
        Timestamp::from_micros(1_795_435_200_000_000)
    }

    fn later(hours: u64) -> Timestamp {
        noon().plus(Duration::from_secs(3_600 * hours))
    }

    #[test]
    fn a_line_says_what_where_when_and_why() {
        let shown = Line::new(
            &line(),
            later(2),
            Some(&News::after(later(0).minus(Duration::from_secs(1)))),
        );
        assert_eq!(
            shown
                .headline
                .iter()
                .filter(|segment| segment.is_hit)
                .count(),
            2
        );
        assert_eq!(shown.glosses.len(), 2);
        assert_eq!(
            (shown.facts.as_str(), shown.when.words.as_str()),
            ("wire · KR · ko", "2 h")
        );
        assert!(shown.is_new && shown.passage.is_empty());
    }

    #[test]
    fn a_change_of_the_title_is_told_before_one_of_the_text() {
        for (revision, title_changes, words) in [
            (0, 0, None),
            (1, 0, Some("text changed")),
            (3, 0, Some("text changed 3×")),
            (3, 1, Some("title changed")),
            (3, 2, Some("title changed 2×")),
        ] {
            assert_eq!(changed(revision, title_changes).as_deref(), words);
        }
    }

    #[test]
    fn history_is_never_new() {
        let history = BoardLine {
            is_backfill: true,
            ..line()
        };
        assert!(!Line::new(&history, later(0), None).is_new);
        let seen = BoardLine {
            is_seen: true,
            ..line()
        };
        assert!(!Line::new(&seen, later(0), None).is_new);
        assert!(Line::new(&line(), later(0), None).is_new);
        assert!(!Line::new(&line(), later(30), Some(&News::after(later(6)))).is_new);
    }

    #[test]
    fn a_copy_is_news_where_nothing_else_is_known_and_a_new_report_of_an_old_story_says_so() {
        let story = |is_copy: bool, is_first: bool| LineStory {
            id: crate::domain::StoryId::new(3),
            is_copy,
            copies: 14,
            reports: 3,
            first_source: "한빛통신".to_owned(),
            first_seen_at: later(0).minus(Duration::from_hours(30)),
            is_first,
            desk: crate::domain::desk::Desk::default(),
            notes: 0,
        };
        let shown = |story: LineStory, stands: bool| {
            let line = BoardLine {
                story: Some(story),
                stands,
                ..line()
            };
            Line::new(
                &line,
                later(1),
                Some(&News::after(later(0).minus(Duration::from_mins(1)))),
            )
        };
        assert!(!shown(story(true, false), false).is_new);
        let copy = shown(story(true, false), true);
        assert!(copy.is_new && !copy.story.unwrap().is_new_report);
        let report = shown(story(false, false), true);
        let facts = report.story.unwrap();
        assert!(report.is_new && facts.is_new_report && facts.first.is_some());
        assert_eq!(facts.counts, ["+14 copies", "3 independent"]);
        let first = shown(story(false, true), true).story.unwrap();
        assert!(!first.is_new_report && first.first.is_none());
    }

    #[test]
    fn links_lead_to_web_pages_only() {
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//news.example",
            "ftp://news.example",
            "",
            "é",
        ] {
            assert_eq!(outward(Some(url)), None, "{url}");
        }
        assert!(outward(Some("HTTPS://news.example/")).is_some());
    }

    #[test]
    fn what_is_no_language_tag_is_no_language() {
        for tag in [
            "",
            "x",
            "ko\" onclick=\"",
            "english language",
            &"a".repeat(36),
        ] {
            assert_eq!(language_tag(Some(tag)), None, "{tag}");
        }
        assert_eq!(
            language_tag(Some("zh-Hant-TW")).as_deref(),
            Some("zh-Hant-TW")
        );
    }
}
