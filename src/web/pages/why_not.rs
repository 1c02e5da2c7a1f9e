//! Why a page is not on the board: not fetched, fetched and not matched, folded into a story, or passed, and by whom.

use std::sync::Arc;

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use serde::Deserialize;
use url::Url;

use super::{frame::Frame, moments::Moment};
use crate::{
    domain::{ArticleId, FeedId, StoryId, Timestamp},
    query::{Purpose, explain, parse},
    store::{
        beat,
        search::{self as stored, Text},
        why_not::{self, FoundArticle, FoundEntry, LikelyFeed},
    },
    web::{WebState, error::WebError, extract::Form, reading, search::Sources},
};

/// Parts that are told of each keyword.
const MOST_LACKS: usize = 6;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "why_not.html")]
pub(crate) struct WhyNotPage {
    frame: Frame,
    asked: String,
    articles: Vec<ArticleView>,
    entry: Option<EntryView>,
    /// Whether the address was looked for and nothing is there.
    is_missing: bool,
    feeds: Vec<FeedView>,
    /// What each keyword lacks in the text that was found or pasted, the nearest first.
    verdicts: Vec<Verdict>,
    is_text: bool,
}

#[derive(Debug)]
struct ArticleView {
    id: i64,
    title: String,
    first_seen: Moment,
    keywords: String,
    story: Option<i64>,
    original: Option<(i64, String)>,
    passed: Option<Passed>,
    desk: String,
    is_backfill: bool,
}

#[derive(Debug)]
struct Passed {
    by: String,
    reason: String,
    when: Option<Moment>,
}

#[derive(Debug)]
struct EntryView {
    title: String,
    first_seen: Moment,
    feed: i64,
}

#[derive(Debug)]
struct FeedView {
    id: i64,
    name: String,
    state: String,
    error: String,
    last_success: Option<Moment>,
    last_new: Option<Moment>,
}

/// What a keyword makes of a text.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    slug: String,
    name: String,
    held: bool,
    lacks: Vec<String>,
    more: usize,
}

/// What is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    asked: String,
}

/// Answers with an empty form.
pub(crate) async fn show() -> WhyNotPage {
    page(String::new())
}

fn page(asked: String) -> WhyNotPage {
    WhyNotPage {
        frame: Frame::bare(reading::current().texts.why_not),
        asked,
        articles: Vec::new(),
        entry: None,
        is_missing: false,
        feeds: Vec::new(),
        verdicts: Vec::new(),
        is_text: false,
    }
}

/// Answers what became of an address or a text.
pub(crate) async fn answer(
    State(state): State<WebState>,
    Form(question): Form<Question>,
) -> Result<WhyNotPage, WebError> {
    let asked = question.asked.trim().to_owned();
    let mut page = page(question.asked);
    if asked.is_empty() {
        return Ok(page);
    }
    let Some(url) = address(&asked) else {
        page.is_text = true;
        page.verdicts = verdicts(&state, pasted(&asked, state.clock.now())).await?;
        return Ok(page);
    };
    let now = state.clock.now();
    let articles = why_not::articles(&state.db, url.as_str()).await?;
    if let Some(first) = articles.first() {
        let ids = [first.id];
        let texts = stored::articles(&state.db, &ids).await?.texts;
        if let Some(article) = texts.into_iter().next() {
            page.verdicts = verdicts(&state, article.text).await?;
        }
        page.articles = articles
            .into_iter()
            .map(|it| article_view(it, now))
            .collect();
        return Ok(page);
    }
    let host = url.host_str().unwrap_or_default();
    if let Some(entry) = why_not::entries(&state.db, url.as_str(), host)
        .await?
        .into_iter()
        .next()
    {
        page.entry = Some(entry_view(&entry, now));
        page.verdicts = verdicts(&state, entry.text).await?;
        return Ok(page);
    }
    page.is_missing = true;
    let feeds = why_not::feeds(&state.db, host).await?;
    page.feeds = feeds.into_iter().map(|feed| feed_view(feed, now)).collect();
    Ok(page)
}

