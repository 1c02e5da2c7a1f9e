//! Near misses: a query with one of its conditions taken away at a time.

use std::ops::ControlFlow;

use super::{
    ast::Node,
    lexicon::Lexicon,
    parser::{Purpose, Query, parse},
};

/// Conditions that are taken away one by one.
const MOST: usize = 30;
/// Conditions that are tried: without some of them nothing is left to ask for, or what others leave.
const MOST_TRIED: usize = 4 * MOST;

/// What holds where all conditions of a query but one do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NearMisses {
    /// No condition can be taken away.
    None,
    /// The query is so large that it leaves no room for another.
    TooLarge,
    /// The query or, clause by clause, the same with one condition less, in canonical form: as many of them as fit into a
    /// query.
    With(String),
}

/// The near misses of `query`. A large one takes a while.
#[must_use]
pub fn near_misses(query: &Query, lexicon: &Lexicon) -> NearMisses {
    let clauses = clauses(query, lexicon);
    let mut count = clauses.len();
    if count == 0 {
        return NearMisses::None;
    }
    // Each clause may be as large as the query, all of them together must not be larger than one may be.
    while let Some(some) = clauses.get(..count).filter(|some| !some.is_empty()) {
        let text = format!("({}) OR {}", query.canonical(), some.join(" OR "));
        if parse(&text, lexicon, Purpose::SavedKeyword).is_ok() {
            return NearMisses::With(text);
        }
        count /= 2;
    }
    NearMisses::TooLarge
}

/// The query with one condition less, each time another, in canonical form and parentheses.
fn clauses(query: &Query, lexicon: &Lexicon) -> Vec<String> {
    let mut clauses: Vec<String> = Vec::new();
    let mut tried = 0;
    let _ = relaxed(query.root(), &mut |node| {
        let text = format!("({node})");
        // Without one of its conditions a query may ask for no words at all.
        if !clauses.contains(&text) && parse(&text, lexicon, Purpose::SavedKeyword).is_ok() {
            clauses.push(text);
        }
        tried += 1;
        if clauses.len() < MOST && tried < MOST_TRIED {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    clauses
}

/// Visits the tree, each time with one condition less, until one visit breaks.
fn relaxed(node: &Node, visit: &mut dyn FnMut(Node) -> ControlFlow<()>) -> ControlFlow<()> {
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
                if positive > 1 {
                    let mut others = parts.clone();
                    others.remove(at);
                    visit(joined(others))?;
                }
                relaxed(part, &mut |inside| {
                    let mut changed = parts.clone();
                    if let Some(place) = changed.get_mut(at) {
                        *place = inside;
                    }
                    visit(joined(changed))
                })?;
            }
            ControlFlow::Continue(())
        }
        Node::Or(parts) => parts.iter().try_for_each(|part| relaxed(part, visit)),
        Node::Near { left, right, .. } => {
            visit(Node::And(vec![(**left).clone(), (**right).clone()]))
        }
        Node::Within { node, .. } | Node::AtLeast { node, .. } => visit((**node).clone()),
        Node::Of { count, list } if *count > 1 => visit(Node::Of {
            count: count - 1,
            list: list.clone(),
        }),
        _ => ControlFlow::Continue(()),
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

    fn near(query: &str) -> NearMisses {
        let lexicon = Lexicon::default();
        near_misses(
            &parse(query, &lexicon, Purpose::SavedKeyword).unwrap(),
            &lexicon,
        )
    }

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
            let found = clauses(&read, &lexicon).join(" OR ");
            assert_eq!(found, expected.unwrap_or_default(), "{query}");
        }
    }

    #[test]
    fn a_query_stands_with_its_near_misses() {
        assert_eq!(near("aa"), NearMisses::None);
        let both = NearMisses::With("(aa AND bb) OR (bb) OR (aa)".to_owned());
        assert_eq!(near("aa AND bb"), both);
    }

    #[test]
    fn a_large_query_has_as_many_near_misses_as_fit() {
        let words: Vec<String> = (0..300).map(|at| format!("word{at}")).collect();
        let NearMisses::With(text) = near(&words.join(" AND ")) else {
            panic!("none fit")
        };
        // 300 words, and 299 for each clause.
        assert_eq!(text.matches("word299").count(), 4);
    }

    #[test]
    fn a_query_that_leaves_no_room_says_so() {
        let words: Vec<String> = (0..1_500).map(|at| format!("word{at}")).collect();
        assert_eq!(near(&words.join(" AND ")), NearMisses::TooLarge);
        let deep = (0..31).fold("aa".to_owned(), |inner, at| {
            let operator = if at % 2 == 0 { "AND" } else { "OR" };
            format!("w{at} {operator} ({inner})")
        });
        let lexicon = Lexicon::default();
        if let Ok(query) = parse(&deep, &lexicon, Purpose::SavedKeyword) {
            assert_eq!(near_misses(&query, &lexicon), NearMisses::TooLarge);
        }
    }
}
