//! Every stored article once, by arrival; or those that a query finds, newest first.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Field, Hit, Timestamp},
    query::Stop,
    store::article_stream::{self, ArrivedArticle, ArrivedMatch},
    web::{
        WebState,
        error::WebError,
        extract::Query,
        pages::search::{Asked, Known, Readied},
        search::{Found, position},
    },
};

/// The most that one answer of a search holds.
const MAX_FOUND: i64 = 100;

/// Articles of one answer, unless asked otherwise.
const DEFAULT_LIMIT: i64 = 100;

/// The most that one answer holds.
const MAX_LIMIT: i64 = 1_000;

/// Where to go on, and how far.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Page {
    /// `next` of the answer before; from the first article without.
    since: Option<String>,
    /// At most this many, 1 to 1,000.
    limit: Option<i64>,
}

/// A page of articles.
#[derive(Debug, Serialize)]
pub(in crate::web) struct ArticlesBody {
    articles: Vec<ArticleBody>,
    /// The cursor to go on with, now or later.
    next: String,
}

#[derive(Debug, Serialize)]
struct ArticleBody {
    id: i64,
    arrival: i64,
    url: Option<String>,
    title: String,
    summary: String,
    content: String,
    language: Option<String>,
    source: String,
    published: Option<Timestamp>,
    first_seen: Timestamp,
    matches: Vec<MatchBody>,
}

#[derive(Debug, Serialize)]
struct MatchBody {
    keyword: String,
    version: i32,
    hits: Vec<HitBody>,
    why: String,
}

#[derive(Debug, Serialize)]
struct HitBody {
    field: Field,
    start: u32,
    end: u32,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    concept: Option<String>,
}

impl From<ArrivedArticle> for ArticleBody {
    fn from(article: ArrivedArticle) -> Self {
        let ArrivedArticle {
            id,
            arrival,
            url,
            title,
            summary,
            content,
            language,
            source,
            published_at,
            first_seen_at,
            matches,
        } = article;
        Self {
            id: id.get(),
            arrival,
            url,
            title,
            summary,
            content,
            language,
            source,
            published: published_at,
            first_seen: first_seen_at,
            matches: matches.into_iter().map(MatchBody::from).collect(),
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
#[derive(Debug, Serialize)]
struct FoundBody {
    articles: Vec<FoundArticleBody>,
    /// `before` of the next answer; null where everything was read.
    next: Option<String>,
    /// How far back everything was read, where that ended the answer before it was full.
    read_to: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct FoundArticleBody {
    id: i64,
    url: Option<String>,
    title: String,
    summary: String,
    content: String,
    language: Option<String>,
    source: String,
    sort_at: Timestamp,
    hits: Vec<HitBody>,
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

/// The articles after a cursor; with `q`, those that a search finds.
pub(in crate::web) async fn list(
    State(state): State<WebState>,
    Query(page): Query<Page>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    if !asked.q.trim().is_empty() {
        return Ok(search(&state, &page, &asked).await?.into_response());
    }
    let after = cursor(page.since.as_deref())?;
    let limit = page.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let articles = article_stream::arrived_after(&state.db, after, limit).await?;
    let next = articles.last().map_or(after, |last| last.arrival);
    let body = ArticlesBody {
        articles: articles.into_iter().map(ArticleBody::from).collect(),
        next: next.to_string(),
    };
    Ok(Json(body).into_response())
}

async fn search(state: &WebState, page: &Page, asked: &Asked) -> Result<Json<FoundBody>, WebError> {
    let known = Known::read(state).await?;
    let readied = known.ready(state, asked).await?.map_err(|errors| {
        let messages: Vec<String> = errors
            .iter()
            .take(10)
            .map(|error| format!("at byte {}: {error}", error.start))
            .collect();
        WebError::BadRequest(messages.join("\n"))
    })?;
    let limit = page.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_FOUND);
    let wanted = usize::try_from(limit).unwrap_or(1);
    let found = known.find(state, asked, &readied, wanted).await?;
    Ok(Json(FoundBody::new(found, &readied)))
}

/// The number of arrival that a cursor stands for.
fn cursor(since: Option<&str>) -> Result<i64, WebError> {
    match since.map(str::trim) {
        None | Some("") => Ok(0),
        Some(cursor) => cursor.parse().map_err(|_| {
            WebError::BadRequest(
                "“since” is not a cursor that an answer gave as “next”.".to_owned(),
            )
        }),
    }
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
        for junk in ["x", "1.5", "99999999999999999999"] {
            assert!(cursor(Some(junk)).is_err(), "{junk}");
        }
    }
}
