//! One feed: what is known about it, its last attempts, and the wish to read it soon.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::Redirect};

use super::{
    charts::{DAYS, Strip, Week},
    condition::{self, Condition, GAP_TOLD_FOR, error_words},
    frame::{Frame, Place},
    line::{facts, outward},
    moments::{Moment, grouped, span},
};
use crate::{
    domain::{FeedId, FeedState, Timestamp, Trouble},
    store::{
        PgPool,
        feed_days::{self, FeedDay},
        feed_health::{self, Collection, FeedHealth, LoggedAttempt, PollWish},
        incidents::{self, Incident},
    },
    web::{error::WebError, extract::Path, state::WebClock},
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "feed.html")]
pub(crate) struct FeedPage {
    frame: Frame,
    id: i64,
    name: String,
    source: String,
    facts: String,
    url: String,
    link: Option<String>,
    note: String,
    severity: &'static str,
    condition: String,
    detail: Option<String>,
    is_paused: bool,
    last_attempt: Option<Moment>,
    last_success: Option<Moment>,
    last_new: Option<Moment>,
    norm: String,
    strip: Strip,
    week: Option<Week>,
    incidents: Vec<IncidentLine>,
    next: Option<Moment>,
    reason: String,
    entries_seen: String,
    entries_skipped: String,
    attempts: Vec<AttemptLine>,
}

/// An attempt in one line.
#[derive(Debug, PartialEq, Eq)]
struct AttemptLine {
    started: Moment,
    took: String,
    severity: &'static str,
    outcome: String,
    detail: String,
    status: String,
    size: String,
    entries: String,
    new_entries: String,
    changed: String,
    matched: String,
    missed: String,
    next: Option<Moment>,
    reason: String,
}

/// An incident in one line.
#[derive(Debug, PartialEq, Eq)]
struct IncidentLine {
    words: &'static str,
    detail: String,
    began: Moment,
    /// How long it lasted; none while it is open.
    lasted: Option<String>,
    ended: Option<Moment>,
}

/// What the page is made of.
struct Stored {
    feed: FeedHealth,
    attempts: Vec<LoggedAttempt>,
    /// All of the last ones.
    incidents: Vec<Incident>,
    days: Vec<FeedDay>,
}

/// Answers with the feed.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Path(id): Path<FeedId>,
) -> Result<FeedPage, WebError> {
    let now = clock.now();
    let ids = [id];
    let (feed, attempts, incidents, days, collection) = tokio::try_join!(
        feed_health::feed(&db, id),
        feed_health::attempts(&db, id),
        incidents::of_feed(&db, id),
        feed_days::last(&db, &ids, now, DAYS),
        feed_health::collection(&db)
    )?;
    let stored = Stored {
        feed: feed.ok_or(WebError::NotFound("feed"))?,
        attempts,
        incidents,
        days,
    };
    Ok(view(&stored, &collection, now))
}

/// Notes the wish to read the feed soon, and shows the feed again.
pub(crate) async fn poll(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Path(id): Path<FeedId>,
) -> Result<Redirect, WebError> {
    match feed_health::ask_poll_soon(&db, id, clock.now()).await? {
        PollWish::Noted => Ok(Redirect::to(&format!("/feeds/{id}"))),
        PollWish::Paused => Err(WebError::Conflict("the feed is paused")),
        PollWish::Unknown => Err(WebError::NotFound("feed")),
    }
}

fn view(stored: &Stored, collection: &Collection, now: Timestamp) -> FeedPage {
    let Stored {
        feed,
        attempts,
        incidents,
        days,
    } = stored;
    let current: Vec<&Incident> = incidents
        .iter()
        .filter(|incident| {
            let is_gap_of_late =
                incident.trouble == Trouble::Gap && now.since(incident.found_at) <= GAP_TOLD_FOR;
            incident.closed_at.is_none() || is_gap_of_late
        })
        .collect();
    let condition = Condition::of(feed, &current, now);
    let name = condition::name(feed);
    FeedPage {
        frame: Frame::new(&name, Place::Feeds, collection, now),
        id: feed.id.get(),
        name,
        source: feed.source.clone(),
        facts: facts(
            feed.tier.as_str(),
            feed.country.as_deref(),
            feed.language.as_deref(),
        ),
        url: feed.url.clone(),
        link: outward(Some(&feed.url)),
        note: feed.note.clone(),
        severity: condition.severity.class(),
        condition: condition.words,
        detail: feed
            .last_error_detail
            .clone()
            .filter(|_| feed.last_error_code.is_some()),
        is_paused: feed.state == FeedState::Paused,
        last_attempt: feed.last_attempt_at.map(|at| Moment::ago(now, at)),
        last_success: feed.last_success_at.map(|at| Moment::ago(now, at)),
        last_new: feed
            .habits
            .last_sign_at
            .or(feed.last_new_entry_at)
            .map(|at| Moment::ago(now, at)),
        norm: condition::norm(feed),
        strip: Strip::new(&days.iter().collect::<Vec<_>>()),
        week: feed.rhythm.as_ref().and_then(Week::new),
        incidents: incidents
            .iter()
            .map(|incident| incident_line(incident, now))
            .collect(),
        next: condition::next_check(feed, now),
        reason: feed.next_poll_reason.clone(),
        entries_seen: grouped(feed.entries_seen.unsigned_abs()),
        entries_skipped: grouped(feed.entries_skipped.unsigned_abs()),
        attempts: attempts
            .iter()
            .map(|attempt| attempt_line(attempt, now))
            .collect(),
    }
}

