//! Filters of the board under a name: a reader's own, and the desk's.

use serde_json::json;
use sqlx::PgExecutor;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
};
use crate::domain::{SavedFilterId, Timestamp, UserId};

/// The most filters that somebody, or the desk, may save.
pub const MOST: i64 = 50;

/// A filter under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFilter {
    /// Number.
    pub id: SavedFilterId,
    /// What it is called.
    pub name: String,
    /// What it asks for, as in the address of the board.
    pub asked: String,
    /// Whether it is the desk's.
    pub is_of_desk: bool,
}

/// A reader's own filters and those of the desk, by name.
///
/// # Errors
/// The database does not answer.
pub async fn all(
    db: impl PgExecutor<'_>,
    reader: Option<UserId>,
) -> Result<Vec<SavedFilter>, StoreError> {
    Ok(sqlx::query_as!(
        SavedFilter,
        r#"SELECT id AS "id: SavedFilterId", name, asked, user_id IS NULL AS "is_of_desk!"
             FROM saved_filters
            WHERE user_id IS NULL OR user_id = $1
            ORDER BY user_id IS NULL DESC, name"#,
        reader.map(UserId::get),
    )
    .fetch_all(db)
    .await?)
}

/// Saves a filter, in place of one of that name. False if there are too many.
///
/// # Errors
/// The database does not answer; nothing was saved then.
pub async fn save(
    db: &PgPool,
    owner: Option<UserId>,
    name: &str,
    asked: &str,
    who: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let before = sqlx::query_scalar!(
        "SELECT asked FROM saved_filters WHERE user_id IS NOT DISTINCT FROM $1 AND name = $2",
        owner.map(UserId::get),
        name,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let saved = sqlx::query!(
        "INSERT INTO saved_filters (user_id, name, asked, saved_by, saved_at)
         SELECT $1, $2, $3, $4, $5
          WHERE (SELECT count(*) FROM saved_filters WHERE user_id IS NOT DISTINCT FROM $1 AND name <> $2) < $6
             ON CONFLICT ON CONSTRAINT saved_filters_name_key DO UPDATE
            SET asked = excluded.asked, saved_by = excluded.saved_by, saved_at = excluded.saved_at",
        owner.map(UserId::get),
        name,
        asked,
        who,
        now as Timestamp,
        MOST,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if saved == 0 {
        return Ok(false);
    }
    let change = Change {
        action: if before.is_some() { "change" } else { "add" },
        subject_kind: "filter",
        subject: name.to_owned(),
        before: before.map(|asked| json!({"asked": asked})),
        after: Some(json!({"asked": asked, "of": owner})),
    };
    audit::record(&mut tx, who, now, &[change]).await?;
    tx.commit().await?;
    Ok(true)
}

/// Removes a filter of this reader's own, or of the desk where `may_desk` says so. False if there is none such.
///
/// # Errors
/// The database does not answer; nothing was removed then.
pub async fn remove(
    db: &PgPool,
    id: SavedFilterId,
    reader: UserId,
    may_desk: bool,
    who: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let removed = sqlx::query!(
        "DELETE FROM saved_filters
          WHERE id = $1 AND (user_id = $2 OR (user_id IS NULL AND $3))
      RETURNING name, asked",
        id as SavedFilterId,
        reader as UserId,
        may_desk,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(removed) = removed else {
        return Ok(false);
    };
    let change = Change {
        action: "remove",
        subject_kind: "filter",
        subject: removed.name,
        before: Some(json!({"asked": removed.asked})),
        after: None,
    };
    audit::record(&mut tx, who, now, &[change]).await?;
    tx.commit().await?;
    Ok(true)
}
