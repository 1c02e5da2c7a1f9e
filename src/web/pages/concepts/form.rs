//! The editor of a concept: a column per language, and anti-terms.

use std::collections::BTreeMap;

use crate::{
    domain::{Concept, Timestamp},
    store::concept_edits::{EditedConcept, Terms},
    web::{
        error::WebError,
        pages::{difference, meanwhile},
        reading,
    },
};

/// Where the name of a field with terms begins; the language follows.
const TERMS: &str = "terms.";

/// What the editor holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConceptForm {
    pub(super) name: String,
    pub(super) note: String,
    pub(super) reason: String,
    pub(super) days: Option<u16>,
    pub(super) edited: i32,
    /// The seal of the name and the note that are edited.
    pub(super) seen: Option<String>,
    pub(super) terms: Terms,
    pub(super) anti_terms: Vec<String>,
    /// A new language as typed, where it cannot be one, and its terms: they are in no column.
    pub(super) new_language: String,
    pub(super) new_terms: Vec<String>,
}

/// The terms of one language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(super) language: String,
    pub(super) lines: String,
    pub(super) count: usize,
}

impl ConceptForm {
    pub(super) fn of(concept: &EditedConcept) -> Self {
        Self {
            name: concept.name.clone(),
            note: concept.note.clone(),
            reason: String::new(),
            days: None,
            edited: concept.version,
            seen: Some(meanwhile::seal_of_names(&concept.name, &concept.note)),
            terms: concept.terms.clone(),
            anti_terms: concept.anti_terms.clone(),
            ..Self::default()
        }
    }

    /// Whether the name and the note that it was drawn with are those of `concept`; a form without a seal is of any.
    pub(super) fn is_of(&self, concept: &EditedConcept) -> bool {
        let saved = meanwhile::seal_of_names(&concept.name, &concept.note);
        self.seen.as_ref().is_none_or(|seen| *seen == saved)
    }

    /// Reads what a browser sends: one term a line, and a language of its own for new ones. One that is none stays as it
    /// is, with its terms.
    pub(super) fn read(fields: Vec<(String, String)>) -> Result<Self, WebError> {
        let mut form = Self::default();
        let mut terms: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in fields {
            match name.as_str() {
                "name" => value.trim().clone_into(&mut form.name),
                "note" => value.trim().clone_into(&mut form.note),
                "reason" => value.trim().clone_into(&mut form.reason),
                "days" => form.days = value.parse().ok(),
                "edited" => {
                    form.edited = value
                        .parse()
                        .map_err(|_| WebError::BadRequest("“edited” is no version.".to_owned()))?;
                }
                "seen" => form.seen = Some(value),
                "anti_terms" => form.anti_terms = lines(&value),
                "new_language" => value.trim().clone_into(&mut form.new_language),
                "new_terms" => form.new_terms = lines(&value),
                other => {
                    let Some(named) = other.strip_prefix(TERMS) else {
                        return Err(WebError::BadRequest(format!(
                            "There is no field {}.",
                            other.chars().take(60).collect::<String>()
                        )));
                    };
                    if named.is_empty() || !is_language(named) {
                        return Err(WebError::BadRequest(
                            reading::current().texts.no_language.to_owned(),
                        ));
                    }
                    terms
                        .entry(named.to_owned())
                        .or_default()
                        .extend(lines(&value));
                }
            }
        }
        if is_language(&form.new_language) {
            let language = std::mem::take(&mut form.new_language);
            let language = Some(language).filter(|language| !language.is_empty());
            terms
                .entry(language.unwrap_or_else(|| "und".to_owned()))
                .or_default()
                .append(&mut form.new_terms);
        }
        terms.retain(|_, terms| !terms.is_empty());
        form.terms = terms;
        Ok(form)
    }

    pub(super) fn columns(&self) -> Vec<Column> {
        self.terms
            .iter()
            .map(|(language, terms)| Column {
                language: language.clone(),
                lines: terms.join("\n"),
                count: terms.len(),
            })
            .collect()
    }

    /// What is wrong with the languages, if anything is.
    pub(super) fn flaw(&self) -> Option<String> {
        let texts = reading::current().texts;
        (!self.new_language.is_empty())
            .then(|| format!("{}: {}", self.new_language, texts.no_language))
    }

    pub(super) fn new_lines(&self) -> String {
        self.new_terms.join("\n")
    }

    pub(super) fn anti_lines(&self) -> String {
        self.anti_terms.join("\n")
    }

    pub(super) fn days(&self) -> u16 {
        difference::days(self.days)
    }

    /// From when on texts are compared.
    pub(super) fn from(&self, now: Timestamp) -> Timestamp {
        difference::since(self.days, now)
    }

    /// The concept as the engine takes it.
    pub(super) fn concept(&self, slug: &str) -> Concept {
        Concept {
            slug: slug.to_owned(),
            name: self.name.clone(),
            terms: self.terms.values().flatten().cloned().collect(),
            anti_terms: self.anti_terms.clone(),
        }
    }
}

/// The lines of a field, each once, without empty ones.
pub(super) fn lines(text: &str) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .filter(|line| seen.insert(*line))
        .map(str::to_owned)
        .collect()
}

/// Whether a column can be named so: a language (the form of BCP 47, not its registry), or none.
fn is_language(text: &str) -> bool {
    text.len() <= 35
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !text.starts_with('-')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<ConceptForm, WebError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ConceptForm::read(fields.iter().map(owned).collect())
    }

    #[test]
    fn terms_are_lines_by_language() {
        let form = read(&[
            ("name", " Iran "),
            ("edited", "3"),
            ("terms.en", "Iran\r\n\r\n Tehran \r\nIran"),
            ("terms.fa", " "),
            ("new_language", "ko"),
            ("new_terms", "이란"),
            ("anti_terms", "Iran Air"),
        ])
        .unwrap();
        assert_eq!(
            (form.name.as_str(), form.edited, form.days()),
            ("Iran", 3, difference::DAYS)
        );
        let terms: Vec<(&str, String)> = form
            .terms
            .iter()
            .map(|(language, terms)| (language.as_str(), terms.join("|")))
            .collect();
        assert_eq!(
            terms,
            [("en", "Iran|Tehran".to_owned()), ("ko", "이란".to_owned())]
        );
        assert_eq!(form.anti_terms, ["Iran Air"]);
        assert_eq!(form.concept("iran").terms, ["Iran", "Tehran", "이란"]);
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for (name, value) in [("term.en", "x"), ("terms.<b>", "x"), ("edited", "x")] {
            assert!(read(&[(name, value)]).is_err(), "{name}");
        }
    }

    #[test]
    fn a_language_that_is_none_takes_nothing_away() {
        for typed in ["fa_IR", "../x", "-x", &"x".repeat(40)] {
            let form = read(&[
                ("terms.en", "Iran"),
                ("new_language", typed),
                ("new_terms", "ایران\r\nتهران"),
            ])
            .unwrap();
            assert_eq!(form.new_language, typed);
            assert_eq!(form.new_lines(), "ایران\nتهران");
            assert_eq!(form.concept("iran").terms, ["Iran"]);
            assert!(form.flaw().unwrap().contains(typed));
        }
        let form = read(&[("new_language", " fa-IR "), ("new_terms", "ایران")]).unwrap();
        assert_eq!((form.flaw(), form.new_lines()), (None, String::new()));
        assert_eq!(form.terms["fa-IR"], ["ایران"]);
    }
}
