//! The audit: who changed what, when, from what to what.

use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::domain::{DecisionId, Timestamp};

/// One change to a beat, keyword, concept, feed, user or digest.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// What was done: `add`, `change`, `remove`, …
    pub(super) action: &'static str,
    /// Kind of thing: `feed`, `keyword`, …
    pub(super) subject_kind: &'static str,
    /// Its slug or address.
    pub(super) subject: String,
    /// What it was.
    pub(super) before: Option<Value>,
    /// What it is.
    pub(super) after: Option<Value>,
}

/// Writes changes into the audit, inside the transaction that makes them.
pub(super) async fn record(
    tx: &mut PgConnection,
    actor: &str,
    now: Timestamp,
    changes: &[Change],
) -> Result<(), StoreError> {
    let actions: Vec<String> = changes
        .iter()
        .map(|change| change.action.to_owned())
        .collect();
    let kinds: Vec<String> = changes
        .iter()
        .map(|change| change.subject_kind.to_owned())
        .collect();
    let subjects: Vec<String> = changes
        .iter()
        .map(|change| change.subject.clone())
        .collect();
    let before: Vec<Option<Value>> = changes.iter().map(|change| change.before.clone()).collect();
    let after: Vec<Option<Value>> = changes.iter().map(|change| change.after.clone()).collect();
    sqlx::query!(
        "INSERT INTO audit (at, actor, action, subject_kind, subject, before, after)
         SELECT $1, $2, * FROM UNNEST($3::text[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[])",
        now as Timestamp,
        actor,
        &actions,
        &kinds,
        &subjects,
        &before as &[Option<Value>],
        &after as &[Option<Value>],
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A row of the audit as the page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number; a higher one is younger.
    pub id: i64,
    /// When it was done.
    pub at: Timestamp,
    /// By whom: an account's name, `shell`, or `wirewatch` itself.
    pub actor: String,
    /// What was done: `add`, `change`, `remove`, …
    pub action: String,
    /// Kind of thing: `feed`, `keyword`, …
    pub subject_kind: String,
    /// Its slug, number or address.
    pub subject: String,
    /// What it was.
    pub before: Option<Value>,
    /// What it became.
    pub after: Option<Value>,
    /// The desk's decision about stories that it records, if that still stands: it can be taken back.
    pub standing_decision: Option<DecisionId>,
}

/// What of the audit is asked for; an empty text asks for all.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// Kind of thing.
    pub subject_kind: &'a str,
    /// Who did it.
    pub actor: &'a str,
    /// Letters that stand in the subject, or in what it was or became.
    pub words: &'a str,
    /// Only rows older than this one.
    pub before: Option<i64>,
}

/// The rows that are asked for, youngest first, at most `limit`.
///
/// # Errors
///
/// When the database does not answer.
pub async fn search(db: &PgPool, search: Search<'_>, limit: i64) -> Result<Vec<Entry>, StoreError> {
    Ok(sqlx::query_as!(
        Entry,
        r#"SELECT a.id, a.at AS "at: Timestamp", a.actor, a.action, a.subject_kind, a.subject, a.before, a.after,
                  d.id AS "standing_decision?: DecisionId"
             FROM audit a
             LEFT JOIN story_decisions d
               ON a.subject_kind = 'story' AND a.action IN ('merge', 'split') AND d.undone_at IS NULL
                  AND d.id = (a.after ->> 'decision')::bigint
            WHERE a.id < COALESCE($1, 9223372036854775807)
              AND ($2 = '' OR a.subject_kind = $2)
              AND ($3 = '' OR a.actor = $3)
              AND ($4 = '' OR strpos(lower(concat_ws(' ', a.subject, a.before::text, a.after::text)), lower($4)) > 0)
            ORDER BY a.id DESC
            LIMIT $5"#,
        search.before,
        search.subject_kind,
        search.actor,
        search.words,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// The kinds of things that were ever changed, and who changed any, in the order of the alphabet.
///
/// # Errors
///
/// When the database does not answer.
pub async fn kinds_and_actors(db: &PgPool) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let row = sqlx::query!(
        r#"SELECT ARRAY(SELECT DISTINCT subject_kind FROM audit ORDER BY 1) AS "kinds!",
                  ARRAY(SELECT DISTINCT actor FROM audit ORDER BY 1) AS "actors!""#
    )
    .fetch_one(db)
    .await?;
    Ok((row.kinds, row.actors))
}
