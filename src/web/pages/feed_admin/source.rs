//! What is known of a source: name, domain, country, language, tier, tags. Keywords may ask for these.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};

use super::edit::is_language;
use crate::{
    domain::{Changing, Tier},
    query::dependants,
    store::{
        audit,
        beat::{self, Dependants},
        feed_edits::{self, SourceChange, SourceEdit},
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path, Query},
        pages::{
            frame::Frame,
            keywords::is_short_name,
            meanwhile::{self, Other},
            saving::TRIES,
        },
        reading,
        visitor::Visitor,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "source_edit.html")]
pub(crate) struct SourcePage {
    frame: Frame,
    /// None for a new one.
    slug: Option<String>,
    form: SourceForm,
    tiers: [Tier; 7],
    problem: Option<&'static str>,
    meanwhile: Vec<Other>,
    is_saved: bool,
}

/// What the form holds.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceForm {
    /// The seal of what was saved when it was shown.
    #[serde(default, skip_serializing)]
    seen: String,
    #[serde(default)]
    slug: String,
    name: String,
    domain: String,
    #[serde(default)]
    country: String,
    #[serde(default)]
    language: String,
    tier: String,
    #[serde(default)]
    tags: String,
    #[serde(default)]
    note: String,
}

impl SourceForm {
    fn of(slug: &str, edit: &SourceEdit) -> Self {
        let mut form = Self {
            seen: String::new(),
            slug: slug.to_owned(),
            name: edit.name.clone(),
            domain: edit.domain.clone(),
            country: edit.country.clone().unwrap_or_default(),
            language: edit.language.clone().unwrap_or_default(),
            tier: edit.tier.as_str().to_owned(),
            tags: edit.tags.join(" "),
            note: edit.note.clone(),
        };
        form.seen = meanwhile::seal(&form);
        form
    }

    fn read(&self) -> Result<SourceEdit, &'static str> {
        let texts = reading::current().texts;
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let country = some(&self.country).map(|country| country.to_ascii_uppercase());
        let is_country =
            |text: &String| text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase());
        if !country.as_ref().is_none_or(is_country) {
            return Err(texts.no_country);
        }
        if !is_language(self.language.trim()) {
            return Err(texts.no_language);
        }
        let domain = self.domain.trim().to_lowercase();
        let is_domain = domain.contains('.')
            && domain
                .chars()
                .all(|c| c.is_alphanumeric() || c == '.' || c == '-');
        if !is_domain {
            return Err(texts.no_domain);
        }
        Ok(SourceEdit {
            name: some(&self.name).ok_or(texts.source_needs_name)?,
            domain,
            country,
            language: some(&self.language),
            tier: self.tier.parse().map_err(|_| texts.no_tier)?,
            tags: self.tags.split_whitespace().map(str::to_owned).collect(),
            note: self.note.trim().to_owned(),
        })
    }
}

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// A row of the audit, whose earlier state is to be looked at in the editor.
    audit: Option<i64>,
    saved: Option<u8>,
}

fn page(slug: Option<&str>, form: SourceForm, problem: Option<&'static str>) -> SourcePage {
    let texts = reading::current().texts;
    SourcePage {
        frame: Frame::bare(if slug.is_some() {
            &form.name
        } else {
            texts.new_source
        }),
        slug: slug.map(str::to_owned),
        form,
        tiers: Tier::ALL,
        problem,
        meanwhile: Vec::new(),
        is_saved: false,
    }
}

/// Answers with the form of a new source.
pub(crate) async fn fresh() -> SourcePage {
    let form = SourceForm {
        tier: Tier::Press.as_str().to_owned(),
        ..SourceForm::default()
    };
    page(None, form, None)
}

