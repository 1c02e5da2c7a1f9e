//! Keywords as admins edit them: checked, shown with what a change would do on the desk's own data, saved, restored.

mod difference;
pub(crate) mod draft;
mod form;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

pub(crate) use form::KeywordForm;
use form::{Checked, DialectChoice};

use super::{frame::Frame, moments::Moment};
use crate::{
    store::{
        PgPool,
        keyword_edits::{self, EditedKeyword, KeywordEdit, KeywordVersion, Saved},
        rematches::{self, Rematch},
    },
    text::diff::{self, Change},
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path, Query},
        peer::Peer,
        reading,
        seats::Holder,
        visitor::Visitor,
    },
};

/// The list of keywords.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "keywords.html")]
pub(crate) struct KeywordsPage {
    frame: Frame,
    keywords: Vec<EditedKeyword>,
}

/// The page of one keyword.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "keyword_edit.html")]
pub(crate) struct EditPage {
    frame: Frame,
    /// Part of its address.
    slug: String,
    /// Whether it is a draft, which nobody saved.
    is_new: bool,
    form: KeywordForm,
    dialects: Vec<DialectChoice>,
    checked: Checked,
    problem: Option<String>,
    saved: Option<String>,
    progress: Option<Progress>,
    versions: Vec<VersionView>,
    /// Whether the difference is to come.
    is_comparing: bool,
}

/// How far matching the past anew has come.
#[derive(Debug)]
struct Progress {
    words: String,
    is_over: bool,
    read: i64,
    total: i64,
}

#[derive(Debug)]
struct VersionView {
    version: i32,
    when: Moment,
    actor: String,
    reason: String,
    /// How the version before became this one; the whole of the first.
    pieces: Vec<Piece>,
    is_current: bool,
}

/// A piece of two queries.
#[derive(Debug)]
struct Piece {
    text: String,
    is_gone: bool,
    is_come: bool,
}

/// What the address of a keyword's page asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// An earlier version, to be looked at in the editor.
    version: Option<i32>,
    /// The version that was just saved.
    saved: Option<i32>,
}

/// Answers with the list.
pub(crate) async fn list(State(db): State<PgPool>) -> Result<KeywordsPage, WebError> {
    Ok(KeywordsPage {
        frame: Frame::bare(reading::current().texts.keywords),
        keywords: keyword_edits::all(&db).await?,
    })
}

/// Answers with a keyword as it is saved, or with an earlier version of it in the editor.
pub(crate) async fn show(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<EditPage, WebError> {
    let known = Known::read(&state, &slug).await?;
    let mut form = KeywordForm::of(&known.keyword);
    if let Some(wanted) = wanted.version {
        let earlier = known.versions.iter().find(|it| it.version == wanted);
        let earlier = earlier.ok_or(WebError::NotFound("version"))?;
        form.query.clone_from(&earlier.query);
        form.reason = format!("version {wanted} restored");
    }
    let checked = form::check(&state, &form).await?;
    let texts = reading::current().texts;
    let mut page = known.page(&state, form, checked);
    page.saved = wanted
        .saved
        .map(|version| format!("{} {version}.", texts.saved_as_version));
    Ok(page)
}

/// Checks what is in the editor and, if it is a query, shows what it would change.
pub(crate) async fn try_out(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Path(slug): Path<String>,
    Form(mut form): Form<KeywordForm>,
) -> Result<Response, WebError> {
    let known = Known::read(&state, &slug).await?;
    form.follow_way_out();
    let checked = form::check(&state, &form).await?;
    let query = checked.query.clone();
    if query.is_some() {
        form.take(&checked);
    }
    let from = form.from(state.clock.now());
    let before = known.keyword.query.clone();
    let mut page = known.page(&state, form, checked);
    let Some(query) = query else {
        return Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page));
    };
    page.is_comparing = true;
    let holder = Holder::of(&visitor, peer);
    difference::answer(state, holder, &page, Some(&before), &query, from).await
}

