//! Parameters that an address of the API does not have are refused: a filter with a slip in its name would be no filter, and
//! its answer would look like one.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::openapi;
use crate::web::{error::WebError, routes::Route};

/// The parameters that the description names for a route.
#[derive(Clone)]
pub(in crate::web) struct Known(Arc<[String]>);

impl Known {
    /// Those of `route`; none, if it is not of the API.
    pub(in crate::web) fn of(route: &Route) -> Option<Self> {
        openapi::parameters(route).map(|names| Self(names.into()))
    }

    fn unknown(&self, query: &str) -> Option<String> {
        url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, _)| name.into_owned())
            .find(|name| !name.is_empty() && !self.0.contains(name))
    }

    fn refusal(&self, name: &str) -> WebError {
        let there_are = if self.0.is_empty() {
            "this address takes none".to_owned()
        } else {
            format!("there are {}", self.0.join(", "))
        };
        WebError::BadRequest(format!("There is no parameter “{name}”: {there_are}."))
    }
}

/// Refuses a request that names another.
pub(in crate::web) async fn check(
    State(known): State<Known>,
    request: Request,
    next: Next,
) -> Result<Response, WebError> {
    match known.unknown(request.uri().query().unwrap_or_default()) {
        None => Ok(next.run(request).await),
        Some(name) => Err(known.refusal(&name)),
    }
}
