//! What every request may reach.

use std::{fmt, sync::Arc};

use axum::extract::FromRef;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{WebOptions, coverage::LiveCoverage, search::Words};
use crate::{
    domain::{Clock, Timestamp},
    store::PgPool,
};

/// Live streams that one process serves at a time. Each costs a socket and, per batch of arrivals, a query.
const MAX_LISTENERS: usize = 1_000;

/// Streams that read from the database at a time.
const MAX_READERS: usize = 3;

/// Searches of the backlog at a time.
const MAX_BACKLOG_READERS: usize = 2;

/// What every request may reach. A clone shares everything.
#[derive(Clone, FromRef)]
pub struct WebState {
    /// The database.
    pub(super) db: PgPool,
    /// Where the present comes from.
    pub(super) clock: WebClock,
    /// The last arrival number, as `store::live::follow_arrivals` keeps it.
    pub(super) arrivals: watch::Receiver<i64>,
    /// Cancelled when the process is to end: live streams end then.
    pub(super) stop: CancellationToken,
    /// Seats for live streams.
    pub(super) seats: Arc<Semaphore>,
    /// Places for reading what arrived: all streams wake at once, and the pool is for others, too.
    #[from_ref(skip)]
    pub(super) readers: Arc<Semaphore>,
    /// Settings of the pages.
    pub(super) options: Arc<WebOptions>,
    /// Places for hashing passwords: each takes a core and 19 MiB.
    #[from_ref(skip)]
    pub(super) hashing: Arc<Semaphore>,
    /// Whether everybody may sign in as anybody.
    #[from_ref(skip)]
    pub(super) is_demo: bool,
    /// Places for searches of the backlog: each keeps a core busy.
    #[from_ref(skip)]
    pub(super) backlog_readers: Arc<Semaphore>,
    /// What the names in queries stand for.
    pub(super) words: Arc<Words>,
    /// What the collection lacks, for live streams.
    #[from_ref(skip)]
    pub(super) coverage: Arc<LiveCoverage>,
}

/// The clock, as a part that handlers can ask for.
#[derive(Clone)]
pub(super) struct WebClock(Arc<dyn Clock>);

impl WebClock {
    /// The present instant.
    pub(super) fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl WebState {
    /// Puts together what requests reach: the pool, the clock, the last arrival number (fed by
    /// [`follow_arrivals`](crate::store::live::follow_arrivals)), the token that ends live streams, and the settings.
    #[must_use]
    pub fn new(
        db: PgPool,
        clock: Arc<dyn Clock>,
        arrivals: watch::Receiver<i64>,
        stop: CancellationToken,
        options: WebOptions,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            db,
            clock: WebClock(clock),
            arrivals,
            stop,
            seats: Arc::new(Semaphore::new(MAX_LISTENERS)),
            readers: Arc::new(Semaphore::new(MAX_READERS)),
            backlog_readers: Arc::new(Semaphore::new(MAX_BACKLOG_READERS)),
            words: Arc::new(Words::default()),
            coverage: Arc::default(),
            options: Arc::new(options),
            hashing: Arc::new(Semaphore::new(cores)),
            is_demo: false,
        }
    }

    /// The same for the demo, whose sign-in page signs everybody in as anybody.
    #[must_use]
    pub fn as_demo(self) -> Self {
        Self {
            is_demo: true,
            ..self
        }
    }
}

impl fmt::Debug for WebState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebState").finish_non_exhaustive()
    }
}
