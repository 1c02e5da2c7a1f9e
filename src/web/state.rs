//! What every request may reach.

use std::{fmt, sync::Arc, time::Duration};

use axum::extract::FromRef;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    WebOptions, cores::Cores, coverage::LiveCoverage, error::WebError, live::Recent, quota::Quota,
    search::Words, seats::Seats,
};
use crate::{
    domain::{Clock, Timestamp},
    store::{PgPool, live::Hearing},
};

/// Live streams that one process serves at a time. Each costs a socket and, per batch of arrivals, a query.
const MAX_LISTENERS: usize = 1_000;

/// Those of one visitor: more than anybody keeps open.
const MAX_LISTENERS_OF_ONE: usize = 50;

/// Who takes nothing from a live stream for so long, heartbeats included, is away.
const LISTENER_IS_AWAY: Duration = Duration::from_mins(1);

/// Streams that read from the database at a time.
const MAX_READERS: usize = 3;

/// Searches of the backlog at a time.
const MAX_BACKLOG_READERS: usize = 3;

/// Those of one visitor.
const MAX_BACKLOG_READERS_OF_ONE: usize = 1;

/// Who takes nothing of what a search found for so long is away.
const BACKLOG_READER_IS_AWAY: Duration = Duration::from_secs(15);

/// Countings of what was written at a time: each reads the matches of months.
const MAX_COUNTINGS: usize = 2;

/// How long one waits for its place.
const WAIT_TO_COUNT: Duration = Duration::from_secs(10);

/// Exports at a time.
const MAX_EXPORTS: usize = 3;

/// Those of one visitor.
const MAX_EXPORTS_OF_ONE: usize = 1;

/// What every request may reach. A clone shares everything.
#[derive(Clone, FromRef)]
pub struct WebState {
    /// The database.
    pub(super) db: PgPool,
    /// Where the present comes from.
    pub(super) clock: WebClock,
    /// The last numbers and what was seen, as `store::live::follow` tells them.
    #[from_ref(skip)]
    pub(super) hearing: Hearing,
    /// Cancelled when the process is to end: live streams end then.
    pub(super) stop: CancellationToken,
    /// Seats for live streams.
    #[from_ref(skip)]
    pub(super) seats: Arc<Seats>,
    /// What arrived lately.
    #[from_ref(skip)]
    pub(super) recent: Arc<Recent>,
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
    pub(super) backlog_readers: Arc<Seats>,
    /// Places for countings; the pool is for others, too.
    #[from_ref(skip)]
    countings: Arc<Semaphore>,
    /// Places for exports.
    #[from_ref(skip)]
    pub(super) exports: Arc<Seats>,
    /// How fast programs ask.
    #[from_ref(skip)]
    pub(super) quota: Arc<Quota>,
    /// Places for reading queries and judging by them.
    #[from_ref(skip)]
    pub(super) cores: Cores,
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
    /// A place for counting what was written, held until it is dropped.
    ///
    /// # Errors
    /// None is free for long.
    pub(super) async fn place_to_count(&self) -> Result<SemaphorePermit<'_>, WebError> {
        let place = time::timeout(WAIT_TO_COUNT, self.countings.acquire()).await;
        place.ok().and_then(Result::ok).ok_or(WebError::AllTaken(
            "trends are being counted for others; try again in a minute",
        ))
    }

    /// Puts together what requests reach: the pool, the clock, what is new (fed by
    /// [`follow`](crate::store::live::follow)), the token that ends live streams, and the settings.
    #[must_use]
    pub fn new(
        db: PgPool,
        clock: Arc<dyn Clock>,
        hearing: Hearing,
        stop: CancellationToken,
        options: WebOptions,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            db,
            clock: WebClock(clock),
            hearing,
            stop,
            seats: Seats::new(MAX_LISTENERS, MAX_LISTENERS_OF_ONE, LISTENER_IS_AWAY),
            recent: Arc::default(),
            readers: Arc::new(Semaphore::new(MAX_READERS)),
            countings: Arc::new(Semaphore::new(MAX_COUNTINGS)),
            backlog_readers: Seats::new(
                MAX_BACKLOG_READERS,
                MAX_BACKLOG_READERS_OF_ONE,
                BACKLOG_READER_IS_AWAY,
            ),
            exports: Seats::new(MAX_EXPORTS, MAX_EXPORTS_OF_ONE, BACKLOG_READER_IS_AWAY),
            quota: Arc::new(Quota::new(options.requests_per_minute)),
            cores: Cores::of_this_machine(),
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
