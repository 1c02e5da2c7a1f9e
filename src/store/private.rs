//! The private PostgreSQL: a server of the system's own binaries under the data folder, for who has no server.
//!
//! The server is an ordinary one, started by `pg_ctl` and reached through a Unix socket. Two lock files make it safe to
//! share: `start.lock` is held while somebody starts or stops it, `users.lock` is held (shared) by every wirewatch that
//! uses it; the last one to leave stops it. A wirewatch that was killed leaves the server running: the next one finds
//! and uses it, for PostgreSQL itself refuses a second server on the same data.

mod orphan;

use std::{
    fs::{self, File},
    io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown},
        net::UnixStream,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use nix::unistd::{Gid, Uid, User};
use thiserror::Error;

use super::{programs, schema::LEAST_SERVER};

/// What a server needs.
const SERVER_PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// The account that runs the server where wirewatch runs as root: PostgreSQL refuses to.
const SERVER_ACCOUNT: &str = "postgres";

/// The port of the server, which is a part of its socket's name and no more: said wherever it is needed, or `PGPORT` of
/// whoever starts it would decide.
const PORT: &str = "5432";

/// The name of the socket (`UNIXSOCK_PATH` of PostgreSQL's pqcomm.h).
const SOCKET: &str = ".s.PGSQL.5432";

/// A Unix socket's path may have 107 bytes (`sun_path`, unix(7)); PostgreSQL adds its name to the folder's.
const MAX_SOCKET_FOLDER: usize = 107 - "/".len() - SOCKET.len();

/// What PostgreSQL's programs, the server among them, take from the environment (libpq, "Environment Variables"): meant for
/// another server than ours.
const FOREIGN: [&str; 12] = [
    "PGDATA",
    "PGPORT",
    "PGHOST",
    "PGHOSTADDR",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGSERVICE",
    "PGSSLMODE",
    "PGOPTIONS",
    "PGCLIENTENCODING",
    "PGTZ",
];

/// How often, and how long each time, the last processes of a killed server are waited for.
const ORPHAN_WAITS: u32 = 40;
const ORPHAN_WAIT: Duration = Duration::from_millis(500);

/// Why there is no private server.
#[derive(Debug, Error)]
pub enum PrivateServerError {
    /// No `postgres`, `initdb` and `pg_ctl` on this machine.
    #[error(
        "PostgreSQL's server programs were not found (looked on PATH, at `pg_config --bindir` and under \
         /usr/lib/postgresql). Ways out: install them (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install \
         postgresql-server), or start the compose file (docker compose up), or name a server of your own in DATABASE_URL"
    )]
    NoPrograms,
    /// Running as root on a machine without the account.
    #[error(
        "PostgreSQL refuses to run as root and there is no account {SERVER_ACCOUNT:?} to run it as. Ways out: install \
         the distribution's postgresql package, which makes the account, or run wirewatch as an ordinary user, or name a \
         server of your own in DATABASE_URL"
    )]
    NoAccount,
    /// The account cannot enter the data folder.
    #[error(
        "the account {SERVER_ACCOUNT:?} cannot enter {folder}: choose another data folder with --data-dir (for example \
         /var/lib/wirewatch), or name a server of your own in DATABASE_URL"
    )]
    Unreachable {
        /// The folder on the way that it cannot enter.
        folder: PathBuf,
    },
    /// Programs that lack what wirewatch uses.
    #[error(
        "the programs of PostgreSQL in {folder} are version {found}, and wirewatch needs {LEAST_SERVER} or newer: install a newer \
         one (https://www.postgresql.org/download/ has packages for older systems), or name a server of your own in DATABASE_URL"
    )]
    OldPrograms {
        /// Where they are.
        folder: PathBuf,
        /// Their major version.
        found: u32,
    },
    /// A folder of another account.
    #[error(
        "{folder} belongs to the account {owner}: run this as it (sudo -u '{owner}' wirewatch …), or choose another data folder \
         with --data-dir"
    )]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// Its owner.
        owner: String,
    },
    /// Data written by another major version of PostgreSQL.
    #[error(
        "the data in {folder} was written by PostgreSQL {found}, but the programs found are version {programs}. Ways \
         out: install PostgreSQL {found} beside it, or move the data with pg_upgrade"
    )]
    OtherVersion {
        /// The data folder.
        folder: PathBuf,
        /// Its major version.
        found: String,
        /// The programs' major version.
        programs: String,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it said.
        message: String,
    },
    /// A file or folder could not be read or made.
    #[error("cannot use {path}")]
    File {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A private server in use by this process.
#[derive(Debug)]
pub struct PrivateServer {
    programs: PathBuf,
    account: Option<User>,
    folder: PathBuf,
    socket: PathBuf,
    users: File,
    /// Set when this process has left the server, under the lock of who starts and stops it.
    is_left: AtomicBool,
    durability: Durability,
}

/// Where a private server lives.
#[derive(Debug, Clone)]
pub struct PrivateServerOptions {
    /// The data folder of wirewatch; the server lives in `postgres` below it.
    pub data_dir: PathBuf,
    /// Folders to look for PostgreSQL's programs in before the usual places: `PATH`.
    pub search_path: Vec<PathBuf>,
    /// How much it cares for the data.
    pub durability: Durability,
}

/// How much the server cares for the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Everything: what was committed survives a power cut.
    Kept,
    /// Nothing: a throw-away server for the demo and for tests, faster by not waiting for the disk.
    ThrownAway,
}

