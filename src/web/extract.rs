//! Parts of a request, with rejections that become our own pages.

use axum::extract::{
    FromRequestParts,
    rejection::{PathRejection, QueryRejection},
};

use super::error::WebError;

/// Values in the path. What does not parse names nothing: not found.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(WebError))]
pub(super) struct Path<T>(pub(super) T);

/// Values after the question mark. What does not parse is a bad request.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(WebError))]
pub(super) struct Query<T>(pub(super) T);

impl From<PathRejection> for WebError {
    fn from(_: PathRejection) -> Self {
        Self::NotFound("page")
    }
}

impl From<QueryRejection> for WebError {
    fn from(rejection: QueryRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}
