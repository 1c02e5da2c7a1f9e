//! What pages show of editions and deliveries, and what editors and admins do to them.

use serde_json::json;
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    editions::read_body,
};
use crate::domain::{
    DeliveryId, EditionId, RecipientId, StoryId, SubscriptionId, Timestamp,
    delivery::EditionState,
    digest::{Edition, EditionLine, IssueKey, TimeOfDay},
};

/// An edition in a list.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Which issue.
    pub key: IssueKey,
    /// Where it stands.
    pub state: EditionState,
    /// When it was due.
    pub due_at: Timestamp,
    /// Its subject; none: missed.
    pub subject: Option<String>,
    /// Deliveries that were taken.
    pub sent: i64,
    /// Those that wait.
    pub waiting: i64,
    /// Those that were refused or given up.
    pub failed: i64,
}

/// An edition, whole.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Number.
    pub id: EditionId,
    /// Where it stands.
    pub state: EditionState,
    /// When it was or is due.
    pub due_at: Timestamp,
    /// Counts what the editor did to it.
    pub version: i32,
    /// What it holds; none: missed.
    pub edition: Option<Edition>,
}

/// A delivery, for people.
#[derive(Debug, Clone)]
pub struct DeliveryLine {
    /// Number.
    pub id: DeliveryId,
    /// Short name of the subscription.
    pub slug: String,
    /// Subject of the edition or notice.
    pub subject: String,
    /// `mail` or `webhook`.
    pub channel: String,
    /// Where it goes.
    pub address: String,
    /// Where it stands.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// What came of the last attempt.
    pub detail: String,
}

/// What came of one attempt.
#[derive(Debug, Clone)]
pub struct AttemptLine {
    /// Which.
    pub attempt: i32,
    /// When it ended.
    pub ended_at: Timestamp,
    /// `sent`, `later`, `refused`, `dead`.
    pub outcome: String,
    /// What the other side said.
    pub detail: String,
}

fn key(date: &str, slot: i16, serial: i16) -> Result<IssueKey, StoreError> {
    let slot = u16::try_from(slot).ok().and_then(TimeOfDay::from_minutes);
    let read = || {
        Some(IssueKey {
            date: date.parse().ok()?,
            slot: slot?,
            serial: u16::try_from(serial).ok()?,
        })
    };
    read().ok_or_else(|| StoreError::Unexpected(format!("an issue of {date}")))
}

fn state(word: &str) -> Result<EditionState, StoreError> {
    word.parse()
        .map_err(|_| StoreError::UnknownWord(word.to_owned()))
}

/// The latest editions of a subscription, the newest first.
///
/// # Errors
/// The database does not answer.
pub async fn issued(
    db: &PgPool,
    subscription: SubscriptionId,
    limit: i64,
) -> Result<Vec<Issued>, StoreError> {
    sqlx::query!(
        r#"SELECT e.local_date::text AS "date!", e.slot, e.serial, e.state, e.due_at, e.body->>'subject' AS subject,
                  count(d.id) FILTER (WHERE d.state = 'sent') AS "sent!",
                  count(d.id) FILTER (WHERE d.state = 'waiting') AS "waiting!",
                  count(d.id) FILTER (WHERE d.state IN ('refused', 'dead')) AS "failed!"
             FROM (SELECT * FROM editions WHERE subscription_id = $1 ORDER BY due_at DESC, id DESC LIMIT $2) e
             LEFT JOIN deliveries d ON d.edition_id = e.id
            GROUP BY e.id, e.local_date, e.slot, e.serial, e.state, e.due_at, e.body->>'subject'
            ORDER BY e.due_at DESC, e.id DESC"#,
        subscription as SubscriptionId,
        limit,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Issued {
            key: key(&row.date, row.slot, row.serial)?,
            state: state(&row.state)?,
            due_at: row.due_at,
            subject: row.subject,
            sent: row.sent,
            waiting: row.waiting,
            failed: row.failed,
        })
    })
    .collect()
}

/// The latest editions that tell something, whole, the newest first; those due before another one, if that is named.
///
/// # Errors
/// The database does not answer.
pub async fn latest(
    db: &PgPool,
    subscription: SubscriptionId,
    before: Option<EditionId>,
    limit: i64,
) -> Result<Vec<(EditionId, Edition)>, StoreError> {
    sqlx::query!(
        r#"SELECT id AS "id: EditionId", body::text AS "body!"
             FROM editions
            WHERE subscription_id = $1 AND state = 'released'
              AND ($2::bigint IS NULL
                   OR (due_at, id) < (SELECT due_at, id FROM editions WHERE id = $2 AND subscription_id = $1))
            ORDER BY due_at DESC, id DESC
            LIMIT $3"#,
        subscription as SubscriptionId,
        before as Option<EditionId>,
        limit,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| Ok((row.id, read_body(&row.body)?)))
    .collect()
}

