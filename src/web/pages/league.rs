//! Who is first: each source's share in stories, and what would be lost without it.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use serde::Deserialize;

use super::{
    frame::{Frame, Place},
    line::{facts, language_tag},
    moments::{Moment, span},
};
use crate::{
    domain::{SourceId, Timestamp},
    store::{
        PgPool, feed_health,
        source_league::{self, OnlyHere, Standing},
    },
    web::{error::WebError, extract::Query, state::WebClock},
};

/// How far back the league looks.
const WINDOW: Duration = Duration::from_hours(24 * 30);

/// Stories listed of what would be lost.
const LOST: i64 = 50;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "league.html")]
pub(crate) struct LeaguePage {
    frame: Frame,
    rows: Vec<Row>,
    without: Option<Without>,
}

#[derive(Debug)]
struct Row {
    id: i64,
    name: String,
    facts: String,
    stories: i64,
    first: i64,
    contested: i64,
    lead: String,
    behind: String,
    only_here: i64,
}

/// What would be lost without one source.
#[derive(Debug)]
struct Without {
    name: String,
    stories: i64,
    only_here: i64,
    first: i64,
    later: String,
    lost: Vec<Lost>,
}

#[derive(Debug)]
struct Lost {
    story: i64,
    title: String,
    lang: Option<String>,
    when: Moment,
}

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// The source to imagine away.
    without: Option<SourceId>,
}

/// Answers with the league.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Query(wanted): Query<Wanted>,
) -> Result<LeaguePage, WebError> {
    let now = clock.now();
    let since = now.minus(WINDOW);
    let (standings, collection) = tokio::try_join!(
        source_league::standings(&db, since),
        feed_health::collection(&db),
    )?;
    let without = match wanted.without {
        None => None,
        Some(source) => {
            let standing = standings
                .iter()
                .find(|standing| standing.id == source)
                .ok_or(WebError::NotFound("source with stories"))?;
            let lost = source_league::only_here(&db, source, since, LOST).await?;
            Some(without(standing, &lost, now))
        }
    };
    Ok(LeaguePage {
        frame: Frame::new("Who is first", Place::Feeds, &collection, now),
        rows: standings.iter().map(row).collect(),
        without,
    })
}

fn row(standing: &Standing) -> Row {
    Row {
        id: standing.id.get(),
        name: standing.name.clone(),
        facts: facts(&standing.tier, standing.country.as_deref(), None),
        stories: standing.stories,
        first: standing.first,
        contested: standing.contested,
        lead: seconds(standing.lead_seconds),
        behind: seconds(standing.behind_seconds),
        only_here: standing.only_here,
    }
}

fn seconds(seconds: Option<f64>) -> String {
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(span)
        .unwrap_or_default()
}

fn without(standing: &Standing, lost: &[OnlyHere], now: Timestamp) -> Without {
    Without {
        name: standing.name.clone(),
        stories: standing.stories,
        only_here: standing.only_here,
        first: standing.first,
        later: seconds(standing.lead_seconds),
        lost: lost
            .iter()
            .map(|story| Lost {
                story: story.story.get(),
                title: story.title.clone(),
                lang: language_tag(story.language.as_deref()),
                when: Moment::age(now, story.first_seen_at),
            })
            .collect(),
    }
}
