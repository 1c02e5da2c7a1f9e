//! One run: a fresh database and the four rounds on it, each beside the bare client's, and each checked for loss.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Stdio},
};

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    arguments::Arguments,
    commands::{Commands, check},
    database::Place,
    feeds::{Held, Server},
    meter::{self, Metered},
    plain::{PlainRound, PlainRounds, Way},
};

/// What a round cost, for all feeds together.
pub(crate) struct Round {
    pub(crate) wirewatch: Metered,
    pub(crate) postgres_cpu_s: f64,
    /// The bare client's, where there is something to ask for.
    pub(crate) plain: Option<PlainRounds>,
    /// Feeds polled.
    pub(crate) feeds: usize,
    /// Items stored.
    pub(crate) items: u64,
}

/// The rounds of a run.
pub(crate) struct Run {
    pub(crate) first: Round,
    pub(crate) unchanged: Round,
    pub(crate) changed: Round,
    pub(crate) nothing_due: Round,
}

impl Run {
    pub(crate) fn in_short(&self) -> String {
        [&self.first, &self.unchanged, &self.changed]
            .map(|round| format!("{:.0}", round.feeds_per_second()))
            .join(", ")
            + " feeds/s (first, unchanged, changed)"
    }
}

impl Round {
    /// Items that matched a keyword, as the command says.
    pub(crate) fn matched(&self) -> u64 {
        let report = &self.wirewatch.report;
        report
            .get("new_articles")
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    #[expect(clippy::cast_precision_loss, reason = "feeds are fewer than 2^52")]
    pub(crate) fn feeds_per_second(&self) -> f64 {
        self.feeds as f64 / self.wirewatch.wall_s
    }
}

/// Measures a run.
pub(crate) async fn run(
    arguments: &Arguments,
    server: &Server,
    place: &Place,
    number: usize,
) -> anyhow::Result<Run> {
    let Held { items, sample } = server.begin().await?;
    let database = place.fresh(number).await?;
    let bench = Bench {
        commands: Commands {
            arguments,
            place,
            database: &database,
        },
        feeds: server.urls.len(),
    };
    bench.commands.load(&server.urls, &sample)?;
    let mut plain = Plain::start(arguments.concurrency, &server.urls)?;
    let all = server.urls.len() as u64;

    database.settle().await?;
    let first = bench.round(Some(&mut plain), items)?;
    check(&first.wirewatch.report, ("read", all))?;
    database.check_stored(items).await?;

    database.make_all_due().await?;
    let unchanged = bench.round(Some(&mut plain), 0)?;
    check(&unchanged.wirewatch.report, ("unchanged", all))?;

    let change = server.bump().await?;
    database.make_all_due().await?;
    let changed = bench.round(Some(&mut plain), change.new_items)?;
    check(&changed.wirewatch.report, ("read", change.feeds_changed))?;
    database.check_stored(items + change.new_items).await?;

    let nothing_due = bench.round(None, 0)?;
    check(&nothing_due.wirewatch.report, ("polled", 0))?;
    Ok(Run {
        first,
        unchanged,
        changed,
        nothing_due,
    })
}

struct Bench<'a> {
    commands: Commands<'a>,
    feeds: usize,
}

impl Bench<'_> {
    fn round(&self, plain: Option<&mut Plain>, items: u64) -> anyhow::Result<Round> {
        let folder = self.commands.place.folder();
        let before = meter::postgres_cpu_seconds(folder)?;
        let wirewatch = self.commands.fetch()?;
        let postgres_cpu_s = meter::postgres_cpu_seconds(folder)? - before;
        Ok(Round {
            wirewatch,
            postgres_cpu_s,
            plain: plain.map(Plain::rounds).transpose()?,
            feeds: self.feeds,
            items,
        })
    }
}

/// The bare client's process.
struct Plain {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Plain {
    fn start(concurrency: usize, urls: &[String]) -> anyhow::Result<Self> {
        let mut process = meter::this_program(&["plain", &concurrency.to_string()])?
            .args(urls)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("no output")?;
        Ok(Self {
            process,
            output: BufReader::new(output),
        })
    }

    fn rounds(&mut self) -> anyhow::Result<PlainRounds> {
        Ok(PlainRounds {
            stream: self.round(Way::Stream)?,
            tasks: self.round(Way::Tasks)?,
        })
    }

    fn round(&mut self, way: Way) -> anyhow::Result<PlainRound> {
        let input = self.process.stdin.as_mut().context("no input")?;
        writeln!(input, "{}", serde_json::to_string(&way)?)?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).context("the bare client failed")
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It has seen the end of its input by then; an error would leave nothing to do.
        let _ = self.process.wait();
    }
}
