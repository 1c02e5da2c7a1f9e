//! Concepts as admins edit them: terms in a column per language, anti-terms beside, the keywords that use them, and what a
//! change would do under all of these.

mod form;
pub(in crate::web) mod outlets;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use self::form::{Column, ConceptForm};
use super::{
    difference,
    frame::Frame,
    keywords::is_short_name,
    saving::{self, Change, broken},
    versions::{self, Piece, Saving, VersionView, Wanted},
};
use crate::{
    domain::{Changing, Concept},
    query::{Lexicon, dependants},
    store::{
        PgPool,
        beat::{self, EngineSource},
        concept_edits::{self, ConceptEdit, ConceptVersion, EditedConcept, Terms},
    },
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

/// The list of concepts.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "concepts.html")]
pub(crate) struct ConceptsPage {
    frame: Frame,
    concepts: Vec<Summary>,
    form: NewForm,
    problem: Option<&'static str>,
}

/// A concept in the list.
#[derive(Debug)]
struct Summary {
    slug: String,
    name: String,
    version: i32,
    languages: String,
    terms: usize,
    anti_terms: usize,
    keywords: usize,
}

/// What adds a concept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewForm {
    slug: String,
    name: String,
}

/// The page of one concept.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "concept_edit.html")]
pub(crate) struct ConceptPage {
    frame: Frame,
    slug: String,
    form: ConceptForm,
    columns: Vec<Column>,
    used_by: Vec<Using>,
    /// Terms that cannot be used, with the reason.
    flaws: Vec<String>,
    problem: Option<String>,
    saved: Option<String>,
    versions: Vec<VersionView>,
    is_comparing: bool,
}

/// A keyword that uses a concept.
#[derive(Debug)]
struct Using {
    slug: String,
    name: String,
}

/// Answers with the list.
pub(crate) async fn list(State(db): State<PgPool>) -> Result<ConceptsPage, WebError> {
    list_page(&db, NewForm::default(), None).await
}

async fn list_page(
    db: &PgPool,
    form: NewForm,
    problem: Option<&'static str>,
) -> Result<ConceptsPage, WebError> {
    let (concepts, source) = tokio::try_join!(concept_edits::all(db), beat::engine_source(db))?;
    let summary = |concept: EditedConcept| Summary {
        languages: concept.terms.keys().cloned().collect::<Vec<_>>().join(" "),
        terms: concept.terms.values().map(Vec::len).sum(),
        anti_terms: concept.anti_terms.len(),
        keywords: dependants(&source.keywords, &[Changing::Concept(&concept.slug)]).len(),
        version: concept.version,
        slug: concept.slug,
        name: concept.name,
    };
    Ok(ConceptsPage {
        frame: Frame::bare(reading::current().texts.concepts),
        concepts: concepts.into_iter().map(summary).collect(),
        form,
        problem,
    })
}

/// Adds a concept without terms, and leads to its page.
pub(crate) async fn add(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(form): Form<NewForm>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let name = form.name.trim();
    let problem = if !is_short_name(&form.slug) {
        texts.short_name_rule
    } else if name.is_empty() {
        texts.concept_needs_name
    } else {
        let now = state.clock.now();
        if concept_edits::add(&state.db, &form.slug, name, &visitor.actor(), now).await? {
            let to = format!("/admin/concepts/{}", form.slug);
            return Ok(Redirect::to(&to).into_response());
        }
        texts.short_name_taken
    };
    let page = list_page(&state.db, form, Some(problem)).await?;
    Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page))
}

