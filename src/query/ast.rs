//! The syntax tree of a query: what was written, as the parser understood it.

use std::fmt;

/// A query or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `*`: any article.
    Any,
    /// A term, a phrase or `cs()` of one.
    Leaf(Leaf),
    /// `@name`, in lower case.
    Concept(String),
    /// `keyword:slug`, in lower case.
    Keyword(String),
    /// `source:x` and its like.
    Fact {
        /// What is asked about.
        field: FactField,
        /// What it is to be, as written.
        value: String,
    },
    /// `title:x` and its like.
    Within {
        /// The part of the text.
        field: TextField,
        /// What is sought there.
        node: Box<Node>,
    },
    /// `NOT x`.
    Not(Box<Node>),
    /// `x AND y …`, two at least, none of them an `And`.
    And(Vec<Node>),
    /// `x OR y …`, two at least, none of them an `Or`.
    Or(Vec<Node>),
    /// `x NEAR/n y` and its family.
    Near {
        /// The operator.
        proximity: Proximity,
        /// Its left side.
        left: Box<Node>,
        /// Its right side.
        right: Box<Node>,
    },
    /// `ATLEAST/n x`.
    AtLeast {
        /// How many mentions.
        count: u32,
        /// Of what.
        node: Box<Node>,
    },
    /// `n OF (x, y, …)`.
    Of {
        /// How many must hold.
        count: u32,
        /// The sub-queries.
        list: Vec<Node>,
    },
}

/// Words as they are sought.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// The words as written, with one space between.
    pub words: String,
    /// Whether it was written in quotes.
    pub is_phrase: bool,
    /// How many other words may stand among them.
    pub slop: u32,
    /// `cs()`: whether the letters must be exactly these.
    pub is_exact: bool,
}

/// An operator of the NEAR family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proximity {
    /// `NEAR/n`: in either order, at most n words between.
    Near(u32),
    /// `ONEAR/n`: in this order.
    Ordered(u32),
    /// `NOT NEAR/n`: a mention of the left that has none of the right near it.
    NotNear(u32),
    /// `NEAR/S`.
    Sentence,
    /// `NEAR/P`.
    Paragraph,
}

impl fmt::Display for Proximity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Near(n) => write!(f, "NEAR/{n}"),
            Self::Ordered(n) => write!(f, "ONEAR/{n}"),
            Self::NotNear(n) => write!(f, "NOT NEAR/{n}"),
            Self::Sentence => f.write_str("NEAR/S"),
            Self::Paragraph => f.write_str("NEAR/P"),
        }
    }
}

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextField {
    /// The headline.
    Title,
    /// The headline and the first 50 words of the content (of the summary if there is no content).
    Lead,
    /// Everything.
    Text,
}

impl TextField {
    /// The word before the colon.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Lead => "lead",
            Self::Text => "text",
        }
    }

    /// The part that is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Title, _) | (_, Self::Title) => Self::Title,
            (Self::Lead, _) | (_, Self::Lead) => Self::Lead,
            (Self::Text, Self::Text) => Self::Text,
        }
    }
}

/// Something known about an article beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactField {
    /// Names of authors: holds if the words occur in one of them.
    Author,
    /// Slug or name of the source.
    Source,
    /// Domain of the source or host of the article's address, with its subdomains.
    Domain,
    /// A part of the article's address.
    Url,
    /// Language; `zh` includes `zh-Hant`.
    Lang,
    /// Country of the source.
    Country,
    /// Tier of the source.
    Tier,
    /// Tag of the source or category of the article.
    Tag,
}

impl FactField {
    /// The word before the colon.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Source => "source",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Lang => "lang",
            Self::Country => "country",
            Self::Tier => "tier",
            Self::Tag => "tag",
        }
    }
}

/// What may stand before a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A part of the text.
    Text(TextField),
    /// A fact.
    Fact(FactField),
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 11] = [
        Self::Text(TextField::Title),
        Self::Text(TextField::Lead),
        Self::Text(TextField::Text),
        Self::Fact(FactField::Author),
        Self::Fact(FactField::Source),
        Self::Fact(FactField::Domain),
        Self::Fact(FactField::Url),
        Self::Fact(FactField::Lang),
        Self::Fact(FactField::Country),
        Self::Fact(FactField::Tier),
        Self::Fact(FactField::Tag),
    ];

    /// The word before the colon.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text(field) => field.as_str(),
            Self::Fact(field) => field.as_str(),
        }
    }

    /// The field of that name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|field| field.as_str().eq_ignore_ascii_case(name))
    }
}
