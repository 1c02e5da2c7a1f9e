//! Who changed what: the audit, youngest first, with what can be taken back from here.

use std::{collections::BTreeSet, fmt::Write as _};

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{frame::Frame, moments::Moment};
use crate::{
    domain::{DecisionId, Timestamp},
    store::audit::{self, Choices, Entry, Search},
    web::{WebState, days, error::WebError, extract::Query, reading},
};

/// Rows on a page.
const ROWS: usize = 100;
/// Characters of a value that are shown before it is cut; the rest opens.
const SHORT: usize = 120;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "audit.html")]
pub(crate) struct AuditPage {
    frame: Frame,
    wanted: Wanted,
    /// Whose days the filters name.
    days_of: String,
    choices: Choices,
    rows: Vec<Row>,
    older: Option<String>,
    /// What is asked for, as it stands in an address.
    asked: String,
}

#[derive(Debug)]
struct Row {
    when: Moment,
    actor: String,
    address: String,
    action: String,
    kind: String,
    subject: String,
    /// Where the subject can be looked at.
    link: Option<String>,
    fields: Vec<Field>,
    /// The number of a decision that can be taken back.
    decision: Option<i64>,
    /// Where what it was can be looked at and saved again.
    earlier: Option<String>,
}

/// A part of the subject that changed.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: String,
    before: Option<Shown>,
    after: Option<Shown>,
}

/// A value in letters: whole, and cut where it is long.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    short: String,
    whole: Option<String>,
}

/// What is asked for; an empty text asks for all.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    kind: String,
    who: String,
    action: String,
    q: String,
    /// Days of the reader's clock, both included.
    from: String,
    to: String,
    before: Option<i64>,
}

impl Wanted {
    fn search(&self) -> Result<Search<'_>, WebError> {
        let zone = days::zone_of_reader();
        Ok(Search {
            subject_kind: &self.kind,
            actor: &self.who,
            action: &self.action,
            words: self.q.trim(),
            from: days::begin("from", &self.from, &zone)?,
            to: days::end("to", &self.to, &zone)?,
            before: self.before,
        })
    }
}

/// Answers with the page.
pub(crate) async fn show(
    State(state): State<WebState>,
    Query(wanted): Query<Wanted>,
) -> Result<AuditPage, WebError> {
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let search = wanted.search()?;
    let (entries, choices) = tokio::try_join!(
        audit::search(&state.db, search, limit),
        audit::choices(&state.db)
    )?;
    let now = state.clock.now();
    let shown = entries.get(..ROWS).unwrap_or(&entries);
    Ok(AuditPage {
        frame: Frame::bare(reading::current().texts.audit),
        older: shown
            .last()
            .filter(|_| entries.len() > ROWS)
            .map(|last| format!("{}&before={}", asked(&wanted), last.id)),
        rows: shown.iter().map(|entry| row(entry, now)).collect(),
        asked: asked(&wanted),
        days_of: days::zone_name(),
        wanted,
        choices,
    })
}

/// What is asked for, as it stands in an address.
fn asked(wanted: &Wanted) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("kind", &wanted.kind)
        .append_pair("who", &wanted.who)
        .append_pair("action", &wanted.action)
        .append_pair("q", &wanted.q)
        .append_pair("from", &wanted.from)
        .append_pair("to", &wanted.to)
        .finish()
}

/// Rows of an export read at a time.
const BATCH: i64 = 500;

/// Answers with all that is asked for as lines of JSON, the youngest first, or as a table for spreadsheets.
pub(crate) async fn json(
    State(state): State<WebState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    export(
        state,
        wanted,
        "audit.jsonl",
        "application/x-ndjson",
        "",
        json_line,
    )
}

/// The same as a table for spreadsheets.
pub(crate) async fn csv(
    State(state): State<WebState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let head = "number,at,who,from,action,kind,subject,before,after\r\n";
    export(
        state,
        wanted,
        "audit.csv",
        "text/csv; charset=utf-8",
        head,
        csv_line,
    )
}

fn export(
    state: WebState,
    wanted: Wanted,
    name: &str,
    content_type: &'static str,
    head: &'static str,
    line: fn(&Entry, &mut String),
) -> Result<Response, WebError> {
    wanted.search()?;
    let rest = stream::try_unfold(Some((state, wanted)), move |at| async move {
        let Some((state, mut wanted)) = at else {
            return Ok(None);
        };
        let search = wanted.search().map_err(std::io::Error::other)?;
        let entries = audit::search(&state.db, search, BATCH)
            .await
            .map_err(std::io::Error::other)?;
        let Some(last) = entries.last() else {
            return Ok(None);
        };
        wanted.before = Some(last.id);
        let mut text = String::new();
        for entry in &entries {
            line(entry, &mut text);
        }
        Ok::<_, std::io::Error>(Some((Bytes::from(text), Some((state, wanted)))))
    });
    let all = futures_util::StreamExt::chain(
        stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(head.as_bytes()))]),
        rest,
    );
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(all)).into_response())
}

fn json_line(entry: &Entry, out: &mut String) {
    let row = json!({
        "number": entry.id, "at": entry.at, "who": entry.actor, "from": entry.address, "action": entry.action,
        "kind": entry.subject_kind, "subject": entry.subject, "before": entry.before, "after": entry.after,
    });
    let _ = writeln!(out, "{row}");
}

