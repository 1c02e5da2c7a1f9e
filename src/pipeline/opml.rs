//! Lists of feeds as other readers give and take them: OPML 2.0.

use std::{collections::BTreeMap, fmt::Write as _};

use thiserror::Error;
use url::Url;

use super::{
    decode::decode,
    markup::{Token, Tokens, attributes},
    xml::Escaped,
};
use crate::domain::{Beat, BeatFeed, BeatSource, FeedUrl, FeedUrlError, Tier};

/// Outlines deeper than this are reported, not read.
const MAX_DEPTH: usize = 16;
/// Outlines beyond this number are not read.
const MAX_OUTLINES: usize = 50_000;

/// A list of feeds with what could not be read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlines {
    /// The feeds, in document order, each address once.
    pub feeds: Vec<OutlineFeed>,
    /// What was left out, and why.
    pub problems: Vec<OpmlProblem>,
}

/// A feed in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineFeed {
    /// `xmlUrl`.
    pub url: FeedUrl,
    /// `title`, or else `text`.
    pub title: Option<String>,
    /// `htmlUrl`: the page the feed belongs to.
    pub site: Option<String>,
    /// `language`.
    pub language: Option<String>,
    /// The folders around it, `a/b`; a `/` or `\` inside of a name has a `\` before it. Empty outside of folders.
    pub category: String,
    /// `category`: the publisher's or reader's own labels, as they stand.
    pub labels: Vec<String>,
}

/// An outline that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpmlProblem {
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its name or address.
    pub what: String,
    /// Why, for people.
    pub why: String,
}

/// A text in which no `<opml>` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is no OPML list: no <opml> element begins in it")]
pub struct NotOpml;

/// Reads a list. Bad outlines are reported and cost nothing else.
///
/// # Errors
///
/// [`NotOpml`] if the text is something else.
pub fn read(body: &[u8]) -> Result<Outlines, NotOpml> {
    let text = decode(body, None);
    let mut tokens = Tokens::new(&text);
    let mut reader = Reader::default();
    let mut lines = Lines {
        text: &text,
        at: 0,
        line: 1,
    };
    let mut is_opml = false;
    loop {
        let start = tokens.position();
        let Some(token) = tokens.next() else { break };
        match token {
            Token::Open { name, .. } if name.eq_ignore_ascii_case("opml") => is_opml = true,
            Token::Open {
                name,
                attributes,
                is_empty,
            } if is_opml && name.eq_ignore_ascii_case("outline") => {
                reader.outline(attributes, is_empty, lines.line_at(start));
                if reader.seen > MAX_OUTLINES {
                    break;
                }
            }
            Token::Close(name) if name.eq_ignore_ascii_case("outline") => {
                reader.open.pop();
            }
            _ => {}
        }
    }
    if is_opml {
        Ok(reader.outlines)
    } else {
        Err(NotOpml)
    }
}

/// Numbers of lines, asked for in rising order.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn line_at(&mut self, position: usize) -> usize {
        self.line += self.text[self.at..position.max(self.at)]
            .matches('\n')
            .count();
        self.at = position.max(self.at);
        self.line
    }
}

#[derive(Default)]
struct Reader {
    outlines: Outlines,
    urls: std::collections::HashSet<FeedUrl>,
    /// Open outlines: the folder's name, or none for a feed.
    open: Vec<Option<String>>,
    seen: usize,
}

/// The attributes of an outline that are read.
#[derive(Default)]
struct Attributes {
    url: Option<String>,
    title: Option<String>,
    text: Option<String>,
    site: Option<String>,
    language: Option<String>,
    labels: Vec<String>,
    kind: String,
}

impl Reader {
    fn outline(&mut self, raw: &str, is_empty: bool, line: usize) {
        self.seen += 1;
        let outline = Attributes::of(raw);
        let what = outline
            .url
            .clone()
            .or_else(|| outline.name())
            .unwrap_or_default();
        if self.seen > MAX_OUTLINES {
            self.problem(
                line,
                what,
                format!("over {MAX_OUTLINES} outlines; the rest was not read"),
            );
            return;
        }
        let folder = if outline.url.is_some() {
            None
        } else {
            outline.name()
        };
        if self.open.len() >= MAX_DEPTH {
            self.problem(line, what, format!("deeper than {MAX_DEPTH} outlines"));
        } else if let Some(address) = &outline.url {
            match address.parse::<FeedUrl>() {
                Ok(url) => self.feed(url, outline, line),
                Err(error) => self.problem(line, what, why(&error)),
            }
        } else if matches!(outline.kind.as_str(), "rss" | "atom" | "feed") {
            self.problem(line, what, "a feed without xmlUrl".to_owned());
        } else if matches!(outline.kind.as_str(), "link" | "include") {
            self.problem(
                line,
                what,
                "a link to another document is not followed".to_owned(),
            );
        }
        if !is_empty {
            self.open.push(folder);
        }
    }

