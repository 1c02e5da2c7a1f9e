//! What was asked for: the query and the filters, as they stand in the address.

use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    domain::{ArticleId, Tier, Timestamp},
    store::{
        board::LineKey,
        search::{SearchedKeyword, SearchedSource, Span},
    },
    web::{
        days,
        error::WebError,
        search::{FAR_FUTURE_MICROS, FAR_PAST_MICROS, place},
    },
};

/// The longest query that links of a page repeat, in bytes: longer ones would make each line of it as long as they are.
const LONGEST_LINKED: usize = 2_048;

/// The address of a search. A part that is absent or empty asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Asked {
    /// The query.
    pub(crate) q: String,
    /// Slug of a keyword that articles are to be found under.
    pub(crate) keyword: String,
    /// Slug of their source.
    pub(crate) source: String,
    /// Its tier.
    #[param(pattern = "^(official|wire|state|exile|specialist|press|aggregator)?$")]
    pub(crate) tier: String,
    /// Its country.
    #[param(pattern = "^([A-Za-z]{2})?$")]
    pub(crate) country: String,
    /// Their language.
    #[param(pattern = "^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,2})?$")]
    pub(crate) lang: String,
    /// The first day (UTC).
    #[param(pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
    pub(crate) from: String,
    /// The last day (UTC).
    #[param(pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
    pub(crate) to: String,
    /// `articles`, or `backlog`: what matched no keyword.
    #[serde(rename = "in")]
    #[param(value_type = String, pattern = "^(articles)?$")]
    pub(crate) within: Within,
    /// Where the page before ended.
    #[param(pattern = "^(-?[0-9]{1,18}[.][0-9]{1,18})?$")]
    pub(crate) before: String,
}

/// What is searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Within {
    /// What is stored.
    #[default]
    #[serde(alias = "")]
    Articles,
    /// What matched no keyword.
    Backlog,
}

impl Within {
    /// As it stands in an address.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Articles => "",
            Self::Backlog => "backlog",
        }
    }
}

impl Asked {
    /// Whether anything is asked for.
    pub(crate) fn is_something(&self) -> bool {
        !self.q.trim().is_empty() || self.has_filters()
    }

    /// Whether anything but the query is asked for.
    pub(crate) fn has_filters(&self) -> bool {
        self.filters()
            .iter()
            .any(|(name, value)| *name != "in" && !value.is_empty())
    }

    /// Whether the backlog is to be read.
    pub(crate) fn is_in_backlog(&self) -> bool {
        self.within == Within::Backlog
    }

