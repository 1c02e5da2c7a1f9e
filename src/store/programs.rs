//! PostgreSQL's own programs on this machine: where they are, and of which version.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where packages put a version beside others: the folder, and what stands before the number in the names within.
const BY_VERSION: [(&str, &str); 4] = [
    // Debian, Ubuntu and their PGDG packages
    ("/usr/lib/postgresql", ""),
    // PGDG for Fedora, RHEL and SUSE
    ("/usr", "pgsql-"),
    // Homebrew
    ("/usr/local/opt", "postgresql@"),
    ("/opt/homebrew/opt", "postgresql@"),
];

/// Where they are without a version in the name: its own build (INSTALL), packages, and Homebrew's clients alone.
const WITHOUT_VERSION: [&str; 7] = [
    "/usr/local/pgsql/bin",
    "/usr/lib/postgresql/bin",
    "/usr/pgsql/bin",
    "/usr/local/opt/postgresql/bin",
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/libpq/bin",
    "/opt/homebrew/opt/libpq/bin",
];

/// The first folder with all of these programs, `search_path` before the usual places.
pub(super) fn find(search_path: &[PathBuf], names: &[&str]) -> Option<PathBuf> {
    complete(search_path, names).next()
}

/// The first folder with all of these programs and the server of major version `wanted`; if there is none, the first with
/// all of these programs.
pub(super) fn find_version(
    search_path: &[PathBuf],
    names: &[&str],
    wanted: &str,
) -> Option<PathBuf> {
    complete(search_path, names)
        .find(|folder| major_version(folder).is_some_and(|version| version == wanted))
        .or_else(|| find(search_path, names))
}

/// The major version of the server in a folder.
pub(super) fn major_version(folder: &Path) -> Option<String> {
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    Some(digits)
}

fn complete(search_path: &[PathBuf], names: &[&str]) -> impl Iterator<Item = PathBuf> {
    search_path
        .iter()
        .cloned()
        .chain(by_pg_config())
        .chain(by_packages())
        .chain(WITHOUT_VERSION.map(PathBuf::from))
        .filter(|folder| names.iter().all(|name| folder.join(name).is_file()))
}

fn by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(folder.trim()))
}

/// The folders of packages, newest version first.
fn by_packages() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (folder, before) in BY_VERSION {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let version = name.strip_prefix(before).and_then(|rest| rest.parse().ok());
            found.extend(version.map(|version| (version, entry.path().join("bin"))));
        }
    }
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}
