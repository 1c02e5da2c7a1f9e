//! New lines as they arrive, as server-sent events.
//!
//! A number of arrival is sent as one event with all its lines, so a client that has the number has all of it: it
//! resumes after the last number it saw (`Last-Event-ID`, or `after` in the address of a fresh page) without loss or
//! repeats. Between them comes, whenever it has changed, what the collection lacks. The stream ends when the process is to stop, and within seconds after its reader may read no more.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

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
    sync::OwnedSemaphorePermit,
    time::{self, Instant},
};

use super::{
    WebState,
    error::WebError,
    extract::Query,
    pages::{frame::Statement, line::Line},
    reading::{self, Reader},
    visitor::Visitor,
};
use crate::{
    domain::Timestamp,
    store::{
        StoreError,
        board::{self, BoardLine},
        live as store_live,
    },
};

/// Numbers of arrival read at a time.
const BATCH: i64 = 50;

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
}

/// What stands under one number of arrival.
#[derive(Serialize)]
struct Arrival {
    lines: Vec<ArrivedLine>,
}

/// A line and where it belongs.
#[derive(Serialize)]
struct ArrivedLine {
    keyword: String,
    article: i64,
    is_new: bool,
    /// Its story, and whether it is a copy in it: a copy adds to the line of its story, a new report takes its place.
    story: Option<i64>,
    is_copy: bool,
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
    seen: i64,
    ready: VecDeque<Event>,
    /// The statement about the collection that it was sent last.
    told: Option<String>,
    look_again_at: Instant,
    is_over: bool,
    _seat: OwnedSemaphorePermit,
}

/// Streams lines from where the client left off.
pub(super) async fn events(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(resume): Query<Resume>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, WebError> {
    let seat = state
        .seats
        .clone()
        .try_acquire_owned()
        .map_err(|_| WebError::Crowded)?;
    let last = store_live::last_arrival(&state.db).await?;
    let seen = resume_after(last_event_id(&headers), resume.after, last);
    let mut following = Following {
        state,
        visitor,
        seen,
        ready: VecDeque::new(),
        told: None,
        look_again_at: Instant::now() + LOOK_AGAIN,
        is_over: false,
        _seat: seat,
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
            if self.state.stop.is_cancelled() {
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
            self.state.arrivals.borrow_and_update();
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
            changed = self.state.arrivals.changed() => changed.ok(),
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

    /// Reads the next numbers and makes them ready.
    async fn read(&mut self) -> Result<(), StoreError> {
        let place = self.state.readers.acquire().await;
        let lines = board::lines_arrived_after(&self.state.db, self.seen, BATCH).await?;
        drop(place);
        let now = self.state.clock.now();
        let reader = Reader::of(&self.visitor);
        for number in lines.chunk_by(|one, next| one.arrival == next.arrival) {
            let Some(arrival) = number.first().and_then(|line| line.arrival) else {
                continue;
            };
            self.seen = arrival;
            let event = reading::within(reader.clone(), || event(arrival, number, now));
            self.ready.extend(event);
        }
        Ok(())
    }
}

/// All the lines of one number as one event; none if they cannot be written down, which is logged.
fn event(arrival: i64, lines: &[BoardLine], now: Timestamp) -> Option<Event> {
    let arrived = Arrival {
        lines: lines
            .iter()
            .filter_map(|line| arrived_line(line, now))
            .collect(),
    };
    match Event::default()
        .id(arrival.to_string())
        .event("arrival")
        .json_data(&arrived)
    {
        Ok(event) => Some(event),
        Err(error) => {
            tracing::error!(
                arrival,
                error = &error as &dyn std::error::Error,
                "an arrival was not written down"
            );
            None
        }
    }
}

fn arrived_line(line: &BoardLine, now: Timestamp) -> Option<ArrivedLine> {
    // On an open page, whatever comes in as news is new.
    let shown = Line::new(line, now, None);
    let rendered = LineFragment { line: &shown }.render();
    if let Err(error) = &rendered {
        tracing::error!(article.id = %line.article_id, error = error as &dyn std::error::Error, "a line was not rendered");
    }
    Some(ArrivedLine {
        keyword: line.keyword.clone(),
        article: line.article_id.get(),
        is_new: shown.is_new,
        story: shown.story.as_ref().map(|story| story.id),
        is_copy: shown.story.as_ref().is_some_and(|story| story.is_copy),
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
