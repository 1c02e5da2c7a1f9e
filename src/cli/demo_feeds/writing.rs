//! What the invented outlets are and what they write: the embedded texts with their blanks filled in.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::Tier;

const OUTLETS: &str = include_str!("../../../config/demo/outlets.toml");

/// The texts by language.
const TEXTS: [(&str, &str); 8] = [
    ("en", include_str!("../../../config/demo/en.toml")),
    ("ko", include_str!("../../../config/demo/ko.toml")),
    ("fa", include_str!("../../../config/demo/fa.toml")),
    ("ar", include_str!("../../../config/demo/ar.toml")),
    ("zh-Hans", include_str!("../../../config/demo/zh-Hans.toml")),
    ("zh-Hant", include_str!("../../../config/demo/zh-Hant.toml")),
    ("ru", include_str!("../../../config/demo/ru.toml")),
    ("ja", include_str!("../../../config/demo/ja.toml")),
];

/// An invented outlet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outlet {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) country: Option<String>,
    pub(super) language: String,
    pub(super) tier: Tier,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) desk: Desk,
    pub(super) format: Format,
    #[serde(default = "utf8")]
    pub(super) encoding: String,
    pub(super) copies: Option<String>,
    #[serde(default)]
    pub(super) manner: Manner,
}

/// What an outlet writes about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Desk {
    /// Everything but designations.
    #[default]
    News,
    /// Designations and reports.
    Official,
}

/// The format of an outlet's feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Rss2,
    Rss092,
    Rdf,
    Atom,
    Json,
}

/// How an outlet behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Manner {
    /// Writes when its turn comes.
    #[default]
    Lively,
    /// Has stopped writing.
    Silent,
    /// Serves something else than a feed after a while.
    Broken,
    /// Writes faster than its short feed shows, and is out of reach at times: reports fall out unseen.
    Overloaded,
    /// Writes when its turn comes, and corrects its headlines afterwards.
    Correcting,
}

fn utf8() -> String {
    "utf-8".to_owned()
}

impl Outlet {
    /// All of them, in the order of their turns.
    pub(super) fn all() -> Result<Vec<Self>, toml::de::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            outlets: Vec<Outlet>,
        }
        toml::from_str::<File>(OUTLETS).map(|file| file.outlets)
    }
}

/// Everything that can be written, by language.
#[derive(Debug)]
pub(super) struct Texts(BTreeMap<&'static str, Language>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Language {
    words: BTreeMap<String, Vec<String>>,
    items: Vec<Template>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    /// The keyword that it is written for, or `noise` or `trap`.
    about: String,
    title: String,
    text: String,
}

/// A report without an address or a time.
#[derive(Debug)]
pub(super) struct Composed {
    pub(super) title: String,
    pub(super) text: String,
}

impl Texts {
    pub(super) fn all() -> Result<Self, toml::de::Error> {
        let parsed: Result<_, _> = TEXTS
            .into_iter()
            .map(|(language, text)| Ok((language, toml::from_str(text)?)))
            .collect();
        parsed.map(Self)
    }

    /// Report `number` of an outlet that is number `rank` of the `of` outlets in its language.
    ///
    /// Each outlet goes round the templates from a start of its own. How often it has been round, together with its
    /// rank, counts the uses of a template, and that count picks the words: so no two titles are alike.
    pub(super) fn compose(
        &self,
        outlet: &Outlet,
        number: u64,
        rank: u64,
        of: u64,
    ) -> Option<Composed> {
        let language = self.0.get(outlet.language.as_str())?;
        let pool: Vec<(usize, &Template)> = language
            .items
            .iter()
            .enumerate()
            .filter(|(_, template)| outlet.desk.takes(&template.about))
            .collect();
        let place = number + rank * 5;
        let (at, template) =
            *pool.get(usize::try_from(place.checked_rem(pool.len() as u64)?).ok()?)?;
        let use_count = place.checked_div(pool.len() as u64)? * of + rank;
        let fill = |text: &str| language.fill(text, use_count, at as u64);
        Some(Composed {
            title: fill(&template.title),
            text: fill(&template.text),
        })
    }
}

