//! The engine finds what the naive evaluator finds, and its hits are the letters of the text.

#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use wirewatch::{
    domain::Subject,
    query::{
        Engine, Leaf, Lexicon, Node, Proximity, Purpose, Scratch, TextField, naive::naively_holds,
        parse,
    },
};

const WORDS: [&str; 6] = ["a", "b", "ab", "bb", "bbb", "x"];

#[derive(Debug)]
struct Case {
    query: Node,
    fields: [String; 3],
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            query: node(u, 3)?,
            fields: [text(u, false)?, text(u, true)?, text(u, true)?],
        })
    }
}

fn text(u: &mut Unstructured<'_>, has_paragraphs: bool) -> Result<String> {
    let mut words = Vec::new();
    for _ in 0..u.int_in_range(0..=60)? {
        let is_break = has_paragraphs && u.ratio(1, 12)?;
        words.push(if is_break { "\n" } else { u.choose(&WORDS)? });
    }
    Ok(words.join(" "))
}

fn leaf(u: &mut Unstructured<'_>) -> Result<Node> {
    let count = u.int_in_range(1..=3)?;
    let mut words = Vec::new();
    for _ in 0..count {
        words.push(if u.ratio(1, 8)? { "bb*" } else { u.choose(&WORDS)? });
    }
    Ok(Node::Leaf(Leaf {
        words: words.join(" "),
        is_phrase: count > 1,
        slop: if count > 1 { u.int_in_range(0..=3)? } else { 0 },
        is_exact: false,
    }))
}

fn placed(u: &mut Unstructured<'_>) -> Result<Node> {
    if u.ratio(1, 3)? {
        return Ok(Node::Or(vec![leaf(u)?, leaf(u)?]));
    }
    leaf(u)
}

fn near(u: &mut Unstructured<'_>) -> Result<Node> {
    let n = u.int_in_range(0..=4)?;
    let proximity = *u.choose(&[
        Proximity::Near(n),
        Proximity::Ordered(n),
        Proximity::NotNear(n),
        Proximity::Sentence,
        Proximity::Paragraph,
    ])?;
    Ok(Node::Near {
        proximity,
        left: Box::new(placed(u)?),
        right: Box::new(placed(u)?),
    })
}

fn node(u: &mut Unstructured<'_>, depth: usize) -> Result<Node> {
    if depth == 0 {
        return leaf(u);
    }
    let two = |u: &mut Unstructured<'_>| Ok(vec![node(u, depth - 1)?, node(u, depth - 1)?]);
    Ok(match u.int_in_range(0..=7)? {
        0 => Node::And(two(u)?),
        1 => Node::Or(two(u)?),
        2 => Node::And(vec![
            node(u, depth - 1)?,
            Node::Not(Box::new(node(u, depth - 1)?)),
        ]),
        3 => Node::Of {
            count: u.int_in_range(1..=2)?,
            list: two(u)?,
        },
        4 => Node::AtLeast {
            count: u.int_in_range(1..=4)?,
            node: Box::new(placed(u)?),
        },
        5 => Node::Within {
            field: *u.choose(&[TextField::Title, TextField::Lead, TextField::Text])?,
            node: Box::new(node(u, depth - 1)?),
        },
        6 => near(u)?,
        _ => leaf(u)?,
    })
}

fuzz_target!(|case: Case| {
    let lexicon = Lexicon::default();
    let Ok(query) = parse(&case.query.to_string(), &lexicon, Purpose::SavedKeyword) else {
        return;
    };
    let engine = Engine::of_query(&query, &lexicon);
    let [title, summary, content] = &case.fields;
    let subject = Subject {
        title,
        summary,
        content,
        ..Subject::default()
    };
    let found = engine.matches(&subject, &mut Scratch::default());
    assert_eq!(!found.is_empty(), naively_holds(query.root(), &subject), "{}", query.canonical());
    for hit in found.iter().flat_map(|found| &found.hits) {
        let field = &case.fields[hit.field as usize];
        assert_eq!(field.get(hit.start as usize..hit.end as usize), Some(hit.text.as_str()));
    }
});
