//! One article: its text with the hits, why it is kept, who carried it, what it said before.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, http::HeaderMap};

use super::{
    desk::DeskPanel,
    frame::{Frame, Place},
    inquiry::{self, Answered, Inquiry, SearchHits, WhyView},
    line::{facts, headline, language_tag, outward},
    moments::Moment,
};
use crate::{
    domain::{
        ArticleId, Field, Hit, Timestamp,
        marks::{Gloss, Segment, glosses, marked},
    },
    store::{
        article_page::{self, EarlierText, Reason, SeenIn, StoredArticle},
        feed_health::{self, Collection},
        live,
        search::{self as stored, SearchedKeyword},
        story_page,
    },
    text::diff::{self, Change, Piece},
    web::{
        WebState,
        error::WebError,
        extract::{Path, Query},
        links,
        peer::Peer,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "article.html")]
pub(crate) struct ArticlePage {
    frame: Frame,
    id: i64,
    /// The last change of the desk that the page shows.
    number: i64,
    panel: Option<DeskPanel>,
    search: Option<SearchHits>,
    why: Option<WhyView>,
    keywords: Vec<SearchedKeyword>,
    /// To be copied into a text of ours.
    citation: String,
    headline: Vec<Segment>,
    lang: Option<String>,
    original: Option<String>,
    source: String,
    domain: String,
    facts: String,
    authors: String,
    categories: String,
    published: Option<Moment>,
    first_seen: Moment,
    updated: Option<Moment>,
    is_backfill: bool,
    summary: Vec<Paragraph>,
    content: Vec<Paragraph>,
    reasons: Vec<ReasonView>,
    sightings: Vec<SightingView>,
    earlier: Vec<EarlierView>,
}

/// A paragraph in pieces.
type Paragraph = Vec<Segment>;

#[derive(Debug)]
struct ReasonView {
    slug: String,
    name: String,
    version: i32,
    why: String,
    terms: Vec<String>,
    glosses: Vec<Gloss>,
    matched: Moment,
    is_closed: bool,
}

#[derive(Debug)]
struct SightingView {
    feed_id: i64,
    feed: String,
    source: String,
    when: Moment,
}

#[derive(Debug)]
struct EarlierView {
    title: String,
    has_other_title: bool,
    text: Vec<String>,
    /// How the headline became the next one; empty if it did not change.
    title_diff: Vec<DiffPiece>,
    /// The paragraphs that changed.
    text_diff: Vec<Vec<DiffPiece>>,
    until: Moment,
}

/// A piece of two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DiffPiece {
    text: String,
    is_gone: bool,
    is_come: bool,
}

/// What the page is made of.
struct Stored {
    article: StoredArticle,
    reasons: Vec<Reason>,
    seen_in: Vec<SeenIn>,
    earlier: Vec<EarlierText>,
    answered: Answered,
    keywords: Vec<SearchedKeyword>,
    /// Where the page is for others.
    permalink: String,
}

/// Answers with the article.
pub(crate) async fn show(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Path(id): Path<ArticleId>,
    Query(inquiry): Query<Inquiry>,
) -> Result<ArticlePage, WebError> {
    let (db, now) = (&state.db, state.clock.now());
    let number = live::last_numbers(db).await?.desk;
    let (article, reasons, seen_in, earlier, story, keywords, collection) = tokio::try_join!(
        article_page::article(db, id),
        article_page::reasons(db, id),
        article_page::seen_in(db, id),
        article_page::earlier_texts(db, id),
        story_page::story_of(db, id),
        stored::keywords(db),
        feed_health::collection(db),
    )?;
    let article = article.ok_or(WebError::NotFound("article"))?;
    let path = format!("/articles/{id}");
    let panel = match story {
        Some(story) => DeskPanel::read(db, story, path.clone(), now).await?,
        None => None,
    };
    let stored = Stored {
        article,
        reasons,
        seen_in,
        earlier,
        answered: inquiry::ask(&state, &inquiry, id).await?,
        keywords,
        permalink: links::of_request(&state.options, peer, &headers) + &path,
    };
    Ok(ArticlePage {
        number,
        panel,
        ..view(stored, &collection, now)
    })
}

