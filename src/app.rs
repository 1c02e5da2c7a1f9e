//! Wiring: which rooms run together in one process, from the database up, and how they stop.

mod database;
mod lifecycle;
mod process;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{net::TcpListener, sync::Notify};

pub use database::{Database, refuse_second};
pub use lifecycle::Lifecycle;

use crate::{
    auth::throttle::FORGOTTEN_AFTER,
    config::{DEFAULT_METRICS, Settings},
    domain::{Beat, Clock, MailAddress, Timestamp},
    fetch::{FetchOptions, Fetcher},
    jobs::{
        deliver::{Deliverer, Sender, Ways},
        digest::Composer,
        engine::LiveEngine,
        index::Lister,
        opml::ListImporter,
        place::{Nudge, Placer},
        poll::Poller,
        pulse::Pulse,
        release::Releaser,
        rematch::Rematcher,
        trial::Tryer,
        upkeep::{Keep, Upkeep},
        wanted::PageReader,
    },
    mail::Mailer,
    store::{
        self, PgPool,
        beat::Merge,
        workers::{Kind, Worker},
    },
    web,
};

/// The beat that wirewatch brings.
pub const BUILT_IN_BEAT: &str = include_str!("../config/beats/iran-dprk-sanctions.toml");

/// A worker looks for feeds within this, however many it polls.
const POLL_WITHIN: Duration = Duration::from_mins(2);

/// The clock of the machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the present comes from"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::from_jiff(jiff::Timestamp::now())
    }
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything.
    All,
    /// The pages and the API.
    Web,
    /// Polling, matching, placing and upkeep.
    Worker,
    /// Digests and alerts: composing and sending.
    Digest,
}

impl Role {
    const fn has_web(self) -> bool {
        matches!(self, Self::All | Self::Web)
    }

    const fn has_jobs(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    const fn has_digests(self) -> bool {
        matches!(self, Self::All | Self::Digest)
    }
}

/// How people get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doors {
    /// With an account.
    Accounts,
    /// As anybody.
    Demo,
}

/// Reads a beat file's text.
///
/// # Errors
/// It is no TOML, or no beat of format 1; the message says where.
pub fn read_beat(text: &str) -> anyhow::Result<Beat> {
    let beat: Beat = toml::from_str(text)?;
    anyhow::ensure!(
        beat.format == 1,
        "this is a beat of format {}; this wirewatch reads format 1",
        beat.format
    );
    Ok(beat)
}

/// What a process listens on.
pub struct Listeners {
    /// The pages and the API, for roles that have them.
    pub web: Option<TcpListener>,
    /// Metrics, where they are told.
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Opens them, so that a port that is taken is told before anything else starts. `listen` goes before the settings.
    ///
    /// # Errors
    /// An address cannot be listened on; the message says what to do.
    pub async fn open(
        role: Role,
        listen: Option<SocketAddr>,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let web = if role.has_web() {
            Some(bind(listen.unwrap_or(settings.server.listen)).await?)
        } else {
            None
        };
        let metrics = bind_metrics(settings).await?;
        Ok(Self { web, metrics })
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; choose another address with --listen (for example 127.0.0.1:0)")
    })
}

/// Opens the listener of the metrics, if there is to be one. Several processes on one machine share the default address:
/// only the first has it. An address that somebody chose is an error where it cannot be had.
async fn bind_metrics(settings: &Settings) -> anyhow::Result<Option<TcpListener>> {
    let wanted = settings.metrics.listen.trim();
    if wanted.is_empty() {
        return Ok(None);
    }
    let address: SocketAddr = wanted.parse().context("metrics.listen")?;
    match TcpListener::bind(address).await {
        Ok(listener) => {
            tracing::info!("metrics are at http://{}/metrics", listener.local_addr()?);
            Ok(Some(listener))
        }
        Err(error) if wanted == DEFAULT_METRICS => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "metrics.listen = {wanted:?} is taken, so this process has no metrics"
            );
            Ok(None)
        }
        Err(error) => {
            Err(error).with_context(|| format!("cannot listen on metrics.listen = {wanted:?}"))
        }
    }
}

/// Tells the metrics of this process, and whether its loops come round.
fn tell_metrics(
    db: &PgPool,
    listener: TcpListener,
    clock: &Arc<dyn Clock>,
    pulses: Vec<Pulse>,
    lifecycle: &Lifecycle,
) {
    let missed = Arc::new(move || pulses.iter().find_map(Pulse::missed));
    let metrics = web::Metrics::new(db.clone(), Arc::clone(clock), process::read, missed);
    let stop = lifecycle.stop_token();
    lifecycle.spawn("metrics", async move {
        if let Err(error) = metrics.serve(listener, stop).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the metrics server failed"
            );
        }
    });
}