/// The address, if that is what was pasted.
fn address(asked: &str) -> Option<Url> {
    if asked.contains(char::is_whitespace) {
        return None;
    }
    let url = Url::parse(asked).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// A pasted text: its first line is the headline.
fn pasted(asked: &str, now: Timestamp) -> Text {
    let (title, content) = asked.split_once('\n').unwrap_or((asked, ""));
    Text {
        source_id: crate::domain::SourceId::new(0),
        url: None,
        title: title.trim().to_owned(),
        summary: String::new(),
        content: content.trim().replace("\r\n", "\n"),
        language: None,
        authors: Vec::new(),
        categories: Vec::new(),
        sort_at: now,
    }
}

/// What every keyword makes of a text, those that lack the least first.
async fn verdicts(state: &WebState, text: Text) -> Result<Vec<Verdict>, WebError> {
    let (source, sources, lexicon) = tokio::try_join!(
        beat::engine_source(&state.db),
        stored::sources(&state.db),
        state.words.lexicon(&state.db, &state.cores)
    )?;
    let sources: Sources = Arc::new(sources.into_iter().map(|it| (it.id, it)).collect());
    let judging = state.cores.work(move || {
        let subject = text.subject(&sources);
        let mut verdicts: Vec<Verdict> = source
            .keywords
            .iter()
            .filter_map(|keyword| {
                let query = parse(&keyword.query, &lexicon, Purpose::SavedKeyword).ok()?;
                let explained = explain(&query, &lexicon, &subject);
                let mut lacks = explained.lacks();
                let more = lacks.len().saturating_sub(MOST_LACKS);
                lacks.truncate(MOST_LACKS);
                Some(Verdict {
                    slug: keyword.slug.clone(),
                    name: keyword.name.clone(),
                    held: explained.held,
                    lacks,
                    more,
                })
            })
            .collect();
        verdicts.sort_by_key(|verdict| (!verdict.held, verdict.lacks.len() + verdict.more));
        verdicts
    });
    Ok(judging.await)
}

fn article_view(found: FoundArticle, now: Timestamp) -> ArticleView {
    let state = found.desk.state.as_str();
    ArticleView {
        id: found.id.get(),
        title: found.title,
        first_seen: Moment::clock(now, found.first_seen_at),
        keywords: found.keywords.join(", "),
        story: found.story.map(StoryId::get),
        original: found.copy_of.map(ArticleId::get).zip(found.original),
        passed: (state == "passed").then(|| Passed {
            by: found.desk.by.clone(),
            reason: found
                .desk
                .reason
                .map(|reason| reason.as_str().to_owned())
                .unwrap_or_default(),
            when: found.desk.since.map(|since| Moment::clock(now, since)),
        }),
        desk: if found.desk.by.is_empty() {
            state.to_owned()
        } else {
            format!("{state} · {}", found.desk.by)
        },
        is_backfill: found.is_backfill,
    }
}

fn entry_view(entry: &FoundEntry, now: Timestamp) -> EntryView {
    EntryView {
        title: entry.text.title.clone(),
        first_seen: Moment::clock(now, entry.first_seen_at),
        feed: entry.feed_id.get(),
    }
}

fn feed_view(feed: LikelyFeed, now: Timestamp) -> FeedView {
    FeedView {
        id: FeedId::get(feed.id),
        name: feed.name,
        state: feed.state,
        error: feed.error.unwrap_or_default(),
        last_success: feed.last_success_at.map(|at| Moment::ago(now, at)),
        last_new: feed.last_new_entry_at.map(|at| Moment::ago(now, at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_text() {
        for (asked, is_address) in [
            ("https://news.example/a?b=c", true),
            ("http://news.example", true),
            ("Iran talks resume", false),
            ("javascript:alert(1)", false),
            ("https://news.example/a and more", false),
        ] {
            assert_eq!(address(asked).is_some(), is_address, "{asked}");
        }
    }
}
