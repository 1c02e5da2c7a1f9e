//! New lines as they arrive, as server-sent events.
//!
//! A number of arrival is sent as one event with all its lines, so a client that has the number has all of it: it
//! resumes after the last number it saw (`Last-Event-ID`, or `after` in the address of a fresh page) without loss or
//! repeats. Between them comes, whenever it has changed, what the collection lacks. The stream ends when the process is to stop, and within seconds after its reader may read no more.
//!
//! What changes of the desk, and which articles stories have, needs no number of its own: an event tells what stands now, and
//! a client that connects again is told all that changed since its page was made.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast,
    time::{self, Instant},
};

mod recent;
mod regrouped;

use super::{
    WebState,
    error::WebError,
    extract::Query,
    pages::{
        desk::{DeskFragment, DeskView},
        filter::Filter,
        frame::Statement,
        line::Line,
        news::News,
    },
    peer::Peer,
    reading::{self, Reader},
    seats::{Holder, Seat},
    visitor::Visitor,
};
pub(super) use recent::Recent;
use recent::Taste;
use regrouped::Regrouped;

use crate::{
    auth::Capability,
    domain::{StoryId, Timestamp},
    meters::{Streaming, meters},
    store::{
        StoreError,
        board::BoardLine,
        board_filter::BoardFilter,
        desk::{self, StoryDesk},
        desk_touches,
        live::{self as store_live, Numbers},
    },
};

/// Stories of which the desk is read at a time.
const TOUCHED: i64 = 100;

/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How often it is looked whether the client still may read.
const LOOK_AGAIN: Duration = Duration::from_secs(4);

/// How long a browser waits before it connects again.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// Where a stream begins.
#[derive(Debug, Deserialize)]
pub(super) struct Resume {
    /// The last number of arrival that the client has.
    after: Option<i64>,
    /// The last change of the desk that the page shows.
    desk: Option<i64>,
    /// The only story that the page shows: lines are not for it, but who has seen the story is.
    story: Option<StoryId>,
    /// `no` where the page shows none.
    lines: Option<String>,
}

/// What stands under one number of arrival.
#[derive(Serialize)]
struct Arrival {
    /// The last change of the desk that the lines are sure to show.
    desk: i64,
    lines: Vec<ArrivedLine>,
}

/// A line and where it belongs.
#[derive(Serialize)]
struct ArrivedLine {
    keyword: String,
    article: i64,
    is_new: bool,
    /// Its story, and whether it stands for it: then it takes the place of the line that did, else that one counts it.
    story: Option<i64>,
    stands: bool,
    html: String,
}

/// What changed of the desk.
#[derive(Serialize)]
struct DeskChanges {
    /// The number of the last change that is told.
    number: i64,
    stories: Vec<DeskOfStory>,
}

/// What stands about a story.
#[derive(Serialize)]
struct DeskOfStory {
    /// The story and those that were merged into it: a page may show it by any of these numbers.
    ids: Vec<i64>,
    /// The story itself.
    story: i64,
    state: &'static str,
    html: String,
}

/// The markup of one line.
#[derive(Template)]
#[template(path = "line.html")]
struct LineFragment<'a> {
    line: &'a Line,
}

/// The markup of the statement about the collection.
#[derive(Template)]
#[template(path = "statement.html")]
struct StatementFragment {
    statement: Statement,
}

/// What the collection lacks.
#[derive(Serialize)]
struct Coverage {
    html: String,
}

/// One client's stream: what it has seen, and what is ready for it.
struct Following {
    state: WebState,
    visitor: Visitor,
    seen: Numbers,
    story: Option<StoryId>,
    has_lines: bool,
    /// Which lines the page shows.
    filter: BoardFilter,
    /// Which stories somebody has seen, where the page shows one.
    seers: Option<broadcast::Receiver<Arc<[StoryId]>>>,
    ready: VecDeque<Event>,
    /// The statement about the collection that it was sent last.
    told: Option<String>,
    look_again_at: Instant,
    is_over: bool,
    /// As which the lines are written down.
    reader: Reader,
    taste: Taste,
    /// The last number of arrival that is known of.
    last: i64,
    seat: Seat,
    /// Counts the stream while it is open.
    _counted: Streaming,
}

