//! Two beats side by side on the same articles: what a change gains and loses under each keyword that it touches, and
//! what each part of the new query, and each anti-term, does.

use std::{
    collections::{BTreeSet, HashMap},
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    ast::{Leaf, Node},
    engine::{Engine, branches},
    lexicon::{Lexicon, Saved},
    parser::Query,
    scanner::Scratch,
};
use crate::domain::{ArticleMatch, Subject};

/// Exclusions that are looked at one by one; each costs as much as a query.
const MAX_EXCLUSIONS: usize = 40;
/// Anti-terms that are looked at one by one.
const MAX_ANTI_TERMS: usize = 400;
/// Engines without one anti-term that are kept at a time: each holds all terms of the queries.
const MAX_KEPT: usize = 24;

/// One side of a comparison: queries, in the same order on both sides, and what the names in them stand for.
#[derive(Debug, Clone)]
pub struct Side<'a> {
    /// The queries; none matches nothing.
    pub queries: Vec<Option<&'a Query>>,
    /// What their names stand for.
    pub lexicon: &'a Lexicon,
}

/// Of which parts it is told what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts<'a> {
    /// The clauses and exclusions of the first query, and the anti-terms of all concepts that it names.
    OfFirstQuery,
    /// The anti-terms of one concept, in lower case.
    OfConcept(&'a str),
    /// None.
    None,
}

/// Judges articles by queries as they were and as they are to be, in one pass where their names mean the same.
#[derive(Debug)]
pub struct Comparison {
    /// How many queries are compared.
    count: usize,
    /// The old queries, where their names meant something else.
    before: Option<Engine>,
    /// The new queries, the first one without each of its exclusions, and each anti-term; before them the old queries,
    /// where their names mean the same.
    after: Engine,
    /// The branches of the topmost OR of the first new query.
    clauses: Vec<String>,
    /// What the first new query excludes.
    exclusions: Vec<String>,
    anti_terms: AntiTerms,
}

/// What became of one query in one article.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pair {
    /// The number of the query.
    pub query: usize,
    /// Its match as it was.
    pub before: Option<ArticleMatch>,
    /// Its match as it is to be.
    pub after: Option<ArticleMatch>,
}

impl Pair {
    /// Whether only the new query matches.
    #[must_use]
    pub const fn is_gained(&self) -> bool {
        self.before.is_none() && self.after.is_some()
    }

    /// Whether only the old query matches.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.before.is_some() && self.after.is_none()
    }
}

/// What became of one article.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compared {
    /// The queries that match on one side at least, ascending.
    pub pairs: Vec<Pair>,
    /// The clauses of the first new query that held, by number.
    clauses: Vec<u32>,
    /// The exclusions of the first new query without any one of which it would match, by number.
    kept_out_by: Vec<usize>,
    /// The anti-terms without any one of which a query would match that does not, by number.
    consumed_by: Vec<usize>,
}

impl Compared {
    /// Whether a query matches on one side only.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.pairs
            .iter()
            .any(|pair| pair.is_gained() || pair.is_lost())
    }

    /// Whether a part kept it out.
    #[must_use]
    pub fn is_kept_out(&self) -> bool {
        !self.kept_out_by.is_empty() || !self.consumed_by.is_empty()
    }

    /// The clauses of the first new query that held, by number.
    #[must_use]
    pub fn clauses(&self) -> &[u32] {
        &self.clauses
    }

    /// The exclusions of the first new query without any one of which it would match, by number.
    #[must_use]
    pub fn kept_out_by(&self) -> &[usize] {
        &self.kept_out_by
    }

    /// The anti-terms without any one of which a query would match that does not, by number.
    #[must_use]
    pub fn consumed_by(&self) -> &[usize] {
        &self.consumed_by
    }

    fn pair(&mut self, query: usize) -> &mut Pair {
        let at = match self.pairs.binary_search_by_key(&query, |pair| pair.query) {
            Ok(at) => at,
            Err(at) => {
                let new = Pair {
                    query,
                    ..Pair::default()
                };
                self.pairs.insert(at, new);
                at
            }
        };
        &mut self.pairs[at]
    }
}

