//! The engine: all saved queries as one immutable structure that judges an article in one pass over its words.

use super::{
    ast::{Leaf, Node, TextField},
    compile::{Concept, Expr, Signal, Vocabulary, count},
    error::QueryError,
    evaluate::{Evaluation, Found, Sighting},
    index::{Index, PatternId},
    lexicon::Lexicon,
    mentions::{Consumers, sorted},
    parser::{Purpose, Query, parse},
    pattern::{Article, Pattern, Stretch},
};
use crate::{
    domain::{ArticleMatch, Hit, Keyword, KeywordId, Subject},
    text::words::Words,
};

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

/// What a thread keeps between articles, so that nothing is allocated anew for each.
#[derive(Debug, Default)]
pub struct Scratch {
    words: Words,
    sightings: Vec<(u32, Stretch)>,
    loose: Vec<(PatternId, u32)>,
    stretches: Vec<Stretch>,
    concepts: Vec<u32>,
    found: Found,
    candidates: Vec<u32>,
}

impl Scratch {
    /// The mentions that the last scan found.
    pub(super) const fn found(&self) -> &Found {
        &self.found
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
            by_concept: Lists::new(scanner.concepts.len(), by_concept),
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

/// Finds all mentions in an article.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    index: Index,
    patterns: Vec<Pattern>,
    leaf_of: Vec<u32>,
    concepts: Vec<Concept>,
    /// The concepts that each leaf is a term of.
    concepts_of: Lists,
    /// Leaves that are names of outlets, ascending.
    outlets: Vec<u32>,
}

impl Scanner {
    /// Takes the patterns and concepts of a vocabulary.
    pub(super) fn new(vocabulary: &mut Vocabulary, outlets: &[Leaf]) -> Self {
        let mut outlets: Vec<u32> = outlets
            .iter()
            .map(|outlet| vocabulary.leaf(outlet))
            .collect();
        outlets.sort_unstable();
        outlets.dedup();
        let patterns = std::mem::take(&mut vocabulary.patterns);
        let concepts = vocabulary.concepts.clone();
        let terms = (0_u32..)
            .zip(&concepts)
            .flat_map(|(number, concept)| concept.terms.iter().map(move |&term| (term, number)))
            .collect();
        Self {
            index: Index::new(&patterns),
            patterns,
            leaf_of: std::mem::take(&mut vocabulary.leaf_of),
            concepts_of: Lists::new(vocabulary.leaf_count(), terms),
            concepts,
            outlets,
        }
    }

    /// Fills `scratch.found` with all mentions in `article`.
    pub(super) fn scan(&self, article: &Article<'_>, scratch: &mut Scratch) {
        self.collect(article, scratch);
        self.consume_outlets(scratch);
        scratch.found.clear();
        for run in scratch.sightings.chunk_by(|one, other| one.0 == other.0) {
            if let Some(&(leaf, _)) = run.first() {
                scratch
                    .found
                    .add_leaf(leaf, run.iter().map(|&(_, stretch)| stretch));
            }
        }
        self.find_concepts(scratch);
    }

    /// Every stretch that is a leaf, sorted by leaf and position.
    fn collect(&self, article: &Article<'_>, scratch: &mut Scratch) {
        let (sightings, loose) = (&mut scratch.sightings, &mut scratch.loose);
        sightings.clear();
        loose.clear();
        let leaf_of = |pattern: PatternId| {
            self.leaf_of
                .get(pattern as usize)
                .copied()
                .unwrap_or(u32::MAX)
        };
        self.index.visit(article, &mut |at, entry| {
            let Some(pattern) = self.patterns.get(entry.pattern as usize) else {
                return;
            };
            if pattern.slop > 0 {
                loose.extend(
                    article
                        .paragraph(at)
                        .map(|paragraph| (entry.pattern, paragraph)),
                );
            } else if let Some(stretch) = pattern.around(article, entry.anchor as usize, at) {
                sightings.push((leaf_of(entry.pattern), stretch));
            }
        });
        loose.sort_unstable();
        loose.dedup();
        for &(id, paragraph) in loose.iter() {
            if let Some(pattern) = self.patterns.get(id as usize) {
                scratch.stretches.clear();
                pattern.loosely(
                    article,
                    &article.positions_of(paragraph),
                    &mut scratch.stretches,
                );
                sightings.extend(
                    scratch
                        .stretches
                        .iter()
                        .map(|&stretch| (leaf_of(id), stretch)),
                );
            }
        }
        sightings.sort_unstable();
        sightings.dedup();
    }

