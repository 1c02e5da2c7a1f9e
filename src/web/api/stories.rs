//! Stories with what the desk made of them.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::limit;
use crate::{
    domain::{
        ArticleId, StoryId, Timestamp,
        desk::{Desk, PassReason},
    },
    store::{
        desk::{self, StoryDesk},
        story_page::{self, StoryArticle, StoryLine},
    },
    web::{
        WebState,
        error::WebError,
        extract::{Path, Query},
        pages::stories::place,
    },
};

/// Where to go on, and how far.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Page {
    /// `next` of the answer before.
    #[param(pattern = "^([0-9]{1,17}-[0-9]{1,18})?$")]
    before: Option<String>,
    /// Articles that a story has at least.
    #[param(minimum = 1, maximum = 1000, default = 2)]
    least: Option<i32>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200, default = 100)]
    limit: Option<i64>,
}

/// A page of stories, the latest independent report first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct StoriesBody {
    stories: Vec<StoryBody>,
    /// `before` of the next answer; null where there is no more.
    next: Option<String>,
}

/// A story.
#[derive(Debug, Serialize, ToSchema)]
struct StoryBody {
    id: i64,
    /// The headline of the article that was first.
    title: String,
    language: Option<String>,
    /// Who was first.
    source: String,
    tier: String,
    country: Option<String>,
    articles: i32,
    /// Articles that are no copies.
    reports: i32,
    sources: i64,
    first_seen: Timestamp,
    /// When the latest independent report was seen.
    last_report: Timestamp,
    desk: DeskBody,
}

/// What the desk made of a story.
#[derive(Debug, Default, Serialize, ToSchema)]
struct DeskBody {
    /// `new`, `claimed`, `used`, `passed` or `watch`.
    state: &'static str,
    by: Option<String>,
    since: Option<Timestamp>,
    /// The end of a claim.
    until: Option<Timestamp>,
    /// Our piece.
    link: Option<String>,
    /// Why it was passed.
    reason: Option<&'static str>,
    /// Who is to see to it.
    assignee: Option<String>,
    notes: i64,
}

impl DeskBody {
    fn new(desk: Desk, notes: i64) -> Self {
        Self {
            state: desk.state.as_str(),
            by: (!desk.by.is_empty()).then_some(desk.by),
            since: desk.since,
            until: desk.until,
            link: desk.link,
            reason: desk.reason.map(PassReason::as_str),
            assignee: desk.assignee,
            notes,
        }
    }

    fn of(told: &[StoryDesk], story: StoryId) -> Self {
        match told.iter().find(|told| told.story == story) {
            Some(told) => Self::new(told.desk.clone(), told.notes),
            None => Self::new(Desk::default(), 0),
        }
    }
}

impl StoryBody {
    fn new(line: StoryLine, told: &[StoryDesk]) -> Self {
        Self {
            id: line.id.get(),
            desk: DeskBody::of(told, line.id),
            title: line.title,
            language: line.language,
            source: line.source,
            tier: line.tier,
            country: line.country,
            articles: line.articles,
            reports: line.reports,
            sources: line.sources,
            first_seen: line.first_seen_at,
            last_report: line.last_report_at,
        }
    }
}

/// A story with its articles.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct OneStoryBody {
    /// Of the story that was asked for, or of the one that took its articles.
    id: i64,
    desk: DeskBody,
    /// First seen first; at most 1,000.
    articles: Vec<MemberBody>,
}

/// An article of a story.
#[derive(Debug, Serialize, ToSchema)]
struct MemberBody {
    id: i64,
    /// Its original, if it is a copy.
    copy_of: Option<i64>,
    url: Option<String>,
    title: String,
    /// The beginning of its text.
    text: String,
    language: Option<String>,
    authors: Vec<String>,
    source: String,
    tier: String,
    country: Option<String>,
    published: Option<Timestamp>,
    first_seen: Timestamp,
    /// Names of the keywords that it matches.
    keywords: Vec<String>,
}

impl From<StoryArticle> for MemberBody {
    fn from(article: StoryArticle) -> Self {
        Self {
            id: article.id.get(),
            copy_of: article.copy_of.map(ArticleId::get),
            url: article.url,
            title: article.title,
            text: article.text,
            language: article.language,
            authors: article.authors,
            source: article.source,
            tier: article.tier,
            country: article.country,
            published: article.published_at,
            first_seen: article.first_seen_at,
            keywords: article.keywords,
        }
    }
}

/// Stories, the latest independent report first
#[utoipa::path(get, path = "/api/v1/stories", tag = "stories", params(Page),
    responses((status = 200, description = "A page of stories", body = StoriesBody)))]
pub(in crate::web) async fn list(
    State(state): State<WebState>,
    Query(page): Query<Page>,
) -> Result<Json<StoriesBody>, WebError> {
    let before = page
        .before
        .as_deref()
        .filter(|place| !place.is_empty())
        .map(place)
        .transpose()?;
    let limit = limit(page.limit, 200)?;
    let least = page.least.unwrap_or(2);
    if !(1..=1_000).contains(&least) {
        return Err(WebError::BadRequest(
            "“least” is a whole number from 1 to 1000.".to_owned(),
        ));
    }
    let lines = story_page::latest(&state.db, before, least, limit).await?;
    let ids: Vec<StoryId> = lines.iter().map(|line| line.id).collect();
    let told = desk::of_stories(&state.db, &ids, state.clock.now()).await?;
    let is_full = i64::try_from(lines.len()).is_ok_and(|count| count >= limit);
    Ok(Json(StoriesBody {
        next: lines
            .last()
            .filter(|_| is_full)
            .map(|last| format!("{}-{}", last.last_report_at.as_micros(), last.id)),
        stories: lines
            .into_iter()
            .map(|line| StoryBody::new(line, &told))
            .collect(),
    }))
}

/// One story
///
/// With its articles. A story that was merged leads to the one that took its articles.
#[utoipa::path(get, path = "/api/v1/stories/{id}", tag = "stories",
    params(("id" = i64, Path, description = "Number of the story")),
    responses((status = 200, description = "The story", body = OneStoryBody)))]
pub(in crate::web) async fn one(
    State(state): State<WebState>,
    Path(id): Path<StoryId>,
) -> Result<Json<OneStoryBody>, WebError> {
    let id = story_page::survivor(&state.db, id)
        .await?
        .ok_or(WebError::NotFound("story"))?;
    let now = state.clock.now();
    let ids = [id];
    let (articles, told) = tokio::try_join!(
        story_page::articles(&state.db, id),
        desk::of_stories(&state.db, &ids, now)
    )?;
    Ok(Json(OneStoryBody {
        id: id.get(),
        desk: DeskBody::of(&told, id),
        articles: articles.into_iter().map(MemberBody::from).collect(),
    }))
}