fn view(stored: Stored, collection: &Collection, now: Timestamp) -> ArticlePage {
    let Stored {
        article,
        reasons,
        seen_in,
        earlier,
        answered: Answered { search, why },
        keywords,
        permalink,
    } = stored;
    let (article, earlier) = (&article, &earlier);
    let hits: Vec<Hit> = match &search {
        Some(search) => search.hits.clone(),
        None => reasons
            .iter()
            .filter(|reason| reason.closed_at.is_none())
            .flat_map(|reason| reason.hits.clone())
            .collect(),
    };
    let lang = language_tag(article.language.as_deref());
    ArticlePage {
        frame: Frame::new(&article.title, Place::Board, collection, now),
        id: article.id.get(),
        number: 0,
        panel: None,
        search,
        why,
        keywords,
        citation: citation(article, &permalink),
        headline: headline(&article.title, &hits),
        original: outward(article.url.as_deref()),
        source: article.source.clone(),
        domain: article.domain.clone(),
        facts: facts(&article.tier, article.country.as_deref(), lang.as_deref()),
        lang,
        authors: article.authors.join(", "),
        categories: article.categories.join(", "),
        published: article.published_at.map(Moment::exact),
        first_seen: Moment::exact(article.first_seen_at),
        updated: article.updated_at.map(Moment::exact),
        is_backfill: article.is_backfill,
        // Many feeds give the beginning of the content as summary: it is not shown twice.
        summary: if article
            .content
            .starts_with(article.summary.trim_end_matches(['…', '.']))
        {
            Vec::new()
        } else {
            paragraphs(&article.summary, Field::Summary, &hits)
        },
        content: paragraphs(&article.content, Field::Content, &hits),
        reasons: reasons.iter().map(reason_view).collect(),
        sightings: seen_in
            .iter()
            .map(|seen| sighting_view(seen, now))
            .collect(),
        earlier: earlier_views(article, earlier),
    }
}