impl Desk {
    fn takes(self, about: &str) -> bool {
        match self {
            Self::News => about != "designations",
            Self::Official => matches!(about, "designations" | "reports"),
        }
    }
}

impl Language {
    fn fill(&self, text: &str, use_count: u64, template: u64) -> String {
        let mut filled = text.replace("{number}", &(3 + use_count + template * 7 % 20).to_string());
        for (blank, words) in &self.words {
            let count = (words.len() as u64).max(1);
            let pick = match blank.as_str() {
                // these two make a title unlike the others, so they go through their list in order
                "ship" | "company" => use_count,
                "place" => use_count + template,
                _ => use_count * 3 + template,
            };
            let word = usize::try_from(pick % count)
                .ok()
                .and_then(|at| words.get(at))
                .map_or("", String::as_str);
            let name = match (blank.as_str(), use_count / count) {
                ("ship" | "company", round @ 1..) => format!("{word} {}", round + 1),
                _ => word.to_owned(),
            };
            filled = filled.replace(&format!("{{{blank}}}"), &name);
        }
        filled
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::Beat;

    /// The keywords of the built-in beat, which the demo follows.
    fn keywords() -> Vec<String> {
        let beat = include_str!("../../../config/beats/iran-dprk-sanctions.toml");
        let beat: Beat = toml::from_str(beat).unwrap();
        beat.keywords
            .into_iter()
            .map(|keyword| keyword.slug)
            .collect()
    }

    #[test]
    fn every_keyword_is_written_about_in_several_languages_that_have_an_outlet_for_it() {
        let (texts, outlets) = (Texts::all().unwrap(), Outlet::all().unwrap());
        for keyword in keywords() {
            let languages: BTreeSet<&str> = texts
                .0
                .iter()
                .filter(|(_, language)| language.items.iter().any(|item| item.about == keyword))
                .map(|(name, _)| *name)
                .filter(|name| {
                    outlets
                        .iter()
                        .any(|outlet| outlet.language == *name && outlet.desk.takes(&keyword))
                })
                .collect();
            assert!(languages.len() >= 2, "{keyword}: {languages:?}");
        }
    }

    #[test]
    fn there_are_enough_texts_with_noise_and_traps_in_every_language() {
        let (texts, keywords) = (Texts::all().unwrap(), keywords());
        assert!(
            texts
                .0
                .values()
                .map(|language| language.items.len())
                .sum::<usize>()
                >= 120
        );
        for (name, language) in &texts.0 {
            for about in ["noise", "trap"] {
                assert!(
                    language.items.iter().any(|item| item.about == about),
                    "{name}: {about}"
                );
            }
            for item in &language.items {
                assert!(keywords.contains(&item.about) || matches!(&*item.about, "noise" | "trap"));
            }
        }
    }

    #[test]
    fn every_title_has_a_blank_that_makes_it_unlike_the_others() {
        for language in Texts::all().unwrap().0.values() {
            for item in &language.items {
                assert!(
                    ["{ship}", "{company}", "{number}"]
                        .iter()
                        .any(|blank| item.title.contains(blank)),
                    "{}",
                    item.title
                );
            }
        }
    }

    #[test]
    fn an_outlet_writes_about_everything_on_its_desk_in_turn() {
        let (texts, outlets) = (Texts::all().unwrap(), Outlet::all().unwrap());
        let wire = outlets.first().unwrap();
        let pool = texts.0["en"]
            .items
            .iter()
            .filter(|item| wire.desk.takes(&item.about))
            .count() as u64;
        let titles: BTreeSet<String> = (1..=pool)
            .map(|number| texts.compose(wire, number, 0, 5).unwrap().title)
            .collect();
        assert_eq!(titles.len() as u64, pool);
    }

    #[test]
    fn whoever_is_copied_exists_and_writes_in_the_same_language() {
        let outlets = Outlet::all().unwrap();
        for outlet in &outlets {
            if let Some(wire) = &outlet.copies {
                let wire = outlets.iter().find(|other| other.slug == *wire).unwrap();
                assert_eq!(wire.language, outlet.language);
            }
        }
    }
}
