//! The outbox: deliveries claimed with a lease, and what came of each attempt.

use std::time::Duration;

use sqlx::PgConnection;

use super::{PgPool, StoreError, editions::read_body, recipients::recipient, workers::LOCK_SPACE};
use crate::domain::{
    DeliveryId, RecipientId, SubscriptionId, Timestamp,
    delivery::{Channel, ClaimedDelivery, Content, Outcome},
};

/// Claims the delivery by `channel` that is to be tried by `now` and waits longest, but none to the addresses
/// `busy`. A claim holds for `lease`, or until the worker `holder` is gone.
///
/// # Errors
/// The database does not answer, or the delivery cannot be read: it is put off for as long as a claim holds.
pub async fn claim(
    db: &PgPool,
    channel: Channel,
    busy: &[String],
    holder: i32,
    lease: Duration,
    now: Timestamp,
) -> Result<Option<ClaimedDelivery>, StoreError> {
    let row = sqlx::query!(
        r#"WITH alive AS MATERIALIZED (
               SELECT objid::bigint AS number
                 FROM pg_locks
                WHERE locktype = 'advisory'
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND classid::bigint = $4
           ), picked AS (
               SELECT waiting.id
                 FROM deliveries waiting
                 JOIN recipients r ON r.id = waiting.recipient_id AND r.channel = $5
                WHERE waiting.state = 'waiting'
                  AND waiting.next_at <= $1
                  AND (waiting.lease_until IS NULL OR waiting.lease_until <= $1
                       OR NOT EXISTS (SELECT FROM alive WHERE number = waiting.lease_holder))
                  AND r.address <> ALL ($6)
                ORDER BY waiting.next_at, waiting.id
                LIMIT 1
                  FOR UPDATE OF waiting SKIP LOCKED
           ), claimed AS (
               UPDATE deliveries d
                  SET lease_until = $2, lease_holder = $3, attempts = attempts + 1
                 FROM picked
                WHERE d.id = picked.id
               RETURNING d.id, d.recipient_id, d.edition_id, d.content, d.message_id, d.follows, d.created_at,
                         d.attempts, d.tried_since
           )
           SELECT c.id AS "id!: DeliveryId", c.attempts AS "attempts!", c.message_id AS "message_id!", c.follows,
                  c.created_at AS "created_at!", c.tried_since AS "tried_since!", c.content::text AS content,
                  e.body::text AS body, r.id AS recipient, r.channel, r.form, r.address, r.secret, r.token,
                  s.id AS subscription, s.slug
             FROM claimed c
             JOIN recipients r ON r.id = c.recipient_id
             JOIN subscriptions s ON s.id = r.subscription_id
             LEFT JOIN editions e ON e.id = c.edition_id"#,
        now as Timestamp,
        now.plus(lease) as Timestamp,
        holder,
        i64::from(LOCK_SPACE),
        channel.as_str(),
        busy,
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let (id, attempt) = (row.id, row.attempts);
    let read = || {
        let content = match (row.body, row.content) {
            (Some(body), _) => Content::Edition(read_body(&body)?),
            (None, Some(content)) => read_content(&content)?,
            (None, None) => {
                return Err(StoreError::Unexpected("a delivery of nothing".to_owned()));
            }
        };
        Ok(ClaimedDelivery {
            id,
            attempt: attempt.unsigned_abs(),
            subscription: row.subscription,
            slug: row.slug,
            recipient: recipient(
                row.recipient,
                &row.channel,
                &row.form,
                row.address,
                row.secret,
                row.token,
            )?,
            content,
            message_id: row.message_id,
            follows: row.follows,
            created_at: row.created_at,
            tried_since: row.tried_since,
        })
    };
    match read() {
        Ok(delivery) => Ok(Some(delivery)),
        Err(error) => {
            put_off(db, id, attempt, now.plus(lease)).await?;
            Err(error)
        }
    }
}

