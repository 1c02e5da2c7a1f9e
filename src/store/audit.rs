//! The audit: who changed what, when, from what to what.

use serde_json::Value;
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::Timestamp;

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
