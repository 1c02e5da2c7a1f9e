//! What goes out to feed readers and spreadsheets: a keyword or a search as Atom, JSON Feed or CSV.

mod feed;
mod table;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};

pub(super) use table::Table;

use super::{
    WebState, api,
    error::WebError,
    extract::{Path, Query},
    links,
    pages::{line::outward, search::Asked},
    peer::Peer,
};
use crate::{
    domain::ArticleId,
    store::{
        article_stream::{self, ArrivedArticle},
        installation,
    },
};

/// Articles in a feed.
const IN_FEED: i64 = 100;

/// Articles in a table.
const IN_TABLE: i64 = 1_000;

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
    /// Where it is itself, without any key.
    itself: String,
    /// The name of a file for it.
    file: &'a str,
    /// Where articles are found: the beginning of addresses.
    base: &'a str,
    /// What identifiers are made of.
    installation: &'a str,
}

/// Answers with a keyword: `/out/{keyword}.atom`, `.json` or `.csv`.
pub(super) async fn of_keyword(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Path(file): Path<String>,
) -> Result<Response, WebError> {
    let (slug, form) = Form::of(&file).ok_or(WebError::NotFound("feed or table"))?;
    let limit = if form == Form::Csv { IN_TABLE } else { IN_FEED };
    let (name, articles) = article_stream::newest_of(&state.db, slug, limit)
        .await?
        .ok_or(WebError::NotFound("keyword"))?;
    let base = links::of_request(&state.options, peer, &headers);
    let installation = installation::id(&state.db).await?;
    let subject = Subject {
        title: &name,
        page: format!("{base}/keywords/{slug}"),
        itself: format!("{base}/out/{file}"),
        file: slug,
        base: &base,
        installation: &installation,
    };
    answer(&subject, form, &articles)
}

/// Answers with a search: `/out/search/feed.atom`, `feed.json` or `table.csv`, asked as the page of the search is.
pub(super) async fn of_search(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Path(file): Path<String>,
    Query(asked): Query<Asked>,
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
    let (_, found) = api::articles::found(&state, &asked, FOUND).await?;
    let ids: Vec<ArticleId> = found
        .articles
        .iter()
        .map(|(article, _)| article.id)
        .collect();
    let articles = article_stream::of_ids(&state.db, &ids).await?;
    let base = links::of_request(&state.options, peer, &headers);
    let page = asked.address();
    let query = page.trim_start_matches("/search");
    let title = match asked.q.trim() {
        "" => "Search",
        query => query,
    };
    let installation = installation::id(&state.db).await?;
    let subject = Subject {
        title,
        itself: format!("{base}/out/search/{file}{query}"),
        page: format!("{base}{page}"),
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
    Ok(match form {
        Form::Atom => of_type(
            "application/atom+xml; charset=utf-8",
            feed::atom(subject, articles)?,
        ),
        Form::Json => of_type(
            "application/feed+json; charset=utf-8",
            feed::json(subject, articles),
        ),
        Form::Csv => table::of_articles(subject.base, articles).answer(subject.file),
    })
}

fn of_type(kind: &'static str, body: String) -> Response {
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
