//! The engine against an evaluator so simple that it can hardly be wrong, on queries and texts made at random.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::{
    Engine, FactField, Leaf, Lexicon, Node, Proximity, Purpose, Scratch, TextField, parse,
    specification::keyword,
};
use crate::domain::Subject;

/// A paragraph of a field as words; the field, and the position of its first word in the field.
struct Paragraph {
    field: usize,
    from: usize,
    words: Vec<String>,
}

/// A mention: paragraph, first word in it, one past the last.
type Place = (usize, usize, usize);

fn paragraphs(fields: [&str; 3]) -> Vec<Paragraph> {
    let mut out = Vec::new();
    for (field, text) in fields.iter().enumerate() {
        let mut from = 0;
        for line in text.split('\n') {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let count = words.len();
            out.push(Paragraph { field, from, words });
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
                Proximity::Sentence | Proximity::Paragraph => gap(a, b).is_some(),
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
    let word = prop_oneof![8 => "[a-d]b?", 1 => Just("bbb".to_owned()), 1 => Just("\n".to_owned()), 4 => Just("x".to_owned())];
    proptest::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
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
    fn the_engine_finds_what_the_naive_evaluator_finds(
        queries in proptest::collection::vec(query(), 1..6),
        title in text(),
        summary in text(),
        content in text(),
    ) {
        let title = title.replace('\n', " ");
        let keywords: Vec<_> = (0..).zip(&queries).map(|(id, node)| keyword(id, &format!("k{id}"), &node.to_string())).collect();
        let (engine, problems) = Engine::compile(&keywords, &Lexicon::default());
        prop_assert_eq!(problems, []);
        let subject = Subject { title: &title, summary: &summary, content: &content, ..Subject::default() };
        let found = engine.matches(&subject, &mut Scratch::default());
        let text = paragraphs([&title, &summary, &content]);
        let expected: Vec<i64> =
            (0..).zip(&queries).filter(|(_, node)| holds(node, TextField::Text, &text)).map(|(id, _)| id).collect();
        prop_assert_eq!(found.iter().map(|found| found.keyword_id.get()).collect::<Vec<_>>(), expected);
        for hit in found.iter().flat_map(|found| &found.hits) {
            let field = [&title, &summary, &content][hit.field as usize];
            prop_assert_eq!(field.get(hit.start as usize..hit.end as usize), Some(hit.text.as_str()));
        }
        for one in found.iter().flat_map(|found| found.hits.windows(2)) {
            prop_assert!((one[0].field, one[0].end) <= (one[1].field, one[1].start));
        }
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
