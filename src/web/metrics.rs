//! The meters, at an address of their own: nobody who reaches the pages reaches them.

use std::{future::IntoFuture, io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::{
    net::TcpListener,
    sync::Mutex,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::routes::ROUTES;
use crate::{
    domain::{Clock, Timestamp},
    meters::{Levels, Pool, Process, Queue, meters},
    store::{
        PgPool,
        levels::{self, Standing, Waiting},
    },
};

/// The database may take so long to say how things stand; what the process counted is told all the same.
const READ_WITHIN: Duration = Duration::from_secs(3);

/// What is told.
#[derive(Clone)]
pub struct Metrics {
    db: PgPool,
    clock: Arc<dyn Clock>,
    /// What the system says about this process.
    process: fn() -> Option<Process>,
    /// One question at a time: whoever asks often does not keep the database busy.
    turn: Arc<Mutex<()>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Of this process, which uses `db`; `process` says what the system knows of it.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, process: fn() -> Option<Process>) -> Self {
        Self {
            db,
            clock,
            process,
            turn: Arc::default(),
        }
    }

    /// Serves `/metrics` on `listener` until `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// When the listener fails for good.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let service = Router::new().fallback(show).with_state(self);
        axum::serve(listener, service)
            .with_graceful_shutdown(stop.cancelled_owned())
            .into_future()
            .await
    }

    async fn text(&self) -> String {
        let _turn = self.turn.lock().await;
        let now = self.clock.now();
        let levels = match time::timeout(READ_WITHIN, levels::read(&self.db, now)).await {
            Ok(Ok(standing)) => Some(told(standing, now)),
            Ok(Err(_)) | Err(_) => None,
        };
        let pool = Pool {
            open: self.db.size(),
            idle: self.db.num_idle(),
            most: self.db.options().get_max_connections(),
        };
        meters().told(levels.as_ref(), pool, (self.process)())
    }
}

async fn show(State(metrics): State<Metrics>, uri: Uri) -> Response {
    if uri.path() != "/metrics" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (headers, metrics.text().await).into_response()
}

fn told(standing: Standing, now: Timestamp) -> Levels {
    let queue = |name, waiting: Waiting| Queue {
        name,
        length: waiting.length,
        oldest: Some(
            waiting
                .oldest
                .map_or(0.0, |oldest| now.since(oldest).as_secs_f64()),
        ),
    };
    let uncounted = |name, length| Queue {
        name,
        length,
        oldest: None,
    };
    Levels {
        feeds: standing.feeds,
        incidents: standing.incidents,
        queues: vec![
            queue("due_feeds", standing.due),
            queue("unplaced_articles", standing.unplaced),
            queue("outbox", standing.outbox),
            queue("trials", standing.trials),
            uncounted("unlisted_articles", standing.unlisted),
            uncounted("rematches", standing.rematches),
        ],
        workers: standing.workers,
    }
}

/// Measures how long an answer takes to begin, by its route in the table.
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched
        .and_then(|path| ROUTES.iter().find(|route| route.path == path.as_str()))
        .map_or("none", |route| route.path);
    let begun = Instant::now();
    let response = next.run(request).await;
    meters().answered(route, response.status().as_u16(), begun.elapsed());
    response
}
