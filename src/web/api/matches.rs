//! Every match by arrival, and again when it is lost or found again.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    articles::{HitBody, is_of_this_database, not_a_cursor},
    digits, limit,
};
use crate::{
    domain::Timestamp,
    store::{
        match_stream::{self, Place, StreamedMatch},
        search,
    },
    web::{WebState, error::WebError, extract::Query},
};

/// Where to go on, and how far.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Page {
    /// `next` of the answer before: what arrived after it. Without, from the first match on.
    #[param(pattern = "^([0-9]{1,18}[.][0-9]{1,19})?$")]
    since: Option<String>,
    /// Short name of the only keyword.
    keyword: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
}

/// A page of matches in the order in which they came or changed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct MatchesBody {
    matches: Vec<StreamedMatchBody>,
    /// The cursor to go on with as `since`, now or later.
    next: String,
    /// Whether there was more. An answer for one keyword may be empty although there is.
    more: bool,
}

/// That an article matches a keyword.
#[derive(Debug, Serialize, ToSchema)]
struct StreamedMatchBody {
    /// Short name of the keyword.
    keyword: String,
    /// The version of its query that matched.
    version: i32,
    /// Number of the article.
    article: i64,
    /// When it first came to match: a number of arrival. It stands in this list by the number of its last change.
    arrival: i64,
    url: Option<String>,
    title: String,
    /// Short name of the source.
    source: String,
    hits: Vec<HitBody>,
    /// The branches of the query that held.
    why: String,
    matched: Timestamp,
    /// History rather than news.
    is_backfill: bool,
    /// When a changed keyword or a changed text lost it.
    closed: Option<Timestamp>,
}

impl From<StreamedMatch> for StreamedMatchBody {
    fn from(found: StreamedMatch) -> Self {
        Self {
            keyword: found.keyword,
            version: found.version,
            article: found.article.get(),
            arrival: found.arrival,
            url: found.url,
            title: found.title,
            source: found.source,
            hits: found.hits.into_iter().map(HitBody::from).collect(),
            why: found.why,
            matched: found.matched_at,
            is_backfill: found.is_backfill,
            closed: found.closed_at,
        }
    }
}

/// Matches in order of arrival
///
/// Every match, also those that a later change of a keyword or a text lost. A match comes once more when it is lost (`closed`),
/// and when it is found again; an article that a keyword finds later comes under that keyword. To follow a keyword without
/// loss, follow this.
#[utoipa::path(get, path = "/api/v1/matches", tag = "matches", params(Page),
    responses((status = 200, description = "A page of matches", body = MatchesBody)))]
pub(in crate::web) async fn list(
    State(state): State<WebState>,
    Query(page): Query<Page>,
) -> Result<Json<MatchesBody>, WebError> {
    let place = cursor(page.since.as_deref())?;
    let limit = limit(page.limit, 1_000)?;
    let keyword = match page.keyword.as_deref() {
        None | Some("") => None,
        Some(slug) => {
            let keywords = search::keywords(&state.db).await?;
            let known = keywords.iter().find(|keyword| keyword.slug == slug);
            Some(known.ok_or(WebError::NotFound("keyword"))?.id)
        }
    };
    let streamed = match_stream::after(&state.db, place, keyword, limit).await?;
    is_of_this_database(place.arrival, streamed.last)?;
    Ok(Json(MatchesBody {
        next: written(streamed.read_to),
        more: streamed.has_more,
        matches: streamed
            .matches
            .into_iter()
            .map(StreamedMatchBody::from)
            .collect(),
    }))
}

fn written(place: Place) -> String {
    format!("{}.{}", place.arrival, place.keyword)
}

fn cursor(since: Option<&str>) -> Result<Place, WebError> {
    let Some(since) = since.filter(|since| !since.is_empty()) else {
        return Ok(Place::default());
    };
    let read = || {
        let (arrival, keyword) = since.split_once('.')?;
        Some(Place {
            arrival: digits(arrival)?,
            keyword: digits(keyword)?,
        })
    };
    read().ok_or_else(not_a_cursor)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        let place = Place {
            arrival: 412,
            keyword: 3,
        };
        assert_eq!(cursor(Some(&written(place))).unwrap(), place);
        assert_eq!(cursor(None).unwrap(), Place::default());
        for junk in ["412", "x.3", "412.", "1.2.3", " ", "+1.3", "1.-3"] {
            assert!(cursor(Some(junk)).is_err(), "{junk}");
        }
    }
}
