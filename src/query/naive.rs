//! An evaluator so simple that it can hardly be wrong, for texts of plain words: what the engine must agree with.

use super::{Leaf, Node, Proximity, TextField};
use crate::domain::Subject;

/// Ends a sentence, between spaces.
pub(super) const FULL_STOP: &str = "。";

/// A paragraph of a field as words, each with the number of its sentence; the field, and the position of its first word in
/// the field.
struct Paragraph {
    field: usize,
    from: usize,
    words: Vec<String>,
    sentences: Vec<usize>,
}

/// A mention: paragraph, first word in it, one past the last.
type Place = (usize, usize, usize);

fn paragraphs(fields: [&str; 3]) -> Vec<Paragraph> {
    let mut out = Vec::new();
    for (field, text) in fields.iter().enumerate() {
        let mut from = 0;
        for line in text.split('\n') {
            let mut words = Vec::new();
            let mut sentences = Vec::new();
            let mut sentence = 0;
            for word in line.split_whitespace() {
                if word == FULL_STOP {
                    sentence += 1;
                } else {
                    words.push(word.to_owned());
                    sentences.push(sentence);
                }
            }
            let count = words.len();
            out.push(Paragraph {
                field,
                from,
                words,
                sentences,
            });
            from += count;
        }
    }
    out
}

fn word_is(pattern: &str, word: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == word, |stem| word.starts_with(stem))
}

/// The shortest stretches for each end in which the words stand in order.
fn leaf_places(leaf: &Leaf, paragraphs: &[Paragraph]) -> Vec<Place> {
    let asked: Vec<&str> = leaf.words.split(' ').collect();
    let mut out = Vec::new();
    for (number, paragraph) in paragraphs.iter().enumerate() {
        for end in 1..=paragraph.words.len() {
            let best = (0..end).rev().find(|&start| {
                end - start <= asked.len() + leaf.slop as usize
                    && spans(&asked, &paragraph.words[start..end])
            });
            out.extend(best.map(|start| (number, start, end)));
        }
    }
    out
}

/// Whether `words` begins with the first and ends with the last of `asked`, with all between in order.
fn spans(asked: &[&str], words: &[String]) -> bool {
    let (Some(first), Some(last)) = (asked.first(), asked.last()) else {
        return false;
    };
    if asked.len() == 1 {
        return words.len() == 1 && word_is(first, &words[0]);
    }
    if words.len() < 2 || !word_is(first, &words[0]) || !word_is(last, &words[words.len() - 1]) {
        return false;
    }
    let mut inner = asked[1..asked.len() - 1].iter().peekable();
    for word in &words[1..words.len() - 1] {
        if inner.peek().is_some_and(|asked| word_is(asked, word)) {
            inner.next();
        }
    }
    inner.peek().is_none()
}

fn is_in(field: TextField, (number, start, end): Place, paragraphs: &[Paragraph]) -> bool {
    let paragraph = &paragraphs[number];
    let has_content = paragraphs
        .iter()
        .any(|other| other.field == 2 && !other.words.is_empty());
    let body = if has_content { 2 } else { 1 };
    let _ = start;
    match field {
        TextField::Text => true,
        TextField::Title => paragraph.field == 0,
        TextField::Lead => {
            paragraph.field == 0 || (paragraph.field == body && paragraph.from + end <= 50)
        }
    }
}

fn places(node: &Node, field: TextField, text: &[Paragraph]) -> Vec<Place> {
    match node {
        Node::Leaf(leaf) => leaf_places(leaf, text)
            .into_iter()
            .filter(|&place| is_in(field, place, text))
            .collect(),
        Node::Or(nodes) => nodes
            .iter()
            .flat_map(|node| places(node, field, text))
            .collect(),
        Node::Within { field: inner, node } => places(node, field.and(*inner), text),
        _ => panic!("{node} has no places"),
    }
}

/// The words between two mentions of one paragraph that do not overlap.
fn gap(a: Place, b: Place) -> Option<usize> {
    if a.0 != b.0 {
        None
    } else if a.2 <= b.1 {
        Some(b.1 - a.2)
    } else if b.2 <= a.1 {
        Some(a.1 - b.2)
    } else {
        None
    }
}

fn holds(node: &Node, field: TextField, text: &[Paragraph]) -> bool {
    let here = |node| holds(node, field, text);
    match node {
        Node::Any => true,
        Node::Leaf(_) => !places(node, field, text).is_empty(),
        Node::Within { field: inner, node } => holds(node, field.and(*inner), text),
        Node::Not(node) => !here(node),
        Node::And(nodes) => nodes.iter().all(here),
        Node::Or(nodes) => nodes.iter().any(here),
        Node::Of { count, list } => {
            list.iter().filter(|node| here(node)).count() >= *count as usize
        }
        Node::AtLeast { count, node } => {
            let mut all = places(node, field, text);
            all.sort_unstable_by_key(|&(number, _, end)| (number, end));
            let mut taken: Vec<Place> = Vec::new();
            for place in all {
                if taken
                    .iter()
                    .all(|&other| gap(other, place).is_some() || other.0 != place.0)
                {
                    taken.push(place);
                }
            }
            taken.len() >= *count as usize
        }
        Node::Near {
            proximity,
            left,
            right,
        } => {
            let (left, right) = (places(left, field, text), places(right, field, text));
            let is_near = |a: Place, b: Place| match proximity {
                Proximity::Near(n) => gap(a, b).is_some_and(|gap| gap <= *n as usize),
                Proximity::Ordered(n) => {
                    gap(a, b).is_some_and(|gap| gap <= *n as usize) && a.1 < b.1
                }
                Proximity::NotNear(n) => {
                    a.0 == b.0 && gap(a, b).is_none_or(|gap| gap <= *n as usize)
                }
                Proximity::Sentence => {
                    let sentences = &text[a.0].sentences;
                    gap(a, b).is_some() && sentences[a.1.min(b.1)] == sentences[a.2.max(b.2) - 1]
                }
                Proximity::Paragraph => gap(a, b).is_some(),
            };
            match proximity {
                Proximity::NotNear(_) => {
                    left.iter().any(|&a| !right.iter().any(|&b| is_near(a, b)))
                }
                _ => left.iter().any(|&a| right.iter().any(|&b| is_near(a, b))),
            }
        }
        Node::Concept(_) | Node::Keyword(_) | Node::Fact { .. } => {
            panic!("{node} is not made here")
        }
    }
}

/// Whether a query without names and facts holds for a text whose words and full stops are parted by single spaces.
///
/// # Panics
/// The query has a name or a fact.
#[must_use]
pub fn naively_holds(node: &Node, subject: &Subject<'_>) -> bool {
    let text = paragraphs([subject.title, subject.summary, subject.content]);
    holds(node, TextField::Text, &text)
}