/// Fills an empty database with the beat that the settings name; leaves any other alone.
///
/// # Errors
/// The beat cannot be read, or the database does not answer.
pub async fn load_beat(db: &PgPool, settings: &Settings, clock: &dyn Clock) -> anyhow::Result<()> {
    // Reading a beat takes longer than asking.
    if store::beat::revision(db).await?.is_some() {
        return Ok(());
    }
    let beat = configured_beat(&settings.beat.file)?;
    let imported = store::beat::import(
        db,
        &beat,
        Merge::IfEmpty,
        "first start",
        clock.now(),
        &|_| {},
    )
    .await?;
    if !imported.was_loaded {
        tracing::info!(
            beat = beat.slug,
            feeds = imported.added.get("feed").copied().unwrap_or(0),
            keywords = imported.added.get("keyword").copied().unwrap_or(0),
            "loaded the beat"
        );
    }
    Ok(())
}

fn configured_beat(file: &Path) -> anyhow::Result<Beat> {
    if file.as_os_str().is_empty() {
        return read_beat(BUILT_IN_BEAT);
    }
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the beat in {}", file.display()))?;
    read_beat(&text).with_context(|| format!("the beat in {} cannot be used", file.display()))
}

/// A worker's parts on one database.
pub struct WorkerParts {
    /// Polls.
    pub poller: Poller,
    /// Places.
    pub placer: Placer,
    /// Lists articles in the search index.
    pub lister: Lister,
    /// Matches the past anew.
    pub rematcher: Rematcher,
    /// Reads pages that somebody asked for.
    pub reader: PageReader,
    /// Ends claims on stories.
    pub releaser: Releaser,
    /// Tries addresses that somebody wants to add.
    pub tryer: Tryer,
    /// Adds the feeds of lists that were pasted.
    pub list_importer: ListImporter,
    /// Keeps house.
    pub upkeep: Upkeep,
}

impl WorkerParts {
    /// Builds the parts; they claim as one of this kind.
    ///
    /// # Errors
    /// The database does not answer, or the HTTP client cannot be set up.
    pub async fn build(
        db: &PgPool,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        kind: Kind,
    ) -> anyhow::Result<Self> {
        let worker = Arc::new(Worker::register(db, kind).await?);
        let nudge = Arc::<Nudge>::default();
        let poller = Poller {
            db: db.clone(),
            worker: Arc::clone(&worker),
            fetcher: Fetcher::new(&settings.fetch)?,
            engine: Arc::new(LiveEngine::new(db.clone())),
            clock: Arc::clone(&clock),
            options: settings.poll.clone(),
            policy: settings.schedule.clone(),
            placer: Arc::clone(&nudge),
            price: Arc::default(),
            pauses: Arc::default(),
            lookups: Arc::default(),
            room: Arc::default(),
            only: Vec::new(),
            pulse: Pulse::new("poll", POLL_WITHIN),
        };
        let tryer = Tryer::new(
            db.clone(),
            poller.fetcher.clone(),
            Arc::clone(&clock),
            Arc::clone(&poller.room),
        );
        let reader = PageReader {
            db: db.clone(),
            fetcher: poller.fetcher.clone(),
            engine: Arc::clone(&poller.engine),
            clock: Arc::clone(&clock),
            room: Arc::clone(&poller.room),
        };
        let keep = Keep {
            backlog: Duration::from_secs(u64::from(settings.backlog.window_days) * 86_400),
            sessions: settings.web.session_idle,
            attempts: FORGOTTEN_AFTER,
            incidents: settings.keep.incidents,
            feed_days: settings.keep.feed_days,
            ledger: settings.keep.ledger,
        };
        Ok(Self {
            poller,
            placer: Placer::new(db.clone(), Arc::clone(&clock), Arc::clone(&worker), nudge),
            lister: Lister::new(db.clone(), Arc::clone(&clock), Arc::clone(&worker)),
            rematcher: Rematcher::new(db.clone(), Arc::clone(&clock), Arc::clone(&worker)),
            reader,
            releaser: Releaser::new(db.clone(), Arc::clone(&clock)),
            tryer,
            list_importer: ListImporter::new(db.clone(), Arc::clone(&clock), Arc::clone(&worker)),
            upkeep: Upkeep::new(db.clone(), clock, worker, keep),
        })
    }
}

/// What composes and sends on one database.
pub struct DigestParts {
    /// Composes.
    pub composer: Composer,
    /// Sends.
    pub deliverer: Deliverer,
}

