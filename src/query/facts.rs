//! Facts: what `source:`, `domain:`, `lang:` and their like ask about an article beside its text.

use super::ast::FactField;
use crate::{
    domain::{Facts, Tier},
    text::{fold::fold, words::Words},
};

/// A question about a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FactTest {
    field: FactField,
    /// The value as it is compared: folded, for names as words with one space between.
    value: String,
}

impl FactTest {
    pub(super) fn new(field: FactField, value: &str) -> Self {
        let value = match field {
            FactField::Author | FactField::Source | FactField::Tag => named(value),
            FactField::Domain
            | FactField::Url
            | FactField::Lang
            | FactField::Country
            | FactField::Tier => value.trim().to_lowercase(),
        };
        Self { field, value }
    }

    /// Whether it is so.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        match self.field {
            FactField::Author => facts
                .authors
                .iter()
                .any(|author| self.is_among_words(author)),
            FactField::Source => facts.source.iter().any(|name| self.is_name(name)),
            FactField::Tag => facts
                .tags
                .iter()
                .chain(facts.categories)
                .any(|tag| self.is_name(tag)),
            FactField::Domain => self.is_domain(facts.domain) || self.is_domain(host(facts.url)),
            FactField::Url => is_match(&format!("*{}*", self.value), &facts.url.to_lowercase()),
            FactField::Lang => self.is_language(facts.language),
            FactField::Country => is_match(&self.value, &facts.country.to_lowercase()),
            FactField::Tier => facts.tier.map(Tier::as_str) == Some(&*self.value),
        }
    }

    fn is_name(&self, name: &str) -> bool {
        !name.is_empty() && is_match(&self.value, &named(name))
    }

    fn is_among_words(&self, name: &str) -> bool {
        is_match(
            &format!("* {} *", self.value),
            &format!("  {}  ", named(name)),
        )
    }

    /// The domain itself or one below it.
    fn is_domain(&self, domain: &str) -> bool {
        let domain = domain.trim_end_matches('.').to_lowercase();
        !domain.is_empty()
            && (is_match(&self.value, &domain) || is_match(&format!("*.{}", self.value), &domain))
    }

    /// The language itself or a variety of it.
    fn is_language(&self, language: &str) -> bool {
        let language = language.to_lowercase().replace('_', "-");
        let value = self.value.replace('_', "-");
        is_match(&value, &language) || is_match(&format!("{value}-*"), &language)
    }
}

/// A name as folded words; wildcards stay.
fn named(name: &str) -> String {
    let spaced: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "*?'’.".contains(c) || !c.is_ascii() {
                c
            } else {
                ' '
            }
        })
        .collect();
    if spaced.contains(['*', '?']) {
        return spaced
            .split_whitespace()
            .map(fold)
            .collect::<Vec<_>>()
            .join(" ");
    }
    Words::of(&spaced).joined()
}

/// The host of an address.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default()
}

/// Whether `text` is what `wild` asks for, with `*` for any characters and `?` for one.
fn is_match(wild: &str, text: &str) -> bool {
    use crate::text::words::{ANY_LETTERS, ONE_LETTER};
    if !wild.contains(['*', '?']) {
        return wild == text;
    }
    let wild = wild
        .replace('*', &ANY_LETTERS.to_string())
        .replace('?', &ONE_LETTER.to_string());
    super::pattern::is_match(&wild, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_is_compared_in_its_own_way() {
        let authors = ["By John Smith".to_owned()];
        let tags = ["Nuclear weapons".to_owned()];
        let facts = Facts {
            source: ["38north", "38 North"],
            domain: "38north.org",
            url: "https://www.38north.org/2026/01/Report?a=1",
            language: "en-GB",
            country: "US",
            tier: Some(Tier::Specialist),
            authors: &authors,
            tags: &tags,
            categories: &[],
        };
        for (field, value, expected) in [
            (FactField::Source, "38North", true),
            (FactField::Source, "38 north", true),
            (FactField::Source, "38n*", true),
            (FactField::Source, "north", false),
            (FactField::Domain, "38north.org", true),
            (FactField::Domain, "www.38north.org", true),
            (FactField::Domain, "north.org", false),
            (FactField::Url, "/2026/01/", true),
            (FactField::Url, "report", true),
            (FactField::Url, "/2025/", false),
            (FactField::Lang, "en", true),
            (FactField::Lang, "EN-gb", true),
            (FactField::Lang, "e", false),
            (FactField::Country, "us", true),
            (FactField::Country, "u", false),
            (FactField::Tier, "specialist", true),
            (FactField::Tier, "wire", false),
            (FactField::Author, "smith", true),
            (FactField::Author, "john smith", true),
            (FactField::Author, "smit", false),
            (FactField::Author, "smit*", true),
            (FactField::Tag, "nuclear weapons", true),
            (FactField::Tag, "nuclear*", true),
            (FactField::Tag, "nuclear", false),
        ] {
            assert_eq!(
                FactTest::new(field, value).holds(&facts),
                expected,
                "{field:?} {value}"
            );
        }
    }

    #[test]
    fn an_unknown_fact_is_no_fact() {
        let facts = Facts::default();
        for field in [
            FactField::Source,
            FactField::Domain,
            FactField::Lang,
            FactField::Country,
            FactField::Tag,
        ] {
            assert!(!FactTest::new(field, "xx").holds(&facts), "{field:?}");
        }
    }
}
