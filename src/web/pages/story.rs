//! One story: who had it first, the copies under their original, what the independent reports say, and why each article
//! stands here. Moving an article out, merging and taking back work without script.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    desk::DeskPanel,
    frame::{Frame, Place},
    line::{facts, language_tag, outward},
    moments::{Moment, counted, span},
};
use crate::{
    domain::{ArticleId, Collection, DecisionId, StoryId, Timestamp},
    store::{
        PgPool, feed_health, live,
        story_decisions::{self, Decided, Decision},
        story_page::{self, EarlierHeadline, StoryArticle},
    },
    web::{
        error::WebError,
        extract::{Form, Path},
        state::WebClock,
        visitor::Visitor,
    },
};

/// Decisions shown on a page.
const DECISIONS: i64 = 20;

/// Copies of one report that are shown before the rest folds.
const COPIES: usize = 3;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "story.html")]
pub(crate) struct StoryPage {
    frame: Frame,
    id: i64,
    title: String,
    lang: Option<String>,
    summary: Vec<String>,
    warnings: Vec<&'static str>,
    reports: Vec<Report>,
    spread: Vec<Spread>,
    keywords: Vec<String>,
    headlines: Vec<Headline>,
    decisions: Vec<DecisionView>,
    number: i64,
    panel: DeskPanel,
}

/// A report that is no copy, with its copies.
#[derive(Debug)]
struct Report {
    article: Entry,
    shown: Vec<Entry>,
    folded: Vec<Entry>,
    wire: Option<String>,
}

/// An article on the timeline.
#[derive(Debug)]
struct Entry {
    id: i64,
    title: Vec<Piece>,
    lang: Option<String>,
    original: Option<String>,
    source: String,
    facts: String,
    seen: Moment,
    lead: String,
    why: String,
}

/// Words of a headline, and whether the first headline has them too.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    text: String,
    is_other: bool,
}

/// How many reports come from where.
#[derive(Debug)]
struct Spread {
    name: &'static str,
    parts: Vec<String>,
}

/// A headline that an article had before.
#[derive(Debug)]
struct Headline {
    source: String,
    lang: Option<String>,
    before: String,
    after: String,
    until: Moment,
}

/// A decision of the desk.
#[derive(Debug)]
pub(super) struct DecisionView {
    pub(super) id: i64,
    pub(super) words: String,
    pub(super) title: String,
    pub(super) actor: String,
    pub(super) when: Moment,
    pub(super) is_undone: bool,
    pub(super) into: i64,
}

/// Answers with the story; a story that was merged leads to the one that took its members.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Path(id): Path<StoryId>,
) -> Result<Response, WebError> {
    let survivor = story_page::survivor(&db, id)
        .await?
        .ok_or(WebError::NotFound("story"))?;
    if survivor != id {
        return Ok(Redirect::to(&format!("/stories/{survivor}")).into_response());
    }
    let now = clock.now();
    let number = live::last_numbers(&db).await?.desk;
    let here = format!("/stories/{id}");
    let (articles, earlier, decisions, collection, panel) = tokio::try_join!(
        story_page::articles(&db, id),
        story_page::earlier_headlines(&db, id),
        story_decisions::latest(&db, Some(id), DECISIONS),
        feed_health::collection(&db),
        DeskPanel::read(&db, id, here, now),
    )?;
    let panel = panel.ok_or(WebError::NotFound("story"))?;
    let page = view(
        id,
        &articles,
        &earlier,
        &decisions,
        &collection,
        (number, panel),
        now,
    )
    .ok_or(WebError::NotFound("story"))?;
    Ok(page.into_response())
}

fn view(
    id: StoryId,
    articles: &[StoryArticle],
    earlier: &[EarlierHeadline],
    decisions: &[Decision],
    collection: &Collection,
    (number, panel): (i64, DeskPanel),
    now: Timestamp,
) -> Option<StoryPage> {
    let first = articles.first()?;
    let reports = reports(articles, first, now);
    Some(StoryPage {
        frame: Frame::new(&first.title, Place::Stories, collection, now),
        id: id.get(),
        title: first.title.clone(),
        lang: language_tag(first.language.as_deref()),
        summary: summary(articles),
        warnings: warnings(articles),
        spread: spread(articles),
        keywords: keywords(articles),
        headlines: headlines(articles, earlier, now),
        decisions: decisions
            .iter()
            .map(|decision| decision_view(decision, now))
            .collect(),
        reports,
        number,
        panel,
    })
}

