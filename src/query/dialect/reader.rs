//! The reader that the dialects share: from pasted text by way of tokens to a shape, with its places.

use super::{
    Adjacency, Grammar, Meaning, Own, Prefix, Reading, Translation, error,
    shape::{Place, Shape, Writer},
};
use crate::query::{MAX_LEVELS, QueryError, Warning, ast::Proximity, lexer::normalised};

/// What is an operator in one system or the other, or in this one with a number or a sign directly behind it.
const OPERATOR_LIKE: [&str; 14] = [
    "and", "or", "not", "near", "onear", "adj", "pre", "w", "within", "same", "atleast", "date",
    "length", "around",
];

/// Translates by the rules of `grammar`.
pub(super) fn translate(text: &str, grammar: &Grammar) -> Result<Translation, Vec<QueryError>> {
    let mut lexer = Lexer {
        chars: text
            .char_indices()
            .filter_map(|(at, c)| normalised(c).map(|normal| (at, at + c.len_utf8(), normal)))
            .collect(),
        at: 0,
        grammar,
        tokens: Vec::new(),
        notes: Vec::new(),
    };
    let read = lexer.read().and_then(|()| {
        lexer.note_plurals();
        let mut reader = Reader {
            text,
            grammar,
            tokens: &lexer.tokens,
            at: 0,
            levels: 0,
            notes: std::mem::take(&mut lexer.notes),
        };
        let shape = reader.whole()?;
        let nothing = || error((0, text.len()), "nothing is left of the query");
        Writer::write(&shape, reader.notes).ok_or_else(nothing)
    });
    read.map_err(|error| vec![error])
}

#[derive(Debug, Clone)]
enum Kind {
    Open,
    Close,
    And,
    Or,
    Not,
    Near(Proximity),
    Prefix(PrefixToken),
    Operand(Shape),
}

/// A prefix with its name for messages.
#[derive(Debug, Clone, Copy)]
enum PrefixToken {
    Minus,
    Said(Prefix),
}

