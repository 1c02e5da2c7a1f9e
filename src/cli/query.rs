//! `wirewatch query`: what a query means, and what it finds.

mod diff;
mod texts;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use self::texts::{Text, json_text, plain_text};
use super::{Outcome, QueryCommand, beat, output};
use crate::{
    app::{self, BUILT_IN_BEAT},
    config::Settings,
    domain::{Facts, Field, Hit, Subject},
    query::{
        Dialect, Engine, Lexicon, Purpose, Query, QueryError, Scratch, Warning, explain, parse,
        read_dialect,
    },
    text::html,
};

/// Characters shown before the place of an error.
const SHOWN_BEFORE: usize = 60;
/// Characters shown of the place of an error and behind it.
const SHOWN_BEHIND: usize = 120;

pub(super) async fn run(command: QueryCommand, settings: &Settings) -> anyhow::Result<Outcome> {
    match command {
        QueryCommand::Check {
            expression,
            dialect,
            beat,
            json,
        } => check(&expression, dialect, &lexicon(beat.as_deref())?, json),
        QueryCommand::Match {
            expression,
            dialect,
            files,
            jsonl,
            beat,
            why,
            json,
        } => {
            let lexicon = lexicon(beat.as_deref())?;
            let Some(judge) = Judge::new(&expression, dialect, lexicon, why) else {
                return Ok(Outcome::SaidNo);
            };
            judge_all(judge, &files, jsonl.as_deref(), json)
        }
        QueryCommand::Diff {
            old,
            new,
            days,
            json,
            ..
        } => diff::run(&old, &new, days, json, settings).await,
    }
}

/// What the names in a query stand for: those of a beat file, else of the built-in beat.
fn lexicon(file: Option<&Path>) -> anyhow::Result<Lexicon> {
    let beat = match file {
        Some(file) => beat::read(file)?,
        None => app::read_beat(BUILT_IN_BEAT)?,
    };
    let (concepts, keywords) = beat::engine_parts(&beat);
    let (lexicon, problems) = Lexicon::new(&concepts, &beat.outlets, &keywords);
    for problem in problems {
        output::complain(&problem.to_string());
    }
    Ok(lexicon)
}

fn check(
    expression: &str,
    dialect: Option<Dialect>,
    lexicon: &Lexicon,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let (query, notes) = match read(expression, dialect, lexicon) {
        Ok(read) => read,
        Err(errors) => {
            complain(expression, &errors);
            return Ok(Outcome::SaidNo);
        }
    };
    if as_json {
        let places = |list: &[Warning]| {
            let place = |note: &Warning| json!({"start": note.start, "end": note.end, "message": note.message});
            list.iter().map(place).collect::<Vec<_>>()
        };
        output::json(&json!({
            "canonical": query.canonical(),
            "tree": query.tree(),
            "notes": places(&notes.lost),
            "warnings": places(&notes.warnings),
        }))?;
        return Ok(Outcome::Done);
    }
    print(expression, &query, &notes);
    Ok(Outcome::Done)
}

/// What to tell beside a query that can be used, with places in the text as it was given.
struct Notes {
    /// What a dialect has and the canonical grammar has not.
    lost: Vec<Warning>,
    warnings: Vec<Warning>,
}

fn read(
    expression: &str,
    dialect: Option<Dialect>,
    lexicon: &Lexicon,
) -> Result<(Query, Notes), Vec<QueryError>> {
    let (query, lost, warnings) = if let Some(dialect) = dialect {
        let (query, translation) =
            read_dialect(expression, dialect, lexicon, Purpose::SavedKeyword)?;
        let warnings = translation.warnings_of(&query);
        (query, translation.notes, warnings)
    } else {
        let query = parse(expression, lexicon, Purpose::SavedKeyword)?;
        let warnings = query.warnings().to_vec();
        (query, Vec::new(), warnings)
    };
    Ok((query, Notes { lost, warnings }))
}

