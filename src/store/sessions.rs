//! Browsers that are signed in. Of their tokens only hashes are kept.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
};
use crate::domain::{ClockFormat, Role, SessionId, Timestamp, UserId};

/// How often the last use is noted.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// Who a valid session belongs to, as the account is now.
#[derive(Debug, Clone)]
pub struct SessionOwner {
    /// The session.
    pub session: SessionId,
    /// The account.
    pub user: UserId,
    /// What it signs in with.
    pub name: String,
    /// What its person is called; may be empty.
    pub full_name: String,
    /// What it may.
    pub role: Role,
    /// IANA name; empty: that of the browser.
    pub time_zone: String,
    /// How the time of day is told.
    pub clock_format: ClockFormat,
    /// Language of the interface.
    pub language: String,
    /// Notes that mention the account and were not seen.
    pub mentions: i64,
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Number.
    pub id: SessionId,
    /// Sign-in.
    pub created_at: Timestamp,
    /// Last use, to the minute.
    pub last_seen_at: Timestamp,
    /// What the browser calls itself.
    pub user_agent: String,
    /// Where the sign-in came from.
    pub address: String,
}

/// A browser that signs in.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// The hash of its token.
    pub token_hash: &'a [u8],
    /// The password hash that its account proved to know; none: it took no password.
    pub password_hash: Option<&'a str>,
    /// The hash of the token that it showed before, which ends.
    pub replaces: Option<&'a [u8]>,
    /// What it calls itself.
    pub user_agent: &'a str,
    /// Where it comes from.
    pub address: &'a str,
    /// How long the session lasts, whatever is done with it.
    pub lifetime: Duration,
}

/// Signs an account in, and writes that into the audit: a session of its own, and none that the browser had before. False if by now the account is
/// disabled, gone, or has another password than the one that was proven.
///
/// # Errors
/// The database does not answer.
pub async fn begin(
    db: &PgPool,
    user: UserId,
    session: NewSession<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let has_begun = insert(&mut tx, user, session, now).await?;
    tx.commit().await?;
    Ok(has_begun)
}

async fn insert(
    tx: &mut PgConnection,
    user: UserId,
    session: NewSession<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if let Some(replaced) = session.replaces {
        sqlx::query!("DELETE FROM sessions WHERE token_hash = $1", replaced)
            .execute(&mut *tx)
            .await?;
    }
    let signed_in = sqlx::query_scalar!(
        "UPDATE users SET last_sign_in_at = $2
          WHERE id = $1 AND disabled_at IS NULL AND ($3::text IS NULL OR password_hash = $3)
      RETURNING name",
        user.get(),
        now as Timestamp,
        session.password_hash
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(name) = signed_in else {
        return Ok(false);
    };
    sqlx::query!(
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at, user_agent, address)
         VALUES ($1, $2, $3, $3, $4, $5, $6)",
        session.token_hash,
        user.get(),
        now as Timestamp,
        now.plus(session.lifetime) as Timestamp,
        session.user_agent,
        session.address
    )
    .execute(&mut *tx)
    .await?;
    let change = Change {
        action: "begin",
        subject_kind: "session",
        subject: name.clone(),
        before: None,
        after: Some(json!({"browser": session.user_agent, "address": session.address})),
    };
    audit::record(tx, &name, now, &[change]).await?;
    Ok(true)
}

/// Who a token belongs to; none if it is unknown, or was not used for `idle`, or has run out, or its account is
/// disabled.
///
/// # Errors
/// The database does not answer.
pub async fn owner(
    db: &PgPool,
    token_hash: &[u8],
    idle: Duration,
    now: Timestamp,
) -> Result<Option<SessionOwner>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT s.id AS "session: SessionId", u.id AS "user: UserId", u.name, u.full_name, u.role, u.time_zone,
                  u.clock_format, u.language, s.last_seen_at,
                  (SELECT count(*)
                     FROM note_mentions m
                     JOIN notes n ON n.id = m.note_id
                    WHERE m.user_id = u.id AND m.seen_at IS NULL AND n.removed_at IS NULL) AS "mentions!"
             FROM sessions s
             JOIN users u ON u.id = s.user_id
            WHERE s.token_hash = $1
              AND s.expires_at > $2
              AND s.last_seen_at > $3
              AND u.disabled_at IS NULL"#,
        token_hash,
        now as Timestamp,
        now.minus(idle) as Timestamp
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if now.since(row.last_seen_at) > NOTED_EVERY {
        sqlx::query!(
            "UPDATE sessions SET last_seen_at = $2 WHERE id = $1",
            row.session.get(),
            now as Timestamp
        )
        .execute(db)
        .await?;
    }
    Ok(Some(SessionOwner {
        session: row.session,
        user: row.user,
        name: row.name,
        full_name: row.full_name,
        role: row
            .role
            .parse()
            .map_err(|_| StoreError::UnknownWord(row.role))?,
        time_zone: row.time_zone,
        clock_format: row
            .clock_format
            .parse()
            .map_err(|_| StoreError::UnknownWord(row.clock_format))?,
        language: row.language,
        mentions: row.mentions,
    }))
}

