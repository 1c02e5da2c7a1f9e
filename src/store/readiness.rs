//! Whether the database can serve: reachable, with every step of the schema applied.

use sqlx::{PgPool, query_scalar};

use super::{MIGRATOR, StoreError};

/// The steps of the schema that this program has and the database lacks.
///
/// # Errors
///
/// When the database does not answer, or never saw a migration.
pub async fn missing_migrations(db: &PgPool) -> Result<usize, StoreError> {
    // Unchecked: the table belongs to the migrator, and a database in the making has none.
    let applied: Vec<i64> = query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
        .fetch_all(db)
        .await?;
    Ok(MIGRATOR
        .iter()
        .filter(|step| !applied.contains(&step.version))
        .count())
}
