//! Parts of a request, with rejections that become our own pages.

use axum::{
    extract::{
        FromRequest, FromRequestParts,
        rejection::{FormRejection, PathRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};

use super::error::WebError;

/// Values in the path. What does not parse names nothing: not found.
#[derive(Debug)]
pub(super) struct Path<T>(pub(super) T);

/// Values after the question mark. What does not parse is a bad request.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

/// A NUL, which no text in the database may hold.
const NUL: &str = "%00";

impl<T, S> FromRequestParts<S> for Path<T>
where
    axum::extract::Path<T>: FromRequestParts<S, Rejection = PathRejection>,
    S: Send + Sync,
{
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        if parts.uri.path().contains(NUL) {
            return Err(WebError::NotFound("page"));
        }
        let axum::extract::Path(values) =
            axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(values))
    }
}

impl<T, S> FromRequestParts<S> for Query<T>
where
    axum::extract::Query<T>: FromRequestParts<S, Rejection = QueryRejection>,
    S: Send + Sync,
{
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        if parts.uri.query().is_some_and(|query| query.contains(NUL)) {
            return Err(WebError::BadRequest(
                "The address holds a character that no text has.".to_owned(),
            ));
        }
        let axum::extract::Query(values) =
            axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(values))
    }
}

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
