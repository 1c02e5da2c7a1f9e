//! Signing in and out.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::frame::Frame;
use crate::{
    auth::TokenHash,
    domain::{Role, UserName},
    store::{sessions, users},
    web::{
        WebState, cookie,
        error::{WebError, with_page},
        extract::{Form, Query},
        local_path,
        peer::{Peer, Way},
        reading,
        sign_in::{self as door, Proven},
        visitor::Visitor,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    frame: Frame,
    next: String,
    name: String,
    problem: Option<&'static str>,
    /// Nobody can sign in from where the request came.
    is_unsafe: bool,
    is_from_unknown_proxy: bool,
    demo_roles: &'static [Role],
    is_reading_free: bool,
}

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub(crate) struct Wish {
    next: Option<String>,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInForm {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// What a button of the demo sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DemoForm {
    role: Role,
    #[serde(default)]
    next: String,
}

impl LoginPage {
    fn new(state: &WebState, peer: Peer, next: &str) -> Self {
        let texts = reading::current().texts;
        Self {
            frame: Frame::bare(texts.sign_in),
            next: local_path::or_board(next),
            name: String::new(),
            problem: None,
            is_unsafe: peer.way == Way::Open,
            is_from_unknown_proxy: peer.is_from_unknown_proxy,
            demo_roles: if state.is_demo { &Role::ALL } else { &[] },
            is_reading_free: state.options.anonymous_reading,
        }
    }
}

/// Answers with the form, or with why there is none.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Query(wish): Query<Wish>,
) -> Response {
    let next = wish.next.unwrap_or_default();
    if visitor.member().is_some() {
        return Redirect::to(&local_path::or_board(&next)).into_response();
    }
    LoginPage::new(&state, peer, &next).into_response()
}

/// Signs in, and goes on to where the reader wanted to.
pub(crate) async fn sign_in(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Result<Response, WebError> {
    let page = LoginPage::new(&state, peer, &form.next);
    if page.is_unsafe {
        return Ok(with_page(StatusCode::FORBIDDEN, page));
    }
    let Some(proven) = door::check(&state, peer, &form.name, form.password).await? else {
        let page = LoginPage {
            problem: Some(reading::current().texts.wrong_credentials),
            name: form.name.chars().take(64).collect(),
            ..page
        };
        return Ok(with_page(StatusCode::UNAUTHORIZED, page));
    };
    let cookie = door::begin_session(&state, peer, &headers, &proven).await?;
    Ok(signed_in(cookie, &page.next))
}

/// Signs in as one of the demo's accounts.
pub(crate) async fn sign_in_to_the_demo(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Form(form): Form<DemoForm>,
) -> Result<Response, WebError> {
    if !state.is_demo {
        return Err(WebError::NotFound("page"));
    }
    let name: UserName = form
        .role
        .as_str()
        .parse()
        .map_err(|_| WebError::NotFound("account"))?;
    let user = users::by_name(&state.db, &name)
        .await?
        .ok_or(WebError::NotFound("account"))?;
    let proven = Proven {
        user,
        password_hash: None,
    };
    let cookie = door::begin_session(&state, peer, &headers, &proven).await?;
    Ok(signed_in(cookie, &local_path::or_board(&form.next)))
}

fn signed_in(cookie: HeaderValue, next: &str) -> Response {
    ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response()
}

/// Signs out: the session ends here, not only in the browser.
pub(crate) async fn sign_out(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    if let Some(token) = cookie::token(&headers, peer.way) {
        let hash = TokenHash::of(token);
        sessions::end_by_token(&state.db, hash.as_bytes(), state.clock.now()).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    if let Some(cleared) = cookie::clear(peer.way) {
        response.headers_mut().insert(header::SET_COOKIE, cleared);
    }
    // What the browser kept of pages goes as well.
    response
        .headers_mut()
        .insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}

/// Tells the script of a page whether its reader still may read.
pub(crate) async fn is_signed_in() -> StatusCode {
    StatusCode::NO_CONTENT
}
