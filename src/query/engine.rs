//! The engine: all saved queries as one immutable structure that judges an article in one pass over its words.

use std::{cell::Cell, fmt, hint::black_box, mem::discriminant, num::NonZeroU32, sync::Arc};

use super::{
    ast::{Node, Proximity, TextField},
    bounds::{keep_in_bounds, place_of},
    compile::{Expr, Places, Signal, Vocabulary, count},
    error::QueryError,
    evaluate::Evaluation,
    lexicon::Lexicon,
    lists::Lists,
    parser::{Purpose, Query, parse},
    pattern::Article,
    scanner::{Mention, Scanner, Scratch, Verdict, Verdicts},
};
use crate::domain::{ArticleMatch, Field, Hit, Keyword, KeywordId, Subject};

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
    by_leaf: Lists<Candidate>,
    /// Keywords to be evaluated when a concept is seen.
    by_concept: Lists<Candidate>,
    /// Keywords to be evaluated always.
    always: Vec<u32>,
}

/// A keyword that may hold when something is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    keyword: u32,
    /// A leaf without which it does not hold: most candidates are done with by a look whether that was seen.
    also: Option<NonZeroU32>,
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
        root: &Node,
        vocabulary: &mut Vocabulary,
        lexicon: &Lexicon,
    ) -> Self {
        Self {
            id,
            version,
            expr: vocabulary.expr(root, TextField::Text, lexicon),
            branches: branches(root).iter().map(ToString::to_string).collect(),
        }
    }

    /// Adds this keyword, which holds, to the verdicts.
    fn tell(&self, number: u32, evaluation: &Evaluation<'_>, verdicts: &mut Verdicts) {
        let Verdicts {
            list,
            mentions,
            branches,
            sightings,
            has_more,
            ..
        } = verdicts;
        list.push(Verdict {
            keyword: number,
            mentions_from: mentions.len(),
            branches_from: branches.len(),
        });
        sightings.clear();
        evaluation.sightings(&self.expr, sightings);
        *has_more |= sightings.tell(evaluation.article, mentions);
        match &self.expr {
            Expr::Or(parts) if parts.len() == self.branches.len() => branches.extend(
                (0..)
                    .zip(parts)
                    .filter(|(_, part)| evaluation.holds(part))
                    .map(|(number, _)| number),
            ),
            _ => branches.extend(0..count(self.branches.len())),
        }
    }
}

