//! Backups: a whole database as a file and back, by PostgreSQL's own programs.
//!
//! A backup is `pg_dump`'s custom format: compressed, consistent while the service runs, and readable by `pg_restore` of the
//! same or a newer version without wirewatch.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use thiserror::Error;
use url::Url;

use super::{PgPool, StoreError, programs};

/// What a backup needs.
const PROGRAMS: [&str; 2] = ["pg_dump", "pg_restore"];

/// Why a backup was not written, or not read back. A file that was there before is as it was.
#[derive(Debug, Error)]
pub enum DumpError {
    /// No `pg_dump` and `pg_restore` on this machine.
    #[error(
        "PostgreSQL's programs pg_dump and pg_restore were not found. Install PostgreSQL's client package (Debian, Ubuntu: \
         apt-get install postgresql-client), or put their folder on PATH"
    )]
    NoPrograms,
    /// One of them failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it said.
        message: String,
    },
    /// A restore would mix two databases.
    #[error(
        "the database is not empty ({tables} tables): a backup is restored into an empty one. Make one (createdb), or name \
         another folder with --data-dir"
    )]
    NotEmpty {
        /// Tables that are there.
        tables: i64,
    },
    /// A backup that would bring nothing back.
    #[error(
        "{path} is no backup of wirewatch: it holds none of its tables, so nothing was changed"
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to bring back.
    #[error(
        "the database holds none of wirewatch's tables, so nothing was saved; wirewatch serve makes them"
    )]
    NothingToSave,
    /// The address of the database is none.
    #[error("the address of the database is no URL")]
    Address,
    /// A file could not be read or written.
    #[error("cannot use {path}")]
    File {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the database at `url` to `file`, and reads the file's table of contents back before it takes the place of what
/// was there. Blocks. Returns the bytes written. `search_path` is looked through for the programs first.
///
/// # Errors
/// See [`DumpError`].
pub fn backup(url: &str, file: &Path, search_path: &[PathBuf]) -> Result<u64, DumpError> {
    let programs = programs::find(search_path, &PROGRAMS).ok_or(DumpError::NoPrograms)?;
    remove_stale(file);
    let half = half_written(file);
    let written = write(&programs, url, &half).and_then(|()| list(&programs, &half));
    if let Err(error) = written {
        // What is there of it is of no use.
        let _ = fs::remove_file(&half);
        return Err(match error {
            DumpError::NotOurs { .. } => DumpError::NothingToSave,
            other => other,
        });
    }
    let length = fs::metadata(&half)
        .map_err(|source| file_error(&half, source))?
        .len();
    fs::rename(&half, file).map_err(|source| file_error(file, source))?;
    Ok(length)
}

/// Beside the file, so that a rename puts it in place.
fn half_written(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    // Two backups at a time are two files until one is in place.
    name.push(format!(".{}.part", std::process::id()));
    PathBuf::from(name)
}

/// Removes what backups into the same file have left that were killed: each is as large as a backup. One that is being written
/// is locked. What cannot be removed is in nobody's way.
fn remove_stale(file: &Path) {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return;
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let is_half = |half: &str| {
        half.strip_prefix(&*name.to_string_lossy())
            .and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".part"))
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_half)
            && File::open(entry.path()).is_ok_and(|half| half.try_lock().is_ok())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn write(programs: &Path, url: &str, half: &Path) -> Result<(), DumpError> {
    let out = File::options()
        .write(true)
        .create_new(true)
        // It holds the hashes of passwords, and what the newsroom is after.
        .mode(0o600)
        .open(half)
        .map_err(|source| file_error(half, source))?;
    // Held while it is written, so that others see that somebody does.
    out.lock().map_err(|source| file_error(half, source))?;
    let mut dump = client(programs, "pg_dump", url)?;
    dump.args(["--format=custom", "--no-owner", "--no-privileges"])
        .stdin(Stdio::null())
        .stdout(out.try_clone().map_err(|source| file_error(half, source))?);
    run(dump, "pg_dump")?;
    out.sync_all().map_err(|source| file_error(half, source))
}

/// Tables that every database of wirewatch has, as a table of contents names them. Other programs have the first as well.
const OUR_TABLES: [&str; 3] = [
    " TABLE public _sqlx_migrations ",
    " TABLE public articles ",
    " TABLE public keywords ",
];

