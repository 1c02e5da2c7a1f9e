//! What is answered when something cannot be: the only place where an error becomes a response.
//!
//! An error makes a bare response that carries a `Refusal`. The layer `explain`, which knows the address, gives it its
//! body: a page for people, problem details (RFC 9457) for programs. Refusals of the layers and of the router itself
//! (405, timeouts, foreign requests) go the same way. The log gets the whole chain, once; the client nothing internal.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    pages::{frame::Frame, moments::span_up},
    reading::{self, Reader},
    visitor::Visitor,
};
use crate::{domain::Role, store::StoreError};

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    /// There is no such thing; the word for people.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The request makes no sense; what about it.
    #[error("bad request: {0}")]
    BadRequest(String),
    /// The request may not be made; why.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// Nobody signed in.
    #[error("nobody signed in")]
    SignInFirst,
    /// The token of a program is unknown, or works no more.
    #[error("a token that is none")]
    WrongToken,
    /// The visitor's role does not reach; the least that does.
    #[error("forbidden: this takes the role {0}")]
    NotYours(Role),
    /// A request for a host that is not ours; which.
    #[error("forbidden: a request for the host {0:?}")]
    UnknownHost(String),
    /// Too many wrong passwords; how long to wait.
    #[error("too many attempts to sign in")]
    TooManyAttempts(Duration),
    /// Too many links that are none; how long to wait.
    #[error("too many links that are none")]
    TooManyLinks(Duration),
    /// What was sent is larger than anything that is expected.
    #[error("the request is too large")]
    TooLarge,
    /// More requests than one may make; how long to wait.
    #[error("too many requests")]
    TooFast(Duration),
    /// More passwords to hash than there are places for.
    #[error("too many sign-ins at once")]
    Busy,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// What is wished for does not go with how things stand.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// The visitor wants too much of something; how long to wait.
    #[error("too many wishes")]
    SlowDown(Duration),
    /// The visitor has as many answers that last as one may have.
    #[error("too many streams of one visitor")]
    TooManyOfYours,
    /// All seats for an answer that lasts are taken by others; what they do, and when to ask again.
    #[error("every seat is taken: {0}")]
    AllTaken(&'static str),
    /// As many live streams as one process serves.
    #[error("every seat for live updates is taken")]
    Crowded,
    /// The process cannot serve; why.
    #[error("not ready: {0}")]
    NotReady(&'static str),
    /// The process cannot serve, since the database does not, for whatever reason.
    #[error("not ready: the store did not answer")]
    NotServing(#[source] StoreError),
    /// A handler panicked.
    #[error("a handler panicked")]
    Panicked,
    /// The database.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
    /// A template.
    #[error("a template was not rendered")]
    Template(#[from] askama::Error),
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl WebError {
    fn refusal(&self) -> Refusal {
        let (status, detail) = match self {
            Self::NotFound(what) => (StatusCode::NOT_FOUND, format!("There is no such {what}.")),
            Self::BadRequest(what) => (StatusCode::BAD_REQUEST, what.clone()),
            Self::Forbidden(why) => (StatusCode::FORBIDDEN, sentence(why)),
            Self::SignInFirst => (
                StatusCode::UNAUTHORIZED,
                "Sign in first, or send a token: “Authorization: Bearer …”.".to_owned(),
            ),
            Self::WrongToken => (
                StatusCode::UNAUTHORIZED,
                "The token is not known here, or works no more.".to_owned(),
            ),
            Self::NotYours(least) => (
                StatusCode::FORBIDDEN,
                format!("This takes the role {least}. An admin can give it to you."),
            ),
            Self::UnknownHost(host) => (
                StatusCode::FORBIDDEN,
                format!(
                    "This wirewatch does not go by the name “{host}”. If it should, whoever runs it sets \
                     web.public_url = \"https://{host}\", or adds the name to web.allowed_hosts."
                ),
            ),
            Self::TooManyAttempts(wait) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "Too many wrong passwords from here. Try again in {}.",
                    span_up(*wait)
                ),
            ),
            Self::TooManyLinks(wait) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "Too many links from here that are none. Try again in {}.",
                    span_up(*wait)
                ),
            ),
            Self::TooFast(wait) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "More requests than one may make in a minute. Ask again in {} s.",
                    wait.as_secs()
                ),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "What was sent is larger than anything that is expected here.".to_owned(),
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many people sign in at this moment. Try again in a few seconds.".to_owned(),
            ),
            Self::Conflict(why) => (StatusCode::CONFLICT, sentence(why)),
            Self::NotReady(why) => (StatusCode::SERVICE_UNAVAILABLE, sentence(why)),
            Self::SlowDown(wait) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!("That was a lot within an hour. Try again in {}.", span_up(*wait)),
            ),
            Self::TooManyOfYours => (
                StatusCode::TOO_MANY_REQUESTS,
                "You have as many of these open as one may have. Close some, or wait until one is done."
                    .to_owned(),
            ),
            Self::AllTaken(what) => (StatusCode::TOO_MANY_REQUESTS, sentence(what)),
            Self::Crowded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Every seat for live updates is taken.".to_owned(),
            ),
            Self::NotServing(_) => database_is_away(),
            Self::Store(error) if error.is_unavailable() => database_is_away(),
            Self::Panicked | Self::NoRandomness | Self::Store(_) | Self::Template(_) => {
                return Refusal::of(StatusCode::INTERNAL_SERVER_ERROR);
            }
        };
        Refusal {
            detail,
            ..Refusal::of(status)
        }
    }

    /// The response without a body, for layers that stand inside of [`explain`].
    pub(super) fn into_bare_response(self) -> Response {
        let refusal = self.refusal();
        let error = &self as &dyn std::error::Error;
        match refusal.status {
            // It passes by itself, and is met by every request until then.
            StatusCode::SERVICE_UNAVAILABLE => tracing::warn!(error, "a request was put off"),
            status if status.is_server_error() => {
                tracing::error!(error, "a request was not answered");
            }
            _ => {}
        }
        let mut response = refusal.status.into_response();
        if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        let said = match &self {
            Self::SignInFirst => Some((header::WWW_AUTHENTICATE, "Bearer".to_owned())),
            Self::WrongToken => Some((
                header::WWW_AUTHENTICATE,
                "Bearer error=\"invalid_token\"".to_owned(),
            )),
            Self::TooManyAttempts(wait)
            | Self::TooManyLinks(wait)
            | Self::TooFast(wait)
            | Self::SlowDown(wait) => Some((header::RETRY_AFTER, wait.as_secs().to_string())),
            Self::AllTaken(_) => Some((header::RETRY_AFTER, "60".to_owned())),
            _ => None,
        };
        if let Some((name, value)) = said
            && let Ok(value) = HeaderValue::try_from(value)
        {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(refusal);
        response
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        self.into_bare_response()
    }
}

