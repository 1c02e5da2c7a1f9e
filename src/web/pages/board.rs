//! The board: every keyword with its newest lines.

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;

use super::{
    filter::{Filter, FilterView},
    frame::{Frame, Place},
    line::Line,
    moments::{Moment, grouped},
    news::{self, News},
};
use crate::{
    domain::Timestamp,
    store::{
        PgPool,
        board::{self, BoardKeyword, BoardLine, MOST_NEW},
        board_filter,
        feed_health::{self, Collection},
        live::{self, Numbers},
        saved_filters, search,
    },
    web::{error::WebError, extract::Query, state::WebClock, visitor::Visitor},
};

/// Lines of a section; the keyword's own page has the rest.
const LINES: usize = 12;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "board.html")]
pub(crate) struct BoardPage {
    frame: Frame,
    numbers: Numbers,
    /// The address of this page.
    here: String,
    filter: FilterView,
    /// When the reader was here last.
    last_at: Option<Moment>,
    /// Whether there is a reader who has seen things.
    is_personal: bool,
    may_choose: bool,
    /// All that is new.
    new_words: String,
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
    visitor: Visitor,
    Query(filter): Query<Filter>,
) -> Result<BoardPage, WebError> {
    let now = clock.now();
    // Read first: what arrives between this and the lines is on the page, comes as an event too, and is shown once.
    let numbers = live::last_numbers(&db).await?;
    let news = News::read(&db, &visitor, now).await?;
    let per_section = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let reader = news.asked().reader;
    let asked = filter.asked(&visitor, now)?;
    let lines = async {
        if filter.is_something() {
            board_filter::lines(&db, reader, &asked, per_section, now).await
        } else {
            board::newest_lines(&db, reader, per_section).await
        }
    };
    let known = async {
        if filter.shows_choices() {
            let (sources, keywords) =
                tokio::try_join!(search::sources(&db), search::keywords(&db))?;
            Ok(Some((sources, keywords)))
        } else {
            Ok(None)
        }
    };
    let (keywords, lines, collection, known, saved) = tokio::try_join!(
        board::keywords(&db, news.asked()),
        lines,
        feed_health::collection(&db),
        known,
        saved_filters::all(&db, reader),
    )?;
    let known = known
        .as_ref()
        .map(|(sources, keywords)| (sources.as_slice(), keywords.as_slice()));
    let shown = filter.view(&visitor, known, &saved);
    let mut page = view(numbers, &news, &keywords, &lines, &collection, now);
    page.see_through(&filter, shown);
    Ok(page)
}

impl BoardPage {
    /// Narrows the page to what a filter asks for.
    fn see_through(&mut self, filter: &Filter, shown: FilterView) {
        self.here = filter.address();
        self.filter = shown;
        if !filter.is_something() {
            return;
        }
        self.beginning = None;
        if let Some(keyword) = filter.keyword() {
            self.sections.retain(|section| section.slug == keyword);
        }
        for section in &mut self.sections {
            section.new_words = String::new();
            section.new_count = 0;
        }
    }
}

fn view(
    numbers: Numbers,
    news: &News,
    keywords: &[BoardKeyword],
    lines: &[BoardLine],
    collection: &Collection,
    now: Timestamp,
) -> BoardPage {
    BoardPage {
        frame: Frame::new("", Place::Board, collection, now),
        numbers,
        here: "/".to_owned(),
        filter: Filter::default().view(&Visitor::Nobody, None, &[]),
        last_at: news.last_at().map(|last| Moment::clock(now, last)),
        is_personal: news.is_personal(),
        may_choose: news::may_choose(),
        new_words: count_words(keywords.iter().map(|keyword| keyword.new_count).sum()),
        rail: RailEntry::rail(keywords, None),
        sections: keywords
            .iter()
            .map(|keyword| section(keyword, lines, news, now))
            .collect(),
        beginning: beginning(keywords, lines, collection),
    }
}

fn section(keyword: &BoardKeyword, lines: &[BoardLine], news: &News, now: Timestamp) -> Section {
    let own = || lines.iter().filter(|line| line.keyword == keyword.slug);
    Section {
        slug: keyword.slug.clone(),
        name: keyword.name.clone(),
        new_count: keyword.new_count,
        new_words: count_words(keyword.new_count),
        lines: own()
            .take(LINES)
            .map(|line| Line::new(line, now, Some(news)))
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
    } else if count >= MOST_NEW {
        "999+".to_owned()
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
            Numbers::default(),
            &News::lately(now()),
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
            Numbers::default(),
            &News::lately(now()),
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
            Numbers {
                arrival: 41,
                desk: 0,
            },
            &News::lately(now()),
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
