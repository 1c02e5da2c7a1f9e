//! The only room that speaks SQL: a file per table it writes.
//!
//! Plain async functions with domain values in and out. A function that writes several tables begins and commits its
//! own transaction, and no transaction waits on anything but PostgreSQL.

mod codec;

pub use sqlx::PgPool;

/// The schema, as numbered steps compiled into the binary.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
