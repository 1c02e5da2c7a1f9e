//! The keywords: the mix of what desks save, over words that occur in the articles and names that do not.

use std::collections::HashMap;

use wirewatch::domain::{Keyword, KeywordId};

use crate::{
    articles::Article,
    dice::Dice,
    tongues::{TONGUES, Tongue},
};

/// How often the terms occur.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Half of them do: matches grow with the keywords.
    Dense,
    /// Few do: so many of a thousand.
    Rare(usize),
}

impl Kind {
    /// Of a thousand terms, those that occur in the articles.
    const fn occurring(self) -> usize {
        match self {
            Self::Dense => 500,
            Self::Rare(permille) => permille,
        }
    }
}

/// The words of the articles.
pub(crate) struct Stock {
    /// Words that occur, without the most frequent ones.
    words: Vec<String>,
    /// Two words side by side.
    pairs: Vec<(String, String)>,
}

/// Words in more articles than one in so many are no good terms.
const TOO_FREQUENT: usize = 500;

impl Stock {
    pub(crate) fn of(articles: &[Article]) -> Self {
        let words_of_all = || {
            articles
                .iter()
                .flat_map(|article| [&article.title, &article.text])
                .map(|text| words_of(text).collect::<Vec<_>>())
        };
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for word in words_of_all().flatten() {
            *counts.entry(word).or_default() += 1;
        }
        let most = (articles.len() / TOO_FREQUENT).max(2);
        let is_term = |word: &str| counts.get(word).is_some_and(|&count| count <= most);
        let pairs = words_of_all()
            .filter_map(|words| {
                let pair = words
                    .windows(2)
                    .find(|pair| pair.iter().all(|word| is_term(word)));
                pair.map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
            })
            .collect();
        let mut words: Vec<String> = counts
            .iter()
            .filter(|&(word, &count)| count <= most && word.chars().count() > 1)
            .map(|(word, _)| (*word).to_owned())
            .collect();
        words.sort_unstable();
        Self { words, pairs }
    }

    /// So many keywords of a kind.
    pub(crate) fn keywords(&self, kind: Kind, count: usize) -> Vec<Keyword> {
        let mut dice = Dice::new(count as u64);
        let ids = 1..=i64::try_from(count).unwrap_or(i64::MAX);
        ids.map(|id| Keyword {
            id: KeywordId::new(id),
            slug: format!("k{id}"),
            name: format!("k{id}"),
            version: 1,
            query: self.query(kind, &mut dice),
        })
        .collect()
    }

    fn query(&self, kind: Kind, dice: &mut Dice) -> String {
        let share = dice.below(100);
        match share {
            0..40 => self.term(kind, dice),
            40..65 => {
                let (one, two) = self.pair(kind, dice);
                format!("\"{one} {two}\"")
            }
            65..90 => {
                let terms: Vec<String> = (0..2 + dice.below(2))
                    .map(|_| self.term(kind, dice))
                    .collect();
                terms.join(" AND ")
            }
            90..95 => {
                let (one, two) = self.pair(kind, dice);
                format!("{one} NEAR/{} {two}", 1 + dice.below(20))
            }
            95..98 => format!(
                "{} AND NOT {}",
                self.term(kind, dice),
                self.term(kind, dice)
            ),
            _ => self.prefix(kind, dice),
        }
    }

    fn term(&self, kind: Kind, dice: &mut Dice) -> String {
        if dice.permille(kind.occurring()) {
            self.words[dice.below(self.words.len())].clone()
        } else {
            name(dice)
        }
    }

    fn pair(&self, kind: Kind, dice: &mut Dice) -> (String, String) {
        if dice.permille(kind.occurring()) {
            self.pairs[dice.below(self.pairs.len())].clone()
        } else {
            (name(dice), self.term(kind, dice))
        }
    }

    /// The first four letters of a term, or five, with a wildcard.
    fn prefix(&self, kind: Kind, dice: &mut Dice) -> String {
        loop {
            let term = self.term(kind, dice);
            let letters = 5 + dice.below(2);
            // Any ending means nothing in a script without spaces.
            if term.chars().count() > letters && !term.starts_with(is_han) {
                let beginning: String = term.chars().take(letters).collect();
                return format!("{beginning}*");
            }
        }
    }
}

fn is_han(c: char) -> bool {
    ('\u{4E00}'..='\u{9FFF}').contains(&c)
}

/// A name that nobody has.
fn name(dice: &mut Dice) -> String {
    let tongue: &Tongue = &TONGUES[dice.below(TONGUES.len())];
    let syllables = if tongue.is_spaced { 4 } else { 3 };
    tongue.word(syllables, dice)
}

/// Words as a reader sees them; of Han two characters from each run.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()))
        .map(|word| {
            if word.starts_with(is_han) {
                let end = word
                    .char_indices()
                    .nth(2)
                    .map_or(word.len(), |(end, _)| end);
                &word[..end]
            } else {
                word
            }
        })
        .filter(|word| !word.chars().all(|c| c.is_ascii_uppercase()))
}