/// Gives a claim back until then: what stands behind it goes first.
async fn put_off(
    db: &PgPool,
    id: DeliveryId,
    attempt: i32,
    to: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE deliveries
            SET next_at = $3, lease_until = NULL, lease_holder = NULL, detail = 'it cannot be read by this version'
          WHERE id = $1 AND attempts = $2 AND state = 'waiting'",
        id as DeliveryId,
        attempt,
        to as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The channels by which something is to be tried by `now`. Cheap, and without a lock.
///
/// # Errors
/// The database does not answer.
pub async fn waiting(db: &PgPool, now: Timestamp) -> Result<Vec<Channel>, StoreError> {
    sqlx::query_scalar!(
        "SELECT DISTINCT r.channel
           FROM deliveries d
           JOIN recipients r ON r.id = d.recipient_id
          WHERE d.state = 'waiting' AND d.next_at <= $1",
        now as Timestamp,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|word| {
        word.parse()
            .map_err(|_| StoreError::UnknownWord(word.clone()))
    })
    .collect()
}

/// Puts a notice or a test into the outbox, for one recipient or all that take something. Each has a Message-ID of its own.
pub(super) async fn queue_content(
    tx: &mut PgConnection,
    subscription: SubscriptionId,
    recipient: Option<RecipientId>,
    content: &Content,
    host: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let content = serde_json::to_string(content)
        .map_err(|error| StoreError::Unexpected(format!("a delivery: {error}")))?;
    let queued = sqlx::query!(
        "INSERT INTO deliveries (recipient_id, content, message_id, created_at, tried_since, next_at)
         SELECT r.id, $3::text::json, 'notice-' || gen_random_uuid() || '@' || $4, $5, $5, $5
           FROM recipients r
           LEFT JOIN users u ON u.id = r.user_id
          WHERE r.subscription_id = $1
            AND ($2::bigint IS NULL OR r.id = $2)
            AND r.unsubscribed_at IS NULL
            AND r.suppressed_at IS NULL
            AND u.disabled_at IS NULL
          ORDER BY r.id",
        subscription as SubscriptionId,
        recipient as Option<RecipientId>,
        content,
        host,
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(queued.rows_affected())
}

fn read_content(content: &str) -> Result<Content, StoreError> {
    serde_json::from_str(content)
        .map_err(|error| StoreError::Unexpected(format!("a delivery: {error}")))
}

/// Records what came of an attempt. False if the claim was lost to another worker meanwhile: its word counts then.
///
/// # Errors
/// The database does not answer.
pub async fn record(
    db: &PgPool,
    delivery: &ClaimedDelivery,
    outcome: &Outcome,
    detail: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let attempt = i32::try_from(delivery.attempt).unwrap_or(i32::MAX);
    let (state, next_at) = match outcome {
        Outcome::Sent => ("sent", None),
        Outcome::Later(at) => ("waiting", Some(*at)),
        Outcome::Refused => ("refused", None),
        Outcome::Dead => ("dead", None),
    };
    let updated = sqlx::query!(
        "UPDATE deliveries
            SET state = $3, next_at = coalesce($4, next_at), detail = $5, lease_until = NULL, lease_holder = NULL,
                ended_at = CASE WHEN $4::timestamptz IS NULL THEN $6::timestamptz END
          WHERE id = $1 AND attempts = $2 AND state = 'waiting'",
        delivery.id as DeliveryId,
        attempt,
        state,
        next_at as Option<Timestamp>,
        detail,
        now as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    log(&mut tx, delivery.id, attempt, outcome, detail, now).await?;
    if *outcome == Outcome::Refused {
        suppress(&mut tx, delivery, detail, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

async fn log(
    tx: &mut PgConnection,
    id: DeliveryId,
    attempt: i32,
    outcome: &Outcome,
    detail: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO delivery_attempts (delivery_id, attempt, ended_at, outcome, detail)
         VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        id as DeliveryId,
        attempt,
        now as Timestamp,
        outcome.as_str(),
        detail,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Nothing more goes to a recipient that was refused for good, what waits included.
async fn suppress(
    tx: &mut PgConnection,
    delivery: &ClaimedDelivery,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE recipients SET suppressed_at = $2, suppressed_why = $3 WHERE id = $1",
        delivery.recipient.id.get(),
        now as Timestamp,
        why,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE deliveries SET state = 'cancelled', ended_at = $2, detail = 'the recipient was refused'
          WHERE recipient_id = $1 AND state = 'waiting'",
        delivery.recipient.id.get(),
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// When the next delivery is to be tried.
///
/// # Errors
/// The database does not answer.
pub async fn next_at(db: &PgPool) -> Result<Option<Timestamp>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT min(greatest(next_at, lease_until)) AS "next" FROM deliveries WHERE state = 'waiting'"#
    )
    .fetch_one(db)
    .await?)
}
