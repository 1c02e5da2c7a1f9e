//! The form of the search page: the query with what is wrong with it, the filters, examples.

use super::asked::Asked;
use crate::{
    domain::marks::Segment,
    query::{QueryError, Warning},
    store::search::{SearchedKeyword, SearchedSource},
};

/// The most of a query that is shown around an error, in characters.
const AROUND: usize = 120;

/// Mistakes that are shown, and warnings: whoever mends these sees the next.
pub(crate) const MISTAKES: usize = 20;

/// As many warnings as a page shows.
pub(crate) fn shown(warnings: &[Warning]) -> impl Iterator<Item = &Warning> {
    warnings.iter().take(MISTAKES)
}

/// How many it does not show.
pub(crate) const fn unshown(warnings: &[Warning]) -> usize {
    warnings.len().saturating_sub(MISTAKES)
}

/// A choice of a filter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) is_chosen: bool,
}

/// A filter with its choices.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) choices: Vec<Choice>,
}

/// What is wrong with a query, at its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The query around the place, which is marked.
    pub(crate) excerpt: Vec<Segment>,
    pub(crate) message: String,
    pub(crate) ways_out: Vec<Way>,
}

/// Something to follow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) label: String,
    pub(crate) href: String,
}

/// The filters with what can be chosen.
pub(crate) fn filters(
    asked: &Asked,
    sources: &[SearchedSource],
    keywords: &[SearchedKeyword],
) -> Vec<Filter> {
    let codes = |of: fn(&SearchedSource) -> Option<String>| {
        let mut codes: Vec<String> = sources.iter().filter_map(of).collect();
        codes.sort_unstable();
        codes.dedup();
        codes.into_iter().map(|code| (code.clone(), code)).collect()
    };
    vec![
        filter(
            "keyword",
            "Keyword",
            &asked.keyword,
            keywords
                .iter()
                .map(|keyword| (keyword.slug.clone(), keyword.name.clone()))
                .collect(),
        ),
        filter(
            "source",
            "Source",
            &asked.source,
            sources
                .iter()
                .map(|source| (source.slug.clone(), source.name.clone()))
                .collect(),
        ),
        filter(
            "tier",
            "Tier",
            &asked.tier,
            codes(|source| Some(source.tier.as_str().to_owned())),
        ),
        filter(
            "country",
            "Country",
            &asked.country,
            codes(|source| source.country.clone()),
        ),
        filter(
            "lang",
            "Language",
            &asked.lang,
            codes(|source| source.language.clone()),
        ),
    ]
}

fn filter(
    name: &'static str,
    label: &'static str,
    chosen: &str,
    mut values: Vec<(String, String)>,
) -> Filter {
    // What the address asks for stays chosen, even where no source of today has it.
    if !chosen.is_empty() && values.iter().all(|(value, _)| value != chosen) {
        values.push((chosen.to_owned(), chosen.to_owned()));
    }
    Filter {
        name,
        label,
        choices: values
            .into_iter()
            .map(|(value, label)| Choice {
                is_chosen: value == chosen,
                value,
                label,
            })
            .collect(),
    }
}

/// What is wrong with the query of a search, as far as it is shown, with its ways out as searches of their own: none where
/// the query is too long for an address.
pub(crate) fn mistakes(asked: &Asked, errors: &[QueryError]) -> Vec<Mistake> {
    errors
        .iter()
        .take(MISTAKES)
        .map(|error| Mistake {
            excerpt: excerpt(&asked.q, error),
            message: error.message.clone(),
            ways_out: error
                .ways_out
                .iter()
                .filter(|_| asked.is_linked())
                .filter_map(|way| {
                    let before = asked.q.get(..error.start)?;
                    let after = asked.q.get(error.end..)?;
                    Some(Way {
                        label: way.clone(),
                        href: asked.with_query(&format!("{before}{way}{after}")).address(),
                    })
                })
                .collect(),
        })
        .collect()
}

