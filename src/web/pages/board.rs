//! The board: every keyword with its newest lines.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;

use super::{
    frame::{Frame, Place},
    line::Line,
    moments::grouped,
};
use crate::{
    domain::Timestamp,
    store::{
        PgPool,
        board::{self, BoardKeyword, BoardLine},
        feed_health::{self, Collection},
        live,
    },
    web::{error::WebError, state::WebClock},
};

/// Lines of a section; the keyword's own page has the rest.
const LINES: usize = 12;

/// How long an item stays new to a reader without an account.
const NEW_FOR: Duration = Duration::from_hours(24);

/// Since when items are new.
pub(crate) fn new_since(now: Timestamp) -> Timestamp {
    now.minus(NEW_FOR)
}

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "board.html")]
pub(crate) struct BoardPage {
    frame: Frame,
    arrival: i64,
    rail: Vec<RailEntry>,
    sections: Vec<Section>,
    beginning: Option<Beginning>,
}

/// A keyword in the rail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RailEntry {
    /// Short name.
    pub(crate) slug: String,
    /// Name for people.
    pub(crate) name: String,
    /// Its new items.
    pub(crate) new_count: i64,
    /// The same with thousands parted; empty for none.
    pub(crate) new_words: String,
    /// Whether it is the page's own.
    pub(crate) is_here: bool,
}

impl RailEntry {
    /// The rail, with the keyword of the page marked.
    pub(crate) fn rail(keywords: &[BoardKeyword], here: Option<&str>) -> Vec<Self> {
        let entry = |keyword: &BoardKeyword| Self {
            slug: keyword.slug.clone(),
            name: keyword.name.clone(),
            new_count: keyword.new_count,
            new_words: count_words(keyword.new_count),
            is_here: here == Some(keyword.slug.as_str()),
        };
        keywords.iter().map(entry).collect()
    }
}

/// A keyword with its newest lines.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    slug: String,
    name: String,
    new_count: i64,
    new_words: String,
    lines: Vec<Line>,
    has_more: bool,
}

/// Why a board is empty, and what to do.
#[derive(Debug, PartialEq, Eq)]
enum Beginning {
    /// Nothing to look for.
    NoKeywords,
    /// Nothing to look in.
    NoFeeds,
    /// Nothing found yet.
    Reading { read: i64, of: i64 },
}

/// Answers with the board.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
) -> Result<BoardPage, WebError> {
    let now = clock.now();
    // Read first: what arrives between this and the lines is on the page, comes as an event too, and is shown once.
    let arrival = live::last_arrival(&db).await?;
    let per_section = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let (keywords, lines, collection) = tokio::try_join!(
        board::keywords(&db, new_since(now)),
        board::newest_lines(&db, per_section),
        feed_health::collection(&db),
    )?;
    Ok(view(arrival, &keywords, &lines, &collection, now))
}

fn view(
    arrival: i64,
    keywords: &[BoardKeyword],
    lines: &[BoardLine],
    collection: &Collection,
    now: Timestamp,
) -> BoardPage {
    BoardPage {
        frame: Frame::new("", Place::Board, collection, now),
        arrival,
        rail: RailEntry::rail(keywords, None),
        sections: keywords
            .iter()
            .map(|keyword| section(keyword, lines, now))
            .collect(),
        beginning: beginning(keywords, lines, collection),
    }
}

fn section(keyword: &BoardKeyword, lines: &[BoardLine], now: Timestamp) -> Section {
    let own = || lines.iter().filter(|line| line.keyword == keyword.slug);
    Section {
        slug: keyword.slug.clone(),
        name: keyword.name.clone(),
        new_count: keyword.new_count,
        new_words: count_words(keyword.new_count),
        lines: own()
            .take(LINES)
            .map(|line| Line::new(line, now, Some(new_since(now))))
            .collect(),
        has_more: own().nth(LINES).is_some(),
    }
}

fn beginning(
    keywords: &[BoardKeyword],
    lines: &[BoardLine],
    collection: &Collection,
) -> Option<Beginning> {
    if keywords.is_empty() {
        return Some(Beginning::NoKeywords);
    }
    if !lines.is_empty() {
        return None;
    }
    if collection.feed_count == 0 {
        return Some(Beginning::NoFeeds);
    }
    Some(Beginning::Reading {
        read: collection.read_count,
        of: collection.feed_count,
    })
}

/// A count for people; nothing for none.
pub(crate) fn count_words(count: i64) -> String {
    if count == 0 {
        String::new()
    } else {
        grouped(count.unsigned_abs())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{domain::ArticleId, web::pages::line::tests::line};

    fn keyword(slug: &str, new_count: i64) -> BoardKeyword {
        BoardKeyword {
            slug: slug.to_owned(),
            name: slug.to_uppercase(),
            query: "@iran".to_owned(),
            note: String::new(),
            version: 1,
            new_count,
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_micros(1_795_507_200_000_000)
    }

    #[test]
    fn a_section_shows_twelve_lines_and_says_that_there_are_more() {
        let lines: Vec<BoardLine> = (0..13)
            .map(|id| BoardLine {
                article_id: ArticleId::new(id),
                ..line()
            })
            .collect();
        let page = view(
            0,
            &[keyword("link", 13), keyword("ships", 0)],
            &lines,
            &Collection::default(),
            now(),
        );
        assert_eq!(page.sections[0].lines.len(), 12);
        assert!(page.sections[0].has_more && !page.sections[1].has_more);
        assert_eq!(
            (
                page.rail[0].new_words.as_str(),
                page.rail[1].new_words.as_str()
            ),
            ("13", "")
        );
        assert_eq!(page.beginning, None);
    }

    #[test]
    fn an_empty_board_says_why() {
        let feeds = Collection {
            feed_count: 34,
            read_count: 12,
            ..Collection::default()
        };
        assert_eq!(beginning(&[], &[], &feeds), Some(Beginning::NoKeywords));
        let keywords = [keyword("link", 0)];
        assert_eq!(
            beginning(&keywords, &[], &Collection::default()),
            Some(Beginning::NoFeeds)
        );
        assert_eq!(
            beginning(&keywords, &[], &feeds),
            Some(Beginning::Reading { read: 12, of: 34 })
        );
    }

    #[test]
    fn what_publishers_send_is_text_on_the_page() {
        let hostile = BoardLine {
            title: "<img src=x onerror=alert(1)>".to_owned(),
            source: "</a><script>alert(2)</script>".to_owned(),
            url: Some("javascript:alert(3)".to_owned()),
            why: "\"><svg/onload=alert(4)>".to_owned(),
            hits: Vec::new(),
            ..line()
        };
        let page = view(
            0,
            &[keyword("link", 1)],
            &[hostile],
            &Collection::default(),
            now(),
        )
        .render()
        .unwrap();
        for markup in ["<img", "<script>alert", "javascript:", "<svg"] {
            assert!(!page.contains(markup), "{markup}");
        }
        assert!(page.contains("&#60;img src=x"));
    }

    #[test]
    fn the_page_carries_the_number_it_was_made_at() {
        let page = view(
            41,
            &[keyword("link", 0)],
            &[line()],
            &Collection::default(),
            now(),
        )
        .render()
        .unwrap();
        assert!(page.contains("data-arrival=\"41\""));
        assert!(
            page.contains("<mark title=\"North Korea\">북한</mark>"),
            "{page}"
        );
        assert!(page.contains("lang=\"ko\" dir=\"auto\""));
    }
}
