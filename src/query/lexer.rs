//! The lexer: from the text of a query to its tokens, each with its bytes.
//!
//! What word processors make of quotes, spaces and dashes is undone here, so that nothing after it knows of them.

use super::{
    MAX_NUMBER,
    ast::{Field, Proximity},
    error::QueryError,
};

/// The most characters that an error quotes of what stands behind it.
const MOST_QUOTED: usize = 100;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
    Proximity(Proximity),
    AtLeast(u32),
    /// `n OF`, of which the list follows.
    Of(u32),
    /// `cs(`, parenthesis included.
    Exact,
    /// `field:`
    Field(Field),
    /// The bare value of a fact.
    Value(String),
    Concept(String),
    Keyword(String),
    Phrase {
        words: String,
        slop: u32,
    },
    Word(String),
}

/// A token with its bytes in the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Reads all tokens; what cannot be one is reported and left out.
pub(super) fn lex(text: &str) -> (Vec<Token>, Vec<QueryError>) {
    let mut chars = Vec::with_capacity(text.len());
    let normal = |(at, c): (usize, char)| Some((at, at + c.len_utf8(), normalised(c)?));
    chars.extend(text.char_indices().filter_map(normal));
    let mut lexer = Lexer {
        chars,
        length: text.len(),
        at: 0,
        tokens: Vec::new(),
        errors: Vec::new(),
    };
    while lexer.step() {}
    (lexer.tokens, lexer.errors)
}

/// The character as the grammar knows it; none for those that word processors leave behind unseen.
pub(super) fn normalised(c: char) -> Option<char> {
    Some(match c {
        '“' | '”' | '„' | '‟' | '«' | '»' | '＂' | '″' => '"',
        '‘' | '’' | '‚' | '‛' | '＇' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' => '-',
        '（' => '(',
        '）' => ')',
        '，' => ',',
        '：' => ':',
        '＊' => '*',
        '？' => '?',
        '～' => '~',
        '＠' => '@',
        '\u{AD}'
        | '\u{200B}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' => return None,
        c if c.is_whitespace() || c.is_control() => ' ',
        c => c,
    })
}

