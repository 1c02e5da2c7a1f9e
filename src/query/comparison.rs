//! Two queries side by side on the same articles: what a change gains and loses, and what each part of the new one does.

use super::{
    ast::Node,
    engine::{Engine, branches},
    lexicon::Lexicon,
    parser::Query,
    scanner::Scratch,
};
use crate::domain::{ArticleMatch, Subject};

/// Exclusions that are looked at one by one; each costs as much as a query.
const MAX_EXCLUSIONS: usize = 40;

/// The numbers of the queries in the engine.
const BEFORE: i64 = 0;
const AFTER: i64 = 1;
const FIRST_WITHOUT: i64 = 2;

/// Judges articles by a query as it was and as it is to be, in one pass.
#[derive(Debug)]
pub struct Comparison {
    engine: Engine,
    /// The branches of the topmost OR of the new query.
    clauses: Vec<String>,
    /// What the new query excludes.
    exclusions: Vec<String>,
}

/// What became of one article.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compared {
    /// Its match with the old query.
    pub before: Option<ArticleMatch>,
    /// Its match with the new query.
    pub after: Option<ArticleMatch>,
    /// The clauses of the new query that held, by number.
    clauses: Vec<u32>,
    /// The exclusions of the new query without any one of which it would match, by number.
    kept_out_by: Vec<usize>,
}

impl Compared {
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

    /// The exclusions of the new query without any one of which it would match, by number.
    #[must_use]
    pub fn kept_out_by(&self) -> &[usize] {
        &self.kept_out_by
    }
}

impl Comparison {
    /// Compares `before`, if there was any, with `after`. Both name what `lexicon` knows.
    #[must_use]
    pub fn new(before: Option<&Query>, after: &Query, lexicon: &Lexicon) -> Self {
        let nothing = Node::Or(Vec::new());
        let mut without = Vec::new();
        exclusions(after.root(), &mut without);
        without.truncate(MAX_EXCLUSIONS);
        let both = [before.map_or(&nothing, Query::root), after.root()];
        let all = both.into_iter().chain(without.iter().map(|(_, node)| node));
        let clauses = branches(after.root());
        Self {
            engine: Engine::of_nodes(all, lexicon),
            clauses: clauses.iter().map(ToString::to_string).collect(),
            exclusions: without.into_iter().map(|(label, _)| label).collect(),
        }
    }

    /// What becomes of an article.
    #[must_use]
    pub fn judge(&self, subject: &Subject<'_>, scratch: &mut Scratch) -> Compared {
        let mut compared = Compared::default();
        let mut would_match = Vec::new();
        for finding in self.engine.judge(subject, scratch) {
            match finding.keyword_id().get() {
                BEFORE => compared.before = Some(finding.to_match(subject)),
                AFTER => {
                    compared.after = Some(finding.to_match(subject));
                    compared.clauses = finding.branches().to_vec();
                }
                number => would_match.extend(usize::try_from(number - FIRST_WITHOUT)),
            }
        }
        if compared.after.is_none() {
            compared.kept_out_by = would_match;
        }
        compared
    }
}

/// Each exclusion in the tree with the tree that lacks it.
fn exclusions(node: &Node, out: &mut Vec<(String, Node)>) {
    let (parts, join): (_, fn(Vec<Node>) -> Node) = match node {
        Node::And(parts) => (parts, Node::And),
        Node::Or(parts) => (parts, Node::Or),
        _ => return,
    };
    for (at, part) in parts.iter().enumerate() {
        let mut others = parts.clone();
        if let Node::Not(excluded) = part {
            others.remove(at);
            let rest = match <[Node; 1]>::try_from(others) {
                Ok([only]) => only,
                Err(several) => join(several),
            };
            out.push((excluded.to_string(), rest));
            continue;
        }
        let mut inside = Vec::new();
        exclusions(part, &mut inside);
        for (label, changed) in inside {
            if let Some(place) = others.get_mut(at) {
                *place = changed;
            }
            out.push((label, join(others.clone())));
        }
    }
}

/// What a part of the new query did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartTally {
    /// The part in canonical form.
    pub text: String,
    /// Articles that it found; of an exclusion, those that it alone kept out.
    pub count: u64,
    /// Articles that it alone found; 0 of an exclusion.
    pub sole: u64,
}

/// What came of a comparison so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Articles that were judged.
    pub read: u64,
    /// Those that the old query matches.
    pub before: u64,
    /// Those that the new query matches.
    pub after: u64,
    /// Those that only the new query matches.
    pub gained: u64,
    /// Those that only the old query matches.
    pub lost: u64,
    /// The branches of the topmost OR of the new query, or the whole.
    pub clauses: Vec<PartTally>,
    /// What the new query excludes.
    pub exclusions: Vec<PartTally>,
}

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub fn new(comparison: &Comparison) -> Self {
        let parts = |texts: &[String]| {
            let part = |text: &String| PartTally {
                text: text.clone(),
                ..PartTally::default()
            };
            texts.iter().map(part).collect()
        };
        Self {
            clauses: parts(&comparison.clauses),
            exclusions: parts(&comparison.exclusions),
            ..Self::default()
        }
    }

    /// Counts an article.
    pub fn add(&mut self, compared: &Compared) {
        self.read += 1;
        self.before += u64::from(compared.before.is_some());
        self.after += u64::from(compared.after.is_some());
        self.gained += u64::from(compared.is_gained());
        self.lost += u64::from(compared.is_lost());
        let is_sole = u64::from(compared.clauses.len() == 1);
        for &number in &compared.clauses {
            if let Some(clause) = self.clauses.get_mut(number as usize) {
                clause.count += 1;
                clause.sole += is_sole;
            }
        }
        for &number in &compared.kept_out_by {
            if let Some(exclusion) = self.exclusions.get_mut(number) {
                exclusion.count += 1;
            }
        }
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
        assert_eq!((seen.read, seen.before, seen.after), (5, 3, 4));
        assert_eq!((seen.gained, seen.lost), (2, 1));
        let new = tally(None, "aa", &titles);
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
        assert_eq!(seen.after, 2);
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
                prop_assert_eq!(parts(&compared.before), alone(&before));
                prop_assert_eq!(parts(&compared.after), alone(&after));
            }
        }
    }
}
