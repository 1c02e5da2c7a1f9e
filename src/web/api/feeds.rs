//! Feeds, as programs see them.

use std::{collections::HashMap, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    domain::{FeedId, FeedUrl, Timestamp, Trouble},
    store::{
        PgPool,
        feed_health::{self, FeedHealth, PollWish},
        incidents::{self, Incident},
    },
    web::{
        error::WebError,
        extract::{Path, Query},
        state::WebClock,
    },
};

/// A gap is among the troubles for so long after it happened.
const GAP_TOLD_FOR: Duration = Duration::from_hours(24);

/// Which feeds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Wanted {
    /// The one with this address; all without.
    url: Option<String>,
}

/// A list of feeds.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FeedsBody {
    feeds: Vec<FeedBody>,
}

/// A feed. The fields are promised.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FeedBody {
    id: i64,
    url: String,
    title: Option<String>,
    state: &'static str,
    last_attempt_at: Option<Timestamp>,
    last_success_at: Option<Timestamp>,
    last_http_status: Option<i32>,
    last_error_code: Option<String>,
    consecutive_failures: i32,
    next_poll_at: Option<Timestamp>,
    next_poll_reason: String,
    entries_seen: i64,
    entries_skipped: i64,
    last_new_entry_at: Option<Timestamp>,
    /// Entries a day, as before a silence; null while not known.
    norm_per_day: Option<f64>,
    /// What is wrong, the worst first; gaps for a day.
    troubles: Vec<TroubleBody>,
}

/// Something that is wrong with a feed.
#[derive(Debug, Serialize, ToSchema)]
struct TroubleBody {
    kind: Trouble,
    detail: String,
    /// Entries that fell out unseen, estimated.
    missed: u32,
    opened_at: Timestamp,
    /// When it was last found, to ten minutes while it goes on as it is.
    found_at: Timestamp,
    closed_at: Option<Timestamp>,
}

impl From<&Incident> for TroubleBody {
    fn from(incident: &Incident) -> Self {
        Self {
            kind: incident.trouble,
            detail: incident.detail.clone(),
            missed: incident.missed,
            opened_at: incident.opened_at,
            found_at: incident.found_at,
            closed_at: incident.closed_at,
        }
    }
}

impl FeedBody {
    fn new(feed: FeedHealth, incidents: &[&Incident]) -> Self {
        let mut incidents = incidents.to_vec();
        incidents.sort_by_key(|incident| (incident.trouble.weight(), incident.trouble));
        Self {
            id: feed.id.get(),
            url: feed.url,
            title: feed.title,
            state: feed.state.as_str(),
            last_attempt_at: feed.last_attempt_at,
            last_success_at: feed.last_success_at,
            last_http_status: feed.last_http_status,
            last_error_code: feed.last_error_code,
            consecutive_failures: feed.consecutive_failures,
            next_poll_at: feed.next_poll_at,
            next_poll_reason: feed.next_poll_reason,
            entries_seen: feed.entries_seen,
            entries_skipped: feed.entries_skipped,
            last_new_entry_at: feed.last_new_entry_at,
            norm_per_day: feed.habits.norm_per_day,
            troubles: incidents.into_iter().map(TroubleBody::from).collect(),
        }
    }
}

/// All feeds, or the one with an address
///
/// A list of one or none where an address is named.
#[utoipa::path(get, path = "/api/v1/feeds", tag = "feeds", params(Wanted),
    responses((status = 200, description = "The feeds", body = FeedsBody)))]
pub(in crate::web) async fn list(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<FeedsBody>, WebError> {
    let feeds: Vec<FeedHealth> = match wanted.url {
        Some(url) => feed_health::feed_by_url(&db, &as_stored(&url))
            .await?
            .into_iter()
            .collect(),
        None => feed_health::feeds(&db).await?,
    };
    let one = match feeds.as_slice() {
        [feed] => Some(feed.id),
        _ => None,
    };
    let incidents = incidents::current(&db, one, clock.now().minus(GAP_TOLD_FOR)).await?;
    let mut by_feed: HashMap<FeedId, Vec<&Incident>> = HashMap::new();
    for incident in &incidents {
        by_feed.entry(incident.feed).or_default().push(incident);
    }
    let body = |feed: FeedHealth| {
        let incidents = by_feed.remove(&feed.id).unwrap_or_default();
        FeedBody::new(feed, &incidents)
    };
    Ok(Json(FeedsBody {
        feeds: feeds.into_iter().map(body).collect(),
    }))
}

/// The address as feeds are stored by; what is no address is left as it is and found nowhere.
fn as_stored(url: &str) -> String {
    url.parse::<FeedUrl>()
        .map_or_else(|_| url.to_owned(), String::from)
}

/// One feed
#[utoipa::path(get, path = "/api/v1/feeds/{id}", tag = "feeds",
    params(("id" = i64, Path, description = "Number of the feed")),
    responses((status = 200, description = "The feed", body = FeedBody)))]
pub(in crate::web) async fn one(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Path(id): Path<FeedId>,
) -> Result<Json<FeedBody>, WebError> {
    let feed = feed_health::feed(&db, id)
        .await?
        .ok_or(WebError::NotFound("feed"))?;
    let since = clock.now().minus(GAP_TOLD_FOR);
    let incidents = incidents::current(&db, Some(id), since).await?;
    let incidents: Vec<&Incident> = incidents.iter().collect();
    Ok(Json(FeedBody::new(feed, &incidents)))
}

/// Read a feed soon
///
/// Notes the wish, and answers with the feed as it then stands. A feed that is paused is not read.
#[utoipa::path(post, path = "/api/v1/feeds/{id}/poll", tag = "feeds",
    params(("id" = i64, Path, description = "Number of the feed")),
    responses((status = 202, description = "The feed, to be read soon", body = FeedBody)))]
pub(in crate::web) async fn poll(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Path(id): Path<FeedId>,
) -> Result<(StatusCode, Json<FeedBody>), WebError> {
    match feed_health::ask_poll_soon(&db, id, clock.now()).await? {
        PollWish::Noted => Ok((
            StatusCode::ACCEPTED,
            one(State(db), State(clock), Path(id)).await?,
        )),
        PollWish::Paused => Err(WebError::Conflict("the feed is paused")),
        PollWish::Unknown => Err(WebError::NotFound("feed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_looked_up_as_it_is_stored() {
        assert_eq!(
            as_stored("HTTPS://News.Example:443/rss#top"),
            "https://news.example/rss"
        );
        assert_eq!(as_stored("not an address"), "not an address");
    }
}