fn reports(articles: &[StoryArticle], first: &StoryArticle, now: Timestamp) -> Vec<Report> {
    let here: BTreeSet<i64> = articles.iter().map(|article| article.id.get()).collect();
    // A copy whose original is elsewhere stands for itself.
    let original = |article: &StoryArticle| {
        article
            .copy_of
            .map(ArticleId::get)
            .filter(|original| here.contains(original))
    };
    let mut copies: BTreeMap<i64, Vec<&StoryArticle>> = BTreeMap::new();
    for article in articles {
        if let Some(original) = original(article) {
            copies.entry(original).or_default().push(article);
        }
    }
    articles
        .iter()
        .filter(|article| original(article).is_none())
        .map(|article| {
            let own = copies.remove(&article.id.get()).unwrap_or_default();
            let mut entries: Vec<Entry> = own
                .iter()
                .map(|copy| entry(copy, article, first, now))
                .collect();
            let folded = entries.split_off(entries.len().min(COPIES));
            Report {
                wire: wire(article, &own),
                article: entry(article, first, first, now),
                shown: entries,
                folded,
            }
        })
        .collect()
}

fn entry(
    article: &StoryArticle,
    beside: &StoryArticle,
    first: &StoryArticle,
    now: Timestamp,
) -> Entry {
    let lang = language_tag(article.language.as_deref());
    let behind = article.first_seen_at.since(first.first_seen_at);
    Entry {
        id: article.id.get(),
        title: difference(&article.title, beside),
        original: outward(article.url.as_deref()),
        source: article.source.clone(),
        facts: facts(&article.tier, article.country.as_deref(), lang.as_deref()),
        lang,
        seen: Moment::clock(now, article.first_seen_at),
        lead: match article.id == first.id {
            true => "first".to_owned(),
            false if behind < Duration::from_mins(1) => "same minute".to_owned(),
            false => format!("+{}", span(behind)),
        },
        why: why(&article.reason),
    }
}

/// The headline in pieces: what the other one has not is told apart. Across languages nothing is compared.
fn difference(title: &str, beside: &StoryArticle) -> Vec<Piece> {
    let words = |text: &str| -> BTreeSet<String> {
        text.split_whitespace()
            .map(|word| {
                word.trim_matches(|c: char| !c.is_alphanumeric())
                    .to_lowercase()
            })
            .collect()
    };
    let known = words(&beside.title);
    if title.trim().is_empty() {
        return vec![Piece {
            text: "(no headline)".to_owned(),
            is_other: false,
        }];
    }
    let is_comparable = words(title).iter().any(|word| known.contains(word));
    let mut pieces: Vec<Piece> = Vec::new();
    for word in title.split_inclusive(char::is_whitespace) {
        let bare = word
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        let is_other = is_comparable && !bare.is_empty() && !known.contains(&bare);
        match pieces.last_mut() {
            Some(last) if last.is_other == is_other => last.text.push_str(word),
            _ => pieces.push(Piece {
                text: word.to_owned(),
                is_other,
            }),
        }
    }
    pieces
}

/// The wire that a text comes from, where the article, its authors or a copy of it names one.
fn wire(article: &StoryArticle, copies: &[&StoryArticle]) -> Option<String> {
    if article.tier == "wire" {
        return Some(article.source.clone());
    }
    copies
        .iter()
        .find(|copy| copy.tier == "wire")
        .map(|copy| copy.source.clone())
        .or_else(|| {
            std::iter::once(article)
                .chain(copies.iter().copied())
                .flat_map(|article| {
                    article
                        .authors
                        .iter()
                        .map(String::as_str)
                        .chain([article.text.as_str()])
                })
                .find_map(named_wire)
                .map(str::to_owned)
        })
}

/// Agencies as they are credited at the beginning of a text or in place of an author.
const WIRES: [(&str, &str); 16] = [
    ("Reuters", "Reuters"),
    ("(AP)", "AP"),
    ("Associated Press", "AP"),
    ("AFP", "AFP"),
    ("Agence France-Presse", "AFP"),
    ("Yonhap", "Yonhap"),
    ("연합뉴스", "Yonhap"),
    ("Xinhua", "Xinhua"),
    ("新华社", "Xinhua"),
    ("ТАСС", "TASS"),
    ("TASS", "TASS"),
    ("РИА Новости", "RIA Novosti"),
    ("IRNA", "IRNA"),
    ("ایرنا", "IRNA"),
    ("共同", "Kyodo"),
    ("時事", "Jiji"),
];

fn named_wire(text: &str) -> Option<&'static str> {
    let beginning: String = text.chars().take(80).collect();
    WIRES
        .iter()
        .find(|(credit, _)| beginning.contains(credit))
        .map(|(_, name)| *name)
}

