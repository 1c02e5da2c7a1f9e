//! What hangs on what: the keywords whose meaning changes when a concept, the outlets, the facts of a source or another
//! keyword do.

use std::collections::{HashMap, HashSet};

use super::lexer::{asks_for_facts, concept_references, keyword_references};
use crate::domain::{Changing, Keyword, KeywordId};

/// The keywords whose meaning changes, in their order, by way of others or not; a keyword that changes is none of them.
/// They need not be without errors.
#[must_use]
pub fn dependants(keywords: &[Keyword], changing: &[Changing<'_>]) -> Vec<KeywordId> {
    let slugs: Vec<String> = keywords.iter().map(|it| it.slug.to_lowercase()).collect();
    let mut named_by: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, keyword) in keywords.iter().enumerate() {
        for name in keyword_references(&keyword.query) {
            named_by.entry(name.to_lowercase()).or_default().push(at);
        }
    }
    let changed: HashSet<String> = changing
        .iter()
        .filter_map(|it| match it {
            Changing::Keyword(slug) => Some(slug.to_lowercase()),
            _ => None,
        })
        .collect();
    let touches = |keyword: &Keyword| {
        changing.iter().any(|it| match it {
            Changing::Concept(slug) => {
                let slug = slug.to_lowercase();
                let named = concept_references(&keyword.query);
                named.iter().any(|name| name.to_lowercase() == slug)
            }
            Changing::Outlets => true,
            Changing::SourceFacts => asks_for_facts(&keyword.query),
            Changing::Keyword(_) => false,
        })
    };
    let mut todo: Vec<usize> = keywords
        .iter()
        .enumerate()
        .filter(|(at, keyword)| changed.contains(&slugs[*at]) || touches(keyword))
        .map(|(at, _)| at)
        .collect();
    let mut reached: HashSet<usize> = todo.iter().copied().collect();
    while let Some(at) = todo.pop() {
        for &namer in named_by.get(&slugs[at]).into_iter().flatten() {
            if reached.insert(namer) {
                todo.push(namer);
            }
        }
    }
    let mut reached: Vec<usize> = reached.into_iter().collect();
    reached.sort_unstable();
    reached
        .into_iter()
        .filter(|at| !changed.contains(&slugs[*at]))
        .filter_map(|at| keywords.get(at))
        .map(|keyword| keyword.id)
        .collect()
}

/// Whether a query names keywords.
#[must_use]
pub fn names_keywords(query: &str) -> bool {
    !keyword_references(query).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat() -> Vec<Keyword> {
        let queries = [
            ("base", "@iran NEAR/5 @DPRK"),
            ("over", "keyword:base AND ship"),
            ("top", "KEYWORD:over OR tier:official AND x"),
            ("alone", "weather"),
            ("ring", "keyword:knot"),
            ("knot", "keyword:ring OR @iran"),
            ("broken", "@iran AND ("),
        ];
        (1..)
            .zip(queries)
            .map(|(number, (slug, query))| Keyword {
                id: KeywordId::new(number),
                slug: slug.to_owned(),
                name: slug.to_owned(),
                version: 1,
                query: query.to_owned(),
            })
            .collect()
    }

    #[test]
    fn what_names_a_thing_hangs_on_it_by_way_of_others_too() {
        for (changing, expected) in [
            (vec![Changing::Concept("iran")], vec![1, 2, 3, 5, 6, 7]),
            (vec![Changing::Concept("dprk")], vec![1, 2, 3]),
            (vec![Changing::Concept("none")], vec![]),
            (vec![Changing::Keyword("base")], vec![2, 3]),
            (
                vec![Changing::Keyword("Base"), Changing::Keyword("over")],
                vec![3],
            ),
            (vec![Changing::Keyword("ring")], vec![6]),
            (vec![Changing::SourceFacts], vec![3]),
            (vec![Changing::Outlets], vec![1, 2, 3, 4, 5, 6, 7]),
            (vec![], vec![]),
        ] {
            let expected: Vec<KeywordId> = expected.into_iter().map(KeywordId::new).collect();
            assert_eq!(dependants(&beat(), &changing), expected, "{changing:?}");
        }
    }
}
