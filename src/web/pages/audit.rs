//! Who changed what: the audit, youngest first, with what can be taken back from here.

use std::collections::BTreeSet;

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::{frame::Frame, moments::Moment};
use crate::{
    domain::{DecisionId, Timestamp},
    store::{
        PgPool,
        audit::{self, Entry, Search},
    },
    web::{error::WebError, extract::Query, reading, state::WebClock},
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
    kinds: Vec<String>,
    actors: Vec<String>,
    rows: Vec<Row>,
    older: Option<String>,
}

#[derive(Debug)]
struct Row {
    when: Moment,
    actor: String,
    action: String,
    kind: String,
    subject: String,
    /// Where the subject can be looked at.
    link: Option<String>,
    fields: Vec<Field>,
    /// The number of a decision that can be taken back.
    decision: Option<i64>,
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
    q: String,
    before: Option<i64>,
}

/// Answers with the page.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Query(wanted): Query<Wanted>,
) -> Result<AuditPage, WebError> {
    let search = Search {
        subject_kind: &wanted.kind,
        actor: &wanted.who,
        words: wanted.q.trim(),
        before: wanted.before,
    };
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let (entries, (kinds, actors)) = tokio::try_join!(
        audit::search(&db, search, limit),
        audit::kinds_and_actors(&db)
    )?;
    let now = clock.now();
    let shown = entries.get(..ROWS).unwrap_or(&entries);
    Ok(AuditPage {
        frame: Frame::bare(reading::current().texts.audit),
        older: shown
            .last()
            .filter(|_| entries.len() > ROWS)
            .map(|last| older(&wanted, last.id)),
        rows: shown.iter().map(|entry| row(entry, now)).collect(),
        wanted,
        kinds,
        actors,
    })
}

/// The query of the page that follows.
fn older(wanted: &Wanted, last: i64) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("kind", &wanted.kind)
        .append_pair("who", &wanted.who)
        .append_pair("q", &wanted.q)
        .append_pair("before", &last.to_string())
        .finish()
}

fn row(entry: &Entry, now: Timestamp) -> Row {
    Row {
        when: Moment::clock(now, entry.at),
        actor: entry.actor.clone(),
        action: entry.action.clone(),
        kind: entry.subject_kind.clone(),
        subject: entry.subject.clone(),
        link: link(&entry.subject_kind, &entry.subject),
        fields: fields(entry.before.as_ref(), entry.after.as_ref()),
        decision: entry.standing_decision.map(DecisionId::get),
    }
}

fn link(kind: &str, subject: &str) -> Option<String> {
    match kind {
        "keyword" => Some(format!(
            "/keywords/{}",
            form_urlencoded::byte_serialize(subject.as_bytes()).collect::<String>()
        )),
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
}
