//! What is yours: claimed by you, given to you, watched by the desk, and the notes that mention you.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::Redirect};

use super::{DeskView, panel::with_mentions};
use crate::{
    domain::{Timestamp, desk::DeskState, marks::Segment},
    store::{
        PgPool,
        desk::{self as stored, HeldStory, Mention},
        feed_health, live,
    },
    web::{
        error::WebError,
        pages::{
            frame::{Frame, Place},
            line::language_tag,
            moments::Moment,
        },
        state::WebClock,
        visitor::Member,
    },
};

/// Stories and notes that are listed.
const MOST: i64 = 100;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "yours.html")]
pub(crate) struct YoursPage {
    frame: Frame,
    number: i64,
    mentions: Vec<MentionView>,
    has_new_mentions: bool,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct MentionView {
    story: i64,
    title: String,
    lang: Option<String>,
    author: String,
    when: Moment,
    text: Vec<Segment>,
    is_new: bool,
}

#[derive(Debug)]
struct Group {
    title: &'static str,
    empty: &'static str,
    stories: Vec<HeldView>,
}

#[derive(Debug)]
struct HeldView {
    id: i64,
    title: String,
    lang: Option<String>,
    source: String,
    desk: DeskView,
}

/// Answers with the page.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    member: Member,
) -> Result<YoursPage, WebError> {
    let now = clock.now();
    let numbers = live::last_numbers(&db).await?;
    let (mentions, held, collection) = tokio::try_join!(
        stored::mentions_of(&db, member.id, MOST),
        stored::held_by(&db, &member.name, now, MOST),
        feed_health::collection(&db),
    )?;
    let group = |title, empty, is_in: &dyn Fn(&HeldStory) -> bool| Group {
        title,
        empty,
        stories: held
            .iter()
            .filter(|story| is_in(story))
            .map(|story| held_view(story, now))
            .collect(),
    };
    let is_yours =
        |story: &HeldStory| story.desk.state == DeskState::Claimed && story.desk.by == member.name;
    let is_given = |story: &HeldStory| {
        story.desk.assignee.as_deref() == Some(&member.name)
            && matches!(story.desk.state, DeskState::New | DeskState::Watch)
    };
    Ok(YoursPage {
        frame: Frame::new("Yours", Place::Yours, &collection, now),
        number: numbers.desk,
        has_new_mentions: mentions.iter().any(|mention| mention.is_new),
        mentions: mentions
            .iter()
            .map(|mention| mention_view(mention, now))
            .collect(),
        groups: vec![
            group(
                "Claimed by you",
                "Nothing. The key c claims the story of a line.",
                &is_yours,
            ),
            group("Given to you", "Nothing waits for you.", &is_given),
            group(
                "Watched by the desk",
                "Nothing. The key w watches a story: it stands here until something else is decided.",
                &|story| story.desk.state == DeskState::Watch,
            ),
        ],
    })
}

fn held_view(story: &HeldStory, now: Timestamp) -> HeldView {
    HeldView {
        id: story.story.get(),
        title: story.title.clone(),
        lang: language_tag(story.language.as_deref()),
        source: story.source.clone(),
        desk: DeskView::new(&story.desk, story.reports, 0, now),
    }
}

fn mention_view(mention: &Mention, now: Timestamp) -> MentionView {
    MentionView {
        story: mention.story.get(),
        title: mention.title.clone(),
        lang: language_tag(mention.language.as_deref()),
        author: mention.author.clone(),
        when: Moment::clock(now, mention.written_at),
        text: with_mentions(&mention.text),
        is_new: mention.is_new,
    }
}

/// Whoever reads the notes that mention them has seen them.
pub(crate) async fn see(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    member: Member,
) -> Result<Redirect, WebError> {
    stored::see_mentions(&db, member.id, clock.now()).await?;
    Ok(Redirect::to("/yours"))
}