/// Why an article stands here, for people.
fn why(reason: &serde_json::Value) -> String {
    let share =
        |value: &serde_json::Value| format!("{:.0} %", value.as_f64().unwrap_or_default() * 100.0);
    match reason["why"].as_str().unwrap_or_default() {
        "first" => "began the story".to_owned(),
        "copy" => match reason["evidence"]["kind"].as_str() {
            Some("headline") => "copy: the same headline".to_owned(),
            _ => format!(
                "copy: {} of the shorter text",
                share(&reason["evidence"]["containment"])
            ),
        },
        "alike" => format!(
            "same words: {} like the nearest report",
            share(&reason["best"])
        ),
        "across" => format!(
            "other language: {} names, numbers and concepts in common",
            reason["shared"].as_u64().unwrap_or_default()
        ),
        "desk" => "the desk put it here".to_owned(),
        _ => String::new(),
    }
}

fn summary(articles: &[StoryArticle]) -> Vec<String> {
    let copies = articles
        .iter()
        .filter(|article| article.copy_of.is_some())
        .count();
    let sources: BTreeSet<i64> = articles
        .iter()
        .map(|article| article.source_id.get())
        .collect();
    let mut summary = vec![counted(articles.len() as u64, "article")];
    if copies > 0 {
        summary.push(if copies == 1 {
            "1 copy".to_owned()
        } else {
            format!("{copies} copies")
        });
    }
    summary.push(format!("{} independent", articles.len() - copies));
    summary.push(counted(sources.len() as u64, "source"));
    summary
}

/// What a reader must know before trusting a story.
fn warnings(articles: &[StoryArticle]) -> Vec<&'static str> {
    let sources: BTreeSet<i64> = articles
        .iter()
        .map(|article| article.source_id.get())
        .collect();
    let mut warnings = Vec::new();
    if sources.len() == 1 {
        warnings.push("single source");
    } else if articles
        .iter()
        .filter(|article| article.copy_of.is_none())
        .count()
        == 1
    {
        warnings.push("one text, and copies of it");
    }
    if articles.iter().all(|article| article.tier == "state") {
        warnings.push("only state media report this");
    }
    warnings
}

fn spread(articles: &[StoryArticle]) -> Vec<Spread> {
    let count = |name, of: &dyn Fn(&StoryArticle) -> Option<String>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for article in articles.iter().filter(|article| article.copy_of.is_none()) {
            *counts
                .entry(of(article).unwrap_or_else(|| "unknown".to_owned()))
                .or_default() += 1;
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Spread {
            name,
            parts: counts
                .into_iter()
                .map(|(what, count)| format!("{what} {count}"))
                .collect(),
        }
    };
    vec![
        count("tier", &|article| Some(article.tier.clone())),
        count("country", &|article| article.country.clone()),
        count("language", &|article| {
            language_tag(article.language.as_deref())
        }),
    ]
}

fn keywords(articles: &[StoryArticle]) -> Vec<String> {
    let mut keywords: Vec<String> = Vec::new();
    for keyword in articles.iter().flat_map(|article| &article.keywords) {
        if !keywords.contains(keyword) {
            keywords.push(keyword.clone());
        }
    }
    keywords
}

fn headlines(
    articles: &[StoryArticle],
    earlier: &[EarlierHeadline],
    now: Timestamp,
) -> Vec<Headline> {
    let headline = |(at, text): (usize, &EarlierHeadline)| {
        let article = articles
            .iter()
            .find(|article| article.id == text.article_id)?;
        let after = earlier
            .iter()
            .skip(at + 1)
            .find(|later| later.article_id == text.article_id)
            .map_or(&article.title, |later| &later.title);
        Some(Headline {
            source: article.source.clone(),
            lang: language_tag(article.language.as_deref()),
            before: text.title.clone(),
            after: after.clone(),
            until: Moment::clock(now, text.replaced_at),
        })
    };
    earlier.iter().enumerate().filter_map(headline).collect()
}

pub(super) fn decision_view(decision: &Decision, now: Timestamp) -> DecisionView {
    let moved = counted(u64::try_from(decision.moved).unwrap_or_default(), "article");
    DecisionView {
        id: decision.id.get(),
        words: if decision.kind == "together" {
            format!("merged a story of {moved} into this one")
        } else {
            format!("moved {moved} out")
        },
        title: decision.title.clone(),
        actor: decision.actor.clone(),
        when: Moment::clock(now, decision.made_at),
        is_undone: decision.undone_at.is_some(),
        into: decision.into_story.get(),
    }
}

/// Which article is to leave.
#[derive(Debug, Deserialize)]
pub(crate) struct Out {
    article: ArticleId,
}

/// Moves an article out of its story.
pub(crate) async fn move_out(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    visitor: Visitor,
    Form(out): Form<Out>,
) -> Result<Redirect, WebError> {
    let decided =
        story_decisions::move_out(&db, out.article, &visitor.actor(), clock.now()).await?;
    answer(decided, "article")
}

/// The other story: its number, or its address as copied from the browser.
#[derive(Debug, Deserialize)]
pub(crate) struct Other {
    other: String,
}