/// An edition of a subscription.
///
/// # Errors
/// The database does not answer.
pub async fn whole(
    db: &PgPool,
    subscription: SubscriptionId,
    key: IssueKey,
) -> Result<Option<Whole>, StoreError> {
    let row = sqlx::query!(
        "SELECT id, state, due_at, version, body::text AS body
           FROM editions
          WHERE subscription_id = $1 AND local_date = $2::text::date AND slot = $3 AND serial = $4",
        subscription as SubscriptionId,
        key.date.to_string(),
        i16::try_from(key.slot.minutes()).unwrap_or_default(),
        i16::try_from(key.serial).unwrap_or(i16::MAX),
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(Whole {
        id: row.id,
        state: state(&row.state)?,
        due_at: row.due_at,
        version: row.version,
        edition: row.body.as_deref().map(read_body).transpose()?,
    }))
}

/// The deliveries of an edition, by address.
///
/// # Errors
/// The database does not answer.
pub async fn deliveries(db: &PgPool, edition: EditionId) -> Result<Vec<DeliveryLine>, StoreError> {
    Ok(sqlx::query_as!(
        DeliveryLine,
        r#"SELECT d.id, s.slug, '' AS "subject!", r.channel, r.address, d.state, d.attempts, d.next_at, d.ended_at,
                  d.created_at, d.detail
             FROM deliveries d
             JOIN recipients r ON r.id = d.recipient_id
             JOIN subscriptions s ON s.id = r.subscription_id
            WHERE d.edition_id = $1
            ORDER BY r.address, d.id"#,
        edition as EditionId,
    )
    .fetch_all(db)
    .await?)
}