/// Saves what is in the editor.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Form(mut form): Form<KeywordForm>,
) -> Result<Response, WebError> {
    let checked = form::check(&state, &form).await?;
    let texts = reading::current().texts;
    let problem = if let Some(query) = checked.query.clone() {
        form.take(&checked);
        let edit = KeywordEdit {
            slug: &slug,
            edited: form.edited,
            name: form.name.trim(),
            query: &query,
            note: form.note.trim(),
            reason: form.reason.trim(),
        };
        if edit.name.is_empty() {
            texts.keyword_needs_name.to_owned()
        } else {
            let now = state.clock.now();
            match keyword_edits::save(&state.db, edit, &visitor.actor(), now).await? {
                Saved::As(version) => {
                    let to = format!("/admin/keywords/{slug}?saved={version}");
                    return Ok(Redirect::to(&to).into_response());
                }
                Saved::Same => texts.nothing_differs.to_owned(),
                Saved::Outdated(version) => {
                    format!("{} {version}.", texts.saved_meanwhile)
                }
                Saved::Unknown => return Err(WebError::NotFound("keyword")),
            }
        }
    } else {
        texts.query_has_errors.to_owned()
    };
    let known = Known::read(&state, &slug).await?;
    let mut page = known.page(&state, form, checked);
    page.problem = Some(problem);
    Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page))
}

/// What the page needs to know of a keyword.
struct Known {
    keyword: EditedKeyword,
    versions: Vec<KeywordVersion>,
    rematch: Option<Rematch>,
}

impl Known {
    async fn read(state: &WebState, slug: &str) -> Result<Self, WebError> {
        let keyword = keyword_edits::find(&state.db, slug)
            .await?
            .ok_or(WebError::NotFound("keyword"))?;
        let (versions, rematch) = tokio::try_join!(
            keyword_edits::versions(&state.db, keyword.id),
            rematches::of_keyword(&state.db, keyword.id),
        )?;
        Ok(Self {
            keyword,
            versions,
            rematch,
        })
    }

    fn page(self, state: &WebState, form: KeywordForm, checked: Checked) -> EditPage {
        let now = state.clock.now();
        let current = self.keyword.version;
        let earlier = self.versions.iter().skip(1).map(Some).chain([None]);
        let versions = self.versions.iter().zip(earlier);
        EditPage {
            frame: Frame::bare(&self.keyword.name),
            dialects: form.dialects(),
            versions: versions
                .map(|(version, before)| VersionView {
                    version: version.version,
                    when: Moment::clock(now, version.saved_at),
                    actor: version.actor.clone(),
                    reason: version.reason.clone(),
                    pieces: pieces(before.map_or("", |before| &before.query), &version.query),
                    is_current: version.version == current,
                })
                .collect(),
            slug: self.keyword.slug,
            is_new: false,
            form,
            checked,
            problem: None,
            saved: None,
            progress: self.rematch.as_ref().map(progress),
            is_comparing: false,
        }
    }
}

fn pieces(before: &str, after: &str) -> Vec<Piece> {
    if before.is_empty() {
        return vec![Piece {
            text: after.to_owned(),
            is_gone: false,
            is_come: false,
        }];
    }
    diff::diff(before, after)
        .into_iter()
        .map(|piece| Piece {
            is_gone: piece.change == Change::Gone,
            is_come: piece.change == Change::Come,
            text: piece.text,
        })
        .collect()
}

fn progress(rematch: &Rematch) -> Progress {
    let texts = reading::current().texts;
    let is_over = rematch.finished_at.is_some() || rematch.is_late;
    let state = if is_over {
        texts.past_is_matched
    } else {
        texts.past_is_being_matched
    };
    Progress {
        words: format!("{state} +{} −{}", rematch.gained, rematch.lost),
        is_over,
        read: rematch.read,
        total: rematch.total.max(rematch.read).max(1),
    }
}
