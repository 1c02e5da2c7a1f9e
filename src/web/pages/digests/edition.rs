//! One edition: what it told, why, and to whom it went; before it goes, what an editor does to it.

use std::collections::BTreeMap;

use super::super::{
    frame::{Frame, Place},
    line::language_tag,
    moments::Moment,
};
use crate::{
    auth::Capability,
    digest::{
        compose::preview,
        render::story_link,
        review::{self, Changes},
    },
    domain::{
        Coverage, StoryId, Timestamp,
        delivery::EditionState,
        digest::{Edition, EditionLine, IssueKey},
        marks::Segment,
    },
    store::{
        edition_page::{self, Acted, DeliveryLine, Review},
        editions, feed_health, subscriptions,
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path},
        visitor::Visitor,
    },
};
use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

/// Sources named in the statement of a preview.
const NAMED: usize = 8;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "edition.html")]
pub(crate) struct EditionPage {
    frame: Frame,
    slug: String,
    name: String,
    subject: String,
    key: String,
    standing: String,
    due: Option<Moment>,
    collection: String,
    note: String,
    sections: Vec<SectionView>,
    silent: String,
    repeated: u32,
    deliveries: Vec<DeliveryView>,
    /// The version that a review is of; none: it cannot be reviewed, or not by this reader.
    version: Option<i32>,
    is_held: bool,
    problem: Option<&'static str>,
}

#[derive(Debug)]
struct SectionView {
    slug: String,
    name: String,
    lines: Vec<LineView>,
}

#[derive(Debug)]
struct LineView {
    story: i64,
    story_link: String,
    link: String,
    lang: Option<String>,
    headline: Vec<Segment>,
    passage: Vec<Segment>,
    source: String,
    facts: String,
    at: Moment,
    told: Option<String>,
    news: Vec<String>,
    why: String,
    glosses: String,
    versions: String,
    also: String,
    about: String,
    piece: Option<String>,
    notes: Vec<String>,
    is_left_out: bool,
    is_struck: bool,
    place: usize,
}

#[derive(Debug)]
struct DeliveryView {
    channel: String,
    address: String,
    state: String,
    attempts: i32,
    detail: String,
    at: Moment,
}

fn section_views(edition: &Edition, now: Timestamp) -> Vec<SectionView> {
    edition
        .sections
        .iter()
        .map(|section| SectionView {
            slug: section.slug.clone(),
            name: section.name.clone(),
            lines: section
                .lines
                .iter()
                .enumerate()
                .map(|(place, line)| line_view(line, place + 1, now))
                .collect(),
        })
        .collect()
}

fn line_view(line: &EditionLine, place: usize, now: Timestamp) -> LineView {
    let story_link = story_link("", line.story);
    let publishers = line
        .url
        .clone()
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let mut about = Vec::new();
    if line.copies > 0 {
        about.push(format!(
            "+{} {}",
            line.copies,
            if line.copies == 1 { "copy" } else { "copies" }
        ));
    }
    if line.independent > 1 {
        about.push(format!("{} independent", line.independent));
    }
    if let Some(first) = line
        .first
        .as_ref()
        .filter(|_| line.copies > 0 || line.independent > 1)
    {
        about.push(format!("first: {}", first.source));
    }
    about.extend(line.desk.clone());
    let versions: Vec<_> = line
        .versions
        .iter()
        .map(|version| format!("v{version}"))
        .collect();
    LineView {
        story: line.story.get(),
        link: publishers.unwrap_or_else(|| story_link.clone()),
        story_link,
        lang: language_tag(line.language.as_deref()),
        headline: line.headline.clone(),
        passage: line.passage.clone(),
        source: line.source.clone(),
        facts: line.facts.clone(),
        at: Moment::clock(now, line.at),
        told: line
            .told_on
            .map(|date| format!("developing, sent on {}", date.strftime("%A %-d %B"))),
        news: line.news.clone(),
        why: line.why.clone(),
        glosses: line.glosses.join(", "),
        versions: versions.join(", "),
        also: line.also.join(", "),
        about: about.join(" · "),
        piece: line
            .piece
            .clone()
            .filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        notes: line.notes.clone(),
        is_left_out: line.is_left_out,
        is_struck: line.is_struck,
        place,
    }
}