impl Engine {
    /// Compiles all keywords that are without errors; the others are left out and reported.
    #[must_use]
    pub fn compile(keywords: &[Keyword], lexicon: &Lexicon) -> (Self, Vec<KeywordProblem>) {
        let mut vocabulary = Vocabulary::for_queries(keywords.len());
        let mut compiled = Vec::with_capacity(keywords.len());
        let mut problems = Vec::new();
        for keyword in keywords {
            let read = lexicon.query_of(keyword).map_or_else(
                || parse(&keyword.query, lexicon, Purpose::SavedKeyword).map(Arc::new),
                Ok,
            );
            match read {
                Ok(query) => {
                    let (id, version) = (keyword.id, keyword.version);
                    let root = query.root();
                    compiled.push(Compiled::new(id, version, root, &mut vocabulary, lexicon));
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
        Self::of_nodes(std::iter::once(query.root()), lexicon)
    }

    /// An engine for several trees, which have their numbers from 0 on as ids.
    pub(super) fn of_nodes<'a>(roots: impl Iterator<Item = &'a Node>, lexicon: &Lexicon) -> Self {
        let mut vocabulary = Vocabulary::default();
        let compiled = (0..).zip(roots).map(|(number, root)| {
            Compiled::new(KeywordId::new(number), 0, root, &mut vocabulary, lexicon)
        });
        let compiled = compiled.collect();
        Self::assemble(vocabulary, compiled, lexicon)
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
            let candidate = Candidate {
                keyword: number,
                also: companion(&keyword.expr, &signals).and_then(|leaf| NonZeroU32::new(leaf + 1)),
            };
            for signal in signals {
                match signal {
                    Signal::Leaf(leaf) => by_leaf.push((leaf, candidate)),
                    Signal::Concept(concept) => by_concept.push((concept, candidate)),
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

    /// The keywords that an article matches, in the order in which they were compiled, with everything that is stored
    /// about a match.
    #[must_use]
    pub fn matches(&self, subject: &Subject<'_>, scratch: &mut Scratch) -> Vec<ArticleMatch> {
        self.judge(subject, scratch)
            .map(|finding| finding.to_match(subject))
            .collect()
    }

    /// The same, told from the scratch memory: once that has grown to what articles need, nothing is allocated.
    pub fn judge<'a>(
        &'a self,
        subject: &Subject<'_>,
        scratch: &'a mut Scratch,
    ) -> impl Iterator<Item = Finding<'a>> {
        let mut words = std::mem::take(&mut scratch.words);
        let effort = Cell::new(0);
        let article = Article::read(subject, &mut words, &effort);
        let fetch = |leaf| self.by_leaf.fetch(leaf);
        self.scanner.scan(&article, scratch, &fetch);
        self.collect_candidates(scratch);
        self.keep_in_bounds(&article, scratch);
        let evaluation = Evaluation {
            article: &article,
            found: &scratch.found,
            facts: &subject.facts,
            pool: &scratch.pool,
        };
        let verdicts = &mut scratch.verdicts;
        verdicts.clear();
        verdicts.unread_from = scratch.unread.and_then(|at| place_of(&article, at));
        for &number in &scratch.candidates {
            if let Some(keyword) = self.keywords.get(number as usize)
                && evaluation.holds(&keyword.expr)
            {
                keyword.tell(number, &evaluation, verdicts);
            }
        }
        scratch.words = words;
        self.findings(&scratch.verdicts)
    }

    fn findings<'a>(&'a self, verdicts: &'a Verdicts) -> impl Iterator<Item = Finding<'a>> {
        let list = &verdicts.list;
        list.iter().enumerate().filter_map(move |(at, verdict)| {
            let next = list.get(at + 1);
            let mentions_to = next.map_or(verdicts.mentions.len(), |next| next.mentions_from);
            let branches_to = next.map_or(verdicts.branches.len(), |next| next.branches_from);
            Some(Finding {
                engine: self,
                keyword: self.keywords.get(verdict.keyword as usize)?,
                mentions: verdicts.mentions.get(verdict.mentions_from..mentions_to)?,
                branches: verdicts.branches.get(verdict.branches_from..branches_to)?,
            })
        })
    }

    /// Leaves the end of an article unread whose mentions cannot all be compared with each other.
    fn keep_in_bounds(&self, article: &Article<'_>, scratch: &mut Scratch) {
        let candidates = &scratch.candidates;
        let end = scratch.unread.unwrap_or_else(|| article.end());
        let shorter = keep_in_bounds(&mut scratch.found, end, |found| {
            let keywords = candidates
                .iter()
                .filter_map(|&it| self.keywords.get(it as usize));
            let costs = keywords.map(|keyword| found.cost(&keyword.expr));
            costs.fold(0, u64::saturating_add)
        });
        scratch.unread = shorter.or(scratch.unread);
    }

    /// The keywords that may match, ascending.
    fn collect_candidates(&self, scratch: &mut Scratch) {
        let candidates = &mut scratch.candidates;
        candidates.clear();
        candidates.extend_from_slice(&self.always);
        let found = &scratch.found;
        let by_leaf = found.seen_leaves().flat_map(|leaf| self.by_leaf.of(leaf));
        let by_concept = found
            .seen_concepts()
            .flat_map(|concept| self.by_concept.of(concept));
        let possible = by_leaf.chain(by_concept).filter(|candidate| {
            candidate
                .also
                .is_none_or(|leaf| !found.of(Signal::Leaf(leaf.get() - 1)).is_empty())
        });
        candidates.extend(possible.map(|candidate| candidate.keyword));
        candidates.sort_unstable();
        candidates.dedup();
        self.fetch(candidates);
    }

    /// Asks for the memory of keywords, of all before any of it has come.
    fn fetch(&self, numbers: &[u32]) {
        let keywords = numbers
            .iter()
            .filter_map(|&number| self.keywords.get(number as usize));
        for keyword in keywords.clone() {
            black_box((keyword.branches.len(), discriminant(&keyword.expr)));
        }
        for keyword in keywords {
            if let Expr::And(parts) = &keyword.expr {
                for part in parts {
                    black_box(discriminant(part));
                }
            }
        }
    }
}

/// A keyword that an article matches.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    engine: &'a Engine,
    keyword: &'a Compiled,
    mentions: &'a [Mention],
    branches: &'a [u32],
}

impl<'a> Finding<'a> {
    /// The keyword.
    #[must_use]
    pub const fn keyword_id(&self) -> KeywordId {
        self.keyword.id
    }

    /// What was found, in order of field and place, without overlaps.
    #[must_use]
    pub const fn mentions(&self) -> &'a [Mention] {
        self.mentions
    }

    /// The numbers of the branches of the topmost OR that held.
    pub(super) const fn branches(&self) -> &'a [u32] {
        self.branches
    }

