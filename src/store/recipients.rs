//! Recipients: where subscriptions go, and how they are left.

use serde_json::json;
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
};
use crate::domain::{
    RecipientId, SubscriptionId, Timestamp, UserId,
    delivery::{Channel, Recipient, WebhookForm, hexadecimal},
};

/// A recipient, for who keeps the list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Where it goes.
    pub recipient: Recipient,
    /// Whose it is.
    pub user: Option<UserId>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was left.
    pub unsubscribed_at: Option<Timestamp>,
    /// Since when nothing is sent there, because it was refused for good.
    pub suppressed_at: Option<Timestamp>,
    /// What its server said.
    pub suppressed_why: String,
    /// How its last delivery stands.
    pub last_state: Option<String>,
    /// When that was put into the outbox.
    pub last_at: Option<Timestamp>,
}

/// Who an unsubscribe link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The recipient.
    pub id: RecipientId,
    /// Name of the subscription.
    pub subscription: String,
    /// Its short name.
    pub slug: String,
    /// The address.
    pub address: String,
    /// Whether it was left.
    pub is_unsubscribed: bool,
}

/// A recipient to be.
#[derive(Debug, Clone, Copy)]
pub struct NewRecipient<'a> {
    /// The way there.
    pub channel: Channel,
    /// How a webhook is written.
    pub form: WebhookForm,
    /// Mail address or URL.
    pub address: &'a str,
    /// Whose it is: nothing goes to an account that was disabled.
    pub user: Option<UserId>,
}

/// Adds a recipient; none if the subscription has it already, or is not there.
///
/// # Errors
/// The database does not answer.
pub async fn add(
    db: &PgPool,
    slug: &str,
    new: NewRecipient<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<Option<RecipientId>, StoreError> {
    let mut tx = super::begin(db).await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO recipients (subscription_id, channel, form, address, user_id, created_at)
           SELECT id, $2, $3, $4, $5, $6 FROM subscriptions WHERE slug = $1
               ON CONFLICT (subscription_id, channel, address) DO NOTHING
           RETURNING id AS "id: RecipientId""#,
        slug,
        new.channel.as_str(),
        new.form.as_str(),
        new.address,
        new.user as Option<UserId>,
        now as Timestamp,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if id.is_some() {
        record(&mut tx, "add", slug, new.address, actor, now).await?;
    }
    tx.commit().await?;
    Ok(id)
}

async fn record(
    tx: &mut PgConnection,
    action: &'static str,
    slug: &str,
    address: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let change = Change {
        action,
        subject_kind: "recipient",
        subject: slug.to_owned(),
        before: None,
        after: Some(json!({ "address": address })),
    };
    audit::record(tx, actor, now, &[change]).await
}

/// The recipients of a subscription, oldest first.
///
/// # Errors
/// The database does not answer.
pub async fn of(db: &PgPool, id: SubscriptionId) -> Result<Vec<Listed>, StoreError> {
    sqlx::query!(
        r#"SELECT r.id, r.channel, r.form, r.address, r.secret, r.token, r.user_id, r.created_at, r.unsubscribed_at,
                  r.suppressed_at, r.suppressed_why, d.state AS "last_state?", d.created_at AS "last_at?"
             FROM recipients r
             LEFT JOIN LATERAL (SELECT state, created_at FROM deliveries WHERE recipient_id = r.id
                                 ORDER BY id DESC LIMIT 1) d ON true
            WHERE r.subscription_id = $1
            ORDER BY r.id"#,
        id as SubscriptionId
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Listed {
            recipient: recipient(row.id, &row.channel, &row.form, row.address, row.secret, row.token)?,
            user: row.user_id,
            created_at: row.created_at,
            unsubscribed_at: row.unsubscribed_at,
            suppressed_at: row.suppressed_at,
            suppressed_why: row.suppressed_why,
            last_state: row.last_state,
            last_at: row.last_at,
        })
    })
    .collect()
}

/// A recipient from its columns.
pub(super) fn recipient(
    id: RecipientId,
    channel: &str,
    form: &str,
    address: String,
    secret: Vec<u8>,
    token: Vec<u8>,
) -> Result<Recipient, StoreError> {
    let unknown = |word: &str| StoreError::UnknownWord(word.to_owned());
    Ok(Recipient {
        id,
        channel: channel.parse().map_err(|_| unknown(channel))?,
        form: form.parse().map_err(|_| unknown(form))?,
        address,
        secret,
        token,
    })
}

/// Who the token of a link is for.
///
/// # Errors
/// The database does not answer.
pub async fn by_token(db: &PgPool, token: &[u8]) -> Result<Option<Subscriber>, StoreError> {
    Ok(sqlx::query_as!(
        Subscriber,
        r#"SELECT r.id, s.name AS subscription, s.slug, r.address, r.unsubscribed_at IS NOT NULL AS "is_unsubscribed!"
             FROM recipients r
             JOIN subscriptions s ON s.id = r.subscription_id
            WHERE sha256(r.token) = sha256($1)"#,
        token
    )
    .fetch_optional(db)
    .await?)
}

/// What ends or renews a recipient's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Nothing goes there any more, what waits included.
    Leave,
    /// It goes there again, also after a refusal.
    Return,
    /// Its row goes, with its deliveries.
    Remove,
}

/// Ends or renews the part of a recipient. Done twice, it is done once; false if there is no such recipient.
///
/// # Errors
/// The database does not answer.
pub async fn set_part(
    db: &PgPool,
    id: RecipientId,
    part: Part,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let row = sqlx::query!(
        r#"SELECT r.address, r.token, s.slug, r.unsubscribed_at IS NOT NULL AS "is_left!",
                  r.suppressed_at IS NOT NULL AS "is_suppressed!"
             FROM recipients r
             JOIN subscriptions s ON s.id = r.subscription_id
            WHERE r.id = $1
              FOR UPDATE OF r"#,
        id as RecipientId
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(false);
    };
    let action = match part {
        Part::Leave if row.is_left => return Ok(true),
        Part::Return if !row.is_left && !row.is_suppressed => return Ok(true),
        Part::Leave => {
            leave(&mut tx, id, now).await?;
            "unsubscribe"
        }
        Part::Return => {
            sqlx::query!(
                "UPDATE recipients SET unsubscribed_at = NULL, suppressed_at = NULL, suppressed_why = '' WHERE id = $1",
                id as RecipientId
            )
            .execute(&mut *tx)
            .await?;
            "resubscribe"
        }
        Part::Remove => {
            sqlx::query!("DELETE FROM recipients WHERE id = $1", id as RecipientId)
                .execute(&mut *tx)
                .await?;
            "remove"
        }
    };
    // Whoever follows a link is known by it alone.
    let link = format!(
        "link {}",
        hexadecimal(row.token.get(..3).unwrap_or_default())
    );
    let actor = if actor.is_empty() { &link } else { actor };
    record(&mut tx, action, &row.slug, &row.address, actor, now).await?;
    tx.commit().await?;
    Ok(true)
}

async fn leave(tx: &mut PgConnection, id: RecipientId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE recipients SET unsubscribed_at = $2 WHERE id = $1",
        id as RecipientId,
        now as Timestamp
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE deliveries SET state = 'cancelled', ended_at = $2, detail = 'unsubscribed'
          WHERE recipient_id = $1 AND state = 'waiting'",
        id as RecipientId,
        now as Timestamp
    )
    .execute(tx)
    .await?;
    Ok(())
}
