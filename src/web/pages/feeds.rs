//! The feeds: one line each, trouble first.

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;

use super::{
    condition::{self, Condition, Severity},
    frame::{Frame, Place},
    line::facts,
    moments::{Moment, counted, grouped},
};
use crate::{
    domain::Timestamp,
    store::{
        PgPool,
        feed_health::{self, Collection, FeedHealth},
    },
    web::{error::WebError, state::WebClock},
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "feeds.html")]
pub(crate) struct FeedsPage {
    frame: Frame,
    summary: String,
    feeds: Vec<FeedLine>,
}

/// A feed in one line.
#[derive(Debug, PartialEq, Eq)]
struct FeedLine {
    id: i64,
    source: String,
    name: String,
    facts: String,
    severity: &'static str,
    condition: String,
    last_new: Option<Moment>,
    rate: String,
    next: Option<Moment>,
    reason: String,
}

/// Answers with the feeds.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
) -> Result<FeedsPage, WebError> {
    let (feeds, collection) =
        tokio::try_join!(feed_health::feeds(&db), feed_health::collection(&db))?;
    Ok(view(&feeds, &collection, clock.now()))
}

fn view(feeds: &[FeedHealth], collection: &Collection, now: Timestamp) -> FeedsPage {
    let mut judged: Vec<(Condition, &FeedHealth)> = feeds
        .iter()
        .map(|feed| (Condition::of(feed, now), feed))
        .collect();
    judged.sort_by_key(|(condition, _)| condition.severity);
    FeedsPage {
        frame: Frame::new("Feeds", Place::Feeds, collection, now),
        summary: summary(&judged),
        feeds: judged
            .into_iter()
            .map(|(condition, feed)| feed_line(condition, feed, now))
            .collect(),
    }
}

/// How many are how: "34 feeds: 2 not read, 1 in trouble, 31 read well".
fn summary(judged: &[(Condition, &FeedHealth)]) -> String {
    let parts = [
        (Severity::Failure, "not read"),
        (Severity::Trouble, "in trouble"),
        (Severity::Waiting, "waiting"),
        (Severity::Good, "read well"),
        (Severity::Paused, "paused"),
    ]
    .into_iter()
    .map(|(severity, words)| {
        (
            judged
                .iter()
                .filter(|(condition, _)| condition.severity == severity)
                .count(),
            words,
        )
    })
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{} {words}", grouped(count as u64)))
    .collect::<Vec<_>>();
    format!(
        "{}: {}",
        counted(judged.len() as u64, "feed"),
        parts.join(", ")
    )
}

fn feed_line(condition: Condition, feed: &FeedHealth, now: Timestamp) -> FeedLine {
    FeedLine {
        id: feed.id.get(),
        source: feed.source.clone(),
        name: condition::name(feed),
        facts: facts(
            feed.tier.as_str(),
            feed.country.as_deref(),
            feed.language.as_deref(),
        ),
        severity: condition.severity.class(),
        condition: condition.words,
        last_new: feed.last_new_entry_at.map(|last| Moment::age(now, last)),
        rate: condition::rate(feed),
        next: condition::next_check(feed, now),
        reason: feed.next_poll_reason.clone(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{
        super::condition::tests::{feed, now},
        *,
    };
    use crate::domain::{FeedId, FeedState};

    fn in_state(id: i64, state: FeedState) -> FeedHealth {
        FeedHealth {
            id: FeedId::new(id),
            state,
            ..feed()
        }
    }

    #[test]
    fn trouble_comes_first_and_keeps_its_order() {
        let feeds = [
            in_state(1, FeedState::Paused),
            in_state(2, FeedState::Active),
            in_state(3, FeedState::Waiting),
            in_state(4, FeedState::Gone),
            in_state(5, FeedState::Active),
        ];
        let page = view(&feeds, &Collection::default(), now());
        assert_eq!(
            page.feeds.iter().map(|line| line.id).collect::<Vec<_>>(),
            [4, 3, 2, 5, 1]
        );
        assert_eq!(
            page.summary,
            "5 feeds: 1 not read, 1 waiting, 2 read well, 1 paused"
        );
    }

    #[test]
    fn a_page_without_feeds_says_how_to_get_some() {
        let page = view(&[], &Collection::default(), now()).render().unwrap();
        assert!(page.contains("wirewatch beat import"));
    }
}
