//! Dialects: what analysts paste from other systems, written as canonical text that the one parser reads.
//!
//! A dialect says what a run of letters means to it; [`reader`] knows the grammar that they share, [`shape`] writes it
//! down again. What cannot be carried over exactly is noted with its place in the pasted text.

mod brandwatch;
mod factiva;
mod google;
mod lines;
mod meltwater;
mod nexis;
mod reader;
mod shape;

use std::{fmt, str::FromStr};

use super::{
    Lexicon, MAX_BYTES, Purpose, Query, QueryError, Warning,
    ast::{FactField, Proximity, TextField},
    parse,
};

/// A system whose queries can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Words side by side are joined by AND; `-x`, `site:`, `intitle:`, `AROUND(n)`.
    Google,
    /// `NEAR` is `NEAR/4`; `ingress:`.
    Meltwater,
    /// Words side by side are a phrase; `NEAR/nf`, `raw:`.
    Brandwatch,
    /// Operators in any case, words side by side are a phrase; `nearN`, `adjN`, `hd=`.
    Factiva,
    /// OR binds tighter than AND; `w/n`, `pre/n`, `word!`, `HEADLINE()`.
    Nexis,
    /// A list of terms, one a line or parted by commas or semicolons.
    Lines,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 6] = [
        Self::Google,
        Self::Meltwater,
        Self::Brandwatch,
        Self::Factiva,
        Self::Nexis,
        Self::Lines,
    ];

    /// Its name in commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Meltwater => "meltwater",
            Self::Brandwatch => "brandwatch",
            Self::Factiva => "factiva",
            Self::Nexis => "nexis",
            Self::Lines => "lines",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no dialect of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownDialect(pub String);

impl fmt::Display for UnknownDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Dialect::ALL.map(Dialect::as_str).join(", ");
        write!(f, "there is no dialect {:?}, there are {known}", self.0)
    }
}

impl std::error::Error for UnknownDialect {}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownDialect(name.to_owned()))
    }
}

/// A pasted query as canonical text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The text that the parser reads.
    pub text: String,
    /// What was widened, narrowed or dropped, with its place in the pasted text.
    pub notes: Vec<Warning>,
    /// Which bytes of the pasted text became which of `text`, ascending.
    origins: Vec<Origin>,
}

/// A stretch of canonical text, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin {
    start: usize,
    end: usize,
    pasted: (usize, usize),
}

impl Translation {
    /// The warnings of the query that this became, at their places in the pasted text.
    #[must_use]
    pub fn warnings_of(&self, query: &Query) -> Vec<Warning> {
        let placed = |warning: &Warning| {
            let (start, end) = self.pasted(warning.start, warning.end);
            Warning {
                start,
                end,
                message: warning.message.clone(),
            }
        };
        query.warnings().iter().map(placed).collect()
    }

    /// The bytes of the pasted text that became the bytes from `start` to `end`.
    fn pasted(&self, start: usize, end: usize) -> (usize, usize) {
        let end = end.max(start + 1);
        let touched = || {
            let among = self.origins.iter();
            among.filter(move |origin| origin.start < end && origin.end > start)
        };
        let from = touched().map(|origin| origin.pasted.0).min();
        let to = touched().map(|origin| origin.pasted.1).max();
        let last = self.origins.last().map_or(0, |origin| origin.pasted.1);
        (from.unwrap_or(last), to.unwrap_or(last))
    }
}

/// Translates a pasted query.
///
/// # Errors
///
/// What has no meaning in the dialect, with its place. What the canonical grammar refuses is found by [`read`].
pub fn translate(text: &str, dialect: Dialect) -> Result<Translation, Vec<QueryError>> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the query has {} bytes, {MAX_BYTES} are the most",
            text.len()
        );
        return Err(vec![error((0, text.len()), message)]);
    }
    match dialect {
        Dialect::Google => reader::translate(text, &google::GRAMMAR),
        Dialect::Meltwater => reader::translate(text, &meltwater::GRAMMAR),
        Dialect::Brandwatch => reader::translate(text, &brandwatch::GRAMMAR),
        Dialect::Factiva => reader::translate(text, &factiva::GRAMMAR),
        Dialect::Nexis => reader::translate(text, &nexis::GRAMMAR),
        Dialect::Lines => lines::translate(text),
    }
}

/// Translates a pasted query and parses it.
///
/// # Errors
///
/// Everything that is wrong with it, at its place in the pasted text.
pub fn read(
    text: &str,
    dialect: Dialect,
    lexicon: &Lexicon,
    purpose: Purpose,
) -> Result<(Query, Translation), Vec<QueryError>> {
    let translation = translate(text, dialect)?;
    match parse(&translation.text, lexicon, purpose) {
        Ok(query) => Ok((query, translation)),
        Err(errors) => Err(errors
            .into_iter()
            .map(|error| {
                let place = translation.pasted(error.start, error.end);
                let (start, end) = balanced(text, place);
                QueryError {
                    start,
                    end,
                    ..error
                }
            })
            .collect()),
    }
}

