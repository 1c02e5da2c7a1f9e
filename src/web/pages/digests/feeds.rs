//! A digest as a feed for readers and programs.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    digest::{
        feed::{self, Feed},
        render::Links,
    },
    domain::digest::Edition,
    store::{edition_page, subscriptions, subscriptions::Stored},
    web::{WebState, error::WebError, extract::Path, links, peer::Peer},
};

/// Editions in a feed.
const EDITIONS: i64 = 30;

async fn read(state: &WebState, slug: &str) -> Result<(Stored, Vec<Edition>), WebError> {
    let stored = subscriptions::by_slug(&state.db, slug)
        .await?
        .ok_or(WebError::NotFound("digest"))?;
    let editions = edition_page::latest(&state.db, stored.id, EDITIONS).await?;
    Ok((stored, editions))
}

fn answer(kind: &'static str, body: String) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        body,
    )
        .into_response()
}

macro_rules! handler {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        pub(crate) async fn $name(
            State(state): State<WebState>,
            peer: Peer,
            headers: HeaderMap,
            Path(slug): Path<String>,
        ) -> Result<Response, WebError> {
            let (stored, editions) = read(&state, &slug).await?;
            let base = links::of_request(&state.options, peer, &headers);
            let links = Links {
                base: &base,
                unsubscribe: None,
            };
            let feed = Feed {
                name: &stored.wanted.name,
                slug: &stored.slug,
                updated: editions
                    .first()
                    .map_or_else(|| state.clock.now(), |edition| edition.composed_at),
                editions: &editions,
            };
            Ok(answer($kind, feed::$name(feed, links)?))
        }
    };
}

handler! {
    /// Answers with the digest as Atom.
    atom, "application/atom+xml; charset=utf-8"
}

handler! {
    /// Answers with the digest as JSON Feed.
    json, "application/feed+json; charset=utf-8"
}
