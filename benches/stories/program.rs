//! The built program, asked as any script would ask it.

use std::{io::Write as _, process::Command};

use anyhow::Context as _;
use serde_json::Value;

use crate::sets::{Labelled, LabelledPair};

/// The story of each report, from `wirewatch story cluster`.
pub(crate) fn cluster(set: &[Labelled]) -> anyhow::Result<Vec<i64>> {
    let rows = set.iter().map(|labelled| labelled.report.clone());
    ask("cluster", rows)?
        .iter()
        .map(|answer| answer["story"].as_i64().context("a report without a story"))
        .collect()
}

/// The verdict on each pair, from `wirewatch story compare`: the verdict and the likeness behind it.
pub(crate) fn compare(set: &[LabelledPair]) -> anyhow::Result<Vec<(String, f64)>> {
    let answers = ask("compare", set.iter().map(|labelled| labelled.pair.clone()))?;
    Ok(answers
        .iter()
        .map(|answer| {
            let verdict = answer["verdict"].as_str().unwrap_or_default().to_owned();
            let likeness = if verdict == "copy" {
                1.0
            } else {
                answer["reason"]["best"].as_f64().unwrap_or_default()
            };
            (verdict, likeness)
        })
        .collect())
}

fn ask(command: &str, rows: impl Iterator<Item = Value>) -> anyhow::Result<Vec<Value>> {
    let mut file = tempfile::NamedTempFile::new()?;
    for row in rows {
        writeln!(file, "{row}")?;
    }
    file.flush()?;
    let output = Command::new(env!("CARGO_BIN_EXE_wirewatch"))
        .args(["story", command, "--json", "--jsonl"])
        .arg(file.path())
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)?
        .lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}