impl Refusal {
    /// What a status alone says.
    fn of(status: StatusCode) -> Self {
        let (title, detail) = match status {
            StatusCode::BAD_REQUEST => (
                "This request makes no sense",
                "The address or what was sent with it is not understood.",
            ),
            StatusCode::UNAUTHORIZED => ("Sign in first", "This is not for everybody."),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "Too large",
                "What was sent is larger than anything that is expected here.",
            ),
            StatusCode::TOO_MANY_REQUESTS => ("Slow down", "Too many requests of this kind."),
            StatusCode::FORBIDDEN => ("Not allowed", "This may not be done from here."),
            StatusCode::NOT_FOUND => ("Nothing here", "There is nothing at this address."),
            StatusCode::METHOD_NOT_ALLOWED => (
                "Not in this way",
                "This address does not answer to this kind of request.",
            ),
            StatusCode::CONFLICT => (
                "Not as things stand",
                "This cannot be done as things stand.",
            ),
            StatusCode::SERVICE_UNAVAILABLE => {
                ("Not at the moment", "This takes too long at present.")
            }
            status if status.is_server_error() => (
                "Our fault",
                "Something went wrong on our side. It has been logged.",
            ),
            _ => ("Not possible", "This request cannot be answered."),
        };
        Self {
            status,
            title,
            detail: detail.to_owned(),
        }
    }
}

fn database_is_away() -> (StatusCode, String) {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "The database does not answer at present.".to_owned(),
    )
}

/// The clause as a sentence of its own.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}

/// That a refusal has a body of its own.
#[derive(Debug, Clone, Copy)]
struct Explained;

/// A page that says itself what is wrong: a form with its mistakes.
pub(super) fn with_page(status: StatusCode, page: impl IntoResponse) -> Response {
    let mut response = (status, page).into_response();
    response.extensions_mut().insert(Explained);
    response
}

