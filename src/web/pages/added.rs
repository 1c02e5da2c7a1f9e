//! Adding an article by its address: the wish, and the page that says what became of it.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    frame::{Frame, Place},
    line::outward,
};
use crate::{
    domain::{FeedUrl, WantedPageId},
    store::{PgPool, feed_health, wanted_pages},
    web::{
        error::WebError,
        extract::{Form, Path},
        reading,
        state::WebClock,
        visitor::Visitor,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "added.html")]
struct AddedPage {
    frame: Frame,
    url: String,
    link: Option<String>,
    failure: Option<String>,
}

/// What is to be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddForm {
    url: String,
}

/// Asks for a page.
pub(crate) async fn add(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    visitor: Visitor,
    Form(form): Form<AddForm>,
) -> Result<Redirect, WebError> {
    let url: FeedUrl = form.url.trim().parse().map_err(|error| {
        let lead = reading::current().texts.no_page_address;
        WebError::BadRequest(format!("{lead} {error}."))
    })?;
    let asked = wanted_pages::ask(&db, url.as_str(), &visitor.actor(), clock.now()).await?;
    match asked {
        Some(id) => Ok(Redirect::to(&format!("/articles/added/{id}"))),
        None => Err(WebError::SlowDown(Duration::from_mins(10))),
    }
}

/// Answers with what became of the wish: with the article, once it is there.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Path(id): Path<WantedPageId>,
) -> Result<Response, WebError> {
    let (state, collection) =
        tokio::try_join!(wanted_pages::state(&db, id), feed_health::collection(&db),)?;
    let state = state.ok_or(WebError::NotFound("page that was asked for"))?;
    if let Some(article) = state.article {
        return Ok(Redirect::to(&format!("/articles/{article}")).into_response());
    }
    let waits = state.failure.is_none();
    let page = AddedPage {
        frame: Frame::new(
            reading::current().texts.article_by_address,
            Place::Search,
            &collection,
            clock.now(),
        ),
        link: outward(Some(&state.url)),
        url: state.url,
        failure: state.failure,
    };
    let mut response = page.into_response();
    if waits {
        // Without script, too.
        response.headers_mut().insert(
            HeaderName::from_static("refresh"),
            HeaderValue::from_static("1"),
        );
    }
    Ok(response)
}