    /// The match as it is stored; `subject` is what was judged.
    pub(super) fn to_match(self, subject: &Subject<'_>) -> ArticleMatch {
        let hit = |mention: &Mention| Hit {
            field: mention.field,
            start: mention.start,
            end: mention.end,
            text: match mention.field {
                Field::Title => subject.title,
                Field::Summary => subject.summary,
                Field::Content => subject.content,
            }
            .get(mention.start as usize..mention.end as usize)
            .unwrap_or_default()
            .to_owned(),
            concept: mention
                .concept
                .and_then(|number| self.engine.scanner.concept_name(number))
                .map(str::to_owned),
        };
        ArticleMatch {
            keyword_id: self.keyword.id,
            version: self.keyword.version,
            hits: self.mentions.iter().map(hit).collect(),
            why: self.why(),
        }
    }

    /// The branches that held, joined by OR and cut to a length that can be shown.
    fn why(&self) -> String {
        let held: Vec<&str> = self
            .branches
            .iter()
            .filter_map(|&number| self.keyword.branches.get(number as usize))
            .map(String::as_str)
            .collect();
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
}

/// A leaf that must be seen for `expr` to hold, other than those it is a candidate by.
fn companion(expr: &Expr, signals: &[Signal]) -> Option<u32> {
    match expr {
        Expr::And(parts) => parts.iter().find_map(|part| companion(part, signals)),
        Expr::Somewhere(places) | Expr::AtLeast(_, places) => companion_at(places, signals),
        Expr::Always | Expr::Fact(_) | Expr::Not(_) | Expr::Or(_) | Expr::Of(..) => None,
    }
}

fn companion_at(places: &Places, signals: &[Signal]) -> Option<u32> {
    match places {
        Places::One(signal @ Signal::Leaf(leaf), _) if !signals.contains(signal) => Some(*leaf),
        Places::Near(Proximity::NotNear(_), left, _) => companion_at(left, signals),
        Places::Near(_, left, right) => {
            companion_at(left, signals).or_else(|| companion_at(right, signals))
        }
        Places::One(..) | Places::Any(_) => None,
    }
}

/// The branches of the topmost OR, or the whole.
pub(super) fn branches(root: &Node) -> Vec<&Node> {
    match root {
        Node::Or(nodes) => nodes.iter().collect(),
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use super::{super::specification::keyword, *};

    #[test]
    fn judging_allocates_nothing_once_the_memory_has_grown() {
        let queries = [
            "iran NEAR/5 sanction*",
            "\"north korea\" AND NOT football",
            "\"front company\"~3 OR 북한 OR 朝鲜",
            "cs(IRGC) NOT NEAR/2 guard",
            "title:(иран OR ایران)",
            "ATLEAST/2 iran",
        ];
        let keywords: Vec<Keyword> = (1..)
            .zip(queries)
            .map(|(id, query)| keyword(id, &format!("k{id}"), query))
            .collect();
        let (engine, problems) = Engine::compile(&keywords, &Lexicon::default());
        assert_eq!(problems, []);
        let subject = Subject {
            title: "Иран: إيران and Iran's sanctions",
            summary: "North Korea: a front shell company; IRGC, 북한은 朝鲜与伊朗. Iran again, U.S. sanctioned café",
            ..Subject::default()
        };
        let mut scratch = Scratch::default();
        let found = engine.judge(&subject, &mut scratch).count();
        assert_eq!(found, queries.len());
        let _ = engine.judge(&subject, &mut scratch).count();
        let memory = allocation_counter::measure(|| {
            for _ in 0..100 {
                assert_eq!(engine.judge(&subject, &mut scratch).count(), found);
            }
        });
        assert_eq!(memory.count_total, 0);
    }
}
