//! The engine against the naive evaluator, on queries and texts made at random.
//!
//! `PROPTEST_CASES=340000 cargo test --release --lib query::differential::the_engine` compares a million pairs.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::{
    Engine, FactField, Leaf, Lexicon, Node, Proximity, Purpose, Scratch, TextField,
    naive::{FULL_STOP, naively_holds},
    parse,
    specification::keyword,
};
use crate::domain::Subject;

fn leaf() -> impl Strategy<Value = Node> {
    let word = prop_oneof![4 => "[a-d]b?", 1 => Just("bb*".to_owned())];
    let phrase = (proptest::collection::vec("[a-d]b?", 2..4), 0..3_u32);
    prop_oneof![
        3 => word.prop_map(|words| (words, false, 0)),
        1 => phrase.prop_map(|(words, slop)| (words.join(" "), true, slop)),
    ]
    .prop_map(|(words, is_phrase, slop)| {
        Node::Leaf(Leaf {
            words,
            is_phrase,
            slop,
            is_exact: false,
        })
    })
}

/// An OR of leaves, which has places.
fn placed() -> impl Strategy<Value = Node> {
    prop_oneof![3 => leaf(), 1 => proptest::collection::vec(leaf(), 2..4).prop_map(Node::Or)]
}

fn near() -> impl Strategy<Value = Node> {
    let proximity = prop_oneof![
        (0..4_u32).prop_map(Proximity::Near),
        (0..4_u32).prop_map(Proximity::Ordered),
        (0..4_u32).prop_map(Proximity::NotNear),
        Just(Proximity::Paragraph),
        Just(Proximity::Sentence),
    ];
    (proximity, placed(), placed()).prop_map(|(proximity, left, right)| Node::Near {
        proximity,
        left: Box::new(left),
        right: Box::new(right),
    })
}

/// Any query without names; what has no positive term is made part of an AND that has one.
fn query() -> impl Strategy<Value = Node> {
    let at_least = (1..4_u32, placed()).prop_map(|(count, node)| Node::AtLeast {
        count,
        node: Box::new(node),
    });
    let small = prop_oneof![4 => leaf(), 2 => near(), 1 => at_least];
    small.prop_recursive(3, 24, 4, |inner| {
        let field = prop_oneof![
            Just(TextField::Title),
            Just(TextField::Lead),
            Just(TextField::Text)
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Node::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Node::Or),
            (inner.clone(), inner.clone())
                .prop_map(|(yes, no)| Node::And(vec![yes, Node::Not(Box::new(no))])),
            (proptest::collection::vec(inner.clone(), 2..4), 1..3_u32)
                .prop_map(|(list, count)| Node::Of { count, list }),
            (field, inner).prop_map(|(field, node)| Node::Within {
                field,
                node: Box::new(node)
            }),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => "[a-d]b?", 1 => Just("bbb".to_owned()), 1 => Just("\n".to_owned()), 1 => Just(FULL_STOP.to_owned()), 4 => Just("x".to_owned())];
    proptest::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
}

/// Letters of a script for `a`, `b`, `c`, `d` and `x`: none of them a particle, a proclitic or a suffix, so that a word is
/// found where it stands whole, as the naive evaluator has it.
const SCRIPTS: [&str; 7] = [
    "abcdx",
    "абвгж",
    "αβγδξ",
    "アイウエカ",
    "북빛산꿈별",
    "مندرح",
    "ａｂｃｄｘ",
];
/// Single characters for words.
const HAN: [(&str, &str); 10] = [
    ("a", "朝"),
    ("b", "鮮"),
    ("c", "核"),
    ("d", "税"),
    ("x", "国"),
    ("ab", "伊"),
    ("bb", "朗"),
    ("cb", "船"),
    ("db", "港"),
    ("bbb", "銀"),
];

/// The text in Latin letters, each word of it with a Korean particle, which neither parts words nor counts as one.
const WITH_PARTICLES: usize = SCRIPTS.len() + 1;

/// A word in another script; the last one is Han.
fn translated(word: &str, script: usize) -> String {
    let Some(letters) = SCRIPTS.get(script) else {
        let found = HAN.iter().find(|(latin, _)| *latin == word);
        return found.map_or(word, |(_, han)| han).to_owned();
    };
    let letter = |c: char| {
        "abcdx"
            .find(c)
            .and_then(|at| letters.chars().nth(at))
            .unwrap_or(c)
    };
    word.chars().map(letter).collect()
}

/// A text in another script. Every word stands alone, in Han as well.
fn text_in(text: &str, script: usize) -> String {
    let line = |line: &str| {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| match script {
                WITH_PARTICLES if !word.is_empty() && word != FULL_STOP => {
                    format!("{word}으로부터")
                }
                WITH_PARTICLES => word.to_owned(),
                _ => translated(word, script),
            })
            .collect();
        words.join(" ")
    };
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join("\n")
}