/// Whether a session still lets its account in with the role that it had; does not count as use.
///
/// # Errors
/// The database does not answer.
pub async fn is_valid(
    db: &PgPool,
    session: SessionId,
    role: Role,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM sessions s JOIN users u ON u.id = s.user_id
                WHERE s.id = $1 AND s.expires_at > $2 AND u.disabled_at IS NULL AND u.role = $3
           ) AS "exists!""#,
        session.get(),
        now as Timestamp,
        role.as_str()
    )
    .fetch_one(db)
    .await?)
}

/// The sessions of an account, the latest used first.
///
/// # Errors
/// The database does not answer.
pub async fn of_user(
    db: &PgPool,
    user: UserId,
    idle: Duration,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    Ok(sqlx::query_as!(
        Session,
        "SELECT id, created_at, last_seen_at, user_agent, address FROM sessions
          WHERE user_id = $1 AND expires_at > $2 AND last_seen_at > $3
          ORDER BY last_seen_at DESC, id DESC",
        user.get(),
        now as Timestamp,
        now.minus(idle) as Timestamp
    )
    .fetch_all(db)
    .await?)
}

/// Ends a session of an account; false if it has none of that number.
///
/// # Errors
/// The database does not answer.
pub async fn end(
    db: &PgPool,
    user: UserId,
    session: SessionId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let ended = sqlx::query_as!(
        Ended,
        "DELETE FROM sessions s
          USING users u
          WHERE u.id = s.user_id AND s.id = $1 AND s.user_id = $2
      RETURNING u.name, s.user_agent, s.address",
        session.get(),
        user.get()
    )
    .fetch_all(&mut *tx)
    .await?;
    record_ends(&mut tx, &ended, now).await?;
    tx.commit().await?;
    Ok(!ended.is_empty())
}

/// Ends the session of a token, if there is one.
///
/// # Errors
/// The database does not answer.
pub async fn end_by_token(
    db: &PgPool,
    token_hash: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = super::begin(db).await?;
    let ended = sqlx::query_as!(
        Ended,
        "DELETE FROM sessions s
          USING users u
          WHERE u.id = s.user_id AND s.token_hash = $1
      RETURNING u.name, s.user_agent, s.address",
        token_hash
    )
    .fetch_all(&mut *tx)
    .await?;
    record_ends(&mut tx, &ended, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends all sessions of an account but one.
///
/// # Errors
/// The database does not answer.
pub async fn end_others(
    db: &PgPool,
    user: UserId,
    kept: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = super::begin(db).await?;
    let ended = sqlx::query_as!(
        Ended,
        "DELETE FROM sessions s
          USING users u
          WHERE u.id = s.user_id AND s.user_id = $1 AND s.id <> $2
      RETURNING u.name, s.user_agent, s.address",
        user.get(),
        kept.get()
    )
    .fetch_all(&mut *tx)
    .await?;
    record_ends(&mut tx, &ended, now).await?;
    tx.commit().await?;
    Ok(())
}

/// A session that was ended by its owner.
struct Ended {
    name: String,
    user_agent: String,
    address: String,
}

async fn record_ends(
    tx: &mut PgConnection,
    ended: &[Ended],
    now: Timestamp,
) -> Result<(), StoreError> {
    for session in ended {
        let change = Change {
            action: "end",
            subject_kind: "session",
            subject: session.name.clone(),
            before: Some(json!({"browser": session.user_agent, "address": session.address})),
            after: None,
        };
        audit::record(tx, &session.name, now, &[change]).await?;
    }
    Ok(())
}

/// Deletes one batch of what let somebody in and does not any more, and of what was remembered against guessing: sessions,
/// tokens and links that ran out, buckets that drained. Returns how many rows; call again while it is not zero.
///
/// # Errors
/// The database does not answer.
pub async fn trim(
    db: &PgPool,
    now: Timestamp,
    idle: Duration,
    forgotten_after: Duration,
) -> Result<u64, StoreError> {
    let sessions = sqlx::query!(
        "DELETE FROM sessions WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2 LIMIT $3))
            AND (expires_at <= $1 OR last_seen_at <= $2)",
        now as Timestamp,
        now.minus(idle) as Timestamp,
        super::TRIM_BATCH
    )
    .execute(db)
    .await?;
    let invitations = sqlx::query!(
        "DELETE FROM invitations WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM invitations WHERE expires_at <= $1 LIMIT $2))",
        now as Timestamp,
        super::TRIM_BATCH
    )
    .execute(db)
    .await?;
    let tokens = sqlx::query!(
        "DELETE FROM api_tokens WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM api_tokens WHERE expires_at <= $1 LIMIT $2))",
        now as Timestamp,
        super::TRIM_BATCH
    )
    .execute(db)
    .await?;
    let buckets = sqlx::query!(
        "DELETE FROM sign_in_buckets WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM sign_in_buckets WHERE raised_at <= $1 LIMIT $2))
            AND raised_at <= $1",
        now.minus(forgotten_after) as Timestamp,
        super::TRIM_BATCH
    )
    .execute(db)
    .await?;
    Ok([sessions, invitations, tokens, buckets]
        .iter()
        .map(sqlx::postgres::PgQueryResult::rows_affected)
        .sum())
}
