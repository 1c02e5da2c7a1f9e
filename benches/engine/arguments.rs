//! What the benchmark is asked for.

use std::{path::PathBuf, str::FromStr};

use anyhow::{Context as _, bail};

use crate::keywords::Kind;

/// Of a thousand terms of a rare set, those that occur in the articles.
const RARE: usize = 20;

/// Options after `--`.
pub(crate) struct Arguments {
    /// Articles to read; without it they are invented.
    pub(crate) articles: Option<PathBuf>,
    /// How many articles.
    pub(crate) count: usize,
    /// Runs, of which the median is shown.
    pub(crate) runs: usize,
    /// How many keywords, one engine for each.
    pub(crate) keywords: Vec<usize>,
    /// Which sets.
    pub(crate) kinds: Vec<Kind>,
}

impl Arguments {
    pub(crate) fn of(words: &[String]) -> anyhow::Result<Self> {
        let mut arguments = Self {
            articles: None,
            count: 20_000,
            runs: 5,
            keywords: vec![100, 1_000, 10_000, 100_000],
            kinds: vec![Kind::Dense, Kind::Rare(RARE)],
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bench" => {}
                "--articles" => arguments.articles = words.next().map(PathBuf::from),
                "--count" => arguments.count = number(words.next())?,
                "--runs" => arguments.runs = number(words.next())?,
                "--keywords" => {
                    let list = words.next().context("a list of numbers is missing")?;
                    arguments.keywords = list.split(',').map(read).collect::<Result<_, _>>()?;
                }
                "--dense" => arguments.kinds = vec![Kind::Dense],
                "--rare" => arguments.kinds = vec![Kind::Rare(RARE)],
                "--permille" => arguments.kinds = vec![Kind::Rare(number(words.next())?)],
                other => bail!(
                    "{other:?} is no option; there are --articles FILE, --count N, --runs N, --keywords N,N,…, --dense, \
                     --rare, --permille N"
                ),
            }
        }
        Ok(arguments)
    }
}

fn number(word: Option<&String>) -> anyhow::Result<usize> {
    read(word.context("a number is missing")?)
}

fn read(word: &str) -> anyhow::Result<usize> {
    let number = usize::from_str(word).with_context(|| format!("{word:?} is no number"))?;
    anyhow::ensure!(number > 0, "0 is too few");
    Ok(number)
}
