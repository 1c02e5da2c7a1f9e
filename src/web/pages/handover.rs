//! The handover: what a shift leaves to the next one, on one page that can be printed.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use jiff::{civil::DateTime, tz::TimeZone};
use serde::Deserialize;

use super::{
    desk::DeskView,
    frame::{Frame, Place},
    line::language_tag,
    moments::{Moment, counted},
};
use crate::{
    domain::{
        Collection, Timestamp, Trouble,
        desk::{DeskState, PassReason},
    },
    store::{
        PgPool, feed_health,
        handover::{self, BeatChange, Counts, DecidedStory, FeedTurn},
    },
    web::{error::WebError, extract::Query, reading, state::WebClock},
};

/// A shift, where nothing else is asked for.
const SHIFT: Duration = Duration::from_hours(8);

/// The furthest that is looked back.
const FURTHEST: Duration = Duration::from_hours(31 * 24);

/// Spans that can be chosen, in hours.
const SPANS: [u64; 4] = [4, 8, 12, 24];

/// Since when.
#[derive(Debug, Deserialize)]
pub(crate) struct Since {
    /// A time on the reader's clock, `2026-11-25T14:00`, or hours back, `8h`.
    since: Option<String>,
}

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "handover.html")]
pub(crate) struct HandoverPage {
    frame: Frame,
    since: Moment,
    until: Moment,
    /// The same for the field of the form.
    field: String,
    zone: String,
    spans: [u64; 4],
    counts: Vec<(i64, &'static str)>,
    reasons: Vec<(usize, &'static str)>,
    groups: Vec<Group>,
    feeds: Vec<FeedView>,
    changes: Vec<ChangeView>,
}

#[derive(Debug)]
struct Group {
    title: &'static str,
    stories: Vec<StoryView>,
}

#[derive(Debug)]
struct StoryView {
    id: i64,
    title: String,
    lang: Option<String>,
    source: String,
    desk: DeskView,
}

#[derive(Debug)]
struct FeedView {
    id: i64,
    source: String,
    words: &'static str,
    detail: String,
    began: Moment,
    ended: Option<Moment>,
}

#[derive(Debug)]
struct ChangeView {
    actor: String,
    words: String,
    subjects: Vec<String>,
    more: i64,
    when: Moment,
}

/// Answers with the page.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Query(asked): Query<Since>,
) -> Result<HandoverPage, WebError> {
    let now = clock.now();
    let since = since(asked.since.as_deref().unwrap_or_default(), now)?;
    let (counts, stories, feeds, changes, collection) = tokio::try_join!(
        handover::counts(&db, since),
        handover::stories(&db, since, now),
        handover::feeds(&db, since),
        handover::beat_changes(&db, since),
        feed_health::collection(&db),
    )?;
    let told = Told {
        counts,
        stories,
        feeds,
        changes,
    };
    Ok(view(&told, since, &collection, now))
}

/// What the database told.
struct Told {
    counts: Counts,
    stories: Vec<DecidedStory>,
    feeds: Vec<FeedTurn>,
    changes: Vec<BeatChange>,
}

fn zone() -> TimeZone {
    reading::current().zone.unwrap_or(TimeZone::UTC)
}

/// The instant that is asked for.
fn since(text: &str, now: Timestamp) -> Result<Timestamp, WebError> {
    if text.is_empty() {
        return Ok(now.minus(SHIFT));
    }
    let hours = || {
        let hours: u64 = text.strip_suffix('h')?.parse().ok()?;
        (hours > 0).then(|| Duration::from_hours(hours.min(31 * 24)))
    };
    if let Some(span) = hours() {
        return Ok(now.minus(span));
    }
    let instant = text
        .parse::<DateTime>()
        .and_then(|time| zone().to_timestamp(time))
        .map_err(|_| {
            WebError::BadRequest(
                "“since” is to be a time, as in 2026-11-25T14:00, or hours, as in 8h.".to_owned(),
            )
        })?;
    Ok(Timestamp::from_jiff(instant).clamp(now.minus(FURTHEST), now))
}

fn view(told: &Told, since: Timestamp, collection: &Collection, now: Timestamp) -> HandoverPage {
    let Told {
        counts,
        stories,
        feeds,
        changes,
    } = told;
    let group = |title, is_in: &dyn Fn(&DecidedStory) -> bool| Group {
        title,
        stories: stories
            .iter()
            .filter(|story| is_in(story))
            .map(|story| story_view(story, now))
            .collect(),
    };
    let is = |state| move |story: &DecidedStory| story.desk.state == state;
    let zoned = since.to_jiff().to_zoned_datetime(zone());
    HandoverPage {
        frame: Frame::new("Handover", Place::None, collection, now),
        since: Moment::clock(now, since),
        until: Moment::exact(now),
        field: zoned.strftime("%Y-%m-%dT%H:%M").to_string(),
        zone: zoned.strftime("%Z").to_string(),
        spans: SPANS,
        counts: vec![
            (counts.new, "new"),
            (counts.claimed, "claimed"),
            (counts.used, "used"),
            (counts.passed, "passed"),
            (counts.watched, "watched"),
            (counts.notes, "notes"),
        ],
        reasons: PassReason::ALL
            .into_iter()
            .map(|reason| {
                let of_it = |story: &&DecidedStory| story.desk.reason == Some(reason);
                (stories.iter().filter(of_it).count(), reason.as_str())
            })
            .filter(|(count, _)| *count > 0)
            .collect(),
        groups: vec![
            group("Claimed now", &is(DeskState::Claimed)),
            group("Waits for somebody", &|story| {
                story.desk.assignee.is_some() && story.desk.state == DeskState::New
            }),
            group("Watched", &is(DeskState::Watch)),
            group("Used", &is(DeskState::Used)),
            group("Noted, and still new", &|story| {
                story.desk.state == DeskState::New
                    && story.desk.assignee.is_none()
                    && story.notes > 0
            }),
            group("Passed", &is(DeskState::Passed)),
        ],
        feeds: feeds.iter().map(|feed| feed_view(feed, now)).collect(),
        changes: changes
            .iter()
            .map(|change| change_view(change, now))
            .collect(),
    }
}

fn story_view(story: &DecidedStory, now: Timestamp) -> StoryView {
    StoryView {
        id: story.story.get(),
        title: story.title.clone(),
        lang: language_tag(story.language.as_deref()),
        source: story.source.clone(),
        desk: DeskView::new(&story.desk, story.reports, story.notes, now),
    }
}

fn feed_view(feed: &FeedTurn, now: Timestamp) -> FeedView {
    FeedView {
        id: feed.feed.get(),
        source: feed.source.clone(),
        words: feed
            .kind
            .parse::<Trouble>()
            .map_or("trouble", Trouble::words),
        detail: feed.detail.clone(),
        began: Moment::clock(now, feed.opened_at),
        ended: feed.closed_at.map(|closed| Moment::clock(now, closed)),
    }
}

fn change_view(change: &BeatChange, now: Timestamp) -> ChangeView {
    let done = match change.action.as_str() {
        "add" => "added",
        "change" => "changed",
        "remove" => "removed",
        other => other,
    };
    let count = u64::try_from(change.count).unwrap_or_default();
    let listed = i64::try_from(change.subjects.len()).unwrap_or_default();
    ChangeView {
        actor: change.actor.clone(),
        words: format!("{done} {}", counted(count, &change.subject_kind)),
        subjects: change.subjects.clone(),
        more: change.count - listed,
        when: Moment::clock(now, change.last_at),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::web::reading::Reader;

    fn now() -> Timestamp {
        Timestamp::from_micros(1_795_507_200_000_000)
    }

    #[test]
    fn an_hour_is_told_by_the_reader_s_clock() {
        let reader = Reader {
            zone: reading::zone("Asia/Seoul"),
            ..Reader::default()
        };
        reading::within(reader, || {
            assert_eq!(
                since("2026-11-24T14:00", now()).unwrap().to_string(),
                "2026-11-24T05:00:00Z"
            );
        });
        for (text, expected) in [
            ("", "2026-11-24T00:00:00Z"),
            ("4h", "2026-11-24T04:00:00Z"),
            ("2026-11-24T05:30", "2026-11-24T05:30:00Z"),
            ("2026-11-25T05:30", "2026-11-24T08:00:00Z"),
            ("0001-01-01T00:00", "2026-10-24T08:00:00Z"),
            ("999999999h", "2026-10-24T08:00:00Z"),
        ] {
            assert_eq!(since(text, now()).unwrap().to_string(), expected, "{text}");
        }
        for text in ["h", "0h", "-4h", "noon", "2026-13-01T00:00"] {
            assert!(since(text, now()).is_err(), "{text}");
        }
    }
}
