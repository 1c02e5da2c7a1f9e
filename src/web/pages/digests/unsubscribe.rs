//! Leaving a digest by the link of a mail (RFC 8058): a GET asks, the POST alone acts, and takes neither account nor
//! cookie. Who has the link may also come back.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::super::frame::Frame;
use crate::{
    domain::delivery::token_bytes,
    store::recipients::{self, Part, Subscriber},
    web::{WebState, error::WebError, extract::Path},
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unsubscribe.html")]
pub(crate) struct UnsubscribePage {
    frame: Frame,
    token: String,
    subscription: String,
    address: String,
    is_left: bool,
    is_done: bool,
}

async fn subscriber(state: &WebState, token: &str) -> Result<Subscriber, WebError> {
    // A token of the wrong form is looked up like any other, so that it takes the same time.
    let bytes = token_bytes(token).unwrap_or_default();
    recipients::by_token(&state.db, &bytes)
        .await?
        .ok_or(WebError::NotFound("subscription"))
}

fn page(token: String, subscriber: Subscriber, is_left: bool, is_done: bool) -> Response {
    let page = UnsubscribePage {
        frame: Frame::bare(&subscriber.subscription),
        token,
        subscription: subscriber.subscription,
        address: subscriber.address,
        is_left,
        is_done,
    };
    let mut response = page.into_response();
    // The address of this page is a key.
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// Asks; changes nothing: scanners of mail follow links.
pub(crate) async fn ask(
    State(state): State<WebState>,
    Path(token): Path<String>,
) -> Result<Response, WebError> {
    let subscriber = subscriber(&state, &token).await?;
    let is_left = subscriber.is_unsubscribed;
    Ok(page(token, subscriber, is_left, false))
}

/// Leaves, whatever the body says; done twice it is done once.
pub(crate) async fn leave(
    State(state): State<WebState>,
    Path(token): Path<String>,
) -> Result<Response, WebError> {
    act(&state, token, Part::Leave).await
}

/// Comes back.
pub(crate) async fn come_back(
    State(state): State<WebState>,
    Path(token): Path<String>,
) -> Result<Response, WebError> {
    act(&state, token, Part::Return).await
}

async fn act(state: &WebState, token: String, part: Part) -> Result<Response, WebError> {
    let subscriber = subscriber(state, &token).await?;
    recipients::set_part(&state.db, subscriber.id, part, "", state.clock.now()).await?;
    Ok(page(token, subscriber, part == Part::Leave, true))
}
