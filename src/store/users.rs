//! Accounts. A change of what somebody may ends their sessions, and nothing takes the last admin away.

use serde_json::json;
use sqlx::PgConnection;

use super::{
    PgPool, StoreError, api_tokens,
    audit::{self, Change},
};
use crate::domain::{ClockFormat, Role, Timestamp, UserId, UserName};

/// An account, for who administers it.
#[derive(Debug, Clone)]
pub struct User {
    /// Number.
    pub id: UserId,
    /// What it signs in with.
    pub name: String,
    /// What its person is called; may be empty.
    pub full_name: String,
    /// What it may.
    pub role: Role,
    /// Whether it may sign in.
    pub is_disabled: bool,
    /// Whether a password was chosen.
    pub has_password: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// What came of a change to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserChange {
    /// It is done, or was so already.
    Done,
    /// There is no such account.
    Unknown,
    /// It would leave nobody who may administer.
    LastAdmin,
}

/// How a reader wants to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// What the person is called.
    pub full_name: String,
    /// IANA name; empty: that of the browser.
    pub time_zone: String,
    /// How the time of day is told.
    pub clock_format: ClockFormat,
}

/// Who signs in, and what proves it.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub id: UserId,
    /// The stored hash; none while no password was chosen, or where the account is disabled.
    pub password_hash: Option<String>,
}

/// A role as it stands in a row.
pub(super) fn role(word: &str) -> Result<Role, StoreError> {
    word.parse()
        .map_err(|_| StoreError::UnknownWord(word.to_owned()))
}

/// All accounts, by name.
///
/// # Errors
/// The database does not answer.
pub async fn all(db: &PgPool) -> Result<Vec<User>, StoreError> {
    sqlx::query!(
        r#"SELECT id, name, full_name, role, disabled_at IS NOT NULL AS "is_disabled!",
                  password_hash IS NOT NULL AS "has_password!", created_at, last_sign_in_at
             FROM users
            ORDER BY name"#
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(User {
            id: row.id,
            name: row.name,
            full_name: row.full_name,
            role: role(&row.role)?,
            is_disabled: row.is_disabled,
            has_password: row.has_password,
            created_at: row.created_at,
            last_sign_in_at: row.last_sign_in_at,
        })
    })
    .collect()
}

/// The account of a name.
///
/// # Errors
/// The database does not answer.
pub async fn by_name(db: &PgPool, name: &UserName) -> Result<Option<UserId>, StoreError> {
    Ok(
        sqlx::query_scalar!("SELECT id FROM users WHERE name = $1", name.as_str())
            .fetch_optional(db)
            .await?,
    )
}

/// What proves that somebody is `name`.
///
/// # Errors
/// The database does not answer.
pub async fn credentials(db: &PgPool, name: &str) -> Result<Option<Credentials>, StoreError> {
    Ok(sqlx::query_as!(
        Credentials,
        "SELECT id, CASE WHEN disabled_at IS NULL THEN password_hash END AS password_hash FROM users WHERE name = $1",
        name
    )
    .fetch_optional(db)
    .await?)
}

/// Whether anybody can administer.
///
/// # Errors
/// The database does not answer.
pub async fn has_admin(db: &PgPool) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM administrators) AS "exists!""#)
            .fetch_one(db)
            .await?,
    )
}

