//! Keywords whose meaning changes with what they name: each gets a version of its own, with which the past is matched
//! anew, so that a match always names what made it.

use serde_json::json;
use sqlx::PgConnection;

use crate::{
    domain::{KeywordId, Timestamp},
    store::{StoreError, audit, audit::Change, rematches},
};

/// The keywords that hang on what is to be changed, as of a revision of the beat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependants {
    /// The revision that they were found in.
    pub revision: i64,
    /// The keywords, without one that is changed itself.
    pub keywords: Vec<KeywordId>,
}

impl Dependants {
    /// Locks the beat against other changes. False if it was changed since these were found.
    pub(in crate::store) async fn hold(&self, tx: &mut PgConnection) -> Result<bool, StoreError> {
        let revision = sqlx::query_scalar!("SELECT revision FROM beat FOR UPDATE")
            .fetch_optional(tx)
            .await?;
        Ok(revision.unwrap_or(0) == self.revision)
    }
}

/// Tells everybody that the beat has changed: workers look at the revision every second, a pass before each claim.
pub(in crate::store) async fn raise_revision(tx: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("UPDATE beat SET revision = revision + 1")
        .execute(tx)
        .await?;
    Ok(())
}

/// Gives keywords another version with the same query, and begins to match the past anew with it. The beat is locked, and
/// its revision raised by who calls.
pub(in crate::store) async fn raise(
    tx: &mut PgConnection,
    keywords: &[KeywordId],
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if keywords.is_empty() {
        return Ok(());
    }
    let raised = sqlx::query!(
        r#"WITH raised AS (
               UPDATE keywords SET version = version + 1 WHERE id = ANY($1) RETURNING id, slug, version, query
           ), noted AS (
               INSERT INTO keyword_versions (keyword_id, version, query, saved_at, actor, reason)
               SELECT id, version, query, $2, $3, $4 FROM raised
           )
           SELECT id AS "id!: KeywordId", slug AS "slug!", version AS "version!" FROM raised ORDER BY id"#,
        keywords as &[KeywordId],
        now as Timestamp,
        actor,
        reason,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut changes = Vec::with_capacity(raised.len());
    for row in raised {
        rematches::begin(tx, row.id, row.version, now).await?;
        changes.push(Change {
            action: "change",
            subject_kind: "keyword",
            subject: row.slug,
            before: Some(json!({"version": row.version - 1})),
            after: Some(json!({"version": row.version, "reason": reason})),
        });
    }
    audit::record(tx, actor, now, &changes).await
}
