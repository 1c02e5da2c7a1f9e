//! The PostgreSQL of the benchmark, and the built service on it.

use std::{
    fs::Permissions,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{
    header::{COOKIE, HeaderMap, HeaderValue},
    redirect,
};
use tempfile::TempDir;
use wirewatch::{
    auth::Token,
    domain::Timestamp,
    store::{
        self, PgPool,
        private::{Durability, PrivateServer, PrivateServerOptions},
        sessions::{self, NewSession},
    },
};

use crate::desk;

/// The server with the folder that it lives in.
pub(crate) struct Place {
    throw_away: Option<TempDir>,
    server: PrivateServer,
}

/// The database on it.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) pool: PgPool,
}

impl Place {
    pub(crate) fn start(folder: Option<&Path>) -> anyhow::Result<Self> {
        // As root, the server runs as another account, which must be able to enter.
        let throw_away = match folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                None
            }
            None => Some(
                tempfile::Builder::new()
                    .prefix("wirewatch-pages-")
                    .permissions(Permissions::from_mode(0o755))
                    .tempdir()?,
            ),
        };
        let data_dir = match (folder, &throw_away) {
            (Some(folder), _) => folder.to_owned(),
            (None, Some(folder)) => folder.path().to_owned(),
            (None, None) => unreachable!("one of them is there"),
        };
        let server = PrivateServer::start(&PrivateServerOptions {
            data_dir,
            search_path: search_path(),
            durability: Durability::Kept,
        })?;
        Ok(Self { throw_away, server })
    }

    pub(crate) async fn database(&self) -> anyhow::Result<Database> {
        store::create_database(&self.server.url("postgres"), "pages").await?;
        let url = self.server.url("pages");
        let pool = store::connect(&url, 4).await?;
        store::migrate(&pool).await?;
        Ok(Database { url, pool })
    }

    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.server.stop()?;
        if let Some(folder) = self.throw_away {
            folder.close()?;
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "PostgreSQL's programs are found on PATH"
)]
fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}

/// The service, in a process of its own.
pub(crate) struct Site {
    pub(crate) address: String,
    pub(crate) client: reqwest::Client,
    process: Child,
}

/// A reader who is signed in: what a browser sends.
#[expect(clippy::disallowed_methods, reason = "a session of now")]
pub(crate) async fn session(db: &PgPool) -> anyhow::Result<HeaderValue> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    let token = Token::new(random);
    let hash = token.hash();
    let session = NewSession {
        token_hash: hash.as_bytes(),
        password_hash: None,
        replaces: None,
        user_agent: "benchmark",
        address: "127.0.0.1",
        lifetime: Duration::from_hours(24),
    };
    let now = Timestamp::from_jiff(jiff::Timestamp::now());
    let has_begun = sessions::begin(db, desk::reader(db).await?, session, now).await?;
    ensure!(has_begun, "the reader may not sign in");
    Ok(HeaderValue::try_from(format!(
        "wirewatch={}",
        token.reveal()
    ))?)
}

impl Site {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client of the pages, not of publishers"
    )]
    pub(crate) fn start(database: &str, cookie: HeaderValue) -> anyhow::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let listen = format!("127.0.0.1:{port}");
        let process = Command::new(env!("CARGO_BIN_EXE_wirewatch"))
            .args(["serve", "--role", "web", "--listen", &listen])
            .env("DATABASE_URL", database)
            .env("WIREWATCH_LOG__FILTER", "warn")
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self {
            address: format!("http://{listen}"),
            client: reqwest::Client::builder()
                .default_headers(HeaderMap::from_iter([(COOKIE, cookie)]))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .timeout(Duration::from_mins(5))
                .build()?,
            process,
        })
    }

    pub(crate) async fn wait(&self) -> anyhow::Result<()> {
        for _ in 0..300 {
            let ready = self
                .client
                .get(format!("{}/readyz", self.address))
                .send()
                .await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("the service did not start")
    }

    /// User and system time of the service so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, fields) = stat.rsplit_once(") ").context("no stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = |place: usize| {
            fields
                .get(place)
                .and_then(|ticks| ticks.parse::<f64>().ok())
        };
        // Ticks of 1/100 s (`USER_HZ`).
        Ok((ticks(11).context("no user time")? + ticks(12).context("no system time")?) / 100.0)
    }

    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        kill(
            Pid::from_raw(i32::try_from(self.process.id())?),
            Signal::SIGTERM,
        )?;
        let status = self.process.wait()?;
        ensure!(status.success(), "the service ended with {status}");
        Ok(())
    }
}