/// Reads the table of contents, which a file that was cut off has not, and looks whether our tables are in it.
fn list(programs: &Path, file: &Path) -> Result<(), DumpError> {
    let mut list = Command::new(programs.join("pg_restore"));
    list.env("LC_ALL", "C")
        .arg("--list")
        .stdin(File::open(file).map_err(|source| file_error(file, source))?)
        .stdout(Stdio::piped());
    let contents = run(list, "pg_restore")?;
    if OUR_TABLES.iter().all(|table| contents.contains(table)) {
        return Ok(());
    }
    Err(DumpError::NotOurs {
        path: file.to_owned(),
    })
}

/// How many tables the database has: a backup is restored into one without.
///
/// # Errors
/// When the database does not answer.
pub async fn tables(db: &PgPool) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public'"#
    )
    .fetch_one(db)
    .await?)
}

/// Whether `file` is a backup of wirewatch's, and whole. Blocks. `search_path` is looked through for the programs first.
///
/// # Errors
/// It is not, or it cannot be read; see [`DumpError`].
pub fn check(file: &Path, search_path: &[PathBuf]) -> Result<(), DumpError> {
    let programs = programs::find(search_path, &PROGRAMS).ok_or(DumpError::NoPrograms)?;
    list(&programs, file)
}

/// Fills the empty database at `url` from a backup, wholly or not at all. Blocks.
///
/// # Errors
/// See [`DumpError`].
pub fn restore(url: &str, file: &Path, search_path: &[PathBuf]) -> Result<(), DumpError> {
    let programs = programs::find(search_path, &PROGRAMS).ok_or(DumpError::NoPrograms)?;
    list(&programs, file)?;
    let source = File::open(file).map_err(|source| file_error(file, source))?;
    let mut restore = client(&programs, "pg_restore", url)?;
    restore
        .args([
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
        ])
        .stdin(source)
        .stdout(Stdio::null());
    run(restore, "pg_restore")?;
    Ok(())
}

/// What would lead libpq elsewhere than the address leads us, who do not read it.
const LED_ASTRAY: [&str; 2] = ["PGSERVICE", "PGSERVICEFILE"];

/// A program with the address of the database, but for the password: other accounts can read arguments.
fn client(programs: &Path, program: &str, url: &str) -> Result<Command, DumpError> {
    let mut url = Url::parse(url).map_err(|_| DumpError::Address)?;
    let mut command = Command::new(programs.join(program));
    command.env("LC_ALL", "C");
    for name in LED_ASTRAY {
        command.env_remove(name);
    }
    if url.has_host() {
        // It would go before the host that the address names.
        command.env_remove("PGHOSTADDR");
    }
    if let Some(password) = url.password() {
        let password = percent_decoded(password);
        command.env("PGPASSWORD", password);
        url.set_password(None).map_err(|()| DumpError::Address)?;
    }
    command.arg("--dbname").arg(url.as_str());
    Ok(command)
}

fn percent_decoded(text: &str) -> String {
    // In a form a plus is a space; in an address it is itself.
    let plain = text.replace('+', "%2B");
    url::form_urlencoded::parse(plain.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}

/// Runs a program and returns what it printed, if that is not led elsewhere.
fn run(mut command: Command, program: &'static str) -> Result<String, DumpError> {
    let output = command
        .stderr(Stdio::piped())
        .output()
        .map_err(|source| file_error(Path::new(program), source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(DumpError::Program {
        program,
        message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn file_error(path: &Path, source: io::Error) -> DumpError {
    DumpError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_no_argument() {
        let url = "postgres://desk:s%40+c%3Dret@db.example/wirewatch";
        let command = client(Path::new("/bin"), "pg_dump", url).unwrap();
        let arguments: Vec<_> = command
            .get_args()
            .map(|argument| argument.to_string_lossy())
            .collect();
        assert_eq!(
            arguments,
            ["--dbname", "postgres://desk@db.example/wirewatch"]
        );
        let password = command
            .get_envs()
            .find(|(name, _)| *name == "PGPASSWORD")
            .and_then(|(_, value)| value);
        assert_eq!(password.unwrap(), "s@+c=ret");
    }
}
