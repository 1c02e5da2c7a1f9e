//! Editions as a feed: Atom (RFC 4287) and JSON Feed 1.1.

use askama::Template;
use serde_json::json;

use super::{
    render::{Links, story_link},
    urn::urn,
};
use crate::domain::{Timestamp, digest::Edition};

/// A feed of editions, the newest first.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a> {
    /// Name of the subscription.
    pub name: &'a str,
    /// Its short name.
    pub slug: &'a str,
    /// The editions.
    pub editions: &'a [Edition],
    /// What identifiers are made of.
    pub installation: &'a str,
    /// When the newest was composed; the present if there is none.
    pub updated: Timestamp,
}

#[derive(Template)]
#[template(path = "editions.atom", escape = "html")]
struct Atom<'a> {
    id: String,
    name: &'a str,
    place: String,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    link: String,
    title: String,
    updated: String,
    content: String,
}

#[derive(Template)]
#[template(path = "edition_fragment.html")]
struct Fragment<'a> {
    edition: &'a Edition,
    sections: Vec<(&'a str, Vec<FragmentLine>)>,
}

struct FragmentLine {
    link: String,
    lang: Option<String>,
    headline: String,
    about: String,
    passage: String,
    story: String,
}

fn entries(feed: Feed<'_>, links: Links<'_>) -> Result<Vec<Entry>, askama::Error> {
    feed.editions
        .iter()
        .map(|edition| {
            let path = format!("digests/{}/{}", feed.slug, edition.key);
            Ok(Entry {
                id: urn(feed.installation, &path),
                link: format!("{}/{path}", links.base),
                title: edition.subject.clone(),
                updated: edition.composed_at.to_string(),
                content: fragment(edition, links)?,
            })
        })
        .collect()
}

fn fragment(edition: &Edition, links: Links<'_>) -> Result<String, askama::Error> {
    let sections = edition
        .sections
        .iter()
        .map(|section| {
            let kept = section.lines.iter().filter(|line| !line.is_struck);
            let told = kept.map(|line| {
                let story = story_link(links.base, line.story);
                FragmentLine {
                    link: line
                        .url
                        .clone()
                        .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
                        .unwrap_or_else(|| story.clone()),
                    lang: line
                        .language
                        .clone()
                        .filter(|tag| super::render::is_language_tag(tag)),
                    headline: text(&line.headline),
                    about: format!("{} · {}", line.source, line.facts),
                    passage: text(&line.passage),
                    story,
                }
            });
            (section.name.as_str(), told.collect())
        })
        .collect();
    Fragment { edition, sections }.render()
}

fn text(pieces: &[crate::domain::marks::Segment]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// The feed as Atom.
///
/// # Errors
/// A template fails to render: a fault of the program.
pub fn atom(feed: Feed<'_>, links: Links<'_>) -> Result<String, askama::Error> {
    Atom {
        id: urn(feed.installation, &format!("digests/{}", feed.slug)),
        name: feed.name,
        place: format!("{}/digests/{}", links.base, feed.slug),
        updated: feed.updated.to_string(),
        entries: entries(feed, links)?,
    }
    .render()
}

/// The feed as JSON Feed.
///
/// # Errors
/// A template fails to render: a fault of the program.
pub fn json(feed: Feed<'_>, links: Links<'_>) -> Result<String, askama::Error> {
    let place = format!("{}/digests/{}", links.base, feed.slug);
    let items: Vec<_> = entries(feed, links)?
        .into_iter()
        .map(|entry| {
            json!({
                "id": entry.id,
                "url": entry.link,
                "title": entry.title,
                "content_html": entry.content,
                "date_published": entry.updated,
            })
        })
        .collect();
    Ok(json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.name,
        "home_page_url": place,
        "feed_url": format!("{place}/feed.json"),
        "items": items,
    })
    .to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{
        super::compose::tests::{article, composed, story, subscription},
        *,
    };

    #[test]
    fn both_feeds_hold_the_editions_and_no_markup_of_publishers() {
        let mut hostile = article(1, 1);
        hostile.title = "<script>alert(1)</script> & ]]>".to_owned();
        let edition = composed(&subscription(), &[story(1, vec![hostile])]).edition;
        let feed = Feed {
            name: "Morning & evening",
            slug: "morning",
            editions: std::slice::from_ref(&edition),
            installation: "8f3a",
            updated: edition.composed_at,
        };
        let links = Links {
            base: "https://desk.example",
            unsubscribe: None,
        };
        let atom = atom(feed, links).unwrap();
        assert!(atom.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed "));
        let id = urn("8f3a", "digests/morning/2026-11-24-0700");
        assert!(atom.contains(&format!("<id>{id}</id>")));
        assert!(atom.contains("href=\"https://desk.example/digests/morning/2026-11-24-0700\""));
        assert!(
            !atom.contains("<script") && !atom.contains("&lt;script"),
            "{atom}"
        );
        let json: serde_json::Value = serde_json::from_str(&json(feed, links).unwrap()).unwrap();
        let content = json["items"][0]["content_html"].as_str().unwrap();
        assert!(content.contains("https://news.example/1") && !content.contains("<script"));
    }
}
