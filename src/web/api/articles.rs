//! Every stored article once, by arrival; or those that a query finds, newest first.

use axum::{Json, extract::State};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{digits, limit};
use crate::{
    domain::{ArticleId, Field, Hit, Timestamp},
    query::Stop,
    store::article_stream::{self, Arrived, ArrivedArticle, ArrivedMatch, Selection},
    web::{
        WebState,
        error::WebError,
        extract::{Path, Query},
        pages::search::{Asked, Known, Readied},
        search::{Found, place, position},
    },
};

/// The most that one answer of a search holds.
const MAX_FOUND: i64 = 100;

/// Where to go on, and how far.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Page {
    /// `next` of the answer before: what arrived after it. Without, from the first article on.
    #[param(pattern = "^[0-9]{0,18}$")]
    since: Option<String>,
    /// At most so many; with `q` never more than 100.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
}

/// Articles, in order of arrival; with `q` what was found, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::web) enum ArticlesAnswer {
    /// Without `q`.
    Arrived(ArticlesBody),
    /// With `q`.
    Found(FoundBody),
}

/// A page of articles in order of arrival.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ArticlesBody {
    articles: Vec<ArticleBody>,
    /// The cursor to go on with as `since`, now or later.
    next: String,
    /// Whether there was more. An answer to filters may be empty although there is.
    more: bool,
}

/// An article with what it matches now.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ArticleBody {
    id: i64,
    /// The number that it got when it was placed: the order of `since`.
    arrival: i64,
    /// Its page at the publisher's.
    url: Option<String>,
    title: String,
    /// Plain text.
    summary: String,
    /// Plain text.
    content: String,
    /// BCP 47.
    language: Option<String>,
    authors: Vec<String>,
    categories: Vec<String>,
    /// Short name of the source.
    source: String,
    source_name: String,
    tier: String,
    /// ISO 3166-1 alpha-2.
    country: Option<String>,
    /// As the publisher says.
    published: Option<Timestamp>,
    /// The same, made fit for sorting.
    sort_at: Timestamp,
    first_seen: Timestamp,
    /// When its text last changed.
    updated: Option<Timestamp>,
    /// How often its text changed.
    revision: i32,
    /// History rather than news.
    is_backfill: bool,
    /// The story that it stands in.
    story: Option<i64>,
    /// Its original, if it is a copy.
    copy_of: Option<i64>,
    matches: Vec<MatchBody>,
}

/// A keyword that an article matches.
#[derive(Debug, Serialize, ToSchema)]
struct MatchBody {
    /// Short name of the keyword.
    keyword: String,
    /// The version of its query that matched.
    version: i32,
    hits: Vec<HitBody>,
    /// The branches of the query that held.
    why: String,
}

/// Where a term stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HitBody {
    field: Field,
    /// The first byte in the plain text of the field.
    start: u32,
    /// The first byte after it.
    end: u32,
    text: String,
    /// The concept that the term belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    concept: Option<String>,
}

impl From<ArrivedArticle> for ArticleBody {
    fn from(article: ArrivedArticle) -> Self {
        Self {
            id: article.id.get(),
            arrival: article.arrival,
            url: article.url,
            title: article.title,
            summary: article.summary,
            content: article.content,
            language: article.language,
            authors: article.authors,
            categories: article.categories,
            source: article.source,
            source_name: article.source_name,
            tier: article.tier,
            country: article.country,
            published: article.published_at,
            sort_at: article.sort_at,
            first_seen: article.first_seen_at,
            updated: article.updated_at,
            revision: article.revision,
            is_backfill: article.is_backfill,
            story: article.story.map(crate::domain::StoryId::get),
            copy_of: article.copy_of.map(ArticleId::get),
            matches: article.matches.into_iter().map(MatchBody::from).collect(),
        }
    }
}

