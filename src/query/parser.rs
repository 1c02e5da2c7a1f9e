//! The parser: from tokens to the syntax tree, with every error reported and nothing dropped.

use super::{
    MAX_BYTES, MAX_LEAVES, MAX_LEVELS,
    ast::{FactField, Field, Leaf, Node, Proximity, TextField},
    error::{QueryError, Warning},
    leaf::{flaw_of, ignored_signs},
    lexer::{Kind, Token, lex},
    lexicon::{Lexicon, Saved},
    lint,
    traits::{Ground, Traits},
};
use crate::domain::{Tier, UnknownTier};

/// The longest message, in bytes.
const LONGEST_MESSAGE: usize = 500;
/// The longest way out that is offered, in bytes.
const LONGEST_WAY_OUT: usize = 1_000;

/// What a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A saved keyword, which stores what it matches: it must ask for words (or say `*`), and every operator is written.
    SavedKeyword,
    /// The search box: words side by side are joined by AND, and facts alone will do.
    Search,
}

/// A query without errors.
#[derive(Debug, Clone)]
pub struct Query {
    root: Node,
    warnings: Vec<Warning>,
    pub(super) traits: Traits,
}

impl PartialEq for Query {
    /// Queries are the same if they ask the same; warnings and the places of words do not count.
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for Query {}

impl Query {
    /// The syntax tree.
    #[must_use]
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// The canonical form. Parsed again, it is the same query.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.root.to_string()
    }

    /// The tree as lines, children two spaces further in.
    #[must_use]
    pub fn tree(&self) -> String {
        self.root.tree()
    }

    /// What is allowed, but perhaps not meant.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// A part of a query with its bytes.
#[derive(Debug, Clone)]
struct Part {
    node: Node,
    start: usize,
    end: usize,
    traits: Traits,
}

/// What words mean at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// They are sought in the text.
    Text,
    /// They are sought in a part of the text.
    Within,
    /// They are values of a fact.
    Fact(FactField),
}

/// Reads a query.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the text.
pub fn parse(text: &str, lexicon: &Lexicon, purpose: Purpose) -> Result<Query, Vec<QueryError>> {
    if text.len() > MAX_BYTES {
        return Err(vec![QueryError {
            start: 0,
            end: text.len(),
            message: format!(
                "the query has {} bytes, {MAX_BYTES} are the most",
                text.len()
            ),
            ways_out: Vec::new(),
        }]);
    }
    let (tokens, errors) = lex(text);
    let mut parser = Parser {
        text,
        lexicon,
        purpose,
        tokens,
        at: 0,
        levels: 0,
        scope: Scope::Text,
        is_too_deep: false,
        errors,
        warnings: Vec::new(),
    };
    let part = parser.whole();
    parser.finish(part)
}

