//! `wirewatch beat`: the beat as a file.

use std::path::Path;

use anyhow::Context as _;

use super::{BeatCommand, Outcome, output};
use crate::{
    app::{self, Database, SystemClock},
    config::Settings,
    domain::{Beat, Clock as _, Concept, Keyword, KeywordId},
    pipeline::page,
    query::{Engine, Lexicon, dependants},
    store::{self, beat::Imported, beat::Merge},
};

pub(super) async fn run(command: BeatCommand, settings: &Settings) -> anyhow::Result<Outcome> {
    match command {
        BeatCommand::Check { file } => check(&file),
        BeatCommand::Import {
            file,
            json,
            keep_edits,
            ..
        } => {
            let merge = if keep_edits {
                Merge::Shipped(dependants)
            } else {
                Merge::Update(dependants)
            };
            import(&file, merge, json, settings).await
        }
        BeatCommand::Export { file, .. } => export(&file, settings).await,
    }
}

/// Reads a beat file.
pub(super) fn read(file: &Path) -> anyhow::Result<Beat> {
    let bytes = output::read(file)?;
    let text =
        String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", file.display()))?;
    app::read_beat(&text).with_context(|| format!("{} is no beat", file.display()))
}

/// The parts of a beat that the engine is compiled from; keywords get the numbers of their places.
pub(super) fn engine_parts(beat: &Beat) -> (Vec<Concept>, Vec<Keyword>) {
    let concepts = beat
        .concepts
        .iter()
        .map(|concept| Concept {
            slug: concept.slug.clone(),
            name: concept.name.clone(),
            terms: concept.terms.values().flatten().cloned().collect(),
            anti_terms: concept.anti_terms.clone(),
        })
        .collect();
    let keywords = (1..)
        .zip(&beat.keywords)
        .map(|(number, keyword)| Keyword {
            id: KeywordId::new(number),
            slug: keyword.slug.clone(),
            name: keyword.name.clone(),
            version: 1,
            query: keyword.query.clone(),
        })
        .collect();
    (concepts, keywords)
}

/// What is wrong with a beat beyond its form: terms and queries that cannot be used, names given twice.
fn problems(beat: &Beat) -> Vec<String> {
    let (concepts, keywords) = engine_parts(beat);
    let (lexicon, terms) = Lexicon::new(&concepts, &beat.outlets, &keywords);
    let (_, queries) = Engine::compile(&keywords, &lexicon);
    let mut problems: Vec<String> = terms.iter().map(ToString::to_string).collect();
    problems.extend(queries.iter().map(ToString::to_string));
    problems.extend(repeated(
        "concept",
        beat.concepts.iter().map(|concept| concept.slug.as_str()),
    ));
    problems.extend(repeated(
        "keyword",
        beat.keywords.iter().map(|keyword| keyword.slug.as_str()),
    ));
    problems.extend(repeated(
        "source",
        beat.sources.iter().map(|source| source.slug.as_str()),
    ));
    let lists = beat.sources.iter().flat_map(|source| &source.feeds);
    problems.extend(lists.filter_map(|feed| {
        let problem = page::problem(feed.list.as_ref()?)?;
        Some(format!("feed {}: {problem}", feed.url))
    }));
    let feeds = beat.sources.iter().flat_map(|source| &source.feeds);
    problems.extend(repeated("feed", feeds.map(|feed| feed.url.as_str())));
    problems
}

fn repeated<'a>(kind: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    names
        .filter(|name| !seen.insert(*name))
        .map(|name| format!("{kind} {name} is there twice"))
        .collect()
}

fn check(file: &Path) -> anyhow::Result<Outcome> {
    let beat = read(file)?;
    let problems = problems(&beat);
    for problem in &problems {
        output::complain(problem);
    }
    if !problems.is_empty() {
        return Ok(Outcome::SaidNo);
    }
    let feeds: usize = beat.sources.iter().map(|source| source.feeds.len()).sum();
    let terms: usize = beat
        .concepts
        .iter()
        .flat_map(|concept| concept.terms.values())
        .map(Vec::len)
        .sum();
    output::line(&format!(
        "{}: {}, {} with {}, {} with {}; all of it can be used",
        beat.name,
        counted(beat.keywords.len(), "keyword"),
        counted(beat.concepts.len(), "concept"),
        counted(terms, "term"),
        counted(beat.sources.len(), "source"),
        counted(feeds, "feed"),
    ));
    Ok(Outcome::Done)
}

async fn import(
    file: &Path,
    how: Merge,
    json: bool,
    settings: &Settings,
) -> anyhow::Result<Outcome> {
    let beat = read(file)?;
    let problems = problems(&beat);
    for problem in &problems {
        output::complain(problem);
    }
    if !problems.is_empty() {
        output::complain("nothing was imported");
        return Ok(Outcome::SaidNo);
    }
    let database = Database::open_there(settings).await?;
    let imported = merge(&database, &beat, how, "beat import").await;
    database.close().await;
    report(&imported?, json)?;
    Ok(Outcome::Done)
}

/// Merges into the database, with a progress bar over the feeds.
pub(super) async fn merge(
    database: &Database,
    beat: &Beat,
    merge: Merge,
    actor: &str,
) -> anyhow::Result<Imported> {
    let feeds: usize = beat.sources.iter().map(|source| source.feeds.len()).sum();
    let bar = super::fetch::progress_bar(feeds as u64);
    let shown = bar.clone();
    let imported = store::beat::import(
        &database.pool,
        beat,
        merge,
        actor,
        SystemClock.now(),
        &move |written| {
            shown.set_position(written as u64);
        },
    )
    .await;
    bar.finish_and_clear();
    Ok(imported?)
}

/// A number with its noun: "1 feed", "2 feeds".
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Says what an import did.
pub(super) fn report(imported: &Imported, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(imported);
    }
    for (verb, counts) in [
        ("added", &imported.added),
        ("changed", &imported.changed),
        ("left as they were", &imported.kept),
    ] {
        let told: Vec<String> = counts
            .iter()
            .map(|(kind, count)| counted(*count, kind))
            .collect();
        if !told.is_empty() {
            output::line(&format!("{verb}: {}", told.join(", ")));
        }
    }
    for (kind, names) in &imported.conflicts {
        for name in names {
            output::line(&format!("in conflict, kept as edited here: {kind} {name}"));
        }
    }
    Ok(())
}

async fn export(file: &Path, settings: &Settings) -> anyhow::Result<Outcome> {
    let database = Database::open_there(settings).await?;
    let exported = store::beat::export(&database.pool).await;
    database.close().await;
    let Some(beat) = exported? else {
        output::complain(
            "the database holds no beat yet; wirewatch serve or beat import loads one",
        );
        return Ok(Outcome::SaidNo);
    };
    output::write(file, &toml::to_string_pretty(&beat)?)?;
    Ok(Outcome::Done)
}