/// Adds a source, and leads to where a feed of it is added.
pub(crate) async fn add(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(form): Form<SourceForm>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let problem = match form.read() {
        Err(problem) => problem,
        Ok(_) if !is_short_name(&form.slug) => texts.short_name_rule,
        Ok(edit) => {
            let (actor, now) = (visitor.actor(), state.clock.now());
            match feed_edits::add_source(&state.db, &form.slug, &edit, &actor, now).await? {
                SourceChange::Done => return Ok(Redirect::to("/admin/feeds/new").into_response()),
                SourceChange::Unknown | SourceChange::Outdated | SourceChange::BeatMoved => {
                    texts.short_name_taken
                }
            }
        }
    };
    Ok(with_page(
        StatusCode::UNPROCESSABLE_ENTITY,
        page(None, form, Some(problem)),
    ))
}

/// Answers with what is known of a source, or with what was before a change.
pub(crate) async fn show(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<SourcePage, WebError> {
    let (_, edit) = feed_edits::source(&state.db, &slug)
        .await?
        .ok_or(WebError::NotFound("source"))?;
    let mut form = SourceForm::of(&slug, &edit);
    if let Some(id) = wanted.audit {
        let row = audit::row(&state.db, id).await?;
        let before = row
            .filter(|row| row.subject_kind == "source" && row.subject == slug)
            .and_then(|row| row.before)
            .ok_or(WebError::NotFound("row of the audit"))?;
        let text = |name: &str| {
            before
                .get(name)
                .and_then(|it| it.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let tags = before.get("tags").and_then(|it| it.as_array());
        form = SourceForm {
            seen: form.seen,
            slug: slug.clone(),
            name: text("name"),
            domain: text("domain"),
            country: text("country"),
            language: text("language"),
            tier: text("tier"),
            tags: tags
                .into_iter()
                .flatten()
                .filter_map(|tag| tag.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            note: text("note"),
        };
    }
    let mut page = page(Some(&slug), form, None);
    page.is_saved = wanted.saved.is_some();
    Ok(page)
}

/// Saves what is known of a source.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Form(form): Form<SourceForm>,
) -> Result<Response, WebError> {
    let edit = match form.read() {
        Ok(edit) => edit,
        Err(problem) => {
            return Ok(with_page(
                StatusCode::UNPROCESSABLE_ENTITY,
                page(Some(&slug), form, Some(problem)),
            ));
        }
    };
    let (_, seen) = feed_edits::source(&state.db, &slug)
        .await?
        .ok_or(WebError::NotFound("source"))?;
    if form.seen != SourceForm::of(&slug, &seen).seen && edit != seen {
        return outdated(&state, &slug, form).await;
    }
    for _ in 0..TRIES {
        let source = beat::engine_source(&state.db).await?;
        let hanging = Dependants {
            revision: source.revision,
            keywords: dependants(&source.keywords, &[Changing::SourceFacts]),
        };
        let (actor, now) = (visitor.actor(), state.clock.now());
        match feed_edits::change_source(&state.db, &slug, &edit, &seen, &hanging, &actor, now)
            .await?
        {
            SourceChange::Done => {
                let to = format!("/admin/sources/{slug}?saved=1");
                return Ok(Redirect::to(&to).into_response());
            }
            SourceChange::Unknown => return Err(WebError::NotFound("source")),
            SourceChange::Outdated => return outdated(&state, &slug, form).await,
            SourceChange::BeatMoved => {}
        }
    }
    Err(WebError::Conflict("the beat is being changed by others"))
}

/// Tells what is saved by now, with what was typed in the form.
async fn outdated(state: &WebState, slug: &str, form: SourceForm) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let (_, saved) = feed_edits::source(&state.db, slug)
        .await?
        .ok_or(WebError::NotFound("source"))?;
    let saved = SourceForm::of(slug, &saved);
    let others = meanwhile::others([
        (texts.name, &saved.name, &form.name),
        (texts.domain, &saved.domain, &form.domain),
        (texts.tier, &saved.tier, &form.tier),
        (texts.country, &saved.country, &form.country),
        (texts.language_of, &saved.language, &form.language),
        (texts.tags, &saved.tags, &form.tags),
        (texts.note, &saved.note, &form.note),
    ]);
    let form = SourceForm {
        seen: saved.seen,
        ..form
    };
    let mut page = page(Some(slug), form, None);
    page.meanwhile = others;
    Ok(with_page(StatusCode::CONFLICT, page))
}