struct Parser<'a> {
    text: &'a str,
    lexicon: &'a Lexicon,
    purpose: Purpose,
    tokens: Vec<Token>,
    at: usize,
    /// Levels that are open.
    levels: usize,
    scope: Scope,
    /// Whether reading stopped because of the nesting.
    is_too_deep: bool,
    errors: Vec<QueryError>,
    warnings: Vec<Warning>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn bump(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// The bytes of the token at hand; at the end, of the end.
    fn here(&self) -> (usize, usize) {
        self.tokens
            .get(self.at)
            .map_or((self.text.len(), self.text.len()), |token| {
                (token.start, token.end)
            })
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default().trim()
    }

    fn slice_of(&self, part: &Part) -> &str {
        self.slice(part.start, part.end)
    }

    fn error(
        &mut self,
        (start, end): (usize, usize),
        message: impl Into<String>,
        ways_out: Vec<String>,
    ) {
        if self.is_too_deep {
            return;
        }
        // A hostile query has thousands of errors, of which each could quote nearly all of it.
        let mut ways_out = ways_out;
        ways_out.retain(|way| way.len() <= LONGEST_WAY_OUT);
        self.errors.push(QueryError {
            start,
            end,
            message: shortened(message.into()),
            ways_out,
        });
    }

    fn warn(&mut self, (start, end): (usize, usize), message: String) {
        self.warnings.push(Warning {
            start,
            end,
            message,
        });
    }

    /// Stands where something could not be read, and calls for no further errors.
    fn hole(start: usize, end: usize) -> Part {
        Part {
            node: Node::Any,
            start,
            end,
            traits: Traits::WORDS,
        }
    }

    /// Reads with one more level open. Stops everything where that is too many.
    fn level(&mut self, read: impl FnOnce(&mut Self) -> Part) -> Part {
        if self.levels >= MAX_LEVELS {
            let (start, end) = self.here();
            self.too_deep((start, end));
            self.at = self.tokens.len();
            return Self::hole(start, end);
        }
        self.levels += 1;
        let part = read(self);
        self.levels -= 1;
        part
    }

    fn too_deep(&mut self, place: (usize, usize)) {
        let message = format!("the query is nested too deeply, {MAX_LEVELS} levels are the most");
        let way = "keyword:slug, with a part of it saved as a keyword of its own".to_owned();
        self.error(place, message, vec![way]);
        self.is_too_deep = true;
    }

    /// The whole text.
    fn whole(&mut self) -> Part {
        if self.tokens.is_empty() {
            if self.errors.is_empty() {
                let ways_out = vec!["a word".to_owned(), "* for any article".to_owned()];
                self.error((0, self.text.len()), "the query is empty", ways_out);
            }
            return Self::hole(0, self.text.len());
        }
        let mut part = self.or();
        while let Some(kind) = self.peek() {
            let place = self.here();
            match kind {
                Kind::Close => {
                    let way = format!("({})", self.slice(0, place.0));
                    self.error(place, "this ) closes nothing", vec![way]);
                }
                Kind::Comma => {
                    let ways_out = vec!["OR".to_owned(), "1 OF (x, y)".to_owned()];
                    self.error(
                        place,
                        "a comma stands only in the list of n OF (x, y)",
                        ways_out,
                    );
                }
                _ => {}
            }
            if matches!(role_of(self.peek()), Role::End) {
                self.at += 1;
            }
            if self.at < self.tokens.len() && self.starts_operand() {
                part = self.or();
            } else if self.at < self.tokens.len() && !matches!(role_of(self.peek()), Role::End) {
                self.stray_operator();
            }
        }
        part
    }

    /// Passes an operator that has nothing before it.
    fn stray_operator(&mut self) {
        let place = self.here();
        let operator = self.slice(place.0, place.1).to_owned();
        self.error(
            place,
            format!("{operator} has nothing before it"),
            vec![format!("\"{operator}\" if the word is meant")],
        );
        self.at += 1;
    }

    fn or(&mut self) -> Part {
        let (first, is_bare) = self.and();
        let mut parts = vec![first];
        let mut bare_and = is_bare.then_some(0);
        while self.peek() == Some(&Kind::Or) {
            self.at += 1;
            let (part, is_bare) = self.and();
            bare_and = bare_and.or(is_bare.then_some(parts.len()));
            parts.push(part);
        }
        if parts.len() == 1 {
            return parts.remove(0);
        }
        if let Some(part) = bare_and.and_then(|at| parts.get(at)) {
            let warning = lint::mixed(self.slice_of(part), (part.start, part.end));
            self.warnings.push(warning);
        }
        self.lint_joined(&parts, true);
        self.check_branches(&parts);
        let traits = Traits {
            has_places: parts.iter().all(|part| part.traits.has_places),
            ground: weakest(&parts, |traits| traits.ground),
            ground_of_not: strongest(&parts, |traits| traits.ground_of_not),
            ..Traits::over(&parts.iter().map(|part| part.traits))
        };
        joined(parts, traits, Node::Or, |node| match node {
            Node::Or(nodes) => Ok(nodes),
            other => Err(other),
        })
    }

    /// `a OR NOT b` holds for nearly every article.
    fn check_branches(&mut self, parts: &[Part]) {
        let Some(sound) = parts
            .iter()
            .find(|part| part.traits.ground != Ground::Absence)
        else {
            return;
        };
        let sound = self.slice_of(sound).to_owned();
        for part in parts
            .iter()
            .filter(|part| part.traits.ground == Ground::Absence)
        {
            let branch = self.slice_of(part).to_owned();
            self.error(
                (part.start, part.end),
                format!("OR {branch} would match nearly every article"),
                vec![format!("{sound} AND {branch}")],
            );
        }
    }

    /// What AND joins, and whether it does so here rather than in parentheses.
    fn and(&mut self) -> (Part, bool) {
        let mut parts = vec![self.not()];
        loop {
            match self.peek() {
                Some(Kind::And) => {
                    self.at += 1;
                    parts.push(self.not());
                }
                Some(Kind::Not) => parts.push(self.not()),
                _ if self.starts_operand() => self.side_by_side(&mut parts),
                _ => break,
            }
        }
        if parts.len() == 1 {
            return (parts.remove(0), false);
        }
        self.lint_joined(&parts, false);
        let traits = Traits {
            ground: strongest(&parts, |traits| traits.ground),
            ground_of_not: weakest(&parts, |traits| traits.ground_of_not),
            ..Traits::over(&parts.iter().map(|part| part.traits))
        };
        let part = joined(parts, traits, Node::And, |node| match node {
            Node::And(nodes) => Ok(nodes),
            other => Err(other),
        });
        (part, true)
    }

    fn lint_joined(&mut self, parts: &[Part], is_or: bool) {
        let placed: Vec<lint::Placed<'_>> = parts
            .iter()
            .map(|part| (&part.node, (part.start, part.end)))
            .collect();
        self.warnings
            .extend(lint::joined(&placed, is_or, self.lexicon));
    }

    /// Whether an operand begins here.
    fn starts_operand(&self) -> bool {
        matches!(role_of(self.peek()), Role::Operand)
    }

    /// Operands with nothing between: joined by AND in a search, an error in a keyword.
    fn side_by_side(&mut self, parts: &mut Vec<Part>) {
        let first = parts.len() - 1;
        while self.starts_operand() {
            let part = self.not();
            parts.push(part);
        }
        let run: Vec<Part> = parts.iter().skip(first).cloned().collect();
        let words: Vec<String> = run
            .iter()
            .map(|part| self.slice_of(part).to_owned())
            .collect();
        let place = (
            run.first().map_or(0, |part| part.start),
            run.last().map_or(0, |part| part.end),
        );
        let small = words
            .iter()
            .find(|word| is_operator_in_small_letters(word))
            .cloned();
        if self.purpose == Purpose::Search {
            if let Some(small) = small {
                let capitals = small.to_uppercase();
                self.warn(
                    place,
                    format!("{small} is sought as a word; the operator is {capitals}"),
                );
            }
            return;
        }
        let text = self.slice(place.0, place.1).to_owned();
        if let Some(small) = small {
            let message = format!(
                "there is no operator between the words of {text}; operators are written in capitals"
            );
            let way = words
                .iter()
                .map(|word| {
                    if *word == small {
                        word.to_uppercase()
                    } else {
                        word.clone()
                    }
                })
                .collect::<Vec<_>>();
            self.error(
                place,
                message,
                vec![way.join(" "), format!("\"{}\"", words.join(" "))],
            );
            return;
        }
        let is_plain = run.iter().all(
            |part| matches!(&part.node, Node::Leaf(leaf) if !leaf.is_phrase && !leaf.is_exact),
        );
        let mut ways_out = vec![words.join(" AND "), words.join(" OR ")];
        if is_plain {
            ways_out.insert(0, format!("\"{}\"", words.join(" ")));
        }
        self.error(
            place,
            format!("there is no operator between the parts of {text}"),
            ways_out,
        );
    }

    fn not(&mut self) -> Part {
        if self.peek() != Some(&Kind::Not) {
            return self.near();
        }
        let (start, _) = self.here();
        self.at += 1;
        let part = self.level(Self::not);
        Part {
            start,
            end: part.end,
            traits: Traits {
                has_places: false,
                ground: part.traits.ground_of_not,
                ground_of_not: part.traits.ground,
                seeks_words: false,
                ..part.traits.deeper()
            },
            node: Node::Not(Box::new(part.node)),
        }
    }

    fn near(&mut self) -> Part {
        let left = self.primary();
        let Some(Kind::Proximity(proximity)) = self.peek() else {
            return left;
        };
        let proximity = *proximity;
        self.at += 1;
        if self.peek() == Some(&Kind::Not) {
            self.negated_side(&left, proximity);
        }
        let right = self.primary();
        let part = self.proximity(left, proximity, right);
        self.chain(&part);
        part
    }

    /// `a NEAR/5 NOT b`.
    fn negated_side(&mut self, left: &Part, proximity: Proximity) {
        let place = self.here();
        let left = self.slice_of(left).to_owned();
        let way = match proximity {
            Proximity::Near(n) | Proximity::Ordered(n) | Proximity::NotNear(n) => {
                format!("{left} NOT NEAR/{n} …")
            }
            Proximity::Sentence | Proximity::Paragraph => format!("{left} AND NOT …"),
        };
        self.error(
            place,
            format!("{proximity} NOT: what is absent has no position"),
            vec![way],
        );
        self.at += 1;
    }

    fn proximity(&mut self, left: Part, proximity: Proximity, right: Part) -> Part {
        for side in [&left, &right] {
            if !side.traits.has_places {
                let text = self.slice_of(side).to_owned();
                let (a, b) = (
                    self.slice_of(&left).to_owned(),
                    self.slice_of(&right).to_owned(),
                );
                let message = format!(
                    "{text} has no positions; {proximity} joins terms, phrases, cs(), @concepts and OR groups of these"
                );
                // The way out takes the place of the whole.
                self.error(
                    (left.start, right.end),
                    message,
                    vec![format!("{a} AND {b}")],
                );
            }
        }
        let (start, end) = (left.start, right.end);
        self.warnings
            .extend(lint::near(proximity, &left.node, &right.node, (start, end)));
        let traits = Traits {
            has_places: true,
            ground: Ground::Text,
            ..Traits::over(&[left.traits, right.traits].into_iter())
        };
        Part {
            node: Node::Near {
                proximity,
                left: Box::new(left.node),
                right: Box::new(right.node),
            },
            start,
            end,
            traits,
        }
    }

    /// `a NEAR/5 b NEAR/5 c` says not which two belong together.
    fn chain(&mut self, first: &Part) {
        while let Some(Kind::Proximity(_)) = self.peek() {
            let place = self.here();
            self.at += 1;
            let operator = self.slice(place.0, place.1).to_owned();
            let next = self.primary();
            let way = format!(
                "({}) {operator} {}",
                self.slice_of(first),
                self.slice_of(&next)
            );
            self.error(
                (first.start, next.end),
                format!("a chain with {operator} needs parentheses"),
                vec![way],
            );
        }
    }

    fn primary(&mut self) -> Part {
        let place = self.here();
        if !self.starts_operand() {
            self.missing(place);
            return Self::hole(place.0, place.0);
        }
        let Some(token) = self.bump() else {
            return Self::hole(place.0, place.1);
        };
        match token.kind {
            Kind::Open => self.group(token.start),
            Kind::Field(Field::Text(field)) => self.within(field, token.start, token.end),
            Kind::Field(Field::Fact(field)) => self.fact(field, token.start, token.end),
            Kind::AtLeast(count) => self.at_least(count, token.start, token.end),
            Kind::Of(count) => self.of(count, token.start, token.end),
            Kind::Exact => self.exact(token.start),
            Kind::Concept(name) => self.concept(name, place),
            Kind::Keyword(slug) => self.keyword(slug, place),
            Kind::Value(value) => self.value(value, place),
            Kind::Word(word) if word == "*" && self.value_field().is_none() => Part {
                node: Node::Any,
                start: place.0,
                end: place.1,
                traits: Traits::ANY,
            },
            Kind::Word(words) => self.words(words, false, 0, place),
            Kind::Phrase { words, slop } => self.words(words, true, slop, place),
            Kind::Close | Kind::Comma | Kind::And | Kind::Or | Kind::Not | Kind::Proximity(_) => {
                Self::hole(place.0, place.1)
            }
        }
    }

    /// An operand is missing before the token at hand.
    fn missing(&mut self, place: (usize, usize)) {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .cloned();
        let shown = self.slice(place.0, place.1).to_owned();
        match (before, self.peek()) {
            (Some(before), None | Some(Kind::Close | Kind::Comma)) => {
                let operator = self.slice(before.start, before.end).to_owned();
                let message = format!("something must follow {operator}");
                self.error((before.start, place.1.max(before.end)), message, Vec::new());
            }
            (before, _) => {
                let what = before.map_or(String::new(), |before| {
                    format!(" between {} and it", self.slice(before.start, before.end))
                });
                let message = if what.is_empty() {
                    format!("{shown} has nothing before it")
                } else {
                    format!("{shown}: something is missing{what}")
                };
                let ways_out = if shown.chars().any(char::is_alphabetic) {
                    vec![format!("\"{shown}\" if the word is meant")]
                } else {
                    Vec::new()
                };
                self.error(place, message, ways_out);
                if matches!(self.peek(), Some(Kind::Proximity(_))) {
                    self.at += 1;
                    if self.starts_operand() {
                        self.primary();
                    }
                }
            }
        }
    }

    /// What is in parentheses, after the first one.
    fn group(&mut self, start: usize) -> Part {
        if self.peek() == Some(&Kind::Close) {
            let (_, end) = self.here();
            self.at += 1;
            self.error(
                (start, end),
                "there is nothing in these parentheses",
                Vec::new(),
            );
            return Self::hole(start, end);
        }
        let part = self.level(Self::or);
        let end = self.close(start, part.end);
        Part {
            start,
            end,
            traits: part.traits.deeper(),
            node: part.node,
        }
    }

    /// The closing parenthesis of what opened at `start`. Returns its end.
    fn close(&mut self, start: usize, end: usize) -> usize {
        if self.peek() == Some(&Kind::Close) {
            let (_, end) = self.here();
            self.at += 1;
            return end;
        }
        let text = self.slice(start, end).to_owned();
        let message = if self.peek() == Some(&Kind::Comma) {
            "a comma stands only in the list of n OF (x, y)".to_owned()
        } else {
            "this ( is never closed".to_owned()
        };
        let place = if self.peek() == Some(&Kind::Comma) {
            self.here()
        } else {
            (start, end)
        };
        self.error(place, message, vec![format!("{text})")]);
        self.skip_group();
        end
    }

    /// Goes on behind the closing parenthesis of the group at hand, or to the end.
    fn skip_group(&mut self) {
        let mut open = 1_usize;
        while open > 0
            && let Some(token) = self.bump()
        {
            match token.kind {
                Kind::Open | Kind::Exact => open += 1,
                Kind::Close => open -= 1,
                _ => {}
            }
        }
    }

    fn with_scope(&mut self, scope: Scope, read: impl FnOnce(&mut Self) -> Part) -> Part {
        let outer = std::mem::replace(&mut self.scope, scope);
        let part = self.level(read);
        self.scope = outer;
        part
    }

    fn within(&mut self, field: TextField, start: usize, end: usize) -> Part {
        if self.value_field().is_some() {
            self.no_value((start, end));
        }
        let part = self.with_scope(Scope::Within, Self::primary);
        Part {
            start,
            end: part.end,
            traits: part.traits.deeper(),
            node: Node::Within {
                field,
                node: Box::new(part.node),
            },
        }
    }

    fn fact(&mut self, field: FactField, start: usize, end: usize) -> Part {
        if self.scope != Scope::Text {
            let message = format!(
                "{}: asks about the article, not about a part of its text",
                field.as_str()
            );
            self.error(
                (start, end),
                message,
                vec![format!("… AND {}:…", field.as_str())],
            );
        }
        let part = self.with_scope(Scope::Fact(field), Self::primary);
        Part { start, ..part }
    }

    const fn value_field(&self) -> Option<FactField> {
        match self.scope {
            Scope::Fact(field) => Some(field),
            Scope::Text | Scope::Within => None,
        }
    }

    /// Something other than a value where a value of a fact is to be.
    fn no_value(&mut self, place: (usize, usize)) {
        let text = self.slice(place.0, place.1).to_owned();
        let field = self.value_field().map_or("", FactField::as_str);
        let message = format!(
            "{text} is no value of {field}:, which takes a word, a phrase, or a group of these"
        );
        self.error(place, message, vec![format!("{field}:\"{text}\"")]);
    }

    fn at_least(&mut self, count: u32, start: usize, end: usize) -> Part {
        if self.value_field().is_some() {
            self.no_value((start, end));
        }
        if count == 0 {
            let ways_out = vec!["ATLEAST/1".to_owned()];
            self.error((start, end), "ATLEAST/0 holds for every article", ways_out);
        }
        let part = self.level(Self::primary);
        if !part.traits.has_places {
            let text = self.slice_of(&part).to_owned();
            let message = format!(
                "{text} has no mentions to count; ATLEAST takes a term, a phrase, cs(), a @concept or an OR group of these"
            );
            self.error((part.start, part.end), message, Vec::new());
        }
        Part {
            start,
            end: part.end,
            traits: Traits {
                has_places: false,
                ground_of_not: Ground::Absence,
                ..part.traits.deeper()
            },
            node: Node::AtLeast {
                count,
                node: Box::new(part.node),
            },
        }
    }

    fn of(&mut self, count: u32, start: usize, end: usize) -> Part {
        if self.value_field().is_some() {
            self.no_value((start, end));
        }
        let open = self.here();
        self.at += 1;
        let mut parts = Vec::new();
        if self.peek() == Some(&Kind::Close) {
            self.at += 1;
            self.error((start, open.1), "the list of OF is empty", Vec::new());
            return Self::hole(start, open.1);
        }
        let last = self.level(|parser| {
            loop {
                let part = parser.or();
                if parser.peek() != Some(&Kind::Comma) {
                    return part;
                }
                parser.at += 1;
                parts.push(part);
            }
        });
        let end_of_list = self.close(open.0, last.end);
        parts.push(last);
        let length = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        if count == 0 || count > length {
            let message =
                format!("{count} OF a list of {length}: the number is to be from 1 to {length}");
            let ways_out = vec![format!("{length} OF"), "1 OF".to_owned()];
            self.error((start, end), message, ways_out);
        }
        // The least that can hold are the weakest ones of the list.
        let mut grounds: Vec<Ground> = parts.iter().map(|part| part.traits.ground).collect();
        grounds.sort_unstable();
        let weakest_choice = grounds.get(count.max(1) as usize - 1).copied();
        let traits = Traits {
            ground: weakest_choice.unwrap_or(Ground::Text),
            ..Traits::over(&parts.iter().map(|part| part.traits))
        };
        Part {
            node: Node::Of {
                count,
                list: parts.into_iter().map(|part| part.node).collect(),
            },
            start,
            end: end_of_list,
            traits,
        }
    }

    /// What follows `cs(`.
    fn exact(&mut self, start: usize) -> Part {
        if self.value_field().is_some() {
            let (_, end) = self.here();
            self.no_value((start, end));
        }
        let place = self.here();
        let Some(Kind::Word(_) | Kind::Phrase { .. }) = self.peek() else {
            let message = "cs() takes one term or one phrase";
            self.error((start, place.1), message, vec!["cs(IRGC)".to_owned()]);
            self.skip_group();
            return Self::hole(start, place.1);
        };
        let part = self.level(Self::primary);
        if self.peek() != Some(&Kind::Close) {
            let from = self.at;
            self.skip_group();
            let end = self
                .tokens
                .get(self.at.min(self.tokens.len()).saturating_sub(1))
                .map_or(part.end, |token| token.end);
            let is_closed = self
                .tokens
                .get(self.at - 1)
                .is_some_and(|token| token.kind == Kind::Close);
            if from < self.tokens.len() && is_closed {
                let inside = self.slice(part.start, end).trim_end_matches(')').to_owned();
                let message = format!("cs() takes one term or one phrase, not {inside}");
                self.error((start, end), message, vec![format!("cs(\"{inside}\")")]);
            } else {
                let text = self.slice(start, part.end).to_owned();
                self.error(
                    (start, part.end),
                    "this ( is never closed",
                    vec![format!("{text})")],
                );
            }
            return Part { start, end, ..part };
        }
        let (_, end) = self.here();
        self.at += 1;
        let node = match part.node {
            Node::Leaf(leaf) => Node::Leaf(Leaf {
                is_exact: true,
                ..leaf
            }),
            other => {
                self.error(
                    (start, end),
                    "cs() takes one term or one phrase",
                    vec!["cs(IRGC)".to_owned()],
                );
                other
            }
        };
        Part {
            node,
            start,
            end,
            traits: part.traits,
        }
    }

    fn concept(&mut self, name: String, place: (usize, usize)) -> Part {
        if self.value_field().is_some() {
            self.no_value(place);
        }
        if self.lexicon.concept(&name).is_none() {
            let ways_out = self
                .lexicon
                .concept_like(&name)
                .map(|near| format!("@{near}"));
            let message = format!("there is no concept @{name}");
            self.error(place, message, ways_out.into_iter().collect());
        }
        Part {
            node: Node::Concept(name),
            start: place.0,
            end: place.1,
            traits: Traits::WORDS,
        }
    }

    fn keyword(&mut self, slug: String, place: (usize, usize)) -> Part {
        if self.value_field().is_some() {
            self.no_value(place);
        }
        let mut traits = Traits::WORDS;
        match self.lexicon.keyword(&slug) {
            Some(Saved::Sound(query)) => {
                traits = Traits {
                    ground_of_not: Ground::Absence,
                    ..query.traits.deeper()
                };
            }
            Some(Saved::Broken) => {
                let message = format!("keyword:{slug} has errors of its own");
                self.error(place, message, Vec::new());
            }
            Some(Saved::Circular) => {
                let message =
                    format!("keyword:{slug} leads in a circle of keywords that name each other");
                self.error(place, message, Vec::new());
            }
            None => {
                let ways_out = self
                    .lexicon
                    .keyword_like(&slug)
                    .map(|near| format!("keyword:{near}"));
                let message = format!("there is no keyword:{slug}");
                self.error(place, message, ways_out.into_iter().collect());
            }
        }
        Part {
            node: Node::Keyword(slug),
            start: place.0,
            end: place.1,
            traits,
        }
    }

    /// A term or a phrase; the value of a fact where one is expected.
    fn words(&mut self, words: String, is_phrase: bool, slop: u32, place: (usize, usize)) -> Part {
        if self.value_field().is_some() {
            return self.value(words, place);
        }
        if let Some(flaw) = flaw_of(&words) {
            self.error(place, flaw.message, flaw.ways_out);
        } else if let Some(sign) = ignored_signs(&words) {
            self.warn(
                place,
                format!("{words}: the sign {sign} is not sought, only letters and digits are"),
            );
        }
        self.warnings.extend(lint::slop(&words, slop, place));
        Part {
            node: Node::Leaf(Leaf {
                words,
                is_phrase,
                slop,
                is_exact: false,
            }),
            start: place.0,
            end: place.1,
            traits: Traits::WORDS,
        }
    }

    fn value(&mut self, value: String, place: (usize, usize)) -> Part {
        let field = self.value_field().unwrap_or(FactField::Source);
        let letters = value.chars().filter(|c| c.is_alphanumeric()).count();
        if letters == 0 || (letters < 2 && value.contains(['*', '?'])) {
            let message = format!(
                "{}:{value}: at least 2 letters or digits are needed",
                field.as_str()
            );
            self.error(place, message, Vec::new());
        }
        self.warnings.extend(lint::value(field, &value, place));
        if field == FactField::Tier
            && let Err(error @ UnknownTier(_)) = value.to_lowercase().parse::<Tier>()
        {
            let ways_out = Tier::ALL
                .iter()
                .map(|tier| format!("tier:{tier}"))
                .collect();
            self.error(place, error.to_string(), ways_out);
        }
        Part {
            node: Node::Fact { field, value },
            start: place.0,
            end: place.1,
            traits: Traits::FACT,
        }
    }

    /// Judges the query as a whole.
    fn finish(mut self, part: Part) -> Result<Query, Vec<QueryError>> {
        let whole = (part.start, part.end);
        if part.traits.levels > MAX_LEVELS {
            self.too_deep(whole);
        }
        if part.traits.leaves > MAX_LEAVES {
            let message = format!(
                "the query has {} leaves, {MAX_LEAVES} are the most",
                part.traits.leaves
            );
            self.error(
                whole,
                message,
                vec!["@concept, for long lists of terms".to_owned()],
            );
        }
        if self.errors.is_empty() {
            self.check_ground(&part);
        }
        if self.errors.is_empty() {
            return Ok(Query {
                root: part.node,
                warnings: self.warnings,
                traits: part.traits,
            });
        }
        self.errors.sort_by_key(|error| (error.start, error.end));
        self.errors.dedup();
        Err(self.errors)
    }

    /// A query must seek something.
    fn check_ground(&mut self, part: &Part) {
        let place = (part.start, part.end);
        let text = self.slice_of(part).to_owned();
        let is_saved = self.purpose == Purpose::SavedKeyword;
        match part.traits.ground {
            Ground::Absence => {
                let message =
                    format!("{text} has no positive term: it would match nearly every article");
                self.error(place, message, vec![format!("* AND {text}")]);
            }
            Ground::Fact if is_saved && !part.traits.seeks_words => {
                let message = format!(
                    "{text} asks about facts alone, so it would store all that a feed carries"
                );
                let grouped = match part.node {
                    Node::Or(_) => format!("({text})"),
                    _ => text,
                };
                self.error(place, message, vec![format!("{grouped} AND *")]);
            }
            Ground::Fact if is_saved => {
                self.warn(
                    place,
                    "one branch asks about facts alone: all that those feeds carry is stored"
                        .to_owned(),
                );
            }
            Ground::Text if part.node == Node::Any && is_saved => {
                self.warn(place, "* stores every article".to_owned());
            }
            Ground::Fact | Ground::Text => {}
        }
    }
}