/// Answers with a concept as it is saved, or with an earlier version of it in the editor.
pub(crate) async fn show(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<ConceptPage, WebError> {
    let known = Known::read(&state, &slug).await?;
    let mut form = ConceptForm::of(&known.concept);
    if let Some(wanted) = wanted.version {
        let earlier = known.versions.iter().find(|it| it.version == wanted);
        let earlier = earlier.ok_or(WebError::NotFound("version"))?;
        form.terms.clone_from(&earlier.terms);
        form.anti_terms.clone_from(&earlier.anti_terms);
        form.reason = format!("version {wanted} restored");
    }
    let mut page = known.page(&state, form);
    page.saved = wanted.told();
    Ok(page)
}

/// Shows what the edited concept would change under all keywords that use it.
pub(crate) async fn try_out(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Path(slug): Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let form = ConceptForm::read(fields)?;
    let known = Known::read(&state, &slug).await?;
    let concept = form.concept(&slug);
    let mut flaws = flaws(std::slice::from_ref(&concept), &[]);
    flaws.extend(form.flaw());
    let from = form.from(state.clock.now());
    let source = known.source.clone();
    let mut page = known.page(&state, form);
    if !flaws.is_empty() {
        page.flaws = flaws;
        return Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    let edit = Edit::Concept(concept);
    page.problem = broken(&state, &source, &edit).await;
    page.is_comparing = true;
    let holder = Holder::of(&visitor, peer);
    let html = page.render()?;
    difference::answer(state, holder, &html, edit, from).await
}

/// Saves the concept.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let form = ConceptForm::read(fields)?;
    let saved = concept_edits::find(&state.db, &slug)
        .await?
        .ok_or(WebError::NotFound("concept"))?;
    let texts = reading::current().texts;
    let concept = form.concept(&slug);
    let mut flaws = flaws(std::slice::from_ref(&concept), &[]);
    flaws.extend(form.flaw());
    let problem = if !flaws.is_empty() {
        texts.terms_cannot_be_used.to_owned()
    } else if form.name.is_empty() {
        texts.concept_needs_name.to_owned()
    } else if !form.is_of(&saved) {
        saving::outdated(saved.version)
    } else {
        let edit = ConceptEdit {
            slug: &slug,
            edited: form.edited,
            seen: form.seen.is_some().then_some((&saved.name, &saved.note)),
            name: &form.name,
            terms: &form.terms,
            anti_terms: &form.anti_terms,
            note: &form.note,
            reason: &form.reason,
        };
        let change = Change::Concept(edit);
        match saving::save(&state, &visitor, &Edit::Concept(concept), change).await? {
            Ok(version) => {
                let to = format!("/admin/concepts/{slug}?saved={version}");
                return Ok(Redirect::to(&to).into_response());
            }
            Err(problem) => problem,
        }
    };
    let known = Known::read(&state, &slug).await?;
    let mut page = known.page(&state, form);
    page.flaws = flaws;
    page.problem = Some(problem);
    Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page))
}

/// Terms that cannot be used, with the reason.
fn flaws(concepts: &[Concept], outlets: &[String]) -> Vec<String> {
    let (_, problems) = Lexicon::new(concepts, outlets, &[]);
    problems
        .into_iter()
        .map(|problem| format!("{}: {}", problem.term, problem.reason))
        .collect()
}

/// What the page needs to know of a concept.
struct Known {
    concept: EditedConcept,
    versions: Vec<ConceptVersion>,
    source: EngineSource,
}

impl Known {
    async fn read(state: &WebState, slug: &str) -> Result<Self, WebError> {
        let concept = concept_edits::find(&state.db, slug)
            .await?
            .ok_or(WebError::NotFound("concept"))?;
        let (versions, source) = tokio::try_join!(
            concept_edits::versions(&state.db, concept.id),
            beat::engine_source(&state.db),
        )?;
        Ok(Self {
            concept,
            versions,
            source,
        })
    }

    fn page(self, state: &WebState, form: ConceptForm) -> ConceptPage {
        let page = format!("/admin/concepts/{}", self.concept.slug);
        let changing = [Changing::Concept(&self.concept.slug)];
        let using = dependants(&self.source.keywords, &changing);
        ConceptPage {
            frame: Frame::bare(&self.concept.name),
            columns: form.columns(),
            used_by: self
                .source
                .keywords
                .iter()
                .filter(|keyword| using.contains(&keyword.id))
                .map(|keyword| Using {
                    slug: keyword.slug.clone(),
                    name: keyword.name.clone(),
                })
                .collect(),
            flaws: Vec::new(),
            problem: None,
            saved: None,
            versions: versions::views(
                &self.versions,
                &page,
                self.concept.version,
                state.clock.now(),
                |it| Saving {
                    version: it.version,
                    at: it.saved_at,
                    actor: &it.actor,
                    reason: &it.reason,
                },
                |before, it| before.map_or_else(Vec::new, |before| changes(before, it)),
            ),
            is_comparing: false,
            slug: self.concept.slug,
            form,
        }
    }
}

/// The terms that came and went between two versions.
fn changes(before: &ConceptVersion, after: &ConceptVersion) -> Vec<Piece> {
    let told = |terms: &Terms, anti_terms: &[String]| -> Vec<String> {
        let terms = terms.iter().flat_map(|(language, terms)| {
            terms.iter().map(move |term| format!("{language}: {term}"))
        });
        let anti_terms = anti_terms.iter().map(|term| format!("− {term}"));
        terms.chain(anti_terms).collect()
    };
    pieces(
        &told(&before.terms, &before.anti_terms),
        &told(&after.terms, &after.anti_terms),
    )
}

/// What of two lists is in one of them only.
fn pieces(before: &[String], after: &[String]) -> Vec<Piece> {
    let gone = before.iter().filter(|it| !after.contains(it));
    let come = after.iter().filter(|it| !before.contains(it));
    let piece = |text: &String, is_come: bool| Piece {
        text: text.clone(),
        is_gone: !is_come,
        is_come,
    };
    gone.map(|it| piece(it, false))
        .chain(come.map(|it| piece(it, true)))
        .collect()
}
