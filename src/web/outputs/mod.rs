//! What goes out to feed readers and spreadsheets: a keyword or a search as Atom, JSON Feed or CSV.
//!
//! Each holds the newest. Where there are more, it names the address of the next: as its form does, and in the header `Link`
//! (RFC 8288).

mod feed;
mod place;
mod table;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use jiff::tz::TimeZone;
use serde::Deserialize;

pub(super) use table::Table;

use super::{
    WebState, api,
    error::WebError,
    extract::{Path, Query},
    links,
    pages::{line::outward, search::Asked},
    peer::Peer,
    reading,
    search::position,
};
use crate::{
    domain::ArticleId,
    query::Stop,
    store::{
        article_stream::{self, ArrivedArticle},
        installation,
    },
};

/// Articles in a feed.
const IN_FEED: usize = 100;

/// Articles in a table.
const IN_TABLE: usize = 1_000;

/// What a search finds for an output.
const FOUND: usize = 100;

/// The form of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Atom,
    Json,
    Csv,
}

impl Form {
    /// The name of a file without its ending, and the form that the ending names.
    fn of(file: &str) -> Option<(&str, Self)> {
        let (name, ending) = file.rsplit_once('.')?;
        let form = match ending {
            "atom" => Self::Atom,
            "json" => Self::Json,
            "csv" => Self::Csv,
            _ => return None,
        };
        (!name.is_empty()).then_some((name, form))
    }
}

/// What an output is of.
struct Subject<'a> {
    /// Its name.
    title: &'a str,
    /// Where people find it.
    page: String,
    /// Where it is itself, without any key, from its beginning.
    itself: String,
    /// Where it goes on, without any key; none if this is all.
    next: Option<String>,
    /// Whether it begins with the newest.
    is_first: bool,
    /// The name of a file for it.
    file: &'a str,
    /// Where articles are found: the beginning of addresses.
    base: &'a str,
    /// What identifiers are made of.
    installation: &'a str,
}

/// What is asked of a keyword.
#[derive(Debug, Deserialize)]
pub(super) struct OfKeyword {
    /// Where the answer before ended.
    #[serde(default)]
    before: String,
}

/// What is asked of a search beside what its page is asked.
#[derive(Debug, Deserialize)]
pub(super) struct OfSearch {
    /// The zone of its days; empty: UTC.
    #[serde(default)]
    zone: String,
}

impl OfSearch {
    fn zone(&self) -> Result<TimeZone, WebError> {
        if self.zone.is_empty() {
            return Ok(TimeZone::UTC);
        }
        reading::zone(&self.zone).ok_or_else(|| {
            let shown: String = self.zone.chars().take(60).collect();
            WebError::BadRequest(format!("There is no time zone “{shown}”."))
        })
    }
}

/// Answers with a keyword: `/out/{keyword}.atom`, `.json` or `.csv`.
pub(super) async fn of_keyword(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Path(file): Path<String>,
    Query(asked): Query<OfKeyword>,
) -> Result<Response, WebError> {
    let (slug, form) = Form::of(&file).ok_or(WebError::NotFound("feed or table"))?;
    let after = place::read(&asked.before)?;
    let limit = if form == Form::Csv { IN_TABLE } else { IN_FEED };
    let newest = article_stream::newest_of(&state.db, slug, after, limit)
        .await?
        .ok_or(WebError::NotFound("keyword"))?;
    let base = links::of_request(&state.options, peer, &headers);
    let installation = installation::id(&state.db).await?;
    let itself = format!("{base}/out/{file}");
    let next = newest.next.map(place::written);
    let subject = Subject {
        title: &newest.name,
        page: format!("{base}/keywords/{slug}"),
        next: next.map(|place| format!("{itself}?before={place}")),
        is_first: after.is_none(),
        itself,
        file: slug,
        base: &base,
        installation: &installation,
    };
    answer(&subject, form, &newest.articles)
}

/// Answers with a search: `/out/search/feed.atom`, `feed.json` or `table.csv`, asked as the page of the search is.
pub(super) async fn of_search(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Path(file): Path<String>,
    Query(asked): Query<Asked>,
    Query(beside): Query<OfSearch>,
) -> Result<Response, WebError> {
    let Some(("feed", form @ (Form::Atom | Form::Json)) | ("table", form @ Form::Csv)) =
        Form::of(&file)
    else {
        return Err(WebError::NotFound("feed or table"));
    };
    if !asked.is_something() || asked.is_in_backlog() {
        return Err(WebError::BadRequest(
            "A feed of a search takes a query or filters, over stored articles.".to_owned(),
        ));
    }
    let zone = beside.zone()?;
    let (_, found) = api::articles::found(&state, &asked, &zone, FOUND).await?;
    let ids: Vec<ArticleId> = found
        .articles
        .iter()
        .map(|(article, _)| article.id)
        .collect();
    let articles = article_stream::of_ids(&state.db, &ids).await?;
    let base = links::of_request(&state.options, peer, &headers);
    let title = match asked.q.trim() {
        "" => "Search",
        query => query,
    };
    let installation = installation::id(&state.db).await?;
    let itself = format!("{base}{}", asked.output(&file, &beside.zone));
    let next = (found.stop != Stop::End).then(|| position(found.read_to));
    let subject = Subject {
        title,
        page: format!("{base}{}", asked.address()),
        next: next.map(|place| format!("{itself}&before={place}")),
        is_first: asked.before.is_empty(),
        itself,
        file: "search",
        base: &base,
        installation: &installation,
    };
    answer(&subject, form, &articles)
}

fn answer(
    subject: &Subject<'_>,
    form: Form,
    articles: &[ArrivedArticle],
) -> Result<Response, WebError> {
    let response = match form {
        Form::Atom => of_type(
            "application/atom+xml; charset=utf-8",
            feed::atom(subject, articles)?,
        ),
        Form::Json => of_type(
            "application/feed+json; charset=utf-8",
            feed::json(subject, articles),
        ),
        Form::Csv => {
            let is_part = !subject.is_first || subject.next.is_some();
            table::of_articles(subject.base, articles).answer(subject.file, is_part)
        }
    };
    Ok(going_on_at(response, subject.next.as_deref()))
}

/// The answer with the address, without any key, at which it goes on, if it does (RFC 8288).
pub(super) fn going_on_at(mut response: Response, next: Option<&str>) -> Response {
    let link = next.map(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")));
    if let Some(Ok(link)) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// A text of a media type.
pub(super) fn of_type(kind: &'static str, body: String) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        body,
    )
        .into_response()
}

/// The page of an article at the publisher's, else ours.
fn link_of(base: &str, article: &ArrivedArticle) -> String {
    outward(article.url.as_deref()).unwrap_or_else(|| format!("{base}/articles/{}", article.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_names_the_form() {
        assert_eq!(Form::of("iran.atom"), Some(("iran", Form::Atom)));
        assert_eq!(Form::of("a.b.csv"), Some(("a.b", Form::Csv)));
        for file in ["iran", "iran.xml", ".atom", ""] {
            assert_eq!(Form::of(file), None, "{file}");
        }
    }
}
