//! One feed as it is administered.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{FeedId, ListSelectors, SourceId},
    pipeline,
    store::{
        audit,
        feed_edits::{self, Bulk, EditedFeed, FeedChange, FeedEdit},
        search::{self, SearchedSource},
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path, Query},
        pages::{
            frame::Frame,
            meanwhile::{self, Other},
            selectors::{self, SelectorField},
        },
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
    form: FeedForm,
    sources: Vec<SearchedSource>,
    problem: Option<&'static str>,
    meanwhile: Vec<Other>,
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
        source.id == SourceId::new(self.form.source)
    }

    /// The name of a source by its number.
    fn name_of(&self, source: i64) -> String {
        self.sources
            .iter()
            .find(|it| it.id == SourceId::new(source))
            .map_or_else(String::new, |it| it.name.clone())
    }

    /// Puts what the audit says that was into the form. What a row does not tell stays: a file of feeds names no source.
    fn take_back(&mut self, before: &Value) {
        let text = |name: &str| {
            let text = before.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        self.form.title = text("title");
        self.form.language = text("language");
        self.form.category = text("category");
        self.form.note = text("note");
        let list = before.get("list").cloned().unwrap_or_default();
        if let Ok(list) = serde_json::from_value(list) {
            self.form.set_list(list);
        }
        let source = before.get("source").and_then(Value::as_str);
        if let Some(source) = self
            .sources
            .iter()
            .find(|it| Some(it.slug.as_str()) == source)
        {
            self.form.source = source.id.get();
        }
        let was_paused = before.get("paused").and_then(Value::as_bool);
        self.earlier = Some(Earlier {
            was_paused: was_paused.unwrap_or(self.feed.state == "paused"),
        });
    }

    /// The fields for how its page is read.
    fn selectors(&self) -> Vec<SelectorField> {
        let names = [
            "list_item",
            "list_title",
            "list_link",
            "list_date",
            "list_summary",
        ];
        selectors::fields(names, &self.form.selectors())
    }

    /// Tells what is saved by now. The form is of that from here on.
    fn tell_meanwhile(&mut self) {
        let texts = reading::current().texts;
        let (saved, typed) = (FeedForm::of(&self.feed), &self.form);
        let sources = (self.name_of(saved.source), self.name_of(typed.source));
        self.meanwhile = meanwhile::others([
            (texts.feed_name, &saved.title, &typed.title),
            (texts.source, &sources.0, &sources.1),
            (texts.language_of, &saved.language, &typed.language),
            (texts.category, &saved.category, &typed.category),
            (texts.note, &saved.note, &typed.note),
            (texts.selector_item, &saved.list_item, &typed.list_item),
            (texts.selector_title, &saved.list_title, &typed.list_title),
            (texts.selector_link, &saved.list_link, &typed.list_link),
            (texts.selector_date, &saved.list_date, &typed.list_date),
            (
                texts.selector_summary,
                &saved.list_summary,
                &typed.list_summary,
            ),
        ]);
        self.form.seen = saved.seen;
    }
}

/// What the form holds.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedForm {
    /// The seal of what was saved when it was shown.
    #[serde(default, skip_serializing)]
    seen: String,
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

/// A field without the white space around it; none if nothing is left.
fn some(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

impl FeedForm {
    fn of(feed: &EditedFeed) -> Self {
        let mut form = Self {
            title: feed.title.clone().unwrap_or_default(),
            language: feed.language.clone().unwrap_or_default(),
            category: feed.category.clone(),
            note: feed.note.clone(),
            source: feed.source_id.get(),
            ..Self::default()
        };
        form.set_list(feed.list.clone().unwrap_or_default());
        form.seen = meanwhile::seal(&form);
        form
    }

    fn set_list(&mut self, list: ListSelectors) {
        self.list_item = list.item;
        self.list_title = list.title.unwrap_or_default();
        self.list_link = list.link.unwrap_or_default();
        self.list_date = list.date.unwrap_or_default();
        self.list_summary = list.summary.unwrap_or_default();
    }

    fn selectors(&self) -> ListSelectors {
        let owned = |text: &str| some(text).map(str::to_owned);
        ListSelectors {
            item: self.list_item.trim().to_owned(),
            title: owned(&self.list_title),
            link: owned(&self.list_link),
            date: owned(&self.list_date),
            summary: owned(&self.list_summary),
        }
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
    let mut page = page(&state, id).await?;
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

/// The page of the feed as it is saved.
async fn page(state: &WebState, id: FeedId) -> Result<FeedPage, WebError> {
    let (feeds, sources) = tokio::try_join!(
        feed_edits::feeds(&state.db, Some(id)),
        search::sources(&state.db)
    )?;
    let feed = feeds.into_iter().next().ok_or(WebError::NotFound("feed"))?;
    Ok(FeedPage {
        frame: Frame::bare(feed.title.as_deref().unwrap_or(&feed.source)),
        form: FeedForm::of(&feed),
        feed,
        sources,
        problem: None,
        meanwhile: Vec::new(),
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
    let mut page = page(&state, id).await?;
    let list = page.feed.list.as_ref().map(|_| form.selectors());
    let edit = FeedEdit {
        title: some(&form.title),
        language: some(&form.language),
        category: form.category.trim(),
        note: form.note.trim(),
        list: list.as_ref(),
        source: SourceId::new(form.source),
    };
    let problem = if !is_language(edit.language.unwrap_or_default()) {
        Some(texts.no_language)
    } else if list.as_ref().is_some_and(|list| list.item.is_empty()) {
        Some(texts.list_needs_item)
    } else if list.as_ref().and_then(pipeline::page::problem).is_some() {
        Some(texts.selector_cannot_be_read)
    } else {
        None
    };
    let seen = page.feed.edit();
    let change = if problem.is_some() {
        None
    } else if form.seen == page.form.seen || edit == seen {
        let (actor, now) = (visitor.actor(), state.clock.now());
        Some(feed_edits::change(&state.db, id, edit, seen, &actor, now).await?)
    } else {
        Some(FeedChange::Outdated)
    };
    match change {
        Some(FeedChange::Done) => {
            return Ok(Redirect::to(&format!("/feeds/{id}")).into_response());
        }
        Some(FeedChange::Outdated) => {
            page = self::page(&state, id).await?;
            page.form = form;
            page.tell_meanwhile();
            return Ok(with_page(StatusCode::CONFLICT, page));
        }
        Some(FeedChange::Unknown) => page.problem = Some(texts.no_such_source),
        None => page.problem = problem,
    }
    page.form = form;
    Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page))
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
