//! What a reader had on the screen: told by the script of a page, or by a button that says "all of this".

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    domain::ArticleId,
    store::{PgPool, seen},
    web::{error::WebError, extract::Form, local_path, state::WebClock, visitor::Member},
};

/// The most articles told at a time.
const MOST: usize = 500;

/// Notes which articles were on the screen. With none it says that the reader is here.
pub(crate) async fn see(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    member: Member,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<StatusCode, WebError> {
    if fields.len() > MOST {
        return Err(WebError::BadRequest(
            "At most 500 articles can be told at a time.".to_owned(),
        ));
    }
    let articles = fields
        .iter()
        .map(|(name, value)| {
            let number = value.parse().ok().filter(|_| name == "article");
            number.map(ArticleId::new)
        })
        .collect::<Option<Vec<ArticleId>>>()
        .ok_or_else(|| WebError::BadRequest("“article” is to be a number.".to_owned()))?;
    seen::see(&db, member.id, &articles, clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks keywords as seen up to the arrival that the page was made at.
pub(crate) async fn mark(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    member: Member,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let mut keywords = Vec::new();
    let mut arrival = None;
    let mut next = "/".to_owned();
    for (name, value) in fields {
        match name.as_str() {
            "keyword" if keywords.len() < MOST && !value.contains('\0') => keywords.push(value),
            "arrival" => arrival = value.parse::<i64>().ok(),
            "next" => next = local_path::or_board(&value),
            _ => {
                return Err(WebError::BadRequest(
                    "The form has a field that it should not have.".to_owned(),
                ));
            }
        }
    }
    let arrival =
        arrival.ok_or_else(|| WebError::BadRequest("“arrival” is to be a number.".to_owned()))?;
    seen::mark(&db, member.id, &keywords, arrival, clock.now()).await?;
    // There the mark can be taken back.
    Ok(Redirect::to(&format!("{next}#marked")).into_response())
}

/// Takes the last mark back.
pub(crate) async fn unmark(
    State(db): State<PgPool>,
    member: Member,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let next = fields
        .iter()
        .find(|(name, _)| name == "next")
        .map_or("/", |(_, next)| next);
    seen::unmark(&db, member.id).await?;
    Ok(Redirect::to(&local_path::or_board(next)).into_response())
}
