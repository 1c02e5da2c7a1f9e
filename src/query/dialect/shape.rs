//! The shape of a translated query, and how it is written as canonical text with the places it came from.

use super::{Origin, Translation};
use crate::query::{Warning, ast::Proximity, canonical::Level};

/// The bytes of the pasted text that something was read from.
pub(super) type Place = (usize, usize);

/// A translated query or a part of one.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Could not be carried over.
    Dropped,
    /// A term or a phrase: its words, whether in quotes, other words among them, exact or not.
    Words {
        words: String,
        is_phrase: bool,
        slop: u32,
        is_exact: bool,
        place: Place,
    },
    /// Canonical text as it is: names, values of facts, `*`.
    Verbatim(String, Place),
    /// Parts side by side, which the parser refuses.
    Apart(Vec<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>, Place),
    Near(Box<Self>, Proximity, Box<Self>, Place),
    /// Canonical text that applies to the operand.
    Prefix(String, Box<Self>, Place),
}

impl Shape {
    pub(super) fn words(words: &str, is_phrase: bool, slop: u32, place: Place) -> Self {
        Self::Words {
            words: words.to_owned(),
            is_phrase: is_phrase || !is_bare(words),
            slop,
            is_exact: false,
            place,
        }
    }

    pub(super) const fn is_dropped(&self) -> bool {
        matches!(self, Self::Dropped)
    }

    /// All of the parts, without those that were dropped.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        Self::several(parts, Self::And)
    }

    /// Any of the parts, without those that were dropped.
    pub(super) fn any(parts: Vec<Self>) -> Self {
        Self::several(parts, Self::Or)
    }

    /// The parts with nothing between.
    pub(super) fn apart(parts: Vec<Self>) -> Self {
        Self::several(parts, Self::Apart)
    }

    fn several(mut parts: Vec<Self>, make: fn(Vec<Self>) -> Self) -> Self {
        parts.retain(|part| !part.is_dropped());
        match parts.len() {
            0 => Self::Dropped,
            1 => parts.remove(0),
            _ => make(parts),
        }
    }

    pub(super) fn not(part: Self, place: Place) -> Self {
        if part.is_dropped() {
            return part;
        }
        Self::Not(Box::new(part), place)
    }

    pub(super) fn near(left: Self, proximity: Proximity, right: Self, place: Place) -> Self {
        match (left.is_dropped(), right.is_dropped()) {
            (true, _) => right,
            (_, true) => left,
            _ => Self::Near(Box::new(left), proximity, Box::new(right), place),
        }
    }

    pub(super) fn prefixed(prefix: String, part: Self, place: Place) -> Self {
        if part.is_dropped() {
            return part;
        }
        Self::Prefix(prefix, Box::new(part), place)
    }

    /// The same with exactly these letters, or with all of them capitals.
    pub(super) fn exact(self, as_capitals: bool) -> Self {
        let inside = |parts: Vec<Self>| {
            parts
                .into_iter()
                .map(|part| part.exact(as_capitals))
                .collect()
        };
        match self {
            Self::Words {
                words,
                is_phrase,
                slop,
                place,
                ..
            } => Self::Words {
                words: if as_capitals {
                    words.to_uppercase()
                } else {
                    with_a_capital(words)
                },
                is_phrase,
                slop,
                is_exact: true,
                place,
            },
            Self::Apart(parts) => Self::Apart(inside(parts)),
            Self::And(parts) => Self::And(inside(parts)),
            Self::Or(parts) => Self::Or(inside(parts)),
            Self::Not(part, place) => Self::Not(Box::new(part.exact(as_capitals)), place),
            Self::Prefix(prefix, part, place) => {
                Self::Prefix(prefix, Box::new(part.exact(as_capitals)), place)
            }
            Self::Near(left, proximity, right, place) => Self::Near(
                Box::new(left.exact(as_capitals)),
                proximity,
                Box::new(right.exact(as_capitals)),
                place,
            ),
            Self::Dropped | Self::Verbatim(..) => self,
        }
    }

    const fn level(&self) -> Level {
        match self {
            Self::Or(_) => Level::Or,
            Self::And(_) | Self::Apart(_) => Level::And,
            Self::Not(..) => Level::Not,
            Self::Near(..) => Level::Near,
            Self::Dropped | Self::Words { .. } | Self::Verbatim(..) | Self::Prefix(..) => {
                Level::Primary
            }
        }
    }
}

/// Whether words mean themselves without quotes.
fn is_bare(words: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || !c.is_ascii() || "-_.'*?/&#$%+".contains(c);
    let is_operator = ["AND", "OR", "NOT", "OF"].contains(&words)
        || ["NEAR", "ONEAR", "ATLEAST"]
            .iter()
            .any(|name| words.split('/').next() == Some(name));
    words == "*"
        || (words.chars().all(is_plain)
            && words.starts_with(|c: char| !"-+".contains(c))
            && !is_operator)
}

/// Writes canonical text.
#[derive(Default)]
pub(super) struct Writer {
    text: String,
    origins: Vec<Origin>,
}

impl Writer {
    /// The translation; none if nothing was left.
    pub(super) fn write(shape: &Shape, notes: Vec<Warning>) -> Option<Translation> {
        if shape.is_dropped() {
            return None;
        }
        let mut writer = Self::default();
        writer.shape(shape, Level::Or);
        Some(Translation {
            text: writer.text,
            notes,
            origins: writer.origins,
        })
    }

    fn placed(&mut self, text: &str, pasted: Place) {
        let start = self.text.len();
        self.text.push_str(text);
        self.origins.push(Origin {
            start,
            end: self.text.len(),
            pasted,
        });
    }

    fn shape(&mut self, shape: &Shape, level: Level) {
        let is_loose = shape.level() < level;
        if is_loose {
            self.text.push('(');
        }
        match shape {
            Shape::Dropped => {}
            Shape::Words {
                words,
                is_phrase,
                slop,
                is_exact,
                place,
            } => {
                let quote = if *is_phrase { "\"" } else { "" };
                let slop = if *slop > 0 {
                    format!("~{slop}")
                } else {
                    String::new()
                };
                let words = format!("{quote}{words}{quote}{slop}");
                let whole = if *is_exact {
                    format!("cs({words})")
                } else {
                    words
                };
                self.placed(&whole, *place);
            }
            Shape::Verbatim(text, place) => self.placed(text, *place),
            Shape::Apart(parts) => self.list(parts, " ", Level::Not),
            Shape::And(parts) => self.list(parts, " AND ", Level::Not),
            Shape::Or(parts) => self.list(parts, " OR ", Level::And),
            Shape::Not(part, place) => {
                self.placed("NOT ", *place);
                self.shape(part, Level::Not);
            }
            Shape::Near(left, proximity, right, place) => {
                self.shape(left, Level::Primary);
                self.placed(&format!(" {proximity} "), *place);
                self.shape(right, Level::Primary);
            }
            Shape::Prefix(prefix, part, place) => {
                self.placed(prefix, *place);
                self.shape(part, Level::Primary);
            }
        }
        if is_loose {
            self.text.push(')');
        }
    }

    fn list(&mut self, parts: &[Shape], by: &str, level: Level) {
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                self.text.push_str(by);
            }
            self.shape(part, level);
        }
    }
}

/// Words typed without any capital have to have one to be sought by their letters: each begins with it.
fn with_a_capital(words: String) -> String {
    if words.chars().any(char::is_uppercase) {
        return words;
    }
    words
        .split(' ')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string());
            first.unwrap_or_default() + letters.as_str()
        })
        .collect::<Vec<_>>()
        .join(" ")
}
