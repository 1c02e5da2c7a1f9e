//! The only room that speaks SQL: a file per table it writes.
//!
//! Plain async functions with domain values in and out. A function that writes several tables begins and commits its
//! own transaction, and no transaction waits on anything but PostgreSQL.

pub mod api_tokens;
pub mod arrivals;
pub mod article_page;
pub mod article_stream;
pub mod article_tokens;
mod articles;
pub mod audit;
pub mod backlog;
pub mod beat;
pub mod board;
pub mod board_filter;
mod codec;
pub mod concept_edits;
mod copy_in;
pub mod deliveries;
pub mod desk;
pub mod desk_touches;
pub mod due;
pub mod dump;
pub mod edition_page;
pub mod editions;
pub mod erasures;
mod error;
pub mod feed_days;
pub mod feed_edits;
pub mod feed_health;
pub mod feeds;
mod fetch_log;
pub mod handover;
mod hits;
pub mod hosts;
pub mod incidents;
pub mod installation;
pub mod invitations;
pub mod keyword_edits;
pub mod leases;
pub mod ledger;
pub mod levels;
pub mod live;
pub mod match_stream;
mod moves;
pub mod new_feeds;
pub mod opml_imports;
pub mod outbox;
mod polled_feeds;
pub mod polls;
pub mod private;
mod programs;
pub mod quality;
mod reach;
pub mod recipients;
pub mod rematches;
pub mod saved_filters;
pub mod schema;
pub mod search;
pub mod seen;
pub mod sessions;
pub mod sign_in_buckets;
pub mod source_league;
pub mod stories;
pub mod story_decisions;
pub mod story_page;
pub mod subscriptions;
pub mod trends;
pub mod trials;
pub mod users;
pub mod wanted_pages;
pub mod why_not;
pub mod workers;

use std::time::Duration;

use sqlx::{
    Connection as _, Executor as _, PgConnection, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use error::StoreError;
pub use schema::migrate;

pub use sqlx::PgPool;

use crate::domain::Timestamp;

/// Rows that upkeep deletes in one statement: no lock lasts, and whoever reads goes on reading.
const TRIM_BATCH: i64 = 2_000;

/// How long a connection is waited for.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(10);

/// What is asked of the server for each connection.
const SESSION: [(&str, &str); 7] = [
    ("client_connection_check_interval", "500ms"),
    // A machine that vanished closes nothing, and what it had locked would stay locked for hours.
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "4"),
    ("tcp_user_timeout", "30s"),
    // Statements here take milliseconds; to compile one takes a hundred.
    ("jit", "off"),
    ("timezone", "UTC"),
];

/// The same for the connections apart, whose transactions are a few statements in a row: a process that stands still in the
/// middle of one (stopped, or in a debugger) holds up the others for no longer.
const MAY_STAND_STILL: (&str, &str) = ("idle_in_transaction_session_timeout", "60s");

/// Opens a pool on `url` with at most `max_connections`.
///
/// Statements of a client that died are stopped within half a second, so that a killed process leaves nothing running, and
/// those of a machine that vanished within half a minute.
///
/// # Errors
/// The address cannot be read, or no connection can be made within 10 s.
pub async fn connect(url: &str, max_connections: u32) -> Result<PgPool, StoreError> {
    let options: PgConnectOptions = url.parse().map_err(StoreError::Address)?;
    let options = options.application_name("wirewatch").options(SESSION);
    let opened = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_WITHIN)
        .connect_with(options.clone())
        .await;
    match opened {
        // A pool tries again and again, and does not tell what it met.
        Err(sqlx::Error::PoolTimedOut) => Err(why_not(&options).await.into()),
        opened => Ok(opened?),
    }
}

/// A connection apart from those of a pool, opened when it is asked for: of somebody who does the same again and again, so
/// that it waits for nobody and its statements are prepared once.
#[must_use]
pub fn apart(db: &PgPool) -> PgPool {
    alone().connect_lazy_with(steady(db))
}

/// The same for statements whose plan is the same whatever is asked: to plan one anew each time takes a tenth of its time.
#[must_use]
pub fn planned_once(db: &PgPool) -> PgPool {
    alone()
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .execute("SET plan_cache_mode = force_generic_plan")
                    .await?;
                Ok(())
            })
        })
        .connect_lazy_with(steady(db))
}

fn steady(db: &PgPool) -> PgConnectOptions {
    db.connect_options()
        .as_ref()
        .clone()
        .options([MAY_STAND_STILL])
}

fn alone() -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(ACQUIRE_WITHIN)
}

/// Begins a transaction, also for a caller that is cut off while it begins: it is then rolled back. Cut off in
/// [`sqlx::Pool::begin`], it would stay open on a connection that goes back to the pool (its guard counts a transaction
/// once it has begun), and what others did on that connection would never be committed.
async fn begin(db: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let db = db.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that begins, in a task that outlives its caller by one answer of the server"
    )]
    let begun = tokio::spawn(async move { db.begin().await });
    // A runtime that ends takes the task with it.
    begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// What the database answers within `most`. A server that vanished closes no connection, and a client that only waits would do
/// so for ever.
async fn within<T>(
    most: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(most, answer).await {
        Ok(answered) => answered,
        Err(_) => Err(StoreError::Database(sqlx::Error::Io(
            std::io::ErrorKind::TimedOut.into(),
        ))),
    }
}

/// What a single connection meets.
async fn why_not(options: &PgConnectOptions) -> sqlx::Error {
    let alone = tokio::time::timeout(Duration::from_secs(2), PgConnection::connect_with(options));
    match alone.await {
        Ok(Err(error)) => error,
        Ok(Ok(_)) | Err(_) => sqlx::Error::PoolTimedOut,
    }
}

/// What the database says about itself.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// The server's version, for people.
    pub version: String,
    /// The server's clock.
    pub now: Timestamp,
    /// Size of the database in bytes.
    pub bytes: i64,
}

/// Asks the server for its version, clock and size.
///
/// # Errors
/// The database does not answer.
pub async fn server_facts(db: &PgPool) -> Result<ServerFacts, StoreError> {
    Ok(sqlx::query_as!(
        ServerFacts,
        r#"SELECT current_setting('server_version') AS "version!",
                  clock_timestamp() AS "now!",
                  pg_database_size(current_database()) AS "bytes!""#
    )
    .fetch_one(db)
    .await?)
}

/// Creates database `name` on the server at `url`, unless it is there.
///
/// # Errors
/// The server does not answer or refuses.
pub async fn create_database(url: &str, name: &str) -> Result<(), StoreError> {
    let options: PgConnectOptions = url.parse().map_err(StoreError::Address)?;
    let mut server = PgConnection::connect_with(&options).await?;
    let exists = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AS "exists!""#,
        name
    )
    .fetch_one(&mut server)
    .await?;
    if !exists {
        // CREATE DATABASE takes no parameters, so PostgreSQL itself writes and quotes the statement.
        let statement = sqlx::query_scalar!(
            r#"SELECT format('CREATE DATABASE %I', $1::text) AS "statement!""#,
            name
        )
        .fetch_one(&mut server)
        .await?;
        match sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut server)
            .await
        {
            Err(sqlx::Error::Database(error)) if is_duplicate_database(error.code().as_deref()) => {
            }
            done => {
                done?;
            }
        }
    }
    server.close().await?;
    Ok(())
}

/// Another process was quicker: `duplicate_database`, or a unique violation in the catalogue.
fn is_duplicate_database(code: Option<&str>) -> bool {
    matches!(code, Some("42P04" | "23505"))
}
