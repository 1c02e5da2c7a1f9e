//! Feeds administered: all in one list, many changed at once, lists of feeds from and for other readers.

pub(in crate::web) mod edit;
pub(in crate::web) mod source;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{frame::Frame, moments::Moment};
use crate::{
    domain::{FeedId, Timestamp},
    store::{
        feed_edits::{self, Bulk, EditedFeed},
        opml_imports::{self, ToldList},
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Query},
        reading,
        visitor::Visitor,
    },
};

/// The list.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "feed_admin.html")]
pub(crate) struct FeedsPage {
    frame: Frame,
    wanted: Wanted,
    given: Given,
    feeds: Vec<FeedLine>,
    lists: Lists,
    told: Option<String>,
    problem: Option<&'static str>,
}

#[derive(Debug)]
struct FeedLine {
    id: i64,
    name: String,
    url: String,
    source: String,
    source_slug: String,
    facts: String,
    category: String,
    state: String,
    error: String,
    last_success: Option<Moment>,
    is_chosen: bool,
}

/// How the lists fare that were pasted. It holds no form, so that it may read itself anew.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "feed_lists.html")]
pub(crate) struct ListsPage {
    frame: Frame,
    lists: Lists,
}

/// The lists that were pasted, the latest first.
#[derive(Debug)]
struct Lists {
    lines: Vec<ListLine>,
}

#[derive(Debug)]
struct ListLine {
    actor: String,
    when: Moment,
    outcome: String,
    is_waiting: bool,
}

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// Letters in name, address, source or category.
    q: String,
    state: String,
    /// How many were changed.
    changed: Option<usize>,
}

impl Wanted {
    fn takes(&self, feed: &EditedFeed) -> bool {
        let words = self.q.trim().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&words);
        let title = feed.title.as_deref().unwrap_or_default();
        (self.state.is_empty() || self.state == feed.state)
            && (has(title)
                || has(&feed.url)
                || has(&feed.source)
                || has(&feed.category)
                || has(&feed.note))
    }
}

/// What a form that is refused held: it is given back.
#[derive(Debug, Default)]
struct Given {
    /// The feeds that are chosen.
    feeds: Vec<FeedId>,
    category: String,
    language: String,
    /// The list that was pasted.
    opml: String,
}

/// Answers with the list.
pub(crate) async fn list(
    State(state): State<WebState>,
    Query(wanted): Query<Wanted>,
) -> Result<FeedsPage, WebError> {
    page(&state, wanted, Given::default(), None).await
}

async fn page(
    state: &WebState,
    wanted: Wanted,
    given: Given,
    problem: Option<&'static str>,
) -> Result<FeedsPage, WebError> {
    let texts = reading::current().texts;
    let (feeds, lists) = tokio::try_join!(
        feed_edits::feeds(&state.db, None),
        opml_imports::last(&state.db)
    )?;
    let now = state.clock.now();
    let line = |feed: EditedFeed| FeedLine {
        id: feed.id.get(),
        name: feed.title.unwrap_or_default(),
        facts: facts(
            &feed.tier,
            feed.country.as_deref(),
            feed.language.as_deref(),
        ),
        url: feed.url,
        source: feed.source,
        source_slug: feed.source_slug,
        category: feed.category,
        state: feed.state,
        error: feed.error.unwrap_or_default(),
        last_success: feed.last_success_at.map(|at| Moment::ago(now, at)),
        is_chosen: given.feeds.contains(&feed.id),
    };
    Ok(FeedsPage {
        frame: Frame::bare(texts.feeds_administered),
        feeds: feeds
            .into_iter()
            .filter(|feed| wanted.takes(feed))
            .map(line)
            .collect(),
        lists: Lists::told(lists, now),
        told: wanted
            .changed
            .map(|changed| format!("{}: {changed}", texts.feeds_changed)),
        wanted,
        given,
        problem,
    })
}

/// Answers with what came of the lists that were pasted.
pub(crate) async fn lists(State(state): State<WebState>) -> Result<ListsPage, WebError> {
    let lists = opml_imports::last(&state.db).await?;
    Ok(ListsPage {
        frame: Frame::bare(reading::current().texts.how_lists_fare),
        lists: Lists::told(lists, state.clock.now()),
    })
}

impl Lists {
    fn told(lists: Vec<ToldList>, now: Timestamp) -> Self {
        let waits = reading::current().texts.list_waits;
        let line = |list: ToldList| ListLine {
            actor: list.actor,
            when: Moment::ago(now, list.asked_at),
            is_waiting: list.outcome.is_none(),
            outcome: list.outcome.unwrap_or_else(|| waits.to_owned()),
        };
        Self {
            lines: lists.into_iter().map(line).collect(),
        }
    }

    fn is_waiting(&self) -> bool {
        self.lines.iter().any(|list| list.is_waiting)
    }
}