fn delivery_view(line: DeliveryLine, now: Timestamp) -> DeliveryView {
    DeliveryView {
        at: Moment::ago(now, line.ended_at.unwrap_or(line.created_at)),
        channel: line.channel,
        address: line.address,
        state: line.state,
        attempts: line.attempts,
        detail: line.detail,
    }
}

const fn standing(state: EditionState) -> &'static str {
    match state {
        EditionState::Review => "in review; goes out when it is due",
        EditionState::Held => "held back by an editor",
        EditionState::Released => "sent",
        EditionState::Empty => "nothing to tell; not sent",
        EditionState::Missed => "missed; what it would have told is in the next one",
    }
}

/// Answers with an edition.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((slug, key)): Path<(String, String)>,
) -> Result<EditionPage, WebError> {
    page(&state, &visitor, &slug, &key, None).await
}

async fn page(
    state: &WebState,
    visitor: &Visitor,
    slug: &str,
    key: &str,
    problem: Option<&'static str>,
) -> Result<EditionPage, WebError> {
    let now = state.clock.now();
    let missing = || WebError::NotFound("edition");
    let key: IssueKey = key.parse().map_err(|_| missing())?;
    let stored = subscriptions::by_slug(&state.db, slug)
        .await?
        .ok_or_else(missing)?;
    let whole = edition_page::whole(&state.db, stored.id, key)
        .await?
        .ok_or_else(missing)?;
    let may_work = visitor.may(Capability::WorkDesk);
    let (deliveries, collection) = tokio::try_join!(
        edition_page::deliveries(&state.db, whole.id),
        feed_health::collection(&state.db),
    )?;
    let can_review = matches!(whole.state, EditionState::Review | EditionState::Held);
    let edition = whole.edition;
    let title = edition.as_ref().map_or_else(
        || format!("{} {key}", stored.wanted.name),
        |edition| edition.subject.clone(),
    );
    Ok(EditionPage {
        frame: Frame::new(&title, Place::Digests, &collection, now),
        slug: stored.slug,
        name: stored.wanted.name,
        subject: title,
        key: key.to_string(),
        standing: standing(whole.state).to_owned(),
        due: Some(Moment::exact(whole.due_at)),
        collection: edition
            .as_ref()
            .map_or_else(String::new, |edition| edition.collection.clone()),
        note: edition
            .as_ref()
            .map_or_else(String::new, |edition| edition.note.clone()),
        sections: edition
            .as_ref()
            .map_or_else(Vec::new, |edition| section_views(edition, now)),
        silent: edition
            .as_ref()
            .map_or_else(String::new, |edition| edition.silent.join(", ")),
        repeated: edition.as_ref().map_or(0, |edition| edition.repeated),
        deliveries: deliveries
            .into_iter()
            .filter(|_| may_work)
            .map(|line| delivery_view(line, now))
            .collect(),
        version: (may_work && can_review).then_some(whole.version),
        is_held: whole.state == EditionState::Held,
        problem,
    })
}

/// Answers with what an edition composed now would hold.
pub(crate) async fn show_preview(
    State(state): State<WebState>,
    Path(slug): Path<String>,
) -> Result<EditionPage, WebError> {
    let now = state.clock.now();
    let stored = subscriptions::by_slug(&state.db, &slug)
        .await?
        .ok_or(WebError::NotFound("digest"))?;
    let (due, collection) = tokio::try_join!(
        editions::preview(&state.db, stored.id, now),
        feed_health::collection(&state.db),
    )?;
    let sentence = Coverage::of(&collection, now).sentence(now, NAMED);
    let edition = preview(&stored.to_subscription(), &due, &sentence, now);
    let subject = edition.subject.trim_start_matches("[Test] ").to_owned();
    Ok(EditionPage {
        frame: Frame::new(&subject, Place::Digests, &collection, now),
        slug: stored.slug,
        name: stored.wanted.name,
        subject,
        key: "preview".to_owned(),
        standing: "as it would be composed now; nothing is settled by looking".to_owned(),
        due: None,
        collection: edition.collection.clone(),
        note: String::new(),
        sections: section_views(&edition, now),
        silent: edition.silent.join(", "),
        repeated: edition.repeated,
        deliveries: Vec::new(),
        version: None,
        is_held: false,
        problem: None,
    })
}

