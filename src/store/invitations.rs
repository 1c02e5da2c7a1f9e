//! Links that work once: they make an account, or set the password of one.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    users,
};
use crate::domain::{Role, Timestamp, UserId, UserName};

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// An account of this role.
    Join(Role),
    /// The first admin.
    FirstAdmin,
    /// A password for this account.
    Password(UserId),
}

/// What a valid link is for, for who follows it.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The role of the account that it makes; none: it sets a password.
    pub role: Option<Role>,
    /// Whether it makes the first admin.
    pub is_first: bool,
    /// The account whose password it sets.
    pub name: Option<String>,
}

/// What came of following a link to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// The account is there with its password.
    Done(UserId),
    /// The link is unknown, used, or has run out.
    Void,
    /// The name is taken; the link stays.
    NameTaken,
}

/// Who makes a link.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a> {
    /// As the audit calls them.
    pub actor: &'a str,
    /// Their account: the link works while it administers. None: the shell, or the installation itself.
    pub user: Option<UserId>,
}

/// Writes down a link that works for `lifetime`.
///
/// # Errors
/// The database does not answer.
pub async fn add(
    db: &PgPool,
    token_hash: &[u8],
    purpose: &Purpose,
    lifetime: Duration,
    maker: Maker<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (role, user, is_first) = match purpose {
        Purpose::Join(role) => (Some(*role), None, false),
        Purpose::FirstAdmin => (Some(Role::Admin), None, true),
        Purpose::Password(user) => (None, Some(*user), false),
    };
    let mut tx = super::begin(db).await?;
    let id = sqlx::query_scalar!(
        "INSERT INTO invitations (token_hash, role, user_id, is_first, created_by, maker_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         RETURNING id",
        token_hash,
        role.map(Role::as_str),
        user.map(UserId::get),
        is_first,
        maker.actor,
        maker.user.map(UserId::get),
        now as Timestamp,
        now.plus(lifetime) as Timestamp
    )
    .fetch_one(&mut *tx)
    .await?;
    let change = Change {
        action: "add",
        subject_kind: "invitation",
        subject: id.to_string(),
        before: None,
        after: Some(json!({"role": role, "is_first": is_first, "user_id": user})),
    };
    audit::record(&mut tx, maker.actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(())
}

/// What a link is for; none if it does not work any more. Looking does not use it up: programs that preview links do.
///
/// # Errors
/// The database does not answer.
pub async fn find(
    db: &PgPool,
    token_hash: &[u8],
    now: Timestamp,
) -> Result<Option<Invitation>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT i.role, i.is_first, u.name AS "name?"
             FROM invitations i
             LEFT JOIN users u ON u.id = i.user_id
             LEFT JOIN users maker ON maker.id = i.maker_id
            WHERE i.token_hash = $1 AND i.expires_at > $2 AND u.disabled_at IS NULL
              AND (i.maker_id IS NULL OR (maker.role = 'admin' AND maker.disabled_at IS NULL))
              AND NOT (i.is_first AND EXISTS (SELECT FROM administrators))"#,
        token_hash,
        now as Timestamp
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Invitation {
            role: row
                .role
                .map(|word| word.parse().map_err(|_| StoreError::UnknownWord(word)))
                .transpose()?,
            is_first: row.is_first,
            name: row.name,
        })
    })
    .transpose()
}

/// Follows a link to its end: makes the account `name`, or sets the password of the account that the link is for. The
/// link is used up in the same transaction, so two that follow it at once are one that does and one that finds it void.
///
/// # Errors
/// The database does not answer.
pub async fn follow(
    db: &PgPool,
    token_hash: &[u8],
    name: Option<&UserName>,
    full_name: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<Joined, StoreError> {
    let mut tx = super::begin(db).await?;
    let row = sqlx::query!(
        r#"DELETE FROM invitations
            WHERE token_hash = $1 AND expires_at > $2
              AND (maker_id IS NULL
                   OR maker_id IN (SELECT id FROM users WHERE role = 'admin' AND disabled_at IS NULL))
           RETURNING id, role, user_id AS "user_id: UserId", is_first"#,
        token_hash,
        now as Timestamp
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(Joined::Void);
    };
    let joined = match (row.role, row.user_id, name) {
        (_, Some(user), _) => set_password(&mut tx, user, password_hash, now).await?,
        (Some(word), None, Some(name)) => {
            let role: Role = word.parse().map_err(|_| StoreError::UnknownWord(word))?;
            if row.is_first && !is_first_admin(&mut tx).await? {
                return Ok(Joined::Void);
            }
            let actor = name.as_str();
            users::insert(
                &mut tx,
                name,
                full_name,
                role,
                Some(password_hash),
                actor,
                now,
            )
            .await?
            .map_or(Joined::NameTaken, Joined::Done)
        }
        _ => Joined::Void,
    };
    // Not committed, the link stays for another try.
    if let Joined::Done(user) = joined {
        let change = Change {
            action: "use",
            subject_kind: "invitation",
            subject: row.id.to_string(),
            before: None,
            after: Some(json!({"user_id": user})),
        };
        let actor = name.map_or_else(|| format!("user {user}"), ToString::to_string);
        audit::record(&mut tx, &actor, now, &[change]).await?;
        tx.commit().await?;
    }
    Ok(joined)
}

async fn set_password(
    tx: &mut PgConnection,
    user: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<Joined, StoreError> {
    let name = sqlx::query_scalar!(
        "SELECT name FROM users WHERE id = $1 AND disabled_at IS NULL FOR UPDATE",
        user.get()
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(name) = name else {
        return Ok(Joined::Void);
    };
    users::write_password(tx, user, password_hash, &name, now).await?;
    Ok(Joined::Done(user))
}

/// Whether nobody administers yet. Others that ask at the same time wait for the end of this transaction.
async fn is_first_admin(tx: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query!("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await?;
    Ok(
        sqlx::query_scalar!(r#"SELECT NOT EXISTS (SELECT FROM administrators) AS "is_first!""#)
            .fetch_one(tx)
            .await?,
    )
}
