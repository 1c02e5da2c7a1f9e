//! What this process is asked to do: the benchmark itself, or one of the parts that run beside it.

use anyhow::{Context as _, bail};

/// What the benchmark is asked for.
pub(crate) struct Arguments {
    /// Feeds, when they are served by the benchmark itself.
    pub(crate) feeds: u64,
    /// Keywords: those of the default beat and, up to so many, invented ones.
    pub(crate) keywords: usize,
    /// Runs, of which the median is shown.
    pub(crate) runs: usize,
    /// Feeds polled at a time, by wirewatch and by the bare client.
    pub(crate) concurrency: usize,
    /// Whether the way of news to an open page is measured instead, and how.
    pub(crate) lag: Option<Lag>,
    /// Another server of feeds.
    pub(crate) feeds_from: Option<String>,
}

/// How the way of news to an open page is measured.
pub(crate) struct Lag {
    /// Items measured.
    pub(crate) items: u32,
    /// Items that feeds gain in a second.
    pub(crate) rate: u32,
    /// Seconds between two polls of a feed.
    pub(crate) every: u32,
}

/// The part of this process.
pub(crate) enum Part {
    Bench(Arguments),
    Serve {
        feeds: u64,
    },
    Plain {
        concurrency: usize,
        urls: Vec<String>,
    },
    Meter {
        program: String,
        arguments: Vec<String>,
    },
    /// `cargo test --all-targets` starts benchmarks, too, without `--bench`: not to measure.
    Nothing,
}

impl Part {
    pub(crate) fn of(mut arguments: Vec<String>) -> anyhow::Result<Self> {
        let first = arguments.first().cloned().unwrap_or_default();
        Ok(match first.as_str() {
            "serve" => Self::Serve {
                feeds: number(arguments.get(1))?,
            },
            "plain" => Self::Plain {
                concurrency: usize::try_from(number(arguments.get(1))?)?,
                urls: arguments.split_off(2),
            },
            "meter" => Self::Meter {
                program: arguments.get(1).context("meter what?")?.clone(),
                arguments: arguments.split_off(2),
            },
            _ if !arguments.iter().any(|argument| argument == "--bench") => Self::Nothing,
            _ => Self::Bench(Arguments::of(&arguments)?),
        })
    }
}

impl Arguments {
    fn of(words: &[String]) -> anyhow::Result<Self> {
        let mut arguments = Self {
            feeds: 1_000,
            keywords: 1_000,
            runs: 5,
            concurrency: 64,
            lag: None,
            feeds_from: None,
        };
        let (mut is_lag, mut lag) = (
            false,
            Lag {
                items: 1_200,
                rate: 20,
                every: 10,
            },
        );
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bench" => {}
                "--feeds" => arguments.feeds = number(words.next())?,
                "--keywords" => arguments.keywords = usize::try_from(number(words.next())?)?,
                "--runs" => arguments.runs = usize::try_from(number(words.next())?)?,
                "--concurrency" => arguments.concurrency = usize::try_from(number(words.next())?)?,
                "--lag" => is_lag = true,
                "--items" => lag.items = u32::try_from(number(words.next())?)?,
                "--rate" => lag.rate = u32::try_from(number(words.next())?)?,
                "--every" => lag.every = u32::try_from(number(words.next())?)?,
                "--feeds-from" => arguments.feeds_from = words.next().cloned(),
                other => bail!(
                    "{other:?} is no option; there are --feeds N, --keywords N, --runs N, --concurrency N, --feeds-from URL, \
                     and with --lag --items N, --rate N, --every SECONDS"
                ),
            }
        }
        arguments.lag = is_lag.then_some(lag);
        Ok(arguments)
    }
}

fn number(word: Option<&String>) -> anyhow::Result<u64> {
    let word = word.context("a number is missing")?;
    let number = word
        .parse()
        .with_context(|| format!("{word:?} is no number"))?;
    anyhow::ensure!(number > 0, "0 is too few");
    Ok(number)
}