/// The query around an error, with the place marked; a caret where it has no letters.
pub(crate) fn excerpt(query: &str, error: &QueryError) -> Vec<Segment> {
    let plain = |text: String| Segment {
        text,
        ..Segment::default()
    };
    let before = query.get(..error.start).unwrap_or_default();
    let after = query.get(error.end..).unwrap_or_default();
    let place = query.get(error.start..error.end).unwrap_or_default();
    let lead: Vec<char> = before.chars().rev().take(AROUND).collect();
    let mut lead: String = lead.into_iter().rev().collect();
    if lead.len() < before.len() {
        lead.insert(0, '…');
    }
    let cut = |text: &str| {
        let mut shown: String = text.chars().take(AROUND).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    };
    let marked = Segment {
        text: if place.trim().is_empty() {
            "‸".to_owned()
        } else {
            cut(place)
        },
        is_hit: true,
        gloss: None,
    };
    vec![plain(lead), marked, plain(cut(after))]
}

/// Searches to try, made of the desk's own concepts and keywords.
pub(crate) fn examples(concepts: &[String], keywords: &[SearchedKeyword]) -> Vec<Way> {
    let mut texts: Vec<String> = match concepts {
        [] => Vec::new(),
        [one] => vec![format!("@{one}"), format!("title:@{one}")],
        [one, two, ..] => vec![
            format!("@{one} @{two}"),
            format!("@{one} NEAR/10 @{two}"),
            format!("title:@{one} NOT @{two}"),
            format!("@{one} AND tier:official"),
        ],
    };
    texts.extend(
        keywords
            .iter()
            .take(1)
            .map(|keyword| format!("keyword:{}", keyword.slug)),
    );
    texts
        .into_iter()
        .map(|text| Way {
            href: Asked::default().with_query(&text).address(),
            label: text,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_stands_at_its_place_with_ways_out_that_can_be_followed() {
        let asked = Asked {
            q: "iran AND (oil".to_owned(),
            ..Asked::default()
        };
        let error = QueryError {
            start: 9,
            end: 10,
            message: "the parenthesis is not closed".to_owned(),
            ways_out: vec![String::new()],
        };
        let mistakes = mistakes(&asked, &[error]);
        let shown: Vec<&str> = mistakes[0]
            .excerpt
            .iter()
            .map(|segment| segment.text.as_str())
            .collect();
        assert_eq!(shown, ["iran AND ", "(", "oil"]);
        assert_eq!(mistakes[0].ways_out[0].href, "/search?q=iran+AND+oil");
    }

    #[test]
    fn a_hostile_query_makes_no_more_of_a_page_than_a_few_mistakes() {
        let asked = Asked {
            q: "a:b ".repeat(16_000),
            ..Asked::default()
        };
        let error = |at: usize| QueryError {
            start: 4 * at,
            end: 4 * at + 1,
            message: "there is no field a".to_owned(),
            ways_out: vec!["title".to_owned()],
        };
        let errors: Vec<QueryError> = (0..16_000).map(error).collect();
        let shown = mistakes(&asked, &errors);
        assert_eq!(shown.len(), MISTAKES);
        assert!(shown.iter().all(|mistake| mistake.ways_out.is_empty()));
        assert_eq!(asked.of_article(), "");
    }

    #[test]
    fn a_place_without_letters_is_a_caret_and_a_long_query_is_cut() {
        let asked = Asked {
            q: "이란 ".repeat(400),
            ..Asked::default()
        };
        let end = asked.q.len();
        let error = QueryError {
            start: end,
            end,
            message: String::new(),
            ways_out: Vec::new(),
        };
        let mistakes = mistakes(&asked, &[error]);
        let [lead, place, rest] = mistakes[0].excerpt.as_slice() else {
            panic!("{mistakes:?}")
        };
        assert!(lead.text.starts_with('…') && lead.text.chars().count() == AROUND + 1);
        assert_eq!((place.text.as_str(), rest.text.as_str()), ("‸", ""));
    }

    #[test]
    fn what_is_chosen_stays_chosen() {
        let asked = Asked {
            country: "ZZ".to_owned(),
            ..Asked::default()
        };
        let filters = filters(&asked, &[], &[]);
        let country = filters.iter().find(|filter| filter.name == "country");
        assert!(country.is_some_and(|filter| filter.choices.iter().any(|choice| choice.is_chosen)));
    }
}