/// Whether the private server of a data folder has a database yet.
#[must_use]
pub fn has_database(data_dir: &Path) -> bool {
    version_file(data_dir).exists()
}

/// The file in which PostgreSQL says which major version of it writes the data.
fn version_file(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres/data/PG_VERSION")
}

impl PrivateServer {
    /// Starts the server under `data_dir`, or joins the one that runs there. Blocks for some seconds at the first start.
    ///
    /// # Errors
    /// See [`PrivateServerError`]; each says what to do.
    pub fn start(options: &PrivateServerOptions) -> Result<Self, PrivateServerError> {
        let (data_dir, durability) = (options.data_dir.as_path(), options.durability);
        let programs = programs_for(options).ok_or(PrivateServerError::NoPrograms)?;
        check_programs(&programs)?;
        let account = server_account()?;
        make_folder(data_dir)?;
        if account.is_some() {
            check_ours(data_dir, account.as_ref())?;
        }
        let data_dir = data_dir
            .canonicalize()
            .map_err(|source| file_error(data_dir, source))?;
        check_reach(&data_dir, account.as_ref())?;
        let _starting = hold_start_lock(&data_dir)?;
        // Not before the lock: the last user of a throw-away server removes this folder under it.
        let folder = data_dir.join("postgres");
        make_owned(&folder, account.as_ref())?;
        let server = Self {
            socket: socket_folder(&folder, account.as_ref())?,
            users: lock_file(&data_dir, "users.lock")?,
            programs,
            account,
            folder,
            is_left: AtomicBool::new(false),
            durability,
        };
        if durability == Durability::ThrownAway && !server.is_running()? {
            server.throw_away()?;
        }
        server.initialise()?;
        server.check_version()?;
        if !server.is_running()? {
            server.launch()?;
        }
        server
            .users
            .lock_shared()
            .map_err(|source| file_error(&data_dir, source))?;
        Ok(server)
    }

