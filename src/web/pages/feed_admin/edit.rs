//! One feed as it is administered.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    domain::{FeedId, ListSelectors, SourceId},
    store::{
        audit,
        feed_edits::{self, Bulk, EditedFeed, FeedEdit},
        search::{self, SearchedSource},
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path, Query},
        pages::frame::Frame,
        reading,
        visitor::Visitor,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "feed_edit.html")]
pub(crate) struct FeedPage {
    frame: Frame,
    feed: EditedFeed,
    list: ListSelectors,
    sources: Vec<SearchedSource>,
    problem: Option<&'static str>,
    /// What was before a change, in the place of what is.
    earlier: Option<Earlier>,
}

/// What of an earlier state is no field of the form.
#[derive(Debug, Clone, Copy)]
struct Earlier {
    was_paused: bool,
}

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// A row of the audit, whose earlier state is to be looked at in the editor.
    audit: Option<i64>,
}

impl FeedPage {
    fn is_of(&self, source: &SearchedSource) -> bool {
        source.id == self.feed.source_id
    }

    /// Puts what the audit says that was into the form. What a row does not tell stays: a file of feeds names no source.
    fn take_back(&mut self, before: &Value) {
        let text = |name: &str| before.get(name).and_then(Value::as_str).map(str::to_owned);
        self.feed.title = text("title");
        self.feed.language = text("language");
        self.feed.category = text("category").unwrap_or_default();
        self.feed.note = text("note").unwrap_or_default();
        let list = before.get("list").cloned().unwrap_or_default();
        if let Ok(list) = serde_json::from_value(list) {
            self.list = list;
        }
        let source = before.get("source").and_then(Value::as_str);
        if let Some(source) = self
            .sources
            .iter()
            .find(|it| Some(it.slug.as_str()) == source)
        {
            self.feed.source_id = source.id;
        }
        let was_paused = before.get("paused").and_then(Value::as_bool);
        self.earlier = Some(Earlier {
            was_paused: was_paused.unwrap_or(self.feed.state == "paused"),
        });
    }
}

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedForm {
    #[serde(default)]
    title: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    note: String,
    source: i64,
    #[serde(default)]
    list_item: String,
    #[serde(default)]
    list_title: String,
    #[serde(default)]
    list_link: String,
    #[serde(default)]
    list_date: String,
    #[serde(default)]
    list_summary: String,
}

impl FeedForm {
    fn selectors(&self) -> Option<ListSelectors> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Some(ListSelectors {
            item: some(&self.list_item)?,
            title: some(&self.list_title),
            link: some(&self.list_link),
            date: some(&self.list_date),
            summary: some(&self.list_summary),
        })
    }
}

/// Whether a text names a language (the form of BCP 47), or none.
pub(super) fn is_language(text: &str) -> bool {
    text.len() <= 35 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Answers with the page, or with what was before a change in its form.
pub(crate) async fn show(
    State(state): State<WebState>,
    Path(id): Path<FeedId>,
    Query(wanted): Query<Wanted>,
) -> Result<FeedPage, WebError> {
    let mut page = page(&state, id, None).await?;
    if let Some(number) = wanted.audit {
        let row = audit::row(&state.db, number).await?;
        let before = row
            .filter(|row| row.feed == Some(id))
            .and_then(|row| row.before)
            .ok_or(WebError::NotFound("row of the audit"))?;
        page.take_back(&before);
    }
    Ok(page)
}

async fn page(
    state: &WebState,
    id: FeedId,
    problem: Option<&'static str>,
) -> Result<FeedPage, WebError> {
    let (feeds, sources) = tokio::try_join!(
        feed_edits::feeds(&state.db, Some(id)),
        search::sources(&state.db)
    )?;
    let feed = feeds.into_iter().next().ok_or(WebError::NotFound("feed"))?;
    let empty = || ListSelectors {
        item: String::new(),
        title: None,
        link: None,
        date: None,
        summary: None,
    };
    Ok(FeedPage {
        frame: Frame::bare(feed.title.as_deref().unwrap_or(&feed.source)),
        list: feed.list.clone().unwrap_or_else(empty),
        feed,
        sources,
        problem,
        earlier: None,
    })
}

/// Saves it.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<FeedId>,
    Form(form): Form<FeedForm>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let some = |text: &'_ str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let (title, language, list) = (some(&form.title), some(&form.language), form.selectors());
    if !is_language(language.as_deref().unwrap_or_default()) {
        let page = page(&state, id, Some(texts.no_language)).await?;
        return Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    let edit = FeedEdit {
        title: title.as_deref(),
        language: language.as_deref(),
        category: form.category.trim(),
        note: form.note.trim(),
        list: list.as_ref(),
        source: SourceId::new(form.source),
    };
    let (actor, now) = (visitor.actor(), state.clock.now());
    if !feed_edits::change(&state.db, id, edit, &actor, now).await? {
        let page = page(&state, id, Some(texts.no_such_source)).await?;
        return Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    Ok(Redirect::to(&format!("/feeds/{id}")).into_response())
}

/// Stops asking it.
pub(crate) async fn pause(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<FeedId>,
) -> Result<Response, WebError> {
    turn(&state, &visitor, id, Bulk::Pause).await
}

/// Asks it again.
pub(crate) async fn resume(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<FeedId>,
) -> Result<Response, WebError> {
    turn(&state, &visitor, id, Bulk::Resume).await
}

async fn turn(
    state: &WebState,
    visitor: &Visitor,
    id: FeedId,
    what: Bulk<'_>,
) -> Result<Response, WebError> {
    let (actor, now) = (visitor.actor(), state.clock.now());
    feed_edits::bulk(&state.db, &[id], what, &actor, now).await?;
    Ok(Redirect::to(&format!("/feeds/{id}")).into_response())
}
