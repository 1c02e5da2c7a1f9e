//! What the tokens of an article must hold for a query to match it: the question that the search index answers.
//!
//! Necessary, never sufficient: every article that the engine matches meets the condition, and some others do, too.

use std::{collections::BTreeSet, ops::RangeInclusive};

use super::{
    ast::{FactField, Leaf, Node, Proximity},
    facts::FactTest,
    lexicon::{Lexicon, Saved},
    parser::Query,
    pattern::{Letters, Pattern, PatternWord, without_article},
    tokens::{Part, Token, beginning, in_epochs, source_token, token},
};
use crate::{
    domain::{Facts, SourceId, Tier},
    text::{
        script::WordKind,
        words::{ANY_LETTERS, ONE_LETTER},
    },
};

/// Clauses that are asked of the index: more would be looked up for longer than they save.
pub const MAX_CLAUSES: usize = 3;

/// Sources that a fact may stand for and still narrow anything.
const MAX_SOURCES: usize = 400;

/// Words that nearly every article of their language has.
const EVERYWHERE: &[&str] = &[
    "the", "of", "to", "in", "and", "a", "for", "on", "at", "by", "with", "from", "is", "as", "an",
    "it", "that", "was", "said", "has", "de", "la", "le", "les", "des", "et", "en", "du", "el",
    "los", "der", "die", "und", "von", "и", "в", "на", "с", "по", "не", "از", "به", "در", "و",
    "که", "این", "را", "من", "في", "على", "的", "の", "を", "に", "は", "が", "た", "て", "し",
    "い", "と", "で", "一", "了", "在", "是",
];

/// What is known of a source, for facts that are facts about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// The source.
    pub id: SourceId,
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its registered domain.
    pub domain: String,
    /// Its country, if it has one.
    pub country: Option<String>,
    /// Its tier.
    pub tier: Tier,
}

/// One of these tokens must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    tokens: BTreeSet<Token>,
    /// How much is to be expected under them.
    weight: u64,
}

/// Clauses that must hold together, the rarest first; none if any article may match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    clauses: Vec<Clause>,
}

impl Condition {
    /// The condition of a query.
    #[must_use]
    pub fn of(query: &Query, lexicon: &Lexicon, sources: &[SourceFacts]) -> Self {
        let mut clauses = Reader { lexicon, sources }.node(query.root());
        clauses.sort_by_key(|clause| (clause.weight, clause.tokens.len()));
        clauses.dedup();
        clauses.truncate(MAX_CLAUSES);
        Self { clauses }
    }

    /// Whether it narrows nothing: any article may match.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.clauses.is_empty()
    }

    /// The tokens of the widest clause; none if the condition narrows nothing.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.clauses.iter().map(|clause| clause.tokens.len()).max()
    }

    /// The clauses as lists of stored tokens, of which an article of these fortnights must have one each.
    #[must_use]
    pub fn in_epochs(&self, epochs: &RangeInclusive<i64>) -> Vec<Vec<i32>> {
        self.clauses
            .iter()
            .map(|clause| {
                let tokens: Vec<Token> = clause.tokens.iter().copied().collect();
                in_epochs(&tokens, epochs)
            })
            .collect()
    }
}

/// Reads a syntax tree as clauses.
struct Reader<'a> {
    lexicon: &'a Lexicon,
    sources: &'a [SourceFacts],
}

