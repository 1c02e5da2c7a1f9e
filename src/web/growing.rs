//! A page that grows while it is made: one document that arrives bit by bit, and needs no script.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;

/// Answers with the pieces of a page, as `next` gives them: a piece and what makes the following one, or none after the
/// last. Who leaves the page ends the making.
pub(super) fn page<R, F>(making: R, next: impl Fn(R) -> F + Send + 'static) -> Response
where
    R: Send + 'static,
    F: Future<Output = Option<(Bytes, R)>> + Send + 'static,
{
    let pieces = stream::unfold(making, move |making| {
        let piece = next(making);
        async move {
            let (bytes, making) = piece.await?;
            Some((Ok::<_, Infallible>(bytes), making))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        // Proxies that gather answers are asked not to.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}