/// Streams lines from where the client left off.
pub(super) async fn events(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Query(resume): Query<Resume>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, WebError> {
    let seat = state
        .seats
        .take(Holder::of(&visitor, peer))
        .map_err(|none| none.or(WebError::Crowded))?;
    let reader = Reader::of(&visitor);
    let filter = filter.asked(&visitor, state.clock.now())?;
    let last = store_live::last_numbers(&state.db).await?;
    let seen = Numbers {
        arrival: resume_after(last_event_id(&headers), resume.after, last.arrival),
        desk: resume_after(None, resume.desk, last.desk),
    };
    let mut following = Following {
        seers: resume.story.map(|_| state.hearing.seen()),
        story: resume.story,
        has_lines: resume.story.is_none() && resume.lines.is_none(),
        filter,
        state,
        visitor,
        seen,
        ready: VecDeque::new(),
        told: None,
        look_again_at: Instant::now() + LOOK_AGAIN,
        is_over: false,
        taste: taste(&reader),
        reader,
        last: last.arrival,
        seat,
        _counted: meters().stream(),
    };
    following
        .ready
        .push_back(Event::default().retry(RETRY_AFTER).comment("connected"));
    // Read before answering: a database that is away is then a 503, not a stream that ends at once.
    following.read().await?;
    let events = stream::unfold(following, |mut following| async {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("still here")))
}

/// The header of a browser that connects again; what is no number counts as absent.
fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    headers
        .get("last-event-id")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The number to go on after: what the browser saw last, else what the page was rendered at, else the present. A
/// number from the future belongs to another database and is cut to the present.
fn resume_after(last_event_id: Option<i64>, after: Option<i64>, last: i64) -> i64 {
    last_event_id
        .or(after)
        .unwrap_or(last)
        .clamp(0, last.max(0))
}

impl Following {
    /// The next event; none when the process stops, the database fails (the client comes back) or the client may read no
    /// more, which is its last event.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.state.stop.is_cancelled() || !self.seat.is_kept() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            if self.look_again_at <= Instant::now() {
                self.look_again_at = Instant::now() + LOOK_AGAIN;
                if !self.may_still_read().await {
                    self.is_over = true;
                    return Some(Event::default().event("signed-out").data("{}"));
                }
                if let Some(event) = self.coverage().await {
                    return Some(event);
                }
            }
            // Marked as seen before the reading: a number raised during it wakes the wait below.
            let numbers = *self.state.hearing.numbers.borrow_and_update();
            self.last = self.last.max(numbers.arrival);
            if let Err(error) = self.read().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a live stream ended early"
                );
                return None;
            }
            if self.ready.is_empty() {
                self.wait().await?;
            }
        }
    }

    /// Waits for a later number, or until the client is to be looked at again; none when there is nothing more to wait
    /// for.
    async fn wait(&mut self) -> Option<()> {
        tokio::select! {
            () = self.state.stop.cancelled() => None,
            changed = self.state.hearing.numbers.changed() => changed.ok(),
            () = seen_by_somebody(self.seers.as_mut(), self.story) => {
                self.ready.push_back(Event::default().event("seen").data("{}"));
                Some(())
            }
            () = time::sleep_until(self.look_again_at) => Some(()),
        }
    }

    /// Whether the client still is who it was. A database that is away decides nothing.
    async fn may_still_read(&self) -> bool {
        match self.visitor.is_still_valid(&self.state).await {
            Ok(is_valid) => is_valid,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a live stream's reader could not be looked up"
                );
                true
            }
        }
    }

    /// What the collection lacks, if it is something else than the client was told. A database that is away changes nothing.
    async fn coverage(&mut self) -> Option<Event> {
        let collection = match self.state.coverage.now(&self.state.db).await {
            Ok(collection) => collection,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a live stream was not told of the collection"
                );
                return None;
            }
        };
        let now = self.state.clock.now();
        let html = reading::within(Reader::of(&self.visitor), || {
            let statement = Statement::new(&collection, now);
            StatementFragment { statement }.render()
        });
        let html = html.ok()?;
        if self.told.as_ref() == Some(&html) {
            return None;
        }
        self.told = Some(html.clone());
        Event::default()
            .event("coverage")
            .json_data(Coverage { html })
            .ok()
    }

    /// Reads what comes next and makes it ready.
    async fn read(&mut self) -> Result<(), StoreError> {
        if self.has_lines && !self.read_lines().await? {
            return Ok(());
        }
        self.read_desk().await
    }

    /// Reads which stories the desk changed.
    async fn read_desk(&mut self) -> Result<(), StoreError> {
        let place = self.state.readers.acquire().await;
        let now = self.state.clock.now();
        let heard = self.seen.desk;
        let touched = desk_touches::after(&self.state.db, heard, TOUCHED).await?;
        let Some(last) = touched.last().map(|last| last.number) else {
            return Ok(());
        };
        self.seen.desk = last;
        let stories: Vec<StoryId> = touched.iter().map(|touched| touched.story).collect();
        let mut told = desk::of_stories(&self.state.db, &stories, now).await?;
        if let Some(shown) = self.story {
            told.retain(|told| told.group.contains(&shown.get()));
        }
        let event = (!told.is_empty())
            .then(|| reading::within(self.reader.clone(), || desk_event(last, &told, now)));
        let is_regrouped = |told: &StoryDesk| {
            let mut regrouped = touched.iter().filter(|touched| touched.is_regrouped);
            regrouped.any(|touched| told.group.contains(&touched.story.get()))
        };
        told.retain(is_regrouped);
        if self.has_lines && !told.is_empty() {
            let regrouped =
                Regrouped::read(&self.state, &self.reader, &self.filter, &told, now).await?;
            self.ready.extend(written_down("regrouped", &regrouped));
        }
        // Last: a page that has its number has all of it, and may go on after it.
        self.ready.extend(event.flatten());
        drop(place);
        Ok(())
    }

    /// Reads the next numbers of arrival; whether these were all. What the desk decided of lines that are not told yet would
    /// find no line, so it waits for them.
    async fn read_lines(&mut self) -> Result<bool, StoreError> {
        let recent = Arc::clone(&self.state.recent);
        let arrived = recent
            .after(&self.state.db, self.seen.arrival, self.last)
            .await?;
        let now = self.state.clock.now();
        let is_all = arrived.len() < recent::BATCH;
        for one in arrived {
            self.seen.arrival = one.number;
            // What was read for another stream may be from before the last change that this one was told of.
            self.seen.desk = self.seen.desk.min(one.desk);
            let json = if self.filter == BoardFilter::default() {
                one.written(&self.taste, |lines| {
                    reading::within(self.reader.clone(), || json(lines, one.desk, now))
                })
            } else {
                let passing = one.lines.iter().filter(|line| self.filter.takes(line, now));
                // The report that stands for the story may be one that does not pass.
                let shown: Vec<BoardLine> = passing
                    .map(|line| BoardLine {
                        stands: line.stands
                            || line.story.as_ref().is_some_and(|story| !story.is_copy),
                        ..line.clone()
                    })
                    .collect();
                reading::within(self.reader.clone(), || json(&shown, one.desk, now)).map(Arc::from)
            };
            let event = json.map(|json| {
                Event::default()
                    .id(one.number.to_string())
                    .event("arrival")
                    .data(json)
            });
            self.ready.extend(event);
        }
        Ok(is_all)
    }
}

