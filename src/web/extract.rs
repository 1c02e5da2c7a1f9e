//! Parts of a request, with rejections that become our own pages.

use axum::{
    extract::{
        FromRequest, FromRequestParts,
        rejection::{FormRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
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

/// A form. What does not parse, or has a field that it should not have, is a bad request.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::extract::Form), rejection(WebError))]
pub(super) struct Form<T>(pub(super) T);

impl From<FormRejection> for WebError {
    fn from(rejection: FormRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::TooLarge;
        }
        Self::BadRequest(rejection.body_text())
    }
}

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