    /// The address of database `name` on this server.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        let folder: String =
            url::form_urlencoded::byte_serialize(self.socket.as_os_str().as_encoded_bytes())
                .collect();
        format!(
            "postgres://wirewatch@localhost:{PORT}/{name}?host={}&sslmode=disable",
            folder.replace('+', "%20")
        )
    }

    /// Leaves the server; stops it if nobody else uses it. Blocks until it has stopped.
    ///
    /// # Errors
    /// `pg_ctl` failed; the server may still run, and the next start will join it.
    pub fn stop(&self) -> Result<(), PrivateServerError> {
        let _starting = hold_start_lock(self.data_dir())?;
        self.is_left.store(true, Ordering::Release);
        self.users
            .unlock()
            .map_err(|source| file_error(self.data_dir(), source))?;
        if self.users.try_lock().is_err() {
            return Ok(());
        }
        // Of one that died there is nothing to stop, and pg_ctl would wait for its process to go.
        if self.is_running()? {
            let mode = match self.durability {
                Durability::Kept => "fast",
                Durability::ThrownAway => "immediate",
            };
            self.run("pg_ctl", |command| {
                command
                    .arg("stop")
                    .args(["-m", mode, "-t", "30", "-w", "-D"])
                    .arg(self.cluster());
            })?;
        }
        if !self.socket.starts_with(&self.folder) {
            // A short folder elsewhere is made anew at the next start; if it stays it does no harm.
            let _ = fs::remove_dir(&self.socket);
        }
        if self.durability == Durability::ThrownAway {
            fs::remove_dir_all(&self.folder).map_err(|source| file_error(&self.folder, source))?;
        }
        Ok(())
    }

    /// Whether somebody listens at the server's socket.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        UnixStream::connect(self.socket.join(SOCKET)).is_ok()
    }

    /// Starts the server again where it has died, and says whether it had; leaves alone one that runs, whoever started it,
    /// and one that this process has left. Blocks until what was committed is there again.
    ///
    /// # Errors
    /// `pg_ctl` failed; the message has the end of the server's log.
    pub fn revive(&self) -> Result<bool, PrivateServerError> {
        let _starting = hold_start_lock(self.data_dir())?;
        if self.is_left.load(Ordering::Acquire) || self.is_running()? {
            return Ok(false);
        }
        self.launch()?;
        Ok(true)
    }

    /// The folder of PostgreSQL's programs in use.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// The folder with the server's log, for messages.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// The data folder of wirewatch, in which the server's folder lies.
    fn data_dir(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    fn cluster(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Removes what a throw-away server that was killed has left: it never waited for the disk, so it may be broken.
    fn throw_away(&self) -> Result<(), PrivateServerError> {
        let cluster = self.cluster();
        if !cluster.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&cluster).map_err(|source| file_error(&cluster, source))
    }

    fn initialise(&self) -> Result<(), PrivateServerError> {
        if has_database(self.data_dir()) {
            return Ok(());
        }
        // A start that was killed half-way leaves a folder that initdb refuses. It holds nothing yet: data counts from
        // the moment of the rename below.
        let half = self.folder.join("data.new");
        if half.exists() {
            fs::remove_dir_all(&half).map_err(|source| file_error(&half, source))?;
        }
        self.run("initdb", |command| {
            command
                .args([
                    "--encoding=UTF8",
                    "--locale=C",
                    "--auth=trust",
                    "--username=wirewatch",
                ])
                .arg("--pgdata")
                .arg(&half);
            if self.durability == Durability::ThrownAway {
                command.arg("--no-sync");
            }
        })?;
        fs::rename(&half, self.cluster()).map_err(|source| file_error(&half, source))
    }

    fn check_version(&self) -> Result<(), PrivateServerError> {
        let path = version_file(self.data_dir());
        let found = fs::read_to_string(&path).map_err(|source| file_error(&path, source))?;
        let found = found.trim().to_owned();
        let programs = programs::major_version(&self.programs).unwrap_or_else(|| found.clone());
        if found == programs {
            return Ok(());
        }
        Err(PrivateServerError::OtherVersion {
            folder: self.cluster(),
            found,
            programs,
        })
    }

    /// Whether a server answers at the socket. `pg_ctl status` alone would take a dead process that nobody has waited for
    /// (a container without an init leaves such) for a server.
    fn is_running(&self) -> Result<bool, PrivateServerError> {
        let output = self.command("pg_ctl", |command| {
            command.arg("status").arg("-D").arg(self.cluster());
        })?;
        Ok(output.status.success() && self.is_listening())
    }

    /// Starts the server. The processes of one that was killed need a moment to notice, and PostgreSQL refuses to start
    /// beside them: that moment is waited for.
    fn launch(&self) -> Result<(), PrivateServerError> {
        for _ in 0..ORPHAN_WAITS {
            if let Some(pid_file) = orphan::PidFile::of_the_dead(&self.cluster()) {
                if pid_file.is_memory_in_use() {
                    thread::sleep(ORPHAN_WAIT);
                    continue;
                }
                pid_file.remove(&self.socket)?;
            }
            match self.try_launch() {
                Err(PrivateServerError::Program { message, .. })
                    if message.contains("is still in use") =>
                {
                    thread::sleep(ORPHAN_WAIT);
                }
                launched => return launched,
            }
        }
        self.try_launch()
    }

    fn try_launch(&self) -> Result<(), PrivateServerError> {
        let socket = self.socket.display();
        // Access is by the socket alone, in a folder that only the owner may enter. Spaces cannot occur in the options:
        // pg_ctl hands them to a shell, so the folder's name is quoted.
        let mut options = format!(
            "-c port={PORT} -c listen_addresses='' -c unix_socket_directories='{socket}' -c unix_socket_permissions=0700 \
             -c max_connections=100 -c shared_buffers=128MB -c log_timezone=UTC -c timezone=UTC"
        );
        if self.durability == Durability::ThrownAway {
            options.push_str(" -c fsync=off -c synchronous_commit=off -c full_page_writes=off");
        }
        self.run("pg_ctl", |command| {
            command
                .args(["start", "-w", "-s", "-t", "600"])
                .arg("-l")
                .arg(self.log_path())
                .arg("-o")
                .arg(options)
                .arg("-D")
                .arg(self.cluster());
        })
        .map_err(|error| self.with_log(error))
    }

    /// `pg_ctl` says only "could not start server": the reason stands at the end of the server's log.
    fn with_log(&self, error: PrivateServerError) -> PrivateServerError {
        let PrivateServerError::Program { program, message } = error else {
            return error;
        };
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let mut tail: Vec<&str> = log.lines().rev().take(5).collect();
        tail.reverse();
        PrivateServerError::Program {
            program,
            message: format!("{message}; the log ends with: {}", tail.join(" / ")),
        }
    }

    fn run(
        &self,
        program: &'static str,
        arguments: impl FnOnce(&mut Command),
    ) -> Result<(), PrivateServerError> {
        let output = self.command(program, arguments)?;
        if output.status.success() {
            return Ok(());
        }
        let mut message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if message.is_empty() {
            String::from_utf8_lossy(&output.stdout)
                .trim()
                .clone_into(&mut message);
        }
        Err(PrivateServerError::Program { program, message })
    }

    fn command(
        &self,
        program: &'static str,
        arguments: impl FnOnce(&mut Command),
    ) -> Result<Output, PrivateServerError> {
        let path = self.programs.join(program);
        let mut command = Command::new(&path);
        command
            .current_dir(&self.folder)
            .env("LC_ALL", "C")
            .stdin(std::process::Stdio::null());
        for name in FOREIGN {
            command.env_remove(name);
        }
        // A group of its own: Ctrl-C in the terminal is for wirewatch, which then stops the server in good order.
        command.process_group(0);
        if let Some(account) = &self.account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
        }
        arguments(&mut command);
        // The server inherits the descriptors of pg_ctl: with pipes, waiting for their end would wait for the server's.
        let (out, err) = (
            temporary_file(self.data_dir())?,
            temporary_file(self.data_dir())?,
        );
        let status = command
            .stdout(
                out.try_clone()
                    .map_err(|source| file_error(&path, source))?,
            )
            .stderr(
                err.try_clone()
                    .map_err(|source| file_error(&path, source))?,
            )
            .status()
            .map_err(|source| file_error(&path, source))?;
        Ok(Output {
            status,
            stdout: read_back(out),
            stderr: read_back(err),
        })
    }
}

