//! Pages that list news and have no feed: their items, read with CSS selectors.

mod article;
mod suggest;
mod tree;

use std::collections::HashSet;

use scraper::{ElementRef, Html, Selector};
use url::Url;

pub use self::{article::article, suggest::suggest};
use super::{
    dates, decode,
    parse::{self, MAX_ENTRIES, ParseError},
};
use crate::{
    domain::{Document, DocumentKind, ErrorCode, ListSelectors, PollHints, RawEntry, Timestamp},
    text::html,
};

/// Reads the items of a page.
///
/// An item is an entry if it has a link or a title; others are counted as skipped. Without a selector of its own the
/// link is the first one of the item, the title the text of that link, and the date that of its `time`.
///
/// # Errors
///
/// `Empty` for a body of nothing, `Parse` for a selector that is none, or that finds nothing: the page was rebuilt, or
/// it is another page.
pub fn read(
    body: &[u8],
    content_type: Option<&str>,
    base: &Url,
    selectors: &ListSelectors,
) -> Result<Document, ParseError> {
    let selectors = Compiled::new(selectors)?;
    let decode::Decoded { text, fault } = decode::read(body, content_type);
    if text.trim().is_empty() {
        return Err(ParseError::new(ErrorCode::Empty, "the body has no content"));
    }
    let page = tree::build(&text);
    let base = base_of(&page, base);
    let items: Vec<ElementRef<'_>> = outermost(&page, &selectors.item).collect();
    if items.is_empty() {
        let detail = format!(
            "no element of the page matches {:?}: it may have been rebuilt",
            selectors.source
        );
        return Err(ParseError::new(ErrorCode::Parse, detail));
    }
    let entries: Vec<RawEntry> = items
        .iter()
        .take(MAX_ENTRIES)
        .filter_map(|item| selectors.entry(*item, &base))
        .collect();
    if entries.is_empty() {
        let detail = format!(
            "{} elements match {:?}, and none has a title or a link",
            items.len(),
            selectors.source
        );
        return Err(ParseError::new(ErrorCode::Parse, detail));
    }
    Ok(Document {
        kind: DocumentKind::List,
        title: first(&page, "title").and_then(|title| line(title)),
        link: Some(base.to_string()),
        language: first(&page, "html[lang]").and_then(|html| attribute(html, "lang")),
        skipped: u32::try_from(items.len() - entries.len()).unwrap_or(u32::MAX),
        entries,
        is_partial: false,
        encoding_fault: fault,
        hints: PollHints::default(),
    })
}

/// What is wrong with selectors, in one line.
#[must_use]
pub fn problem(selectors: &ListSelectors) -> Option<String> {
    flaws(selectors).into_iter().flatten().next()
}

/// What is wrong with each selector of a list, in one line: with that of the item, the title, the link, the date and the
/// summary.
#[must_use]
pub fn flaws(selectors: &ListSelectors) -> [Option<String>; 5] {
    let field = |source: &Option<String>| Field::new(source.as_deref()?).err();
    let errors = [
        selector(&selectors.item).err(),
        field(&selectors.title),
        field(&selectors.link),
        field(&selectors.date),
        field(&selectors.summary),
    ];
    errors.map(|error| error.map(|error| error.detail))
}

/// The selectors of a list, compiled.
struct Compiled {
    source: String,
    item: Selector,
    title: Option<Field>,
    link: Option<Field>,
    date: Option<Field>,
    summary: Option<Field>,
}

/// A selector, and the attribute that holds the value instead of the text.
struct Field {
    selector: Selector,
    attribute: Option<String>,
}

impl Compiled {
    fn new(selectors: &ListSelectors) -> Result<Self, ParseError> {
        let field = |source: &Option<String>| source.as_deref().map(Field::new).transpose();
        Ok(Self {
            source: selectors.item.clone(),
            item: selector(&selectors.item)?,
            title: field(&selectors.title)?,
            link: field(&selectors.link)?,
            date: field(&selectors.date)?,
            summary: field(&selectors.summary)?,
        })
    }

