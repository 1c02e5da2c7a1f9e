//! Near misses: a query with one of its conditions taken away at a time.

use super::{
    ast::Node,
    lexicon::Lexicon,
    parser::{Purpose, Query, parse},
};

/// Conditions that are taken away one by one.
const MOST: usize = 30;

/// A query that holds where all conditions of `query` but one do, in canonical form: each of its clauses lacks one. None if
/// none can be taken away.
#[must_use]
pub fn near_misses(query: &Query, lexicon: &Lexicon) -> Option<String> {
    let mut nodes = Vec::new();
    relaxed(query.root(), &mut nodes);
    let mut clauses: Vec<String> = Vec::new();
    for node in nodes {
        let text = format!("({node})");
        let is_new = !clauses.contains(&text);
        // Without one of its conditions a query may ask for no words at all.
        if is_new && clauses.len() < MOST && parse(&text, lexicon, Purpose::SavedKeyword).is_ok() {
            clauses.push(text);
        }
    }
    (!clauses.is_empty()).then(|| clauses.join(" OR "))
}

/// The tree, each time with one condition less.
fn relaxed(node: &Node, out: &mut Vec<Node>) {
    match node {
        Node::And(parts) => {
            let positive = parts
                .iter()
                .filter(|part| !matches!(part, Node::Not(_)))
                .count();
            for (at, part) in parts.iter().enumerate() {
                if matches!(part, Node::Not(_)) {
                    continue;
                }
                let mut others = parts.clone();
                others.remove(at);
                if positive > 1 {
                    out.push(joined(others.clone()));
                }
                let mut inside = Vec::new();
                relaxed(part, &mut inside);
                for part in inside {
                    let mut parts = others.clone();
                    parts.insert(at.min(parts.len()), part);
                    out.push(joined(parts));
                }
            }
        }
        Node::Or(parts) => {
            for part in parts {
                relaxed(part, out);
            }
        }
        Node::Near { left, right, .. } => {
            out.push(Node::And(vec![(**left).clone(), (**right).clone()]));
        }
        Node::Within { node, .. } | Node::AtLeast { node, .. } => out.push((**node).clone()),
        Node::Of { count, list } if *count > 1 => out.push(Node::Of {
            count: count - 1,
            list: list.clone(),
        }),
        _ => {}
    }
}

/// Parts as one, without an AND in an AND.
fn joined(parts: Vec<Node>) -> Node {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Node::And(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match <[Node; 1]>::try_from(flat) {
        Ok([only]) => only,
        Err(several) => Node::And(several),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_clause_lacks_one_condition() {
        let lexicon = Lexicon::default();
        for (query, expected) in [
            ("aa", None),
            ("aa AND bb", Some("(bb) OR (aa)")),
            (
                "aa AND bb AND NOT cc",
                Some("(bb AND NOT cc) OR (aa AND NOT cc)"),
            ),
            ("aa NEAR/3 bb", Some("(aa AND bb)")),
            ("aa OR title:bb", Some("(bb)")),
            (
                "aa AND (bb NEAR/2 cc)",
                Some("(bb NEAR/2 cc) OR (aa) OR (aa AND bb AND cc)"),
            ),
            ("aa AND tier:wire", Some("(aa)")),
        ] {
            let read = parse(query, &lexicon, Purpose::SavedKeyword).unwrap();
            assert_eq!(near_misses(&read, &lexicon).as_deref(), expected, "{query}");
        }
    }
}
