//! The real binary as a child process.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use wirewatch::domain::Beat;

/// A beat file in a folder of the test.
pub(crate) fn beat_file(folder: &Path, beat: &Beat) -> PathBuf {
    let path = folder.join("beat.toml");
    std::fs::write(&path, toml::to_string(beat).unwrap()).unwrap();
    path
}

/// `wirewatch` with an environment of its own: nothing of the tester's settings, or of a service on this machine, reaches it.
pub(crate) fn wirewatch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirewatch"));
    for (name, _) in std::env::vars() {
        if name.starts_with("WIREWATCH_") || name == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .env("WIREWATCH_ENV_FILE", "")
        .env("WIREWATCH_FETCH__ALLOW_NETWORKS", "[\"127.0.0.0/8\"]")
        .env("WIREWATCH_POLL__PER_HOST", "32")
        .stdin(Stdio::null());
    command
}

/// Runs to the end, off the threads that serve the test.
pub(crate) async fn finish(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// Waits for the end of a child.
pub(crate) async fn end(mut child: Child) -> std::process::ExitStatus {
    tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap()
}

/// A number that differs from run to run, below `below`.
pub(crate) fn any_below(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}
