//! The meters, and whether the process works, at an address of their own: nobody who reaches the pages reaches them.

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

use super::{health, routes::ROUTES};
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

/// Says which loop of this process does not come round; none where all do.
type Missed = Arc<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// What is told.
#[derive(Clone)]
pub struct Metrics {
    db: PgPool,
    clock: Arc<dyn Clock>,
    /// What the system says about this process.
    process: fn() -> Option<Process>,
    missed: Missed,
    /// One question at a time: whoever asks often does not keep the database busy.
    turn: Arc<Mutex<()>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Of this process, which uses `db`; `process` says what the system knows of it, `missed` which of its loops stands still.
    #[must_use]
    pub fn new(
        db: PgPool,
        clock: Arc<dyn Clock>,
        process: fn() -> Option<Process>,
        missed: Missed,
    ) -> Self {
        Self {
            db,
            clock,
            process,
            missed,
            turn: Arc::default(),
        }
    }

    /// Serves `/metrics`, `/readyz` and `/livez` on `listener` until `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// When the listener fails for good.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        // No routes: those stand in the table, with their gates.
        let service = Router::new().fallback(answer).with_state(self);
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

async fn answer(State(metrics): State<Metrics>, uri: Uri) -> Response {
    match uri.path() {
        "/metrics" => show(&metrics).await,
        "/readyz" => ready(&metrics).await,
        "/livez" => health::live().await.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers when the database does, with a schema that this program can use, and every loop of the process comes round.
async fn ready(metrics: &Metrics) -> Response {
    let lacking = time::timeout(READ_WITHIN, health::lacking(&metrics.db)).await;
    let why = match lacking {
        Ok(Ok(None)) => (metrics.missed)().map(|part| format!("the loop {part:?} stands still")),
        Ok(Ok(Some(why))) => Some(why.to_owned()),
        // What is wrong with it is in the log of those who need it.
        Ok(Err(_)) | Err(_) => Some("the database does not answer".to_owned()),
    };
    match why {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response(),
    }
}

async fn show(metrics: &Metrics) -> Response {
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
            queue("outbox_due", standing.outbox_due),
            queue("trials", standing.trials),
            uncounted("unlisted_articles", standing.unlisted),
            uncounted("rematches", standing.rematches),
        ],
        workers: standing
            .workers
            .into_iter()
            .map(|(kind, count)| (kind.as_str(), count))
            .collect(),
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
