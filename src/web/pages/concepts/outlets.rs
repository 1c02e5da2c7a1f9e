//! The names of outlets: inside them no concept is mentioned. Edited as concepts are.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{flaws, form::lines, pieces};
use crate::{
    store::concept_edits::{self, OutletVersion, Outlets},
    web::{
        WebState,
        edited::Edit,
        error::{WebError, with_page},
        extract::{Form, Query},
        pages::{
            difference,
            frame::Frame,
            saving::{self, Change},
            versions::{self, Saving, VersionView, Wanted},
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
        difference::days(self.days)
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
    let mut page = page(&state, form, &outlets, &versions);
    page.saved = wanted.told();
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
    let flaws = flaws(&[], &names);
    let from = difference::since(form.days, state.clock.now());
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
    let names = form.names();
    let flaws = flaws(&[], &names);
    let problem = if flaws.is_empty() {
        let change = Change::Outlets {
            edited: form.edited,
            names: &names,
            reason: form.reason.trim(),
        };
        match saving::save(&state, &visitor, &Edit::Outlets(names.clone()), change).await? {
            Ok(version) => {
                let to = format!("/admin/outlets?saved={version}");
                return Ok(Redirect::to(&to).into_response());
            }
            Err(problem) => problem,
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
    OutletsPage {
        frame: Frame::bare(reading::current().texts.outlets),
        form,
        flaws: Vec::new(),
        problem: None,
        saved: None,
        versions: versions::views(
            versions,
            "/admin/outlets",
            outlets.version,
            state.clock.now(),
            |it| Saving {
                version: it.version,
                at: it.saved_at,
                actor: &it.actor,
                reason: &it.reason,
            },
            |before, it| {
                before.map_or_else(Vec::new, |it_was| pieces(&it_was.outlets, &it.outlets))
            },
        ),
        is_comparing: false,
    }
}
