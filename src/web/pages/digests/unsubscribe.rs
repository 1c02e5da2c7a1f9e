//! Leaving a digest by the link of a mail (RFC 8058): a GET asks, the POST alone acts, and takes neither account nor
//! cookie. Who has the link may also come back. Whoever asks with links that are none is slowed; a link that is one always
//! works, whoever shares the address.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::super::frame::Frame;
use crate::{
    auth::throttle,
    domain::delivery::token_bytes,
    store::{
        recipients::{self, Part, Subscriber},
        sign_in_buckets::{self, Level},
    },
    web::{WebState, error::WebError, extract::Path, peer::Peer},
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

async fn subscriber(state: &WebState, peer: Peer, token: &str) -> Result<Subscriber, WebError> {
    // A token of the wrong form is looked up like any other, so that it takes the same time.
    let bytes = token_bytes(token).unwrap_or_default();
    if let Some(subscriber) = recipients::by_token(&state.db, &bytes).await? {
        return Ok(subscriber);
    }
    let key = format!("link {}", throttle::network(peer.address));
    let level = Level {
        key: &key,
        capacity: throttle::LINK.capacity,
        drain: throttle::LINK.drain,
    };
    let wait = sign_in_buckets::raise(&state.db, level, state.clock.now()).await?;
    Err(wait.map_or(WebError::NotFound("subscription"), WebError::TooManyLinks))
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
    peer: Peer,
    Path(token): Path<String>,
) -> Result<Response, WebError> {
    let subscriber = subscriber(&state, peer, &token).await?;
    let is_left = subscriber.is_unsubscribed;
    Ok(page(token, subscriber, is_left, false))
}

/// Leaves, whatever the body says; done twice it is done once.
pub(crate) async fn leave(
    State(state): State<WebState>,
    peer: Peer,
    Path(token): Path<String>,
) -> Result<Response, WebError> {
    act(&state, peer, token, Part::Leave).await
}

/// Comes back.
pub(crate) async fn come_back(
    State(state): State<WebState>,
    peer: Peer,
    Path(token): Path<String>,
) -> Result<Response, WebError> {
    act(&state, peer, token, Part::Return).await
}

async fn act(
    state: &WebState,
    peer: Peer,
    token: String,
    part: Part,
) -> Result<Response, WebError> {
    let subscriber = subscriber(state, peer, &token).await?;
    recipients::set_part(&state.db, subscriber.id, part, "", state.clock.now()).await?;
    Ok(page(token, subscriber, part == Part::Leave, true))
}
