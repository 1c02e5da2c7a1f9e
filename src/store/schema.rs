//! The schema: its steps, one process at a time and out of the way of those who work, and who may use what came of them.
//!
//! A program uses a database that later steps have added to, so that old and new processes run side by side and a release can
//! be taken back. It refuses one from which a step has taken what the program needs: such a step raises `schema_floor`.

use std::time::Duration;

use sqlx::{
    Connection as _, PgConnection, PgPool,
    migrate::{AppliedMigration, Migrate as _, MigrateError, Migration, Migrator},
    query_scalar,
};
use tokio::time::{self, Instant};

use super::StoreError;
use crate::domain::Timestamp;

/// The steps, compiled into the binary.
static STEPS: Migrator = sqlx::migrate!();

/// The table in which applied steps stand. It belongs to sqlx, whose command line writes it as well.
const APPLIED: &str = "_sqlx_migrations";

/// The oldest PostgreSQL with everything that the steps use (`UNIQUE NULLS NOT DISTINCT`).
pub const LEAST_SERVER: u32 = 15;

/// The advisory lock of who applies steps.
const TURN: i64 = 0x0073_6368_656d_6100;

/// How often a process looks whether it is its turn, and how often it says that it waits.
const TURN_INTERVAL: Duration = Duration::from_millis(100);
const SAY_EVERY: Duration = Duration::from_secs(10);

/// A step waits so long for a table. Whoever comes after it waits as well: pages and polls stand still for no longer.
const LOCK_WITHIN: &str = "2s";

/// Between two tries, those who waited behind a step get on.
const TRY_AGAIN: Duration = Duration::from_secs(3);

/// A table that is in use for so long is in use by something that somebody must end.
const GIVE_UP_AFTER: Duration = Duration::from_mins(10);

/// How the schema of a database and this program fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The program may use it.
    Good,
    /// The database lacks so many steps.
    Behind(usize),
    /// A step that this program does not know has taken away what it needs.
    Beyond,
}

/// Looks how the schema and this program fit together.
///
/// # Errors
/// The database does not answer.
pub async fn fit(db: &PgPool) -> Result<Fit, StoreError> {
    let mut connection = db.acquire().await?;
    let Some(applied) = applied(&mut connection).await? else {
        return Ok(Fit::Behind(STEPS.iter().count()));
    };
    if floor(&mut connection)
        .await?
        .is_some_and(|floor| floor.step > newest(&STEPS))
    {
        return Ok(Fit::Beyond);
    }
    let is_missing = |step: &&Migration| applied.iter().all(|done| done.version != step.version);
    Ok(match STEPS.iter().filter(is_missing).count() {
        0 => Fit::Good,
        missing => Fit::Behind(missing),
    })
}

/// Brings the schema up to date. Several processes may try at once: one works, the others wait. A step that finds its table in
/// use lets go again and again, so that nobody waits behind it for long.
///
/// # Errors
/// The server is too old, a step fails or finds its table in use for ten minutes, or a newer wirewatch took away what this one
/// needs.
pub async fn migrate(db: &PgPool) -> Result<(), StoreError> {
    migrate_by(db, &STEPS).await
}

/// The same by other steps: those of another release.
///
/// # Errors
/// See [`migrate`].
pub async fn migrate_by(db: &PgPool, steps: &Migrator) -> Result<(), StoreError> {
    // A connection of its own: what is set and held on it ends with it.
    let mut connection = PgConnection::connect_with(db.connect_options().as_ref()).await?;
    let migrated = bring_up_to_date(&mut connection, steps).await;
    // It is of no use any more, whatever is left of it.
    let _ = connection.close().await;
    migrated
}

async fn bring_up_to_date(
    connection: &mut PgConnection,
    steps: &Migrator,
) -> Result<(), StoreError> {
    let version = query_scalar!(r#"SELECT current_setting('server_version_num') AS "version!""#)
        .fetch_one(&mut *connection)
        .await?;
    check_server(&version)?;
    // An older process that starts while a newer one works at a long step has nothing to wait for.
    if !is_up_to_date(connection, steps).await? {
        wait_for_turn(connection).await?;
        connection.ensure_migrations_table(APPLIED).await?;
        let done = applied(connection).await?.unwrap_or_default();
        check_floor(connection, steps).await?;
        for step in pending(&done, steps)? {
            apply(connection, step).await?;
        }
    }
    check_floor(connection, steps).await
}

/// Refuses a server that lacks what the steps use, before the first of them. `version` is `server_version_num`.
fn check_server(version: &str) -> Result<(), StoreError> {
    let major = version.parse().unwrap_or(0) / 10_000;
    if major < LEAST_SERVER {
        return Err(StoreError::OldServer { major });
    }
    Ok(())
}

/// The steps that stand as applied; none where there never was one.
async fn applied(
    connection: &mut PgConnection,
) -> Result<Option<Vec<AppliedMigration>>, StoreError> {
    let exists =
        query_scalar!(r#"SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS "exists!""#)
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        return Ok(None);
    }
    Ok(Some(connection.list_applied_migrations(APPLIED).await?))
}

/// The steps that are not applied, in their order.
///
/// # Errors
/// One that is applied was another one then.
fn pending<'a>(
    applied: &[AppliedMigration],
    steps: &'a Migrator,
) -> Result<Vec<&'a Migration>, MigrateError> {
    let mut pending = Vec::new();
    for step in steps.iter() {
        match applied.iter().find(|done| done.version == step.version) {
            Some(done) if done.checksum != step.checksum => {
                return Err(MigrateError::VersionMismatch(step.version));
            }
            Some(_) => {}
            None => pending.push(step),
        }
    }
    Ok(pending)
}

