//! Facts: what `source:`, `domain:`, `lang:` and their like ask about an article beside its text.

use super::{ast::FactField, pattern};
use crate::{
    domain::{Facts, Tier},
    text::words::{ANY_LETTERS, ONE_LETTER, Words},
};

/// A question about a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FactTest {
    field: FactField,
    /// The value as it is compared: folded, for names as words with one space between and the wildcards of patterns.
    value: String,
}

impl FactTest {
    pub(super) fn new(field: FactField, value: &str) -> Self {
        let value = match field {
            FactField::Author | FactField::Source | FactField::Tag => pattern_of(value),
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
        !name.is_empty() && pattern::is_match(&self.value, &named(name))
    }

    fn is_among_words(&self, name: &str) -> bool {
        pattern::is_match(
            &format!("{ANY_LETTERS} {} {ANY_LETTERS}", self.value),
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

/// A name as folded words with one space between.
fn named(name: &str) -> String {
    Words::of(&spaced(name, "'’.")).joined()
}

/// The same of a value, with its wildcards as patterns have them. Any ending in a script without spaces may be none, so no
/// space stands beside it.
fn pattern_of(value: &str) -> String {
    let words = Words::of_pattern(&spaced(value, "*?'’."));
    let is_any = |letters: &str| letters.chars().all(|c| c == ANY_LETTERS);
    let mut out = String::with_capacity(value.len());
    let mut before = "";
    for word in &words.list {
        let letters = words.folded(word);
        if !out.is_empty() && !(word.glued && (is_any(letters) || is_any(before))) {
            out.push(' ');
        }
        out.push_str(letters);
        before = letters;
    }
    out
}

/// A name with a space for each ASCII sign but those of `kept`.
fn spaced(name: &str, kept: &str) -> String {
    let sign = |c: char| c.is_ascii() && !c.is_alphanumeric() && !kept.contains(c);
    name.replace(sign, " ")
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
    if !wild.contains(['*', '?']) {
        return wild == text;
    }
    let wild = wild
        .replace('*', &ANY_LETTERS.to_string())
        .replace('?', &ONE_LETTER.to_string());
    pattern::is_match(&wild, text)
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
    fn wildcards_ask_names_of_every_script() {
        for (value, name, expected) in [
            ("新华*", "新华社", true),
            ("新华*", "新华", true),
            ("新华*", "新华网 English", true),
            ("新华*", "中新社", false),
            ("*社", "新华社", true),
            ("新?社", "新华社", true),
            ("新?社", "新中华社", false),
            ("新*社", "新中华社", true),
            ("U.S. News*", "U.S. News & World Report", true),
            ("U.S. News*", "US News", true),
            ("Reuter's*", "Reuters", false),
            ("Al-Jaz*", "Al Jazeera", true),
            ("연합*", "연합뉴스", true),
            ("朝日*", "朝日新聞デジタル", true),
            ("ايرا*", "ایرنا", false),
            ("ايرن*", "ایرنا", true),
            ("What*", "What? Now!", true),
            ("* Daily", "China Daily", true),
            ("*", "China Daily", true),
        ] {
            let authors = [name.to_owned()];
            let facts = Facts {
                source: ["", name],
                authors: &authors,
                tags: &authors,
                ..Facts::default()
            };
            for field in [FactField::Source, FactField::Tag, FactField::Author] {
                // Words of an author are enough.
                if field != FactField::Author || expected {
                    let test = FactTest::new(field, value);
                    assert_eq!(test.holds(&facts), expected, "{field:?} {value} {name}");
                }
            }
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
