//! Every stored article once, by arrival.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Field, Hit, Timestamp},
    store::{
        PgPool,
        article_stream::{self, ArrivedArticle, ArrivedMatch},
    },
    web::{error::WebError, extract::Query},
};

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

/// The articles after a cursor.
pub(in crate::web) async fn since(
    State(db): State<PgPool>,
    Query(page): Query<Page>,
) -> Result<Json<ArticlesBody>, WebError> {
    let after = cursor(page.since.as_deref())?;
    let limit = page.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let articles = article_stream::arrived_after(&db, after, limit).await?;
    let next = articles.last().map_or(after, |last| last.arrival);
    Ok(Json(ArticlesBody {
        articles: articles.into_iter().map(ArticleBody::from).collect(),
        next: next.to_string(),
    }))
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
