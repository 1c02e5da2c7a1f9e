//! A new feed: an address is tried, what it is read as is shown, and only then it is added.
//!
//! Nothing is asked from here: the wish is a row, a worker asks, and the page looks again until there is an outcome.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    frame::{Frame, Place},
    line::outward,
    moments::Moment,
    selectors::{self, SelectorField},
};
use crate::{
    domain::{
        FeedUrl, FeedUrlError, ListSelectors, OfferedFeed, Preview, PreviewedEntry, SourceId,
        Subject, Timestamp, Trial, TrialId,
    },
    pipeline,
    query::{Engine, Scratch},
    store::{
        beat,
        feed_health::{self, Collection},
        new_feeds::{self, Added, NewFeed},
        search::{self, SearchedSource},
        trials::{self, StoredTrial},
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path},
        reading,
        visitor::Visitor,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "new_feed.html")]
pub(crate) struct NewFeedPage {
    frame: Frame,
    url: String,
    fields: Fields,
    problem: Option<String>,
    /// Whether a worker is at it.
    is_waiting: bool,
    offers: Vec<OfferedFeed>,
    preview: Option<Shown>,
    sources: Vec<SearchedSource>,
}

/// How a list is read, as the form has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrialForm {
    url: String,
    #[serde(default)]
    item: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    link: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    summary: String,
}

/// What adds a feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddForm {
    url: String,
    source: i64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    item: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    link: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    summary: String,
}

/// Selectors as texts; empty: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Fields {
    item: String,
    title: String,
    link: String,
    date: String,
    summary: String,
}

impl Fields {
    fn of(selectors: &ListSelectors) -> Self {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self {
            item: selectors.item.clone(),
            title: text(&selectors.title),
            link: text(&selectors.link),
            date: text(&selectors.date),
            summary: text(&selectors.summary),
        }
    }

    /// What they ask for; none where the list is to be guessed.
    fn selectors(&self) -> Option<ListSelectors> {
        Some(self.typed()).filter(|selectors| !selectors.item.is_empty())
    }

    fn typed(&self) -> ListSelectors {
        let some = |field: &str| Some(field.trim().to_owned()).filter(|field| !field.is_empty());
        ListSelectors {
            item: self.item.trim().to_owned(),
            title: some(&self.title),
            link: some(&self.link),
            date: some(&self.date),
            summary: some(&self.summary),
        }
    }
}

impl NewFeedPage {
    /// The fields for how its page is read.
    fn selectors(&self) -> Vec<SelectorField> {
        let names = ["item", "title", "link", "date", "summary"];
        selectors::fields(names, &self.fields.typed())
    }
}

impl TrialForm {
    fn fields(&self) -> Fields {
        Fields {
            item: self.item.clone(),
            title: self.title.clone(),
            link: self.link.clone(),
            date: self.date.clone(),
            summary: self.summary.clone(),
        }
    }
}

impl AddForm {
    fn fields(&self) -> Fields {
        Fields {
            item: self.item.clone(),
            title: self.title.clone(),
            link: self.link.clone(),
            date: self.date.clone(),
            summary: self.summary.clone(),
        }
    }
}

/// A preview as the page shows it.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    is_list: bool,
    title: String,
    counts: String,
    lines: Vec<PreviewLine>,
}

#[derive(Debug, PartialEq, Eq)]
struct PreviewLine {
    title: String,
    link: Option<String>,
    published: Option<Moment>,
    summary: String,
    /// Names of the keywords that it would be under.
    keywords: String,
}

/// Answers with an empty form.
pub(crate) async fn show(State(state): State<WebState>) -> Result<NewFeedPage, WebError> {
    let collection = feed_health::collection(&state.db).await?;
    Ok(page(&collection, state.clock.now()))
}

fn page(collection: &Collection, now: Timestamp) -> NewFeedPage {
    let texts = reading::current().texts;
    NewFeedPage {
        frame: Frame::new(texts.new_feed, Place::Feeds, collection, now),
        url: String::new(),
        fields: Fields::default(),
        problem: None,
        is_waiting: false,
        offers: Vec::new(),
        preview: None,
        sources: Vec::new(),
    }
}

/// Notes the wish to try an address, and leads to its page.
pub(crate) async fn ask(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(form): Form<TrialForm>,
) -> Result<Response, WebError> {
    let fields = form.fields();
    let (url, selectors) = match named(&form.url, &fields) {
        Ok(named) => named,
        Err(problem) => return refused(&state, form.url, fields, problem).await,
    };
    let now = state.clock.now();
    let asked = trials::ask(&state.db, &url, selectors.as_ref(), &visitor.actor(), now).await?;
    if let Some(id) = asked {
        return Ok(Redirect::to(&format!("/admin/feeds/trials/{id}")).into_response());
    }
    let problem = reading::current().texts.too_many_trials.to_owned();
    refused(&state, form.url, fields, problem).await
}

/// What a form is about: an address, and how its list is read; or why no poll could ask it.
fn named(url: &str, fields: &Fields) -> Result<(FeedUrl, Option<ListSelectors>), String> {
    let url: FeedUrl = url
        .parse()
        .map_err(|error: FeedUrlError| error.to_string())?;
    let selectors = fields.selectors();
    match selectors.as_ref().and_then(pipeline::page::problem) {
        None => Ok((url, selectors)),
        Some(_) => Err(reading::current().texts.selector_cannot_be_read.to_owned()),
    }
}

