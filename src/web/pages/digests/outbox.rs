//! The outbox, for admins: what waits, what was given up, and what came of each attempt.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};

use super::super::{frame::Frame, moments::Moment};
use crate::{
    domain::{DeliveryId, Timestamp},
    store::{
        edition_page::{self, Acted, AttemptLine, DeliveryLine},
        outbox::{self, OutboxStanding},
    },
    web::{WebState, error::WebError, extract::Path, reading, visitor::Visitor},
};

/// What was not tried after this long has nobody who tries it.
const UNTRIED: Duration = Duration::from_mins(2);

/// Deliveries on the page.
const LINES: i64 = 200;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "outbox.html")]
pub(crate) struct OutboxPage {
    frame: Frame,
    standing: OutboxStanding,
    oldest: Option<Moment>,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    id: i64,
    slug: String,
    subject: String,
    channel: String,
    address: String,
    state: String,
    attempts: i32,
    detail: String,
    created: Moment,
    next: Option<Moment>,
    can_resend: bool,
}

/// One delivery.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "delivery.html")]
pub(crate) struct DeliveryPage {
    frame: Frame,
    line: Line,
    attempts: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    number: i32,
    ended: Moment,
    outcome: String,
    detail: String,
}

fn line(line: DeliveryLine, now: Timestamp) -> Line {
    let is_waiting = line.state == "waiting";
    Line {
        id: line.id.get(),
        slug: line.slug,
        subject: line.subject,
        channel: line.channel,
        address: line.address,
        can_resend: matches!(line.state.as_str(), "dead" | "refused"),
        state: line.state,
        attempts: line.attempts,
        detail: if is_waiting && line.attempts == 0 && now.since(line.next_at) > UNTRIED {
            reading::current().texts.nobody_tries.to_owned()
        } else {
            line.detail
        },
        created: Moment::ago(now, line.created_at),
        next: is_waiting.then(|| Moment::clock(now, line.next_at)),
    }
}

/// Answers with the outbox.
pub(crate) async fn show(State(state): State<WebState>) -> Result<OutboxPage, WebError> {
    let now = state.clock.now();
    let (lines, standing) = tokio::try_join!(
        edition_page::outbox(&state.db, LINES),
        outbox::standing(&state.db, now),
    )?;
    Ok(OutboxPage {
        frame: Frame::bare("Outbox"),
        oldest: standing.oldest_waiting_at.map(|at| Moment::ago(now, at)),
        standing,
        lines: lines.into_iter().map(|found| line(found, now)).collect(),
    })
}

/// Answers with one delivery and its attempts.
pub(crate) async fn show_one(
    State(state): State<WebState>,
    Path(id): Path<DeliveryId>,
) -> Result<DeliveryPage, WebError> {
    let now = state.clock.now();
    let (found, attempts) = edition_page::delivery(&state.db, id)
        .await?
        .ok_or(WebError::NotFound("delivery"))?;
    let attempt = |attempt: AttemptLine| Attempt {
        number: attempt.attempt,
        ended: Moment::clock(now, attempt.ended_at),
        outcome: attempt.outcome,
        detail: attempt.detail,
    };
    Ok(DeliveryPage {
        frame: Frame::bare("Delivery"),
        line: line(found, now),
        attempts: attempts.into_iter().map(attempt).collect(),
    })
}

/// Puts a delivery into the outbox again.
pub(crate) async fn resend(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<DeliveryId>,
) -> Result<Response, WebError> {
    let (now, actor) = (state.clock.now(), visitor.actor());
    match edition_page::resend(&state.db, id, &actor, now).await? {
        Acted::Done => Ok(Redirect::to("/admin/outbox").into_response()),
        Acted::Unknown => Err(WebError::NotFound("delivery")),
        Acted::TooLate => Err(WebError::Conflict(
            "only what was refused or given up can be sent again",
        )),
    }
}
