//! How editions and their deliveries stand, all in all: what pages, measures and alarms say of them.

use super::{PgPool, StoreError};
use crate::domain::Timestamp;

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxStanding {
    /// Letters that were not taken yet.
    pub mails_waiting: i64,
    /// Webhooks that were not taken yet.
    pub webhooks_waiting: i64,
    /// Since when the oldest of these waits.
    pub oldest_waiting_at: Option<Timestamp>,
    /// Deliveries that were given up, and that nobody has sent again.
    pub given_up: i64,
    /// Recipients to whom nothing goes, because they were refused for good.
    pub suppressed: i64,
    /// Editions in review.
    pub in_review: i64,
    /// Editions held back.
    pub held: i64,
    /// Since when the subscription that has waited longest should have been composed for; none: none waits.
    pub overdue_since: Option<Timestamp>,
}

/// Reads it. Cheap: each part has an index of what is counted.
///
/// # Errors
/// The database does not answer.
pub async fn standing(db: &PgPool, now: Timestamp) -> Result<OutboxStanding, StoreError> {
    Ok(sqlx::query_as!(
        OutboxStanding,
        r#"SELECT waiting.mails AS "mails_waiting!", waiting.webhooks AS "webhooks_waiting!",
                  waiting.oldest AS oldest_waiting_at,
                  (SELECT count(*) FROM deliveries WHERE state = 'dead') AS "given_up!",
                  (SELECT count(*) FROM recipients WHERE suppressed_at IS NOT NULL) AS "suppressed!",
                  (SELECT count(*) FROM editions WHERE state = 'review') AS "in_review!",
                  (SELECT count(*) FROM editions WHERE state = 'held') AS "held!",
                  (SELECT min(next_at) FROM subscriptions WHERE next_at < $1 AND kind = 'digest') AS overdue_since
             FROM (SELECT count(*) FILTER (WHERE r.channel = 'mail') AS mails,
                          count(*) FILTER (WHERE r.channel = 'webhook') AS webhooks,
                          min(d.created_at) AS oldest
                     FROM deliveries d
                     JOIN recipients r ON r.id = d.recipient_id
                    WHERE d.state = 'waiting') AS waiting"#,
        now as Timestamp,
    )
    .fetch_one(db)
    .await?)
}
