//! Whether the process lives, and whether it can serve: for those who watch over it.

use axum::{extract::State, response::IntoResponse};
use tokio_util::sync::CancellationToken;

use super::error::WebError;
use crate::store::{PgPool, readiness};

/// Answers as long as the process does; asks nothing of the database.
pub(super) async fn live() -> impl IntoResponse {
    "alive\n"
}

/// Answers when the database does, with every migration applied, and the process is not about to end.
pub(super) async fn ready(
    State(db): State<PgPool>,
    State(stop): State<CancellationToken>,
) -> Result<impl IntoResponse, WebError> {
    if stop.is_cancelled() {
        return Err(WebError::NotReady("stopping"));
    }
    match readiness::missing_migrations(&db)
        .await
        .map_err(WebError::NotServing)?
    {
        0 => Ok("ready\n"),
        _ => Err(WebError::NotReady("the database lacks migrations")),
    }
}
