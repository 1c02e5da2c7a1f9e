//! The compiler: from syntax trees to what is evaluated, with every leaf and concept numbered once for all queries.

use std::collections::{HashMap, hash_map::Entry};

use super::{
    ast::{Leaf, Node, Proximity, TextField},
    facts::FactTest,
    index::{Choice, add_choices, expectation},
    lexicon::{Lexicon, Saved},
    pattern::Pattern,
};

/// Something that can be seen in an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Signal {
    /// A term or phrase.
    Leaf(u32),
    /// Any term of a concept.
    Concept(u32),
}

/// What is either so or not.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    /// `*`.
    Always,
    Fact(FactTest),
    /// There is a place.
    Somewhere(Places),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    AtLeast(u32, Places),
    Of(u32, Vec<Self>),
}

/// What has places in the text.
#[derive(Debug, Clone)]
pub(super) enum Places {
    One(Signal, TextField),
    Any(Vec<Self>),
    Near(Proximity, Box<Self>, Box<Self>),
}

/// A concept in numbers.
#[derive(Debug, Clone)]
pub(super) struct Concept {
    /// Its name for people.
    pub(super) name: String,
    /// Leaves that are mentions of it.
    pub(super) terms: Vec<u32>,
    /// Leaves that consume.
    pub(super) anti_terms: Vec<u32>,
}

/// Everything that queries name, numbered.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    leaves: HashMap<Leaf, u32>,
    concept_numbers: HashMap<String, u32>,
    pub(super) concepts: Vec<Concept>,
    pub(super) patterns: Vec<Pattern>,
    /// The leaf that each pattern belongs to.
    pub(super) leaf_of: Vec<u32>,
    /// The ways to list each pattern.
    pub(super) choices: Vec<Choice>,
    /// How often each leaf is to be expected.
    expectations: Vec<u32>,
    /// How often queries name each leaf and each concept: what many name is a poor guide to any one of them.
    leaf_uses: Vec<u64>,
    concept_uses: Vec<u64>,
}

impl Vocabulary {
    /// An empty one with room for the leaves of so many queries.
    pub(super) fn for_queries(count: usize) -> Self {
        let leaves = count.saturating_mul(2);
        Self {
            leaves: HashMap::with_capacity(leaves),
            patterns: Vec::with_capacity(leaves),
            leaf_of: Vec::with_capacity(leaves),
            choices: Vec::with_capacity(leaves),
            expectations: Vec::with_capacity(leaves),
            leaf_uses: Vec::with_capacity(leaves),
            ..Self::default()
        }
    }

    /// How many leaves there are.
    pub(super) const fn leaf_count(&self) -> usize {
        self.expectations.len()
    }