/// How a reader wants lines to be written down.
fn taste(reader: &Reader) -> Taste {
    let zone = reader.zone.as_ref().and_then(|zone| zone.iana_name());
    (
        zone.unwrap_or_default().to_owned(),
        reader.clock_format,
        reader.texts.language,
        reader.visitor.may(Capability::WorkDesk),
    )
}

/// All the lines of one number; none if they cannot be written down, which is logged.
fn json(lines: &[BoardLine], desk: i64, now: Timestamp) -> Option<String> {
    let arrived = Arrival {
        desk,
        lines: lines
            .iter()
            // On an open page, whatever comes in as news is new.
            .filter_map(|line| arrived_line(line, now, None))
            .collect(),
    };
    serde_json::to_string(&arrived)
        .inspect_err(|error| {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "an arrival was not written down"
            );
        })
        .ok()
}

/// Waits until somebody has seen the story that the page shows; for ever where it shows none.
async fn seen_by_somebody(
    seers: Option<&mut broadcast::Receiver<Arc<[StoryId]>>>,
    story: Option<StoryId>,
) {
    let (Some(seers), Some(story)) = (seers, story) else {
        return std::future::pending().await;
    };
    loop {
        match seers.recv().await {
            Ok(stories) if stories.contains(&story) => return,
            // Whoever missed some may have missed this one.
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// What stands about stories, up to a change, as one event.
fn desk_event(number: i64, told: &[StoryDesk], now: Timestamp) -> Option<Event> {
    let stories = told
        .iter()
        .filter_map(|told| {
            let view = DeskView::new(&told.desk, told.reports, told.notes, now);
            let fragment = DeskFragment {
                desk: &view,
                story: told.story.get(),
            };
            Some(DeskOfStory {
                ids: told.group.clone(),
                story: told.story.get(),
                state: view.state,
                html: fragment.render().ok()?,
            })
        })
        .collect();
    written_down("desk", &DeskChanges { number, stories })
}

/// An event of its kind; none if it cannot be written down, which is logged.
fn written_down(kind: &'static str, what: &impl Serialize) -> Option<Event> {
    Event::default()
        .event(kind)
        .json_data(what)
        .inspect_err(|error| {
            tracing::error!(
                kind,
                error = error as &dyn std::error::Error,
                "an event was not written down"
            );
        })
        .ok()
}

/// A line as a page gets it, with what is new to its reader; without `news`, whatever is no history is.
fn arrived_line(line: &BoardLine, now: Timestamp, news: Option<&News>) -> Option<ArrivedLine> {
    let shown = Line::new(line, now, news);
    let rendered = LineFragment { line: &shown }.render();
    if let Err(error) = &rendered {
        tracing::error!(article.id = %line.article_id, error = error as &dyn std::error::Error, "a line was not rendered");
    }
    Some(ArrivedLine {
        keyword: line.keyword.clone(),
        article: line.article_id.get(),
        is_new: shown.is_new,
        story: shown.story.as_ref().map(|story| story.id),
        stands: line.stands,
        html: rendered.ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_goes_on_after_what_the_client_saw_last() {
        for (last_event_id, after, last, expected) in [
            (Some(7), Some(5), 9, 7),
            (None, Some(5), 9, 5),
            (None, None, 9, 9),
            (Some(70), None, 9, 9),
            (Some(-3), None, 9, 0),
            (None, Some(i64::MIN), 0, 0),
        ] {
            assert_eq!(
                resume_after(last_event_id, after, last),
                expected,
                "{last_event_id:?} {after:?} {last}"
            );
        }
    }

    #[test]
    fn an_event_id_that_is_no_number_counts_as_absent() {
        let mut headers = HeaderMap::new();
        assert_eq!(last_event_id(&headers), None);
        headers.insert(
            "last-event-id",
            axum::http::HeaderValue::from_static("12; drop"),
        );
        assert_eq!(last_event_id(&headers), None);
        headers.insert("last-event-id", axum::http::HeaderValue::from_static("12"));
        assert_eq!(last_event_id(&headers), Some(12));
    }
}