struct Lexer {
    /// The characters that count, each with its bytes in the query.
    chars: Vec<(usize, usize, char)>,
    length: usize,
    at: usize,
    tokens: Vec<Token>,
    errors: Vec<QueryError>,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).map(|&(_, _, c)| c)
    }

    /// The byte of the query at which the `at`th character begins.
    fn byte(&self, at: usize) -> usize {
        self.chars.get(at).map_or(self.length, |&(byte, _, _)| byte)
    }

    /// One past the last byte of the character before the `at`th.
    fn byte_before(&self, at: usize) -> usize {
        let before = at.checked_sub(1).and_then(|before| self.chars.get(before));
        before.map_or(0, |&(_, end, _)| end)
    }

    fn push(&mut self, kind: Kind, from: usize) {
        self.tokens.push(Token {
            kind,
            start: self.byte(from),
            end: self.byte_before(self.at),
        });
    }

    fn error(&mut self, from: usize, message: String, ways_out: Vec<String>) {
        self.errors.push(QueryError {
            start: self.byte(from),
            end: self.byte_before(self.at),
            message,
            ways_out,
        });
    }

    /// Reads one token; false at the end.
    fn step(&mut self) -> bool {
        let from = self.at;
        let Some(c) = self.peek() else {
            return false;
        };
        match c {
            ' ' => self.at += 1,
            '(' => self.single(Kind::Open),
            ')' => self.single(Kind::Close),
            ',' => self.single(Kind::Comma),
            '"' => self.phrase(),
            _ => self.run(from),
        }
        true
    }

    fn single(&mut self, kind: Kind) {
        let from = self.at;
        self.at += 1;
        self.push(kind, from);
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek()
            && keep(c)
        {
            taken.push(c);
            self.at += 1;
        }
        taken
    }

    fn phrase(&mut self) {
        let from = self.at;
        self.at += 1;
        let inside = self.take_while(|c| c != '"');
        let words = inside.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.peek().is_none() {
            let way = format!("\"{words}\"");
            self.error(
                from,
                format!("the quote in \"{words} is never closed"),
                vec![way],
            );
            return;
        }
        self.at += 1;
        let slop = self.slop(&words, from);
        self.push(Kind::Phrase { words, slop }, from);
    }

    /// The `~n` after a phrase; 0 without one.
    fn slop(&mut self, words: &str, from: usize) -> u32 {
        if self.peek() != Some('~') {
            return 0;
        }
        self.at += 1;
        let number = self.take_while(|c| !ends_word(c));
        match limited(&number) {
            Ok(slop) => slop,
            Err(reason) => {
                let way = format!("\"{words}\"~5");
                self.error(from, format!("\"{words}\"~{number}: {reason}"), vec![way]);
                0
            }
        }
    }

    /// A run of characters without spaces, or a field up to its colon.
    fn run(&mut self, from: usize) {
        let mut run = self.take_while(|c| !ends_word(c) && c != ':');
        if self.peek() == Some(':') {
            if !run.is_empty() && run.chars().all(|c| c.is_alphabetic() || c == '_') {
                self.at += 1;
                self.field(&run, from);
                return;
            }
            run.push_str(&self.take_while(|c| !ends_word(c)));
        }
        self.word(run, from);
    }

    /// What a run of characters without spaces, quotes, commas and parentheses is.
    fn word(&mut self, word: String, from: usize) {
        match word.as_str() {
            "AND" => self.push(Kind::And, from),
            "OR" => self.push(Kind::Or, from),
            "NOT" => self.not(from),
            _ if word.eq_ignore_ascii_case("cs") && self.peek() == Some('(') => {
                self.at += 1;
                self.push(Kind::Exact, from);
            }
            _ if word.starts_with('@') => {
                let name = word.chars().skip(1).collect::<String>().to_lowercase();
                self.push(Kind::Concept(name), from);
            }
            _ => {
                if !self.operator(&word, from) && !self.of(&word, from) {
                    self.term(word, from);
                }
            }
        }
    }

    /// `NOT`, or `NOT NEAR/n`.
    fn not(&mut self, from: usize) {
        let after_not = self.at;
        let spaces = self.take_while(|c| c == ' ').len();
        let next_from = self.at;
        let next = self.take_while(|c| !ends_word(c));
        if spaces > 0 && (next == "NEAR" || next.starts_with("NEAR/")) {
            match number_after_slash(&next, "NEAR") {
                Ok(n) => self.push(Kind::Proximity(Proximity::NotNear(n)), from),
                Err(reason) => {
                    let message = format!("NOT {next}: {reason}");
                    self.error(next_from, message, vec!["NOT NEAR/10".to_owned()]);
                    self.push(Kind::Proximity(Proximity::NotNear(0)), from);
                }
            }
            return;
        }
        self.at = after_not;
        self.push(Kind::Not, from);
    }

    /// An operator with a number or a letter after a slash. True if it was one, well written or not.
    fn operator(&mut self, word: &str, from: usize) -> bool {
        let name = word.split('/').next().unwrap_or_default();
        let kind = match (name, word) {
            (_, "NEAR/S") => Ok(Kind::Proximity(Proximity::Sentence)),
            (_, "NEAR/P") => Ok(Kind::Proximity(Proximity::Paragraph)),
            ("NEAR", _) => {
                number_after_slash(word, name).map(|n| Kind::Proximity(Proximity::Near(n)))
            }
            ("ONEAR", _) => {
                number_after_slash(word, name).map(|n| Kind::Proximity(Proximity::Ordered(n)))
            }
            ("ATLEAST", _) => number_after_slash(word, name).map(Kind::AtLeast),
            _ => return false,
        };
        match kind {
            Ok(kind) => self.push(kind, from),
            Err(reason) => {
                let example = if name == "ATLEAST" { 2 } else { 10 };
                let ways_out = vec![format!("{name}/{example}"), format!("\"{word}\"")];
                self.error(from, format!("{word}: {reason}"), ways_out);
                self.push(
                    match name {
                        "ATLEAST" => Kind::AtLeast(1),
                        _ => Kind::Proximity(Proximity::Near(0)),
                    },
                    from,
                );
            }
        }
        true
    }

    /// `n OF` before a parenthesis.
    fn of(&mut self, word: &str, from: usize) -> bool {
        if !word.chars().all(|c| c.is_ascii_digit()) {
            return false;
        }
        let after_number = self.at;
        let spaces = self.take_while(|c| c == ' ').len();
        let of = self.take_while(|c| !ends_word(c));
        let after_of = self.at;
        self.take_while(|c| c == ' ');
        let is_of = spaces > 0 && of == "OF" && self.peek() == Some('(');
        self.at = if is_of { after_of } else { after_number };
        if is_of {
            self.push(Kind::Of(word.parse().unwrap_or(u32::MAX)), from);
        }
        is_of
    }

    /// `field:`, read up to the colon, and the value of a fact right behind it.
    fn field(&mut self, name: &str, from: usize) {
        if name.eq_ignore_ascii_case("keyword") {
            let slug = self.take_while(|c| !ends_word(c)).to_lowercase();
            self.push(Kind::Keyword(slug), from);
            return;
        }
        let Some(field) = Field::named(name) else {
            self.unknown_field(name, from);
            return;
        };
        self.push(Kind::Field(field), from);
        let value_from = self.at;
        if matches!(field, Field::Fact(_)) && self.peek().is_some_and(|c| !ends_word(c)) {
            let value = self.take_while(|c| !matches!(c, ' ' | ')' | '"' | ','));
            self.push(Kind::Value(value), value_from);
        }
    }

    fn unknown_field(&mut self, name: &str, from: usize) {
        let behind = self.chars.get(self.at..).unwrap_or_default();
        let value: String = behind
            .iter()
            .map(|&(_, _, c)| c)
            .take_while(|&c| !ends_word(c))
            .take(MOST_QUOTED)
            .collect();
        let known: Vec<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
        let near = nearest(name, known.iter().copied());
        let mut ways_out: Vec<String> = near
            .map(|near| format!("{near}:{value}"))
            .into_iter()
            .collect();
        ways_out.push(format!("\"{name}:{value}\""));
        let message = format!(
            "there is no field {name}:, the fields are {} and keyword",
            known.join(", ")
        );
        self.error(from, message, ways_out);
    }

    fn term(&mut self, word: String, from: usize) {
        if let Some((before, after)) = word.split_once('~') {
            let message = format!(
                "{word}: ~ stands after a phrase, and says how many other words may be among its words"
            );
            let ways_out = vec![format!(
                "\"{before} …\"~{}",
                if after.is_empty() { "5" } else { after }
            )];
            self.error(from, message, ways_out);
            return;
        }
        if let Some(rest) = word.strip_prefix(['-', '+', '!'])
            && rest.chars().any(char::is_alphanumeric)
        {
            let way = if word.starts_with('+') {
                rest.to_owned()
            } else {
                format!("NOT {rest}")
            };
            let message = format!("{word}: a sign before a word has no meaning here");
            self.error(from, message, vec![way, format!("\"{word}\"")]);
            self.push(Kind::Word(rest.to_owned()), from);
            return;
        }
        self.push(Kind::Word(word), from);
    }
}

