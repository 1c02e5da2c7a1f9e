//! What an address is: a feed, a page that offers feeds, a page that lists news, or nothing that can be read.

use url::Url;

use super::{discover, normalise, page, parse};
use crate::domain::{
    Document, ErrorCode, ListSelectors, OfferedFeed, Preview, PreviewedEntry, Trial,
};

/// Entries shown.
const SHOWN: usize = 12;
/// Characters shown of a title, and of a summary.
const SHOWN_CHARS: usize = 240;

/// Reads an answer as a feed; or with `selectors` as a list; or as the list that it seems to be, beside the feeds that it
/// offers.
#[must_use]
pub fn judge(
    body: &[u8],
    content_type: Option<&str>,
    base: &Url,
    selectors: Option<&ListSelectors>,
) -> Trial {
    let trial = Trial {
        url: base.to_string(),
        ..Trial::default()
    };
    if let Some(selectors) = selectors {
        return match page::read(body, content_type, base, selectors) {
            Ok(document) => Trial {
                preview: Some(preview(&document, Some(selectors.clone()))),
                ..trial
            },
            Err(error) => Trial {
                problem: Some(error.detail),
                ..trial
            },
        };
    }
    match parse::parse(body, content_type, base) {
        Ok(document) => Trial {
            preview: Some(preview(&document, None)),
            ..trial
        },
        Err(error) if error.code == ErrorCode::NotAFeed => Trial {
            preview: guessed(body, content_type, base),
            offers: discover::offers(body, content_type, base)
                .into_iter()
                .map(|offer| OfferedFeed {
                    url: offer.url.to_string(),
                    title: offer.title.map(|title| shown(&title)),
                })
                .collect(),
            problem: Some(format!("no feed: {}", error.detail)),
            ..trial
        },
        Err(error) => Trial {
            problem: Some(error.to_string()),
            ..trial
        },
    }
}

/// The list that a page seems to be.
fn guessed(body: &[u8], content_type: Option<&str>, base: &Url) -> Option<Preview> {
    let selectors = page::suggest(body, content_type)?;
    let document = page::read(body, content_type, base, &selectors).ok()?;
    Some(preview(&document, Some(selectors)))
}

fn preview(document: &Document, selectors: Option<ListSelectors>) -> Preview {
    let entries = normalise::entries(document, None);
    Preview {
        title: document.title.as_deref().map(shown),
        selectors,
        entries: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        skipped: document.skipped,
        first: entries
            .into_iter()
            .take(SHOWN)
            .map(|entry| PreviewedEntry {
                title: shown(&entry.title),
                url: entry.url,
                published: entry.published.or(entry.updated),
                summary: shown(&entry.summary),
            })
            .collect(),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PAGE: &[u8] = include_bytes!("../../tests/fixtures/pages/releases.html");
    const FEED: &[u8] = include_bytes!("../../tests/fixtures/feeds/rss20.xml");

    fn base() -> Url {
        Url::parse("https://office.example.org/news/").unwrap()
    }

    #[test]
    fn a_feed_is_shown_as_it_would_be_read() {
        let trial = judge(FEED, None, &base(), None);
        let preview = trial.preview.unwrap();
        assert_eq!(trial.problem, None);
        assert_eq!(
            (
                preview.entries,
                preview.title.as_deref(),
                &preview.selectors
            ),
            (7, Some("Example Wire"), &None)
        );
        assert_eq!(preview.first[0].title, "Tehran signals talks");
    }

    #[test]
    fn a_page_is_shown_with_what_it_offers_and_as_the_list_that_it_seems_to_be() {
        let trial = judge(PAGE, None, &base(), None);
        assert_eq!(trial.offers.len(), 4);
        assert!(trial.problem.unwrap().starts_with("no feed: an HTML page"));
        let preview = trial.preview.unwrap();
        assert_eq!(preview.entries, 3);
        let again = judge(PAGE, None, &base(), preview.selectors.as_ref());
        assert_eq!(again.problem, None);
        assert_eq!(again.preview.unwrap(), preview);
    }

    #[test]
    fn selectors_that_find_nothing_are_a_problem_in_words() {
        for item in ["li.none", "::", ""] {
            let selectors = ListSelectors {
                item: item.to_owned(),
                ..ListSelectors::default()
            };
            let trial = judge(PAGE, None, &base(), Some(&selectors));
            assert_eq!(trial.preview, None);
            assert!(!trial.problem.unwrap().is_empty(), "{item}");
        }
        assert!(judge(b"", None, &base(), None).problem.is_some());
    }
}