/// A file for a program's output, in a folder of ours; its name is taken away at once.
fn temporary_file(folder: &Path) -> Result<File, PrivateServerError> {
    let path = folder.join(format!("output-{}", std::process::id()));
    // One may be left of a process of the same number that was killed here.
    let _ = fs::remove_file(&path);
    let file = File::options()
        .create_new(true)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|source| file_error(&path, source))?;
    fs::remove_file(&path).map_err(|source| file_error(&path, source))?;
    Ok(file)
}

fn read_back(mut file: File) -> Vec<u8> {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    if file.rewind().is_ok() {
        // What cannot be read back is lost only for a message.
        let _ = file.read_to_end(&mut bytes);
    }
    bytes
}

fn file_error(path: &Path, source: io::Error) -> PrivateServerError {
    PrivateServerError::File {
        path: path.to_owned(),
        source,
    }
}

/// The programs of the version that wrote the data, if there are data: a newer one installed beside them is no reason to stop.
fn programs_for(options: &PrivateServerOptions) -> Option<PathBuf> {
    match fs::read_to_string(version_file(&options.data_dir)) {
        Ok(version) => {
            programs::find_version(&options.search_path, &SERVER_PROGRAMS, version.trim())
        }
        Err(_) => programs::find(&options.search_path, &SERVER_PROGRAMS),
    }
}

