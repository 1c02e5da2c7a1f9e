//! Leases on jobs that one process at a time may do.

use std::time::Duration;

use super::{PgPool, StoreError};
use crate::domain::Timestamp;

/// Takes or renews the lease `name` for `holder`. False while somebody else holds it.
///
/// # Errors
/// The database does not answer.
pub async fn hold(db: &PgPool, name: &str, holder: &str, now: Timestamp, time: Duration) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar!(
        "INSERT INTO leases (name, holder, until)
         VALUES ($1, $2, $4)
             ON CONFLICT (name) DO UPDATE
            SET holder = excluded.holder, until = excluded.until
          WHERE leases.holder = excluded.holder OR leases.until <= $3
         RETURNING holder",
        name,
        holder,
        now as Timestamp,
        now.plus(time) as Timestamp,
    )
    .fetch_optional(db)
    .await?;
    Ok(taken.is_some())
}

/// Gives the lease `name` back, if `holder` has it.
///
/// # Errors
/// The database does not answer.
pub async fn release(db: &PgPool, name: &str, holder: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM leases WHERE name = $1 AND holder = $2", name, holder)
        .execute(db)
        .await?;
    Ok(())
}
