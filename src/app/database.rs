//! The database of a process: the one that the settings name, or the private server.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::{Lifecycle, SystemClock};
use crate::{
    config::{self, Settings},
    domain::Clock as _,
    store::{
        self, PgPool,
        private::{self, Durability, PrivateServer, PrivateServerOptions},
    },
};

/// The name of wirewatch's database on a private server.
const NAME: &str = "wirewatch";

/// How long connections in use are waited for.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// How often the private server is looked for, and how many times in a row nobody may be there: somebody who restarts it by
/// hand is not raced.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const MISSED_AT_MOST: u32 = 3;

/// An open database, with the private server if there is one.
pub struct Database {
    /// Connections.
    pub pool: PgPool,
    /// The address, with whatever password it holds.
    pub url: String,
    server: Option<Arc<PrivateServer>>,
}

impl Database {
    /// Opens the database and brings its schema up to date; starts the private server where the settings name none.
    ///
    /// # Errors
    /// There is no database to be had; the message says what to do.
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let database = Self::open_as_is(settings).await?;
        if let Err(error) = store::migrate(&database.pool).await {
            database.close().await;
            return Err(error.into());
        }
        Ok(database)
    }

    /// The same for a service, which may be told to end while others hold up a step of the schema.
    ///
    /// # Errors
    /// As above, or it was told to end.
    pub async fn open_unless_stopped(
        settings: &Settings,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let database = Self::open_as_is(settings).await?;
        let migrated = stop
            .run_until_cancelled(store::migrate(&database.pool))
            .await;
        match migrated {
            Some(Ok(())) => Ok(database),
            Some(Err(error)) => {
                database.close().await;
                Err(error.into())
            }
            None => {
                database.close().await;
                anyhow::bail!("told to end before the schema was up to date")
            }
        }
    }

    /// Opens a database that must be there, and brings its schema up to date: what only looks at an installation, or saves it,
    /// makes none.
    ///
    /// # Errors
    /// There is none, or it is not to be had; the message says what to do.
    pub async fn open_there(settings: &Settings) -> anyhow::Result<Self> {
        is_there(settings)?;
        Self::open(settings).await
    }

    /// The same without touching its schema.
    ///
    /// # Errors
    /// There is none, or it is not to be had; the message says what to do.
    pub async fn open_there_as_is(settings: &Settings) -> anyhow::Result<Self> {
        is_there(settings)?;
        Self::open_as_is(settings).await
    }

    /// Opens a fresh database of this process alone on a throw-away server, which goes away with its last user.
    ///
    /// # Errors
    /// There is no server to be had; the message says what to do.
    pub async fn open_throw_away(settings: &Settings) -> anyhow::Result<Self> {
        // In a container the number of a process is the same after each start.
        let name = format!(
            "{NAME}_{}_{}",
            std::process::id(),
            SystemClock.now().as_micros()
        );
        let database = Self::open_private(settings, &name, Durability::ThrownAway).await?;
        if let Err(error) = store::migrate(&database.pool).await {
            database.close().await;
            return Err(error.into());
        }
        Ok(database)
    }

    /// Opens the database without touching its schema.
    ///
    /// # Errors
    /// There is no database to be had; the message says what to do.
    pub async fn open_as_is(settings: &Settings) -> anyhow::Result<Self> {
        if settings.database.url.is_empty() {
            return Self::open_private(settings, NAME, Durability::Kept).await;
        }
        Self::connect(settings, settings.database.url.clone(), None).await
    }

    async fn open_private(
        settings: &Settings,
        name: &str,
        durability: Durability,
    ) -> anyhow::Result<Self> {
        let options = PrivateServerOptions {
            data_dir: data_dir(settings),
            search_path: config::search_path(),
            durability,
        };
        tracing::info!(folder = %options.data_dir.display(), "starting the private PostgreSQL");
        let server = tokio::task::spawn_blocking(move || PrivateServer::start(&options))
            .await?
            .context("the private PostgreSQL did not start")?;
        match store::create_database(&server.url("postgres"), name).await {
            Ok(()) => Self::connect(settings, server.url(name), Some(server)).await,
            Err(error) => {
                stop(Arc::new(server)).await;
                Err(error.into())
            }
        }
    }

    async fn connect(
        settings: &Settings,
        url: String,
        server: Option<PrivateServer>,
    ) -> anyhow::Result<Self> {
        match store::connect(&url, settings.database.max_connections).await {
            Ok(pool) => Ok(Self {
                pool,
                url,
                server: server.map(Arc::new),
            }),
            Err(error) => {
                if let Some(server) = server {
                    stop(Arc::new(server)).await;
                }
                Err(anyhow::Error::from(error).context(
                    "the database cannot be reached; check DATABASE_URL (database.url), or leave it empty for a private \
                     server",
                ))
            }
        }
    }

    /// Starts the private server, if there is one, again whenever it has died (the kernel ends the largest process where
    /// memory runs out), as a part of the process. A server of somebody else's is their own matter.
    pub fn keep_private_server(&self, lifecycle: &Lifecycle) {
        if let Some(server) = &self.server {
            let keeping = keep(Arc::clone(server), lifecycle.stop_token());
            lifecycle.spawn("private PostgreSQL", keeping);
        }
    }

    /// Closes the connections and leaves the private server, which stops with its last user.
    pub async fn close(self) {
        // A part that was left behind may hold a connection for ever.
        let closed = time::timeout(CLOSE_WITHIN, self.pool.close()).await;
        if closed.is_err() {
            tracing::warn!("connections were still in use when the database was left");
        }
        if let Some(server) = self.server {
            stop(server).await;
        }
    }
}