impl From<Arrived> for ArticlesBody {
    fn from(arrived: Arrived) -> Self {
        Self {
            next: arrived.read_to.to_string(),
            more: arrived.has_more,
            articles: arrived
                .articles
                .into_iter()
                .map(ArticleBody::from)
                .collect(),
        }
    }
}

impl From<ArrivedMatch> for MatchBody {
    fn from(found: ArrivedMatch) -> Self {
        let ArrivedMatch {
            keyword,
            version,
            hits,
            why,
        } = found;
        Self {
            keyword,
            version,
            hits: hits.into_iter().map(HitBody::from).collect(),
            why,
        }
    }
}

impl From<Hit> for HitBody {
    fn from(hit: Hit) -> Self {
        let Hit {
            field,
            start,
            end,
            text,
            concept,
        } = hit;
        Self {
            field,
            start,
            end,
            text,
            concept,
        }
    }
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FoundBody {
    articles: Vec<FoundArticleBody>,
    /// `before` of the next answer; null where everything was read.
    next: Option<String>,
    /// How far back everything was read, where that ended the answer before it was full.
    read_to: Option<Timestamp>,
}

/// An article that was found.
#[derive(Debug, Serialize, ToSchema)]
struct FoundArticleBody {
    id: i64,
    url: Option<String>,
    title: String,
    summary: String,
    content: String,
    language: Option<String>,
    /// Name of the source.
    source: String,
    sort_at: Timestamp,
    /// Where the query was found.
    hits: Vec<HitBody>,
    /// The branches of the query that held.
    why: String,
}

impl FoundBody {
    fn new(found: Found, readied: &Readied) -> Self {
        Self {
            next: (found.stop != Stop::End).then(|| position(found.read_to)),
            read_to: (found.stop == Stop::Far).then_some(found.read_to.sort_at),
            articles: found
                .articles
                .into_iter()
                .map(|(article, matched)| FoundArticleBody {
                    id: article.id.get(),
                    source: readied
                        .sources
                        .get(&article.text.source_id)
                        .map(|source| source.name.clone())
                        .unwrap_or_default(),
                    url: article.text.url,
                    title: article.text.title,
                    summary: article.text.summary,
                    content: article.text.content,
                    language: article.text.language,
                    sort_at: article.text.sort_at,
                    hits: matched.hits.into_iter().map(HitBody::from).collect(),
                    why: matched.why,
                })
                .collect(),
        }
    }
}

/// Articles in order of arrival, or found by a query
///
/// Without `q`: every stored article once, in order of arrival, each with what it matches now. Ask again with `next` as
/// `since`, and nothing is missed and nothing comes twice, whatever commits meanwhile. With `q`: what a search finds,
/// newest first; ask on with `next` as `before`.
#[utoipa::path(get, path = "/api/v1/articles", tag = "articles", params(Page, Asked),
    responses((status = 200, description = "A page of articles", body = ArticlesAnswer)))]
pub(in crate::web) async fn list(
    State(state): State<WebState>,
    Query(page): Query<Page>,
    Query(asked): Query<Asked>,
) -> Result<Json<ArticlesAnswer>, WebError> {
    if asked.is_in_backlog() {
        return Err(WebError::BadRequest(
            "The backlog is searched on the page of the search alone.".to_owned(),
        ));
    }
    let after = cursor(page.since.as_deref())?;
    if !asked.q.trim().is_empty() {
        return Ok(Json(ArticlesAnswer::Found(
            search(&state, &page, &asked).await?,
        )));
    }
    let limit = limit(page.limit, 1_000)?;
    let selection = selection(&state, &asked).await?;
    let arrived = article_stream::arrived_after(&state.db, after, limit, &selection).await?;
    is_of_this_database(after, arrived.last)?;
    Ok(Json(ArticlesAnswer::Arrived(arrived.into())))
}

/// One article
///
/// With what it matches now.
#[utoipa::path(get, path = "/api/v1/articles/{id}", tag = "articles",
    params(("id" = i64, Path, description = "Number of the article")),
    responses((status = 200, description = "The article", body = ArticleBody)))]