    fn entry(&self, item: ElementRef<'_>, base: &Url) -> Option<RawEntry> {
        let link = match &self.link {
            Some(field) => field.first(item).and_then(linked),
            None => linked(item),
        };
        let address = match &self.link {
            Some(field) if field.attribute.is_some() => field.value(item),
            _ => link.and_then(|link| attribute(link, "href")),
        };
        let title = match &self.title {
            Some(field) => field.first(item).and_then(|found| field.markup_of(found)),
            None => link.and_then(|link| markup(link)).or_else(|| markup(item)),
        };
        let url =
            address.and_then(|address| parse::address(base.join(address.trim()).ok()?.as_str()));
        let is_titled = title
            .as_deref()
            .is_some_and(|title| !html::title(title).is_empty());
        if !is_titled && url.is_none() {
            return None;
        }
        Some(RawEntry {
            url,
            title: title.map(|title| parse::cut_bytes(&title, parse::MAX_TITLE_BYTES).to_owned()),
            summary: self
                .summary
                .as_ref()
                .and_then(|field| field.markup_of(field.first(item)?))
                .map(|text| parse::cut_bytes(&text, parse::MAX_TEXT_BYTES).to_owned()),
            published: match &self.date {
                Some(field) => field.first(item).and_then(|found| field.date_of(found)),
                None => select_first(item, "time").and_then(date_of),
            },
            ..RawEntry::default()
        })
    }
}

impl Field {
    /// `selector`, or `selector@attribute`.
    fn new(source: &str) -> Result<Self, ParseError> {
        let (found, attribute) = match source.rsplit_once('@') {
            Some((found, attribute)) => (found, Some(attribute.trim().to_owned())),
            None => (source, None),
        };
        Ok(Self {
            selector: selector(found)?,
            attribute,
        })
    }

    fn first<'a>(&self, item: ElementRef<'a>) -> Option<ElementRef<'a>> {
        item.select(&self.selector)
            .next()
            .or_else(|| self.selector.matches(&item).then_some(item))
    }

    fn value(&self, item: ElementRef<'_>) -> Option<String> {
        attribute(self.first(item)?, self.attribute.as_deref()?)
    }

    /// What the field says of an element, as HTML.
    fn markup_of(&self, found: ElementRef<'_>) -> Option<String> {
        match &self.attribute {
            Some(name) => attribute(found, name).map(|text| html::escape(&text)),
            None => markup(found),
        }
    }

    fn date_of(&self, found: ElementRef<'_>) -> Option<Timestamp> {
        match &self.attribute {
            Some(name) => dates::parse(&attribute(found, name)?),
            None => date_of(found),
        }
    }
}

fn selector(source: &str) -> Result<Selector, ParseError> {
    // What the parser says of it is for those who wrote it.
    Selector::parse(source.trim()).map_err(|_| {
        ParseError::new(
            ErrorCode::Parse,
            format!("{source:?} is no CSS selector; \"ul.news > li\" is one"),
        )
    })
}

/// The elements that match and stand in none that does: what stands inside of an item is no other item.
fn outermost<'a>(page: &'a Html, selector: &'a Selector) -> impl Iterator<Item = ElementRef<'a>> {
    let mut met = HashSet::new();
    page.select(selector).filter(move |found| {
        let is_outermost = !found.ancestors().any(|above| met.contains(&above.id()));
        if is_outermost {
            met.insert(found.id());
        }
        is_outermost
    })
}

fn first<'a>(page: &'a Html, source: &str) -> Option<ElementRef<'a>> {
    let selector = Selector::parse(source).ok()?;
    page.select(&selector).next()
}

fn select_first<'a>(element: ElementRef<'a>, source: &str) -> Option<ElementRef<'a>> {
    let selector = Selector::parse(source).ok()?;
    element.select(&selector).next()
}