impl Reader<'_> {
    fn node(&self, node: &Node) -> Vec<Clause> {
        let any_of = |nodes: &[Node]| any(nodes.iter().map(|node| self.node(node)));
        match node {
            Node::Any | Node::Not(_) => Vec::new(),
            Node::Leaf(leaf) => leaf_clauses(leaf),
            Node::Concept(name) => self
                .lexicon
                .concept(name)
                .map_or_else(never, |meaning| any(meaning.terms.iter().map(leaf_clauses))),
            Node::Keyword(slug) => match self.lexicon.keyword(slug) {
                Some(Saved::Sound(query)) => self.node(query.root()),
                Some(Saved::Broken | Saved::Circular) | None => never(),
            },
            Node::Fact { field, value } => self.fact(*field, value),
            Node::Within { node, .. } | Node::AtLeast { node, .. } => self.node(node),
            Node::And(nodes) => nodes.iter().flat_map(|node| self.node(node)).collect(),
            Node::Or(nodes) => any_of(nodes),
            Node::Near {
                proximity: Proximity::NotNear(_),
                left,
                ..
            } => self.node(left),
            Node::Near { left, right, .. } => {
                let mut both = self.node(left);
                both.extend(self.node(right));
                both
            }
            Node::Of { count, list } => {
                // With n of k to hold, one must hold among any k − n + 1.
                let enough = (list.len() + 1).saturating_sub(*count as usize).max(1);
                any_so_many(enough, list.iter().map(|node| self.node(node)))
            }
        }
    }

    fn fact(&self, field: FactField, value: &str) -> Vec<Clause> {
        let is_wild = value.contains(['*', '?']);
        match field {
            FactField::Source | FactField::Country | FactField::Tier => {
                self.sources_with(field, value)
            }
            FactField::Domain if !is_wild => any([
                self.sources_with(field, value),
                clause(token(Part::Host, &value.trim().to_lowercase()), 20),
            ]
            .into_iter()),
            FactField::Lang if !is_wild => {
                let language = value.trim().to_lowercase().replace('_', "-");
                clause(token(Part::Language, &language), 400)
            }
            FactField::Domain
            | FactField::Lang
            | FactField::Author
            | FactField::Url
            | FactField::Tag => Vec::new(),
        }
    }

    /// That the article is of a source of which a fact holds.
    fn sources_with(&self, field: FactField, value: &str) -> Vec<Clause> {
        let test = FactTest::new(field, value);
        let tokens: BTreeSet<Token> = self
            .sources
            .iter()
            .filter(|source| {
                test.holds(&Facts {
                    source: [&source.slug, &source.name],
                    domain: &source.domain,
                    country: source.country.as_deref().unwrap_or_default(),
                    tier: Some(source.tier),
                    ..Facts::default()
                })
            })
            .map(|source| source_token(source.id))
            .collect();
        if tokens.len() > MAX_SOURCES {
            return Vec::new();
        }
        let weight = 20 * tokens.len() as u64;
        vec![Clause { tokens, weight }]
    }
}

/// What holds for no article.
fn never() -> Vec<Clause> {
    vec![Clause {
        tokens: BTreeSet::new(),
        weight: 0,
    }]
}

fn clause(token: Token, weight: u64) -> Vec<Clause> {
    vec![Clause {
        tokens: BTreeSet::from([token]),
        weight,
    }]
}

/// That one of several holds: of each its rarest clause, together. Nothing if one of them asks for nothing.
fn any(parts: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
    let mut parts: Vec<Vec<Clause>> = parts.collect();
    if parts.len() == 1 {
        return parts.pop().unwrap_or_default();
    }
    let rarest: Option<Vec<Clause>> = parts.into_iter().map(rarest).collect();
    rarest.map_or_else(Vec::new, |clauses| vec![together(&clauses)])
}

/// That one holds among any `enough` of several: the narrowest of such lists. Parts that ask for nothing are left aside.
fn any_so_many(enough: usize, parts: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
    if enough == 1 {
        return parts.flatten().collect();
    }
    let clauses: Vec<Clause> = parts.filter_map(rarest).collect();
    let mut lists: Vec<&[Clause]> = clauses.windows(enough).collect();
    lists.sort_by_cached_key(|list| list.iter().map(|clause| clause.weight).sum::<u64>());
    // No more are kept of the whole, and each is as long as all that it is made of.
    lists.truncate(MAX_CLAUSES);
    lists.into_iter().map(together).collect()
}

fn rarest(clauses: Vec<Clause>) -> Option<Clause> {
    clauses.into_iter().min_by_key(|clause| clause.weight)
}

/// That one of these clauses holds.
fn together(clauses: &[Clause]) -> Clause {
    let tokens = clauses.iter().flat_map(|clause| &clause.tokens);
    Clause {
        tokens: tokens.copied().collect(),
        weight: clauses.iter().map(|clause| clause.weight).sum(),
    }
}

fn leaf_clauses(leaf: &Leaf) -> Vec<Clause> {
    any(Pattern::of(leaf).iter().map(pattern_clauses))
}