fn csv_line(entry: &Entry, out: &mut String) {
    let value = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
    let cells = [
        entry.id.to_string(),
        entry.at.to_string(),
        entry.actor.clone(),
        entry.address.clone().unwrap_or_default(),
        entry.action.clone(),
        entry.subject_kind.clone(),
        entry.subject.clone(),
        value(&entry.before),
        value(&entry.after),
    ];
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

/// A cell (RFC 4180). What a spreadsheet would take for a formula is made a text.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

fn row(entry: &Entry, now: Timestamp) -> Row {
    Row {
        when: Moment::clock(now, entry.at),
        actor: entry.actor.clone(),
        address: entry.address.clone().unwrap_or_default(),
        action: entry.action.clone(),
        earlier: earlier(entry),
        kind: entry.subject_kind.clone(),
        subject: entry.subject.clone(),
        link: link(entry),
        fields: fields(entry.before.as_ref(), entry.after.as_ref()),
        decision: entry.standing_decision.map(DecisionId::get),
    }
}

/// Where what it was can be looked at and saved again.
fn earlier(entry: &Entry) -> Option<String> {
    let version = || entry.before.as_ref()?.get("version")?.as_i64();
    let subject = encoded(&entry.subject);
    match entry.subject_kind.as_str() {
        "keyword" => Some(format!("/admin/keywords/{subject}?version={}", version()?)),
        "concept" => Some(format!("/admin/concepts/{subject}?version={}", version()?)),
        "outlets" => Some("/admin/outlets".to_owned()),
        "feed" if entry.before.is_some() => {
            Some(format!("/admin/feeds/{}?audit={}", entry.feed?, entry.id))
        }
        "source" if entry.before.is_some() => {
            Some(format!("/admin/sources/{subject}?audit={}", entry.id))
        }
        _ => None,
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn link(entry: &Entry) -> Option<String> {
    let subject = entry.subject.as_str();
    match entry.subject_kind.as_str() {
        "keyword" => Some(format!("/keywords/{}", encoded(subject))),
        "concept" => Some(format!("/admin/concepts/{}", encoded(subject))),
        "source" => Some(format!("/admin/sources/{}", encoded(subject))),
        "feed" => Some(format!("/feeds/{}", entry.feed?)),
        "article" => subject
            .parse::<i64>()
            .ok()
            .map(|article| format!("/articles/{article}")),
        "story" => subject
            .parse::<i64>()
            .ok()
            .map(|story| format!("/stories/{story}")),
        _ => None,
    }
}

/// The parts that differ, by name. What is no object counts as one part without a name.
fn fields(before: Option<&Value>, after: Option<&Value>) -> Vec<Field> {
    let part = |whole: Option<&Value>, name: &str| match whole {
        Some(Value::Object(parts)) => parts.get(name).filter(|value| tells(value)).cloned(),
        Some(value) if name.is_empty() => Some(value.clone()),
        _ => None,
    };
    let names: BTreeSet<&str> = [before, after]
        .into_iter()
        .flatten()
        .flat_map(|whole| match whole {
            Value::Object(parts) => parts.keys().map(String::as_str).collect(),
            _ => vec![""],
        })
        .collect();
    names
        .into_iter()
        .map(|name| (name, part(before, name), part(after, name)))
        .filter(|(_, was, is)| was != is)
        .map(|(name, was, is)| Field {
            name: name.replace('_', " "),
            before: was.map(|value| shown(&value)),
            after: is.map(|value| shown(&value)),
        })
        .collect()
}

/// Whether a value is one, to a reader.
fn tells(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

fn shown(value: &Value) -> Shown {
    let whole = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match whole.char_indices().nth(SHORT) {
        None => Shown {
            short: whole,
            whole: None,
        },
        Some((end, _)) => Shown {
            short: format!("{}…", whole.get(..end).unwrap_or_default()),
            whole: Some(whole),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let before = json!({"name": "Iran", "query": "iran", "note": null, "is_paused": false});
        let after = json!({"name": "Iran", "query": "iran OR tehran", "is_paused": true});
        let told = fields(Some(&before), Some(&after));
        let names: Vec<&str> = told.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["is paused", "query"]);
        assert_eq!(
            told.last()
                .and_then(|field| field.before.as_ref())
                .map(|shown| shown.short.as_str()),
            Some("iran")
        );
    }

    #[test]
    fn a_thing_that_came_or_went_has_one_side() {
        let thing = json!({"name": "Iran"});
        assert!(
            fields(None, Some(&thing))
                .iter()
                .all(|field| field.before.is_none())
        );
        assert!(
            fields(Some(&thing), None)
                .iter()
                .all(|field| field.after.is_none())
        );
        assert_eq!(fields(None, None), []);
        assert_eq!(fields(Some(&json!(1)), Some(&json!(2))).len(), 1);
    }

    #[test]
    fn long_values_are_cut_between_characters_and_kept_whole() {
        let long = "북".repeat(SHORT + 1);
        let value = shown(&json!(long));
        assert_eq!(value.short.chars().count(), SHORT + 1);
        assert_eq!(value.whole, Some(long));
    }

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
    }
}