/// The element itself if it links somewhere, or the first one inside that does.
fn linked(element: ElementRef<'_>) -> Option<ElementRef<'_>> {
    if element.value().attr("href").is_some() {
        return Some(element);
    }
    select_first(element, "a[href]")
}

/// The address that a page's links are resolved against.
fn base_of(page: &Html, served: &Url) -> Url {
    first(page, "base[href]")
        .and_then(|element| served.join(element.value().attr("href")?.trim()).ok())
        .unwrap_or_else(|| served.clone())
}

fn attribute(element: ElementRef<'_>, name: &str) -> Option<String> {
    let value = element.value().attr(name)?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// What an element says, as HTML.
fn markup(element: ElementRef<'_>) -> Option<String> {
    let inner = element.inner_html();
    (!inner.trim().is_empty()).then_some(inner)
}

fn line(element: ElementRef<'_>) -> Option<String> {
    markup(element)
        .map(|inner| html::title(&inner))
        .filter(|text| !text.is_empty())
}

/// The date of an element: for machines where it says so, or else for people.
fn date_of(element: ElementRef<'_>) -> Option<Timestamp> {
    ["datetime", "content", "data-date", "title"]
        .iter()
        .find_map(|name| dates::parse(element.value().attr(name)?))
        .or_else(|| dates::parse(&line(element)?))
        .or_else(|| {
            select_first(element, "time")
                .filter(|time| *time != element)
                .and_then(date_of)
        })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = include_str!("../../../tests/fixtures/pages/releases.html");

    fn base() -> Url {
        Url::parse("https://office.example.org/news/").unwrap()
    }

    fn selectors(item: &str) -> ListSelectors {
        ListSelectors {
            item: item.to_owned(),
            ..ListSelectors::default()
        }
    }

    fn told(document: &Document) -> Vec<(String, Option<&str>, Option<String>)> {
        document
            .entries
            .iter()
            .map(|entry| {
                let title = html::title(entry.title.as_deref().unwrap_or_default());
                (
                    title,
                    entry.url.as_deref(),
                    entry.published.map(|at| at.to_string()),
                )
            })
            .collect()
    }

    #[test]
    fn a_list_is_read_by_its_selectors() {
        let all = ListSelectors {
            item: "ul.releases > li".to_owned(),
            title: Some("h3".to_owned()),
            link: Some("h3 a".to_owned()),
            date: Some("span.date".to_owned()),
            summary: Some("p.teaser".to_owned()),
        };
        let document = read(PAGE.as_bytes(), None, &base(), &all).unwrap();
        assert_eq!(
            told(&document),
            [
                (
                    "Designations of six front companies & two ships".to_owned(),
                    Some("https://office.example.org/releases/2026-17"),
                    Some("2026-11-24T00:00:00Z".to_owned())
                ),
                (
                    "제재 대상 추가 지정".to_owned(),
                    Some("https://office.example.org/news/2026-16"),
                    Some("2026-11-23T00:00:00Z".to_owned())
                ),
                (
                    "تعیین نهادهای جدید".to_owned(),
                    Some("https://other.example.org/15"),
                    Some("2026-11-22T00:00:00Z".to_owned())
                ),
            ]
        );
        assert_eq!(document.title.as_deref(), Some("Recent releases"));
        assert_eq!(document.language.as_deref(), Some("en"));
        assert_eq!(document.skipped, 1, "an item without link and title");
        assert_eq!(
            document.entries[0]
                .summary
                .as_deref()
                .map(html::plain)
                .as_deref(),
            Some("Six companies in three countries.")
        );
    }

    #[test]
    fn an_item_alone_gives_link_title_and_time() {
        let page = "<div class=n><time datetime='2026-11-24T08:00:00Z'>today</time><a href=/1>First <b>one</b></a></div>\
                    <div class=n><a href='javascript:x()'>Second</a><div class=n><a href=/3>inside</a></div></div>";
        let document = read(page.as_bytes(), None, &base(), &selectors(".n")).unwrap();
        assert_eq!(
            told(&document),
            [
                (
                    "First one".to_owned(),
                    Some("https://office.example.org/1"),
                    Some("2026-11-24T08:00:00Z".to_owned())
                ),
                ("Second".to_owned(), None, None),
            ]
        );
    }

    #[test]
    fn values_may_stand_in_attributes() {
        let page = "<article data-url=/7 data-when='2026年11月24日'><h2 title='In full'>In…</h2></article>";
        let all = ListSelectors {
            item: "article".to_owned(),
            title: Some("h2@title".to_owned()),
            link: Some("article@data-url".to_owned()),
            date: Some("article@data-when".to_owned()),
            summary: None,
        };
        let document = read(page.as_bytes(), None, &base(), &all).unwrap();
        assert_eq!(
            told(&document),
            [(
                "In full".to_owned(),
                Some("https://office.example.org/7"),
                Some("2026-11-24T00:00:00Z".to_owned())
            )]
        );
    }

    #[test]
    fn what_finds_nothing_says_so() {
        for (page, item, detail) in [
            ("", "li", "no content"),
            ("<p>x</p>", "li", "no element of the page matches \"li\""),
            ("<li></li>", "li", "1 elements match"),
            ("<li>x</li>", "li[", "no CSS selector"),
        ] {
            let error = read(page.as_bytes(), None, &base(), &selectors(item)).unwrap_err();
            assert!(error.detail.contains(detail), "{error}");
        }
    }

    #[test]
    fn selectors_of_browsers_work_on_pages_as_written() {
        for page in [
            "<table><tr><td><a href=/1>One</a><td>x<tr><td><a href=/2>Two</a></table>",
            "<table><tbody><tr><td><a href=/1>One</a></td></tr><tr><td><a href=/2>Two</a></td></tr></tbody></table>",
        ] {
            let document = read(
                page.as_bytes(),
                None,
                &base(),
                &selectors("table > tbody > tr"),
            )
            .unwrap();
            assert_eq!(told(&document).len(), 2, "{page}");
        }
        let list = "<ul><li><a href=/1>One</a><p>text<li><a href=/2>Two</a><ul><li>inner</ul></ul>";
        let document = read(list.as_bytes(), None, &base(), &selectors("ul > li")).unwrap();
        assert_eq!(told(&document).len(), 2);
    }

    #[test]
    fn a_tag_of_countless_attributes_ends_the_page() {
        let numbers: Vec<String> = (0..400_000).map(|number: u32| number.to_string()).collect();
        let attributes = format!(" a{}", numbers.join(" a"));
        let page = |attributes: &str| {
            format!(
                "<li><a href=/1>one</a></li><!--{attributes}--><li{attributes}><a href=/2>two</a></li>"
            )
        };
        let count = |page: &str| {
            let read = read(page.as_bytes(), None, &base(), &selectors("li"));
            read.unwrap().entries.len()
        };
        assert_eq!(count(&page(&attributes[..60_000])), 2);
        assert_eq!(count(&page(&attributes)), 1);
    }

    #[test]
    fn deep_and_wide_pages_end() {
        for page in [
            "<div>".repeat(400_000),
            "<b><p>".repeat(200_000),
            "<a href=x>y".repeat(200_000),
            format!("{}{}", "<i>".repeat(300), "</p><p>x".repeat(100_000)),
        ] {
            let _ = read(
                page.as_bytes(),
                None,
                &base(),
                &selectors("a, div div b, p"),
            );
        }
    }

    #[test]
    fn selectors_are_suggested_for_a_list() {
        let suggested = suggest(PAGE.as_bytes(), None).unwrap();
        let document = read(PAGE.as_bytes(), None, &base(), &suggested).unwrap();
        assert_eq!(told(&document).len(), 3, "{suggested:?}");
        assert!(
            document
                .entries
                .iter()
                .all(|entry| entry.published.is_some()),
            "{suggested:?}"
        );
        assert_eq!(suggest(b"<p>no list</p>", None), None);
    }

    proptest! {
        #[test]
        fn any_page_is_read_or_refused(page in "(<[a-z]{1,3}[ >=a]|</[a-z]{1,3}>|[a-z <&;]{0,6}){0,40}", item in "[a-z.#> :\\[\\]*()]{1,12}") {
            let _ = read(page.as_bytes(), None, &base(), &selectors(&item));
            let _ = suggest(page.as_bytes(), None);
        }
    }
}