fn pattern_clauses(pattern: &Pattern) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for (i, word) in pattern.words.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|at| pattern.words.get(at));
        let next_is_glued = pattern.words.get(i + 1).is_some_and(|next| next.is_glued);
        match (&word.letters, before) {
            (Letters::Plain(letters), Some(before)) if word.is_glued => {
                if let Letters::Plain(first) = &before.letters {
                    clauses.extend(clause(token(Part::Pair, &format!("{first}{letters}")), 12));
                } else {
                    clauses.extend(word_clause(word, letters));
                }
            }
            // Its pair with the next says more.
            (Letters::Plain(_), _) if next_is_glued => {}
            (Letters::Plain(letters), _) => clauses.extend(word_clause(word, letters)),
            (Letters::Wild(wild), _) => clauses.extend(wild_clause(word.kind, wild)),
        }
    }
    clauses
}

fn word_clause(word: &PatternWord, letters: &str) -> Vec<Clause> {
    let letter_count = letters.chars().count() as u64;
    let weight = if EVERYWHERE.contains(&letters) {
        400
    } else if word.kind == WordKind::Unspaced || letter_count == 1 {
        100
    } else {
        20_u64.saturating_sub(letter_count).max(4)
    };
    // Where the article melts into a preposition, the bare stem is what is listed.
    let bare = without_article(letters).filter(|_| word.kind == WordKind::Arabic);
    match bare {
        Some(bare) => any([
            clause(token(Part::Whole, letters), weight),
            clause(token(Part::Whole, bare), weight),
        ]
        .into_iter()),
        None => clause(token(Part::Whole, letters), weight),
    }
}

