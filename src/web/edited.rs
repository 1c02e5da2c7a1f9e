//! The beat as an edit would leave it: what hangs on the edit, what would break, and both sides to be compared.

use crate::{
    domain::{Changing, Concept, Keyword},
    query::{Comparison, Lexicon, Parts, Purpose, Query, QueryError, Side, dependants, parse},
    store::beat::{Dependants, EngineSource},
    web::past::Named,
};

/// An edit that is not saved yet.
#[derive(Debug, Clone)]
pub enum Edit {
    /// A keyword gets another query.
    Keyword {
        /// Its short name.
        slug: String,
        /// The query.
        query: String,
    },
    /// There is a keyword more, with this query.
    NewKeyword(String),
    /// A concept gets other terms.
    Concept(Concept),
    /// There are other names of outlets.
    Outlets(Vec<String>),
}

impl Edit {
    fn changing(&self) -> Changing<'_> {
        match self {
            Self::Keyword { slug, .. } => Changing::Keyword(slug),
            // Nothing that is sound names what is not there.
            Self::NewKeyword(_) => Changing::Keyword(""),
            Self::Concept(concept) => Changing::Concept(&concept.slug),
            Self::Outlets(_) => Changing::Outlets,
        }
    }

    /// The keywords that hang on what is edited.
    pub(super) fn dependants(&self, source: &EngineSource) -> Dependants {
        Dependants {
            revision: source.revision,
            keywords: dependants(&source.keywords, &[self.changing()]),
        }
    }

    /// The beat as it would be.
    pub(super) fn apply(&self, source: &EngineSource) -> EngineSource {
        let mut source = source.clone();
        match self {
            Self::Keyword { slug, query } => {
                let edited = source.keywords.iter_mut().find(|it| it.slug == *slug);
                if let Some(keyword) = edited {
                    keyword.query.clone_from(query);
                }
            }
            Self::Concept(concept) => {
                let edited = source
                    .concepts
                    .iter_mut()
                    .find(|it| it.slug == concept.slug);
                if let Some(edited) = edited {
                    *edited = concept.clone();
                }
            }
            Self::NewKeyword(_) => {}
            Self::Outlets(outlets) => source.outlets.clone_from(outlets),
        }
        source
    }

    /// The names of keywords that hang on what is edited, are sound, and would have errors.
    pub(super) fn breaks(&self, source: &EngineSource) -> Vec<String> {
        let hanging = self.dependants(source).keywords;
        if hanging.is_empty() {
            return Vec::new();
        }
        let edited = self.apply(source);
        let (before, after) = (lexicon(source), lexicon(&edited));
        source
            .keywords
            .iter()
            .filter(|keyword| hanging.contains(&keyword.id))
            .filter(|keyword| read(keyword, &before).is_ok() && read(keyword, &after).is_err())
            .map(|keyword| keyword.name.clone())
            .collect()
    }

    /// Both sides under every keyword that is touched, an edited one first.
    pub(super) fn comparison(&self, source: &EngineSource) -> (Comparison, Vec<Named>) {
        if let Self::NewKeyword(query) = self {
            let lexicon = lexicon(source);
            let query = parse(query, &lexicon, Purpose::SavedKeyword).ok();
            let side = |query| Side {
                queries: vec![query],
                lexicon: &lexicon,
            };
            let (before, after) = (side(None), side(query.as_ref()));
            let named = Named {
                slug: String::new(),
                name: String::new(),
            };
            return (
                Comparison::between(&before, &after, Parts::OfFirstQuery),
                vec![named],
            );
        }
        let edited = self.apply(source);
        let hanging = self.dependants(source).keywords;
        let is_own =
            |keyword: &Keyword| matches!(self, Self::Keyword { slug, .. } if *slug == keyword.slug);
        let own = source.keywords.iter().filter(|keyword| is_own(keyword));
        let others = source
            .keywords
            .iter()
            .filter(|keyword| hanging.contains(&keyword.id));
        let touched: Vec<&Keyword> = own.chain(others).collect();
        let before = lexicon(source);
        // Nothing means something else where nothing hangs on the keyword: one pass does then.
        let changed =
            (!matches!(self, Self::Keyword { .. }) || touched.len() > 1).then(|| lexicon(&edited));
        let after = changed.as_ref().unwrap_or(&before);
        let old: Vec<Option<Query>> = touched.iter().map(|it| read(it, &before).ok()).collect();
        let new: Vec<Option<Query>> = touched
            .iter()
            .map(|keyword| {
                let edited = edited.keywords.iter().find(|it| it.id == keyword.id);
                read(edited.unwrap_or(keyword), after).ok()
            })
            .collect();
        let concept = match self {
            Self::Concept(concept) => concept.slug.to_lowercase(),
            _ => String::new(),
        };
        let parts = match self {
            Self::Keyword { .. } | Self::NewKeyword(_) => Parts::OfFirstQuery,
            Self::Concept(_) => Parts::OfConcept(&concept),
            Self::Outlets(_) => Parts::None,
        };
        let comparison = Comparison::between(
            &Side {
                queries: old.iter().map(Option::as_ref).collect(),
                lexicon: &before,
            },
            &Side {
                queries: new.iter().map(Option::as_ref).collect(),
                lexicon: after,
            },
            parts,
        );
        let named = touched.into_iter().map(|keyword| Named {
            slug: keyword.slug.clone(),
            name: keyword.name.clone(),
        });
        (comparison, named.collect())
    }
}

/// What the names of a beat stand for.
pub(super) fn lexicon(source: &EngineSource) -> Lexicon {
    Lexicon::new(&source.concepts, &source.outlets, &source.keywords).0
}

fn read(keyword: &Keyword, lexicon: &Lexicon) -> Result<Query, Vec<QueryError>> {
    parse(&keyword.query, lexicon, Purpose::SavedKeyword)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeywordId;

    fn source() -> EngineSource {
        let keyword = |id, slug: &str, query: &str| Keyword {
            id: KeywordId::new(id),
            slug: slug.to_owned(),
            name: slug.to_uppercase(),
            version: 1,
            query: query.to_owned(),
        };
        EngineSource {
            revision: 7,
            keywords: vec![
                keyword(1, "base", "ship"),
                keyword(2, "near", "keyword:base NEAR/5 envoy"),
                keyword(3, "alone", "weather"),
            ],
            concepts: Vec::new(),
            outlets: Vec::new(),
        }
    }

    #[test]
    fn an_edit_that_breaks_what_hangs_on_it_is_told() {
        let edit = |query: &str| Edit::Keyword {
            slug: "base".to_owned(),
            query: query.to_owned(),
        };
        assert_eq!(edit("vessel").breaks(&source()), Vec::<String>::new());
        assert_eq!(edit("vessel AND crew").breaks(&source()), ["NEAR"]);
        assert_eq!(edit("x").dependants(&source()).revision, 7);
        let (_, named) = edit("vessel").comparison(&source());
        let slugs: Vec<&str> = named.iter().map(|it| it.slug.as_str()).collect();
        assert_eq!(slugs, ["base", "near"]);
    }
}
