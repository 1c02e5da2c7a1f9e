//! `wirewatch opml`: feeds from and for other readers.

use std::path::Path;

use super::{OpmlCommand, Outcome, beat, output};
use crate::{
    app::{self, Database, SystemClock},
    config::Settings,
    pipeline::opml::{self, OutlineFeed},
    store::{self, beat::Merge},
};

pub(super) async fn run(command: OpmlCommand, settings: &Settings) -> anyhow::Result<Outcome> {
    match command {
        OpmlCommand::Import { file, json, .. } => import(&file, json, settings).await,
        OpmlCommand::Export { file, .. } => export(&file, settings).await,
    }
}

async fn import(file: &Path, json: bool, settings: &Settings) -> anyhow::Result<Outcome> {
    let outlines = match opml::read(&output::read(file)?) {
        Ok(outlines) => outlines,
        Err(error) => {
            output::complain(&format!(
                "{}: {error}; nothing was imported",
                file.display()
            ));
            return Ok(Outcome::SaidNo);
        }
    };
    for problem in &outlines.problems {
        output::complain(&format!(
            "{}:{}: {}: {}",
            file.display(),
            problem.line,
            problem.what,
            problem.why
        ));
    }
    if outlines.feeds.is_empty() {
        output::complain("no feeds were found; nothing was imported");
        return Ok(Outcome::SaidNo);
    }
    let has_problems = !outlines.problems.is_empty();
    let database = Database::open_there(settings).await?;
    let imported = async {
        app::load_beat(&database.pool, settings, &SystemClock).await?;
        beat::merge(
            &database,
            &opml::as_beat(outlines),
            Merge::Add,
            "opml import",
        )
        .await
    }
    .await;
    database.close().await;
    beat::report(&imported?, json)?;
    Ok(if has_problems {
        Outcome::SaidNo
    } else {
        Outcome::Done
    })
}

async fn export(file: &Path, settings: &Settings) -> anyhow::Result<Outcome> {
    let database = Database::open_there(settings).await?;
    let exported = store::beat::export(&database.pool).await;
    database.close().await;
    let Some(beat) = exported? else {
        output::complain("the database holds no feeds yet");
        return Ok(Outcome::SaidNo);
    };
    let feeds: Vec<OutlineFeed> = beat
        .sources
        .into_iter()
        .flat_map(|source| {
            let home = format!("https://{}/", source.domain);
            source.feeds.into_iter().map(move |feed| OutlineFeed {
                title: feed.title.or_else(|| Some(source.name.clone())),
                url: feed.url,
                site: Some(home.clone()),
                language: feed.language,
                category: feed.category,
                labels: Vec::new(),
            })
        })
        .collect();
    output::write(file, &opml::write(&beat.name, &feeds))?;
    Ok(Outcome::Done)
}
