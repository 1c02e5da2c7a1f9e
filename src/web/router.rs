//! Every address the web answers, in one table, and what surrounds all of them.

use std::time::Duration;

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::StatusCode,
    middleware::{from_fn, map_response},
    response::Response,
    routing::{get, post},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    csrf::{CsrfLayer, ProtectionError},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use tracing::Span;

use super::{WebState, access, api, assets, error, headers, health, live, pages};

/// The longest that an answer may take to begin.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The service of all addresses.
pub fn router(state: WebState) -> Router {
    let api = Router::new()
        .route("/feeds", get(api::feeds::list))
        .route("/feeds/{id}", get(api::feeds::one))
        .route("/feeds/{id}/poll", post(api::feeds::poll))
        .route("/articles", get(api::articles::list))
        .route("/health", get(api::health::show))
        .fallback(error::missing)
        .layer(from_fn(access::local_only));
    let routes = Router::new()
        .route("/", get(pages::board::show))
        .route("/keywords/{slug}", get(pages::keyword::show))
        .route("/articles/{id}", get(pages::article::show))
        .route("/search", get(pages::search::show))
        .route("/feeds", get(pages::feeds::show))
        .route("/feeds/{id}", get(pages::feed::show))
        .route("/feeds/{id}/poll", post(pages::feed::poll))
        .route("/events", get(live::events))
        .route("/static/{hash}/{name}", get(assets::serve))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .nest("/api/v1", api)
        .fallback(error::missing);
    surrounded(routes).with_state(state)
}

/// What every answer passes through, the innermost first. `explain` stands outside of all that refuses, so that each
/// refusal has one voice; the headers stand outside of `explain`, so that refusals have them too.
fn surrounded(routes: Router<WebState>) -> Router<WebState> {
    routes
        .layer(CsrfLayer::new().with_rejection_response(foreign_request))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER_WITHIN,
        ))
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| error::WebError::Panicked.into_bare_response(),
        ))
        .layer(from_fn(error::explain))
        .layer(map_response(headers::secure))
        // Failures are logged where they become a response, with their cause: not once more as a number.
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(request_span)
                .on_failure(()),
        )
}

fn foreign_request(_: ProtectionError) -> Response {
    error::WebError::Forbidden("the request comes from another site").into_bare_response()
}

fn request_span(request: &Request) -> Span {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("-", MatchedPath::as_str);
    tracing::info_span!("http.request", http.method = %request.method(), http.route = route)
}
