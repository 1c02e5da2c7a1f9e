//! A new keyword: a draft in the editor, which its address holds, until somebody saves it.

use askama::Template as _;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    EditPage, Shows,
    form::{self, Checked, KeywordForm},
    is_short_name,
};
use crate::{
    store::keyword_edits::{self, NewKeyword},
    web::{
        WebState,
        edited::Edit,
        error::{WebError, with_page},
        extract::{Form, Query},
        pages::{difference, frame::Frame},
        peer::Peer,
        reading,
        seats::Holder,
        visitor::Visitor,
    },
};

/// What a new keyword has instead of its short name in addresses.
const NEW: &str = "new";
/// The longest short name, in bytes.
const LONGEST_SLUG: usize = 40;

/// The draft, as an address holds it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Draft {
    query: String,
}

/// Answers with the editor of a keyword that is not there yet. Nothing is saved.
pub(crate) async fn show(
    State(state): State<WebState>,
    Query(draft): Query<Draft>,
) -> Result<EditPage, WebError> {
    let form = KeywordForm::draft(draft.query);
    let checked = if form.query.trim().is_empty() {
        Checked::default()
    } else {
        form::check(&state, NEW, &form).await?
    };
    Ok(page(form, checked, None))
}

/// Checks what is in the editor and shows what it would find. Nothing is saved.
pub(crate) async fn try_out(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Form(mut form): Form<KeywordForm>,
) -> Result<Response, WebError> {
    form.follow_way_out();
    let checked = form::check(&state, NEW, &form).await?;
    let Some(query) = checked.query.clone() else {
        return Ok(refused(page(form, checked, None)));
    };
    form.take(&checked);
    let from = form.from(state.clock.now());
    let mut page = page(form, checked, None);
    page.is_comparing = true;
    let holder = Holder::of(&visitor, peer);
    let html = page.render()?;
    difference::answer(state, holder, &html, Edit::NewKeyword(query), from).await
}

/// Saves it.
pub(crate) async fn add(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(mut form): Form<KeywordForm>,
) -> Result<Response, WebError> {
    let checked = form::check(&state, NEW, &form).await?;
    let texts = reading::current().texts;
    let problem = match checked.query.clone() {
        None => texts.query_has_errors,
        Some(_) if form.name.trim().is_empty() => texts.keyword_needs_name,
        Some(query) => {
            form.take(&checked);
            let slug = match form.slug.trim() {
                "" => slug_of(&form.name),
                typed => typed.to_owned(),
            };
            if is_slug(&slug) {
                let keyword = NewKeyword {
                    slug: &slug,
                    name: form.name.trim(),
                    query: &query,
                    note: form.note.trim(),
                    reason: form.reason.trim(),
                };
                let now = state.clock.now();
                if keyword_edits::add(&state.db, keyword, &visitor.actor(), now).await? {
                    let to = format!("/admin/keywords/{slug}?saved=1");
                    return Ok(Redirect::to(&to).into_response());
                }
                form.slug = slug;
                texts.slug_taken
            } else {
                texts.slug_wrong
            }
        }
    };
    Ok(refused(page(form, checked, Some(problem))))
}

fn refused(page: EditPage) -> Response {
    with_page(StatusCode::UNPROCESSABLE_ENTITY, page)
}

fn page(form: KeywordForm, checked: Checked, problem: Option<&str>) -> EditPage {
    EditPage {
        frame: Frame::bare(reading::current().texts.new_keyword),
        slug: NEW.to_owned(),
        is_new: true,
        dialects: form.dialects(),
        form,
        checked,
        problem: problem.map(str::to_owned),
        saved: None,
        progress: None,
        versions: Vec::new(),
        is_comparing: false,
        shows: Shows::Changes,
    }
}

/// A short name out of a name: its letters a to z and digits, with dashes for what stands between. Empty where the name
/// has none of them.
fn slug_of(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(LONGEST_SLUG);
    slug.trim_end_matches('-').to_owned()
}

fn is_slug(text: &str) -> bool {
    text.len() <= LONGEST_SLUG && text != NEW && is_short_name(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_comes_of_a_name() {
        for (name, slug) in [
            ("Iran: front companies (UAE)", "iran-front-companies-uae"),
            ("  DPRK & IT workers ", "dprk-it-workers"),
            ("제재", ""),
            ("제재 2026", "2026"),
        ] {
            assert_eq!(slug_of(name), slug, "{name}");
        }
        let long = slug_of(&"ab ".repeat(40));
        assert!(is_slug(&long), "{long}");
    }

    #[test]
    fn a_short_name_is_one_that_addresses_hold() {
        for (text, is) in [
            ("iran", true),
            ("a-1", true),
            ("new", false),
            ("", false),
            ("-a", false),
            ("A", false),
            ("a/b", false),
        ] {
            assert_eq!(is_slug(text), is, "{text}");
        }
    }
}