pub(in crate::web) async fn one(
    State(state): State<WebState>,
    Path(id): Path<ArticleId>,
) -> Result<Json<ArticleBody>, WebError> {
    let found = article_stream::of_ids(&state.db, &[id]).await?;
    let article = found.into_iter().next();
    Ok(Json(article.ok_or(WebError::NotFound("article"))?.into()))
}

/// The filters of a search, as the stream is asked.
pub(in crate::web) async fn selection(
    state: &WebState,
    asked: &Asked,
) -> Result<Selection, WebError> {
    // It orders nothing here, but what it may be it may be everywhere.
    if !asked.before.is_empty() {
        place(&asked.before)?;
    }
    if !asked.has_filters() {
        return Ok(Selection::default());
    }
    let known = Known::read(state).await?;
    known.look_up(asked)?;
    let span = known.span(asked, &TimeZone::UTC)?;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(Selection {
        keyword: span.keyword,
        source: some(&asked.source),
        tier: some(&asked.tier),
        country: some(&asked.country.to_ascii_uppercase()),
        language: some(&asked.lang.to_ascii_lowercase()),
        from: (!asked.from.is_empty()).then_some(span.from),
        before: (!asked.to.is_empty()).then_some(asked.end(&TimeZone::UTC)?),
    })
}

async fn search(state: &WebState, page: &Page, asked: &Asked) -> Result<FoundBody, WebError> {
    let wanted = limit(page.limit, 1_000)?.min(MAX_FOUND);
    let wanted = usize::try_from(wanted).unwrap_or(1);
    let (readied, found) = found(state, asked, &TimeZone::UTC, wanted).await?;
    Ok(FoundBody::new(found, &readied))
}

/// What a search finds, with days of `zone`; a query that cannot be read is a bad request.
pub(in crate::web) async fn found(
    state: &WebState,
    asked: &Asked,
    zone: &TimeZone,
    wanted: usize,
) -> Result<(Readied, Found), WebError> {
    let known = Known::read(state).await?;
    known.look_up(asked)?;
    let readied = known.ready(state, asked).await?.map_err(|errors| {
        let messages: Vec<String> = errors
            .iter()
            .take(10)
            .map(|error| format!("at byte {}: {error}", error.start))
            .collect();
        WebError::BadRequest(messages.join("\n"))
    })?;
    let found = known.find(state, asked, &readied, zone, wanted).await?;
    Ok((readied, found))
}

/// The number of arrival that a cursor stands for.
pub(super) fn cursor(since: Option<&str>) -> Result<i64, WebError> {
    match since {
        None | Some("") => Ok(0),
        Some(cursor) => digits(cursor).ok_or_else(not_a_cursor),
    }
}

/// Refuses a cursor beyond the last number that was given: it is of a database that this one is an older copy of, and whoever went on
/// with it would miss whatever comes until its number is reached.
pub(super) fn is_of_this_database(cursor: i64, last: i64) -> Result<(), WebError> {
    if cursor > last {
        return Err(WebError::BadRequest(
            "This cursor is ahead of everything that has arrived here: the database was restored from a backup. Begin \
             again without it, or from the last number that you know is there."
                .to_owned(),
        ));
    }
    Ok(())
}

pub(super) fn not_a_cursor() -> WebError {
    WebError::BadRequest("“since” is not a cursor that an answer gave as “next”.".to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_what_an_answer_gave_or_nothing() {
        assert_eq!(cursor(None).unwrap(), 0);
        assert_eq!(cursor(Some("")).unwrap(), 0);
        assert_eq!(cursor(Some("412")).unwrap(), 412);
        for junk in ["x", "1.5", "99999999999999999999", " ", " 1", "+1", "-1"] {
            assert!(cursor(Some(junk)).is_err(), "{junk}");
        }
    }
}
