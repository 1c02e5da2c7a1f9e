//! What is known about a part of a query without any article: how large it is, and what its truth rests on.

/// What a match of a part of a query is sure to rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ground {
    /// Nothing: it may hold for want of something.
    Absence,
    /// A fact about the article.
    Fact,
    /// Words of the text, or the word of the writer (`*`).
    Text,
}

/// What is known about a part of a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    /// Nesting below, parentheses and operators counted.
    pub(super) levels: usize,
    pub(super) leaves: usize,
    /// Whether it has places in the text, which NEAR and ATLEAST ask about.
    pub(super) has_places: bool,
    /// What it rests on when it holds.
    pub(super) ground: Ground,
    /// What it rests on when it does not hold.
    pub(super) ground_of_not: Ground,
    /// Whether words are sought anywhere in it other than under NOT.
    pub(super) seeks_words: bool,
}

impl Traits {
    /// A term, a phrase or a name.
    pub(super) const WORDS: Self = Self {
        levels: 0,
        leaves: 1,
        has_places: true,
        ground: Ground::Text,
        ground_of_not: Ground::Absence,
        seeks_words: true,
    };
    /// A fact.
    pub(super) const FACT: Self = Self {
        has_places: false,
        ground: Ground::Fact,
        seeks_words: false,
        ..Self::WORDS
    };
    /// `*`.
    pub(super) const ANY: Self = Self {
        has_places: false,
        ..Self::WORDS
    };

    /// Several parts under one operator.
    pub(super) fn over(parts: &(impl Iterator<Item = Self> + Clone)) -> Self {
        let all = || parts.clone();
        Self {
            levels: 1 + all().map(|traits| traits.levels).max().unwrap_or(0),
            leaves: all().map(|traits| traits.leaves).sum(),
            has_places: false,
            ground: Ground::Absence,
            ground_of_not: Ground::Absence,
            seeks_words: all().any(|traits| traits.seeks_words),
        }
    }

    /// The same one level further up.
    pub(super) const fn deeper(self) -> Self {
        Self {
            levels: self.levels + 1,
            ..self
        }
    }
}
