//! The audit: who changed what, when, from what to what.

use std::net::IpAddr;

use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::domain::{DecisionId, FeedId, Timestamp};

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

tokio::task_local! {
    static ASKED_FROM: IpAddr;
}

/// Does what somebody asks for from an address: the changes that it makes say so.
pub async fn asked_from<F: Future>(address: IpAddr, work: F) -> F::Output {
    ASKED_FROM.scope(address, work).await
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
    let address = ASKED_FROM.try_with(ToString::to_string).ok();
    sqlx::query!(
        "INSERT INTO audit (at, actor, address, action, subject_kind, subject, before, after)
         SELECT $1, $2, $8, * FROM UNNEST($3::text[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[])",
        now as Timestamp,
        actor,
        &actions,
        &kinds,
        &subjects,
        &before as &[Option<Value>],
        &after as &[Option<Value>],
        address,
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
    /// From which address of the network; none: the command line, or wirewatch itself.
    pub address: Option<String>,
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
    /// The feed that it is about.
    pub feed: Option<FeedId>,
}

/// What of the audit is asked for; an empty text asks for all.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// Kind of thing.
    pub subject_kind: &'a str,
    /// Who did it.
    pub actor: &'a str,
    /// What was done.
    pub action: &'a str,
    /// Only from this instant on.
    pub from: Option<Timestamp>,
    /// Only before this instant.
    pub to: Option<Timestamp>,
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
        r#"SELECT a.id, a.at AS "at: Timestamp", a.actor, a.address, a.action, a.subject_kind, a.subject, a.before, a.after,
                  d.id AS "standing_decision?: DecisionId", f.id AS "feed?: FeedId"
             FROM audit a
             LEFT JOIN feeds f ON a.subject_kind = 'feed' AND f.url = a.subject
             LEFT JOIN story_decisions d
               ON a.subject_kind = 'story' AND a.action IN ('merge', 'split') AND d.undone_at IS NULL
                  AND d.id = (a.after ->> 'decision')::bigint
            WHERE a.id < COALESCE($1, 9223372036854775807)
              AND ($2 = '' OR a.subject_kind = $2)
              AND ($3 = '' OR a.actor = $3)
              AND ($4 = '' OR strpos(lower(concat_ws(' ', a.subject, a.before::text, a.after::text)), lower($4)) > 0)
              AND ($6 = '' OR a.action = $6)
              AND ($7::timestamptz IS NULL OR a.at >= $7)
              AND ($8::timestamptz IS NULL OR a.at < $8)
            ORDER BY a.id DESC
            LIMIT $5"#,
        search.before,
        search.subject_kind,
        search.actor,
        search.words,
        limit,
        search.action,
        search.from as Option<Timestamp>,
        search.to as Option<Timestamp>,
    )
    .fetch_all(db)
    .await?)
}

/// What the audit can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Kinds of things that were ever changed.
    pub kinds: Vec<String>,
    /// Who changed any.
    pub actors: Vec<String>,
    /// What was ever done.
    pub actions: Vec<String>,
}

/// What the audit can be asked for, in the order of the alphabet.
///
/// # Errors
///
/// When the database does not answer.
pub async fn choices(db: &PgPool) -> Result<Choices, StoreError> {
    Ok(sqlx::query_as!(
        Choices,
        r#"SELECT ARRAY(SELECT DISTINCT subject_kind FROM audit ORDER BY 1) AS "kinds!",
                  ARRAY(SELECT DISTINCT actor FROM audit ORDER BY 1) AS "actors!",
                  ARRAY(SELECT DISTINCT action FROM audit ORDER BY 1) AS "actions!""#
    )
    .fetch_one(db)
    .await?)
}

/// One row; none if there is none of that number.
///
/// # Errors
///
/// When the database does not answer.
pub async fn row(db: &PgPool, id: i64) -> Result<Option<Entry>, StoreError> {
    let just_this = Search {
        subject_kind: "",
        actor: "",
        action: "",
        words: "",
        from: None,
        to: None,
        before: id.checked_add(1),
    };
    let rows = search(db, just_this, 1).await?;
    Ok(rows.into_iter().find(|row| row.id == id))
}
