//! The names of outlets: inside them no concept is mentioned. Edited as concepts are.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{VersionView, Wanted, form::lines, pieces};
use crate::{
    query::Lexicon,
    store::{
        beat,
        concept_edits::{self, OutletVersion, Outlets},
        keyword_edits::Saved,
    },
    web::{
        WebState,
        edited::Edit,
        error::{WebError, with_page},
        extract::{Form, Query},
        pages::{
            difference,
            frame::Frame,
            keywords::{DAYS, MOST_DAYS, Stored, TRIES, broken},
            moments::Moment,
        },
        peer::Peer,
        reading,
        seats::Holder,
        visitor::Visitor,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "outlets_edit.html")]
pub(crate) struct OutletsPage {
    frame: Frame,
    form: OutletsForm,
    flaws: Vec<String>,
    problem: Option<String>,
    saved: Option<String>,
    versions: Vec<VersionView>,
    is_comparing: bool,
}

/// What the editor holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutletsForm {
    /// One name a line.
    outlets: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    days: Option<u16>,
    edited: i32,
}

impl OutletsForm {
    fn names(&self) -> Vec<String> {
        lines(&self.outlets)
    }

    fn days(&self) -> u16 {
        self.days.unwrap_or(DAYS).clamp(1, MOST_DAYS)
    }
}

/// Answers with the names as they are saved, or with an earlier version of them in the editor.
pub(crate) async fn show(
    State(state): State<WebState>,
    Query(wanted): Query<Wanted>,
) -> Result<OutletsPage, WebError> {
    let (outlets, versions) = known(&state).await?;
    let mut form = OutletsForm {
        outlets: outlets.names.join("\n"),
        edited: outlets.version,
        ..OutletsForm::default()
    };
    if let Some(wanted) = wanted.version {
        let earlier = versions.iter().find(|it| it.version == wanted);
        let earlier = earlier.ok_or(WebError::NotFound("version"))?;
        form.outlets = earlier.outlets.join("\n");
        form.reason = format!("version {wanted} restored");
    }
    let texts = reading::current().texts;
    let mut page = page(&state, form, &outlets, &versions);
    page.saved = wanted
        .saved
        .map(|version| format!("{} {version}.", texts.saved_as_version));
    Ok(page)
}

/// Shows what the edited names would change under all keywords.
pub(crate) async fn try_out(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Form(form): Form<OutletsForm>,
) -> Result<Response, WebError> {
    let (outlets, versions) = known(&state).await?;
    let names = form.names();
    let flaws = flaws(&names);
    let days = u64::from(form.days());
    let from = state.clock.now().minus(Duration::from_secs(days * 86_400));
    let mut page = page(&state, form, &outlets, &versions);
    if !flaws.is_empty() {
        page.flaws = flaws;
        return Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    page.is_comparing = true;
    let holder = Holder::of(&visitor, peer);
    let html = page.render()?;
    difference::answer(state, holder, &html, Edit::Outlets(names), from).await
}

/// Saves the names.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(form): Form<OutletsForm>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let flaws = flaws(&form.names());
    let problem = if flaws.is_empty() {
        match store(&state, &visitor, &form).await? {
            Stored::Saved(Saved::As(version)) => {
                let to = format!("/admin/outlets?saved={version}");
                return Ok(Redirect::to(&to).into_response());
            }
            Stored::Saved(Saved::Outdated(version)) => {
                format!("{} {version}.", texts.saved_meanwhile)
            }
            Stored::Saved(Saved::Unknown) => return Err(WebError::NotFound("beat")),
            Stored::Saved(Saved::Same | Saved::BeatMoved) => texts.nothing_differs.to_owned(),
            Stored::Refused(problem) => problem,
        }
    } else {
        texts.terms_cannot_be_used.to_owned()
    };
    let (outlets, versions) = known(&state).await?;
    let mut page = page(&state, form, &outlets, &versions);
    page.flaws = flaws;
    page.problem = Some(problem);
    Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page))
}

async fn store(
    state: &WebState,
    visitor: &Visitor,
    form: &OutletsForm,
) -> Result<Stored, WebError> {
    let names = form.names();
    let change = Edit::Outlets(names.clone());
    for _ in 0..TRIES {
        let source = beat::engine_source(&state.db).await?;
        if let Some(problem) = broken(state, &source, &change).await {
            return Ok(Stored::Refused(problem));
        }
        let dependants = change.dependants(&source);
        let (actor, now) = (visitor.actor(), state.clock.now());
        let (edited, reason) = (form.edited, form.reason.trim());
        let saved = concept_edits::save_outlets(
            &state.db,
            edited,
            &names,
            reason,
            &dependants,
            &actor,
            now,
        );
        let saved = saved.await?;
        if saved != Saved::BeatMoved {
            return Ok(Stored::Saved(saved));
        }
    }
    Err(WebError::Conflict("the beat is being changed by others"))
}

fn flaws(names: &[String]) -> Vec<String> {
    let (_, problems) = Lexicon::new(&[], names, &[]);
    problems
        .into_iter()
        .map(|problem| format!("{}: {}", problem.term, problem.reason))
        .collect()
}

async fn known(state: &WebState) -> Result<(Outlets, Vec<OutletVersion>), WebError> {
    let (outlets, versions) = tokio::try_join!(
        concept_edits::outlets(&state.db),
        concept_edits::outlet_versions(&state.db)
    )?;
    Ok((outlets.unwrap_or_default(), versions))
}

fn page(
    state: &WebState,
    form: OutletsForm,
    outlets: &Outlets,
    versions: &[OutletVersion],
) -> OutletsPage {
    let now = state.clock.now();
    let earlier = versions.iter().skip(1).map(Some).chain([None]);
    OutletsPage {
        frame: Frame::bare(reading::current().texts.outlets),
        form,
        flaws: Vec::new(),
        problem: None,
        saved: None,
        versions: versions
            .iter()
            .zip(earlier)
            .map(|(version, before)| VersionView {
                version: version.version,
                when: Moment::clock(now, version.saved_at),
                actor: version.actor.clone(),
                reason: version.reason.clone(),
                pieces: before
                    .map_or_else(Vec::new, |before| pieces(&before.outlets, &version.outlets)),
                is_current: version.version == outlets.version,
            })
            .collect(),
        is_comparing: false,
    }
}