/// Makes an account; none if the name is taken.
///
/// # Errors
/// The database does not answer.
pub async fn add(
    db: &PgPool,
    name: &UserName,
    full_name: &str,
    role: Role,
    password_hash: Option<&str>,
    actor: &str,
    now: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let mut tx = super::begin(db).await?;
    let id = insert(&mut tx, name, full_name, role, password_hash, actor, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// Makes an account inside a transaction; none if the name is taken.
pub(super) async fn insert(
    tx: &mut PgConnection,
    name: &UserName,
    full_name: &str,
    role: Role,
    password_hash: Option<&str>,
    actor: &str,
    now: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let id = sqlx::query_scalar!(
        r#"INSERT INTO users (name, full_name, role, password_hash, created_at)
           VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (name) DO NOTHING
           RETURNING id AS "id: UserId""#,
        name.as_str(),
        full_name,
        role.as_str(),
        password_hash,
        now as Timestamp
    )
    .fetch_optional(&mut *tx)
    .await?;
    if id.is_some() {
        let change = Change {
            action: "add",
            subject_kind: "user",
            subject: name.to_string(),
            before: None,
            after: Some(json!({"role": role, "full_name": full_name})),
        };
        audit::record(tx, actor, now, &[change]).await?;
    }
    Ok(id)
}

/// An account as a change finds it, locked.
struct Locked {
    name: String,
    role: String,
    is_disabled: bool,
    is_last_admin: bool,
}

/// Locks an account, and with it all that may administer: two that take each other's rights wait for each other, and
/// the second one sees what the first one left.
async fn lock(tx: &mut PgConnection, id: UserId) -> Result<Option<Locked>, StoreError> {
    let admins: Vec<i64> = sqlx::query_scalar!(
        r#"SELECT id AS "id!: i64" FROM administrators ORDER BY id FOR UPDATE"#
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(sqlx::query!(
        r#"SELECT name, role, disabled_at IS NOT NULL AS "is_disabled!" FROM users WHERE id = $1 FOR UPDATE"#,
        id.get()
    )
    .fetch_optional(&mut *tx)
    .await?
    .map(|row| Locked {
        name: row.name,
        role: row.role,
        is_disabled: row.is_disabled,
        is_last_admin: admins == [id.get()],
    }))
}

/// Gives an account another role, and ends its sessions and the links that it made.
///
/// # Errors
/// The database does not answer.
pub async fn set_role(
    db: &PgPool,
    id: UserId,
    role: Role,
    actor: &str,
    now: Timestamp,
) -> Result<UserChange, StoreError> {
    let mut tx = super::begin(db).await?;
    let Some(user) = lock(&mut tx, id).await? else {
        return Ok(UserChange::Unknown);
    };
    if user.role == role.as_str() {
        return Ok(UserChange::Done);
    }
    if user.is_last_admin {
        return Ok(UserChange::LastAdmin);
    }
    sqlx::query!(
        "UPDATE users SET role = $2 WHERE id = $1",
        id.get(),
        role.as_str()
    )
    .execute(&mut *tx)
    .await?;
    end_sessions(&mut tx, id).await?;
    void_links_by(&mut tx, id).await?;
    let change = Change {
        action: "change",
        subject_kind: "user",
        subject: user.name,
        before: Some(json!({"role": user.role})),
        after: Some(json!({"role": role})),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(UserChange::Done)
}

/// Lets an account in or keeps it out; one that is kept out loses its sessions, its links and those that it made at once,
/// its tokens open nothing, and letters that wait for it are not sent.
///
/// # Errors
/// The database does not answer.
pub async fn set_disabled(
    db: &PgPool,
    id: UserId,
    is_disabled: bool,
    actor: &str,
    now: Timestamp,
) -> Result<UserChange, StoreError> {
    let mut tx = super::begin(db).await?;
    let Some(user) = lock(&mut tx, id).await? else {
        return Ok(UserChange::Unknown);
    };
    if user.is_disabled == is_disabled {
        return Ok(UserChange::Done);
    }
    if is_disabled && user.is_last_admin {
        return Ok(UserChange::LastAdmin);
    }
    sqlx::query!(
        "UPDATE users SET disabled_at = $2 WHERE id = $1",
        id.get(),
        is_disabled.then_some(now) as Option<Timestamp>
    )
    .execute(&mut *tx)
    .await?;
    if is_disabled {
        end_sessions(&mut tx, id).await?;
        void_links_to(&mut tx, id).await?;
        void_links_by(&mut tx, id).await?;
        cancel_deliveries_to(&mut tx, id, now).await?;
    }
    let change = Change {
        action: if is_disabled { "disable" } else { "enable" },
        subject_kind: "user",
        subject: user.name,
        before: None,
        after: None,
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(UserChange::Done)
}

/// Signs an account out of every browser. False if there is no such account.
///
/// # Errors
/// The database does not answer.
pub async fn sign_out(
    db: &PgPool,
    id: UserId,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let name = sqlx::query_scalar!("SELECT name FROM users WHERE id = $1", id.get())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(name) = name else {
        return Ok(false);
    };
    end_sessions(&mut tx, id).await?;
    let change = Change {
        action: "sign out",
        subject_kind: "user",
        subject: name,
        before: None,
        after: None,
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(true)
}

/// Sets a password and ends all sessions, tokens and links of the account; who changed it signs in anew.
///
/// # Errors
/// The database does not answer.
pub async fn set_password(
    db: &PgPool,
    id: UserId,
    password_hash: &str,
    actor: &str,
    now: Timestamp,
) -> Result<UserChange, StoreError> {
    let mut tx = super::begin(db).await?;
    let changed = write_password(&mut tx, id, password_hash, actor, now).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Sets a password inside a transaction, and ends the sessions, tokens and links of the account.
pub(super) async fn write_password(
    tx: &mut PgConnection,
    id: UserId,
    password_hash: &str,
    actor: &str,
    now: Timestamp,
) -> Result<UserChange, StoreError> {
    let name = sqlx::query_scalar!(
        "UPDATE users SET password_hash = $2 WHERE id = $1 RETURNING name",
        id.get(),
        password_hash
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(name) = name else {
        return Ok(UserChange::Unknown);
    };
    end_sessions(tx, id).await?;
    void_links_to(tx, id).await?;
    let mut changes = vec![Change {
        action: "password",
        subject_kind: "user",
        subject: name,
        before: None,
        after: None,
    }];
    changes.extend(api_tokens::end_all(tx, id).await?);
    audit::record(tx, actor, now, &changes).await?;
    Ok(UserChange::Done)
}

/// How an account reads.
///
/// # Errors
/// The database does not answer.
pub async fn set_preferences(
    db: &PgPool,
    id: UserId,
    wanted: &Preferences,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = super::begin(db).await?;
    let before = sqlx::query!(
        "SELECT name, full_name, time_zone, clock_format FROM users WHERE id = $1 FOR UPDATE",
        id.get()
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(before) = before else {
        return Ok(());
    };
    let told = |full_name: &str, time_zone: &str, clock_format: &str| json!({"full_name": full_name, "time_zone": time_zone, "clock_format": clock_format});
    let (was, is) = (
        told(&before.full_name, &before.time_zone, &before.clock_format),
        told(
            &wanted.full_name,
            &wanted.time_zone,
            wanted.clock_format.as_str(),
        ),
    );
    if was == is {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE users SET full_name = $2, time_zone = $3, clock_format = $4 WHERE id = $1",
        id.get(),
        wanted.full_name,
        wanted.time_zone,
        wanted.clock_format.as_str()
    )
    .execute(&mut *tx)
    .await?;
    let change = Change {
        action: "change",
        subject_kind: "user",
        subject: before.name.clone(),
        before: Some(was),
        after: Some(is),
    };
    audit::record(&mut tx, &before.name, now, &[change]).await?;
    tx.commit().await?;
    Ok(())
}

async fn end_sessions(tx: &mut PgConnection, id: UserId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM sessions WHERE user_id = $1", id.get())
        .execute(tx)
        .await?;
    Ok(())
}

/// Voids the links that set the password of an account.
async fn void_links_to(tx: &mut PgConnection, id: UserId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM invitations WHERE user_id = $1", id.get())
        .execute(tx)
        .await?;
    Ok(())
}

/// Voids the links that an account made.
async fn cancel_deliveries_to(
    tx: &mut PgConnection,
    id: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE deliveries SET state = 'cancelled', ended_at = $2, detail = 'the account was disabled'
          WHERE state = 'waiting' AND recipient_id IN (SELECT id FROM recipients WHERE user_id = $1)",
        id.get(),
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn void_links_by(tx: &mut PgConnection, id: UserId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM invitations WHERE maker_id = $1", id.get())
        .execute(tx)
        .await?;
    Ok(())
}
