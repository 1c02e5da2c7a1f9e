//! What an installation is called, and how it goes on after it was restored from a backup.

use super::{PgPool, StoreError};

/// Numbers that are left out after a restore: more than were ever given between a backup and its restore.
const LEFT_OUT: i64 = 1_000_000_000;

/// The identifier of this installation (a UUID of version 4, RFC 9562): the same whatever address it is asked at.
///
/// # Errors
/// The database does not answer.
pub async fn id(db: &PgPool) -> Result<String, StoreError> {
    let id = sqlx::query_scalar!(r#"SELECT id::text AS "id!" FROM installation"#);
    Ok(id.fetch_one(db).await?)
}

/// Goes on with numbers far beyond those of the backup. Other programs, browsers and mail readers know numbers that were given
/// after it: what has them now would be taken for what had them then, and whoever asks for what came after one of them
/// would miss all that comes before it is given again.
///
/// # Errors
/// The database does not answer; nothing was changed then.
pub async fn leave_numbers_out(db: &PgPool) -> Result<(), StoreError> {
    let mut tx = super::begin(db).await?;
    // An index of everything stays one.
    sqlx::query!(
        "UPDATE search_index SET indexed_to = indexed_to + $1 WHERE indexed_to >= (SELECT last FROM arrivals)",
        LEFT_OUT
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("UPDATE arrivals SET last = last + $1", LEFT_OUT)
        .execute(&mut *tx)
        .await?;
    sqlx::query!("UPDATE desk_numbers SET last = last + $1", LEFT_OUT)
        .execute(&mut *tx)
        .await?;
    sqlx::query!("UPDATE grouping SET last_story = last_story + $1", LEFT_OUT)
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        r#"SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, 0) + $1) AS set
             FROM pg_sequences
            WHERE schemaname = current_schema() AND data_type = 'bigint'::regtype"#,
        LEFT_OUT
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
