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
    domain::{digest::Edition, marks::Segment},
    store::{edition_page, installation, subscriptions, subscriptions::Stored},
    web::{
        WebState, error::WebError, extract::Path, links, outputs::Table, pages::line::outward,
        peer::Peer,
    },
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
            let installation = installation::id(&state.db).await?;
            let feed = Feed {
                name: &stored.wanted.name,
                slug: &stored.slug,
                updated: editions
                    .first()
                    .map_or(stored.created_at, |edition| edition.composed_at),
                editions: &editions,
                installation: &installation,
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

/// Answers with the stories that its editions told, a row for each, the newest edition first.
pub(crate) async fn table(
    State(state): State<WebState>,
    Path(slug): Path<String>,
) -> Result<Response, WebError> {
    let (stored, editions) = read(&state, &slug).await?;
    let mut table = Table::new(&[
        "issue",
        "composed",
        "keyword",
        "story",
        "headline",
        "source",
        "facts",
        "published",
        "url",
        "passage",
        "desk",
    ]);
    let text =
        |pieces: &[Segment]| -> String { pieces.iter().map(|piece| piece.text.as_str()).collect() };
    for edition in &editions {
        for section in &edition.sections {
            for line in section.lines.iter().filter(|line| !line.is_struck) {
                table.push([
                    edition.key.to_string(),
                    edition.composed_at.to_string(),
                    section.name.clone(),
                    line.story.to_string(),
                    text(&line.headline),
                    line.source.clone(),
                    line.facts.clone(),
                    line.at.to_string(),
                    outward(line.url.as_deref()).unwrap_or_default(),
                    text(&line.passage),
                    line.desk.clone().unwrap_or_default(),
                ]);
            }
        }
    }
    Ok(table.answer(&stored.slug, false))
}
