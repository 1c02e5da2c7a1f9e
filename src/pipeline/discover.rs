//! The feeds that a page offers: those that it names, those that it links to, and where feeds use to be.

use std::collections::HashSet;

use url::Url;

use super::{
    decode::decode,
    markup::{Token, Tokens, attribute},
};
use crate::text::html;

/// Offers taken of a page.
const MAX_OFFERS: usize = 50;

/// Media types of feeds, in `<link type>`.
const TYPES: [&str; 6] = [
    "application/rss+xml",
    "application/atom+xml",
    "application/rdf+xml",
    "application/feed+json",
    "text/rss+xml",
    "text/atom+xml",
];

/// Where feeds use to be, relative to the root of a site, the likeliest first.
const COMMON_PATHS: [&str; 12] = [
    "feed",
    "rss",
    "rss.xml",
    "feed.xml",
    "atom.xml",
    "index.xml",
    "feed/",
    "feeds",
    "feed.json",
    "index.rdf",
    "news-sitemap.xml",
    "sitemap-news.xml",
];

/// How a page offers a feed, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hint {
    /// `<link rel="alternate">` with the type of a feed.
    Named,
    /// A link whose address looks like a feed's.
    Linked,
}

/// A feed that a page offers. Nobody has asked whether it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its address.
    pub url: Url,
    /// What the page calls it.
    pub title: Option<String>,
    /// How it is offered.
    pub hint: Hint,
}

/// The feeds that a page offers, the surest first, each address once.
#[must_use]
pub fn offers(body: &[u8], content_type: Option<&str>, base: &Url) -> Vec<Offer> {
    let text = decode(body, content_type);
    let mut base = base.clone();
    let mut offers: Vec<Offer> = Vec::new();
    let mut met = HashSet::new();
    let mut tokens = Tokens::new(&text).peekable();
    while let Some(token) = tokens.next() {
        let Token::Open {
            name, attributes, ..
        } = token
        else {
            continue;
        };
        let address = |base: &Url| {
            let address = attribute_of(attributes, "href")?;
            base.join(address.trim())
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https"))
        };
        let found = match name.to_ascii_lowercase().as_str() {
            "base" => {
                base = address(&base).unwrap_or(base);
                continue;
            }
            "link" if is_named(attributes) => address(&base).map(|url| Offer {
                url,
                title: attribute_of(attributes, "title").map(|title| html::title(&title)),
                hint: Hint::Named,
            }),
            "a" => address(&base).filter(looks_like_a_feed).map(|url| Offer {
                url,
                title: match tokens.peek() {
                    Some(Token::Text(text)) => {
                        Some(html::title(text)).filter(|text| !text.is_empty())
                    }
                    _ => None,
                },
                hint: Hint::Linked,
            }),
            _ => None,
        };
        if let Some(offer) = found
            && offers.len() < MAX_OFFERS
            && met.insert(offer.url.clone())
        {
            offers.push(offer);
        }
    }
    offers.sort_by_key(|offer| offer.hint);
    offers
}

/// Addresses worth trying where a page offers nothing.
#[must_use]
pub fn common(page: &Url) -> Vec<Url> {
    COMMON_PATHS
        .iter()
        .filter_map(|path| page.join("/").ok()?.join(path).ok())
        .collect()
}

fn attribute_of(raw: &str, name: &str) -> Option<String> {
    attribute(raw, name)
        .or_else(|| attribute(raw, &name.to_ascii_uppercase()))
        .map(std::borrow::Cow::into_owned)
}

fn is_named(raw: &str) -> bool {
    let value = |name| {
        attribute_of(raw, name)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let kind = value("type");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    value("rel")
        .split_ascii_whitespace()
        .any(|relation| matches!(relation, "alternate" | "feed"))
        && TYPES.contains(&kind)
}

fn looks_like_a_feed(url: &Url) -> bool {
    let path = url.path().trim_end_matches('/').to_ascii_lowercase();
    let last = path.rsplit('/').next().unwrap_or_default();
    let is_file = [
        ".rss",
        ".atom",
        ".rdf",
        "rss.xml",
        "feed.xml",
        "atom.xml",
        "rss.ashx",
        "feed.json",
    ]
    .iter()
    .any(|end| last.ends_with(end));
    let is_folder = matches!(last, "rss" | "feed" | "atom" | "rss2") || path.contains("/rss/");
    let is_query = url.query_pairs().any(|(name, value)| {
        matches!(
            (&*name, &*value),
            ("feed", _) | ("format" | "type", "rss" | "atom" | "feed")
        )
    });
    is_file || is_folder || is_query
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Url {
        Url::parse("https://office.example.org/news/").unwrap()
    }

    #[test]
    fn a_page_offers_what_it_names_and_what_it_links_to() {
        let page = include_bytes!("../../tests/fixtures/pages/releases.html");
        let told: Vec<_> = offers(page, None, &base())
            .into_iter()
            .map(|offer| (offer.url.to_string(), offer.title, offer.hint))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "https://office.example.org/rss/all.xml".to_owned(),
                    Some("All releases".to_owned()),
                    Hint::Named
                ),
                (
                    "https://office.example.org/news/feed.json".to_owned(),
                    None,
                    Hint::Named
                ),
                (
                    "https://office.example.org/rss".to_owned(),
                    Some("RSS".to_owned()),
                    Hint::Linked
                ),
                (
                    "https://feeds.example.net/office.atom".to_owned(),
                    Some("Atom".to_owned()),
                    Hint::Linked
                ),
            ]
        );
    }

    #[test]
    fn addresses_of_feeds_are_told_from_others() {
        for (address, is_feed) in [
            ("https://e.example/feed/", true),
            ("https://e.example/de/rss/topic.xml", true),
            ("https://e.example/?feed=rss2", true),
            ("https://e.example/RSS.ashx?ContentType=1", true),
            ("https://e.example/press", false),
            ("https://e.example/feedback", false),
            ("https://e.example/sitemap.xml", false),
        ] {
            assert_eq!(
                looks_like_a_feed(&Url::parse(address).unwrap()),
                is_feed,
                "{address}"
            );
        }
    }

    #[test]
    fn what_no_program_may_follow_is_not_offered() {
        let page = "<link rel=alternate type=application/rss+xml href='javascript:x'><BASE HREF='https://b.example/c/'>\
                    <LINK REL=alternate TYPE='application/atom+xml; charset=utf-8' HREF=a><a href=mailto:rss>x</a>";
        let told = offers(page.as_bytes(), None, &base());
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].url.as_str(), "https://b.example/c/a");
    }

    #[test]
    fn common_places_stand_at_the_root() {
        let places = common(&base());
        assert_eq!(places[0].as_str(), "https://office.example.org/feed");
        assert_eq!(places.len(), COMMON_PATHS.len());
    }

    proptest! {
        #[test]
        fn any_page_offers_something_or_nothing(page in "[<>a-z =\"'/&;:]{0,80}") {
            let _ = offers(page.as_bytes(), None, &base());
        }
    }
}
