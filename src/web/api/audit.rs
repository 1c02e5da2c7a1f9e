//! The audit: who changed what.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::limit;
use crate::{
    domain::Timestamp,
    store::{
        PgPool,
        audit::{self, Entry, Search},
    },
    web::{error::WebError, extract::Query},
};

/// What is asked for; an empty text asks for all.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(in crate::web) struct Wanted {
    /// Kind of thing: `feed`, `keyword`, …
    kind: String,
    /// Who did it.
    who: String,
    /// Letters that stand in the subject, or in what it was or became.
    q: String,
    /// `next` of the answer before.
    before: Option<i64>,
    /// At most so many.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<i64>,
}

/// A page of the audit, youngest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct AuditBody {
    changes: Vec<ChangeBody>,
    /// `before` of the next answer; null where there is no more.
    next: Option<i64>,
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeBody {
    id: i64,
    at: Timestamp,
    /// The name of an account, `token …`, `shell`, or `wirewatch` itself.
    actor: String,
    /// `add`, `change`, `remove`, …
    action: String,
    kind: String,
    subject: String,
    /// What it was.
    before: Option<Value>,
    /// What it became.
    after: Option<Value>,
}

impl From<Entry> for ChangeBody {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            kind: entry.subject_kind,
            subject: entry.subject,
            before: entry.before,
            after: entry.after,
        }
    }
}

/// Who changed what, youngest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Wanted),
    responses((status = 200, description = "A page of the audit", body = AuditBody)))]
pub(in crate::web) async fn list(
    State(db): State<PgPool>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<AuditBody>, WebError> {
    let limit = limit(wanted.limit, 500)?;
    let search = Search {
        subject_kind: &wanted.kind,
        actor: &wanted.who,
        words: wanted.q.trim(),
        before: wanted.before,
    };
    let entries = audit::search(&db, search, limit).await?;
    let is_full = i64::try_from(entries.len()).is_ok_and(|count| count >= limit);
    Ok(Json(AuditBody {
        next: entries.last().filter(|_| is_full).map(|last| last.id),
        changes: entries.into_iter().map(ChangeBody::from).collect(),
    }))
}
