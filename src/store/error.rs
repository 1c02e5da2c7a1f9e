//! What can go wrong between this program and PostgreSQL.

use thiserror::Error;

/// A question to the database that was not answered.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database did not answer, or answered with an error.
    #[error("the database did not answer as it should")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The server lacks what the schema uses.
    #[error(
        "this server is PostgreSQL {major}, and wirewatch needs {} or newer: move the database to a newer server (pg_upgrade, or \
         pg_dump and pg_restore)",
        super::schema::LEAST_SERVER
    )]
    OldServer {
        /// Its major version.
        major: u32,
    },
    /// A step of the schema that this program does not know has taken away what it needs.
    #[error(
        "a newer wirewatch has changed this database (step {step}) so that this one can use it no more: run wirewatch {release} \
         or newer, or restore the backup that was made before the change"
    )]
    NewerSchema {
        /// The least step that a program must know.
        step: i64,
        /// The first release that knows it.
        release: String,
    },
    /// Others did not let go of a table that a step of the schema changes.
    #[error(
        "step {step} of the schema found its table in use for ten minutes, so nothing of it was done. Look for old transactions \
         (SELECT pid, application_name, xact_start, query FROM pg_stat_activity ORDER BY xact_start), end them or wait for them \
         (a backup is one), and start again"
    )]
    SchemaInUse {
        /// The step.
        step: i64,
    },
    /// The address of the database cannot be read.
    #[error("the database address is no PostgreSQL URL (postgres://user@host/name)")]
    Address(#[source] sqlx::Error),
    /// A row holds what no version of wirewatch writes.
    #[error("unexpected value in the database: {0}")]
    Unexpected(String),
    /// A stored word that the glossary does not know: a newer schema, or a hand in the tables.
    #[error("the stored word {0:?} is not in the glossary")]
    UnknownWord(String),
}

impl StoreError {
    /// Whether the statement met another one and may succeed if it is tried again: class 40, transaction rollback.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error))
            if error.code().is_some_and(|code| code.starts_with("40")))
    }

    /// Whether the database cannot be reached at present, so that the same question may be answered later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        use sqlx::Error as Sql;
        match self {
            Self::Database(
                Sql::Io(_) | Sql::Tls(_) | Sql::PoolTimedOut | Sql::PoolClosed | Sql::WorkerCrashed,
            ) => true,
            // Class 53: out of resources. Class 57: stopped by an operator, starting up, shutting down.
            Self::Database(Sql::Database(error)) => error
                .code()
                .is_some_and(|code| code.starts_with("53") || code.starts_with("57")),
            _ => false,
        }
    }
}
