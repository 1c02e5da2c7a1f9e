//! Grouping, measured: against labelled sets beside four baselines, and for speed and memory.
//!
//! `WIREWATCH_CORPORA=FOLDER cargo bench --bench stories` runs the built `wirewatch story cluster` and `story compare` on
//! the labelled sets in FOLDER/texts/clusters and scores them with the baselines in the same run. `-- --speed` measures
//! placing instead: articles a second on one core, time per article at a window of 10,000 and 100,000, and memory.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "counts of reports are small"
)]

mod baselines;
mod labelled;
mod program;
mod sets;
mod speed;

use std::{env, path::PathBuf};

use anyhow::Context as _;

#[expect(
    clippy::disallowed_methods,
    reason = "the folder of the labelled sets is no setting of the service"
)]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // `cargo test --all-targets` starts benchmarks, too, without `--bench`: not to measure.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    if arguments.iter().any(|argument| argument == "--speed") {
        return speed::run();
    }
    let folder = env::var_os("WIREWATCH_CORPORA")
        .context("WIREWATCH_CORPORA names no folder with labelled sets (texts/clusters)")?;
    labelled::run(&PathBuf::from(folder).join("texts/clusters"))
}
