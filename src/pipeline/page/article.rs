//! A page that tells one story: its headline, text, date and names, as the page itself says them.

use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{attribute, base_of, date_of, first, line, markup, tree};
use crate::{
    domain::{Document, DocumentKind, ErrorCode, PollHints, RawEntry, Timestamp},
    pipeline::{
        dates, decode,
        parse::{self, ParseError},
    },
    text::html,
};

/// Where the text of a page stands, the likeliest first.
const BODIES: [&str; 5] = [
    "[itemprop=articleBody]",
    "article",
    "main",
    "[role=main]",
    "body",
];

/// Paragraphs of a text.
const MAX_PARAGRAPHS: usize = 500;

/// What stands in these parts is about the page and not of the text, or is of a paragraph already.
const NOT_OF_THE_TEXT: [&str; 6] = ["nav", "footer", "aside", "form", "header", "p"];

/// The longest name of a person or a site, in bytes.
const LONGEST_NAME: usize = 200;

/// The least letters of a text that is taken for the article; then the next place is looked at.
const LEAST_TEXT: usize = 200;

/// Reads the one article of a page.
///
/// # Errors
///
/// `Empty` for a body of nothing, `Parse` for a page without a headline.
pub fn article(
    body: &[u8],
    content_type: Option<&str>,
    served: &Url,
) -> Result<Document, ParseError> {
    let decode::Decoded { text, fault } = decode::read(body, content_type);
    if text.trim().is_empty() {
        return Err(ParseError::new(ErrorCode::Empty, "the page has no content"));
    }
    let page = tree::build(&text);
    let title = title(&page)
        .ok_or_else(|| ParseError::new(ErrorCode::Parse, "the page has no headline"))?;
    let entry = RawEntry {
        url: Some(address(&page, served)),
        title: Some(parse::cut_bytes(&title, parse::MAX_TITLE_BYTES).to_owned()),
        summary: named(
            &page,
            &[
                "meta[property='og:description']",
                "meta[name=description]",
                "meta[name='twitter:description']",
            ],
        )
        .map(|text| html::escape(parse::cut_bytes(&text, parse::MAX_TEXT_BYTES))),
        content: content(&page),
        published: published(&page),
        authors: named(
            &page,
            &["meta[name=author]", "meta[property='article:author']"],
        )
        .map(|name| plain_name(&name))
        .filter(|name| !name.is_empty() && !name.starts_with("http"))
        .into_iter()
        .collect(),
        ..RawEntry::default()
    };
    Ok(Document {
        kind: DocumentKind::List,
        title: named(
            &page,
            &[
                "meta[property='og:site_name']",
                "meta[name='application-name']",
            ],
        )
        .map(|name| plain_name(&name))
        .filter(|name| !name.is_empty()),
        link: Some(served.to_string()),
        language: first(&page, "html[lang]").and_then(|html| attribute(html, "lang")),
        entries: vec![entry],
        skipped: 0,
        is_partial: false,
        encoding_fault: fault,
        hints: PollHints::default(),
    })
}

/// What the first of these elements says in `content`, as text.
fn named(page: &Html, selectors: &[&str]) -> Option<String> {
    selectors
        .iter()
        .find_map(|selector| attribute(first(page, selector)?, "content"))
}

/// A name in one line, of a length that names have.
fn plain_name(text: &str) -> String {
    let name = html::title(&html::escape(text));
    parse::cut_bytes(&name, LONGEST_NAME).to_owned()
}

/// The headline, as HTML.
fn title(page: &Html) -> Option<String> {
    named(
        page,
        &["meta[property='og:title']", "meta[name='twitter:title']"],
    )
    .map(|text| html::escape(&text))
    .or_else(|| first(page, "h1").and_then(markup))
    .or_else(|| {
        first(page, "title")
            .and_then(line)
            .map(|text| html::escape(&text))
    })
    .filter(|title| !html::title(title).is_empty())
}

/// The address that the page says it has, if that is one of the same host: nobody speaks for another site.
fn address(page: &Html, served: &Url) -> String {
    let base = base_of(page, served);
    first(page, "link[rel=canonical]")
        .and_then(|link| base.join(&attribute(link, "href")?).ok())
        .filter(|url| url.host() == served.host() && matches!(url.scheme(), "http" | "https"))
        .unwrap_or_else(|| served.clone())
        .into()
}

fn published(page: &Html) -> Option<Timestamp> {
    named(
        page,
        &[
            "meta[property='article:published_time']",
            "meta[name='article:published_time']",
            "meta[itemprop=datePublished]",
            "meta[name=pubdate]",
            "meta[name=date]",
        ],
    )
    .and_then(|text| dates::parse(&text))
    .or_else(|| first(page, "[itemprop=datePublished]").and_then(date_of))
    .or_else(|| first(page, "article time[datetime]").and_then(date_of))
    .or_else(|| first(page, "time[datetime]").and_then(date_of))
}