/// Whether a character ends a run of other characters.
const fn ends_word(c: char) -> bool {
    matches!(c, ' ' | '(' | ')' | '"' | ',')
}

/// The number of `NEAR/5`.
fn number_after_slash(word: &str, name: &str) -> Result<u32, String> {
    match word
        .get(name.len()..)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        Some(number) => limited(number),
        None => Err("a slash and a number must follow".to_owned()),
    }
}

/// A number within the limit.
fn limited(number: &str) -> Result<u32, String> {
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
        return Err("a number must follow".to_owned());
    }
    number
        .parse()
        .ok()
        .filter(|&n| n <= MAX_NUMBER)
        .ok_or_else(|| format!("the number may be {MAX_NUMBER} at most"))
}

/// The name that `wrong` was perhaps meant to be.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    names
        .filter(|name| name.len().abs_diff(wrong.len()) <= 4)
        .map(|name| {
            (
                strsim::damerau_levenshtein(&wrong, &name.to_lowercase()),
                name,
            )
        })
        .filter(|&(distance, name)| distance <= 2 && distance < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

/// The slugs after `keyword:` in a text, in lower case.
pub(super) fn keyword_references(text: &str) -> Vec<String> {
    // Few queries name fields at all.
    if !text.contains(':') && !text.contains('：') {
        return Vec::new();
    }
    let (tokens, _) = lex(text);
    tokens
        .into_iter()
        .filter_map(|token| match token.kind {
            Kind::Keyword(slug) => Some(slug),
            _ => None,
        })
        .collect()
}

/// The names after `@` in a text, in lower case.
pub(super) fn concept_references(text: &str) -> Vec<String> {
    if !text.contains('@') && !text.contains('＠') {
        return Vec::new();
    }
    let (tokens, _) = lex(text);
    tokens
        .into_iter()
        .filter_map(|token| match token.kind {
            Kind::Concept(name) => Some(name),
            _ => None,
        })
        .collect()
}

/// Whether a text asks for facts.
pub(super) fn asks_for_facts(text: &str) -> bool {
    if !text.contains(':') && !text.contains('：') {
        return false;
    }
    let (tokens, _) = lex(text);
    tokens
        .iter()
        .any(|token| matches!(token.kind, Kind::Field(Field::Fact(_))))
}
