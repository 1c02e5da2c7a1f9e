//! Leases on jobs that one process at a time may do.

use std::time::Duration;

use super::{PgPool, StoreError, workers::LOCK_SPACE};
use crate::domain::Timestamp;

/// Takes or renews the lease `name` for the worker `holder`. False while another one holds it that lives.
///
/// # Errors
/// The database does not answer.
pub async fn hold(
    db: &PgPool,
    name: &str,
    holder: i32,
    now: Timestamp,
    time: Duration,
) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar!(
        "INSERT INTO leases (name, holder, until)
         VALUES ($1, $2, $4)
             ON CONFLICT (name) DO UPDATE
            SET holder = excluded.holder, until = excluded.until
          WHERE leases.holder = excluded.holder
             OR leases.until <= $3
             OR NOT EXISTS (
                    SELECT FROM pg_locks
                     WHERE locktype = 'advisory'
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND classid::bigint = $5
                       AND objid::bigint = leases.holder
                )
         RETURNING holder",
        name,
        holder,
        now as Timestamp,
        now.plus(time) as Timestamp,
        i64::from(LOCK_SPACE),
    )
    .fetch_optional(db)
    .await?;
    Ok(taken.is_some())
}

/// Gives the lease `name` back, if `holder` has it.
///
/// # Errors
/// The database does not answer.
pub async fn release(db: &PgPool, name: &str, holder: i32) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM leases WHERE name = $1 AND holder = $2",
        name,
        holder
    )
    .execute(db)
    .await?;
    Ok(())
}