/// The outbox: what waits, and of the rest the latest; those that failed first if `failed_first`.
///
/// # Errors
/// The database does not answer.
pub async fn outbox(db: &PgPool, limit: i64) -> Result<Vec<DeliveryLine>, StoreError> {
    Ok(sqlx::query_as!(
        DeliveryLine,
        r#"SELECT d.id, s.slug, coalesce(e.body->>'subject', d.content->>'subject', '') AS "subject!", r.channel,
                  r.address, d.state, d.attempts, d.next_at, d.ended_at, d.created_at, d.detail
             FROM deliveries d
             JOIN recipients r ON r.id = d.recipient_id
             JOIN subscriptions s ON s.id = r.subscription_id
             LEFT JOIN editions e ON e.id = d.edition_id
            ORDER BY array_position(ARRAY['dead', 'waiting', 'refused'], d.state), d.id DESC
            LIMIT $1"#,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// A delivery with what came of each attempt.
///
/// # Errors
/// The database does not answer.
pub async fn delivery(
    db: &PgPool,
    id: DeliveryId,
) -> Result<Option<(DeliveryLine, Vec<AttemptLine>)>, StoreError> {
    let line = sqlx::query_as!(
        DeliveryLine,
        r#"SELECT d.id, s.slug, coalesce(e.body->>'subject', d.content->>'subject', '') AS "subject!", r.channel,
                  r.address, d.state, d.attempts, d.next_at, d.ended_at, d.created_at, d.detail
             FROM deliveries d
             JOIN recipients r ON r.id = d.recipient_id
             JOIN subscriptions s ON s.id = r.subscription_id
             LEFT JOIN editions e ON e.id = d.edition_id
            WHERE d.id = $1"#,
        id as DeliveryId,
    )
    .fetch_optional(db)
    .await?;
    let Some(line) = line else {
        return Ok(None);
    };
    let attempts = sqlx::query_as!(
        AttemptLine,
        "SELECT attempt, ended_at, outcome, detail FROM delivery_attempts WHERE delivery_id = $1 ORDER BY attempt",
        id as DeliveryId,
    )
    .fetch_all(db)
    .await?;
    Ok(Some((line, attempts)))
}

/// What came of an action on an edition or a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// Done.
    Done,
    /// There is no such thing.
    Unknown,
    /// It is not in a state for that any more, or another editor was quicker.
    TooLate,
}

async fn record(
    tx: &mut PgConnection,
    action: &'static str,
    kind: &'static str,
    subject: String,
    after: Option<serde_json::Value>,
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let change = Change {
        action,
        subject_kind: kind,
        subject,
        before: None,
        after,
    };
    audit::record(tx, actor, now, &[change]).await
}

/// Puts a delivery that was given up or refused into the outbox again, as it is; too late for who has left meanwhile.
///
/// # Errors
/// The database does not answer.
pub async fn resend(
    db: &PgPool,
    id: DeliveryId,
    actor: &str,
    now: Timestamp,
) -> Result<Acted, StoreError> {
    let mut tx = super::begin(db).await?;
    let delivery = sqlx::query!(
        r#"SELECT d.state, r.unsubscribed_at IS NULL AND u.disabled_at IS NULL AS "takes_letters!"
             FROM deliveries d
             JOIN recipients r ON r.id = d.recipient_id
             LEFT JOIN users u ON u.id = r.user_id
            WHERE d.id = $1
              FOR UPDATE OF d"#,
        id as DeliveryId
    )
    .fetch_optional(&mut *tx)
    .await?;
    match delivery {
        None => return Ok(Acted::Unknown),
        Some(it) if it.takes_letters && matches!(it.state.as_str(), "dead" | "refused") => {}
        Some(_) => return Ok(Acted::TooLate),
    }
    sqlx::query!(
        "UPDATE deliveries
            SET state = 'waiting', tried_since = $2, next_at = $2, ended_at = NULL, lease_until = NULL
          WHERE id = $1",
        id as DeliveryId,
        now as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE recipients SET suppressed_at = NULL, suppressed_why = ''
          WHERE id = (SELECT recipient_id FROM deliveries WHERE id = $1)",
        id as DeliveryId,
    )
    .execute(&mut *tx)
    .await?;
    record(
        &mut tx,
        "resend",
        "delivery",
        id.to_string(),
        None,
        actor,
        now,
    )
    .await?;
    tx.commit().await?;
    Ok(Acted::Done)
}

/// Asks for a test to a recipient; a job composes it. False if there is no such recipient.
///
/// # Errors
/// The database does not answer.
pub async fn ask_test(
    db: &PgPool,
    slug: &str,
    recipient: RecipientId,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let asked = sqlx::query!(
        "UPDATE recipients r SET test_at = $3
           FROM subscriptions s
          WHERE s.id = r.subscription_id AND s.slug = $1 AND r.id = $2",
        slug,
        recipient as RecipientId,
        now as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    if asked.rows_affected() == 0 {
        return Ok(false);
    }
    record(
        &mut tx,
        "test",
        "recipient",
        slug.to_owned(),
        None,
        actor,
        now,
    )
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// What an editor does to an edition before it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review<'a> {
    /// The edition as it is to be.
    pub edition: &'a Edition,
    /// The version that the editor saw.
    pub version: i32,
    /// Where it is to stand: in review, held or released.
    pub state: EditionState,
}

/// Writes what an editor made of an edition. One that is to be released goes out as soon as a job sees it.
///
/// # Errors
/// The database does not answer.
pub async fn review(
    db: &PgPool,
    id: EditionId,
    review: Review<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<Acted, StoreError> {
    let mut tx = super::begin(db).await?;
    let body = serde_json::to_string(review.edition)
        .map_err(|error| StoreError::Unexpected(format!("an edition: {error}")))?;
    let is_released = review.state == EditionState::Released;
    let state = if is_released {
        EditionState::Review
    } else {
        review.state
    };
    let done = sqlx::query!(
        "UPDATE editions
            SET body = $3::text::json, state = $4, version = version + 1,
                release_at = CASE WHEN $5 THEN $6 ELSE greatest(due_at, release_at) END
          WHERE id = $1 AND version = $2 AND state IN ('review', 'held')",
        id as EditionId,
        review.version,
        body,
        state.as_str(),
        is_released,
        now as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(Acted::TooLate);
    }
    let stories = |is: fn(&EditionLine) -> bool| -> Vec<StoryId> {
        let lines = review.edition.lines().filter(|line| is(line));
        lines.map(|line| line.story).collect()
    };
    let struck = stories(|line| line.is_struck);
    let left_out = stories(|line| line.is_left_out && !line.is_struck);
    sqlx::query!(
        "UPDATE edition_members
            SET membership = CASE WHEN story_id = ANY ($2) THEN 'struck'
                                  WHEN story_id = ANY ($3) THEN 'left_out'
                                  ELSE 'shown'
                             END
          WHERE edition_id = $1 AND membership IN ('shown', 'left_out', 'struck')",
        id as EditionId,
        &struck as &[StoryId],
        &left_out as &[StoryId],
    )
    .execute(&mut *tx)
    .await?;
    let struck: Vec<i64> = struck.iter().map(|story| story.get()).collect();
    let after = json!({"state": review.state, "note": review.edition.note, "struck": struck});
    let subject = format!("{}/{}", review.edition.slug, review.edition.key);
    record(
        &mut tx,
        "review",
        "edition",
        subject,
        Some(after),
        actor,
        now,
    )
    .await?;
    tx.commit().await?;
    Ok(Acted::Done)
}

/// A subscription in numbers.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Recipients that take something.
    pub readers: i64,
    /// Deliveries of the last seven days that were refused or given up.
    pub failed: i64,
    /// When the last edition was due.
    pub last_at: Option<Timestamp>,
}

/// All subscriptions in numbers.
///
/// # Errors
/// The database does not answer.
pub async fn overview(db: &PgPool) -> Result<Vec<Overview>, StoreError> {
    Ok(sqlx::query_as!(
        Overview,
        r#"SELECT s.id AS subscription,
                  (SELECT count(*) FROM recipients r
                    WHERE r.subscription_id = s.id AND r.unsubscribed_at IS NULL AND r.suppressed_at IS NULL)
                      AS "readers!",
                  (SELECT count(*) FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
                    WHERE r.subscription_id = s.id AND d.state IN ('dead', 'refused')
                      AND d.created_at > now() - interval '7 days') AS "failed!",
                  (SELECT max(due_at) FROM editions e
                    WHERE e.subscription_id = s.id AND e.state IN ('released', 'empty')) AS last_at
             FROM subscriptions s"#
    )
    .fetch_all(db)
    .await?)
}
