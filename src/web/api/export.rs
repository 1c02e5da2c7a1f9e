//! Everything of a period, a line for each article, as long as it takes.

use std::{collections::VecDeque, io};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::articles::{self, ArticleBody};
use crate::{
    store::{
        PgPool, arrivals,
        article_stream::{self, ArrivedArticle, Selection},
    },
    web::{
        WebState,
        error::WebError,
        extract::Query,
        pages::search::Asked,
        peer::Peer,
        seats::{Holder, Seat},
        visitor::Visitor,
    },
};

/// Articles read at a time.
const BATCH: i64 = 200;

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Resume {
    /// `resume` of the last whole line: what arrived after it.
    #[param(pattern = "^[0-9]{0,18}$")]
    resume: Option<String>,
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct LineBody {
    #[serde(flatten)]
    article: ArticleBody,
    /// With it an export goes on after this line.
    resume: String,
}

/// An article as a line of an export, with the line feed.
///
/// # Errors
/// Never with what articles hold.
pub fn line(article: ArrivedArticle) -> serde_json::Result<String> {
    let body = LineBody {
        resume: article.arrival.to_string(),
        article: article.into(),
    };
    let mut line = serde_json::to_string(&body)?;
    line.push('\n');
    Ok(line)
}

/// The number of arrival that a resume token stands for; none if it is no token.
#[must_use]
pub fn resumed(token: &str) -> Option<i64> {
    super::digits(token)
}

struct Exporting {
    db: PgPool,
    selection: Selection,
    after: i64,
    ready: VecDeque<String>,
    is_over: bool,
    seat: Seat,
}

impl Exporting {
    /// The next line; none after the last. A fault breaks the answer off, which is seen, where an early end would not be.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.ready.is_empty() {
            if self.is_over {
                return Ok(None);
            }
            if !self.seat.is_kept() {
                return Err(io::Error::other("the export was not read any more"));
            }
            let arrived =
                article_stream::arrived_after(&self.db, self.after, BATCH, &self.selection)
                    .await
                    .map_err(io::Error::other)?;
            self.after = arrived.read_to;
            self.is_over = !arrived.has_more;
            for article in arrived.articles {
                self.ready.push_back(line(article)?);
            }
        }
        let lines: String = self.ready.drain(..).collect();
        Ok(Some(Bytes::from(lines)))
    }
}

/// All articles of a period, one to a line
///
/// JSON Lines, in order of arrival, each line an article as in `/api/v1/articles` with a token `resume`. An answer that
/// breaks off is gone on with by asking again with the token of the last whole line.
#[utoipa::path(get, path = "/api/v1/export", tag = "articles", params(Asked, Resume),
    responses((status = 200, description = "A line for each article", body = LineBody, content_type = "application/jsonl")))]
pub(in crate::web) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Query(asked): Query<Asked>,
    Query(page): Query<Resume>,
) -> Result<Response, WebError> {
    if !asked.q.trim().is_empty() || asked.is_in_backlog() {
        return Err(WebError::BadRequest(
            "An export takes filters, but no query and no backlog.".to_owned(),
        ));
    }
    let after = match page.resume.as_deref() {
        None | Some("") => 0,
        Some(token) => resumed(token).ok_or_else(|| {
            WebError::BadRequest(
                "“resume” is not a token that a line of an export gave.".to_owned(),
            )
        })?,
    };
    articles::is_of_this_database(after, arrivals::last(&state.db).await?)?;
    let selection = articles::selection(&state, &asked).await?;
    let seat = state
        .exports
        .take(Holder::of(&visitor, peer))
        .map_err(|none| {
            none.or(WebError::AllTaken(
                "other exports are running; try again in a minute",
            ))
        })?;
    let exporting = Exporting {
        db: state.db,
        selection,
        after,
        ready: VecDeque::new(),
        is_over: false,
        seat,
    };
    let lines = stream::try_unfold(exporting, |mut exporting| async move {
        Ok::<_, io::Error>(exporting.next().await?.map(|bytes| (bytes, exporting)))
    });
    let headers = [(header::CONTENT_TYPE, "application/jsonl")];
    Ok((headers, Body::from_stream(lines)).into_response())
}
