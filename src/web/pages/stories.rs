//! All stories, those with the latest independent report first.

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use serde::Deserialize;

use super::{
    desk::DeskView,
    frame::{Frame, Place},
    line::{facts, language_tag},
    moments::{Moment, counted},
    news,
};
use crate::{
    domain::{StoryId, Timestamp},
    store::{
        PgPool,
        desk::{self, StoryDesk},
        feed_health, live,
        story_page::{self, StoryLine},
    },
    web::{error::WebError, extract::Query, state::WebClock},
};

/// Stories on a page.
const LINES: usize = 50;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "stories.html")]
pub(crate) struct StoriesPage {
    frame: Frame,
    lines: Vec<Line>,
    shows_all: bool,
    older: Option<String>,
    number: i64,
    may_choose: bool,
    here: String,
}

#[derive(Debug)]
struct Line {
    id: i64,
    title: String,
    lang: Option<String>,
    counts: String,
    source: String,
    facts: String,
    first: Moment,
    latest: Moment,
    desk: DeskView,
}

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// Microseconds and number of the last story seen, parted by a hyphen.
    before: Option<String>,
    /// Stories of a single article as well.
    all: Option<String>,
}

/// Answers with the list.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Query(wanted): Query<Wanted>,
) -> Result<StoriesPage, WebError> {
    let now = clock.now();
    let number = live::last_numbers(&db).await?.desk;
    let before = wanted.before.as_deref().map(place).transpose()?;
    let shows_all = wanted.all.is_some();
    let limit = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let least = if shows_all { 1 } else { 2 };
    let (stories, collection) = tokio::try_join!(
        story_page::latest(&db, before, least, limit),
        feed_health::collection(&db),
    )?;
    let shown = stories.get(..LINES).unwrap_or(&stories);
    let ids: Vec<StoryId> = shown.iter().map(|story| story.id).collect();
    let told = desk::of_stories(&db, &ids, now).await?;
    Ok(StoriesPage {
        frame: Frame::new("Stories", Place::Stories, &collection, now),
        lines: shown.iter().map(|story| line(story, &told, now)).collect(),
        older: shown
            .last()
            .filter(|_| stories.len() > LINES)
            .map(|story| format!("{}-{}", story.last_report_at.as_micros(), story.id)),
        number,
        may_choose: news::may_choose(),
        here: if shows_all {
            "/stories?all=yes"
        } else {
            "/stories"
        }
        .to_owned(),
        shows_all,
    })
}

/// The place that a list of stories names.
pub(in crate::web) fn place(text: &str) -> Result<(Timestamp, StoryId), WebError> {
    let read = || {
        let (at, id) = text.split_once('-')?;
        Some((
            Timestamp::from_micros(at.parse().ok()?),
            StoryId::new(id.parse().ok()?),
        ))
    };
    read().ok_or_else(|| {
        WebError::BadRequest("before is the place that a page of stories names".to_owned())
    })
}

fn line(story: &StoryLine, told: &[StoryDesk], now: Timestamp) -> Line {
    let lang = language_tag(story.language.as_deref());
    let copies = u64::try_from(story.articles - story.reports).unwrap_or_default();
    let mut counts = Vec::new();
    if copies > 0 {
        counts.push(if copies == 1 {
            "+1 copy".to_owned()
        } else {
            format!("+{copies} copies")
        });
    }
    if story.reports > 1 {
        counts.push(format!("{} independent", story.reports));
    }
    counts.push(match story.sources {
        1 => "single source".to_owned(),
        sources => counted(u64::try_from(sources).unwrap_or_default(), "source"),
    });
    Line {
        id: story.id.get(),
        title: story.title.clone(),
        counts: counts.join(" · "),
        source: story.source.clone(),
        facts: facts(&story.tier, story.country.as_deref(), lang.as_deref()),
        lang,
        first: Moment::clock(now, story.first_seen_at),
        latest: Moment::age(now, story.last_report_at),
        desk: told
            .iter()
            .find(|told| told.story == story.id)
            .map(|told| DeskView::new(&told.desk, told.reports, told.notes, now))
            .unwrap_or_default(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_nothing_else_is_one() {
        let (at, id) = place("1795507200000000-7").unwrap();
        assert_eq!((at.as_micros(), id.get()), (1_795_507_200_000_000, 7));
        for text in ["", "7", "a-b", "1-2-3x"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