impl Comparison {
    /// Compares `before`, if there was any, with `after`. Both name what `lexicon` knows.
    #[must_use]
    pub fn new(before: Option<&Query>, after: &Query, lexicon: &Lexicon) -> Self {
        let side = |query| Side {
            queries: vec![query],
            lexicon,
        };
        Self::between(&side(before), &side(Some(after)), Parts::OfFirstQuery)
    }

    /// Compares two sides.
    #[must_use]
    pub fn between(before: &Side<'_>, after: &Side<'_>, parts: Parts<'_>) -> Self {
        let nothing = Node::Or(Vec::new());
        let root =
            |query: Option<&Query>| query.map_or_else(|| nothing.clone(), |it| it.root().clone());
        let old: Vec<Node> = before.queries.iter().copied().map(root).collect();
        let new: Vec<Node> = after.queries.iter().copied().map(root).collect();
        let first = new.first().filter(|_| parts == Parts::OfFirstQuery);
        let without = first.map_or_else(Vec::new, first_exclusions);
        let clauses = first.map_or_else(Vec::new, |first| {
            branches(first).iter().map(ToString::to_string).collect()
        });
        let anti_terms = AntiTerms::new(parts, &new, after.lexicon);
        let means_the_same = std::ptr::eq(before.lexicon, after.lexicon);
        let shared = old.iter().filter(|_| means_the_same);
        let watched: Vec<Node> = anti_terms
            .list
            .iter()
            .map(|it| Node::Leaf(it.leaf.clone()))
            .collect();
        let all = shared
            .chain(&new)
            .chain(without.iter().map(|(_, node)| node))
            .chain(&watched);
        Self {
            count: new.len(),
            after: Engine::of_nodes(all, after.lexicon),
            before: (!means_the_same).then(|| Engine::of_nodes(old.iter(), before.lexicon)),
            clauses,
            exclusions: without.into_iter().map(|(label, _)| label).collect(),
            anti_terms,
        }
    }

    /// The clauses of the first new query in canonical form.
    #[must_use]
    pub fn clauses(&self) -> &[String] {
        &self.clauses
    }

    /// What becomes of an article.
    #[must_use]
    pub fn judge(&self, subject: &Subject<'_>, scratch: &mut Scratch) -> Compared {
        let mut compared = Compared::default();
        let mut would_match = Vec::new();
        let mut mentioned = Vec::new();
        if let Some(before) = &self.before {
            for finding in before.judge(subject, scratch) {
                let number = usize::try_from(finding.keyword_id().get()).unwrap_or(usize::MAX);
                compared.pair(number).before = Some(finding.to_match(subject));
            }
        }
        let old = if self.before.is_none() { self.count } else { 0 };
        let new = old + self.count;
        let without = new + self.exclusions.len();
        for finding in self.after.judge(subject, scratch) {
            let number = usize::try_from(finding.keyword_id().get()).unwrap_or(usize::MAX);
            if number < old {
                compared.pair(number).before = Some(finding.to_match(subject));
            } else if number < new {
                if number == old && !self.clauses.is_empty() {
                    compared.clauses = finding.branches().to_vec();
                }
                compared.pair(number - old).after = Some(finding.to_match(subject));
            } else if number < without {
                would_match.push(number - new);
            } else {
                mentioned.push(number - without);
            }
        }
        let has = |query: usize| {
            let pair = compared.pairs.iter().find(|pair| pair.query == query);
            pair.is_some_and(|pair| pair.after.is_some())
        };
        let is_first_missing = !has(0);
        let queries = 0..self.anti_terms.roots.len();
        let missing: Vec<usize> = queries.filter(|&query| !has(query)).collect();
        if is_first_missing {
            compared.kept_out_by = would_match;
        }
        if !mentioned.is_empty() && !missing.is_empty() {
            mentioned
                .retain(|&number| self.anti_terms.consumes(number, &missing, subject, scratch));
            compared.consumed_by = mentioned;
        }
        compared
    }
}