impl DigestParts {
    /// Builds the parts; links in what they send begin with `base`.
    ///
    /// # Errors
    /// The database does not answer, or the mail settings cannot be used.
    pub async fn build(
        db: &PgPool,
        settings: &Settings,
        base: String,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let nudge = Arc::new(Notify::new());
        let sender = sender(settings, base)?;
        let composer = Composer::new(
            db.clone(),
            Arc::clone(&clock),
            sender.host().to_owned(),
            Arc::clone(&nudge),
        );
        let ways = Ways {
            mailer: Mailer::new(&settings.mail)?,
            poster: Fetcher::new(&FetchOptions {
                allow_networks: settings.webhook.allow_networks.clone(),
                ..settings.fetch.clone()
            })?,
        };
        let worker = Arc::new(Worker::register(db, Kind::Digest).await?);
        Ok(Self {
            composer,
            deliverer: Deliverer::new(db.clone(), clock, worker, ways, sender, nudge),
        })
    }
}

/// Who letters are from. Without an address in the settings none is sent, but webhooks have identifiers all the same.
fn sender(settings: &Settings, base: String) -> anyhow::Result<Sender> {
    let address = if settings.mail.from.is_empty() {
        "wirewatch@localhost"
    } else {
        &settings.mail.from
    };
    Ok(Sender {
        address: address
            .parse::<MailAddress>()
            .with_context(|| format!("mail.from = {address:?}"))?,
        name: settings.mail.from_name.clone(),
        base,
    })
}

/// Starts the parts of a worker; returns the pulses of those that everything else waits for.
fn begin_work(parts: WorkerParts, lifecycle: &Lifecycle) -> [Pulse; 2] {
    let stop = lifecycle.stop_token();
    let WorkerParts {
        poller,
        placer,
        lister,
        rematcher,
        reader,
        releaser,
        tryer,
        list_importer,
        upkeep,
    } = parts;
    let pulses = [poller.pulse.clone(), placer.pulse()];
    lifecycle.spawn("poll", {
        let stop = stop.clone();
        async move { poller.run(stop).await }
    });
    lifecycle.spawn("place", {
        let stop = stop.clone();
        async move { placer.run(stop).await }
    });
    lifecycle.spawn("index", {
        let stop = stop.clone();
        async move { lister.run(stop).await }
    });
    lifecycle.spawn("rematch", {
        let stop = stop.clone();
        async move { rematcher.run(stop).await }
    });
    lifecycle.spawn("read pages", {
        let stop = stop.clone();
        async move { reader.run(stop).await }
    });
    lifecycle.spawn("release", {
        let stop = stop.clone();
        async move { releaser.run(stop).await }
    });
    lifecycle.spawn("trial", {
        let stop = stop.clone();
        async move { tryer.run(stop).await }
    });
    lifecycle.spawn("opml", {
        let stop = stop.clone();
        async move { list_importer.run(stop).await }
    });
    lifecycle.spawn("upkeep", {
        let stop = stop.clone();
        async move { upkeep.run(stop).await }
    });
    pulses
}

/// Runs `role` on `db` until a signal says stop or a part ends by itself.
///
/// # Errors
/// A part cannot start, or ended before it was told to.
pub async fn run(
    db: &PgPool,
    settings: &Settings,
    role: Role,
    listeners: Listeners,
    doors: Doors,
    clock: Arc<dyn Clock>,
    lifecycle: &Lifecycle,
) -> anyhow::Result<()> {
    let stop = lifecycle.stop_token();
    let mut pulses = Vec::new();
    if role.has_jobs() {
        let parts = WorkerParts::build(db, settings, Arc::clone(&clock), Kind::Worker).await?;
        pulses.extend(begin_work(parts, lifecycle));
    }
    if role.has_digests() {
        let listening = match &listeners.web {
            Some(listener) => listener.local_addr()?,
            None => settings.server.listen,
        };
        let base = web::links::base(&settings.web, listening);
        let DigestParts {
            composer,
            deliverer,
        } = DigestParts::build(db, settings, base, Arc::clone(&clock)).await?;
        pulses.extend([composer.pulse(), deliverer.pulse()]);
        lifecycle.spawn("compose", {
            let stop = stop.clone();
            async move { composer.run(stop).await }
        });
        lifecycle.spawn("deliver", {
            let stop = stop.clone();
            async move { deliverer.run(stop).await }
        });
    }
    if let Some(listener) = listeners.metrics {
        tell_metrics(db, listener, &clock, pulses, lifecycle);
    }
    if role.has_web()
        && let Some(listener) = listeners.web
    {
        let (telling, hearing) = store::live::channel(store::live::last_numbers(db).await?);
        lifecycle.spawn(
            "live",
            store::live::follow(db.clone(), telling, stop.clone()),
        );
        let address = listener.local_addr()?;
        let options = settings.web.clone();
        let state = web::WebState::new(db.clone(), clock, hearing, stop.clone(), options);
        let state = match doors {
            Doors::Accounts => state,
            Doors::Demo => state.as_demo(),
        };
        lifecycle.spawn("web", async move {
            if let Err(error) = web::serve(listener, state, stop).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the web server failed"
                );
            }
        });
        tracing::info!("wirewatch is at http://{address}/");
    }
    lifecycle.wait().await
}
