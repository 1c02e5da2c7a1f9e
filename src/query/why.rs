//! Why and why not: the tree of a query with what became of each part of it in one article.

use std::cell::Cell;

use super::{
    ast::{FactField, Leaf, Node, Proximity, TextField},
    bounds::keep_in_bounds,
    compile::{Signal, Vocabulary},
    evaluate::{Evaluation, Found},
    facts::host,
    lexicon::{Lexicon, Saved},
    mentions::{Sides, count_apart, is_in},
    parser::Query,
    pattern::{Article, Stretch},
    pool::Pool,
    scanner::{Scanner, Scratch},
};
use crate::{
    domain::{Facts, Subject, Tier},
    text::words::Words,
};

/// What became of a part of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The part: an operator, or a leaf in canonical form.
    pub label: String,
    /// Whether it held.
    pub held: bool,
    /// For people: how many mentions there are, or how near a NEAR came; empty where there is nothing to say.
    pub note: String,
    /// The parts below.
    pub children: Vec<Self>,
}

impl Explanation {
    /// The tree as lines, children two spaces further in, with `+` for what held and `-` for what did not.
    #[must_use]
    pub fn tree(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out
    }

    fn write(&self, depth: usize, out: &mut String) {
        out.extend(std::iter::repeat_n("  ", depth));
        out.push_str(if self.held { "+ " } else { "- " });
        out.push_str(&self.label);
        if !self.note.is_empty() {
            out.push_str(" (");
            out.push_str(&self.note);
            out.push(')');
        }
        out.push('\n');
        for child in &self.children {
            child.write(depth + 1, out);
        }
    }
}

/// Explains why an article matches a query, or why not.
#[must_use]
pub fn explain(query: &Query, lexicon: &Lexicon, subject: &Subject<'_>) -> Explanation {
    let mut vocabulary = Vocabulary::default();
    // Numbers all leaves before the scan; asked again below, each keeps its number.
    let _ = vocabulary.expr(query.root(), TextField::Text, lexicon);
    let scanner = Scanner::new(&mut vocabulary, lexicon.outlets());
    // The same leaves under the same numbers, with nothing consumed by the names of outlets.
    let mut bare_vocabulary = Vocabulary::default();
    let _ = bare_vocabulary.expr(query.root(), TextField::Text, lexicon);
    let bare_scanner = Scanner::new(&mut bare_vocabulary, &[]);
    let mut words = Words::default();
    let effort = Cell::new(0);
    let article = Article::read(subject, &mut words, &effort);
    let mut scratch = Scratch::default();
    scanner.scan(&article, &mut scratch, &|_| ());
    let mut bare_scratch = Scratch::default();
    effort.set(0);
    bare_scanner.scan(&article, &mut bare_scratch, &|_| ());
    let read = [&mut scratch, &mut bare_scratch].map(|scratch| {
        // Every part of the query is judged on its own, and so are the parts below it.
        let parts = 4 * query.traits.leaves as u64;
        let end = scratch.unread.unwrap_or_else(|| article.end());
        keep_in_bounds(&mut scratch.found, end, |found| parts * found.len() as u64).unwrap_or(end)
    });
    let read = read[0].min(read[1]);
    let pool = Pool::default();
    let mut explainer = Explainer {
        vocabulary,
        lexicon,
        unconsumed: &bare_scratch.found,
        evaluation: Evaluation {
            article: &article,
            found: &scratch.found,
            facts: &subject.facts,
            pool: &pool,
        },
    };
    let mut explanation = explainer.explain(query.root(), TextField::Text);
    if read < article.end() {
        let note = format!("only the first {read} words of the article were read");
        let notes = [std::mem::take(&mut explanation.note), note];
        let told = notes.into_iter().filter(|note| !note.is_empty());
        explanation.note = told.collect::<Vec<_>>().join("; ");
    }
    explanation
}

struct Explainer<'a> {
    vocabulary: Vocabulary,
    lexicon: &'a Lexicon,
    /// All that was seen, whatever the names of outlets consume of it.
    unconsumed: &'a Found,
    evaluation: Evaluation<'a>,
}