fn incident_line(incident: &Incident, now: Timestamp) -> IncidentLine {
    IncidentLine {
        words: incident.trouble.words(),
        detail: incident.detail.clone(),
        began: Moment::clock(now, incident.opened_at),
        lasted: incident
            .closed_at
            .map(|closed| span(closed.since(incident.opened_at))),
        ended: incident.closed_at.map(|closed| Moment::clock(now, closed)),
    }
}

fn attempt_line(attempt: &LoggedAttempt, now: Timestamp) -> AttemptLine {
    let is_read = attempt.outcome == "read";
    let count = |number: i32| {
        if is_read {
            number.to_string()
        } else {
            String::new()
        }
    };
    let reason = attempt.error_code.as_deref().map(error_words);
    let (severity, outcome) = match (attempt.outcome.as_str(), reason) {
        ("failed", reason) => ("failure", reason.unwrap_or_else(|| "failed".to_owned())),
        (_, Some(reason)) => ("trouble", format!("read in part: {reason}")),
        (outcome, None) => ("good", outcome.to_owned()),
    };
    AttemptLine {
        started: Moment::clock(now, attempt.started_at),
        took: took(attempt.duration_ms),
        severity,
        outcome,
        detail: attempt.error_detail.clone().unwrap_or_default(),
        status: attempt
            .http_status
            .map(|status| status.to_string())
            .unwrap_or_default(),
        size: if is_read {
            size(attempt.body_bytes)
        } else {
            String::new()
        },
        entries: count(attempt.entries),
        new_entries: count(attempt.new_entries),
        changed: count(attempt.changed),
        matched: count(attempt.matched),
        missed: if attempt.missed > 0 {
            format!("~{}", attempt.missed)
        } else {
            String::new()
        },
        next: attempt.next_poll_at.map(|next| Moment::clock(now, next)),
        reason: attempt.next_poll_reason.clone(),
    }
}

fn took(milliseconds: i32) -> String {
    if milliseconds < 1_000 {
        format!("{milliseconds} ms")
    } else {
        format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
    }
}

/// Bytes in the unit that fits, decimal.
fn size(bytes: i64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{
        super::condition::tests::{feed, now},
        *,
    };
    use crate::web::{
        reading::{self, Reader},
        visitor::tests::an_editor,
    };

    fn attempt(outcome: &str, error_code: Option<&str>) -> LoggedAttempt {
        LoggedAttempt {
            started_at: now(),
            duration_ms: 1_234,
            outcome: outcome.to_owned(),
            http_status: Some(200),
            error_code: error_code.map(str::to_owned),
            error_detail: None,
            body_bytes: 45_678,
            entries: 30,
            new_entries: 2,
            changed: 1,
            matched: 1,
            skipped: 0,
            missed: 0,
            next_poll_at: None,
            next_poll_reason: String::new(),
        }
    }

    #[test]
    fn an_attempt_says_what_came_of_it() {
        for (outcome, code, severity, words, entries) in [
            ("read", None, "good", "read", "30"),
            ("unchanged", None, "good", "unchanged", ""),
            (
                "read",
                Some("parse_partial"),
                "trouble",
                "read in part: broken markup",
                "30",
            ),
            ("failed", Some("timeout"), "failure", "timeout", ""),
        ] {
            let line = attempt_line(&attempt(outcome, code), now());
            assert_eq!(
                (line.severity, line.outcome.as_str(), line.entries.as_str()),
                (severity, words, entries)
            );
        }
    }

    #[test]
    fn times_and_sizes_are_told_in_the_unit_that_fits() {
        assert_eq!([took(7), took(1_234)], ["7 ms", "1.2 s"]);
        assert_eq!(
            [size(7), size(45_678), size(1_250_000)],
            ["7 B", "45 kB", "1.2 MB"]
        );
    }

    #[test]
    fn who_may_work_has_a_button_unless_the_feed_is_paused() {
        let page = |state| {
            let stored = Stored {
                feed: FeedHealth { state, ..feed() },
                attempts: Vec::new(),
                incidents: Vec::new(),
                days: Vec::new(),
            };
            view(&stored, &Collection::default(), now())
                .render()
                .unwrap()
        };
        assert!(!page(FeedState::Active).contains("/poll"));
        reading::within(Reader::of(&an_editor()), || {
            assert!(page(FeedState::Active).contains("action=\"/feeds/1/poll\""));
            assert!(!page(FeedState::Paused).contains("/poll"));
        });
    }
}