async fn is_up_to_date(
    connection: &mut PgConnection,
    steps: &Migrator,
) -> Result<bool, StoreError> {
    let Some(applied) = applied(connection).await? else {
        return Ok(false);
    };
    Ok(pending(&applied, steps)?.is_empty())
}

struct Floor {
    step: i64,
    release: String,
}

/// What a program must know; none in a database that is older than this rule.
async fn floor(connection: &mut PgConnection) -> Result<Option<Floor>, StoreError> {
    let exists = query_scalar!(r#"SELECT to_regclass('schema_floor') IS NOT NULL AS "exists!""#)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(None);
    }
    Ok(
        sqlx::query_as!(Floor, "SELECT step, release FROM schema_floor")
            .fetch_optional(&mut *connection)
            .await?,
    )
}

async fn check_floor(connection: &mut PgConnection, steps: &Migrator) -> Result<(), StoreError> {
    match floor(connection).await? {
        Some(floor) if floor.step > newest(steps) => Err(StoreError::NewerSchema {
            step: floor.step,
            release: floor.release,
        }),
        _ => Ok(()),
    }
}

/// The last step that a program with these steps knows.
fn newest(steps: &Migrator) -> i64 {
    steps.iter().map(|step| step.version).max().unwrap_or(0)
}

/// Waits until no other process applies steps. It asks again and again: a statement that waits holds a snapshot, and a
/// `CREATE INDEX CONCURRENTLY` of the other process would wait for that.
async fn wait_for_turn(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut said: Option<Instant> = None;
    while !query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "is_ours!""#, TURN)
        .fetch_one(&mut *connection)
        .await?
    {
        if said.is_none_or(|said| said.elapsed() > SAY_EVERY) {
            said = Some(Instant::now());
            tracing::warn!("another process brings the schema up to date; waiting for it");
        }
        time::sleep(TURN_INTERVAL).await;
    }
    Ok(())
}

/// Applies one step, as soon as its tables can be had.
async fn apply(connection: &mut PgConnection, step: &Migration) -> Result<(), StoreError> {
    // What runs outside a transaction waits for others without holding anybody up, and cannot be broken off cleanly.
    let wait = if step.no_tx { "0" } else { LOCK_WITHIN };
    query_scalar!("SELECT set_config('lock_timeout', $1, false)", wait)
        .fetch_one(&mut *connection)
        .await?;
    let begun = Instant::now();
    loop {
        if step.no_tx {
            drop_broken_indexes(connection, step).await?;
        }
        match connection.apply(APPLIED, step).await {
            Err(error) if is_in_use(&error) => {
                if begun.elapsed() > GIVE_UP_AFTER {
                    return Err(StoreError::SchemaInUse { step: step.version });
                }
                tell_who_waits(connection, step).await?;
                time::sleep(TRY_AGAIN).await;
            }
            applied => {
                applied?;
                return Ok(());
            }
        }
    }
}

/// An index whose making was broken off is there and of no use, and in the way of whoever makes it anew.
async fn drop_broken_indexes(
    connection: &mut PgConnection,
    step: &Migration,
) -> Result<(), StoreError> {
    let broken = query_scalar!(
        r#"SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %I', relname) AS "statement!"
             FROM pg_index
             JOIN pg_class ON pg_class.oid = indexrelid
            WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace
              AND $1::text ~ ('\m' || relname || '\M')"#,
        step.sql.as_str(),
    )
    .fetch_all(&mut *connection)
    .await?;
    for statement in broken {
        // PostgreSQL itself wrote and quoted the statement.
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Whether a step was broken off because of others: `lock_not_available` or `deadlock_detected`.
fn is_in_use(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| matches!(code.as_ref(), "55P03" | "40P01"))
}

/// Says that a step waits, and for whom in all likelihood: the oldest transaction.
async fn tell_who_waits(connection: &mut PgConnection, step: &Migration) -> Result<(), StoreError> {
    let oldest = sqlx::query!(
        r#"SELECT pid AS "pid!", application_name AS "name!", xact_start AS "since!: Timestamp"
             FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
            ORDER BY xact_start
            LIMIT 1"#
    )
    .fetch_optional(&mut *connection)
    .await?;
    let (pid, name, since) = oldest.map_or_else(Default::default, |row| {
        (row.pid, row.name, row.since.to_string())
    });
    tracing::warn!(
        step = step.version,
        what = %step.description,
        oldest.pid = pid,
        oldest.application = name,
        oldest.since = since,
        "a step of the schema finds its table in use by a transaction; trying again"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_lacks_what_the_steps_use_is_refused_by_name() {
        assert!(check_server("150000").is_ok() && check_server("170002").is_ok());
        let refused = check_server("140013").map_err(|error| error.to_string());
        assert!(
            refused
                .as_ref()
                .is_err_and(|words| words.contains("PostgreSQL 14") && words.contains("15")),
            "{refused:?}"
        );
        assert!(check_server("").is_err());
    }
}
