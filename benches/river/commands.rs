//! What wirewatch is told to do on a database of the benchmark, and with which settings.

use std::{fs, process::Stdio};

use anyhow::ensure;
use serde_json::Value;
use wirewatch::{
    app,
    domain::{BeatFeed, BeatSource, Tier},
};

use crate::{
    arguments::Arguments,
    articles,
    database::{Database, Place},
    meter::{self, Metered},
};

/// The binary under measurement: the one that Cargo built for this benchmark.
const WIREWATCH: &str = env!("CARGO_BIN_EXE_wirewatch");

/// Commands on a database.
pub(crate) struct Commands<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) place: &'a Place,
    pub(crate) database: &'a Database,
}

impl Commands<'_> {
    /// Loads the keywords of the default beat and as many invented ones as are missing, and these feeds in place of its
    /// own.
    pub(crate) fn load(&self, urls: &[String], sample: &[String]) -> anyhow::Result<()> {
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
        self.run(&["beat", "import", &file, "--json"])?;
        Ok(())
    }

    /// Polls all that is due.
    pub(crate) fn fetch(&self) -> anyhow::Result<Metered> {
        self.run(&["fetch", "--once", "--json"])
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<Metered> {
        let output = meter::this_program(&["meter", WIREWATCH])?
            .args(arguments)
            .env("DATABASE_URL", &self.database.url)
            .envs(settings(self.arguments))
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "wirewatch {arguments:?} failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// All feeds are on this machine, which spares nobody.
pub(crate) fn settings(arguments: &Arguments) -> [(&'static str, String); 3] {
    [
        (
            "WIREWATCH_FETCH__ALLOW_NETWORKS",
            r#"["127.0.0.0/8"]"#.to_owned(),
        ),
        ("WIREWATCH_POLL__PER_HOST", "1000000".to_owned()),
        (
            "WIREWATCH_POLL__CONCURRENCY",
            arguments.concurrency.to_string(),
        ),
    ]
}

/// A command's own report: nothing failed, and so many feeds came to this.
pub(crate) fn check(report: &Value, (what, expected): (&str, u64)) -> anyhow::Result<()> {
    let said = |what: &str| report.get(what).and_then(Value::as_u64);
    ensure!(said("failed") == Some(0), "feeds failed: {report}");
    ensure!(
        said(what) == Some(expected),
        "{expected} {what} were expected: {report}"
    );
    Ok(())
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
        feeds: vec![BeatFeed::at(url.parse()?)],
    })
}