/// Whether there is a database: one that the settings name, or a private one in the folder.
fn is_there(settings: &Settings) -> anyhow::Result<()> {
    if has_one(settings) {
        return Ok(());
    }
    let where_else = whose(settings).unwrap_or_else(|| {
        "Is --data-dir right, and this the account that runs wirewatch? wirewatch serve and wirewatch db migrate make one"
            .to_owned()
    });
    anyhow::bail!(
        "there is no database in {}. {where_else}",
        data_dir(settings).display()
    )
}

fn has_one(settings: &Settings) -> bool {
    !settings.database.url.is_empty() || private::has_database(&data_dir(settings))
}

/// Refuses to make a private database where that of this machine's service is meant, as far as can be told.
///
/// # Errors
/// There is none yet, nobody said where it is to be, and the service of this machine keeps its own elsewhere.
pub fn refuse_second(settings: &Settings) -> anyhow::Result<()> {
    match whose(settings) {
        Some(whose) if !has_one(settings) => anyhow::bail!(
            "there is no database in {}, and none was made there. {whose}",
            data_dir(settings).display()
        ),
        _ => Ok(()),
    }
}

/// Whose database is meant where this account has none, and what to do.
fn whose(settings: &Settings) -> Option<String> {
    let as_them = |owner: &str| {
        format!(
            "which belongs to the account {owner}: run this as it (sudo -u '{owner}' wirewatch …)"
        )
    };
    if let Some(owner) = config::other_owner(&data_dir(settings)) {
        return Some(format!("This is a folder {}", as_them(&owner)));
    }
    if !settings.server.data_dir.as_os_str().is_empty() {
        return None;
    }
    if let Some(owner) = config::other_owner(Path::new(config::MACHINE_DATA)) {
        let folder = config::MACHINE_DATA;
        return Some(format!(
            "The wirewatch of this machine has its data in {folder}, {}; or name a folder of your own with --data-dir",
            as_them(&owner)
        ));
    }
    let file = config::closed_machine_file()?;
    Some(format!(
        "The settings of this machine's wirewatch are in {}, which this account may not read: run this as root, or as the account \
         that runs wirewatch; or name a folder of your own with --data-dir",
        file.display()
    ))
}

async fn keep(server: Arc<PrivateServer>, stop: CancellationToken) {
    let mut missed = 0;
    while stop
        .run_until_cancelled(time::sleep(LOOK_EVERY))
        .await
        .is_some()
    {
        missed = if server.is_listening() { 0 } else { missed + 1 };
        if missed >= MISSED_AT_MOST {
            missed = 0;
            revive(&server).await;
        }
    }
}

async fn revive(server: &Arc<PrivateServer>) {
    let reviving = Arc::clone(server);
    match tokio::task::spawn_blocking(move || reviving.revive()).await {
        Ok(Ok(false)) => {}
        Ok(Ok(true)) => tracing::error!(
            log = %server.log_path().display(),
            "the private PostgreSQL had died and was started again"
        ),
        Ok(Err(error)) => tracing::error!(
            error = &error as &dyn std::error::Error,
            "the private PostgreSQL has died and does not start; trying on"
        ),
        Err(error) => tracing::error!(%error, "starting the private PostgreSQL was broken off"),
    }
}

async fn stop(server: Arc<PrivateServer>) {
    let stopped = tokio::task::spawn_blocking(move || server.stop()).await;
    if let Ok(Err(error)) = stopped {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the private PostgreSQL was not stopped"
        );
    }
}

fn data_dir(settings: &Settings) -> PathBuf {
    if settings.server.data_dir.as_os_str().is_empty() {
        config::default_data_dir()
    } else {
        settings.server.data_dir.clone()
    }
}
