//! The built service in a process of its own, and a reader who is signed in to it.

use std::{
    net::TcpListener,
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
use wirewatch::{
    auth::Token,
    domain::{Timestamp, UserId},
    store::{
        PgPool,
        sessions::{self, NewSession},
    },
};

/// The service, in a process of its own.
pub(crate) struct Site {
    pub(crate) address: String,
    pub(crate) client: reqwest::Client,
    process: Child,
}

/// Signs a reader in: what a browser sends from then on.
#[expect(clippy::disallowed_methods, reason = "a session of now")]
pub(crate) async fn session(db: &PgPool, reader: UserId) -> anyhow::Result<HeaderValue> {
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
    let has_begun = sessions::begin(db, reader, session, now).await?;
    ensure!(has_begun, "the reader may not sign in");
    Ok(HeaderValue::try_from(format!(
        "wirewatch={}",
        token.reveal()
    ))?)
}

impl Site {
    /// Starts it in a role, with settings from the environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "a client of the pages, not of publishers"
    )]
    pub(crate) fn start(
        database: &str,
        role: &str,
        settings: &[(&str, String)],
        cookie: HeaderValue,
    ) -> anyhow::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let listen = format!("127.0.0.1:{port}");
        let process = Command::new(env!("CARGO_BIN_EXE_wirewatch"))
            .args(["serve", "--role", role, "--listen", &listen])
            .env("DATABASE_URL", database)
            .env("WIREWATCH_LOG__FILTER", "warn")
            .envs(settings.iter().map(|(name, value)| (name, value)))
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

    /// The most memory that the service held at once, in MiB.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .context("no peak of memory")?;
        Ok(peak.trim().trim_end_matches(" kB").parse::<u64>()? / 1_024)
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

impl Drop for Site {
    fn drop(&mut self) {
        // After a failure it still runs; after `stop` there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
