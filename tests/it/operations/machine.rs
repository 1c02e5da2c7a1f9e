//! What a machine has: a PostgreSQL of its own that can be stopped, and wirewatch processes that can be killed.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection as _, PgConnection};
use wirewatch::{
    config,
    domain::Beat,
    store::{
        self, PgPool,
        private::{Durability, PrivateServer, PrivateServerOptions},
    },
};

use crate::{
    binary::{beat_file, end, wirewatch},
    site::PATIENCE,
};

/// A PostgreSQL of this test alone, with fsync.
pub(super) struct Database {
    server: Option<PrivateServer>,
    /// Unmounted after the server has stopped, and before its folder goes.
    disk: Option<SmallDisk>,
    folder: tempfile::TempDir,
}

/// Megabytes of a small disk.
const DISK: u32 = 320;

/// A file system of some megabytes in memory, mounted over a folder.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this process may not mount.
    fn mount(over: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={DISK}m,mode=755")])
            .arg("wirewatch-test")
            .arg(over)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(over.to_owned()))
    }
}

/// Leaves no byte of a small disk free for so long, whatever is given free meanwhile.
fn fill(disk: &Path, time: Duration) {
    let ballast = disk.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < time {
        for size in [1 << 20, 1 << 12] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::remove_file(ballast).unwrap();
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

impl Database {
    /// Starts it, with an empty database of the name `wirewatch`.
    pub(super) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), None).await
    }

    /// Starts it on a small disk of its own, where this process may mount one.
    pub(super) async fn start_on_small_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = SmallDisk::mount(folder.path());
        if disk.is_none() {
            eprintln!("SKIPPED: full disks, because this process may not mount one");
        }
        let database = Self::start_in(folder, disk).await;
        if database.disk.is_some() {
            let mut connection = PgConnection::connect(&database.url()).await.unwrap();
            for statement in [
                "ALTER SYSTEM SET max_wal_size = '64MB'",
                "ALTER SYSTEM SET min_wal_size = '32MB'",
                "SELECT pg_reload_conf()",
            ] {
                sqlx::query(statement)
                    .execute(&mut connection)
                    .await
                    .unwrap();
            }
        }
        database
    }

    async fn start_in(folder: tempfile::TempDir, disk: Option<SmallDisk>) -> Self {
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
            disk,
            folder,
        }
    }

    /// Whether its disk can be filled.
    pub(super) fn has_small_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Fills its disk for a while. A server that ended of it is started again, as a supervisor does.
    pub(super) async fn fill_disk(&self, time: Duration) {
        let disk = self.disk.as_ref().expect("it has one").0.clone();
        let filling = tokio::task::spawn_blocking(move || fill(&disk, time));
        if let Ok(mut connection) = PgConnection::connect(&self.url()).await {
            tokio::time::sleep(time / 4).await;
            // The next record is written to another segment, for which there is no room.
            let _ = sqlx::query("SELECT pg_switch_wal()")
                .execute(&mut connection)
                .await;
        }
        filling.await.unwrap();
        let mut tries = 0;
        while PgConnection::connect(&self.url()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            tries += 1;
            assert!(tries < 60, "PostgreSQL is back after its disk was full");
            if tries % 10 == 0 {
                self.crash().await;
            }
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
    /// Shows processes another time.
    faketime: Option<PathBuf>,
}

/// libfaketime, where this machine has it.
fn libfaketime() -> Option<PathBuf> {
    let folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
    let below = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    folders
        .iter()
        .map(PathBuf::from)
        .chain(below)
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())
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
            faketime: None,
        }
    }

    /// From now on processes have clocks of their own, where this machine has libfaketime.
    pub(super) fn own_clocks(&mut self) {
        self.faketime = libfaketime();
        if self.faketime.is_none() {
            eprintln!("SKIPPED: clocks that jump, because this machine has no libfaketime");
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
        let mut environment = self.environment.clone();
        let clock = self.faketime.as_ref().map(|library| {
            let file = self.folder.path().join(format!("{log}.clock"));
            for (name, value) in [
                ("LD_PRELOAD", library.display().to_string()),
                ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
                // Seconds until a jump is seen.
                ("FAKETIME_CACHE_DURATION", "1".to_owned()),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
                ("FAKETIME_DISABLE_SHM", "1".to_owned()),
            ] {
                environment.insert(name.to_owned(), value);
            }
            file
        });
        let mut process = Process {
            role,
            base: format!("http://{listen}"),
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            log: self.folder.path().join(log),
            environment,
            clock,
            child: None,
        };
        process.set_clock(0);
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
    /// What its clock is off by.
    clock: Option<PathBuf>,
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

    /// Whether its clock can be set.
    pub(super) fn has_own_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// Sets its clock so many seconds off.
    pub(super) fn set_clock(&self, seconds: i64) {
        if let Some(file) = &self.clock {
            // Renamed, it is never read half written.
            let written = file.with_extension("new");
            std::fs::write(&written, format!("{seconds:+}\n")).unwrap();
            std::fs::rename(written, file).unwrap();
        }
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

    /// Lets it end in good order; whether it did, all its parts within the time that it gives them. It may have ended by
    /// itself before, by a fault of the database.
    pub(super) async fn terminate(&mut self) -> bool {
        self.signal(Signal::SIGTERM);
        let Some(child) = self.child.take() else {
            return true;
        };
        let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let Ok(status) = tokio::time::timeout(PATIENCE, end(child)).await else {
            let _ = kill(process, Signal::SIGKILL);
            panic!("{} does not end: {}", self.role, self.words());
        };
        status.success()
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
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

/// Waits until something holds.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, holds: impl FnMut() -> F) {
    assert!(comes(PATIENCE, holds).await, "{what} did not come");
}

/// Whether something holds within this time.
pub(super) async fn comes<F: Future<Output = bool>>(
    within: Duration,
    mut holds: impl FnMut() -> F,
) -> bool {
    let end = Instant::now() + within;
    while !holds().await {
        if Instant::now() >= end {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}
