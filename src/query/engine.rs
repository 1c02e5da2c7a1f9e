//! The engine: all saved queries as one immutable structure that judges an article in one pass over its words.

use std::fmt;

use super::{
    ast::{Node, TextField},
    compile::{Expr, Signal, Vocabulary},
    error::QueryError,
    evaluate::Evaluation,
    lexicon::Lexicon,
    parser::{Purpose, Query, parse},
    pattern::Article,
    scanner::{Lists, Scanner, Scratch},
};
use crate::domain::{ArticleMatch, Keyword, KeywordId, Subject};

/// The longest `why` of a match, in bytes.
const MAX_WHY_BYTES: usize = 300;

/// A keyword that was left out of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeywordProblem {
    /// The keyword.
    pub id: KeywordId,
    /// Its slug.
    pub slug: String,
    /// What is wrong with its query.
    pub errors: Vec<QueryError>,
}

impl fmt::Display for KeywordProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keyword {}", self.slug)?;
        for error in &self.errors {
            write!(f, ": {error}")?;
        }
        Ok(())
    }
}

/// All saved queries, ready to judge articles. Never changes: a changed keyword makes a new engine.
#[derive(Debug, Default)]
pub struct Engine {
    scanner: Scanner,
    keywords: Vec<Compiled>,
    /// Keywords to be evaluated when a leaf is seen.
    by_leaf: Lists,
    /// Keywords to be evaluated when a concept is seen.
    by_concept: Lists,
    /// Keywords to be evaluated always.
    always: Vec<u32>,
}

/// A keyword ready to be evaluated.
#[derive(Debug)]
struct Compiled {
    id: KeywordId,
    version: i32,
    expr: Expr,
    /// The branches of the topmost OR in canonical form, or the whole.
    branches: Vec<String>,
}

impl Compiled {
    fn new(
        id: KeywordId,
        version: i32,
        query: &Query,
        vocabulary: &mut Vocabulary,
        lexicon: &Lexicon,
    ) -> Self {
        Self {
            id,
            version,
            expr: vocabulary.expr(query.root(), TextField::Text, lexicon),
            branches: branches(query.root())
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl Engine {
    /// Compiles all keywords that are without errors; the others are left out and reported.
    #[must_use]
    pub fn compile(keywords: &[Keyword], lexicon: &Lexicon) -> (Self, Vec<KeywordProblem>) {
        let mut vocabulary = Vocabulary::default();
        let mut compiled = Vec::with_capacity(keywords.len());
        let mut problems = Vec::new();
        for keyword in keywords {
            match parse(&keyword.query, lexicon, Purpose::SavedKeyword) {
                Ok(query) => {
                    let (id, version) = (keyword.id, keyword.version);
                    compiled.push(Compiled::new(id, version, &query, &mut vocabulary, lexicon));
                }
                Err(errors) => problems.push(KeywordProblem {
                    id: keyword.id,
                    slug: keyword.slug.clone(),
                    errors,
                }),
            }
        }
        (Self::assemble(vocabulary, compiled, lexicon), problems)
    }

    /// An engine for one query that is no saved keyword: search, preview, a trial on the command line. Its matches have
    /// the id and version 0.
    #[must_use]
    pub fn of_query(query: &Query, lexicon: &Lexicon) -> Self {
        let mut vocabulary = Vocabulary::default();
        let compiled = Compiled::new(KeywordId::new(0), 0, query, &mut vocabulary, lexicon);
        Self::assemble(vocabulary, vec![compiled], lexicon)
    }

    fn assemble(mut vocabulary: Vocabulary, keywords: Vec<Compiled>, lexicon: &Lexicon) -> Self {
        let mut by_leaf = Vec::new();
        let mut by_concept = Vec::new();
        let mut always = Vec::new();
        for (number, keyword) in (0_u32..).zip(&keywords) {
            let Some((_, signals)) = vocabulary.necessary(&keyword.expr) else {
                always.push(number);
                continue;
            };
            for signal in signals {
                match signal {
                    Signal::Leaf(leaf) => by_leaf.push((leaf, number)),
                    Signal::Concept(concept) => by_concept.push((concept, number)),
                }
            }
        }
        let scanner = Scanner::new(&mut vocabulary, lexicon.outlets());
        Self {
            by_leaf: Lists::new(vocabulary.leaf_count(), by_leaf),
            by_concept: Lists::new(scanner.concept_count(), by_concept),
            scanner,
            keywords,
            always,
        }
    }

    /// How many keywords it judges by.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keywords.len()
    }

    /// Whether it has no keywords.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keywords.is_empty()
    }

    /// The keywords that an article matches, in the order in which they were compiled.
    #[must_use]
    pub fn matches(&self, subject: &Subject<'_>, scratch: &mut Scratch) -> Vec<ArticleMatch> {
        let mut words = std::mem::take(&mut scratch.words);
        let article = Article::read(subject, &mut words);
        self.scanner.scan(&article, scratch);
        self.collect_candidates(scratch);
        let evaluation = Evaluation {
            article: &article,
            found: &scratch.found,
            facts: &subject.facts,
        };
        let matches = scratch
            .candidates
            .iter()
            .filter_map(|&number| self.keywords.get(number as usize))
            .filter(|keyword| evaluation.holds(&keyword.expr))
            .map(|keyword| self.matched(keyword, &evaluation))
            .collect();
        scratch.words = words;
        matches
    }

    /// The keywords that may match, ascending.
    fn collect_candidates(&self, scratch: &mut Scratch) {
        let candidates = &mut scratch.candidates;
        candidates.clear();
        candidates.extend_from_slice(&self.always);
        for leaf in scratch.found.seen_leaves() {
            candidates.extend_from_slice(self.by_leaf.of(leaf));
        }
        for concept in scratch.found.seen_concepts() {
            candidates.extend_from_slice(self.by_concept.of(concept));
        }
        candidates.sort_unstable();
        candidates.dedup();
    }

    fn matched(&self, keyword: &Compiled, evaluation: &Evaluation<'_>) -> ArticleMatch {
        let mut sightings = Vec::new();
        evaluation.sightings(&keyword.expr, &mut sightings);
        ArticleMatch {
            keyword_id: keyword.id,
            version: keyword.version,
            hits: self.scanner.hits(evaluation.article, sightings),
            why: why(keyword, evaluation),
        }
    }
}

/// The branches of the topmost OR, or the whole.
fn branches(root: &Node) -> Vec<&Node> {
    match root {
        Node::Or(nodes) => nodes.iter().collect(),
        other => vec![other],
    }
}

/// The branches that held, joined by OR and cut to a length that can be shown.
fn why(keyword: &Compiled, evaluation: &Evaluation<'_>) -> String {
    let held: Vec<&str> = match &keyword.expr {
        Expr::Or(parts) if parts.len() == keyword.branches.len() => parts
            .iter()
            .zip(&keyword.branches)
            .filter(|(part, _)| evaluation.holds(part))
            .map(|(_, branch)| branch.as_str())
            .collect(),
        _ => keyword.branches.iter().map(String::as_str).collect(),
    };
    let mut why = held.join(" OR ");
    if why.len() > MAX_WHY_BYTES {
        let end = (0..=MAX_WHY_BYTES - '…'.len_utf8())
            .rev()
            .find(|&end| why.is_char_boundary(end))
            .unwrap_or(0);
        why.truncate(end);
        why.push('…');
    }
    why
}
