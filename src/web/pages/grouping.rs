//! How well grouping does: its error, measured against what the desk decided.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;

use super::{
    frame::{Frame, Place},
    story::{DecisionView, decision_view},
};
use crate::{
    store::{PgPool, feed_health, story_decisions, story_page},
    web::{error::WebError, state::WebClock},
};

/// Spans that are measured, in days.
const SPANS: [u64; 3] = [7, 30, 365];

/// Decisions that are listed.
const DECISIONS: i64 = 100;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "grouping.html")]
pub(crate) struct GroupingPage {
    frame: Frame,
    rows: Vec<Row>,
    decisions: Vec<DecisionView>,
}

#[derive(Debug, PartialEq)]
struct Row {
    days: u64,
    joined: i64,
    wrongly_joined: i64,
    precision: String,
    stories: i64,
    wrongly_parted: i64,
    recall: String,
    undone: i64,
}

/// Answers with the measure.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
) -> Result<GroupingPage, WebError> {
    let now = clock.now();
    let mut rows = Vec::new();
    for days in SPANS {
        let since = now.minus(Duration::from_hours(24 * days));
        rows.push(row(days, story_page::verdicts(&db, since).await?));
    }
    let (decisions, collection) = tokio::try_join!(
        story_decisions::latest(&db, None, DECISIONS),
        feed_health::collection(&db),
    )?;
    Ok(GroupingPage {
        frame: Frame::new("Grouping", Place::Stories, &collection, now),
        rows,
        decisions: decisions
            .iter()
            .map(|decision| decision_view(decision, now))
            .collect(),
    })
}

fn row(days: u64, verdicts: story_page::Verdicts) -> Row {
    let story_page::Verdicts {
        wrongly_joined,
        wrongly_parted,
        joined,
        stories,
        undone,
    } = verdicts;
    Row {
        days,
        precision: share(joined, joined + wrongly_joined),
        recall: share(stories, stories + wrongly_parted),
        joined,
        wrongly_joined,
        stories,
        wrongly_parted,
        undone,
    }
}

/// A share in per cent; nothing where there is nothing to share.
fn share(part: i64, whole: i64) -> String {
    if whole == 0 {
        return String::new();
    }
    let permille = part * 1_000 / whole;
    format!("{}.{} %", permille / 10, permille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_in_per_cent_and_of_nothing_there_is_none() {
        assert_eq!(share(0, 0), "");
        assert_eq!(share(1, 1), "100.0 %");
        assert_eq!(share(995, 1_000), "99.5 %");
    }
}