/// Merges another story into this one.
pub(crate) async fn merge(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    visitor: Visitor,
    Path(id): Path<StoryId>,
    Form(Other { other }): Form<Other>,
) -> Result<Redirect, WebError> {
    let from = story_number(&other).ok_or_else(|| {
        WebError::BadRequest("write the number or the address of the other story".to_owned())
    })?;
    let decided = story_decisions::merge(&db, from, id, &visitor.actor(), clock.now()).await?;
    answer(decided, "story")
}

/// The number at the end of what was pasted.
fn story_number(text: &str) -> Option<StoryId> {
    let text = text.trim().trim_end_matches('/');
    let number = text.rsplit('/').next()?.split(['?', '#']).next()?;
    Some(StoryId::new(
        number.parse().ok().filter(|number| *number > 0)?,
    ))
}

/// Takes a decision back.
pub(crate) async fn undo(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    visitor: Visitor,
    Path(id): Path<DecisionId>,
) -> Result<Redirect, WebError> {
    let decided = story_decisions::undo(&db, id, &visitor.actor(), clock.now()).await?;
    answer(decided, "decision")
}

fn answer(decided: Decided, what: &'static str) -> Result<Redirect, WebError> {
    match decided {
        Decided::Done(story) | Decided::Nothing(story) => {
            Ok(Redirect::to(&format!("/stories/{story}")))
        }
        Decided::Missing => Err(WebError::NotFound(what)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::SourceId;

    fn article(id: i64, source: i64, tier: &str, copy_of: Option<i64>) -> StoryArticle {
        StoryArticle {
            id: ArticleId::new(id),
            copy_of: copy_of.map(ArticleId::new),
            reason: json!({"why": "first"}),
            title: format!("Ministry orders {id} parts"),
            text: String::new(),
            url: None,
            language: Some("en".to_owned()),
            authors: Vec::new(),
            source_id: SourceId::new(source),
            source: format!("Source {source}"),
            tier: tier.to_owned(),
            country: Some("KR".to_owned()),
            published_at: None,
            first_seen_at: Timestamp::from_micros(1_795_507_200_000_000 + id * 60_000_000),
            keywords: vec!["Link".to_owned()],
        }
    }

    fn page(articles: &[StoryArticle]) -> StoryPage {
        let now = Timestamp::from_micros(1_795_510_800_000_000);
        view(
            StoryId::new(1),
            articles,
            &[],
            &[],
            &Collection::default(),
            (0, DeskPanel::empty(StoryId::new(1), now)),
            now,
        )
        .unwrap()
    }

    #[test]
    fn copies_stand_under_their_original_with_their_lead() {
        let page = page(&[
            article(1, 1, "wire", None),
            article(2, 2, "press", Some(1)),
            article(3, 3, "press", None),
            article(4, 4, "press", Some(1)),
        ]);
        assert_eq!(page.reports.len(), 2);
        let leads: Vec<&str> = page.reports[0]
            .shown
            .iter()
            .map(|copy| copy.lead.as_str())
            .collect();
        assert_eq!(
            (page.reports[0].article.lead.as_str(), leads),
            ("first", vec!["+1 minute", "+3 minutes"])
        );
        assert_eq!(page.reports[0].wire.as_deref(), Some("Source 1"));
        assert_eq!(
            page.summary,
            ["4 articles", "2 copies", "2 independent", "4 sources"]
        );
        assert!(page.warnings.is_empty());
        assert!(page.render().unwrap().contains("action=\"/stories/out\"") || !page.frame.may_work);
    }

    #[test]
    fn what_a_reader_must_know_is_said() {
        assert_eq!(
            page(&[article(1, 1, "press", None)]).warnings,
            ["single source"]
        );
        assert_eq!(
            page(&[
                article(1, 1, "state", None),
                article(2, 2, "state", Some(1))
            ])
            .warnings,
            ["one text, and copies of it", "only state media report this"]
        );
    }

    #[test]
    fn a_headline_tells_what_the_other_has_not() {
        let pieces = difference(
            "Ministry orders new parts, sources say",
            &article(1, 1, "press", None),
        );
        let other: String = pieces
            .iter()
            .filter(|piece| piece.is_other)
            .map(|piece| piece.text.as_str())
            .collect();
        assert_eq!(other, "new sources say");
        assert!(
            difference("북한 대표단 방문", &article(1, 1, "press", None))
                .iter()
                .all(|piece| !piece.is_other)
        );
    }

    #[test]
    fn another_story_is_named_by_number_or_address() {
        for text in [
            "12",
            " https://desk.example/stories/12 ",
            "/stories/12/?x#y",
            "http://[::1]:8080/stories/12#top",
        ] {
            let expected = (!text.contains("/?")).then(|| StoryId::new(12));
            assert_eq!(story_number(text), expected, "{text}");
        }
        assert_eq!(story_number("the other one"), None);
    }
}
