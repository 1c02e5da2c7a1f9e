//! `wirewatch schedule`: polling policies, tried on publication times.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, ScheduleCommand, output};
use crate::{
    domain::Timestamp,
    pipeline::replay::{self, PolicyName, Publications, TraceOptions},
};

/// A policy by its name on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Policy {
    /// The one that drives the service.
    Ours,
    /// The same interval for every feed.
    Fixed,
    /// Miniflux's entry frequency.
    #[value(aliases = ["entry-frequency", "entry_frequency", "miniflux-entry-frequency", "miniflux entry-frequency"])]
    Miniflux,
    /// `CommaFeed`'s empirical interval.
    Commafeed,
}

impl From<Policy> for PolicyName {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Ours => Self::Ours,
            Policy::Fixed => Self::Fixed,
            Policy::Miniflux => Self::Miniflux,
            Policy::Commafeed => Self::CommaFeed,
        }
    }
}

pub(super) fn run(command: ScheduleCommand) -> anyhow::Result<Outcome> {
    match command {
        ScheduleCommand::Simulate {
            trace,
            policy,
            requests,
            json,
        } => simulate(&trace, policy.into(), requests, json),
        ScheduleCommand::Trace { feeds, days, seed } => write_trace(feeds, days, seed),
    }
}

fn simulate(
    file: &Path,
    policy: PolicyName,
    requests: u64,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let feeds = match read_trace(&output::read(file)?) {
        Ok(feeds) => feeds,
        Err(error) => {
            output::complain(&format!("{}:{error:#}", file.display()));
            return Ok(Outcome::SaidNo);
        }
    };
    if requests < feeds.len() as u64 {
        output::complain(&format!(
            "{} feeds cannot be asked with {requests} requests; give at least one for each",
            feeds.len()
        ));
        return Ok(Outcome::SaidNo);
    }
    let Some(outcome) = replay::replay(&feeds, policy, requests) else {
        output::complain(&format!("{} holds no publication times", file.display()));
        return Ok(Outcome::SaidNo);
    };
    if as_json {
        output::json(&outcome)?;
    } else {
        output::line(&format!(
            "{} requests for {} entries of {} feeds: mean {}, median {}, 95 of 100 within {}",
            outcome.requests,
            outcome.entries,
            feeds.len(),
            told(outcome.mean_s),
            told(outcome.median_s),
            told(outcome.p95_s),
        ));
    }
    Ok(Outcome::Done)
}

fn told(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.1} min", seconds / 60.0)
    }
}

#[derive(Deserialize)]
struct Row {
    /// Any name or number.
    feed: Value,
    published: Published,
}

/// RFC 3339, or seconds since 1970.
#[derive(Deserialize)]
#[serde(untagged)]
enum Published {
    At(Timestamp),
    Seconds(f64),
}

/// The publication times by feed, in order. Errors begin with the number of the line.
fn read_trace(bytes: &[u8]) -> anyhow::Result<Vec<Publications>> {
    let text = std::str::from_utf8(bytes).context(" the trace is not UTF-8")?;
    let mut feeds: BTreeMap<String, Publications> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let row: Row = serde_json::from_str(line).with_context(|| {
            format!(
                "{}: a row is {{\"feed\":…,\"published\":\"2026-11-24T06:40:00Z\"}}",
                index + 1
            )
        })?;
        let at = match row.published {
            Published::At(at) => at,
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            Published::Seconds(seconds) => Timestamp::from_micros((seconds * 1e6) as i64),
        };
        feeds.entry(row.feed.to_string()).or_default().push(at);
    }
    Ok(feeds
        .into_values()
        .map(|mut feed| {
            feed.sort_unstable();
            feed
        })
        .collect())
}

fn write_trace(feeds: usize, days: u32, seed: u64) -> anyhow::Result<Outcome> {
    let options = TraceOptions {
        feeds,
        days,
        seed,
        start: Timestamp::from_jiff("2026-06-01T00:00:00Z".parse()?),
    };
    for (feed, publications) in replay::generate(&options).into_iter().enumerate() {
        for published in publications {
            output::json(&json!({ "feed": feed, "published": published }))?;
        }
    }
    Ok(Outcome::Done)
}