/// The anti-terms whose work is told. Whether one of them keeps an article out is asked only where it stands in one.
#[derive(Debug)]
struct AntiTerms {
    list: Vec<AntiTerm>,
    /// The new queries that may be kept out by them.
    roots: Vec<Node>,
    lexicon: Lexicon,
    /// Engines of these queries, each without one of the anti-terms.
    kept: Mutex<HashMap<usize, Arc<Engine>>>,
}

#[derive(Debug, Clone)]
struct AntiTerm {
    concept: String,
    leaf: Leaf,
}

impl AntiTerms {
    fn new(parts: Parts<'_>, new: &[Node], lexicon: &Lexicon) -> Self {
        let mut concepts = BTreeSet::new();
        let roots = match parts {
            Parts::OfFirstQuery => {
                let first: Vec<Node> = new.iter().take(1).cloned().collect();
                for root in &first {
                    concepts_in(root, lexicon, 0, &mut concepts);
                }
                first
            }
            Parts::OfConcept(concept) => {
                concepts.insert(concept.to_owned());
                new.to_vec()
            }
            Parts::None => Vec::new(),
        };
        let mut list: Vec<AntiTerm> = concepts
            .into_iter()
            .filter_map(|concept| Some((lexicon.concept(&concept)?, concept)))
            .flat_map(|(meaning, concept)| {
                let anti_term = move |leaf: &Leaf| AntiTerm {
                    concept: concept.clone(),
                    leaf: leaf.clone(),
                };
                meaning.anti_terms.iter().map(anti_term).collect::<Vec<_>>()
            })
            .collect();
        list.truncate(MAX_ANTI_TERMS);
        Self {
            lexicon: if list.is_empty() {
                Lexicon::default()
            } else {
                lexicon.clone()
            },
            list,
            roots,
            kept: Mutex::default(),
        }
    }

    /// Whether one of these queries, which do not match, would without an anti-term.
    fn consumes(
        &self,
        number: usize,
        missing: &[usize],
        subject: &Subject<'_>,
        scratch: &mut Scratch,
    ) -> bool {
        let engine = self.without(number);
        engine.judge(subject, scratch).any(|finding| {
            let query = usize::try_from(finding.keyword_id().get());
            query.is_ok_and(|query| missing.contains(&query))
        })
    }

    fn without(&self, number: usize) -> Arc<Engine> {
        let known = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&number)
            .cloned();
        if let Some(known) = known {
            return known;
        }
        let lexicon = self.list.get(number).map_or_else(
            || self.lexicon.clone(),
            |it| self.lexicon.without_anti_term(&it.concept, &it.leaf),
        );
        let engine = Arc::new(Engine::of_nodes(self.roots.iter(), &lexicon));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(number, Arc::clone(&engine));
        engine
    }
}

/// The concepts that a tree names, those of the keywords that it names included.
fn concepts_in(node: &Node, lexicon: &Lexicon, depth: usize, out: &mut BTreeSet<String>) {
    match node {
        Node::Concept(name) => {
            out.insert(name.clone());
        }
        // No sound keyword leads back to itself; the depth is for those that are read while that is found out.
        Node::Keyword(slug) if depth < super::MAX_LEVELS => {
            if let Some(Saved::Sound(query)) = lexicon.keyword(slug) {
                concepts_in(query.root(), lexicon, depth + 1, out);
            }
        }
        other => {
            for child in other.children() {
                concepts_in(child, lexicon, depth, out);
            }
        }
    }
}