    fn feed(&mut self, url: FeedUrl, outline: Attributes, line: usize) {
        if !self.urls.insert(url.clone()) {
            self.problem(line, url.to_string(), "listed before".to_owned());
            return;
        }
        let folders: Vec<String> = self
            .open
            .iter()
            .flatten()
            .map(|name| escaped(name))
            .collect();
        self.outlines.feeds.push(OutlineFeed {
            url,
            title: outline.name(),
            site: outline.site,
            language: outline.language,
            category: folders.join("/"),
            labels: outline.labels,
        });
    }

    fn problem(&mut self, line: usize, what: String, why: String) {
        self.outlines.problems.push(OpmlProblem { line, what, why });
    }
}

impl Attributes {
    fn of(raw: &str) -> Self {
        let mut outline = Self::default();
        for (name, value) in attributes(raw) {
            let value = value.replace(char::is_control, " ");
            let value: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
            if value.is_empty() {
                continue;
            }
            match name.to_ascii_lowercase().as_str() {
                "xmlurl" => outline.url = Some(value),
                "title" => outline.title = Some(value),
                "text" => outline.text = Some(value),
                "htmlurl" => outline.site = Some(value),
                "language" => outline.language = Some(value),
                "type" => outline.kind = value.to_ascii_lowercase(),
                "category" => {
                    let labels = value
                        .split(',')
                        .map(str::trim)
                        .filter(|label| !label.is_empty());
                    outline.labels = labels.map(str::to_owned).collect();
                }
                _ => {}
            }
        }
        outline
    }

    fn name(&self) -> Option<String> {
        self.title.clone().or_else(|| self.text.clone())
    }
}

fn why(error: &FeedUrlError) -> String {
    error.to_string()
}

/// A folder's name as a part of a path.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('/', "\\/")
}

/// The names of the folders of a path.
fn folders(category: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut is_escaped = false;
    for c in category.chars() {
        match (c, names.last_mut()) {
            ('\\', _) if !is_escaped => {
                is_escaped = true;
                continue;
            }
            ('/', _) if !is_escaped => names.push(String::new()),
            (c, Some(name)) => name.push(c),
            (_, None) => {}
        }
        is_escaped = false;
    }
    names.retain(|name| !name.trim().is_empty());
    names
}

/// The feeds under sources made from their hosts: what OPML does not say, a desk adds later.
#[must_use]
pub fn as_beat(outlines: Outlines) -> Beat {
    let mut sources: BTreeMap<String, BeatSource> = BTreeMap::new();
    for feed in outlines.feeds {
        let domain = domain(&feed);
        sources
            .entry(domain.clone())
            .or_insert_with(|| BeatSource {
                slug: domain.clone(),
                name: domain.clone(),
                domain,
                country: None,
                language: None,
                tier: Tier::Press,
                tags: Vec::new(),
                note: "from OPML".to_owned(),
                feeds: Vec::new(),
            })
            .feeds
            .push(BeatFeed {
                url: feed.url,
                title: feed.title,
                language: feed.language,
                list: None,
                category: feed.category,
                paused: false,
                note: String::new(),
            });
    }
    Beat {
        format: 1,
        slug: "opml".to_owned(),
        name: "Imported feeds".to_owned(),
        outlets: Vec::new(),
        keywords: Vec::new(),
        concepts: Vec::new(),
        sources: sources.into_values().collect(),
    }
}

/// The host of the feed's home page, else of the feed itself, without `www.`.
fn domain(feed: &OutlineFeed) -> String {
    let home = feed.site.as_deref().and_then(|home| Url::parse(home).ok());
    let host = home
        .as_ref()
        .and_then(Url::host_str)
        .unwrap_or_else(|| feed.url.host())
        .to_owned();
    host.strip_prefix("www.").unwrap_or(&host).to_owned()
}

/// Writes a list that [`read`] reads back: the same feeds in the same folders, one folder after the other.
#[must_use]
pub fn write(title: &str, feeds: &[OutlineFeed]) -> String {
    let mut sorted: Vec<(Vec<String>, &OutlineFeed)> = feeds
        .iter()
        .map(|feed| (folders(&feed.category), feed))
        .collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut opml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n  <head>",
    );
    let _ = write!(opml, "<title>{}</title>", Escaped(title));
    opml.push_str("</head>\n  <body>\n");
    let mut open: Vec<String> = Vec::new();
    for (path, feed) in &sorted {
        let common = open
            .iter()
            .zip(path)
            .take_while(|(one, other)| one == other)
            .count();
        while open.len() > common {
            open.pop();
            indent(&mut opml, open.len());
            opml.push_str("</outline>\n");
        }
        for name in &path[common..] {
            indent(&mut opml, open.len());
            let _ = writeln!(opml, "<outline text=\"{}\">", Escaped(name));
            open.push(name.clone());
        }
        indent(&mut opml, open.len());
        write_feed(&mut opml, feed);
    }
    while open.pop().is_some() {
        indent(&mut opml, open.len());
        opml.push_str("</outline>\n");
    }
    opml.push_str("  </body>\n</opml>\n");
    opml
}

