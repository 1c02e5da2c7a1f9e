//! What the benchmark is asked for.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// What the benchmark is asked for.
pub(crate) struct Arguments {
    /// Articles stored.
    pub(crate) articles: u64,
    /// Entries in the backlog.
    pub(crate) backlog: u64,
    /// Requests a second.
    pub(crate) rate: u32,
    /// For so long.
    pub(crate) seconds: u32,
    /// Where the database is kept; none: it is thrown away.
    pub(crate) folder: Option<PathBuf>,
    /// Whether the database is only filled, for later runs.
    pub(crate) only_fills: bool,
}

impl Arguments {
    /// None if this is no benchmark run.
    pub(crate) fn of(words: impl Iterator<Item = String>) -> anyhow::Result<Option<Self>> {
        let mut arguments = Self {
            articles: 1_000_000,
            backlog: 3_000_000,
            rate: 50,
            seconds: 60,
            folder: None,
            only_fills: false,
        };
        let mut is_bench = false;
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} needs a value"))
            };
            match word.as_str() {
                "--bench" => is_bench = true,
                "--articles" => arguments.articles = value()?.parse()?,
                "--backlog" => arguments.backlog = value()?.parse()?,
                "--rate" => arguments.rate = value()?.parse()?,
                "--seconds" => arguments.seconds = value()?.parse()?,
                "--fill" => arguments.only_fills = true,
                "--folder" => arguments.folder = Some(value()?.into()),
                other if is_bench => bail!(
                    "{other:?} is no option; there are --articles N, --backlog N, --rate N, --seconds N, --folder PATH, --fill"
                ),
                _ => {}
            }
        }
        if arguments.only_fills && arguments.folder.is_none() {
            bail!("--fill needs a --folder to keep the database in");
        }
        Ok(is_bench.then_some(arguments))
    }
}