async fn refused(
    state: &WebState,
    url: String,
    fields: Fields,
    problem: String,
) -> Result<Response, WebError> {
    let collection = feed_health::collection(&state.db).await?;
    let page = NewFeedPage {
        url,
        fields,
        problem: Some(problem),
        ..page(&collection, state.clock.now())
    };
    Ok(with_page(
        axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        page,
    ))
}

/// Answers with what came of a trial, or with a page that looks again.
pub(crate) async fn trial(
    State(state): State<WebState>,
    Path(id): Path<TrialId>,
) -> Result<NewFeedPage, WebError> {
    let (stored, sources, collection) = tokio::try_join!(
        trials::get(&state.db, id),
        search::sources(&state.db),
        feed_health::collection(&state.db)
    )?;
    let stored = stored.ok_or(WebError::NotFound("trial"))?;
    let matched = matched(&state, &stored).await?;
    let mut page = view(stored, sources, &collection, state.clock.now());
    if let Some(preview) = &mut page.preview {
        for (line, keywords) in preview.lines.iter_mut().zip(matched) {
            line.keywords = keywords;
        }
    }
    Ok(page)
}

/// The keywords that each entry of a preview would be under, as far as its beginning tells.
async fn matched(state: &WebState, stored: &StoredTrial) -> Result<Vec<String>, WebError> {
    let preview = stored
        .outcome
        .as_ref()
        .and_then(|trial| trial.preview.as_ref());
    let Some(preview) = preview else {
        return Ok(Vec::new());
    };
    let entries = preview.first.clone();
    let source = beat::engine_source(&state.db).await?;
    let lexicon = state.words.lexicon(&state.db, &state.cores).await?;
    let judging = state.cores.work(move || {
        let (engine, _) = Engine::compile(&source.keywords, &lexicon);
        let mut scratch = Scratch::default();
        let name = |id| source.keywords.iter().find(|keyword| keyword.id == id);
        entries
            .iter()
            .map(|entry| {
                let subject = Subject {
                    title: &entry.title,
                    summary: &entry.summary,
                    ..Subject::default()
                };
                let found = engine.matches(&subject, &mut scratch);
                let names = found
                    .iter()
                    .filter_map(|found| Some(name(found.keyword_id)?.name.clone()));
                names.collect::<Vec<_>>().join(", ")
            })
            .collect()
    });
    Ok(judging.await)
}

fn view(
    stored: StoredTrial,
    sources: Vec<SearchedSource>,
    collection: &Collection,
    now: Timestamp,
) -> NewFeedPage {
    let asked = stored
        .selectors
        .as_ref()
        .map(Fields::of)
        .unwrap_or_default();
    let Some(outcome) = stored.outcome else {
        return NewFeedPage {
            url: stored.url,
            fields: asked,
            is_waiting: true,
            ..page(collection, now)
        };
    };
    let Trial {
        url: _,
        preview,
        offers,
        problem,
    } = outcome;
    let guessed = preview
        .as_ref()
        .and_then(|preview| preview.selectors.as_ref())
        .map(Fields::of);
    NewFeedPage {
        url: stored.url,
        fields: guessed.unwrap_or(asked),
        problem,
        offers,
        preview: preview.map(|preview| shown(preview, now)),
        sources,
        ..page(collection, now)
    }
}

fn shown(preview: Preview, now: Timestamp) -> Shown {
    let texts = reading::current().texts;
    let counts = if preview.skipped > 0 {
        format!(
            "{} {}, {} {}",
            preview.entries, texts.entries, preview.skipped, texts.skipped
        )
    } else {
        format!("{} {}", preview.entries, texts.entries)
    };
    Shown {
        is_list: preview.selectors.is_some(),
        title: preview.title.unwrap_or_default(),
        counts,
        lines: preview
            .first
            .into_iter()
            .map(|entry: PreviewedEntry| PreviewLine {
                link: outward(entry.url.as_deref()),
                title: entry.title,
                published: entry.published.map(|at| Moment::clock(now, at)),
                summary: entry.summary,
                keywords: String::new(),
            })
            .collect(),
    }
}

/// Adds the feed, and leads to its page.
pub(crate) async fn add(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(form): Form<AddForm>,
) -> Result<Response, WebError> {
    let fields = form.fields();
    let (url, list) = match named(&form.url, &fields) {
        Ok(named) => named,
        Err(problem) => return refused(&state, form.url, fields, problem).await,
    };
    let name = form.name.trim();
    let feed = NewFeed {
        source: SourceId::new(form.source),
        url: &url,
        title: (!name.is_empty()).then_some(name),
        list: list.as_ref(),
        note: form.note.trim(),
    };
    let added = new_feeds::add(&state.db, &feed, &visitor.actor(), state.clock.now()).await?;
    match added {
        Added::Done(id) | Added::Known(id) => {
            Ok(Redirect::to(&format!("/feeds/{id}")).into_response())
        }
        Added::NoSource => {
            let problem = reading::current().texts.no_such_source.to_owned();
            refused(&state, form.url, fields, problem).await
        }
    }
}
