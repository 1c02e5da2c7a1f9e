//! A digest as a feed for readers and programs.

use axum::{extract::State, http::HeaderMap, response::Response};

use serde::Deserialize;

use crate::{
    digest::{
        feed::{self, Feed},
        render::Links,
    },
    domain::{EditionId, digest::Edition, marks::Segment},
    store::{edition_page, installation, subscriptions, subscriptions::Stored},
    web::{
        WebState,
        error::WebError,
        extract::{Path, Query},
        links,
        outputs::{Table, going_on_at, of_type},
        pages::line::outward,
        peer::Peer,
    },
};

/// Editions in a feed.
const EDITIONS: usize = 30;

/// What is asked of a digest.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// The edition with which the answer before ended.
    before: Option<EditionId>,
}

/// The editions of an answer.
struct Told {
    stored: Stored,
    editions: Vec<Edition>,
    /// The last of them, if there are more.
    ends_with: Option<EditionId>,
}

impl Told {
    async fn read(state: &WebState, slug: &str, asked: &Asked) -> Result<Self, WebError> {
        let stored = subscriptions::by_slug(&state.db, slug)
            .await?
            .ok_or(WebError::NotFound("digest"))?;
        let limit = i64::try_from(EDITIONS + 1).unwrap_or(i64::MAX);
        let mut found = edition_page::latest(&state.db, stored.id, asked.before, limit).await?;
        let has_more = found.len() > EDITIONS;
        found.truncate(EDITIONS);
        let last = found.last().map(|(id, _)| *id);
        Ok(Self {
            stored,
            ends_with: last.filter(|_| has_more),
            editions: found.into_iter().map(|(_, edition)| edition).collect(),
        })
    }

    /// Where the answer `file` goes on, if it does.
    fn next(&self, base: &str, file: &str) -> Option<String> {
        let slug = &self.stored.slug;
        self.ends_with
            .map(|last| format!("{base}/digests/{slug}/{file}?before={last}"))
    }
}

macro_rules! handler {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $file:literal) => {
        $(#[$doc])*
        pub(crate) async fn $name(
            State(state): State<WebState>,
            peer: Peer,
            headers: HeaderMap,
            Path(slug): Path<String>,
            Query(asked): Query<Asked>,
        ) -> Result<Response, WebError> {
            let told = Told::read(&state, &slug, &asked).await?;
            let Told { stored, editions, .. } = &told;
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
                editions,
                installation: &installation,
            };
            let response = of_type($kind, feed::$name(feed, links)?);
            Ok(going_on_at(response, told.next(&base, $file).as_deref()))
        }
    };
}

handler! {
    /// Answers with the digest as Atom.
    atom, "application/atom+xml; charset=utf-8", "feed.atom"
}

handler! {
    /// Answers with the digest as JSON Feed.
    json, "application/feed+json; charset=utf-8", "feed.json"
}

/// Answers with the stories that its editions told, a row for each, the newest edition first.
pub(crate) async fn table(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Path(slug): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let told = Told::read(&state, &slug, &asked).await?;
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
    for edition in &told.editions {
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
    let is_part = asked.before.is_some() || told.ends_with.is_some();
    let response = table.answer(&told.stored.slug, is_part);
    let base = links::of_request(&state.options, peer, &headers);
    let next = told.next(&base, "table.csv");
    Ok(going_on_at(response, next.as_deref()))
}
