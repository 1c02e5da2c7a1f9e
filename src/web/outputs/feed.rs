//! Articles as a feed: Atom (RFC 4287) and JSON Feed 1.1, in pages where there are many (RFC 5005, 3). Texts are plain.

use askama::Template;
use serde_json::json;

use super::{Subject, link_of};
use crate::{digest::urn::urn, domain::Timestamp, store::article_stream::ArrivedArticle};

#[derive(Template)]
#[template(path = "articles.atom", escape = "html")]
struct Atom<'a> {
    id: String,
    title: String,
    page: &'a str,
    itself: &'a str,
    next: Option<&'a str>,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    link: String,
    title: String,
    text: String,
    language: Option<String>,
    published: String,
    updated: String,
    authors: Vec<String>,
    source: String,
    keywords: Vec<String>,
}

impl Entry {
    fn new(subject: &Subject<'_>, article: &ArrivedArticle) -> Self {
        let text = if article.summary.is_empty() {
            &article.content
        } else {
            &article.summary
        };
        Self {
            id: urn(subject.installation, &format!("articles/{}", article.id)),
            link: link_of(subject.base, article),
            title: for_xml(&article.title),
            text: for_xml(text),
            language: article.language.clone().filter(|tag| is_tag(tag)),
            published: article.sort_at.to_string(),
            updated: changed(article).to_string(),
            authors: article.authors.iter().map(|name| for_xml(name)).collect(),
            source: for_xml(&article.source_name),
            keywords: article
                .matches
                .iter()
                .map(|found| found.keyword.clone())
                .collect(),
        }
    }
}

/// When an article last changed for readers of a feed.
fn changed(article: &ArrivedArticle) -> Timestamp {
    article.updated_at.unwrap_or(article.first_seen_at)
}

/// Without the characters that XML 1.0 cannot hold.
fn for_xml(text: &str) -> String {
    text.chars()
        .filter(|letter| {
            matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        })
        .collect()
}

/// Whether it looks like a language tag (BCP 47).
fn is_tag(tag: &str) -> bool {
    tag.len() <= 35
        && tag.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn updated(articles: &[ArrivedArticle]) -> Timestamp {
    articles
        .iter()
        .map(changed)
        .max()
        .unwrap_or_else(|| Timestamp::from_micros(0))
}

/// The articles as Atom.
///
/// # Errors
/// The template fails to render: a fault of the program.
pub(super) fn atom(
    subject: &Subject<'_>,
    articles: &[ArrivedArticle],
) -> Result<String, askama::Error> {
    // The address that it was asked at does not count: it may be another tomorrow.
    let path = subject.itself.strip_prefix(subject.base);
    Atom {
        id: urn(subject.installation, path.unwrap_or(&subject.itself)),
        title: for_xml(subject.title),
        page: &subject.page,
        itself: &subject.itself,
        next: subject.next.as_deref(),
        updated: updated(articles).to_string(),
        entries: articles
            .iter()
            .map(|article| Entry::new(subject, article))
            .collect(),
    }
    .render()
}

/// The articles as JSON Feed.
pub(super) fn json(subject: &Subject<'_>, articles: &[ArrivedArticle]) -> String {
    let items: Vec<_> = articles
        .iter()
        .map(|article| Entry::new(subject, article))
        .map(|entry| {
            let authors = entry.authors.iter().map(|name| json!({"name": name}));
            let mut item = json!({
                "id": entry.id,
                "url": entry.link,
                "title": entry.title,
                "content_text": entry.text,
                "date_published": entry.published,
                "date_modified": entry.updated,
                "authors": authors.collect::<Vec<_>>(),
                "tags": entry.keywords,
            });
            if let Some(language) = entry.language {
                item["language"] = language.into();
            }
            item
        })
        .collect();
    let mut feed = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": subject.title,
        "home_page_url": subject.page,
        "feed_url": subject.itself,
        "items": items,
    });
    if let Some(next) = &subject.next {
        feed["next_url"] = next.as_str().into();
    }
    feed.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        assert_eq!(for_xml("a\u{0}b\u{b}c\u{ffff}d\n😀"), "abcd\n😀");
        assert!(is_tag("zh-Hant") && !is_tag("\"><x") && !is_tag(""));
    }
}