/// What the form of a review says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    version: i32,
    state: Option<EditionState>,
    changes: Changes,
}

fn read(pairs: Vec<(String, String)>) -> Result<Said, WebError> {
    let wrong = |name: &str| WebError::BadRequest(format!("no such field or value: {name:?}"));
    let mut said = Said::default();
    let mut places = BTreeMap::new();
    for (name, value) in pairs {
        match name.as_str() {
            "version" => said.version = value.parse().map_err(|_| wrong(&name))?,
            "note" => said.changes.note = value,
            "strike" => {
                let story = value.parse().map_err(|_| wrong(&name))?;
                said.changes.struck.insert(StoryId::new(story));
            }
            "do" => {
                said.state = Some(match value.as_str() {
                    "save" => EditionState::Review,
                    "hold" => EditionState::Held,
                    "release" => EditionState::Released,
                    _ => return Err(wrong(&name)),
                });
            }
            other => {
                let story = other
                    .strip_prefix("place.")
                    .and_then(|story| story.parse().ok())
                    .ok_or_else(|| wrong(&name))?;
                if let Ok(place) = value.trim().parse() {
                    places.insert(StoryId::new(story), place);
                }
            }
        }
    }
    said.changes.places = places;
    Ok(said)
}

/// Does to an edition what an editor says.
pub(crate) async fn review(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((slug, key)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let said = read(pairs)?;
    let wanted = said
        .state
        .ok_or_else(|| WebError::BadRequest("the form says nothing to do".to_owned()))?;
    let missing = || WebError::NotFound("edition");
    let issue: IssueKey = key.parse().map_err(|_| missing())?;
    let stored = subscriptions::by_slug(&state.db, &slug)
        .await?
        .ok_or_else(missing)?;
    let whole = edition_page::whole(&state.db, stored.id, issue)
        .await?
        .ok_or_else(missing)?;
    let Some(edition) = &whole.edition else {
        return Err(missing());
    };
    let edition = review::apply(edition, &said.changes, &stored.to_subscription());
    let (now, actor) = (state.clock.now(), visitor.actor());
    let made = Review {
        edition: &edition,
        version: said.version,
        state: wanted,
    };
    match edition_page::review(&state.db, whole.id, made, &actor, now).await? {
        Acted::Done => Ok(Redirect::to(&format!("/digests/{slug}/{key}")).into_response()),
        Acted::Unknown => Err(missing()),
        Acted::TooLate => {
            let told =
                "Too late: it went out, or another editor changed it. This is how it stands.";
            let page = page(&state, &visitor, &slug, &key, Some(told)).await?;
            Ok(with_page(StatusCode::CONFLICT, page))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_read_field_by_field() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let said = read(vec![
            pair("version", "3"),
            pair("note", "Mind"),
            pair("strike", "7"),
            pair("place.8", "1"),
            pair("place.9", ""),
            pair("do", "hold"),
        ])
        .unwrap();
        assert_eq!((said.version, said.state), (3, Some(EditionState::Held)));
        assert_eq!(said.changes.struck, [StoryId::new(7)].into());
        assert_eq!(said.changes.places, [(StoryId::new(8), 1)].into());
        for wrong in [
            pair("do", "burn"),
            pair("place.x", "1"),
            pair("strike", "x"),
            pair("z", ""),
        ] {
            assert!(read(vec![wrong]).is_err());
        }
    }
}
