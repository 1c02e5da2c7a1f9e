//! The lexicon: what `@names`, `keyword:` slugs and the names of outlets mean.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use super::{
    ast::Leaf,
    leaf::{flaw_of, read_entry},
    lexer::{keyword_references, nearest},
    parser::{Purpose, Query, parse},
};
use crate::domain::{Concept, Keyword};

/// What the names in queries stand for.
#[derive(Debug, Clone, Default)]
pub struct Lexicon {
    concepts: BTreeMap<String, Arc<Meaning>>,
    outlets: Vec<Leaf>,
    keywords: HashMap<String, Entry>,
}

/// A keyword as it was read.
#[derive(Debug, Clone)]
struct Entry {
    /// Its text, if it was free to be read.
    text: String,
    saved: Saved,
}

impl Entry {
    /// One that was not free to be read yet.
    const CIRCULAR: Self = Self {
        text: String::new(),
        saved: Saved::Circular,
    };
}

/// A concept that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Its name for people.
    pub(super) name: String,
    pub(super) terms: Vec<Leaf>,
    pub(super) anti_terms: Vec<Leaf>,
}

/// What is known of a keyword that a query names.
#[derive(Debug, Clone)]
pub(super) enum Saved {
    /// It can be used.
    Sound(Arc<Query>),
    /// It has errors of its own.
    Broken,
    /// It leads back to itself, by way of others or not.
    Circular,
}

/// An entry of a concept or an outlet that cannot be used, and was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexiconProblem {
    /// Slug of the concept; none for an outlet.
    pub concept: Option<String>,
    /// The entry as written.
    pub term: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for LexiconProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.concept {
            Some(concept) => write!(f, "@{concept}: {}: {}", self.term, self.reason),
            None => write!(f, "outlet {}: {}", self.term, self.reason),
        }
    }
}

impl Lexicon {
    /// Reads concepts, outlets and keywords. What cannot be used is left out and reported; the rest works.
    /// Keywords with errors are reported by [`super::Engine::compile`].
    #[must_use]
    pub fn new(
        concepts: &[Concept],
        outlets: &[String],
        keywords: &[Keyword],
    ) -> (Self, Vec<LexiconProblem>) {
        let mut lexicon = Self::default();
        let mut problems = Vec::new();
        for concept in concepts {
            lexicon.add_concept(concept, &mut problems);
        }
        for outlet in outlets {
            lexicon.add_outlet(outlet, &mut problems);
        }
        lexicon.add_keywords(keywords);
        (lexicon, problems)
    }

    fn add_concept(&mut self, concept: &Concept, problems: &mut Vec<LexiconProblem>) {
        let mut read = |entries: &[String]| {
            let mut leaves = Vec::with_capacity(entries.len());
            for entry in entries {
                match read_entry(entry) {
                    Ok(leaf) => leaves.push(leaf),
                    Err(reason) => problems.push(LexiconProblem {
                        concept: Some(concept.slug.clone()),
                        term: entry.clone(),
                        reason,
                    }),
                }
            }
            leaves
        };
        let meaning = Meaning {
            name: concept.name.clone(),
            terms: read(&concept.terms),
            anti_terms: read(&concept.anti_terms),
        };
        let name = concept.slug.to_lowercase();
        if self.concepts.contains_key(&name) {
            problems.push(LexiconProblem {
                concept: Some(concept.slug.clone()),
                term: concept.slug.clone(),
                reason: "there is another concept of this name".to_owned(),
            });
            return;
        }
        self.concepts.insert(name, Arc::new(meaning));
    }

    fn add_outlet(&mut self, outlet: &str, problems: &mut Vec<LexiconProblem>) {
        let words = outlet.replace(['*', '?', '"'], " ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(flaw) = flaw_of(&words) {
            problems.push(LexiconProblem {
                concept: None,
                term: outlet.to_owned(),
                reason: flaw.message,
            });
            return;
        }
        self.outlets.push(Leaf {
            words,
            is_phrase: true,
            slop: 0,
            is_exact: false,
        });
    }

