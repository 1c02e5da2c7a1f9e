//! Which concepts of the beat a text names, whatever the keywords make of them.

use super::{Engine, Lexicon, Scratch};
use crate::domain::{Concept, Facts, Keyword, KeywordId, Subject};

/// All concepts of a beat, each as a query of its own.
#[derive(Debug, Default)]
pub struct ConceptFinder {
    engine: Engine,
    slugs: Vec<String>,
}

impl ConceptFinder {
    /// Concepts that cannot be used are left out, as they are from keywords.
    #[must_use]
    pub fn new(concepts: &[Concept], outlets: &[String]) -> Self {
        let (lexicon, _) = Lexicon::new(concepts, outlets, &[]);
        let keywords: Vec<Keyword> = (0..)
            .zip(concepts)
            .map(|(number, concept)| Keyword {
                id: KeywordId::new(number),
                slug: concept.slug.clone(),
                name: concept.name.clone(),
                version: 1,
                query: format!("@{}", concept.slug),
            })
            .collect();
        let (engine, _) = Engine::compile(&keywords, &lexicon);
        Self {
            engine,
            slugs: concepts
                .iter()
                .map(|concept| concept.slug.clone())
                .collect(),
        }
    }

    /// Slugs of the concepts that a title and the text behind it name.
    #[must_use]
    pub fn concepts_in(&self, title: &str, text: &str, scratch: &mut Scratch) -> Vec<String> {
        let subject = Subject {
            title,
            summary: text,
            content: "",
            facts: Facts::default(),
        };
        self.engine
            .matches(&subject, scratch)
            .iter()
            .filter_map(|found| {
                self.slugs
                    .get(usize::try_from(found.keyword_id.get()).ok()?)
            })
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concepts_are_found_in_any_script() {
        let concept = |slug: &str, terms: &[&str]| Concept {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            terms: terms.iter().map(|&term| term.to_owned()).collect(),
            anti_terms: Vec::new(),
        };
        let finder = ConceptFinder::new(
            &[
                concept("north", &["North", "북한"]),
                concept("harbour", &["harbour", "항구"]),
            ],
            &[],
        );
        let mut scratch = Scratch::default();
        assert_eq!(
            finder.concepts_in("북한은 말했다", "", &mut scratch),
            ["north"]
        );
        assert_eq!(
            finder.concepts_in("A harbour", "in the North", &mut scratch),
            ["north", "harbour"]
        );
        assert!(
            finder
                .concepts_in("Nothing", "here", &mut scratch)
                .is_empty()
        );
    }
}
