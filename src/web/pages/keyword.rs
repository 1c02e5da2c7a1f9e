//! One keyword: what it looks for, and everything it found, newest first.

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use serde::Deserialize;

use super::{
    board::{RailEntry, count_words},
    frame::{Frame, Place},
    line::Line,
    news::{self, News},
};
use crate::{
    domain::Timestamp,
    store::{
        PgPool,
        board::{self, BoardKeyword, BoardLine, LineKey},
        feed_health::{self, Collection},
        live::{self, Numbers},
    },
    web::{
        error::WebError,
        extract::{Path, Query},
        search,
        state::WebClock,
        visitor::Visitor,
    },
};

/// Lines of a page.
const LINES: usize = 50;

/// Which page.
#[derive(Debug, Deserialize)]
pub(crate) struct Position {
    /// The last line of the page before: microseconds and article, parted by a point.
    before: Option<String>,
}

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "keyword.html")]
pub(crate) struct KeywordPage {
    frame: Frame,
    /// None on later pages: only the newest lines are live.
    live: Option<Numbers>,
    /// The address of this page.
    here: String,
    /// Whether there is a reader who has seen things.
    is_personal: bool,
    may_choose: bool,
    rail: Vec<RailEntry>,
    slug: String,
    name: String,
    query: String,
    note: String,
    version: i32,
    new_count: i64,
    new_words: String,
    lines: Vec<Line>,
    older: Option<String>,
}

/// Answers with a page of the keyword's lines.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Query(position): Query<Position>,
) -> Result<KeywordPage, WebError> {
    let now = clock.now();
    let after = position.before.as_deref().map(search::place).transpose()?;
    let numbers = live::last_numbers(&db).await?;
    let news = News::read(&db, &visitor, now).await?;
    let limit = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let (keywords, lines, collection) = tokio::try_join!(
        board::keywords(&db, news.asked()),
        board::keyword_lines(&db, news.asked().reader, &slug, after, limit),
        feed_health::collection(&db),
    )?;
    let live = after.is_none().then_some(numbers);
    view(&slug, live, &news, &keywords, &lines, &collection, now)
        .ok_or(WebError::NotFound("keyword"))
}

fn view(
    slug: &str,
    live: Option<Numbers>,
    news: &News,
    keywords: &[BoardKeyword],
    lines: &[BoardLine],
    collection: &Collection,
    now: Timestamp,
) -> Option<KeywordPage> {
    let keyword = keywords.iter().find(|keyword| keyword.slug == slug)?;
    let shown = lines.get(..LINES).unwrap_or(lines);
    let older = shown.last().filter(|_| lines.len() > LINES).map(position);
    Some(KeywordPage {
        frame: Frame::new(&keyword.name, Place::Board, collection, now),
        live,
        here: local(slug),
        is_personal: news.is_personal(),
        may_choose: news::may_choose(),
        rail: RailEntry::rail(keywords, Some(slug)),
        slug: keyword.slug.clone(),
        name: keyword.name.clone(),
        query: keyword.query.clone(),
        note: keyword.note.clone(),
        version: keyword.version,
        new_count: keyword.new_count,
        new_words: count_words(keyword.new_count),
        lines: shown
            .iter()
            .map(|line| Line::new(line, now, Some(news)))
            .collect(),
        older,
    })
}

/// The address of a keyword's page.
fn local(slug: &str) -> String {
    let slug: String = url::form_urlencoded::byte_serialize(slug.as_bytes()).collect();
    format!("/keywords/{slug}")
}

fn position(line: &BoardLine) -> String {
    search::position(LineKey {
        sort_at: line.sort_at,
        article_id: line.article_id,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{domain::ArticleId, web::pages::line::tests::line};

    fn keyword() -> BoardKeyword {
        BoardKeyword {
            slug: "link".to_owned(),
            name: "Link".to_owned(),
            query: "@iran NEAR/25 @dprk".to_owned(),
            note: String::new(),
            version: 2,
            new_count: 0,
        }
    }

    fn page(count: i64) -> KeywordPage {
        let lines: Vec<BoardLine> = (0..count)
            .map(|id| BoardLine {
                article_id: ArticleId::new(id),
                ..line()
            })
            .collect();
        let now = line().sort_at;
        view(
            "link",
            Some(Numbers::default()),
            &News::lately(now),
            &[keyword()],
            &lines,
            &Collection::default(),
            now,
        )
        .unwrap()
    }

    #[test]
    fn a_full_page_leads_to_the_next_after_its_last_line() {
        let older = page(51).older.unwrap();
        let key = search::place(&older).unwrap();
        assert_eq!(
            key,
            LineKey {
                sort_at: line().sort_at,
                article_id: ArticleId::new(49)
            }
        );
    }

    #[test]
    fn the_last_page_leads_nowhere() {
        assert_eq!(page(50).older, None);
        assert_eq!(page(0).older, None);
    }

    #[test]
    fn another_keyword_is_not_this_one() {
        assert!(
            view(
                "other",
                None,
                &News::lately(line().sort_at),
                &[keyword()],
                &[],
                &Collection::default(),
                line().sort_at
            )
            .is_none()
        );
    }
}
