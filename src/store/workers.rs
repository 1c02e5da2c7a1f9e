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

/// This process as a holder of claims and leases.
#[derive(Debug)]
pub struct Worker {
    db: PgPool,
    number: AtomicI32,
    session: Mutex<PgConnection>,
}

impl Worker {
    /// Takes a number and keeps it for as long as this process lives.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn register(db: &PgPool) -> Result<Self, StoreError> {
        let (number, session) = take_number(db).await?;
        Ok(Self {
            db: db.clone(),
            number: AtomicI32::new(number),
            session: Mutex::new(session),
        })
    }

    /// The number under which this worker claims.
    pub fn number(&self) -> i32 {
        self.number.load(Ordering::Acquire)
    }

    /// Takes a new number if the connection that held the old one was lost: claims under the old one are void.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn keep_alive(&self) -> Result<(), StoreError> {
        let mut session = self.session.lock().await;
        let answered = time::timeout(ANSWER_WITHIN, session.ping()).await;
        if matches!(answered, Ok(Ok(()))) {
            return Ok(());
        }
        let (number, fresh) = take_number(&self.db).await?;
        *session = fresh;
        self.number.store(number, Ordering::Release);
        Ok(())
    }
}

async fn take_number(db: &PgPool) -> Result<(i32, PgConnection), StoreError> {
    let mut session = db.acquire().await?.detach();
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
