//! `wirewatch fetch`: one pass over what is due.

use std::{io::IsTerminal as _, sync::Arc};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::{FetchArgs, Outcome, output};
use crate::{
    app::{self, Database, Lifecycle, SystemClock, WorkerParts},
    config::Settings,
    domain::{Clock as _, FeedUrl},
    jobs::poll::{Progress, Summary},
    store::{self, workers::Kind},
};

pub(super) async fn run(args: FetchArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let lifecycle = Lifecycle::with_signals()?;
    let database = Database::open_there(settings).await?;
    let fetched = pass(&database, settings, &args.feed, &lifecycle).await;
    database.close().await;
    let report = fetched?;
    if args.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(if report.unknown.is_empty() {
        Outcome::Done
    } else {
        Outcome::SaidNo
    })
}

#[derive(Debug, Serialize)]
struct Report {
    polled: u64,
    read: u64,
    unchanged: u64,
    failed: u64,
    new_entries: u64,
    new_articles: u64,
    new_matches: u64,
    /// Feeds that were named and are not there, or are paused.
    unknown: Vec<String>,
}

async fn pass(
    database: &Database,
    settings: &Settings,
    named: &[FeedUrl],
    lifecycle: &Lifecycle,
) -> anyhow::Result<Report> {
    let db = &database.pool;
    let clock = Arc::new(SystemClock);
    app::load_beat(db, settings, clock.as_ref()).await?;
    let known = store::feeds::make_due(db, named, clock.now()).await?;
    let unknown: Vec<String> = named
        .iter()
        .map(|url| url.as_str().to_owned())
        .filter(|url| !known.contains(url))
        .collect();
    let mut parts = WorkerParts::build(db, settings, clock.clone(), Kind::Pass).await?;
    parts.poller.only.clone_from(&known);
    let is_lost = known.is_empty() && !named.is_empty();
    let waiting = if !named.is_empty() {
        known.len() as u64
    } else if std::io::stderr().is_terminal() {
        store::feeds::count_due(db, clock.now()).await?
    } else {
        // Nobody sees how much there is to do.
        0
    };
    let bar = progress_bar(waiting);
    let shown = bar.clone();
    let progress: Progress = Arc::new(move |summary: &Summary| {
        shown.set_position(summary.polled);
        shown.set_message(format!(
            "{} new articles, {} failed",
            summary.new_articles, summary.failed
        ));
    });
    let pass = async {
        if is_lost {
            Summary::default()
        } else {
            parts.poller.pass(&lifecycle.stop_token(), progress).await
        }
    };
    let placed = parts.placer.beside(pass).await;
    bar.finish_and_clear();
    let summary = placed?;
    Ok(Report {
        polled: summary.polled,
        read: summary.polled - summary.unchanged - summary.failed,
        unchanged: summary.unchanged,
        failed: summary.failed,
        new_entries: summary.new_entries,
        new_articles: summary.new_articles,
        new_matches: summary.new_matches,
        unknown,
    })
}

/// A bar on the terminal; nothing where standard error is none.
pub(super) fn progress_bar(length: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} feeds  {msg}  {elapsed}")
    {
        bar.set_style(style);
    }
    bar
}

fn print(report: &Report) {
    output::line(&format!(
        "{} feeds polled: {} read, {} unchanged, {} failed",
        report.polled, report.read, report.unchanged, report.failed
    ));
    output::line(&format!(
        "{} new entries, {} new articles, {} new matches",
        report.new_entries, report.new_articles, report.new_matches
    ));
    if report.failed > 0 {
        output::line("the page /feeds says why feeds failed; so does wirewatch doctor");
    }
    for url in &report.unknown {
        output::complain(&format!(
            "{url} is no feed of this database, or is paused; wirewatch opml import adds feeds"
        ));
    }
}
