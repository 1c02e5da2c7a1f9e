//! `wirewatch story`: what grouping makes of a stream of reports, and of pairs.

mod reports;

use std::{collections::HashMap, path::Path};

use serde::Serialize;
use serde_json::Value;

use self::reports::{Pair, Row, rows};
use super::{Outcome, StoryCommand, beat, output};
use crate::{
    app::{self, BUILT_IN_BEAT},
    query::{ConceptFinder, Scratch},
    story::{Change, Decisions, Placement, Reason, Report, Traits, Verdict, Window},
};

/// Reports that are remembered while a stream is grouped, as by the service.
const WINDOW: usize = 100_000;
/// Reports between two second looks at what was placed, as in a busy service.
const BATCH: usize = 50;

pub(super) fn run(command: StoryCommand) -> anyhow::Result<Outcome> {
    match command {
        StoryCommand::Cluster { jsonl, beat, json } => {
            cluster(&jsonl, reader(beat.as_deref())?, json)
        }
        StoryCommand::Compare { jsonl, beat, json } => {
            compare(&jsonl, reader(beat.as_deref())?, json)
        }
    }
}

/// Reads reports with the concepts of a beat file, else of the built-in beat.
fn reader(file: Option<&Path>) -> anyhow::Result<Reader> {
    let beat = match file {
        Some(file) => beat::read(file)?,
        None => app::read_beat(BUILT_IN_BEAT)?,
    };
    let (concepts, _) = beat::engine_parts(&beat);
    Ok(Reader {
        finder: ConceptFinder::new(&concepts, &beat.outlets),
        scratch: Scratch::default(),
    })
}

struct Reader {
    finder: ConceptFinder,
    scratch: Scratch,
}

impl Reader {
    fn traits(&mut self, row: &Row) -> Traits {
        let concepts = self
            .finder
            .concepts_in(&row.title, &row.text, &mut self.scratch);
        Traits::of(&Report {
            title: &row.title,
            text: &row.text,
            language: row.language.as_deref(),
            outlet: &row.outlet,
            at: row.published,
            concepts: &concepts,
        })
    }
}

/// One report after the whole stream.
#[derive(Serialize)]
struct Placed<'a> {
    id: &'a Value,
    story: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_of: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn cluster(file: &Path, mut reader: Reader, as_json: bool) -> anyhow::Result<Outcome> {
    let rows = rows(file)?;
    let mut window = Window::new(WINDOW, 1, Decisions::default());
    let mut placements: Vec<Option<Placement>> = Vec::with_capacity(rows.len());
    let mut merged: HashMap<i64, i64> = HashMap::new();
    let mut left: HashMap<i64, i64> = HashMap::new();
    for (key, row) in (0..).zip(&rows) {
        placements.push(
            row.as_ref()
                .ok()
                .map(|row| window.place(key, reader.traits(row))),
        );
        if placements.len().is_multiple_of(BATCH) || placements.len() == rows.len() {
            for change in window.revisit() {
                match change {
                    Change::Merged { from, into, .. } => merged.insert(from, into),
                    Change::Left { key, into, .. } => left.insert(key, into),
                };
            }
        }
    }
    let id = |key: i64| {
        usize::try_from(key)
            .ok()
            .and_then(|index| rows.get(index)?.as_ref().ok())
            .map(|row| &row.id)
    };
    for ((key, row), placement) in (0..).zip(&rows).zip(&placements) {
        let story = left
            .get(&key)
            .copied()
            .or(placement.and_then(|placement| placement.story));
        let placed = match row {
            Ok(row) => Placed {
                id: &row.id,
                story: story.map(|story| survivor(story, &merged)),
                copy_of: placement
                    .and_then(|placement| placement.copy_of)
                    .and_then(id),
                reason: placement.map(|placement| placement.reason),
                error: None,
            },
            Err(error) => Placed {
                id: &Value::Null,
                story: None,
                copy_of: None,
                reason: None,
                error: Some(error),
            },
        };
        if as_json {
            output::json(&placed)?;
        } else if let Ok(row) = row {
            let story = placed.story.unwrap_or_default();
            let mark = if placed.copy_of.is_some() {
                "copy"
            } else {
                "    "
            };
            output::line(&format!("{story:>7}  {mark}  {}", row.title));
        }
    }
    Ok(Outcome::Done)
}

/// The story that a story went into, by way of others.
fn survivor(mut story: i64, merged: &HashMap<i64, i64>) -> i64 {
    while let Some(into) = merged.get(&story) {
        story = *into;
    }
    story
}

#[derive(Serialize)]
struct Judged<'a> {
    id: &'a Value,
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn compare(file: &Path, mut reader: Reader, as_json: bool) -> anyhow::Result<Outcome> {
    let pairs = reports::pairs(file)?;
    let mut window = Window::new(1, 1, Decisions::default());
    let mut traits = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        let both = pair
            .as_ref()
            .ok()
            .map(|Pair { a, b, .. }| [reader.traits(a), reader.traits(b)]);
        for one in both.iter().flatten() {
            window.count(one);
        }
        traits.push(both);
    }
    for (pair, traits) in pairs.iter().zip(&traits) {
        let judged = match (pair, traits) {
            (Ok(pair), Some([a, b])) => {
                let (verdict, reason) = window.judge(a, b);
                Judged {
                    id: &pair.id,
                    verdict: Some(verdict),
                    reason: Some(reason),
                    error: None,
                }
            }
            (Err(error), _) => Judged {
                id: &Value::Null,
                verdict: None,
                reason: None,
                error: Some(error),
            },
            (Ok(pair), None) => Judged {
                id: &pair.id,
                verdict: None,
                reason: None,
                error: None,
            },
        };
        if as_json {
            output::json(&judged)?;
        } else if let (Ok(pair), Some(verdict)) = (pair, judged.verdict) {
            let verdict = match verdict {
                Verdict::Copy => "copy      ",
                Verdict::SameStory => "same story",
                Verdict::Different => "different ",
            };
            output::line(&format!("{verdict}  {}  |  {}", pair.a.title, pair.b.title));
        }
    }
    Ok(Outcome::Done)
}