/// Visits each exclusion in the tree with the tree that lacks it, until one visit breaks.
fn exclusions(
    node: &Node,
    visit: &mut dyn FnMut(&Node, Node) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let (parts, join): (_, fn(Vec<Node>) -> Node) = match node {
        Node::And(parts) => (parts, Node::And),
        Node::Or(parts) => (parts, Node::Or),
        _ => return ControlFlow::Continue(()),
    };
    for (at, part) in parts.iter().enumerate() {
        if let Node::Not(excluded) = part {
            let mut others = parts.clone();
            others.remove(at);
            let rest = match <[Node; 1]>::try_from(others) {
                Ok([only]) => only,
                Err(several) => join(several),
            };
            visit(excluded, rest)?;
            continue;
        }
        exclusions(part, &mut |excluded, inside| {
            let mut changed = parts.clone();
            if let Some(place) = changed.get_mut(at) {
                *place = inside;
            }
            visit(excluded, join(changed))
        })?;
    }
    ControlFlow::Continue(())
}

/// The first exclusions of a query in canonical form, each with the query that lacks it. No more are made: each is a copy
/// of the query.
fn first_exclusions(query: &Node) -> Vec<(String, Node)> {
    let mut found = Vec::new();
    let _ = exclusions(query, &mut |excluded, without| {
        found.push((excluded.to_string(), without));
        if found.len() < MAX_EXCLUSIONS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    found
}

/// What a part of the new query did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartTally {
    /// The part in canonical form.
    pub text: String,
    /// Articles that it found; of an exclusion or anti-term, those that it alone kept out.
    pub count: u64,
    /// Articles that it alone found; 0 of an exclusion or anti-term.
    pub sole: u64,
}

/// What a change did to one query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryTally {
    /// Articles that it matched.
    pub before: u64,
    /// Articles that it is to match.
    pub after: u64,
    /// Those that it is to match and did not.
    pub gained: u64,
    /// Those that it matched and is not to.
    pub lost: u64,
}

impl QueryTally {
    /// Several queries together.
    pub(super) fn sum(queries: &[Self]) -> Self {
        let add = |sum: Self, one: &Self| Self {
            before: sum.before + one.before,
            after: sum.after + one.after,
            gained: sum.gained + one.gained,
            lost: sum.lost + one.lost,
        };
        queries.iter().fold(Self::default(), add)
    }
}