/// A place with the parentheses that belong to it: what is written instead takes their place, too.
fn balanced(text: &str, (mut start, mut end): (usize, usize)) -> (usize, usize) {
    let Some(inside) = text.get(start..end) else {
        return (start, end);
    };
    let mut open = 0_i64;
    let mut lowest = 0_i64;
    for letter in inside.chars() {
        open += i64::from(letter == '(') - i64::from(letter == ')');
        lowest = lowest.min(open);
    }
    for _ in lowest..0 {
        let before = text.get(..start).unwrap_or_default().trim_end();
        if !before.ends_with('(') {
            break;
        }
        start = before.len() - 1;
    }
    for _ in 0..open - lowest {
        let after = text.get(end..).unwrap_or_default();
        let bare = after.trim_start();
        if !bare.starts_with(')') {
            break;
        }
        end += after.len() - bare.len() + 1;
    }
    (start, end)
}

fn error((start, end): (usize, usize), message: impl Into<String>) -> QueryError {
    QueryError {
        start,
        end,
        message: message.into(),
        ways_out: Vec::new(),
    }
}

/// How a dialect differs from the others.
struct Grammar {
    /// Whether OR binds tighter than AND and the NEAR family.
    or_is_tight: bool,
    adjacency: Adjacency,
    own: &'static [Own],
    /// What a run of letters means.
    meaning: fn(&str) -> Reading,
    /// Makes a word or the words of a phrase canonical; a note where it is not the same.
    wildcards: fn(&str) -> (String, Option<&'static str>),
}

/// What a system has and others have not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    /// `name(` says something about what is in the parentheses.
    Calls,
    /// `|` is OR, with or without spaces.
    Bars,
    /// `<<<…>>>` is a comment.
    Comments,
    /// A plain word finds its plural.
    Plurals,
}

/// What words side by side mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Adjacency {
    And,
    Phrase,
    /// Nothing: the parser refuses them, with ways out.
    Nothing,
}

/// What a run of letters means, with a note where that is not quite the same here.
struct Reading {
    meaning: Meaning,
    note: Option<String>,
}

impl From<Meaning> for Reading {
    fn from(meaning: Meaning) -> Self {
        Self {
            meaning,
            note: None,
        }
    }
}

impl Meaning {
    fn noted(self, note: impl Into<String>) -> Reading {
        Reading {
            meaning: self,
            note: Some(note.into()),
        }
    }
}

/// What a run of letters means.
enum Meaning {
    And,
    Or,
    Not,
    /// `-x`: the rest of the run is negated.
    Minus(String),
    Near(Proximity),
    /// Says something about what follows; the rest of the run, if any, is that.
    Prefix(Prefix, String),
    /// A word, or a name of this system, which means the same everywhere.
    Word(String),
}

/// What is said about the operand behind it.
#[derive(Clone, Copy)]
enum Prefix {
    Text(TextField),
    Fact(FactField),
    AtLeast(u32),
    /// The letters as written.
    Exact,
    /// The letters as capitals.
    Capitals,
    /// The operand as it is.
    Plain,
    /// No counterpart: the operand is left out.
    Drop,
}

/// The meaning of `field:value` where the field is one of `fields`; none of another word.
fn field(run: &str, sign: char, fields: &[(&str, Prefix)]) -> Option<Meaning> {
    let (name, value) = run.split_once(sign)?;
    fields
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|&(_, prefix)| Meaning::Prefix(prefix, value.to_owned()))
}

/// The number at the end of `run` after `name` in any case: `near5`, `w/5`.
fn numbered(run: &str, name: &str) -> Option<u32> {
    let head = run.get(..name.len())?;
    let digits = run.get(name.len()..)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (head.eq_ignore_ascii_case(name) && is_number).then(|| digits.parse().unwrap_or(u32::MAX))
}

/// AND, OR and NOT in any case.
fn connective(run: &str) -> Option<Meaning> {
    [
        ("and", Meaning::And),
        ("or", Meaning::Or),
        ("not", Meaning::Not),
    ]
    .into_iter()
    .find(|(name, _)| run.eq_ignore_ascii_case(name))
    .map(|(_, meaning)| meaning)
}

/// Wildcards that are canonical already.
fn same_wildcards(words: &str) -> (String, Option<&'static str>) {
    (words.to_owned(), None)
}

#[cfg(test)]
mod tests;
