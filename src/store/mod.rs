//! The only room that speaks SQL: a file per table it writes.
//!
//! Plain async functions with domain values in and out. A function that writes several tables begins and commits its
//! own transaction, and no transaction waits on anything but PostgreSQL.

pub mod article_page;
pub mod article_stream;
pub mod board;
mod codec;
mod error;
pub mod feed_health;
mod hits;
pub mod live;
pub mod readiness;

pub use error::StoreError;

pub use sqlx::PgPool;

/// The schema, as numbered steps compiled into the binary.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
