//! The commands as scripts meet them: exit code, standard output, standard error.

mod dialects;
mod extremes;
mod feeds;
mod language;
mod queries;
mod refusals;

use std::{fs::File, path::Path, process::Command};

use crate::binary::{finish, wirewatch};

/// What a command came to.
#[derive(Debug)]
struct Told {
    code: i32,
    out: String,
    err: String,
}

impl Told {
    /// Standard output as one JSON value.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

async fn told(command: Command) -> Told {
    let output = finish(command).await;
    Told {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `wirewatch` with these arguments.
async fn run(arguments: &[&str]) -> Told {
    told(wirewatch(arguments)).await
}

/// Runs `wirewatch` on a database.
async fn run_on(database: &str, beat: &Path, arguments: &[&str]) -> Told {
    let mut command = wirewatch(arguments);
    command
        .env("DATABASE_URL", database)
        .env("WIREWATCH_BEAT__FILE", beat);
    told(command).await
}

/// A file of the test: its path as an argument.
fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs `wirewatch` with a file as standard input.
async fn run_with_input(arguments: &[&str], input: &str) -> Told {
    let mut command = wirewatch(arguments);
    command.stdin(File::open(input).unwrap());
    told(command).await
}