    /// The number of a leaf.
    pub(super) fn leaf(&mut self, leaf: &Leaf) -> u32 {
        let asked = Leaf {
            is_phrase: false,
            ..leaf.clone()
        };
        let number = count(self.expectations.len());
        let asked = match self.leaves.entry(asked) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(unknown) => unknown,
        };
        let from = self.choices.len();
        let mut expected = None;
        for pattern in Pattern::of(asked.key()) {
            let words = pattern.words.len();
            add_choices(&pattern, count(self.patterns.len()), &mut self.choices);
            let choices = self.choices.get(from..).unwrap_or_default();
            expected.get_or_insert_with(|| expectation(choices, words));
            self.patterns.push(pattern);
            self.leaf_of.push(number);
        }
        self.expectations.push(expected.unwrap_or(1));
        self.leaf_uses.push(0);
        asked.insert(number);
        number
    }

    /// The number of a concept. One that is unknown has no mentions.
    fn concept(&mut self, name: &str, lexicon: &Lexicon) -> u32 {
        if let Some(&number) = self.concept_numbers.get(name) {
            return number;
        }
        let concept = lexicon.concept(name).map_or_else(
            || Concept {
                name: name.to_owned(),
                terms: Vec::new(),
                anti_terms: Vec::new(),
            },
            |meaning| Concept {
                name: meaning.name.clone(),
                terms: meaning.terms.iter().map(|leaf| self.leaf(leaf)).collect(),
                anti_terms: meaning
                    .anti_terms
                    .iter()
                    .map(|leaf| self.leaf(leaf))
                    .collect(),
            },
        );
        let number = count(self.concepts.len());
        self.concepts.push(concept);
        self.concept_uses.push(0);
        self.concept_numbers.insert(name.to_owned(), number);
        number
    }

    /// What is to be evaluated for a node inside `field`.
    pub(super) fn expr(&mut self, node: &Node, field: TextField, lexicon: &Lexicon) -> Expr {
        let mut all = |nodes: &[Node]| {
            nodes
                .iter()
                .map(|node| self.expr(node, field, lexicon))
                .collect()
        };
        match node {
            Node::Any => Expr::Always,
            Node::Fact { field, value } => Expr::Fact(FactTest::new(*field, value)),
            Node::And(nodes) => Expr::And(all(nodes)),
            Node::Or(nodes) => Expr::Or(all(nodes)),
            Node::Of { count, list } => Expr::Of(*count, all(list)),
            Node::Not(node) => Expr::Not(Box::new(self.expr(node, field, lexicon))),
            Node::Within { field: inner, node } => self.expr(node, field.and(*inner), lexicon),
            Node::AtLeast { count, node } => {
                Expr::AtLeast(*count, self.places(node, field, lexicon))
            }
            Node::Keyword(slug) => match lexicon.keyword(slug) {
                Some(Saved::Sound(query)) => self.expr(query.root(), field, lexicon),
                Some(Saved::Broken | Saved::Circular) | None => Expr::Or(Vec::new()),
            },
            Node::Leaf(_) | Node::Concept(_) | Node::Near { .. } => {
                Expr::Somewhere(self.places(node, field, lexicon))
            }
        }
    }

    /// The places of a node inside `field`. The parser sees to it that it has some.
    pub(super) fn places(&mut self, node: &Node, field: TextField, lexicon: &Lexicon) -> Places {
        match node {
            Node::Leaf(leaf) => {
                let leaf = self.leaf(leaf);
                self.one(Signal::Leaf(leaf), field)
            }
            Node::Concept(name) => {
                let concept = self.concept(name, lexicon);
                self.one(Signal::Concept(concept), field)
            }
            Node::Within { field: inner, node } => self.places(node, field.and(*inner), lexicon),
            Node::Or(nodes) => Places::Any(
                nodes
                    .iter()
                    .map(|node| self.places(node, field, lexicon))
                    .collect(),
            ),
            Node::Near {
                proximity,
                left,
                right,
            } => Places::Near(
                *proximity,
                Box::new(self.places(left, field, lexicon)),
                Box::new(self.places(right, field, lexicon)),
            ),
            Node::Keyword(slug) => match lexicon.keyword(slug) {
                Some(Saved::Sound(query)) => self.places(query.root(), field, lexicon),
                Some(Saved::Broken | Saved::Circular) | None => Places::Any(Vec::new()),
            },
            Node::Any
            | Node::Fact { .. }
            | Node::Not(_)
            | Node::And(_)
            | Node::AtLeast { .. }
            | Node::Of { .. } => Places::Any(Vec::new()),
        }
    }

    fn one(&mut self, signal: Signal, field: TextField) -> Places {
        let uses = match signal {
            Signal::Leaf(leaf) => self.leaf_uses.get_mut(leaf as usize),
            Signal::Concept(concept) => self.concept_uses.get_mut(concept as usize),
        };
        if let Some(uses) = uses {
            *uses += 1;
        }
        Places::One(signal, field)
    }

    /// Signals of which one must be seen for `expr` to hold, the rarest such set by the look of it, with a weight.
    /// None if it may hold without any.
    pub(super) fn necessary(&self, expr: &Expr) -> Option<(u64, Vec<Signal>)> {
        match expr {
            Expr::Always | Expr::Fact(_) | Expr::Not(_) => None,
            Expr::Somewhere(places) | Expr::AtLeast(_, places) => {
                Some(self.necessary_places(places))
            }
            Expr::And(parts) => parts
                .iter()
                .filter_map(|part| self.necessary(part))
                .min_by_key(|(weight, _)| *weight),
            Expr::Or(parts) => parts
                .iter()
                .map(|part| self.necessary(part))
                .collect::<Option<Vec<_>>>()
                .map(merged),
            Expr::Of(count, parts) => {
                // With n of k to hold, one must hold among any k − n + 1.
                let mut sets: Vec<_> = parts
                    .iter()
                    .filter_map(|part| self.necessary(part))
                    .collect();
                let enough = (parts.len() + 1).saturating_sub(*count as usize);
                if sets.len() < enough {
                    return None;
                }
                sets.sort_by_key(|(weight, _)| *weight);
                sets.truncate(enough);
                Some(merged(sets))
            }
        }
    }

    fn necessary_places(&self, places: &Places) -> (u64, Vec<Signal>) {
        match places {
            Places::One(signal, _) => (self.weight(*signal), vec![*signal]),
            Places::Any(parts) => merged(
                parts
                    .iter()
                    .map(|part| self.necessary_places(part))
                    .collect(),
            ),
            Places::Near(Proximity::NotNear(_), left, _) => self.necessary_places(left),
            Places::Near(_, left, right) => {
                let (left, right) = (self.necessary_places(left), self.necessary_places(right));
                if right.0 < left.0 { right } else { left }
            }
        }
    }

    fn weight(&self, signal: Signal) -> u64 {
        let of_leaf =
            |leaf: u32| u64::from(self.expectations.get(leaf as usize).copied().unwrap_or(1));
        let (expectation, uses) = match signal {
            Signal::Leaf(leaf) => (of_leaf(leaf), self.leaf_uses.get(leaf as usize)),
            Signal::Concept(concept) => {
                let known = self.concepts.get(concept as usize);
                let terms = known.map_or(&[][..], |concept| &concept.terms);
                let each = terms.iter().map(|&term| of_leaf(term));
                (each.sum(), self.concept_uses.get(concept as usize))
            }
        };
        expectation.saturating_mul(uses.copied().unwrap_or(1).max(1))
    }
}

/// Sets of signals as one.
fn merged(sets: Vec<(u64, Vec<Signal>)>) -> (u64, Vec<Signal>) {
    let mut weight = 0;
    let mut signals = Vec::new();
    for (more, set) in sets {
        weight += more;
        signals.extend(set);
    }
    signals.sort_unstable();
    signals.dedup();
    (weight, signals)
}

/// A number for the next of so many.
pub(super) fn count(so_many: usize) -> u32 {
    u32::try_from(so_many).unwrap_or(u32::MAX)
}
