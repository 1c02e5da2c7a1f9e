//! Whether the process lives, and whether it can serve: for those who watch over it.

use axum::{extract::State, response::IntoResponse};
use tokio_util::sync::CancellationToken;

use super::error::WebError;
use crate::store::{
    PgPool, StoreError,
    schema::{self, Fit},
};

/// Answers as long as the process does; asks nothing of the database.
pub(super) async fn live() -> impl IntoResponse {
    "alive\n"
}

/// Answers when the database does, with a schema that this program can use, and the process is not about to end. Whether
/// anybody polls is no matter of the pages: `/api/v1/health` and the board say so.
pub(super) async fn ready(
    State(db): State<PgPool>,
    State(stop): State<CancellationToken>,
) -> Result<impl IntoResponse, WebError> {
    if stop.is_cancelled() {
        return Err(WebError::NotReady("stopping"));
    }
    let missing = lacking(&db).await.map_err(WebError::NotServing)?;
    missing.map_or(Ok("ready\n"), |why| Err(WebError::NotReady(why)))
}

/// What is wrong with the schema, if anything is.
pub(super) async fn lacking(db: &PgPool) -> Result<Option<&'static str>, StoreError> {
    Ok(match schema::fit(db).await? {
        Fit::Good => None,
        Fit::Behind(_) => Some("the database lacks migrations"),
        Fit::Beyond => {
            Some("the database was changed by a newer wirewatch, which this one cannot follow")
        }
    })
}
