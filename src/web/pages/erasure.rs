//! Erasing the text of an article on a legal demand.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::{
    domain::ArticleId,
    store::erasures,
    web::{
        WebState,
        error::WebError,
        extract::{Form, Path},
        reading,
        visitor::Visitor,
    },
};

/// What is to be given for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demand {
    /// Who demands it, and on what ground.
    reason: String,
    /// That it is meant: nothing brings the text back.
    #[serde(default)]
    sure: bool,
}

/// Erases the text, and leads to the tombstone.
pub(crate) async fn erase(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<ArticleId>,
    Form(demand): Form<Demand>,
) -> Result<Response, WebError> {
    let reason = demand.reason.trim();
    if reason.is_empty() || !demand.sure {
        return Err(WebError::BadRequest(
            reading::current().texts.erase_needs.to_owned(),
        ));
    }
    let (actor, now) = (visitor.actor(), state.clock.now());
    if !erasures::erase(&state.db, id, reason, &actor, now).await? {
        return Err(WebError::NotFound("article with a text"));
    }
    Ok(Redirect::to(&format!("/articles/{id}")).into_response())
}
