//! The desk: what it made of a story as pages show it, and the one address that changes it, for one story or many.

mod order;
mod panel;
pub(crate) mod yours;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;

pub(crate) use panel::DeskPanel;

use super::{
    frame::Frame,
    moments::{Moment, counted},
};
use crate::{
    domain::{
        DeskChangeId, StoryId, Timestamp,
        desk::{Desk, DeskRefusal, DeskState, mentions},
    },
    store::desk::{self as stored, Changed, TakenBack},
    web::{
        WebState,
        error::{WebError, accepts_json, with_page},
        extract::Form,
        reading,
        texts::Texts,
        visitor::Visitor,
    },
};
use order::{Order, What};

/// What the desk made of a story, in few words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeskView {
    /// The texts that stand around it.
    pub(crate) texts: &'static Texts,
    /// The word of the state.
    pub(crate) state: &'static str,
    /// "claimed", "passed as old"; empty while it is new.
    pub(crate) words: String,
    /// Whose decision it was.
    pub(crate) by: String,
    /// When.
    pub(crate) since: Option<Moment>,
    /// When a claim ends.
    pub(crate) until: Option<Moment>,
    /// Our piece.
    pub(crate) link: Option<String>,
    /// Who is to see to it.
    pub(crate) assignee: Option<String>,
    /// "2 reports since".
    pub(crate) later: Option<String>,
    /// "3 notes".
    pub(crate) notes: Option<String>,
}

impl DeskView {
    /// What stands, as shown at `now`, of a story that has so many independent reports by now.
    pub(crate) fn new(desk: &Desk, reports: i32, notes: i64, now: Timestamp) -> Self {
        let desk = desk.clone().at(now);
        let some = |count: i64, noun: &str| {
            u64::try_from(count)
                .ok()
                .filter(|count| *count > 0)
                .map(|count| counted(count, noun))
        };
        Self {
            texts: reading::current().texts,
            state: desk.state.as_str(),
            words: match (desk.state, desk.reason) {
                (DeskState::New, _) => String::new(),
                (DeskState::Watch, _) => "watched".to_owned(),
                (DeskState::Passed, Some(reason)) => format!("passed: {reason}"),
                (state, _) => state.to_string(),
            },
            since: desk.since.map(|since| Moment::clock(now, since)),
            until: desk.until.map(|until| Moment::clock(now, until)),
            link: super::line::outward(desk.link.as_deref()),
            later: some(i64::from(desk.later_reports(reports)), "report")
                .map(|reports| format!("{reports} since")),
            notes: some(notes, "note"),
            by: desk.by,
            assignee: desk.assignee,
        }
    }

    /// Whether nothing is to be said.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.assignee.is_none()
    }
}

/// The words of one story, for open pages.
#[derive(Template)]
#[template(path = "desk.html")]
pub(crate) struct DeskFragment<'a> {
    pub(crate) desk: &'a DeskView,
    pub(crate) story: i64,
}

/// What came of an order, for the script of a page.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// What was done.
    done: Vec<Done>,
    /// What was not, in words.
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Done {
    story: StoryId,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<DeskChangeId>,
}

#[derive(Debug, Serialize)]
struct Refused {
    story: StoryId,
    why: String,
}

/// The page of an order that was not followed as a whole.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "not_done.html")]
struct NotDonePage {
    frame: Frame,
    done: usize,
    refused: Vec<Refused>,
    next: String,
}

/// Does something with stories.
pub(crate) async fn act(
    State(state): State<WebState>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let order = Order::read(&fields)?;
    let now = state.clock.now();
    let who = visitor.actor();
    let outcome = match &order.what {
        What::Wish(wish) => {
            let claim_for = state.options.claim_for;
            let stories = &order.stories;
            let changed =
                stored::change(&state.db, stories, wish, order.heard, &who, claim_for, now).await?;
            outcome(&changed, &order, now)?
        }
        What::Note(text) => {
            let story = order.stories[0];
            let written = stored::note(&state.db, story, text, &mentions(text), &who, now).await?;
            let (story, change) = written.ok_or(WebError::NotFound("story"))?;
            Outcome {
                done: vec![Done {
                    story,
                    change: Some(change),
                }],
                ..Outcome::default()
            }
        }
    };
    Ok(answer(outcome, &order.next, &headers))
}