/// Answers an address that names nothing.
pub(super) async fn missing() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// Gives every refusal its body.
pub(super) async fn explain(request: Request, next: Next) -> Response {
    let is_program = is_for_programs(request.uri().path()) || accepts_json(request.headers());
    let response = next.run(request).await;
    let status = response.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    if !is_refusal || response.extensions().get::<Explained>().is_some() {
        return response;
    }
    let refusal = response
        .extensions()
        .get::<Refusal>()
        .cloned()
        .unwrap_or_else(|| {
            if status.is_server_error() {
                tracing::warn!(
                    http.status = status.as_u16(),
                    "a layer gave up on a request"
                );
            }
            Refusal::of(status)
        });
    let visitor = response.extensions().get::<Visitor>().cloned();
    reading::within(Reader::of(&visitor.unwrap_or_default()), || {
        with_body(response, is_program, &refusal)
    })
}

fn with_body(bare: Response, is_program: bool, refusal: &Refusal) -> Response {
    let explained = if is_program {
        problem(refusal)
    } else {
        RefusalPage::new(refusal).into_response()
    };
    let (mut parts, _) = bare.into_parts();
    let (explained_parts, body) = explained.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(explained_parts.headers);
    Response::from_parts(parts, body)
}

/// Whether a request takes JSON and no page: the script of a page, or a program.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

/// Whether programs ask here rather than people.
pub(super) fn is_for_programs(path: &str) -> bool {
    ["/api/", "/out/", "/events", "/session", "/livez", "/readyz"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

/// Problem details for HTTP APIs (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

fn problem(refusal: &Refusal) -> Response {
    let Refusal {
        status,
        title,
        detail,
    } = refusal;
    let problem = Problem {
        r#type: "about:blank",
        title,
        status: status.as_u16(),
        detail,
    };
    let mut response = Json(problem).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}

/// The page that says what is wrong and where to go from here.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "refusal.html")]
struct RefusalPage {
    frame: Frame,
    status: u16,
    title: &'static str,
    detail: String,
    is_missing: bool,
    is_passing: bool,
    is_for_members: bool,
}

impl RefusalPage {
    fn new(refusal: &Refusal) -> Self {
        Self {
            frame: Frame::bare(refusal.title),
            status: refusal.status.as_u16(),
            title: refusal.title,
            detail: refusal.detail.clone(),
            is_missing: refusal.status == StatusCode::NOT_FOUND,
            is_passing: refusal.status == StatusCode::SERVICE_UNAVAILABLE,
            is_for_members: refusal.status == StatusCode::UNAUTHORIZED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_internal_stays_inside() {
        let error = WebError::Store(StoreError::UnknownWord("secret".to_owned()));
        let refusal = error.refusal();
        assert_eq!(refusal.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!refusal.detail.contains("secret"));
    }

    #[test]
    fn programs_get_problem_details_and_people_a_page() {
        let typed = |path: &str, accept: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            let is_program = is_for_programs(path) || accepts_json(&headers);
            let bare = WebError::NotFound("feed").into_bare_response();
            let refusal = WebError::NotFound("feed").refusal();
            let explained = with_body(bare, is_program, &refusal);
            assert_eq!(explained.status(), StatusCode::NOT_FOUND);
            explained.headers()[header::CONTENT_TYPE].clone()
        };
        let page = "text/html,application/xhtml+xml,*/*;q=0.8";
        for (path, accept, expected) in [
            ("/api/v1/feeds/9", page, "application/problem+json"),
            ("/feeds/9", page, "text/html; charset=utf-8"),
            ("/feeds/9", "*/*", "text/html; charset=utf-8"),
            ("/desk", "application/json", "application/problem+json"),
        ] {
            assert_eq!(typed(path, accept), expected, "{path} {accept}");
        }
    }

    #[test]
    fn a_refused_host_reads_as_a_sentence() {
        let refusal = WebError::UnknownHost("news.example".to_owned()).refusal();
        assert!(refusal.detail.contains("sets web.public_url"));
        assert!(!refusal.detail.contains("  "), "{}", refusal.detail);
    }

    #[test]
    fn a_refusal_that_passes_says_when_to_come_back() {
        let response = WebError::NotReady("stopping").into_bare_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        // The service is well; there are many who ask.
        let response = WebError::AllTaken("others are served").into_bare_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "60");
    }
}
