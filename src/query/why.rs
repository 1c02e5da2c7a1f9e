//! Why and why not: the tree of a query with what became of each part of it in one article.

use super::{
    ast::{Node, Proximity, TextField},
    compile::Vocabulary,
    evaluate::Evaluation,
    lexicon::{Lexicon, Saved},
    mentions::{count_apart, smallest_gap},
    parser::Query,
    pattern::Article,
    scanner::{Scanner, Scratch},
};
use crate::{domain::Subject, text::words::Words};

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
    let mut words = Words::default();
    let article = Article::read(subject, &mut words);
    let mut scratch = Scratch::default();
    scanner.scan(&article, &mut scratch);
    let mut explainer = Explainer {
        vocabulary,
        lexicon,
        evaluation: Evaluation {
            article: &article,
            found: &scratch.found,
            facts: &subject.facts,
        },
    };
    explainer.explain(query.root(), TextField::Text)
}

struct Explainer<'a> {
    vocabulary: Vocabulary,
    lexicon: &'a Lexicon,
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
        match count_apart(&self.evaluation.places(&places)) {
            0 => "no mention".to_owned(),
            1 => "1 mention".to_owned(),
            many => format!("{many} mentions"),
        }
    }

    /// How near a NEAR that failed came.
    fn distance(
        &mut self,
        proximity: Proximity,
        left: &Node,
        right: &Node,
        field: TextField,
    ) -> String {
        let mut places = |node| {
            let places = self.vocabulary.places(node, field, self.lexicon);
            self.evaluation.places(&places)
        };
        let (left, right) = (places(left), places(right));
        if left.is_empty() || right.is_empty() {
            return "one side is not mentioned".to_owned();
        }
        if matches!(proximity, Proximity::NotNear(_)) {
            return "every mention has one near it".to_owned();
        }
        let is_ordered = matches!(proximity, Proximity::Ordered(_));
        match smallest_gap(self.evaluation.article, &left, &right, is_ordered) {
            Some(1) => "smallest gap: 1 word".to_owned(),
            Some(gap) => format!("smallest gap: {gap} words"),
            None => "never in the same paragraph".to_owned(),
        }
    }
}