/// A word with wildcards is looked up by its beginning; one that begins with a wildcard cannot be looked up.
fn wild_clause(kind: WordKind, wild: &str) -> Vec<Clause> {
    if kind == WordKind::Unspaced {
        return Vec::new();
    }
    let clauses = |wild: &str| {
        let letters = wild
            .split([ANY_LETTERS, ONE_LETTER])
            .next()
            .unwrap_or_default();
        beginning(kind, letters).map_or_else(Vec::new, |beginning| {
            let weight = 80 / beginning.chars().count().max(1) as u64;
            clause(token(Part::Beginning, beginning), weight)
        })
    };
    // As with whole words, where the article melts.
    let bare = without_article(wild).filter(|_| kind == WordKind::Arabic);
    any(std::iter::once(wild).chain(bare).map(clauses))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{Concept, Keyword, KeywordId, Subject, Timestamp},
        query::{Engine, Purpose, Scratch, article_tokens, epoch, parse},
    };

    /// Terms as queries ask for them, in every script and with every wildcard.
    const TERMS: &[&str] = &[
        "iran",
        "sanction*",
        "ir*",
        "*stan",
        "s?nctions",
        "hwa?ong*",
        "U.S.",
        "cs(US)",
        "hwasong-14",
        "\"the talks\"",
        "\"front company\"~2",
        "북한",
        "제재*",
        "북한의",
        "\"북한 이란\"",
        "이란",
        "صواريخ",
        "إيران",
        "العقوبات",
        "العقوب*",
        "الل?نة",
        "نفط*",
        "\"تحریم ها\"",
        "\"کره شمالی\"",
        "朝鲜",
        "伊朗核",
        "核",
        "朝鲜*",
        "\"朝鲜 伊朗\"",
        "北朝鮮",
        "イラン",
        "イラ*",
        "санкци*",
        "Иран*",
        "ядерный",
        "@state",
        "@none",
        "lang:zh",
        "lang:en",
        "lang:z*",
        "source:wire",
        "domain:news.example",
        "domain:*.example",
        "tier:wire",
        "country:kr",
        "author:kim",
        "tag:x",
        "url:news",
        "keyword:saved",
    ];

    /// Words as texts have them.
    const WORDS: &[&str] = &[
        "Iran",
        "Iran's",
        "Tirana",
        "sanctions",
        "sanctioned",
        "Pakistan",
        "hwasong",
        "Hwasong-14",
        "U.S.",
        "us",
        "the",
        "talks",
        "front",
        "company",
        "북한은",
        "북한과의",
        "북한",
        "북한의",
        "이란",
        "이란성",
        "제재를",
        "대북제재",
        "صواريخ",
        "وإيران",
        "لإيران",
        "ایران",
        "للعقوبات",
        "وللجنة",
        "والعقوبات",
        "العقوبات",
        "النفطي",
        "نفط",
        "تحریم",
        "ها",
        "تحریمها",
        "تحریم‌های",
        "کره",
        "کره‌شمالی",
        "شمالی",
        "朝鲜与伊朗核合作",
        "朝",
        "鲜",
        "伊朗",
        "核",
        "朝鲜战争",
        "北朝鮮の核",
        "イラン",
        "トイランド",
        "イランの",
        "санкций",
        "Ирана",
        "ядерные",
        "ядерный",
        "18형",
        "KN23",
    ];

    fn query() -> impl Strategy<Value = String> {
        let term = proptest::sample::select(TERMS).prop_map(str::to_owned);
        term.prop_recursive(3, 12, 3, |inner| {
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                (
                    pair.clone(),
                    proptest::sample::select(
                        &["AND", "OR", "NOT", "NEAR/3", "NOT NEAR/2", "NEAR/P"][..]
                    )
                )
                    .prop_map(|((one, other), operator)| format!("({one} {operator} {other})")),
                (pair, inner.clone(), 1..4_u32)
                    .prop_map(|((a, b), c, n)| format!("{n} OF ({a}, {b}, {c})")),
                (
                    inner.clone(),
                    proptest::sample::select(&["title:", "lead:", "ATLEAST/2 ", "NOT "][..])
                )
                    .prop_map(|(part, before)| format!("{before}{part}")),
            ]
        })
    }

    fn text() -> impl Strategy<Value = String> {
        let word = proptest::sample::select(WORDS);
        let between =
            proptest::sample::select(&[" ", " ", " ", "", "\n", "\u{200c}", ", ", "·"][..]);
        proptest::collection::vec((word, between), 0..12).prop_map(|words| {
            words
                .into_iter()
                .flat_map(|(word, between)| [word, between])
                .collect()
        })
    }

    fn lexicon() -> Lexicon {
        let concept = Concept {
            slug: "state".to_owned(),
            name: "State".to_owned(),
            terms: [
                "iran",
                "\"islamic republic\"",
                "이란",
                "إيران",
                "伊朗",
                "イラン",
                "Иран*",
            ]
            .map(str::to_owned)
            .to_vec(),
            anti_terms: vec!["朝鲜战争".to_owned()],
        };
        let keyword = Keyword {
            id: KeywordId::new(1),
            slug: "saved".to_owned(),
            name: "Saved".to_owned(),
            version: 1,
            query: "@state NEAR/5 (sanction* OR 제재 OR 核)".to_owned(),
        };
        Lexicon::new(&[concept], &["Iran Talks".to_owned()], &[keyword]).0
    }

    fn sources() -> Vec<SourceFacts> {
        let source = |id, slug: &str, country: Option<&str>, tier| SourceFacts {
            id: SourceId::new(id),
            slug: slug.to_owned(),
            name: format!("The {slug}"),
            domain: format!("{slug}.example"),
            country: country.map(str::to_owned),
            tier,
        };
        vec![
            source(1, "wire", Some("KR"), Tier::Wire),
            source(2, "paper", None, Tier::Press),
        ]
    }

    /// Whether the index would propose the article.
    fn is_proposed(condition: &Condition, tokens: &[i32], at: Timestamp) -> bool {
        let here = epoch(at);
        condition
            .in_epochs(&(here - 1..=here + 1))
            .iter()
            .all(|clause| {
                clause
                    .iter()
                    .any(|token| tokens.binary_search(token).is_ok())
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn whatever_the_engine_matches_the_index_proposes(
            queries in proptest::collection::vec(query(), 6),
            title in text(),
            content in text(),
            source in 0..2_usize,
            language in proptest::sample::select(&["en", "zh", "zh-Hant", "ZH_CN", ""][..]),
            at in -4_000_000_000_000_000..4_000_000_000_000_000_i64,
        ) {
            let (lexicon, sources) = (lexicon(), sources());
            let authors = ["Kim Min".to_owned()];
            let tags = ["x".to_owned()];
            let from = &sources[source];
            let subject = Subject {
                title: &title,
                content: &content,
                facts: Facts {
                    source: [&from.slug, &from.name],
                    domain: &from.domain,
                    url: "https://www.news.example/a",
                    language,
                    country: from.country.as_deref().unwrap_or_default(),
                    tier: Some(from.tier),
                    authors: &authors,
                    tags: &tags,
                    categories: &[],
                },
                ..Subject::default()
            };
            let at = Timestamp::from_micros(at);
            let tokens = article_tokens(&subject, from.id, at);
            for query in queries {
                let Ok(parsed) = parse(&query, &lexicon, Purpose::Search) else { continue };
                let matches = Engine::of_query(&parsed, &lexicon).matches(&subject, &mut Scratch::default());
                if !matches.is_empty() {
                    let condition = Condition::of(&parsed, &lexicon, &sources);
                    prop_assert!(is_proposed(&condition, &tokens, at), "{query} {title:?} {content:?}");
                }
            }
        }
    }

    fn condition(query: &str) -> Condition {
        let lexicon = lexicon();
        let parsed = parse(query, &lexicon, Purpose::Search)
            .unwrap_or_else(|errors| panic!("{query}: {errors:?}"));
        Condition::of(&parsed, &lexicon, &sources())
    }

    #[test]
    fn what_is_asked_for_is_looked_up_and_nothing_else_is_proposed() {
        let at = Timestamp::from_micros(0);
        for (query, text, expected) in [
            ("iran", "Iran talks", true),
            ("iran", "Tirana talks", false),
            ("sanction*", "sanctioned", true),
            ("sanction*", "sanctuary", false),
            ("북한", "북한과의 협상", true),
            ("북한", "전쟁이란", false),
            ("إيران", "وإيران", true),
            ("العقوبات", "للعقوبات", true),
            ("العقوب*", "للعقوبات", true),
            ("العقوب*", "للنفط", false),
            ("اللاجئ*", "للاجئين", true),
            ("朝鲜核", "朝鲜核问题", true),
            ("朝鲜核", "朝鲜的核问题", false),
            ("イラン", "トイランド", false),
            ("iran talks", "Iran yes", false),
            ("iran OR talks", "talks", true),
            ("@state", "이란의 핵", true),
            ("2 OF (iran, talks, oil)", "iran", false),
            ("2 OF (iran, talks, oil)", "oil talks", true),
            ("iran NOT NEAR/2 oil", "iran", true),
            ("iran AND tier:wire", "iran", true),
            ("iran AND country:us", "iran", false),
        ] {
            let subject = Subject {
                title: text,
                ..Subject::default()
            };
            let tokens = article_tokens(&subject, SourceId::new(1), at);
            assert_eq!(
                is_proposed(&condition(query), &tokens, at),
                expected,
                "{query} {text}"
            );
        }
    }

    #[test]
    fn a_query_that_cannot_be_looked_up_proposes_everything() {
        for query in [
            "*",
            "*stan",
            "author:kim",
            "ir*",
            "iran OR tag:x",
            "1 OF (iran, *stan)",
            "2 OF (iran, *stan, tag:x)",
        ] {
            assert!(condition(query).is_open(), "{query}");
        }
        assert!(!condition("*stan AND iran").is_open());
        assert!(!condition("2 OF (iran, *stan, oil)").is_open());
    }

    #[test]
    fn lists_in_lists_are_read_once() {
        let nested = (0..30).fold("oil".to_owned(), |inner, at| {
            format!("2 OF (iran{at}, {inner}, ship{at})")
        });
        assert!(!condition(&nested).is_open());
    }

    #[test]
    fn a_long_list_is_no_more_than_a_few_clauses() {
        let names: Vec<String> = (0..1_900).map(|at| format!("ship{at}")).collect();
        let condition = condition(&format!("900 OF ({})", names.join(", ")));
        assert_eq!(condition.clauses.len(), MAX_CLAUSES);
        assert_eq!(condition.width(), Some(1_001));
    }
}