/// The paragraphs of the text, as HTML.
fn content(page: &Html) -> Option<String> {
    let paragraph = Selector::parse("p").ok()?;
    let mut longest = String::new();
    for place in BODIES {
        let Some(body) = first(page, place) else {
            continue;
        };
        let text = paragraphs(body, &paragraph);
        if text.len() > longest.len() {
            longest = text;
        }
        if longest.len() >= LEAST_TEXT {
            break;
        }
    }
    (!longest.is_empty()).then(|| parse::cut_bytes(&longest, parse::MAX_TEXT_BYTES).to_owned())
}

/// As many paragraphs as a text has at most, each once: one inside of another is part of its text.
fn paragraphs(body: ElementRef<'_>, paragraph: &Selector) -> String {
    let found = body
        .select(paragraph)
        .filter(|found| !is_under(*found, &NOT_OF_THE_TEXT))
        .filter_map(line)
        .take(MAX_PARAGRAPHS);
    let mut text = String::new();
    for paragraph in found {
        text.push_str("<p>");
        text.push_str(&html::escape(&paragraph));
        text.push_str("</p>");
        if text.len() >= parse::MAX_TEXT_BYTES {
            break;
        }
    }
    text
}

/// Whether an element stands in one of these.
fn is_under(element: ElementRef<'_>, names: &[&str]) -> bool {
    element
        .ancestors()
        .filter_map(ElementRef::wrap)
        .any(|above| names.contains(&above.value().name()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::normalise;

    fn served() -> Url {
        Url::parse("https://news.example.org/a?utm_source=x").unwrap()
    }

    fn read(page: &str) -> Result<Document, ParseError> {
        article(page.as_bytes(), Some("text/html; charset=utf-8"), &served())
    }

    #[test]
    fn a_page_says_what_it_tells() {
        let document = read(
            "<html lang=ko><head><title>이란 방문 - 한빛</title><meta property=og:title content='북한 대표단, 이란 방문 &amp; 귀국'>
             <meta property=og:site_name content=한빛통신><meta property='article:published_time' content='2026-11-24T15:00:00+09:00'>
             <link rel=canonical href='/articles/7'><meta name=author content='김'></head>
             <body><nav><p>메뉴</p></nav><article><h1>다른 제목</h1><p>첫 <b>문단</b>.</p><p>둘째 &lt;문단&gt;.</p><aside><p>광고</p></aside></article></body></html>",
        )
        .unwrap();
        let entry = &normalise::entries(&document, None)[0];
        assert_eq!(entry.title, "북한 대표단, 이란 방문 & 귀국");
        assert_eq!(entry.content, "첫 문단.\n둘째 <문단>.");
        assert_eq!(
            entry.url.as_deref(),
            Some("https://news.example.org/articles/7")
        );
        assert_eq!(entry.published.unwrap().to_string(), "2026-11-24T06:00:00Z");
        assert_eq!(
            (entry.language.as_deref(), entry.authors.as_slice()),
            (Some("ko"), &["김".to_owned()][..])
        );
        assert_eq!(document.title.as_deref(), Some("한빛통신"));
    }

    #[test]
    fn a_paragraph_left_open_is_told_once() {
        for page in [
            "<p><font>one<p><font>two<p>three",
            "<p><b><i>one<p>two</b><div>not of it</div><p><a href=/x>three",
            "<p><a href=/x><div>one</div></a><p>two<p>three",
            "<p>one<ul><li>not of it</ul><p>two<table><tr><td><p>three</table>",
        ] {
            let document = read(&format!("<h1>x</h1><body>{page}")).unwrap();
            let entry = &normalise::entries(&document, None)[0];
            assert_eq!(entry.content, "one\ntwo\nthree", "{page}");
        }
        // A button may hold paragraphs, inside of one too.
        let document = read("<h1>x</h1><body><p>one <button><p>two</button> three").unwrap();
        let content = document.entries[0].content.clone().unwrap();
        assert_eq!(content.matches("two").count(), 1, "{content}");
    }

    #[test]
    fn nested_paragraphs_cost_no_memory() {
        let text = "word ".repeat(20_000);
        for nested in ["<p><b>", "<p><button>"] {
            let page = format!("<h1>x</h1><body>{}{text}", nested.repeat(120));
            let document = read(&page).unwrap();
            let content = document.entries[0].content.clone().unwrap();
            assert!(
                content.len() < 2 * text.len(),
                "{nested}: {}",
                content.len()
            );
        }
    }

    #[test]
    fn nobody_speaks_for_another_site() {
        let document =
            read("<h1>x</h1><link rel=canonical href='https://other.example/1'>").unwrap();
        assert_eq!(document.entries[0].url.as_deref(), Some(served().as_str()));
    }

    #[test]
    fn a_page_without_a_headline_is_none() {
        for page in ["", "  ", "<p>text</p>", "<title> </title>"] {
            assert!(read(page).is_err(), "{page}");
        }
        assert!(read("<title>only this</title>").is_ok());
    }

    proptest! {
        #[test]
        fn no_page_panics(body in proptest::collection::vec(any::<u8>(), 0..400), markup in "(<[a-z/]{1,8}[ =a-z:']{0,20}>|[ a-z]){0,60}") {
            let _ = article(&body, None, &served());
            let _ = read(&markup);
        }
    }
}