fn write_feed(opml: &mut String, feed: &OutlineFeed) {
    let labels = feed.labels.join(",");
    let text = feed.title.as_deref().unwrap_or_else(|| feed.url.as_str());
    let _ = write!(opml, "<outline type=\"rss\" text=\"{}\"", Escaped(text));
    for (name, value) in [
        ("title", feed.title.as_deref()),
        ("xmlUrl", Some(feed.url.as_str())),
        ("htmlUrl", feed.site.as_deref()),
        ("language", feed.language.as_deref()),
        (
            "category",
            Some(labels.as_str()).filter(|labels| !labels.is_empty()),
        ),
    ] {
        if let Some(value) = value {
            let _ = write!(opml, " {name}=\"{}\"", Escaped(value));
        }
    }
    opml.push_str("/>\n");
}

fn indent(opml: &mut String, depth: usize) {
    opml.push_str(&"  ".repeat(depth + 2));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &[u8] = include_bytes!("../../tests/fixtures/feeds/list.opml");

    #[test]
    fn nothing_of_a_list_holds_characters_that_cannot_be_stored() {
        let list = b"<opml><body><outline text=\"A&#0;B&#7;C\" xmlUrl=\"https://news.example/f\"/></body></opml>";
        let outlines = read(list).unwrap();
        assert_eq!(outlines.feeds[0].title.as_deref(), Some("A B C"));
    }

    #[test]
    fn a_list_is_read_with_its_folders() {
        let outlines = read(LIST).unwrap();
        let told: Vec<_> = outlines
            .feeds
            .iter()
            .map(|feed| {
                (
                    feed.url.as_str(),
                    feed.title.as_deref().unwrap_or("-"),
                    feed.category.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("https://desk.example.org/feed?a=1&b=2", "Desk & wire", ""),
                (
                    "https://fa.example.org/rss",
                    "خبرگزاری نمونه",
                    "Agencies/Iran"
                ),
                (
                    "https://ko.example.org/rss",
                    "예시 통신",
                    "Agencies/Korea \\/ DPRK"
                ),
                ("https://ru.example.org/rss", "Пример", "Agencies"),
            ]
        );
        assert_eq!(outlines.feeds[1].language.as_deref(), Some("fa"));
        assert_eq!(
            outlines.feeds[1].site.as_deref(),
            Some("https://fa.example.org/")
        );
        assert_eq!(outlines.feeds[1].labels, ["/news/iran", "agency"]);
    }

    #[test]
    fn what_cannot_be_read_is_reported_with_its_line() {
        let outlines = read(LIST).unwrap();
        let told: Vec<_> = outlines
            .problems
            .iter()
            .map(|problem| (problem.line, problem.what.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (16, "javascript:alert(1)"),
                (17, "not an address"),
                (18, "No address"),
                (19, "https://ru.example.org/rss"),
            ]
        );
    }

    #[test]
    fn a_list_survives_being_written() {
        let outlines = read(LIST).unwrap();
        let again = read(write("Feeds <of> \"the\" desk", &outlines.feeds).as_bytes()).unwrap();
        let by_url = |mut feeds: Vec<OutlineFeed>| {
            feeds.sort_by(|one, other| one.url.as_str().cmp(other.url.as_str()));
            feeds
        };
        assert_eq!(by_url(again.feeds), by_url(outlines.feeds));
        assert_eq!(again.problems, []);
    }

    #[test]
    fn a_hostile_list_costs_no_more_than_its_limits() {
        let deep = format!("<opml><body>{}", "<outline text='a'>".repeat(20_000));
        let outlines = read(deep.as_bytes()).unwrap();
        assert_eq!(
            (outlines.feeds.len(), outlines.problems.len()),
            (0, 20_000 - MAX_DEPTH)
        );
        let wide = format!("<opml><body>{}", "<outline text='a'/>".repeat(60_000));
        assert_eq!(read(wide.as_bytes()).unwrap().problems.len(), 1);
        let entity = "<!DOCTYPE opml [<!ENTITY a 'b'>]><opml><body><outline text='&a;' xmlUrl='https://a.example/'/>";
        assert_eq!(
            read(entity.as_bytes()).unwrap().feeds[0].title.as_deref(),
            Some("&a;")
        );
        assert_eq!(read(b"<html><body>"), Err(NotOpml));
        assert_eq!(read(b""), Err(NotOpml));
    }

    proptest! {
        #[test]
        fn names_of_folders_survive(names in prop::collection::vec("[a-c/\\\\]{1,5}", 0..5)) {
            let category = names.iter().map(|name| escaped(name)).collect::<Vec<_>>().join("/");
            prop_assert_eq!(folders(&category), names);
        }
    }
}
