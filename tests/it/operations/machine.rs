//! What a machine has: a PostgreSQL of its own that can be stopped, and wirewatch processes that can be killed.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use wirewatch::{
    config,
    domain::Beat,
    store::{
        self, PgPool,
        private::{Durability, PrivateServer, PrivateServerOptions},
    },
};

use crate::binary::{beat_file, end, wirewatch};

/// A PostgreSQL of this test alone, with fsync.
pub(super) struct Database {
    server: Option<PrivateServer>,
    folder: tempfile::TempDir,
}

impl Database {
    /// Starts it, with an empty database of the name `wirewatch`.
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let options = PrivateServerOptions {
            data_dir: folder.path().to_owned(),
            search_path: config::search_path(),
            durability: Durability::Kept,
        };
        let server = tokio::task::spawn_blocking(move || PrivateServer::start(&options).unwrap())
            .await
            .unwrap();
        store::create_database(&server.url("postgres"), "wirewatch")
            .await
            .unwrap();
        Self {
            server: Some(server),
            folder,
        }
    }

    fn server(&self) -> &PrivateServer {
        self.server.as_ref().expect("it runs until it is dropped")
    }

    /// The address of the database, over its socket.
    pub(super) fn url(&self) -> String {
        self.server().url("wirewatch")
    }

    /// Its socket.
    pub(super) fn socket(&self) -> PathBuf {
        let url: url::Url = self.url().parse().unwrap();
        let (_, folder) = url.query_pairs().find(|(name, _)| name == "host").unwrap();
        let mut sockets = std::fs::read_dir(&*folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with(".s.PGSQL.")
            });
        sockets
            .find(|path| path.extension().is_none_or(|ending| ending != "lock"))
            .unwrap()
    }

    /// Connections of the test itself.
    pub(super) async fn connect(&self) -> PgPool {
        store::connect(&self.url(), 4).await.unwrap()
    }

    /// Stops it as a crash does, and starts it again.
    pub(super) async fn crash(&self) {
        let data = self.folder.path().join("postgres/data");
        let control = self.server().programs().join("pg_ctl");
        let done = tokio::task::spawn_blocking(move || {
            let mut command = if nix::unistd::geteuid().is_root() {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(control);
                command
            } else {
                Command::new(control)
            };
            command
                .args(["restart", "-s", "-w", "-m", "immediate", "-D"])
                .arg(data)
                .current_dir("/")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap()
        });
        assert!(done.await.unwrap().success(), "PostgreSQL starts again");
    }

    /// The processes of the server.
    fn processes(&self) -> Vec<Pid> {
        let file = self.folder.path().join("postgres/data/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        let first: i32 = text.lines().next().unwrap().parse().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children"));
        std::iter::once(first)
            .chain(
                children
                    .unwrap_or_default()
                    .split_whitespace()
                    .map(|pid| pid.parse().unwrap()),
            )
            .map(Pid::from_raw)
            .collect()
    }

    /// Lets it stand still for a while.
    pub(super) async fn freeze(&self, time: Duration) {
        let processes = self.processes();
        for process in &processes {
            // A backend may have ended meanwhile.
            let _ = kill(*process, Signal::SIGSTOP);
        }
        tokio::time::sleep(time).await;
        for process in &processes {
            let _ = kill(*process, Signal::SIGCONT);
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let _ = server.stop();
        }
    }
}

/// What processes of a test have in common.
pub(super) struct Machine {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Machine {
    /// Processes on the database at `url`, with this beat.
    pub(super) fn new(url: &str, beat: &Beat) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = beat_file(folder.path(), beat);
        let environment = [
            ("DATABASE_URL", url.to_owned()),
            ("WIREWATCH_BEAT__FILE", file.display().to_string()),
            (
                "WIREWATCH_FETCH__ALLOW_NETWORKS",
                "[\"127.0.0.1/32\"]".to_owned(),
            ),
            ("WIREWATCH_FETCH__TIMEOUT", "3s".to_owned()),
            ("WIREWATCH_POLL__READ_LIMIT", "2s".to_owned()),
            ("WIREWATCH_POLL__LEASE", "15s".to_owned()),
            ("WIREWATCH_POLL__HOST_GAP", "0s".to_owned()),
            ("WIREWATCH_SCHEDULE__MIN_INTERVAL", "1s".to_owned()),
            ("WIREWATCH_SCHEDULE__MAX_INTERVAL", "2s".to_owned()),
            ("WIREWATCH_SCHEDULE__FIRST_INTERVAL", "1s".to_owned()),
            ("WIREWATCH_SCHEDULE__FAILURE_INTERVAL", "1s".to_owned()),
            ("WIREWATCH_SCHEDULE__REQUESTS_PER_DAY", "86400.0".to_owned()),
            ("WIREWATCH_METRICS__LISTEN", String::new()),
            ("WIREWATCH_WEB__REQUESTS_PER_MINUTE", "1000000".to_owned()),
        ];
        Self {
            folder,
            environment: environment
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    /// One setting more for processes that start from now on.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// A command of wirewatch with these settings.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = wirewatch(arguments);
        command.envs(&self.environment);
        command
    }

    /// Starts a process of a role, which logs into `log`.
    pub(super) fn start(&self, role: &'static str, log: &str) -> Process {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let arguments = match role {
            "web" => vec!["serve", "--role", role, "--listen", listen.as_str()],
            _ => vec!["serve", "--role", role],
        };
        let mut process = Process {
            role,
            base: format!("http://{listen}"),
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            log: self.folder.path().join(log),
            environment: self.environment.clone(),
            child: None,
        };
        process.start();
        process
    }

    /// A token of a role, made by the binary.
    pub(super) async fn token(&self, role: &str) -> String {
        let command = self.command(&["token", "create", "--role", role]);
        let made = crate::binary::finish(command).await;
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }
}

/// A port that nobody listens on now; a process that starts again wants the same one.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A process that may be killed and started again.
pub(super) struct Process {
    pub(super) role: &'static str,
    /// Where its pages are, if it has any.
    pub(super) base: String,
    arguments: Vec<String>,
    log: PathBuf,
    environment: BTreeMap<String, String>,
    child: Option<Child>,
}

impl Process {
    /// Starts it, unless it runs.
    pub(super) fn start(&mut self) {
        if self.child.is_some() {
            return;
        }
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let child = wirewatch(&arguments)
            .envs(&self.environment)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Whether it ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| child.try_wait().unwrap().is_some())
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal);
        }
    }

    /// Kills it on the spot.
    pub(super) async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        if let Some(child) = self.child.take() {
            end(child).await;
        }
    }

    /// Lets it end in good order; how long that took. It may have ended by itself before, by a fault of the database.
    pub(super) async fn terminate(&mut self) -> (bool, Duration) {
        let begun = Instant::now();
        self.signal(Signal::SIGTERM);
        let is_well = match self.child.take() {
            Some(child) => end(child).await.success(),
            None => true,
        };
        (is_well, begun.elapsed())
    }

    /// Sends it a signal once more while it ends.
    pub(super) fn send(&self, signal: Signal) {
        self.signal(signal);
    }

    /// What it said so far.
    pub(super) fn words(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A client of the pages, not of publishers.
#[expect(
    clippy::disallowed_methods,
    reason = "a client of the pages, not of publishers"
)]
pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(15))
        .build()
        .unwrap()
}

/// Waits until something holds.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let patience = Instant::now() + Duration::from_mins(2);
    while !holds().await {
        assert!(Instant::now() < patience, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