/// The article as it is cited: title, outlet, when it was published and first seen, where it is, and our page of it.
fn citation(article: &StoredArticle, permalink: &str) -> String {
    let seen = format!("first seen {}", Moment::exact(article.first_seen_at).exact);
    let published = article.published_at.map_or_else(
        || "no date of publication".to_owned(),
        |at| format!("published {}", Moment::exact(at).exact),
    );
    let parts = [
        format!("“{}”", article.title.trim()),
        article.source.clone(),
        published,
        seen,
    ];
    [
        Some(parts.join(", ")),
        outward(article.url.as_deref()),
        Some(permalink.to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join("\n")
}

/// The text in paragraphs, its hits marked. A mark that spans two paragraphs is cut at the seam.
fn paragraphs(text: &str, field: Field, hits: &[Hit]) -> Vec<Paragraph> {
    let mut paragraphs = vec![Paragraph::new()];
    for segment in marked(text, field, hits) {
        for (place, piece) in segment.text.split('\n').enumerate() {
            if place > 0 {
                paragraphs.push(Paragraph::new());
            }
            if let Some(paragraph) = paragraphs.last_mut().filter(|_| !piece.is_empty()) {
                paragraph.push(Segment {
                    text: piece.to_owned(),
                    ..segment.clone()
                });
            }
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

fn reason_view(reason: &Reason) -> ReasonView {
    let mut terms: Vec<String> = Vec::new();
    for hit in &reason.hits {
        if !terms.contains(&hit.text) {
            terms.push(hit.text.clone());
        }
    }
    ReasonView {
        slug: reason.slug.clone(),
        name: reason.name.clone(),
        version: reason.version,
        why: reason.why.clone(),
        terms,
        glosses: glosses(&reason.hits),
        matched: Moment::exact(reason.matched_at),
        is_closed: reason.closed_at.is_some(),
    }
}

fn sighting_view(seen: &SeenIn, now: Timestamp) -> SightingView {
    SightingView {
        feed_id: seen.feed_id.get(),
        feed: seen.feed.clone(),
        source: seen.source.clone(),
        when: Moment::age(now, seen.first_seen_at),
    }
}

/// Each earlier text, beside the one that took its place.
fn earlier_views(article: &StoredArticle, earlier: &[EarlierText]) -> Vec<EarlierView> {
    let later = std::iter::once([&article.title, &article.summary, &article.content]).chain(
        earlier
            .iter()
            .map(|text| [&text.title, &text.summary, &text.content]),
    );
    earlier
        .iter()
        .zip(later)
        .map(|(text, later)| earlier_view(text, later))
        .collect()
}

fn earlier_view(text: &EarlierText, [title, summary, content]: [&String; 3]) -> EarlierView {
    let has_other_title = text.title != *title;
    EarlierView {
        title: text.title.clone(),
        has_other_title,
        text: [&text.summary, &text.content]
            .into_iter()
            .flat_map(|text| text.split('\n'))
            .filter(|paragraph| !paragraph.is_empty())
            .map(str::to_owned)
            .collect(),
        title_diff: if has_other_title {
            changed_paragraphs(&text.title, title).concat()
        } else {
            Vec::new()
        },
        text_diff: [
            changed_paragraphs(&text.summary, summary),
            changed_paragraphs(&text.content, content),
        ]
        .concat(),
        until: Moment::exact(text.replaced_at),
    }
}

/// The paragraphs of two texts in which they differ, in pieces.
fn changed_paragraphs(before: &str, after: &str) -> Vec<Vec<DiffPiece>> {
    if before == after {
        return Vec::new();
    }
    let mut paragraphs = vec![Vec::new()];
    for Piece { change, text } in diff::diff(before, after) {
        for (place, part) in text.split('\n').enumerate() {
            if place > 0 {
                paragraphs.push(Vec::new());
            }
            if let Some(paragraph) = paragraphs.last_mut().filter(|_| !part.is_empty()) {
                paragraph.push(DiffPiece {
                    text: part.to_owned(),
                    is_gone: change == Change::Gone,
                    is_come: change == Change::Come,
                });
            }
        }
    }
    paragraphs.retain(|pieces| pieces.iter().any(|piece| piece.is_gone || piece.is_come));
    paragraphs
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn instant() -> Timestamp {
        Timestamp::from_micros(1_795_507_200_000_000)
    }

    fn article() -> StoredArticle {
        StoredArticle {
            id: ArticleId::new(1),
            url: Some("https://news.example/1".to_owned()),
            title: "Tehran answers".to_owned(),
            summary: "First".to_owned(),
            content: "First of Tehran.\n\nSecond.".to_owned(),
            language: Some("en".to_owned()),
            authors: vec!["A".to_owned(), "B".to_owned()],
            categories: Vec::new(),
            published_at: None,
            first_seen_at: instant(),
            updated_at: None,
            is_backfill: false,
            source: "News".to_owned(),
            domain: "news.example".to_owned(),
            tier: "press".to_owned(),
            country: None,
        }
    }

    fn reason(closed_at: Option<Timestamp>) -> Reason {
        let hit = Hit {
            field: Field::Content,
            start: 9,
            end: 15,
            text: "Tehran".to_owned(),
            concept: None,
        };
        Reason {
            slug: "iran".to_owned(),
            name: "Iran".to_owned(),
            version: 1,
            hits: vec![hit.clone(), hit],
            why: "@iran".to_owned(),
            matched_at: instant(),
            closed_at,
        }
    }

    fn earlier(revision: i32, title: &str) -> EarlierText {
        EarlierText {
            revision,
            title: title.to_owned(),
            summary: String::new(),
            content: "One.\nTwo.".to_owned(),
            replaced_at: instant(),
        }
    }

    fn page(reasons: Vec<Reason>, earlier: Vec<EarlierText>) -> ArticlePage {
        let stored = Stored {
            article: article(),
            reasons,
            seen_in: Vec::new(),
            earlier,
            answered: Answered::default(),
            keywords: Vec::new(),
            permalink: "https://desk.example/articles/1".to_owned(),
        };
        view(stored, &Collection::default(), instant())
    }

    #[test]
    fn hits_are_marked_in_their_paragraphs_and_a_repeated_summary_is_left_out() {
        let page = page(vec![reason(None)], Vec::new());
        assert_eq!(page.summary.len(), 0);
        assert_eq!(page.content.len(), 2);
        assert_eq!(
            page.content[0]
                .iter()
                .filter(|segment| segment.is_hit)
                .count(),
            1
        );
        assert_eq!(page.reasons[0].terms, ["Tehran"]);
    }

    #[test]
    fn an_article_is_cited_with_what_a_reader_can_check() {
        assert_eq!(
            page(Vec::new(), Vec::new()).citation,
            "“Tehran answers”, News, no date of publication, first seen Tue 24 Nov 2026, 08:00 UTC\n\
             https://news.example/1\nhttps://desk.example/articles/1"
        );
    }

    #[test]
    fn a_match_that_was_lost_marks_nothing_but_is_told() {
        let page = page(vec![reason(Some(instant()))], Vec::new());
        assert!(page.content.iter().flatten().all(|segment| !segment.is_hit));
        assert!(page.reasons[0].is_closed);
    }

    #[test]
    fn an_earlier_headline_is_told_where_it_differs_from_the_next() {
        let page = page(
            Vec::new(),
            vec![earlier(1, "Tehran answers"), earlier(0, "Tehran silent")],
        );
        assert_eq!(
            page.earlier
                .iter()
                .map(|text| text.has_other_title)
                .collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(page.earlier[0].text, ["One.", "Two."]);
        let told: Vec<(&str, bool, bool)> = page.earlier[1]
            .title_diff
            .iter()
            .map(|piece| (piece.text.as_str(), piece.is_gone, piece.is_come))
            .collect();
        assert_eq!(
            told,
            [
                ("Tehran ", false, false),
                ("silent", true, false),
                ("answers", false, true)
            ]
        );
        assert!(page.render().unwrap().contains("Tehran silent"));
    }
}
