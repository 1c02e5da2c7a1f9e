//! One run: a fresh database and the four rounds on it, each beside the bare client's, and each checked for loss.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Stdio},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use wirewatch::{
    app,
    domain::{BeatFeed, BeatSource, Tier},
};

use crate::{
    arguments::Arguments,
    articles,
    database::{Database, Place},
    feeds::{Held, Server},
    meter::{self, Metered},
    plain::PlainRound,
};

/// The binary under measurement: the one that Cargo built for this benchmark.
const WIREWATCH: &str = env!("CARGO_BIN_EXE_wirewatch");

/// What a round cost, for all feeds together.
pub(crate) struct Round {
    pub(crate) wirewatch: Metered,
    pub(crate) postgres_cpu_s: f64,
    /// The bare client's, where there is something to ask for.
    pub(crate) plain: Option<PlainRound>,
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
        arguments,
        place,
        database: &database,
        feeds: server.urls.len(),
    };
    bench.load(&server.urls, &sample)?;
    let mut plain = Plain::start(arguments.concurrency, &server.urls)?;
    let all = server.urls.len() as u64;

    database.settle().await?;
    let first = bench.round(Some(&mut plain), items)?;
    check(&first, ("read", all))?;
    check_stored(&database, items).await?;

    database.make_all_due().await?;
    let unchanged = bench.round(Some(&mut plain), 0)?;
    check(&unchanged, ("unchanged", all))?;

    let change = server.bump().await?;
    database.make_all_due().await?;
    let changed = bench.round(Some(&mut plain), change.new_items)?;
    check(&changed, ("read", change.feeds_changed))?;
    check_stored(&database, items + change.new_items).await?;

    let nothing_due = bench.round(None, 0)?;
    check(&nothing_due, ("polled", 0))?;
    Ok(Run {
        first,
        unchanged,
        changed,
        nothing_due,
    })
}

/// The command's own report.
fn check(round: &Round, (what, expected): (&str, u64)) -> anyhow::Result<()> {
    let report = &round.wirewatch.report;
    let said = |what: &str| report.get(what).and_then(Value::as_u64);
    ensure!(said("failed") == Some(0), "feeds failed: {report}");
    ensure!(
        said(what) == Some(expected),
        "{expected} {what} were expected: {report}"
    );
    Ok(())
}

/// Nothing may be lost, and nothing stored twice.
async fn check_stored(database: &Database, expected: u64) -> anyhow::Result<()> {
    let stored = database.stored().await?;
    ensure!(
        u64::try_from(stored.articles + stored.backlog) == Ok(expected),
        "{expected} items were served, {stored:?} were stored"
    );
    ensure!(
        stored.articles > 0,
        "no item matched a keyword: matching was not measured"
    );
    Ok(())
}

struct Bench<'a> {
    arguments: &'a Arguments,
    place: &'a Place,
    database: &'a Database,
    feeds: usize,
}

impl Bench<'_> {
    /// Loads the keywords of the default beat and as many invented ones as are missing, and these feeds in place of its
    /// own.
    fn load(&self, urls: &[String], sample: &[String]) -> anyhow::Result<()> {
        let mut beat = app::read_beat(app::BUILT_IN_BEAT)?;
        let missing = self.arguments.keywords.saturating_sub(beat.keywords.len());
        beat.keywords.extend(articles::keywords(sample, missing));
        beat.sources = urls
            .iter()
            .enumerate()
            .map(|(number, url)| source(number, url))
            .collect::<anyhow::Result<_>>()?;
        let file = self.place.folder().join("beat.toml");
        fs::write(&file, toml::to_string(&beat)?)?;
        let file = file.display().to_string();
        self.wirewatch(&["beat", "import", &file, "--json"])?;
        Ok(())
    }

    fn round(&self, plain: Option<&mut Plain>, items: u64) -> anyhow::Result<Round> {
        let before = meter::postgres_cpu_seconds(self.place.folder())?;
        let wirewatch = self.wirewatch(&["fetch", "--once", "--json"])?;
        let postgres_cpu_s = meter::postgres_cpu_seconds(self.place.folder())? - before;
        Ok(Round {
            wirewatch,
            postgres_cpu_s,
            plain: plain.map(Plain::round).transpose()?,
            feeds: self.feeds,
            items,
        })
    }

    fn wirewatch(&self, arguments: &[&str]) -> anyhow::Result<Metered> {
        let output = meter::this_program(&["meter", WIREWATCH])?
            .args(arguments)
            .env("DATABASE_URL", &self.database.url)
            .env("WIREWATCH_FETCH__ALLOW_NETWORKS", r#"["127.0.0.0/8"]"#)
            .env("WIREWATCH_POLL__PER_HOST", "1000000")
            .env(
                "WIREWATCH_POLL__CONCURRENCY",
                self.arguments.concurrency.to_string(),
            )
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "wirewatch {arguments:?} failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn source(number: usize, url: &str) -> anyhow::Result<BeatSource> {
    Ok(BeatSource {
        slug: format!("news-{number}"),
        name: format!("News {number}"),
        domain: format!("news-{number}.example"),
        country: None,
        language: None,
        tier: Tier::Press,
        tags: Vec::new(),
        note: String::new(),
        feeds: vec![BeatFeed {
            url: url.parse()?,
            title: None,
            language: None,
            list: None,
            category: String::new(),
            paused: false,
            note: String::new(),
        }],
    })
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

    fn round(&mut self) -> anyhow::Result<PlainRound> {
        let input = self.process.stdin.as_mut().context("no input")?;
        input.write_all(b"\n")?;
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