    /// Reads keywords, those that name others after those that they name. What is never free to be read leads in a
    /// circle.
    fn add_keywords(&mut self, keywords: &[Keyword]) {
        let mut read = HashMap::with_capacity(keywords.len());
        let mut later: HashMap<String, (&Keyword, Vec<String>)> = HashMap::new();
        for keyword in keywords {
            let slug = keyword.slug.to_lowercase();
            let named = keyword_references(&keyword.query);
            later.remove(&slug);
            if named.is_empty() {
                read.insert(slug, self.entry(keyword));
            } else {
                read.insert(slug.clone(), Entry::CIRCULAR);
                later.insert(slug, (keyword, named));
            }
        }
        self.keywords = read;
        self.add_naming(&later);
    }

    /// Reads keywords that name others.
    fn add_naming(&mut self, keywords: &HashMap<String, (&Keyword, Vec<String>)>) {
        let mut waiting: HashMap<&str, usize> = HashMap::new();
        let mut named_by: HashMap<&str, Vec<&str>> = HashMap::new();
        for (slug, (_, named)) in keywords {
            let mut named: Vec<&str> = named.iter().map(String::as_str).collect();
            named.retain(|&other| keywords.contains_key(other));
            named.sort_unstable();
            named.dedup();
            waiting.insert(slug, named.len());
            for other in named {
                named_by.entry(other).or_default().push(slug);
            }
        }
        let mut free: VecDeque<&str> = waiting
            .iter()
            .filter(|(_, left)| **left == 0)
            .map(|(slug, _)| *slug)
            .collect();
        while let Some(slug) = free.pop_front() {
            if let Some((keyword, _)) = keywords.get(slug) {
                let entry = self.entry(keyword);
                self.keywords.insert(slug.to_owned(), entry);
            }
            for namer in named_by.get(slug).into_iter().flatten() {
                if let Some(left) = waiting.get_mut(namer) {
                    *left -= 1;
                    if *left == 0 {
                        free.push_back(namer);
                    }
                }
            }
        }
    }

    fn entry(&self, keyword: &Keyword) -> Entry {
        Entry {
            text: keyword.query.clone(),
            saved: match parse(&keyword.query, self, Purpose::SavedKeyword) {
                Ok(query) => Saved::Sound(Arc::new(query)),
                Err(_) => Saved::Broken,
            },
        }
    }

    /// The concept of that name, which is in lower case.
    pub(super) fn concept(&self, name: &str) -> Option<&Arc<Meaning>> {
        self.concepts.get(name)
    }

    /// The same with one anti-term of a concept left out.
    pub(super) fn without_anti_term(&self, concept: &str, anti_term: &Leaf) -> Self {
        let mut lexicon = self.clone();
        if let Some(meaning) = lexicon.concepts.get_mut(concept) {
            let others = meaning.anti_terms.iter().filter(|leaf| *leaf != anti_term);
            *meaning = Arc::new(Meaning {
                name: meaning.name.clone(),
                terms: meaning.terms.clone(),
                anti_terms: others.cloned().collect(),
            });
        }
        lexicon
    }

    /// The concept whose name is most like `name`.
    pub(super) fn concept_like(&self, name: &str) -> Option<&str> {
        nearest(name, self.concepts.keys().map(String::as_str))
    }

    /// The keyword of that slug, which is in lower case.
    pub(super) fn keyword(&self, slug: &str) -> Option<&Saved> {
        self.keywords.get(slug).map(|entry| &entry.saved)
    }

    /// The query of a keyword, if it was read already.
    pub(super) fn query_of(&self, keyword: &Keyword) -> Option<Arc<Query>> {
        let entry = self.keywords.get(&keyword.slug.to_lowercase())?;
        match &entry.saved {
            Saved::Sound(query) if entry.text == keyword.query => Some(Arc::clone(query)),
            Saved::Sound(_) | Saved::Broken | Saved::Circular => None,
        }
    }

    /// The keyword whose slug is most like `slug`.
    pub(super) fn keyword_like(&self, slug: &str) -> Option<&str> {
        nearest(slug, self.keywords.keys().map(String::as_str))
    }

    /// The names of outlets.
    pub(super) fn outlets(&self) -> &[Leaf] {
        &self.outlets
    }
}
