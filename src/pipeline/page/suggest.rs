//! Selectors for a page, guessed: what repeats, holds one headline each, and is dated, is a list of news.

use std::collections::BTreeMap;

use ego_tree::NodeId;
use scraper::{ElementRef, Html, Selector};

use super::{date_of, line, tree};
use crate::{domain::ListSelectors, pipeline::decode::decode};

/// Links looked at.
const MAX_LINKS: usize = 1_000;
/// Elements above a link that may be its item.
const MAX_LEVELS: usize = 6;
/// A list has at least so many items.
const MIN_ITEMS: usize = 3;
/// Items whose dates are looked for.
const SAMPLE: usize = 8;
/// The width of a headline, in Latin letters.
const HEADLINE: std::ops::RangeInclusive<usize> = 14..=400;

/// Elements that are alike, each with a headline.
#[derive(Default)]
struct Group {
    items: Vec<NodeId>,
    links: usize,
}

/// How items tell their dates.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Dating {
    /// By their `time`.
    Time,
    /// By an element that a selector finds.
    By(String),
}

/// Selectors for the list that a page seems to be; none if it seems to be none.
#[must_use]
pub fn suggest(body: &[u8], content_type: Option<&str>) -> Option<ListSelectors> {
    let page = tree::build(&decode(body, content_type));
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let links = Selector::parse("a[href]").ok()?;
    for link in page
        .select(&links)
        .filter(|link| is_headline(*link))
        .take(MAX_LINKS)
    {
        let mut element = Some(link);
        for _ in 0..MAX_LEVELS {
            let Some(item) = element.filter(|item| !is_frame(*item)) else {
                break;
            };
            let parent = item.parent().and_then(ElementRef::wrap);
            let group = groups.entry(selector_of(item, parent)).or_default();
            group.links += 1;
            if group.items.last() != Some(&item.id()) {
                group.items.push(item.id());
            }
            element = parent;
        }
    }
    let (item, dates) = groups
        .iter()
        .filter(|(_, group)| group.items.len() >= MIN_ITEMS && group.links <= group.items.len() * 2)
        .map(|(selector, group)| (selector, group, dates(&page, group)))
        .max_by_key(|(selector, group, dates)| {
            let score = group.items.len() * (1 + 2 * usize::from(dates.is_some()));
            // Of the elements around a headline, the innermost that has all.
            (score, std::cmp::Reverse(selector.len()))
        })
        .map(|(selector, _, dates)| (selector.clone(), dates))?;
    Some(ListSelectors {
        item,
        title: None,
        link: None,
        date: match dates {
            Some(Dating::By(selector)) => Some(selector),
            _ => None,
        },
        summary: None,
    })
}

/// Whether a link is as long as a headline. Letters of East Asia tell twice as much.
fn is_headline(link: ElementRef<'_>) -> bool {
    let width = line(link).map_or(0, |text| {
        text.chars()
            .map(|c| if c < '\u{1100}' { 1 } else { 2 })
            .sum()
    });
    let is_navigation = link
        .ancestors()
        .filter_map(ElementRef::wrap)
        .any(|above| matches!(above.value().name(), "nav" | "header" | "footer"));
    HEADLINE.contains(&width) && !is_navigation
}

/// What holds the whole page.
fn is_frame(element: ElementRef<'_>) -> bool {
    matches!(element.value().name(), "html" | "body" | "main")
}

fn selector_of(element: ElementRef<'_>, parent: Option<ElementRef<'_>>) -> String {
    match parent {
        Some(parent) => format!("{} > {}", simple(parent), simple(element)),
        None => simple(element),
    }
}

/// Name and classes of an element; classes with digits tell single elements apart.
fn simple(element: ElementRef<'_>) -> String {
    let is_plain = |class: &&str| {
        class.starts_with(|c: char| c.is_ascii_alphabetic())
            && class
                .chars()
                .all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'))
    };
    let mut simple = element.value().name().to_owned();
    for class in element.value().classes().filter(is_plain).take(2) {
        simple.push('.');
        simple.push_str(class);
    }
    simple
}

/// How the items of a group are dated, if at least half of them are.
fn dates(page: &Html, group: &Group) -> Option<Dating> {
    let sample: Vec<ElementRef<'_>> = group
        .items
        .iter()
        .take(SAMPLE)
        .filter_map(|id| ElementRef::wrap(page.tree.get(*id)?))
        .collect();
    let mut found: BTreeMap<Dating, usize> = BTreeMap::new();
    for item in &sample {
        let dated = item
            .descendants()
            .filter_map(ElementRef::wrap)
            .filter(|element| element.children().count() <= 3 && date_of(*element).is_some())
            .last();
        if let Some(element) = dated {
            let way = match element.value().name() {
                "time" => Dating::Time,
                _ => Dating::By(simple(element)),
            };
            *found.entry(way).or_default() += 1;
        }
    }
    found
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .filter(|(_, count)| count * 2 >= sample.len())
        .map(|(way, _)| way)
}