fn print(expression: &str, query: &Query, notes: &Notes) {
    output::line(&query.canonical());
    output::line("");
    output::line(query.tree().trim_end());
    for (kind, list) in [("note", &notes.lost), ("warning", &notes.warnings)] {
        for note in list {
            output::line(&format!("\n{kind}: {}", note.message));
            output::line(&pointer(expression, note.start, note.end));
        }
    }
}

/// Every error at its place, with its ways out.
fn complain(expression: &str, errors: &[QueryError]) {
    for error in errors {
        output::complain(&format!("error at byte {}: {}", error.start, error.message));
        output::complain(&pointer(expression, error.start, error.end));
        for way_out in &error.ways_out {
            output::complain(&format!("  try: {way_out}"));
        }
    }
}

/// The line of a text that holds a place, with carets under the place. Of a long line the part around it.
fn pointer(text: &str, start: usize, end: usize) -> String {
    let start = floor_boundary(text, start);
    let end = floor_boundary(text, end.max(start));
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let (before, behind) = (&text[line_start..start], &text[start..line_end]);
    let indent = before.chars().count();
    let skipped = indent.saturating_sub(SHOWN_BEFORE);
    let mut shown: String = before
        .chars()
        .skip(skipped)
        .chain(behind.chars().take(SHOWN_BEHIND))
        .collect();
    if behind.chars().nth(SHOWN_BEHIND).is_some() {
        shown.push('…');
    }
    let length = text[start..end.min(line_end).max(start)]
        .chars()
        .take(SHOWN_BEHIND)
        .count()
        .max(1);
    format!(
        "  {}{shown}\n  {}{}",
        if skipped > 0 { "…" } else { "" },
        " ".repeat(indent - skipped + usize::from(skipped > 0)),
        "^".repeat(length)
    )
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[derive(Debug, Default, Serialize)]
struct Fields {
    title: String,
    summary: String,
    content: String,
}

/// Where reading a text stopped.
#[derive(Debug, Serialize)]
struct Unread {
    field: Field,
    /// The first byte of the field that was not read.
    start: u32,
}

#[derive(Debug, Default, Serialize)]
struct Verdict {
    id: serde_json::Value,
    matched: bool,
    hits: Vec<Hit>,
    fields: Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Whether there are more hits than those told, which are the first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more_hits: bool,
    /// Of a text that is too much to be judged whole, where reading it stopped; all else is as if it ended there.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread_from: Option<Unread>,
    /// Why the line was no text; there is a verdict all the same, so that verdicts and lines keep step.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// One query, ready to judge texts.
struct Judge {
    query: Query,
    lexicon: Lexicon,
    engine: Engine,
    scratch: Scratch,
    with_why: bool,
}

impl Judge {
    /// None, with every error told, if the expression is no query. What a dialect has that was lost is told, too.
    fn new(
        expression: &str,
        dialect: Option<Dialect>,
        lexicon: Lexicon,
        with_why: bool,
    ) -> Option<Self> {
        let (query, notes) = match read(expression, dialect, &lexicon) {
            Ok(read) => read,
            Err(errors) => {
                complain(expression, &errors);
                return None;
            }
        };
        for note in &notes.lost {
            output::complain(&format!("note: {}", note.message));
            output::complain(&pointer(expression, note.start, note.end));
        }
        Some(Self {
            engine: Engine::of_query(&query, &lexicon),
            query,
            lexicon,
            scratch: Scratch::default(),
            with_why,
        })
    }

    fn judge(&mut self, text: Text) -> Verdict {
        let fields = Fields {
            title: html::title(&text.title),
            summary: html::plain(&text.summary),
            content: html::plain(&text.content),
        };
        let mut authors = text.authors.into_vec();
        authors.extend(text.author.into_vec());
        let (tags, categories) = (text.tags.into_vec(), text.categories.into_vec());
        let subject = Subject {
            title: &fields.title,
            summary: &fields.summary,
            content: &fields.content,
            facts: Facts {
                source: [&text.source, &text.source],
                domain: &text.domain,
                url: &text.url,
                language: &text.lang,
                country: &text.country,
                tier: text.tier.parse().ok(),
                authors: &authors,
                tags: &tags,
                categories: &categories,
            },
        };
        let found = self.engine.matches(&subject, &mut self.scratch).pop();
        let limits = self.scratch.limits();
        let why = self
            .with_why
            .then(|| explain(&self.query, &self.lexicon, &subject).tree());
        Verdict {
            id: text.id,
            matched: found.is_some(),
            hits: found.map(|found| found.hits).unwrap_or_default(),
            fields,
            why,
            more_hits: limits.has_more_hits,
            unread_from: limits
                .unread_from
                .map(|(field, start)| Unread { field, start }),
            error: None,
        }
    }
}

fn judge_all(
    mut judge: Judge,
    files: &[PathBuf],
    jsonl: Option<&Path>,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let mut any = false;
    let mut tell = |verdict: Verdict| -> anyhow::Result<()> {
        any |= verdict.matched;
        complain_of_limits(&verdict);
        if as_json {
            return output::json(&verdict);
        }
        show(&verdict);
        Ok(())
    };
    let read_input = files.is_empty() && jsonl.is_none();
    for file in files
        .iter()
        .map(PathBuf::as_path)
        .chain(read_input.then(|| Path::new("-")))
    {
        tell(judge.judge(plain_text(file)?))?;
    }
    if let Some(file) = jsonl {
        let bytes = output::read(file)?;
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            tell(match json_text(line) {
                Ok(text) => judge.judge(text),
                Err(error) => refused(file, index + 1, &error),
            })?;
        }
    }
    Ok(if any { Outcome::Done } else { Outcome::SaidNo })
}

/// The verdict on a line that is no text, which is told on standard error as well.
fn refused(file: &Path, line: usize, error: &serde_json::Error) -> Verdict {
    let message = format!("{} line {line}: no text as JSON: {error}", file.display());
    output::complain(&message);
    Verdict {
        error: Some(message),
        ..Verdict::default()
    }
}

fn complain_of_limits(verdict: &Verdict) {
    let id = id_of(verdict);
    if let Some(unread) = &verdict.unread_from {
        let field = field_name(unread.field);
        let from = unread.start;
        output::complain(&format!(
            "{id}: too much for this query; judged as if it ended at byte {from} of its {field}"
        ));
    }
    if verdict.more_hits {
        let count = verdict.hits.len();
        output::complain(&format!("{id}: only the first {count} hits are told"));
    }
}

fn id_of(verdict: &Verdict) -> String {
    let id = &verdict.id;
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

const fn field_name(field: Field) -> &'static str {
    match field {
        Field::Title => "title",
        Field::Summary => "summary",
        Field::Content => "content",
    }
}

fn show(verdict: &Verdict) {
    let mark = if verdict.matched {
        "match   "
    } else {
        "no match"
    };
    let id = id_of(verdict);
    output::line(&format!("{mark}  {id}  {}", verdict.fields.title));
    for hit in &verdict.hits {
        let gloss = hit
            .concept
            .as_deref()
            .map(|name| format!(" = {name}"))
            .unwrap_or_default();
        let field = field_name(hit.field);
        output::line(&format!(
            "          {field} {}–{}: {}{gloss}",
            hit.start, hit.end, hit.text
        ));
    }
    if let Some(why) = &verdict.why {
        for line in why.lines() {
            output::line(&format!("          {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_place() {
        for (text, place, expected) in [
            ("iran foo:x", (5, 9), "  iran foo:x\n       ^^^^"),
            ("이란 foo:x", (7, 11), "  이란 foo:x\n     ^^^^"),
            ("a\nfoo:x b\nc", (2, 6), "  foo:x b\n  ^^^^"),
            ("", (0, 0), "  \n  ^"),
        ] {
            assert_eq!(pointer(text, place.0, place.1), expected);
        }
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let text = format!("{}foo:x{}", "a ".repeat(20_000), " b".repeat(20_000));
        let shown = pointer(&text, 40_000, 40_004);
        assert!(
            shown.lines().all(|line| line.chars().count() < 200),
            "{shown}"
        );
        assert!(shown.ends_with(" ^^^^"), "{shown}");
    }
}
