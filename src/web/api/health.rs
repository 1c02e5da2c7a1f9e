//! The statement about the collection, as programs see it.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Coverage, Exception, Timestamp, Trouble, Working},
    store::{PgPool, feed_health},
    web::{error::WebError, state::WebClock},
};

/// Sources named in the sentence before the rest is counted.
const NAMED: usize = 20;

/// Up to when the collection is complete, and except for what. The fields are promised.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct HealthBody {
    /// All of it in one line, in UTC.
    statement: String,
    /// Nothing is missing before it, but for the exceptions; null before anything was read.
    complete_to: Option<Timestamp>,
    exceptions: Vec<ExceptionBody>,
    /// `working`, `late` or `gone`.
    worker: &'static str,
    /// Since when no worker reads.
    worker_gone_since: Option<Timestamp>,
    feeds: i64,
    feeds_read: i64,
    feeds_waiting: i64,
    feeds_paused: i64,
}

/// A source that is not read whole.
#[derive(Debug, Serialize, ToSchema)]
struct ExceptionBody {
    source: String,
    kind: Trouble,
    /// Since when; null if it was never read.
    since: Option<Timestamp>,
    /// Entries that fell out unseen, estimated.
    missed: u32,
    /// Feeds of the source in such trouble, of how many.
    troubled: i64,
    feeds: i64,
}

impl From<Exception> for ExceptionBody {
    fn from(exception: Exception) -> Self {
        Self {
            source: exception.source,
            kind: exception.trouble,
            since: exception.since,
            missed: exception.missed,
            troubled: exception.troubled_count,
            feeds: exception.feed_count,
        }
    }
}

/// Up to when the collection is complete
///
/// And except for what, at present.
#[utoipa::path(get, path = "/api/v1/health", tag = "feeds",
    responses((status = 200, description = "The statement", body = HealthBody)))]
pub(in crate::web) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
) -> Result<Json<HealthBody>, WebError> {
    let now = clock.now();
    let coverage = Coverage::of(&feed_health::collection(&db).await?, now);
    let (worker, worker_gone_since) = match coverage.working {
        Working::Yes => ("working", None),
        Working::Late(_) => ("late", None),
        Working::No(since) => ("gone", Some(since)),
    };
    Ok(Json(HealthBody {
        statement: coverage.sentence(now, NAMED),
        complete_to: coverage.complete_to,
        worker,
        worker_gone_since,
        feeds: coverage.feed_count,
        feeds_read: coverage.read_count,
        feeds_waiting: coverage.waiting_count,
        feeds_paused: coverage.paused_count,
        exceptions: coverage
            .exceptions
            .into_iter()
            .map(ExceptionBody::from)
            .collect(),
    }))
}