/// What came of a comparison so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Articles that were judged.
    pub read: u64,
    /// What came of each query, in their order.
    pub queries: Vec<QueryTally>,
    /// The branches of the topmost OR of the first new query, or the whole.
    pub clauses: Vec<PartTally>,
    /// What the first new query excludes.
    pub exclusions: Vec<PartTally>,
    /// The anti-terms that are watched, `@concept: term`.
    pub anti_terms: Vec<PartTally>,
}

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub fn new(comparison: &Comparison) -> Self {
        let part = |text: String| PartTally {
            text,
            ..PartTally::default()
        };
        let parts = |texts: &[String]| texts.iter().cloned().map(part).collect();
        let anti_terms = comparison.anti_terms.list.iter();
        Self {
            read: 0,
            queries: vec![QueryTally::default(); comparison.count],
            clauses: parts(&comparison.clauses),
            exclusions: parts(&comparison.exclusions),
            anti_terms: anti_terms
                .map(|it| part(format!("@{}: {}", it.concept, it.leaf)))
                .collect(),
        }
    }

    /// The first query, of which the others are what depends on it.
    #[must_use]
    pub fn first(&self) -> QueryTally {
        self.queries.first().copied().unwrap_or_default()
    }

    /// All queries together.
    #[must_use]
    pub fn whole(&self) -> QueryTally {
        QueryTally::sum(&self.queries)
    }

    /// Counts an article.
    pub fn add(&mut self, compared: &Compared) {
        self.read += 1;
        for pair in &compared.pairs {
            if let Some(query) = self.queries.get_mut(pair.query) {
                query.before += u64::from(pair.before.is_some());
                query.after += u64::from(pair.after.is_some());
                query.gained += u64::from(pair.is_gained());
                query.lost += u64::from(pair.is_lost());
            }
        }
        let is_sole = u64::from(compared.clauses.len() == 1);
        for &number in &compared.clauses {
            if let Some(clause) = self.clauses.get_mut(number as usize) {
                clause.count += 1;
                clause.sole += is_sole;
            }
        }
        let count = |parts: &mut Vec<PartTally>, numbers: &[usize]| {
            for &number in numbers {
                if let Some(part) = parts.get_mut(number) {
                    part.count += 1;
                }
            }
        };
        count(&mut self.exclusions, &compared.kept_out_by);
        count(&mut self.anti_terms, &compared.consumed_by);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::{Purpose, parse};

    fn query(text: &str) -> Query {
        parse(text, &Lexicon::default(), Purpose::SavedKeyword).unwrap()
    }

    fn subject(title: &str) -> Subject<'_> {
        Subject {
            title,
            ..Subject::default()
        }
    }

    fn tally(before: Option<&str>, after: &str, titles: &[&str]) -> Tally {
        let before = before.map(query);
        let comparison = Comparison::new(before.as_ref(), &query(after), &Lexicon::default());
        let mut tally = Tally::new(&comparison);
        let mut scratch = Scratch::default();
        for title in titles {
            tally.add(&comparison.judge(&subject(title), &mut scratch));
        }
        tally
    }

    fn told(parts: &[PartTally]) -> Vec<(&str, u64, u64)> {
        parts
            .iter()
            .map(|part| (part.text.as_str(), part.count, part.sole))
            .collect()
    }

    #[test]
    fn what_a_change_gains_and_loses_is_counted() {
        let titles = ["aa", "aa bb", "bb", "cc", "aa cc"];
        let seen = tally(Some("aa"), "bb OR cc", &titles);
        let QueryTally {
            before,
            after,
            gained,
            lost,
        } = seen.first();
        assert_eq!((seen.read, before, after), (5, 3, 4));
        assert_eq!((gained, lost), (2, 1));
        let new = tally(None, "aa", &titles).first();
        assert_eq!((new.before, new.gained, new.lost), (0, 3, 0));
    }

    #[test]
    fn a_clause_that_alone_found_an_article_is_told_so() {
        let seen = tally(None, "aa OR bb OR zz", &["aa", "aa bb", "bb", "bb", "x"]);
        assert_eq!(
            told(&seen.clauses),
            [("aa", 2, 1), ("bb", 3, 2), ("zz", 0, 0)]
        );
    }

    #[test]
    fn what_each_exclusion_alone_keeps_out_is_counted() {
        let query = "(aa OR bb AND NOT cc) AND NOT dd AND NOT (ee OR ff)";
        let titles = ["aa", "aa dd", "aa dd ee", "aa ff", "bb cc", "bb", "cc dd"];
        let seen = tally(None, query, &titles);
        assert_eq!(seen.first().after, 2);
        assert_eq!(
            told(&seen.exclusions),
            [("cc", 1, 0), ("dd", 1, 0), ("ee OR ff", 1, 0)]
        );
    }

    fn any_query() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec!["aa", "bb", "cc", "dd", "\"aa bb\"", "aa NEAR/1 cc"]);
        let clause = (word.clone(), prop::option::of(word)).prop_map(|(one, not)| match not {
            Some(not) => format!("(({one}) AND NOT ({not}))"),
            None => format!("({one})"),
        });
        prop::collection::vec(clause, 1..4).prop_map(|clauses| clauses.join(" OR "))
    }

    proptest! {
        #[test]
        fn the_difference_is_that_of_two_full_matches(
            before in any_query(),
            after in any_query(),
            titles in prop::collection::vec("(aa |bb |cc |dd |x ){0,5}", 0..12),
        ) {
            let lexicon = Lexicon::default();
            let (before, after) = (query(&before), query(&after));
            let comparison = Comparison::new(Some(&before), &after, &lexicon);
            let mut scratch = Scratch::default();
            for title in &titles {
                let subject = subject(title);
                let compared = comparison.judge(&subject, &mut scratch);
                let alone = |query: &Query| {
                    let engine = Engine::of_query(query, &lexicon);
                    let mut matches = engine.matches(&subject, &mut Scratch::default());
                    matches.pop().map(|found| (found.hits, found.why))
                };
                let parts = |found: &Option<ArticleMatch>| {
                    found.as_ref().map(|found| (found.hits.clone(), found.why.clone()))
                };
                let pair = compared.pairs.first().cloned().unwrap_or_default();
                prop_assert_eq!(parts(&pair.before), alone(&before));
                prop_assert_eq!(parts(&pair.after), alone(&after));
            }
        }
    }

    fn beat(terms: &[&str], anti_terms: &[&str]) -> Lexicon {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let concept = crate::domain::Concept {
            slug: "iran".to_owned(),
            name: "Iran".to_owned(),
            terms: owned(terms),
            anti_terms: owned(anti_terms),
        };
        let keyword = crate::domain::Keyword {
            id: crate::domain::KeywordId::new(1),
            slug: "base".to_owned(),
            name: "Base".to_owned(),
            version: 1,
            query: "@iran".to_owned(),
        };
        Lexicon::new(&[concept], &[], &[keyword]).0
    }

    #[test]
    fn what_each_anti_term_keeps_out_is_counted_through_the_keywords_that_are_named() {
        let lexicon = beat(&["aa", "bb"], &["aa park", "bb street", "zz zz"]);
        let read = |text: &str| parse(text, &lexicon, Purpose::SavedKeyword).unwrap();
        let after = read("keyword:base OR cc");
        let comparison = Comparison::new(None, &after, &lexicon);
        let mut tally = Tally::new(&comparison);
        let mut scratch = Scratch::default();
        for title in [
            "aa park",
            "aa park aa",
            "cc aa park",
            "bb street aa park",
            "dd",
            "aa",
        ] {
            tally.add(&comparison.judge(&subject(title), &mut scratch));
        }
        assert_eq!(tally.first().after, 3);
        assert_eq!(
            told(&tally.anti_terms),
            [
                ("@iran: \"aa park\"", 2, 0),
                ("@iran: \"bb street\"", 1, 0),
                ("@iran: \"zz zz\"", 0, 0)
            ]
        );
    }

    #[test]
    fn a_changed_concept_is_compared_under_every_query() {
        let (old, new) = (beat(&["aa"], &[]), beat(&["aa", "bb"], &["aa park"]));
        let texts = ["@iran", "@iran AND cc", "dd AND NOT @iran"];
        let read = |lexicon: &Lexicon| -> Vec<Query> {
            let read = |text: &&str| parse(text, lexicon, Purpose::SavedKeyword).unwrap();
            texts.iter().map(read).collect()
        };
        let (before, after) = (read(&old), read(&new));
        let comparison = Comparison::between(
            &Side {
                queries: before.iter().map(Some).collect(),
                lexicon: &old,
            },
            &Side {
                queries: after.iter().map(Some).collect(),
                lexicon: &new,
            },
            Parts::OfConcept("iran"),
        );
        let mut tally = Tally::new(&comparison);
        let mut scratch = Scratch::default();
        for title in ["aa", "bb", "aa park cc", "bb cc", "aa park dd", "dd"] {
            tally.add(&comparison.judge(&subject(title), &mut scratch));
        }
        let told: Vec<_> = tally
            .queries
            .iter()
            .map(|it| (it.before, it.after, it.gained, it.lost))
            .collect();
        assert_eq!(told, [(3, 3, 2, 2), (1, 1, 1, 1), (1, 2, 1, 0)]);
        assert_eq!(tally.anti_terms[0].count, 2);
    }
}
