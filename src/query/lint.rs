//! Warnings: what is allowed in a query, but perhaps not meant.

use std::collections::{HashMap, HashSet};

use super::{
    ast::{FactField, Node, Proximity, TextField},
    error::Warning,
    lexicon::Lexicon,
};
use crate::text::fold::fold;

/// Beyond so many words between, two mentions say little about each other.
const WIDE: u32 = 50;

/// A part of a query with its bytes.
pub(super) type Placed<'a> = (&'a Node, (usize, usize));

fn warning((start, end): (usize, usize), message: String) -> Warning {
    Warning {
        start,
        end,
        message,
    }
}

/// Parts that AND (or OR) joins: what stands twice, what a concept beside it has already, what cannot hold together.
pub(super) fn joined(parts: &[Placed<'_>], is_or: bool, lexicon: &Lexicon) -> Vec<Warning> {
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    for (node, place) in parts {
        let shown = node.to_string();
        if !seen.insert(fold(&shown)) {
            out.push(warning(*place, format!("{shown} stands here twice")));
        }
    }
    out.extend(had_already(parts, lexicon));
    if is_or {
        out.extend(found_already(parts));
    }
    if parts.iter().any(|(node, _)| !is_about_article(node)) {
        for (_, place) in parts.iter().filter(|(node, _)| **node == Node::Any) {
            let message = if is_or {
                "* holds for every article, so the rest of this OR adds nothing"
            } else {
                "* adds nothing beside a term"
            };
            out.push(warning(*place, message.to_owned()));
        }
    }
    if !is_or {
        out.extend(never_together(parts));
    }
    out
}

/// Whether a node asks about facts alone, beside which `*` has a meaning.
fn is_about_article(node: &Node) -> bool {
    match node {
        Node::Any | Node::Fact { .. } | Node::Not(_) => true,
        Node::Or(nodes) | Node::And(nodes) => nodes.iter().all(is_about_article),
        _ => false,
    }
}

/// Terms that a concept among the parts has in its list.
fn had_already(parts: &[Placed<'_>], lexicon: &Lexicon) -> Vec<Warning> {
    let has_leaf = parts.iter().any(|(node, _)| matches!(node, Node::Leaf(_)));
    if !has_leaf {
        return Vec::new();
    }
    let mut owners: HashMap<String, &str> = HashMap::new();
    for (node, _) in parts {
        if let Node::Concept(name) = node
            && let Some(meaning) = lexicon.concept(name)
        {
            let terms = meaning.terms.iter().filter(|term| term.slop == 0);
            owners.extend(terms.map(|term| (fold(&term.words), name.as_str())));
        }
    }
    parts
        .iter()
        .filter_map(|(node, place)| match node {
            Node::Leaf(leaf) if leaf.slop == 0 => {
                let owner = owners.get(&fold(&leaf.words))?;
                let message = format!("{leaf} is a term of @{owner} already");
                Some(warning(*place, message))
            }
            _ => None,
        })
        .collect()
}

/// Terms of an OR that a term with a wildcard beside them finds as well.
fn found_already(parts: &[Placed<'_>]) -> Vec<Warning> {
    let leaf = |node: &'_ Node| match node {
        Node::Leaf(leaf) if leaf.slop == 0 => Some(fold(&leaf.words)),
        _ => None,
    };
    let is_exact = |node: &Node| matches!(node, Node::Leaf(leaf) if leaf.is_exact);
    let stems: HashMap<String, &Node> = parts
        .iter()
        .filter(|(node, _)| !is_exact(node))
        .filter_map(|(node, _)| Some((leaf(node)?.strip_suffix('*')?.to_owned(), *node)))
        .filter(|(stem, _)| !stem.contains(['*', '?']))
        .collect();
    if stems.is_empty() {
        return Vec::new();
    }
    let stem_of = |words: &str| {
        let last_word = words.rfind(' ').map_or(0, |space| space + 1);
        words
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .filter(|&end| end > last_word)
            .find_map(|end| stems.get(words.get(..end)?))
    };
    parts
        .iter()
        .filter_map(|(node, place)| {
            let words = leaf(node).filter(|words| !words.contains(['*', '?']))?;
            let wider = stem_of(&words)?;
            Some(warning(*place, format!("{wider} finds {node} already")))
        })
        .collect()
}

/// Parts of an AND of which one rules out the other.
fn never_together(parts: &[Placed<'_>]) -> Vec<Warning> {
    // A mention in the headline is one in the text.
    let anywhere = |node: &Node| match node {
        Node::Within { node, .. } => Some(node.to_string()),
        _ => None,
    };
    let asked: HashSet<String> = parts
        .iter()
        .flat_map(|(node, _)| [Some(node.to_string()), anywhere(node)])
        .flatten()
        .collect();
    let mut facts: HashMap<FactField, &str> = HashMap::new();
    let mut out = Vec::new();
    for (node, place) in parts {
        match node {
            Node::Not(inner) if asked.contains(&inner.to_string()) => {
                let message = format!("{inner} AND {node} can never hold");
                out.push(warning(*place, message));
            }
            Node::Fact { field, value } if has_one_value(*field) => {
                let other = facts.insert(*field, value);
                if let Some(other) = other.filter(|other| are_apart(other, value)) {
                    let name = field.as_str();
                    let message = format!(
                        "{name}:{other} AND {name}:{value} can never hold: an article has one {name}"
                    );
                    out.push(warning(*place, message));
                }
            }
            _ => {}
        }
    }
    out
}

/// Whether an article has one value of a fact at most.
const fn has_one_value(field: FactField) -> bool {
    matches!(
        field,
        FactField::Lang | FactField::Country | FactField::Tier
    )
}

/// Whether no value can be both: neither has wildcards, and neither is a variety of the other (`zh`, `zh-Hant`).
fn are_apart(a: &str, b: &str) -> bool {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    !a.contains(['*', '?']) && !b.contains(['*', '?']) && !a.starts_with(&b) && !b.starts_with(&a)
}

/// Two sides of a NEAR that is very wide, or can meet in the headline alone.
pub(super) fn near(
    proximity: Proximity,
    left: &Node,
    right: &Node,
    place: (usize, usize),
) -> Vec<Warning> {
    let mut out = Vec::new();
    if let Proximity::Near(n) | Proximity::Ordered(n) | Proximity::NotNear(n) = proximity
        && n > WIDE
    {
        let message = format!(
            "{proximity} is wide: over {WIDE} words it says little more than AND; NEAR/P is the paragraph"
        );
        out.push(warning(place, message));
    }
    let is_title = |node: &Node| {
        matches!(
            node,
            Node::Within {
                field: TextField::Title,
                ..
            }
        )
    };
    if is_title(left) != is_title(right) && !matches!(proximity, Proximity::NotNear(_)) {
        let message =
            format!("{proximity} crosses no field, so both sides can meet in the headline alone");
        out.push(warning(place, message));
    }
    out
}

/// AND beside OR without parentheses.
pub(super) fn mixed(part: &str, place: (usize, usize)) -> Warning {
    let shown: String = part.chars().take(80).collect();
    let message = format!("AND binds tighter than OR: this is read as ({shown}) OR …");
    warning(place, message)
}

/// A value of a fact that no article can have.
pub(super) fn value(field: FactField, value: &str, place: (usize, usize)) -> Option<Warning> {
    let is_address = field == FactField::Domain && value.contains('/');
    is_address.then(|| {
        let message = format!(
            "domain:{value} never holds: a domain has no path; url: asks about the address"
        );
        warning(place, message)
    })
}

/// Room for other words in a phrase of one.
pub(super) fn slop(words: &str, slop: u32, place: (usize, usize)) -> Option<Warning> {
    let is_idle = slop > 0 && !words.contains(|c: char| !c.is_alphanumeric());
    is_idle.then(|| {
        warning(
            place,
            format!("~{slop} has no meaning for the one word {words}"),
        )
    })
}