fn facts(tier: &str, country: Option<&str>, language: Option<&str>) -> String {
    [Some(tier), country, language]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Does the same to all feeds that are chosen.
pub(crate) async fn bulk(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let (mut given, mut action) = (Given::default(), String::new());
    for (name, value) in fields {
        match name.as_str() {
            "feed" => {
                let id = value.parse().map_err(|_| {
                    WebError::BadRequest("“feed” is no number of a feed.".to_owned())
                })?;
                given.feeds.push(FeedId::new(id));
            }
            "action" => action = value,
            "category" => value.trim().clone_into(&mut given.category),
            "language" => value.trim().clone_into(&mut given.language),
            _ => return Err(WebError::BadRequest("There is no such field.".to_owned())),
        }
    }
    let wishes = given.wishes(&action)?;
    let problem = if given.feeds.is_empty() {
        Some(texts.choose_feeds)
    } else if wishes.is_empty() {
        Some(texts.nothing_filled_in)
    } else if wishes.iter().any(is_no_language) {
        Some(texts.no_language)
    } else {
        None
    };
    if problem.is_some() {
        let page = page(&state, Wanted::default(), given, problem).await?;
        return Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    let (actor, now) = (visitor.actor(), state.clock.now());
    let mut changed = 0;
    for wish in wishes {
        let done = feed_edits::bulk(&state.db, &given.feeds, wish, &actor, now).await?;
        changed = done.max(changed);
    }
    Ok(Redirect::to(&format!("/admin/feeds?changed={changed}")).into_response())
}

/// Whether a wish names a language that is none.
fn is_no_language(wish: &Bulk<'_>) -> bool {
    matches!(wish, Bulk::Language(language) if !edit::is_language(language))
}

impl Given {
    /// What is to be done with the feeds that are chosen.
    ///
    /// # Errors
    /// There is no such action.
    fn wishes(&self, action: &str) -> Result<Vec<Bulk<'_>>, WebError> {
        let wishes = match action {
            "pause" => vec![Bulk::Pause],
            "resume" => vec![Bulk::Resume],
            "poll" => vec![Bulk::PollSoon],
            "category" => vec![Bulk::Category(&self.category)],
            "language" => vec![Bulk::Language(&self.language)],
            // What Enter in a field means.
            "filled" => [
                Bulk::Category(&self.category),
                Bulk::Language(&self.language),
            ]
            .into_iter()
            .zip([&self.category, &self.language])
            .filter(|(_, field)| !field.is_empty())
            .map(|(wish, _)| wish)
            .collect(),
            _ => return Err(WebError::BadRequest("There is no such action.".to_owned())),
        };
        Ok(wishes)
    }
}

/// The longest list of feeds that is taken from a page, in bytes.
const LARGEST_LIST: usize = 4 << 20;
/// The form with it: a byte of a form takes three at most (`%0A`).
pub(crate) const LARGEST_FORM: usize = 3 * LARGEST_LIST + 1_024;

/// A pasted list of feeds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pasted {
    opml: String,
}

/// Notes a pasted list; a worker reads it.
pub(crate) async fn import(
    State(state): State<WebState>,
    visitor: Visitor,
    pasted: Result<Form<Pasted>, WebError>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let refused = async |status: StatusCode, problem: &'static str, opml: String| {
        let given = Given {
            opml,
            ..Given::default()
        };
        let page = page(&state, Wanted::default(), given, Some(problem)).await?;
        Ok(with_page(status, page))
    };
    let opml = match pasted {
        Ok(Form(Pasted { opml })) if opml.len() <= LARGEST_LIST => opml,
        Ok(Form(Pasted { opml })) => {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, texts.list_too_long, opml).await;
        }
        // Of so long a form nothing was read.
        Err(WebError::TooLarge) => {
            let nothing = String::new();
            return refused(StatusCode::PAYLOAD_TOO_LARGE, texts.list_too_long, nothing).await;
        }
        Err(error) => return Err(error),
    };
    let now = state.clock.now();
    let is_noted = opml_imports::ask(&state.db, &opml, &visitor.actor(), now).await?;
    if is_noted {
        return Ok(Redirect::to("/admin/feeds#lists").into_response());
    }
    refused(StatusCode::UNPROCESSABLE_ENTITY, texts.too_many_lists, opml).await
}

/// All feeds, as other readers take them (OPML 2.0).
#[derive(Template)]
#[template(path = "feeds.opml.xml")]
struct Outlines {
    feeds: Vec<EditedFeed>,
}

/// Answers with the feeds as a list for other readers.
pub(crate) async fn export(State(state): State<WebState>) -> Result<Response, WebError> {
    let outlines = Outlines {
        feeds: feed_edits::feeds(&state.db, None).await?,
    };
    let headers = [
        (header::CONTENT_TYPE, "text/x-opml; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"wirewatch.opml\"",
        ),
    ];
    Ok((headers, outlines.render()?).into_response())
}