/// A message, cut where it quotes too much.
fn shortened(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        let end = (0..=LONGEST_MESSAGE)
            .rev()
            .find(|&end| message.is_char_boundary(end));
        message.truncate(end.unwrap_or(0));
        message.push('…');
    }
    message
}

/// Whether a word is an operator but for its capitals: `or`, `near/5`.
fn is_operator_in_small_letters(word: &str) -> bool {
    let capitals = word.to_ascii_uppercase();
    let name = capitals.split('/').next().unwrap_or_default();
    capitals != word
        && (["AND", "OR", "NOT"].contains(&capitals.as_str())
            || (["NEAR", "ONEAR", "ATLEAST"].contains(&name) && name != capitals))
}

/// What a token is to the grammar.
enum Role {
    /// It begins an operand.
    Operand,
    /// It is an operator.
    Operator,
    /// It ends something that began before it.
    End,
}

const fn role_of(kind: Option<&Kind>) -> Role {
    match kind {
        None | Some(Kind::Close | Kind::Comma) => Role::End,
        Some(Kind::And | Kind::Or | Kind::Not | Kind::Proximity(_)) => Role::Operator,
        Some(_) => Role::Operand,
    }
}

fn weakest(parts: &[Part], of: impl Fn(&Traits) -> Ground) -> Ground {
    parts
        .iter()
        .map(|part| of(&part.traits))
        .min()
        .unwrap_or(Ground::Text)
}

fn strongest(parts: &[Part], of: impl Fn(&Traits) -> Ground) -> Ground {
    parts
        .iter()
        .map(|part| of(&part.traits))
        .max()
        .unwrap_or(Ground::Absence)
}

/// Several parts as one node; parts that are such nodes themselves become part of it.
fn joined(
    parts: Vec<Part>,
    traits: Traits,
    make: impl FnOnce(Vec<Node>) -> Node,
    unwrap: impl Fn(Node) -> Result<Vec<Node>, Node>,
) -> Part {
    let start = parts.first().map_or(0, |part| part.start);
    let end = parts.last().map_or(0, |part| part.end);
    let mut nodes = Vec::with_capacity(parts.len());
    for part in parts {
        match unwrap(part.node) {
            Ok(inner) => nodes.extend(inner),
            Err(node) => nodes.push(node),
        }
    }
    Part {
        node: make(nodes),
        start,
        end,
        traits,
    }
}