/// Refuses programs that are too old before they make a database that would be refused after.
fn check_programs(programs: &Path) -> Result<(), PrivateServerError> {
    let found = programs::major_version(programs).and_then(|version| version.parse().ok());
    match found {
        Some(found) if found < LEAST_SERVER => Err(PrivateServerError::OldPrograms {
            folder: programs.to_owned(),
            found,
        }),
        _ => Ok(()),
    }
}

fn server_account() -> Result<Option<User>, PrivateServerError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    match User::from_name(SERVER_ACCOUNT) {
        Ok(Some(user)) => Ok(Some(user)),
        _ => Err(PrivateServerError::NoAccount),
    }
}

fn make_folder(folder: &Path) -> Result<(), PrivateServerError> {
    fs::create_dir_all(folder).map_err(|source| file_error(folder, source))
}

/// Makes a folder that only its owner may enter. One that is there must be a folder of ours: in a place that others may
/// write to, a link would hand them whatever it leads to.
fn make_owned(folder: &Path, account: Option<&User>) -> Result<(), PrivateServerError> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_ours(folder, account)?,
        Err(source) => return Err(file_error(folder, source)),
    }
    if let Some(user) = account {
        let ids = (Some(user.uid.as_raw()), Some(user.gid.as_raw()));
        lchown(folder, ids.0, ids.1).map_err(|source| file_error(folder, source))?;
    }
    Ok(())
}

/// Refuses what is no folder, or belongs to neither this account nor the server's.
fn check_ours(folder: &Path, account: Option<&User>) -> Result<(), PrivateServerError> {
    let facts = fs::symlink_metadata(folder).map_err(|source| file_error(folder, source))?;
    let owner = Uid::from_raw(facts.uid());
    let is_ours = owner == Uid::effective() || account.is_some_and(|user| owner == user.uid);
    if !facts.is_dir() {
        return Err(file_error(folder, io::Error::other("it is no folder")));
    }
    if is_ours {
        return Ok(());
    }
    let account = User::from_uid(owner).ok().flatten();
    Err(PrivateServerError::NotOurs {
        folder: folder.to_owned(),
        owner: account.map_or_else(|| format!("#{owner}"), |account| account.name),
    })
}

/// Finds the first folder on the way to `folder` that the account may not enter.
fn check_reach(folder: &Path, account: Option<&User>) -> Result<(), PrivateServerError> {
    let Some(user) = account else {
        return Ok(());
    };
    for step in folder.ancestors() {
        let facts = fs::metadata(step).map_err(|source| file_error(step, source))?;
        let mode = facts.permissions().mode();
        let may_enter = if Uid::from_raw(facts.uid()) == user.uid {
            mode & 0o100
        } else if Gid::from_raw(facts.gid()) == user.gid {
            mode & 0o010
        } else {
            mode & 0o001
        };
        if may_enter == 0 {
            return Err(PrivateServerError::Unreachable {
                folder: step.to_owned(),
            });
        }
    }
    Ok(())
}

/// The folder for the socket: beside the data, or, where that path is too long, a short one made from it.
fn socket_folder(folder: &Path, account: Option<&User>) -> Result<PathBuf, PrivateServerError> {
    let beside = folder.join("socket");
    let is_plain = |path: &Path| {
        !path
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .any(|b| b"'\\\",$` \t\n".contains(b))
    };
    if beside.as_os_str().len() <= MAX_SOCKET_FOLDER && is_plain(&beside) {
        make_owned(&beside, account)?;
        return Ok(beside);
    }
    let facts = fs::metadata(folder).map_err(|source| file_error(folder, source))?;
    let short = PathBuf::from(format!(
        "/tmp/wirewatch-{:x}-{:x}",
        facts.dev(),
        facts.ino()
    ));
    make_owned(&short, account)?;
    Ok(short)
}

fn lock_file(data_dir: &Path, name: &str) -> Result<File, PrivateServerError> {
    let path = data_dir.join(name);
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| file_error(&path, source))
}

/// Holds the lock of who starts or stops the server, until the file is dropped.
fn hold_start_lock(data_dir: &Path) -> Result<File, PrivateServerError> {
    let starting = lock_file(data_dir, "start.lock")?;
    starting
        .lock()
        .map_err(|source| file_error(data_dir, source))?;
    Ok(starting)
}
