//! Keywords as admins edit them: checked, shown with what a change would do on the desk's own data, saved, restored.

pub(crate) mod draft;
mod form;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

pub(crate) use form::KeywordForm;
use form::{Checked, DialectChoice};

use super::{
    difference,
    frame::Frame,
    saving::{self, Change, broken},
    versions::{self, Piece, Saving, VersionView, Wanted},
};
use crate::{
    query::{NearMisses, Purpose, near_misses, parse},
    store::{
        PgPool, beat,
        keyword_edits::{self, EditedKeyword, KeywordEdit, KeywordVersion},
        rematches::{self, Rematch},
    },
    text::diff,
    web::{
        WebState,
        edited::Edit,
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

/// Days that it takes for a clause without a find to be dead.
const DEAD_AFTER: u16 = 90;

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
    /// What it is of.
    shows: Shows,
}

/// What a difference is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// An edit.
    Changes,
    /// The parts of the saved query.
    Parts,
    /// What all conditions but one hold for.
    NearMisses,
}

impl Shows {
    fn title(self) -> &'static str {
        let texts = reading::current().texts;
        match self {
            Self::Changes => texts.what_changes,
            Self::Parts => texts.what_parts_did,
            Self::NearMisses => texts.near_misses_are,
        }
    }
}

/// How far matching the past anew has come.
#[derive(Debug)]
struct Progress {
    words: String,
    is_over: bool,
    read: i64,
    total: i64,
}

/// Answers with the list.
pub(crate) async fn list(State(db): State<PgPool>) -> Result<KeywordsPage, WebError> {
    Ok(KeywordsPage {
        frame: Frame::bare(reading::current().texts.keywords),
        keywords: keyword_edits::all(&db).await?,
    })
}

/// Whether a text can be a short name: it stands in addresses and, after `@` or `keyword:`, in queries.
pub(in crate::web::pages) fn is_short_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.len() <= 60
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
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
    let checked = form::check(&state, &slug, &form).await?;
    let mut page = known.page(&state, form, checked);
    page.saved = wanted.told();
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
    let checked = form::check(&state, &slug, &form).await?;
    let query = checked.query.clone();
    if query.is_some() {
        form.take(&checked);
    }
    let from = form.from(state.clock.now());
    let mut page = known.page(&state, form, checked);
    let Some(query) = query else {
        return Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page));
    };
    let edit = Edit::Keyword { slug, query };
    let source = beat::engine_source(&state.db).await?;
    page.problem = broken(&state, &source, &edit).await;
    page.is_comparing = true;
    let holder = Holder::of(&visitor, peer);
    let html = page.render()?;
    difference::answer(state, holder, &html, edit, from).await
}

/// Checks what is in the editor, and answers with what stands below the query.
pub(crate) async fn check(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    Form(form): Form<KeywordForm>,
) -> Result<CheckedFragment, WebError> {
    let checked = form::check(&state, &slug, &form).await?;
    Ok(CheckedFragment {
        frame: Frame::bare(""),
        slug,
        checked,
    })
}

/// Answers with what each part of a saved keyword did in ninety days.
pub(crate) async fn parts(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Path(slug): Path<String>,
) -> Result<Response, WebError> {
    let known = Known::read(&state, &slug).await?;
    let mut form = KeywordForm::of(&known.keyword);
    form.days = Some(DEAD_AFTER);
    let checked = form::check(&state, &slug, &form).await?;
    let from = form.from(state.clock.now());
    let query = known.keyword.query.clone();
    let mut page = known.page(&state, form, checked);
    page.is_comparing = true;
    page.shows = Shows::Parts;
    let holder = Holder::of(&visitor, peer);
    let html = page.render()?;
    difference::answer(state, holder, &html, Edit::Keyword { slug, query }, from).await
}

/// Answers with the near misses of a saved keyword: where all of its conditions but one held.
pub(crate) async fn near(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Path(slug): Path<String>,
) -> Result<Response, WebError> {
    let known = Known::read(&state, &slug).await?;
    let form = KeywordForm::of(&known.keyword);
    let checked = form::check(&state, &slug, &form).await?;
    let from = form.from(state.clock.now());
    let lexicon = state.words.lexicon(&state.db, &state.cores).await?;
    let saved = known.keyword.query.clone();
    let relaxing = state.cores.work(move || {
        let query = parse(&saved, &lexicon, Purpose::SavedKeyword);
        query.map_or(NearMisses::None, |query| near_misses(&query, &lexicon))
    });
    let relaxed = relaxing.await;
    let texts = reading::current().texts;
    let mut page = known.page(&state, form, checked);
    let query = match relaxed {
        NearMisses::With(query) => query,
        NearMisses::None => {
            page.problem = Some(texts.no_near_misses.to_owned());
            return Ok(page.into_response());
        }
        NearMisses::TooLarge => {
            page.problem = Some(texts.too_large_for_near_misses.to_owned());
            return Ok(page.into_response());
        }
    };
    page.is_comparing = true;
    page.shows = Shows::NearMisses;
    let holder = Holder::of(&visitor, peer);
    let html = page.render()?;
    difference::answer(state, holder, &html, Edit::Keyword { slug, query }, from).await
}

/// Saves what is in the editor.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Form(mut form): Form<KeywordForm>,
) -> Result<Response, WebError> {
    let keyword = keyword_edits::find(&state.db, &slug)
        .await?
        .ok_or(WebError::NotFound("keyword"))?;
    let checked = form::check(&state, &slug, &form).await?;
    let texts = reading::current().texts;
    let problem = if let Some(query) = checked.query.clone() {
        form.take(&checked);
        let edit = KeywordEdit {
            slug: &slug,
            edited: form.edited,
            seen: form
                .seen
                .is_some()
                .then_some((&keyword.name, &keyword.note)),
            name: form.name.trim(),
            query: &query,
            note: form.note.trim(),
            reason: form.reason.trim(),
        };
        if edit.name.is_empty() {
            texts.keyword_needs_name.to_owned()
        } else if !form.is_of(&keyword) {
            saving::outdated(keyword.version)
        } else {
            let saved = Edit::Keyword {
                slug: slug.clone(),
                query: query.clone(),
            };
            match saving::save(&state, &visitor, &saved, Change::Keyword(edit)).await? {
                Ok(version) => {
                    let to = format!("/admin/keywords/{slug}?saved={version}");
                    return Ok(Redirect::to(&to).into_response());
                }
                Err(problem) => problem,
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

/// What stands below the query while one types.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "keyword_checked.html")]
pub(crate) struct CheckedFragment {
    frame: Frame,
    slug: String,
    checked: Checked,
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
        let page = format!("/admin/keywords/{}", self.keyword.slug);
        EditPage {
            frame: Frame::bare(&self.keyword.name),
            dialects: form.dialects(),
            versions: versions::views(
                &self.versions,
                &page,
                self.keyword.version,
                state.clock.now(),
                |it| Saving {
                    version: it.version,
                    at: it.saved_at,
                    actor: &it.actor,
                    reason: &it.reason,
                },
                |before, it| pieces(before.map_or("", |before| &before.query), &it.query),
            ),
            slug: self.keyword.slug,
            is_new: false,
            form,
            checked,
            problem: None,
            saved: None,
            progress: self.rematch.as_ref().map(progress),
            is_comparing: false,
            shows: Shows::Changes,
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
            is_gone: piece.change == diff::Change::Gone,
            is_come: piece.change == diff::Change::Come,
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