impl std::fmt::Debug for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl Prefix {
    /// What canonical text has in its place.
    fn canonical(self) -> String {
        match self {
            Self::Text(field) => format!("{}:", field.as_str()),
            Self::Fact(field) => format!("{}:", field.as_str()),
            Self::AtLeast(n) => format!("ATLEAST/{n} "),
            Self::Exact | Self::Capitals | Self::Plain | Self::Drop => String::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    place: Place,
}

struct Lexer<'a> {
    /// The characters that count, each with its bytes.
    chars: Vec<(usize, usize, char)>,
    at: usize,
    grammar: &'a Grammar,
    tokens: Vec<Token>,
    notes: Vec<Warning>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).map(|&(_, _, c)| c)
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let taken: String = rest
            .iter()
            .map(|&(_, _, c)| c)
            .take_while(|&c| keep(c))
            .collect();
        self.at += taken.chars().count();
        taken
    }

    /// The bytes from the `from`th character to here.
    fn place(&self, from: usize) -> Place {
        let start = self.chars.get(from).map_or(0, |&(start, _, _)| start);
        let last = self.at.checked_sub(1).and_then(|last| self.chars.get(last));
        (start, last.map_or(start, |&(_, end, _)| end.max(start)))
    }

    fn push(&mut self, kind: Kind, from: usize) {
        let place = self.place(from);
        self.tokens.push(Token { kind, place });
    }

    fn note(&mut self, from: usize, message: impl Into<String>) {
        let (start, end) = self.place(from);
        self.notes.push(Warning {
            start,
            end,
            message: message.into(),
        });
    }

    fn read(&mut self) -> Result<(), QueryError> {
        while let Some(c) = self.peek() {
            let from = self.at;
            match c {
                ' ' => self.at += 1,
                '(' | ')' => {
                    self.at += 1;
                    self.push(if c == '(' { Kind::Open } else { Kind::Close }, from);
                }
                ',' => {
                    self.at += 1;
                    self.note(from, "the comma is not read");
                }
                '"' => self.phrase()?,
                '|' if self.grammar.own.contains(&Own::Bars) => {
                    self.at += 1;
                    self.push(Kind::Or, from);
                }
                '<' if self.grammar.own.contains(&Own::Comments) && self.is_at("<<<") => {
                    self.comment(from);
                }
                _ => self.run(from),
            }
        }
        Ok(())
    }

    /// Notes once, at the first of them, that plain words are found without their plurals.
    fn note_plurals(&mut self) {
        let is_plain = |token: &&Token| {
            matches!(&token.kind, Kind::Operand(Shape::Words { words, .. })
                if !words.contains(['*', '?']) && words.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' '))
        };
        if self.grammar.own.contains(&Own::Plurals)
            && let Some(token) = self.tokens.iter().find(is_plain)
        {
            let (start, end) = token.place;
            self.notes.push(Warning {
                start,
                end,
                message: "words are found without their plurals, word* has them: narrower"
                    .to_owned(),
            });
        }
    }

    fn is_at(&self, sign: &str) -> bool {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        sign.chars()
            .enumerate()
            .all(|(ahead, c)| rest.get(ahead).is_some_and(|&(_, _, other)| other == c))
    }

    /// `<<<…>>>`, to its end or that of the query.
    fn comment(&mut self, from: usize) {
        while self.at < self.chars.len() && !self.is_at(">>>") {
            self.at += 1;
        }
        self.at = (self.at + 3).min(self.chars.len());
        self.note(from, "the comment is left out");
    }

    /// A phrase in quotes, with the `~n` behind it.
    fn phrase(&mut self) -> Result<(), QueryError> {
        let from = self.at;
        self.at += 1;
        let inside = self.take_while(|c| c != '"');
        if self.peek().is_none() {
            return Err(error(self.place(from), "the quote is never closed"));
        }
        self.at += 1;
        let mut slop = 0;
        if self.peek() == Some('~') {
            self.at += 1;
            let number = self.take_while(|c| c.is_ascii_digit());
            slop = number.parse().map_err(|_| {
                error(
                    self.place(from),
                    "a number of at most a thousand must follow ~",
                )
            })?;
            self.note(
                from,
                "the words are found in this order only: narrower where any order was meant",
            );
        }
        // Here a star alone stands for a word; it becomes room for one.
        let stars = inside.split(' ').filter(|word| *word == "*").count();
        if stars > 0 {
            slop += u32::try_from(stars).unwrap_or(u32::MAX);
            self.note(
                from,
                "* among the words is read as room for a word that may be missing: wider",
            );
        }
        let words: Vec<&str> = inside
            .split(' ')
            .filter(|word| !word.is_empty() && *word != "*")
            .collect();
        let words = self.canonical(&words.join(" "), from);
        let place = self.place(from);
        self.push(Kind::Operand(Shape::words(&words, true, slop, place)), from);
        Ok(())
    }

    /// Words with canonical wildcards.
    fn canonical(&mut self, words: &str, from: usize) -> String {
        let (words, note) = (self.grammar.wildcards)(words);
        if let Some(note) = note {
            self.note(from, note);
        }
        words
    }

    /// A run of letters, with the number in parentheses of `AROUND(5)`, or the parenthesis of `HEADLINE(`.
    fn run(&mut self, from: usize) {
        let bar = self.grammar.own.contains(&Own::Bars).then_some('|');
        let mut run =
            self.take_while(|c| !matches!(c, ' ' | '(' | ')' | '"' | ',') && Some(c) != bar);
        let mut has_call = false;
        if self.peek() == Some('(') {
            let behind = self.at;
            self.at += 1;
            if run == "AROUND" {
                let number = self.take_while(|c| c.is_ascii_digit() || c == ' ');
                if self.peek() == Some(')') {
                    self.at += 1;
                    run = format!("AROUND({})", number.trim());
                } else {
                    self.at = behind;
                }
            } else {
                has_call = self.grammar.own.contains(&Own::Calls);
                self.at = behind;
            }
        }
        if has_call {
            let reading = (self.grammar.meaning)(&format!("{run}("));
            if matches!(reading.meaning, Meaning::Prefix(..)) {
                self.meant(reading, from);
                return;
            }
        }
        let is_dash = run.chars().all(|c| c == '-');
        if is_dash && !matches!(self.peek(), Some('(' | '"')) {
            self.note(from, "the dash is not read");
            return;
        }
        let is_name = run.starts_with('@')
            || run
                .get(..8)
                .is_some_and(|head| head.eq_ignore_ascii_case("keyword:"));
        if is_name {
            let place = self.place(from);
            self.push(Kind::Operand(Shape::Verbatim(run, place)), from);
            return;
        }
        let reading = (self.grammar.meaning)(&run);
        self.meant(reading, from);
    }

    fn meant(&mut self, Reading { meaning, note }: Reading, from: usize) {
        if let Some(note) = note {
            self.note(from, note);
        }
        match meaning {
            Meaning::And => self.push(Kind::And, from),
            Meaning::Or => self.push(Kind::Or, from),
            Meaning::Not => self.push(Kind::Not, from),
            Meaning::Near(proximity) => self.push(Kind::Near(proximity), from),
            Meaning::Minus(rest) => {
                self.push(Kind::Prefix(PrefixToken::Minus), from);
                if !rest.is_empty() {
                    let reading = (self.grammar.meaning)(rest.trim_start_matches('-'));
                    self.meant(reading, from);
                }
            }
            Meaning::Prefix(prefix, rest) => {
                self.push(Kind::Prefix(PrefixToken::Said(prefix)), from);
                if !rest.is_empty() {
                    self.word(&rest, from);
                }
            }
            Meaning::Word(word) => self.word(&word, from),
        }
    }

    fn word(&mut self, word: &str, from: usize) {
        let word = self.canonical(word, from);
        let place = self.place(from);
        // What looks like a field is left to the parser, which knows the fields and says so.
        let shape = if word.contains(':') {
            Shape::Verbatim(word, place)
        } else {
            Shape::words(&word, false, 0, place)
        };
        self.push(Kind::Operand(shape), from);
    }
}

