//! Whether the database can serve: reachable, with every step of the schema applied.

use sqlx::{PgPool, query_scalar};

use super::{MIGRATOR, StoreError};

/// How many steps of the schema this program has and the database lacks.
///
/// # Errors
///
/// When the database does not answer.
pub async fn missing_migrations(db: &PgPool) -> Result<usize, StoreError> {
    let exists =
        query_scalar!(r#"SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS "exists!""#)
            .fetch_one(db)
            .await?;
    let applied: Vec<i64> = if exists {
        // Unchecked: the table belongs to the migrator, not to the schema.
        query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(db)
            .await?
    } else {
        Vec::new()
    };
    Ok(MIGRATOR
        .iter()
        .filter(|step| !applied.contains(&step.version))
        .count())
}
