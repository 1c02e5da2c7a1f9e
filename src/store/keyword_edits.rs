//! Keywords as admins change them: the saved text, its versions, and the one way to save another.

use serde_json::json;
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    beat::{self, Dependants},
    rematches,
};
use crate::domain::{KeywordId, Timestamp};

/// A keyword as it can be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedKeyword {
    /// The keyword.
    pub id: KeywordId,
    /// Its short name, which never changes.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its query.
    pub query: String,
    /// What editors should know of it.
    pub note: String,
    /// The number of its version.
    pub version: i32,
}

/// A version of a keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeywordVersion {
    /// Its number.
    pub version: i32,
    /// Its query.
    pub query: String,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// By whom.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// What is to be saved of a keyword.
#[derive(Debug, Clone, Copy)]
pub struct KeywordEdit<'a> {
    /// Which one.
    pub slug: &'a str,
    /// The version that was edited: an edit of an older one is refused.
    pub edited: i32,
    /// The name and the note that were edited, since others are no other version: an edit of others is refused. None: they
    /// may be any.
    pub seen: Option<(&'a str, &'a str)>,
    /// Its name for people.
    pub name: &'a str,
    /// Its query, which is without errors.
    pub query: &'a str,
    /// What editors should know of it.
    pub note: &'a str,
    /// Why it is changed.
    pub reason: &'a str,
}

/// A keyword to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewKeyword<'a> {
    /// Its short name, which never changes.
    pub slug: &'a str,
    /// Its name for people.
    pub name: &'a str,
    /// Its query, which is without errors.
    pub query: &'a str,
    /// What editors should know of it.
    pub note: &'a str,
    /// Why it is added.
    pub reason: &'a str,
}

/// What came of saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is saved as this version.
    As(i32),
    /// Nothing differs from what is saved.
    Same,
    /// Somebody else saved it meanwhile, as this version.
    Outdated(i32),
    /// There is no such thing.
    Unknown,
    /// The beat was changed since the dependants were found: find them anew.
    BeatMoved,
}

/// Every keyword, in the order of the board.
///
/// # Errors
/// The database does not answer.
pub async fn all(db: &PgPool) -> Result<Vec<EditedKeyword>, StoreError> {
    Ok(sqlx::query_as!(
        EditedKeyword,
        "SELECT id, slug, name, query, note, version FROM keywords ORDER BY position, id"
    )
    .fetch_all(db)
    .await?)
}

/// A keyword by its short name.
///
/// # Errors
/// The database does not answer.
pub async fn find(db: &PgPool, slug: &str) -> Result<Option<EditedKeyword>, StoreError> {
    Ok(sqlx::query_as!(
        EditedKeyword,
        "SELECT id, slug, name, query, note, version FROM keywords WHERE slug = $1",
        slug
    )
    .fetch_optional(db)
    .await?)
}

/// The versions of a keyword, youngest first.
///
/// # Errors
/// The database does not answer.
pub async fn versions(db: &PgPool, keyword: KeywordId) -> Result<Vec<KeywordVersion>, StoreError> {
    Ok(sqlx::query_as!(
        KeywordVersion,
        "SELECT version, query, saved_at, actor, reason
           FROM keyword_versions
          WHERE keyword_id = $1
          ORDER BY version DESC",
        keyword as KeywordId,
    )
    .fetch_all(db)
    .await?)
}

/// Adds a keyword behind all others; the past is matched with it. False if its short name is taken.
///
/// # Errors
/// The database does not answer; nothing was added then.
pub async fn add(
    db: &PgPool,
    keyword: NewKeyword<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let added = sqlx::query_scalar!(
        "INSERT INTO keywords (slug, name, query, note, position)
         SELECT $1, $2, $3, $4, coalesce(max(position) + 1, 0) FROM keywords
             ON CONFLICT (slug) DO NOTHING
         RETURNING id",
        keyword.slug,
        keyword.name,
        keyword.query,
        keyword.note,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = added else {
        return Ok(false);
    };
    note_version(&mut tx, id, 1, keyword.reason, actor, now).await?;
    beat::raise_revision(&mut tx).await?;
    let change = Change {
        action: "add",
        subject_kind: "keyword",
        subject: keyword.slug.to_owned(),
        before: None,
        after: Some(json!({
            "name": keyword.name, "query": keyword.query, "note": keyword.note, "version": 1, "reason": keyword.reason,
        })),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(true)
}

/// Saves a keyword. Another query is another version, with which the past is matched anew, and so are the keywords that
/// hang on it.
///
/// # Errors
/// The database does not answer; nothing was saved then.
pub async fn save(
    db: &PgPool,
    edit: KeywordEdit<'_>,
    dependants: &Dependants,
    actor: &str,
    now: Timestamp,
) -> Result<Saved, StoreError> {
    let mut tx = super::begin(db).await?;
    if !dependants.hold(&mut tx).await? {
        return Ok(Saved::BeatMoved);
    }
    let Some(before) = sqlx::query_as!(
        EditedKeyword,
        "SELECT id, slug, name, query, note, version FROM keywords WHERE slug = $1 FOR NO KEY UPDATE",
        edit.slug
    )
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(Saved::Unknown);
    };
    let is_as_seen = |seen| seen == (&*before.name, &*before.note);
    if before.version != edit.edited || !edit.seen.is_none_or(is_as_seen) {
        return Ok(Saved::Outdated(before.version));
    }
    if (&*before.name, &*before.query, &*before.note) == (edit.name, edit.query, edit.note) {
        return Ok(Saved::Same);
    }
    let has_other_query = before.query != edit.query;
    let version = before.version + i32::from(has_other_query);
    sqlx::query!(
        "UPDATE keywords SET name = $2, query = $3, note = $4, version = $5 WHERE id = $1",
        before.id as KeywordId,
        edit.name,
        edit.query,
        edit.note,
        version,
    )
    .execute(&mut *tx)
    .await?;
    if has_other_query {
        note_version(&mut tx, before.id, version, edit.reason, actor, now).await?;
        let reason = format!("keyword:{} changed", edit.slug);
        beat::raise(&mut tx, &dependants.keywords, &reason, actor, now).await?;
    }
    beat::raise_revision(&mut tx).await?;
    let change = Change {
        action: "change",
        subject_kind: "keyword",
        subject: edit.slug.to_owned(),
        before: Some(
            json!({"name": before.name, "query": before.query, "note": before.note, "version": before.version}),
        ),
        after: Some(
            json!({"name": edit.name, "query": edit.query, "note": edit.note, "version": version,
                           "reason": edit.reason}),
        ),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(Saved::As(version))
}

/// Writes down what a keyword asks for now as a version, with which the past is to be matched.
async fn note_version(
    tx: &mut PgConnection,
    keyword: KeywordId,
    version: i32,
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO keyword_versions (keyword_id, version, query, saved_at, actor, reason)
         SELECT id, $2, query, $3, $4, $5 FROM keywords WHERE id = $1",
        keyword as KeywordId,
        version,
        now as Timestamp,
        actor,
        reason,
    )
    .execute(&mut *tx)
    .await?;
    rematches::begin(tx, keyword, version, now).await
}