struct Reader<'a> {
    text: &'a str,
    grammar: &'a Grammar,
    tokens: &'a [Token],
    at: usize,
    levels: usize,
    notes: Vec<Warning>,
}

type Read = Result<Shape, QueryError>;

impl Reader<'_> {
    fn kind(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }

    fn place(&self) -> Place {
        let end = (self.text.len(), self.text.len());
        self.tokens.get(self.at).map_or(end, |token| token.place)
    }

    fn slice(&self, (start, end): Place) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn note(&mut self, (start, end): Place, message: String) {
        self.notes.push(Warning {
            start,
            end,
            message,
        });
    }

    fn whole(&mut self) -> Read {
        if self.tokens.is_empty() {
            return Err(error((0, self.text.len()), "the query is empty"));
        }
        let shape = self.loosest()?;
        if self.at < self.tokens.len() {
            let place = self.place();
            let message = match self.kind(0) {
                Some(Kind::Close) => "this ) closes nothing".to_owned(),
                _ => format!("{} cannot stand here", self.slice(place)),
            };
            return Err(error(place, message));
        }
        Ok(shape)
    }

    /// What binds least tightly.
    fn loosest(&mut self) -> Read {
        if self.grammar.or_is_tight {
            self.and_not()
        } else {
            self.list(|kind| matches!(kind, Kind::Or), Self::and, Shape::any)
        }
    }

    /// Parts with an operator between.
    fn list(
        &mut self,
        is_operator: fn(&Kind) -> bool,
        part: fn(&mut Self) -> Read,
        make: fn(Vec<Shape>) -> Shape,
    ) -> Read {
        let mut parts = vec![part(self)?];
        while self.kind(0).is_some_and(is_operator) {
            self.at += 1;
            parts.push(part(self)?);
        }
        Ok(make(parts))
    }

    /// AND NOT where it binds least of all: it takes everything behind it up to the next.
    fn and_not(&mut self) -> Read {
        let mut parts = vec![self.and()?];
        loop {
            let place = self.place();
            match (self.kind(0), self.kind(1)) {
                (Some(Kind::And), Some(Kind::Not)) => self.at += 2,
                (Some(Kind::Not), _) => self.at += 1,
                _ => break,
            }
            let part = self.and()?;
            if matches!(part, Shape::And(_)) {
                self.note(
                    place,
                    "AND NOT binds least: all that follows it is left out".to_owned(),
                );
            }
            parts.push(Shape::not(part, place));
        }
        Ok(Shape::all(parts))
    }

    fn and(&mut self) -> Read {
        let part = |reader: &mut Self| {
            if reader.grammar.or_is_tight {
                reader.near()
            } else {
                reader.negated()
            }
        };
        let mut parts = vec![part(self)?];
        loop {
            match (self.kind(0), self.kind(1)) {
                (Some(Kind::And), Some(Kind::Not)) if self.grammar.or_is_tight => break,
                (Some(Kind::And), _) => self.at += 1,
                (Some(Kind::Not), _) if !self.grammar.or_is_tight => {}
                _ if self.grammar.adjacency == Adjacency::And && self.starts_operand() => {}
                _ => break,
            }
            parts.push(part(self)?);
        }
        Ok(Shape::all(parts))
    }

    fn negated(&mut self) -> Read {
        if !matches!(self.kind(0), Some(Kind::Not)) {
            return self.near();
        }
        let place = self.place();
        self.at += 1;
        let part = self.level(Self::negated)?;
        Ok(Shape::not(part, place))
    }

    /// The NEAR family; a chain groups from the left.
    fn near(&mut self) -> Read {
        let operand = |reader: &mut Self| {
            if reader.grammar.or_is_tight {
                reader.list(
                    |kind| matches!(kind, Kind::Or),
                    Self::side_by_side,
                    Shape::any,
                )
            } else {
                reader.side_by_side()
            }
        };
        let mut left = operand(self)?;
        let mut links = 0;
        loop {
            let place = self.place();
            let proximity = match (self.kind(0), self.kind(1)) {
                (Some(Kind::Near(proximity)), _) => *proximity,
                (Some(Kind::Not), Some(Kind::Near(Proximity::Near(n) | Proximity::Ordered(n)))) => {
                    let proximity = Proximity::NotNear(*n);
                    self.at += 1;
                    proximity
                }
                _ => return Ok(left),
            };
            self.at += 1;
            links += 1;
            if links > MAX_LEVELS {
                return Err(error(
                    place,
                    format!("a chain has {MAX_LEVELS} operators at most"),
                ));
            }
            if links == 2 {
                self.note(
                    place,
                    "the chain is read from the left: (a NEAR b) NEAR c".to_owned(),
                );
            }
            let right = operand(self)?;
            left = Shape::near(left, proximity, right, place);
        }
    }

    fn starts_operand(&self) -> bool {
        matches!(
            self.kind(0),
            Some(Kind::Open | Kind::Prefix(_) | Kind::Operand(_))
        )
    }

    /// Operands with nothing between, where that is a phrase or an error.
    fn side_by_side(&mut self) -> Read {
        let (start, _) = self.place();
        let first = self.at;
        let mut parts = vec![self.primary()?];
        if self.grammar.adjacency == Adjacency::And {
            return Ok(parts.remove(0));
        }
        while self.starts_operand() {
            let next = self.primary()?;
            if self.grammar.adjacency == Adjacency::Phrase
                && let Some(joined) = parts.last().and_then(|last| phrase(last, &next))
            {
                parts.pop();
                parts.push(joined);
            } else {
                parts.push(next);
            }
        }
        self.note_lookalikes(first);
        if parts.len() == 1 || self.grammar.adjacency == Adjacency::Nothing {
            return Ok(Shape::apart(parts));
        }
        let end = self
            .at
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last));
        let place = (start, end.map_or(start, |token| token.place.1));
        let are_places = parts
            .iter()
            .all(|part| matches!(part, Shape::Words { .. } | Shape::Or(_) | Shape::Near(..)));
        if !are_places {
            self.note(
                place,
                "what stands side by side is joined by AND".to_owned(),
            );
            return Ok(Shape::all(parts));
        }
        if parts.len() > MAX_LEVELS {
            return Err(error(
                place,
                format!("{} groups stand side by side", parts.len()),
            ));
        }
        self.note(
            place,
            "side by side with a group is read as ONEAR/0".to_owned(),
        );
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or(Shape::Dropped);
        Ok(parts.fold(first, |left, right| {
            Shape::near(left, Proximity::Ordered(0), right, place)
        }))
    }

    /// Notes the words of a phrase that look as if an operator was meant, from the token numbered `first` on.
    fn note_lookalikes(&mut self, first: usize) {
        if self.grammar.adjacency != Adjacency::Phrase || self.at < first + 2 {
            return;
        }
        let places: Vec<Place> = self
            .tokens
            .get(first..self.at)
            .unwrap_or_default()
            .iter()
            .filter(|token| matches!(token.kind, Kind::Operand(Shape::Words { .. })))
            .map(|token| token.place)
            .filter(|&place| {
                let word = self.slice(place);
                OPERATOR_LIKE
                    .iter()
                    .any(|like| word.eq_ignore_ascii_case(like))
            })
            .collect();
        for place in places {
            let word = self.slice(place).to_owned();
            self.note(
                place,
                format!("{word} is read as a word of the phrase, not as an operator: narrower"),
            );
        }
    }

    /// Reads with one more level open.
    fn level(&mut self, read: impl FnOnce(&mut Self) -> Read) -> Read {
        if self.levels >= 2 * MAX_LEVELS {
            let message =
                format!("the query is nested too deeply, {MAX_LEVELS} levels are the most");
            return Err(error(self.place(), message));
        }
        self.levels += 1;
        let shape = read(self);
        self.levels -= 1;
        shape
    }

    fn primary(&mut self) -> Read {
        let place = self.place();
        let Some(token) = self.tokens.get(self.at) else {
            let before = self
                .at
                .checked_sub(1)
                .and_then(|last| self.tokens.get(last));
            let before = before.map_or(place, |token| token.place);
            return Err(error(
                before,
                format!("something must follow {}", self.slice(before)),
            ));
        };
        match &token.kind {
            Kind::Operand(shape) => {
                self.at += 1;
                Ok(shape.clone())
            }
            Kind::Open => {
                self.at += 1;
                let shape = self.level(Self::loosest)?;
                if !matches!(self.kind(0), Some(Kind::Close)) {
                    return Err(error(place, "this ( is never closed"));
                }
                self.at += 1;
                Ok(shape)
            }
            Kind::Prefix(prefix) => {
                self.at += 1;
                let prefix = *prefix;
                self.level(|reader| reader.prefixed(prefix, place))
            }
            Kind::Not => {
                self.at += 1;
                let part = self.level(Self::primary)?;
                Ok(Shape::not(part, place))
            }
            Kind::And | Kind::Or | Kind::Near(_) | Kind::Close => Err(error(
                place,
                format!("something is missing before {}", self.slice(place)),
            )),
        }
    }

    fn prefixed(&mut self, prefix: PrefixToken, place: Place) -> Read {
        let takes_phrase = matches!(prefix, PrefixToken::Said(Prefix::AtLeast(_)));
        let part = if takes_phrase && matches!(self.kind(0), Some(Kind::Operand(_))) {
            self.side_by_side()?
        } else {
            self.primary()?
        };
        let end = self
            .at
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last));
        let whole = (place.0, end.map_or(place.1, |token| token.place.1));
        let said = match prefix {
            PrefixToken::Minus => return Ok(Shape::not(part, place)),
            PrefixToken::Said(said) => said,
        };
        Ok(match said {
            Prefix::Plain => part,
            Prefix::Exact => part.exact(false),
            Prefix::Capitals => part.exact(true),
            Prefix::Drop => {
                let text = self.slice(whole).to_owned();
                self.note(whole, format!("{text} has no counterpart and is left out"));
                Shape::Dropped
            }
            Prefix::Text(_) | Prefix::Fact(_) | Prefix::AtLeast(_) => {
                Shape::prefixed(said.canonical(), part, place)
            }
        })
    }
}

/// Two operands side by side as one phrase, if both are words.
fn phrase(left: &Shape, right: &Shape) -> Option<Shape> {
    match (left, right) {
        (
            Shape::Words {
                words: a,
                slop: 0,
                is_exact: false,
                place: from,
                ..
            },
            Shape::Words {
                words: b,
                slop: 0,
                is_exact: false,
                place: to,
                ..
            },
        ) => Some(Shape::words(&format!("{a} {b}"), true, 0, (from.0, to.1))),
        _ => None,
    }
}
