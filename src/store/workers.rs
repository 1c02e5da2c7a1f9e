//! Workers: who is alive to hold claims and leases.
//!
//! A worker holds the advisory lock of its number on a connection of its own. When the process ends, however it ends,
//! PostgreSQL drops the lock with the connection, and what the worker held is free at once; the time on a claim or lease
//! is left for a machine that vanished without closing its connections.

use std::{
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

use sqlx::{Connection as _, PgConnection};
use tokio::{sync::Mutex, time};

use super::{PgPool, StoreError};

/// The first key of the locks (`pg_locks.classid`); the second (`objid`) is the worker's number.
pub(super) const LOCK_SPACE: i32 = 0x7769_7265;

/// A connection that does not answer by then is taken for lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a process claims for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The service's polls, and what follows from them.
    Worker,
    /// The service's digests.
    Digest,
    /// One pass from the command line.
    Pass,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Worker, Self::Digest, Self::Pass];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Digest => "digest",
            Self::Pass => "pass",
        }
    }

    /// How the connection that holds its lock is called (`pg_stat_activity.application_name`).
    const fn application(self) -> &'static str {
        match self {
            Self::Worker => "wirewatch worker",
            Self::Digest => "wirewatch digest",
            Self::Pass => "wirewatch pass",
        }
    }
}

/// How many live, by kind.
///
/// # Errors
/// The database does not answer.
pub async fn living(db: &PgPool) -> Result<Vec<(Kind, i64)>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"SELECT application_name AS "name!"
             FROM pg_locks
             JOIN pg_stat_activity USING (pid)
            WHERE locktype = 'advisory' AND classid::bigint = $1 AND granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND application_name IS NOT NULL"#,
        i64::from(LOCK_SPACE),
    )
    .fetch_all(db)
    .await?;
    let count = |kind: Kind| {
        names
            .iter()
            .filter(|name| *name == kind.application())
            .count()
    };
    Ok(Kind::ALL
        .into_iter()
        .map(|kind| (kind, i64::try_from(count(kind)).unwrap_or(i64::MAX)))
        .collect())
}

/// This process as a holder of claims and leases.
#[derive(Debug)]
pub struct Worker {
    db: PgPool,
    kind: Kind,
    number: AtomicI32,
    session: Mutex<PgConnection>,
}

impl Worker {
    /// Takes a number and keeps it for as long as this process lives.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn register(db: &PgPool, kind: Kind) -> Result<Self, StoreError> {
        let (number, session) = take_number(db, kind).await?;
        Ok(Self {
            db: db.clone(),
            kind,
            number: AtomicI32::new(number),
            session: Mutex::new(session),
        })
    }

    /// The number under which this worker claims.
    pub fn number(&self) -> i32 {
        self.number.load(Ordering::Acquire)
    }

    /// Takes a new number if the connection that held the old one was lost, and with it the feeds claimed under the old one, as
    /// far as nobody has freed them meanwhile: this process goes on with them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn keep_alive(&self) -> Result<(), StoreError> {
        let mut session = self.session.lock().await;
        let answered = time::timeout(ANSWER_WITHIN, session.ping()).await;
        if matches!(answered, Ok(Ok(()))) {
            return Ok(());
        }
        let (number, fresh) = take_number(&self.db, self.kind).await?;
        *session = fresh;
        let lost = self.number.swap(number, Ordering::AcqRel);
        sqlx::query!(
            "UPDATE feeds SET lease_holder = $2 WHERE lease_holder = $1 AND lease_until IS NOT NULL",
            lost,
            number,
        )
        .execute(&self.db)
        .await?;
        Ok(())
    }
}

async fn take_number(db: &PgPool, kind: Kind) -> Result<(i32, PgConnection), StoreError> {
    let mut session = db.acquire().await?.detach();
    // Before the lock, so that whoever sees it sees what it is for.
    sqlx::query_scalar!(
        "SELECT set_config('application_name', $1, false)",
        kind.application()
    )
    .fetch_one(&mut session)
    .await?;
    let number = sqlx::query_scalar!(
        r#"SELECT number AS "number!"
             FROM (SELECT nextval('worker_numbers')::integer AS number) AS next,
                  LATERAL pg_advisory_lock($1, number)"#,
        LOCK_SPACE,
    )
    .fetch_one(&mut session)
    .await?;
    Ok((number, session))
}
