//! Keys of programs.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    users::role,
};
use crate::domain::{ApiTokenId, Role, Timestamp, UserId};

/// How often the last use is noted.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// A token as its owner sees it.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// Number.
    pub id: ApiTokenId,
    /// What it is for.
    pub name: String,
    /// The most that it may.
    pub role: Role,
    /// Whose it is; none: the installation's own.
    pub owner: Option<String>,
    /// Whether it opens feeds and tables alone.
    pub is_for_outputs: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Last use, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewApiToken<'a> {
    /// The hash of the token.
    pub token_hash: &'a [u8],
    /// What it is for.
    pub name: &'a str,
    /// The most that it may.
    pub role: Role,
    /// Whose it is; none: the installation's own.
    pub user: Option<UserId>,
    /// Whether it opens feeds and tables alone.
    pub is_for_outputs: bool,
    /// How long it lasts.
    pub lifetime: Duration,
}

/// Who a valid token speaks for.
#[derive(Debug, Clone)]
pub struct TokenOwner {
    /// The token.
    pub token: ApiTokenId,
    /// What it is for.
    pub name: String,
    /// What it may at present.
    pub role: Role,
    /// Its account; none: the installation's own.
    pub user: Option<UserId>,
    /// The name of its account.
    pub owner: Option<String>,
    /// Whether it opens feeds and tables alone.
    pub is_for_outputs: bool,
}

/// What both a token and its account may.
fn least(own: &str, owner: Option<&str>) -> Result<Role, StoreError> {
    let own = role(own)?;
    let most = owner.map(role).transpose()?;
    Ok(most.map_or(own, |most| most.min(own)))
}

/// Makes a token.
///
/// # Errors
/// The database does not answer.
pub async fn add(
    db: &PgPool,
    token: NewApiToken<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<(ApiTokenId, Timestamp), StoreError> {
    let expires_at = now.plus(token.lifetime);
    let mut tx = super::begin(db).await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO api_tokens (token_hash, name, role, user_id, created_at, expires_at, is_for_outputs)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           RETURNING id AS "id: ApiTokenId""#,
        token.token_hash,
        token.name,
        token.role.as_str(),
        token.user.map(UserId::get),
        now as Timestamp,
        expires_at as Timestamp,
        token.is_for_outputs
    )
    .fetch_one(&mut *tx)
    .await?;
    let change = Change {
        action: "add",
        subject_kind: "token",
        subject: id.to_string(),
        before: None,
        after: Some(
            json!({"name": token.name, "role": token.role, "expires_at": expires_at,
                           "is_for_outputs": token.is_for_outputs}),
        ),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok((id, expires_at))
}

/// Who a token speaks for; none if it is unknown, has run out, or its account is disabled. It may what both it and its
/// account may.
///
/// # Errors
/// The database does not answer.
pub async fn owner(
    db: &PgPool,
    token_hash: &[u8],
    now: Timestamp,
) -> Result<Option<TokenOwner>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT t.id AS "id: ApiTokenId", t.name, t.role, t.last_used_at, t.user_id AS "user_id: UserId", t.is_for_outputs,
                  u.name AS "owner?", u.role AS "owner_role?"
             FROM api_tokens t
             LEFT JOIN users u ON u.id = t.user_id
            WHERE t.token_hash = $1 AND t.expires_at > $2 AND u.disabled_at IS NULL"#,
        token_hash,
        now as Timestamp
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row
        .last_used_at
        .is_none_or(|last| now.since(last) > NOTED_EVERY)
    {
        sqlx::query!(
            "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1",
            row.id.get(),
            now as Timestamp
        )
        .execute(db)
        .await?;
    }
    Ok(Some(TokenOwner {
        token: row.id,
        name: row.name,
        role: least(&row.role, row.owner_role.as_deref())?,
        user: row.user_id,
        owner: row.owner,
        is_for_outputs: row.is_for_outputs,
    }))
}

/// Whether a token still may what it could, which was `role`; does not count as use.
///
/// # Errors
/// The database does not answer.
pub async fn is_valid(
    db: &PgPool,
    token: ApiTokenId,
    role: Role,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"SELECT t.role, u.role AS "owner_role?"
             FROM api_tokens t LEFT JOIN users u ON u.id = t.user_id
            WHERE t.id = $1 AND t.expires_at > $2 AND u.disabled_at IS NULL"#,
        token.get(),
        now as Timestamp
    )
    .fetch_optional(db)
    .await?;
    Ok(match row {
        Some(row) => least(&row.role, row.owner_role.as_deref())? == role,
        None => false,
    })
}

/// The tokens of an account, or all of them, the newest first.
///
/// # Errors
/// The database does not answer.
pub async fn list(db: &PgPool, of: Option<UserId>) -> Result<Vec<ApiToken>, StoreError> {
    sqlx::query!(
        r#"SELECT t.id AS "id: ApiTokenId", t.name, t.role, u.name AS "owner?", t.is_for_outputs, t.created_at, t.expires_at,
                  t.last_used_at
             FROM api_tokens t
             LEFT JOIN users u ON u.id = t.user_id
            WHERE $1::bigint IS NULL OR t.user_id = $1
            ORDER BY t.id DESC"#,
        of.map(UserId::get)
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(ApiToken {
            id: row.id,
            name: row.name,
            role: role(&row.role)?,
            owner: row.owner,
            is_for_outputs: row.is_for_outputs,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
    })
    .collect()
}

/// Ends a token, of an account or of anybody; false if there is none of that number.
///
/// # Errors
/// The database does not answer.
pub async fn revoke(
    db: &PgPool,
    id: ApiTokenId,
    of: Option<UserId>,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let name = sqlx::query_scalar!(
        "DELETE FROM api_tokens WHERE id = $1 AND ($2::bigint IS NULL OR user_id = $2) RETURNING name",
        id.get(),
        of.map(UserId::get)
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(name) = name else { return Ok(false) };
    audit::record(&mut tx, actor, now, &[removed(id, &name)]).await?;
    tx.commit().await?;
    Ok(true)
}

/// Ends all tokens of an account inside a transaction; the changes are for the audit.
pub(super) async fn end_all(
    tx: &mut PgConnection,
    user: UserId,
) -> Result<Vec<Change>, StoreError> {
    let ended = sqlx::query!(
        r#"DELETE FROM api_tokens WHERE user_id = $1 RETURNING id AS "id: ApiTokenId", name"#,
        user.get()
    )
    .fetch_all(tx)
    .await?;
    Ok(ended
        .into_iter()
        .map(|token| removed(token.id, &token.name))
        .collect())
}

fn removed(id: ApiTokenId, name: &str) -> Change {
    Change {
        action: "remove",
        subject_kind: "token",
        subject: id.to_string(),
        before: Some(json!({"name": name})),
        after: None,
    }
}