    fn filters(&self) -> [(&'static str, &str); 8] {
        [
            ("keyword", &self.keyword),
            ("source", &self.source),
            ("tier", &self.tier),
            ("country", &self.country),
            ("lang", &self.lang),
            ("from", &self.from),
            ("to", &self.to),
            ("in", self.within.as_str()),
        ]
    }

    /// The address of this search, from its beginning.
    pub(crate) fn address(&self) -> String {
        const PATH: &str = "/search?";
        let mut address = url::form_urlencoded::Serializer::for_suffix(PATH.to_owned(), PATH.len());
        address.append_pair("q", &self.q);
        for (name, value) in self.filters() {
            if !value.is_empty() {
                address.append_pair(name, value);
            }
        }
        address.finish()
    }

    /// The address of this search as a feed or a table. Where it names days it names their zone, too: who asks for it later is
    /// a program with a key, which is in none.
    pub(crate) fn output(&self, file: &str, zone: &str) -> String {
        let address = self.address();
        let query = address.trim_start_matches("/search?");
        let address = format!("/out/search/{file}?{query}");
        if zone.is_empty() || (self.from.is_empty() && self.to.is_empty()) {
            return address;
        }
        let zone: String = url::form_urlencoded::byte_serialize(zone.as_bytes()).collect();
        format!("{address}&zone={zone}")
    }

    /// The address of this search, from a place on.
    pub(crate) fn address_before(&self, position: &str) -> String {
        format!("{}&before={position}", self.address())
    }

    /// Whether links that stand once for each line of a page may repeat the query.
    pub(crate) const fn is_linked(&self) -> bool {
        self.q.len() <= LONGEST_LINKED
    }

    /// The same search with another query.
    pub(crate) fn with_query(&self, q: &str) -> Self {
        Self {
            q: q.to_owned(),
            ..self.clone()
        }
    }

    /// What the page of an article that was found is asked with, so that it marks what was found. Nothing where the query is
    /// too long to be repeated.
    pub(crate) fn of_article(&self) -> String {
        if self.q.trim().is_empty() || !self.is_linked() {
            return String::new();
        }
        let q: String = url::form_urlencoded::byte_serialize(self.q.as_bytes()).collect();
        format!("?q={q}")
    }

    /// The filters that are facts, in the query language.
    pub(crate) fn facts(&self, sources: &[SearchedSource]) -> Result<Vec<String>, WebError> {
        let mut facts = Vec::new();
        if !self.source.is_empty() {
            if !sources.iter().any(|source| source.slug == self.source) {
                return Err(unknown("source", &self.source));
            }
            facts.push(format!("source:\"{}\"", self.source));
        }
        if !self.tier.is_empty() {
            let tier: Tier = self.tier.parse().map_err(|_| unknown("tier", &self.tier))?;
            facts.push(format!("tier:{}", tier.as_str()));
        }
        for (name, value, is_code) in [
            ("country", &self.country, is_country as fn(&str) -> bool),
            ("lang", &self.lang, is_language),
        ] {
            if value.is_empty() {
                continue;
            }
            if !is_code(value) {
                return Err(unknown(name, value));
            }
            facts.push(format!("{name}:\"{value}\""));
        }
        Ok(facts)
    }

    /// The first instant asked for, where days are those of `zone`.
    pub(crate) fn first(&self, zone: &TimeZone) -> Result<Timestamp, WebError> {
        Ok(days::begin("from", &self.from, zone)?
            .unwrap_or_else(|| Timestamp::from_micros(FAR_PAST_MICROS)))
    }

    /// The first instant after what is asked for.
    pub(crate) fn end(&self, zone: &TimeZone) -> Result<Timestamp, WebError> {
        Ok(days::end("to", &self.to, zone)?
            .unwrap_or_else(|| Timestamp::from_micros(FAR_FUTURE_MICROS)))
    }

    /// The articles that may be read, where days are those of `zone`.
    pub(crate) fn span(
        &self,
        keywords: &[SearchedKeyword],
        zone: &TimeZone,
    ) -> Result<Span, WebError> {
        let keyword = match self.keyword.as_str() {
            "" => None,
            slug => Some(
                keywords
                    .iter()
                    .find(|keyword| keyword.slug == slug)
                    .ok_or_else(|| unknown("keyword", slug))?
                    .id,
            ),
        };
        // Looked at even where a later page no longer needs it: what makes no sense is told.
        let end = self.end(zone)?;
        let before = if self.before.is_empty() {
            LineKey {
                sort_at: end,
                article_id: ArticleId::new(i64::MIN),
            }
        } else {
            place(&self.before)?
        };
        Ok(Span {
            before,
            from: self.first(zone)?,
            keyword,
        })
    }
}

/// Whether this may be a code of ISO 3166-1 alpha-2.
fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Whether this may be a tag of BCP 47: a language, perhaps with script and region.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && rest.len() <= 2
        && rest.iter().all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn unknown(filter: &str, value: &str) -> WebError {
    let shown: String = value.chars().take(60).collect();
    WebError::BadRequest(format!("There is no {filter} “{shown}” to filter by."))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_what_was_asked_and_nothing_else() {
        let asked = Asked {
            q: "\"front company\" & 북한".to_owned(),
            tier: "wire".to_owned(),
            ..Asked::default()
        };
        assert_eq!(
            asked.address_before("5.6"),
            "/search?q=%22front+company%22+%26+%EB%B6%81%ED%95%9C&tier=wire&before=5.6"
        );
    }

    #[test]
    fn a_filter_that_names_nothing_is_refused() {
        for asked in [
            Asked {
                source: "none".to_owned(),
                ..Asked::default()
            },
            Asked {
                tier: "x".to_owned(),
                ..Asked::default()
            },
            Asked {
                country: "K\" OR *".to_owned(),
                ..Asked::default()
            },
            Asked {
                country: "null".to_owned(),
                ..Asked::default()
            },
            Asked {
                lang: "e".to_owned(),
                ..Asked::default()
            },
            Asked {
                lang: "zh-Hans-CN-x".to_owned(),
                ..Asked::default()
            },
        ] {
            assert!(asked.facts(&[]).is_err(), "{asked:?}");
        }
        assert!(
            Asked {
                from: "soon".to_owned(),
                ..Asked::default()
            }
            .first(&TimeZone::UTC)
            .is_err()
        );
        assert!(
            Asked {
                keyword: "x".to_owned(),
                ..Asked::default()
            }
            .span(&[], &TimeZone::UTC)
            .is_err()
        );
    }

    #[test]
    fn days_beyond_all_articles_are_asked_for_in_peace() {
        for day in ["-009999-01-01", "-004800-01-01", "0000-12-31", "9999-12-31"] {
            let asked = Asked {
                from: day.to_owned(),
                to: day.to_owned(),
                ..Asked::default()
            };
            let (first, end) = (
                asked.first(&TimeZone::UTC).unwrap(),
                asked.end(&TimeZone::UTC).unwrap(),
            );
            let far = FAR_PAST_MICROS..=FAR_FUTURE_MICROS;
            assert!(far.contains(&first.as_micros()), "{day}: {first}");
            assert!(far.contains(&end.as_micros()), "{day}: {end}");
        }
    }

    #[test]
    fn the_last_day_is_part_of_what_is_asked_for() {
        let asked = Asked {
            from: "2026-11-23".to_owned(),
            to: "2026-11-24".to_owned(),
            ..Asked::default()
        };
        let span = asked.span(&[], &TimeZone::UTC).unwrap();
        assert_eq!(span.from.to_string(), "2026-11-23T00:00:00Z");
        assert_eq!(span.before.sort_at.to_string(), "2026-11-25T00:00:00Z");
    }
}
