//! Whether the process lives, and whether it can serve: for those who watch over it.

use std::time::Duration;

use axum::{extract::State, response::IntoResponse};
use tokio_util::sync::CancellationToken;

use super::{error::WebError, state::WebClock};
use crate::store::{PgPool, leases, readiness};

/// Answers as long as the process does; asks nothing of the database.
pub(super) async fn live() -> impl IntoResponse {
    "alive\n"
}

/// How long after the end of a lost worker's lease another one may take over.
const WITHOUT_WORKER: Duration = Duration::from_mins(1);

/// Answers when the database does, with every migration applied, no worker was lost, and the
/// process is not about to end.
pub(super) async fn ready(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    State(stop): State<CancellationToken>,
) -> Result<impl IntoResponse, WebError> {
    if stop.is_cancelled() {
        return Err(WebError::NotReady("stopping"));
    }
    let missing = readiness::missing_migrations(&db)
        .await
        .map_err(WebError::NotServing)?;
    if missing > 0 {
        return Err(WebError::NotReady("the database lacks migrations"));
    }
    let placing_until = leases::until(&db, "place")
        .await
        .map_err(WebError::NotServing)?;
    if placing_until.is_some_and(|until| clock.now().since(until) > WITHOUT_WORKER) {
        return Err(WebError::NotReady("the worker is gone"));
    }
    Ok("ready\n")
}
