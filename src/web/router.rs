//! The service: every route of the table behind its gate, and what surrounds all of them.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state, map_response},
    response::Response,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    csrf::{CsrfLayer, ProtectionError},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use tracing::{Span, field::Empty};

use super::{
    WebState, access,
    api::parameters::{self, Known},
    conditional, error, headers, metrics, peer,
    routes::ROUTES,
};

/// The longest that an answer may take to begin.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The largest form that is read; a route that takes more says so itself.
const LARGEST_FORM: usize = 64 * 1024;

/// The service of all addresses.
pub fn router(state: WebState) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |routes, route| {
        let guard = from_fn_with_state((state.clone(), route.gate), access::guard);
        let handler = match Known::of(route) {
            Some(known) => {
                (route.handler)().route_layer(from_fn_with_state(known, parameters::check))
            }
            None => (route.handler)(),
        };
        routes.route(route.path, handler.route_layer(guard))
    });
    surrounded(routes.fallback(error::missing), &state).with_state(state)
}

/// What every answer passes through, the innermost first. `explain` stands outside of all that refuses, so that each
/// refusal has one voice; the headers stand outside of `explain`, so that refusals have them too.
fn surrounded(routes: Router<WebState>, state: &WebState) -> Router<WebState> {
    routes
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(CsrfLayer::new().with_rejection_response(foreign_request))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER_WITHIN,
        ))
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| error::WebError::Panicked.into_bare_response(),
        ))
        .layer(from_fn(conditional::answer))
        .layer(from_fn_with_state(state.clone(), peer::identify))
        .layer(from_fn(error::explain))
        .layer(map_response(headers::secure))
        .layer(from_fn(metrics::measure))
        // Failures are logged where they become a response, with their cause: not once more as a number.
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(request_span)
                .on_response(note_status)
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
    tracing::info_span!("http.request", http.method = %request.method(), http.route = route, http.status = Empty)
}

fn note_status(response: &Response, latency: Duration, span: &Span) {
    let status = response.status().as_u16();
    span.record("http.status", status);
    tracing::debug!(latency_ms = latency.as_millis(), "answered");
}