/// Takes changes back.
pub(crate) async fn undo(
    State(state): State<WebState>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let (changes, next) = order::read_undo(&fields)?;
    let now = state.clock.now();
    let taken = stored::undo(&state.db, &changes, &visitor.actor(), now).await?;
    let mut outcome = Outcome::default();
    for one in taken {
        let (story, why) = match one {
            TakenBack::Done(story) => {
                outcome.done.push(Done {
                    story,
                    change: None,
                });
                continue;
            }
            TakenBack::Already(story) => (story, "it was taken back before"),
            TakenBack::Superseded(story) => (story, "something else was decided since"),
            TakenBack::NotYours(story) => (story, "a note is taken back by its author"),
            TakenBack::Missing => return Err(WebError::NotFound("change")),
        };
        outcome.refused.push(Refused {
            story,
            why: why.to_owned(),
        });
    }
    Ok(answer(outcome, &next, &headers))
}

/// What came of a wish; what is so already needs no words.
fn outcome(
    changed: &[(StoryId, Changed)],
    order: &Order,
    now: Timestamp,
) -> Result<Outcome, WebError> {
    let mut outcome = Outcome::default();
    for (story, changed) in changed {
        match changed {
            Changed::Done(change) => outcome.done.push(Done {
                story: *story,
                change: Some(*change),
            }),
            Changed::Refused(DeskRefusal::AsIs) => outcome.done.push(Done {
                story: *story,
                change: None,
            }),
            Changed::Refused(DeskRefusal::Claimed { who, until }) => {
                let until = Moment::clock(now, *until).words;
                outcome.refused.push(Refused {
                    story: *story,
                    why: format!("{who} has claimed it until {until}; a claim can be released"),
                });
            }
            Changed::Refused(unheard @ DeskRefusal::Unheard { .. }) => {
                outcome.refused.push(Refused {
                    story: *story,
                    why: unheard.to_string(),
                });
            }
            Changed::Missing if order.stories.len() == 1 => {
                return Err(WebError::NotFound("story"));
            }
            Changed::Missing => outcome.refused.push(Refused {
                story: *story,
                why: "there is no such story".to_owned(),
            }),
        }
    }
    Ok(outcome)
}

fn answer(outcome: Outcome, next: &str, headers: &HeaderMap) -> Response {
    let status = if outcome.done.is_empty() && !outcome.refused.is_empty() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    if accepts_json(headers) {
        return with_page(status, Json(outcome));
    }
    if outcome.refused.is_empty() {
        return Redirect::to(next).into_response();
    }
    let page = NotDonePage {
        frame: Frame::bare("Not done"),
        done: outcome.done.len(),
        refused: outcome.refused,
        next: next.to_owned(),
    };
    with_page(status, page)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::desk::{PassReason, Wish, Wishing};

    fn now() -> Timestamp {
        Timestamp::from_micros(1_795_507_200_000_000)
    }

    fn after(wish: &Wish) -> Desk {
        let around = Wishing {
            who: "ed",
            claim_for: Duration::from_hours(2),
            reports: 1,
            is_known: true,
            now: now(),
        };
        Desk::default().after(wish, around).unwrap()
    }

    #[test]
    fn a_state_is_told_in_words() {
        let told = |wish: &Wish| DeskView::new(&after(wish), 3, 1, now());
        let claimed = told(&Wish::Claim);
        assert_eq!(
            (claimed.words.as_str(), claimed.by.as_str()),
            ("claimed", "ed")
        );
        assert_eq!(claimed.notes.as_deref(), Some("1 note"));
        let passed = told(&Wish::Pass(PassReason::NotOurs));
        assert_eq!(passed.words, "passed: not ours");
        assert_eq!(passed.later.as_deref(), Some("2 reports since"));
        let late = now().plus(Duration::from_hours(2));
        assert!(DeskView::new(&after(&Wish::Claim), 1, 0, late).is_empty());
    }

    #[test]
    fn what_people_write_is_text_and_a_link_of_theirs_leads_to_the_web() {
        let desk = Desk {
            link: Some("javascript:alert(1)".to_owned()),
            assignee: Some("<img src=x>".to_owned()),
            ..after(&Wish::Use(None))
        };
        let view = DeskView::new(&desk, 1, 0, now());
        let html = DeskFragment {
            desk: &view,
            story: 1,
        }
        .render()
        .unwrap();
        assert!(
            !html.contains("javascript:") && !html.contains("<img"),
            "{html}"
        );
    }
}