    /// Removes what is said inside the name of an outlet.
    fn consume_outlets(&self, scratch: &mut Scratch) {
        if self.outlets.is_empty() {
            return;
        }
        let names = scratch
            .sightings
            .iter()
            .filter(|(leaf, _)| self.outlets.binary_search(leaf).is_ok())
            .map(|&(_, stretch)| stretch);
        scratch.stretches.clear();
        scratch.stretches.extend(names);
        let consumers = Consumers::new(&mut scratch.stretches);
        if !consumers.is_empty() {
            scratch
                .sightings
                .retain(|(_, stretch)| !consumers.exceed(stretch));
        }
    }

    /// Adds the concepts of which a term was seen outside of their anti-terms.
    fn find_concepts(&self, scratch: &mut Scratch) {
        scratch.concepts.clear();
        for leaf in scratch.found.seen_leaves() {
            scratch
                .concepts
                .extend_from_slice(self.concepts_of.of(leaf));
        }
        scratch.concepts.sort_unstable();
        scratch.concepts.dedup();
        for &number in &scratch.concepts {
            let Some(concept) = self.concepts.get(number as usize) else {
                continue;
            };
            let all = |leaves: &[u32], out: &mut Vec<Stretch>| {
                out.clear();
                for &leaf in leaves {
                    out.extend_from_slice(scratch.found.of(Signal::Leaf(leaf)));
                }
            };
            all(&concept.anti_terms, &mut scratch.stretches);
            let consumers = Consumers::new(&mut scratch.stretches);
            all(&concept.terms, &mut scratch.stretches);
            scratch
                .stretches
                .retain(|stretch| !consumers.cover(stretch));
            sorted(&mut scratch.stretches);
            if !scratch.stretches.is_empty() {
                scratch.found.add_concept(number, &scratch.stretches);
            }
        }
    }

    /// The letters to show: in order, where they overlap the first and longest.
    fn hits(&self, article: &Article<'_>, mut sightings: Vec<Sighting>) -> Vec<Hit> {
        sightings.sort_unstable_by_key(|sighting| {
            let Stretch { first, last, .. } = sighting.stretch;
            (
                first,
                std::cmp::Reverse(last),
                std::cmp::Reverse(sighting.signal),
            )
        });
        let mut hits: Vec<Hit> = Vec::with_capacity(sightings.len());
        for Sighting { stretch, signal } in sightings {
            let field = article.field(stretch.first);
            if hits
                .last()
                .is_some_and(|last| last.field == field && stretch.start < last.end)
            {
                continue;
            }
            let text = article
                .text(stretch.first)
                .get(stretch.start as usize..stretch.end as usize)
                .unwrap_or_default()
                .to_owned();
            let concept = match signal {
                Signal::Concept(number) => self
                    .concepts
                    .get(number as usize)
                    .map(|concept| concept.name.clone()),
                Signal::Leaf(_) => None,
            };
            hits.push(Hit {
                field,
                start: stretch.start,
                end: stretch.end,
                text,
                concept,
            });
        }
        hits
    }
}

/// Lists of numbers by number, in two allocations.
#[derive(Debug, Default)]
struct Lists {
    /// Where each list begins, and the end.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// From pairs of (key, item); keys are below `keys`.
    fn new(keys: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let starts = (0..=keys)
            .map(|key| count(pairs.partition_point(|&(other, _)| (other as usize) < key)))
            .collect();
        Self {
            starts,
            items: pairs.into_iter().map(|(_, item)| item).collect(),
        }
    }

    fn of(&self, key: u32) -> &[u32] {
        let key = key as usize;
        match (self.starts.get(key), self.starts.get(key + 1)) {
            (Some(&from), Some(&to)) => self
                .items
                .get(from as usize..to as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }
}