/// A query in another script.
fn query_in(node: &Node, script: usize) -> Node {
    let one = |node: &Node| Box::new(query_in(node, script));
    let all = |nodes: &[Node]| nodes.iter().map(|node| query_in(node, script)).collect();
    match node {
        Node::Leaf(_) if script == WITH_PARTICLES => node.clone(),
        Node::Leaf(leaf) => Node::Leaf(Leaf {
            words: text_in(&leaf.words, script),
            ..leaf.clone()
        }),
        Node::Within { field, node } => Node::Within {
            field: *field,
            node: one(node),
        },
        Node::Not(node) => Node::Not(one(node)),
        Node::And(nodes) => Node::And(all(nodes)),
        Node::Or(nodes) => Node::Or(all(nodes)),
        Node::Near {
            proximity,
            left,
            right,
        } => Node::Near {
            proximity: *proximity,
            left: one(left),
            right: one(right),
        },
        Node::AtLeast { count, node } => Node::AtLeast {
            count: *count,
            node: one(node),
        },
        Node::Of { count, list } => Node::Of {
            count: *count,
            list: all(list),
        },
        Node::Any | Node::Concept(_) | Node::Keyword(_) | Node::Fact { .. } => node.clone(),
    }
}

fn canonical_of(query: &str, lexicon: &Lexicon) -> Option<Node> {
    parse(query, lexicon, Purpose::SavedKeyword)
        .ok()
        .map(|query| query.root().clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_canonical_form_reads_back_as_the_same_query(node in query()) {
        let lexicon = Lexicon::default();
        // Nested ANDs and ORs are one: the first reading makes them so.
        let flat = canonical_of(&node.to_string(), &lexicon).unwrap();
        prop_assert_eq!(canonical_of(&flat.to_string(), &lexicon), Some(flat));
    }

    #[test]
    fn any_text_is_read_as_a_query_or_refused(text in "(\\PC|[a-z @:\"()*?~/,0-9]|AND|OR|NOT|NEAR/2|ATLEAST/2 |OF|cs\\(|title:|lang:){0,30}") {
        let lexicon = Lexicon::default();
        match parse(&text, &lexicon, Purpose::SavedKeyword) {
            Ok(query) => {
                let again = parse(&query.canonical(), &lexicon, Purpose::SavedKeyword).unwrap();
                prop_assert_eq!(again, query);
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(text.get(error.start..error.end).is_some(), "{:?}", error);
                }
            }
        }
    }

    #[test]
    fn any_article_is_judged(text in "(\\PC|[a-z.'’ \n\u{200c}\u{301}]|북한은|朝鲜|イラン|إيران|U.S.){0,30}") {
        let keywords = [
            keyword(1, "a", "북한 OR 朝鲜 OR イラン OR إيران OR us OR cs(U) OR a* OR *n OR \"朝鲜 イラン\"~3"),
            keyword(2, "b", &format!("북한 OR \"{}\"", text.replace(['"', '“', '”', '„', '‟', '«', '»', '″', '＂'], " "))),
        ];
        let (engine, _) = Engine::compile(&keywords, &Lexicon::default());
        let subject = Subject { title: &text, content: &text, ..Subject::default() };
        for hit in engine.matches(&subject, &mut Scratch::default()).iter().flat_map(|found| &found.hits) {
            prop_assert_eq!(text.get(hit.start as usize..hit.end as usize), Some(hit.text.as_str()));
            prop_assert!(!hit.text.is_empty());
        }
    }
}

proptest! {
    #[test]
    fn the_engine_finds_what_the_naive_evaluator_finds(
        queries in proptest::collection::vec(query(), 1..6),
        title in text(),
        summary in text(),
        content in text(),
        script in 0..=WITH_PARTICLES,
    ) {
        let title = title.replace('\n', " ");
        // Any ending means nothing in Han.
        let queries: Vec<Node> = queries
            .into_iter()
            .filter(|node| script != SCRIPTS.len() || !node.to_string().contains('*'))
            .collect();
        let latin = Subject { title: &title, summary: &summary, content: &content, ..Subject::default() };
        let expected: Vec<i64> =
            (0..).zip(&queries).filter(|(_, node)| naively_holds(node, &latin)).map(|(id, _)| id).collect();
        let queries: Vec<Node> = queries.iter().map(|node| query_in(node, script)).collect();
        let (title, summary, content) =
            (text_in(&title, script), text_in(&summary, script), text_in(&content, script));
        let keywords: Vec<_> = (0..).zip(&queries).map(|(id, node)| keyword(id, &format!("k{id}"), &node.to_string())).collect();
        let (engine, problems) = Engine::compile(&keywords, &Lexicon::default());
        prop_assert_eq!(problems, []);
        let subject = Subject { title: &title, summary: &summary, content: &content, ..Subject::default() };
        let found = engine.matches(&subject, &mut Scratch::default());
        prop_assert_eq!(found.iter().map(|found| found.keyword_id.get()).collect::<Vec<_>>(), expected);
        for hit in found.iter().flat_map(|found| &found.hits) {
            let field = [&title, &summary, &content][hit.field as usize];
            prop_assert_eq!(field.get(hit.start as usize..hit.end as usize), Some(hit.text.as_str()));
        }
        for one in found.iter().flat_map(|found| found.hits.windows(2)) {
            prop_assert!((one[0].field, one[0].end) <= (one[1].field, one[1].start));
        }
    }
}

#[test]
fn facts_of_every_kind_read_back() {
    for field in [
        FactField::Author,
        FactField::Source,
        FactField::Url,
        FactField::Tag,
        FactField::Lang,
    ] {
        for value in ["x1", "two words", "a/b:c", "a,b"] {
            let node = Node::And(vec![
                Node::Any,
                Node::Fact {
                    field,
                    value: value.to_owned(),
                },
            ]);
            assert_eq!(
                canonical_of(&node.to_string(), &Lexicon::default()),
                Some(node)
            );
        }
    }
}