impl Explainer<'_> {
    fn explain(&mut self, node: &Node, field: TextField) -> Explanation {
        let expr = self.vocabulary.expr(node, field, self.lexicon);
        let held = self.evaluation.holds(&expr);
        let field = match node {
            Node::Within { field: inner, .. } => field.and(*inner),
            _ => field,
        };
        let children = match node {
            Node::Keyword(slug) => match self.lexicon.keyword(slug) {
                Some(Saved::Sound(query)) => vec![self.explain(query.root(), field)],
                Some(Saved::Broken | Saved::Circular) | None => Vec::new(),
            },
            _ => node
                .children()
                .into_iter()
                .map(|child| self.explain(child, field))
                .collect(),
        };
        Explanation {
            label: node.label(),
            held,
            note: self.note(node, field, held),
            children,
        }
    }

    fn note(&mut self, node: &Node, field: TextField, held: bool) -> String {
        match node {
            Node::Leaf(_) | Node::Concept(_) => self.mentions(node, field),
            Node::Fact { field, .. } if !held => told(*field, self.evaluation.facts),
            Node::AtLeast { node, .. } => self.mentions(node, field),
            Node::Near {
                proximity,
                left,
                right,
            } if !held => self.distance(*proximity, left, right, field),
            _ => String::new(),
        }
    }

    fn mentions(&mut self, node: &Node, field: TextField) -> String {
        let places = self.vocabulary.places(node, field, self.lexicon);
        match count_apart(&self.evaluation.places(&places), self.evaluation.pool) {
            0 => {
                if let Some(consumer) = self.consumer(node, field) {
                    return format!("no mention: {consumer}");
                }
                match self.elsewhere(node, field) {
                    0 => "no mention".to_owned(),
                    elsewhere => format!("no mention here, {elsewhere} elsewhere in the article"),
                }
            }
            1 => "1 mention".to_owned(),
            many => format!("{many} mentions"),
        }
    }

    /// The mentions in the whole article of what has none in a part of it.
    fn elsewhere(&mut self, node: &Node, field: TextField) -> usize {
        if matches!(field, TextField::Text) {
            return 0;
        }
        let places = self.vocabulary.places(node, TextField::Text, self.lexicon);
        count_apart(&self.evaluation.places(&places), self.evaluation.pool)
    }

    /// What kept a leaf or concept without mentions from having one: the name of an outlet, or an anti-term.
    fn consumer(&mut self, node: &Node, field: TextField) -> Option<String> {
        let lexicon = self.lexicon;
        let (terms, anti_terms) = match node {
            Node::Leaf(leaf) => (std::slice::from_ref(leaf), &[][..]),
            Node::Concept(name) => {
                let meaning = lexicon.concept(name)?;
                (&meaning.terms[..], &meaning.anti_terms[..])
            }
            _ => return None,
        };
        let article = self.evaluation.article;
        for term in terms {
            let term = Signal::Leaf(self.vocabulary.leaf(term));
            let mut seen = self.unconsumed.of(term).iter();
            let Some(stretch) = seen.find(|stretch| is_in(article, field, stretch)) else {
                continue;
            };
            let letters = stretch.start as usize..stretch.end as usize;
            let text = article.text(stretch.first).get(letters)?;
            for (consumers, kind) in [
                (lexicon.outlets(), "the outlet"),
                (anti_terms, "the anti-term"),
            ] {
                let found = consumers
                    .iter()
                    .find(|consumer| self.is_inside(stretch, consumer));
                if let Some(consumer) = found {
                    return Some(format!("{text} is part of {kind} {consumer}"));
                }
            }
        }
        None
    }

    /// Whether a stretch lies inside a mention of a consumer.
    fn is_inside(&mut self, stretch: &Stretch, consumer: &Leaf) -> bool {
        let consumer = Signal::Leaf(self.vocabulary.leaf(consumer));
        let mentions = self.evaluation.found.of(consumer);
        mentions
            .iter()
            .any(|span| span.first <= stretch.first && span.last >= stretch.last)
    }

    /// How near a NEAR that failed came.
    fn distance(
        &mut self,
        proximity: Proximity,
        left: &Node,
        right: &Node,
        field: TextField,
    ) -> String {
        let evaluation = self.evaluation;
        let mut places = |node| {
            let places = self.vocabulary.places(node, field, self.lexicon);
            evaluation.places(&places)
        };
        let (left, right) = (places(left), places(right));
        if left.is_empty() || right.is_empty() {
            return "one side is not mentioned".to_owned();
        }
        if matches!(proximity, Proximity::NotNear(_)) {
            return "every mention has one near it".to_owned();
        }
        let is_ordered = matches!(proximity, Proximity::Ordered(_));
        let sides = Sides {
            article: evaluation.article,
            left: &left,
            right: &right,
            pool: evaluation.pool,
        };
        match sides.smallest_gap(is_ordered) {
            Some(1) => "smallest gap: 1 word".to_owned(),
            Some(gap) => format!("smallest gap: {gap} words"),
            None => "never in the same paragraph".to_owned(),
        }
    }
}

/// What an article says of itself where a question about it was denied.
fn told(field: FactField, facts: &Facts<'_>) -> String {
    let list = |values: &mut dyn Iterator<Item = &str>| {
        let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
        values.join(", ")
    };
    let value = match field {
        FactField::Source => list(&mut facts.source.into_iter()),
        FactField::Domain if facts.domain.is_empty() => host(facts.url).to_owned(),
        FactField::Domain => facts.domain.to_owned(),
        FactField::Url => facts.url.to_owned(),
        FactField::Lang => facts.language.to_owned(),
        FactField::Country => facts.country.to_owned(),
        FactField::Tier => facts.tier.map_or("", Tier::as_str).to_owned(),
        FactField::Author => list(&mut facts.authors.iter().map(String::as_str)),
        FactField::Tag => {
            let tags = facts.tags.iter().chain(facts.categories);
            list(&mut tags.map(String::as_str))
        }
    };
    if value.is_empty() {
        "not known".to_owned()
    } else {
        format!("it is {value}")
    }
}
