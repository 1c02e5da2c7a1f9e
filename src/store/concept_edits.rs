//! Concepts and the names of outlets as admins change them: what is saved, its versions, and the one way to save another.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    beat::{self, Dependants},
    keyword_edits::Saved,
};
use crate::domain::{ConceptId, Timestamp};

/// Terms by language.
pub type Terms = BTreeMap<String, Vec<String>>;

/// A concept as it can be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedConcept {
    /// The concept.
    pub id: ConceptId,
    /// The name after `@`, which never changes.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its terms by language.
    pub terms: Terms,
    /// Its anti-terms.
    pub anti_terms: Vec<String>,
    /// What editors should know of it.
    pub note: String,
    /// The number of its version.
    pub version: i32,
}

/// A version of a concept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConceptVersion {
    /// Its number.
    pub version: i32,
    /// Its terms by language.
    pub terms: Terms,
    /// Its anti-terms.
    pub anti_terms: Vec<String>,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// By whom.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// What is to be saved of a concept.
#[derive(Debug, Clone, Copy)]
pub struct ConceptEdit<'a> {
    /// Which one.
    pub slug: &'a str,
    /// The version that was edited: an edit of an older one is refused.
    pub edited: i32,
    /// The name and the note that were edited, since others are no other version: an edit of others is refused. None: they
    /// may be any.
    pub seen: Option<(&'a str, &'a str)>,
    /// Its name for people.
    pub name: &'a str,
    /// Its terms by language.
    pub terms: &'a Terms,
    /// Its anti-terms.
    pub anti_terms: &'a [String],
    /// What editors should know of it.
    pub note: &'a str,
    /// Why it is changed.
    pub reason: &'a str,
}

struct Row {
    id: ConceptId,
    slug: String,
    name: String,
    terms: Value,
    anti_terms: Vec<String>,
    note: String,
    version: i32,
}

impl Row {
    fn into_concept(self) -> Result<EditedConcept, StoreError> {
        Ok(EditedConcept {
            terms: terms(self.terms, &self.slug)?,
            id: self.id,
            slug: self.slug,
            name: self.name,
            anti_terms: self.anti_terms,
            note: self.note,
            version: self.version,
        })
    }
}

fn terms(stored: Value, slug: &str) -> Result<Terms, StoreError> {
    serde_json::from_value(stored)
        .map_err(|error| StoreError::Unexpected(format!("terms of @{slug}: {error}")))
}

/// Every concept, by short name.
///
/// # Errors
/// The database does not answer.
pub async fn all(db: &PgPool) -> Result<Vec<EditedConcept>, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT id, slug, name, terms, anti_terms, note, version FROM concepts ORDER BY slug"
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Row::into_concept)
    .collect()
}

/// A concept by its short name.
///
/// # Errors
/// The database does not answer.
pub async fn find(db: &PgPool, slug: &str) -> Result<Option<EditedConcept>, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT id, slug, name, terms, anti_terms, note, version FROM concepts WHERE slug = $1",
        slug
    )
    .fetch_optional(db)
    .await?
    .map(Row::into_concept)
    .transpose()
}

/// The versions of a concept, youngest first.
///
/// # Errors
/// The database does not answer.
pub async fn versions(db: &PgPool, concept: ConceptId) -> Result<Vec<ConceptVersion>, StoreError> {
    sqlx::query!(
        "SELECT version, terms, anti_terms, saved_at, actor, reason
           FROM concept_versions
          WHERE concept_id = $1
          ORDER BY version DESC",
        concept as ConceptId,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(ConceptVersion {
            version: row.version,
            terms: terms(row.terms, "")?,
            anti_terms: row.anti_terms,
            saved_at: row.saved_at,
            actor: row.actor,
            reason: row.reason,
        })
    })
    .collect()
}

/// Adds a concept without terms. False if there is one of that name.
///
/// # Errors
/// The database does not answer; nothing was saved then.
pub async fn add(
    db: &PgPool,
    slug: &str,
    name: &str,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    beat::raise_revision(&mut tx).await?;
    let id = sqlx::query_scalar!(
        "INSERT INTO concepts (slug, name, terms) VALUES ($1, $2, '{}') ON CONFLICT (slug) DO NOTHING RETURNING id",
        slug,
        name,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = id else {
        return Ok(false);
    };
    note_version(&mut tx, id, 1, "", actor, now).await?;
    let change = Change {
        action: "add",
        subject_kind: "concept",
        subject: slug.to_owned(),
        before: None,
        after: Some(json!({"name": name})),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(true)
}

/// Saves a concept. Other terms are another version, and the past is matched anew with every keyword that hangs on it.
///
/// # Errors
/// The database does not answer; nothing was saved then.
pub async fn save(
    db: &PgPool,
    edit: ConceptEdit<'_>,
    dependants: &Dependants,
    actor: &str,
    now: Timestamp,
) -> Result<Saved, StoreError> {
    let mut tx = super::begin(db).await?;
    if !dependants.hold(&mut tx).await? {
        return Ok(Saved::BeatMoved);
    }
    let row = sqlx::query_as!(
        Row,
        "SELECT id, slug, name, terms, anti_terms, note, version FROM concepts WHERE slug = $1 FOR NO KEY UPDATE",
        edit.slug
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(before) = row.map(Row::into_concept).transpose()? else {
        return Ok(Saved::Unknown);
    };
    let is_as_seen = |seen| seen == (&*before.name, &*before.note);
    if before.version != edit.edited || !edit.seen.is_none_or(is_as_seen) {
        return Ok(Saved::Outdated(before.version));
    }
    let has_other_terms = &before.terms != edit.terms || before.anti_terms != edit.anti_terms;
    let is_same = (&*before.name, &*before.note) == (edit.name, edit.note) && !has_other_terms;
    if is_same {
        return Ok(Saved::Same);
    }
    let version = before.version + i32::from(has_other_terms);
    sqlx::query!(
        "UPDATE concepts SET name = $2, terms = $3, anti_terms = $4, note = $5, version = $6 WHERE id = $1",
        before.id as ConceptId,
        edit.name,
        json!(edit.terms),
        edit.anti_terms,
        edit.note,
        version,
    )
    .execute(&mut *tx)
    .await?;
    if has_other_terms {
        note_version(&mut tx, before.id, version, edit.reason, actor, now).await?;
        let reason = format!("@{} changed", edit.slug);
        beat::raise(&mut tx, &dependants.keywords, &reason, actor, now).await?;
    }
    beat::raise_revision(&mut tx).await?;
    let change = Change {
        action: "change",
        subject_kind: "concept",
        subject: edit.slug.to_owned(),
        before: Some(
            json!({"name": before.name, "terms": before.terms, "anti_terms": before.anti_terms,
                            "note": before.note, "version": before.version}),
        ),
        after: Some(
            json!({"name": edit.name, "terms": edit.terms, "anti_terms": edit.anti_terms, "note": edit.note,
                           "version": version, "reason": edit.reason}),
        ),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(Saved::As(version))
}

/// Writes down what a concept is now as a version.
pub(super) async fn note_version(
    tx: &mut PgConnection,
    concept: ConceptId,
    version: i32,
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO concept_versions (concept_id, version, terms, anti_terms, saved_at, actor, reason)
         SELECT id, $2, terms, anti_terms, $3, $4, $5 FROM concepts WHERE id = $1",
        concept as ConceptId,
        version,
        now as Timestamp,
        actor,
        reason,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The names of outlets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlets {
    /// The names.
    pub names: Vec<String>,
    /// The number of their version.
    pub version: i32,
}

/// A version of the names of outlets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutletVersion {
    /// Its number.
    pub version: i32,
    /// The names.
    pub outlets: Vec<String>,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// By whom.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// The names of outlets; none while no beat was loaded.
///
/// # Errors
/// The database does not answer.
pub async fn outlets(db: &PgPool) -> Result<Option<Outlets>, StoreError> {
    Ok(sqlx::query_as!(
        Outlets,
        "SELECT outlets AS names, outlets_version AS version FROM beat"
    )
    .fetch_optional(db)
    .await?)
}

/// The versions of the names of outlets, youngest first.
///
/// # Errors
/// The database does not answer.
pub async fn outlet_versions(db: &PgPool) -> Result<Vec<OutletVersion>, StoreError> {
    Ok(sqlx::query_as!(
        OutletVersion,
        "SELECT version, outlets, saved_at, actor, reason FROM outlet_versions ORDER BY version DESC"
    )
    .fetch_all(db)
    .await?)
}

/// Saves the names of outlets: another version, with which the past is matched anew.
///
/// # Errors
/// The database does not answer; nothing was saved then.
pub async fn save_outlets(
    db: &PgPool,
    edited: i32,
    names: &[String],
    reason: &str,
    dependants: &Dependants,
    actor: &str,
    now: Timestamp,
) -> Result<Saved, StoreError> {
    let mut tx = super::begin(db).await?;
    if !dependants.hold(&mut tx).await? {
        return Ok(Saved::BeatMoved);
    }
    let Some(before) = sqlx::query!("SELECT slug, outlets, outlets_version FROM beat")
        .fetch_optional(&mut *tx)
        .await?
    else {
        return Ok(Saved::Unknown);
    };
    if before.outlets_version != edited {
        return Ok(Saved::Outdated(before.outlets_version));
    }
    if before.outlets == names {
        return Ok(Saved::Same);
    }
    let version = edited + 1;
    write_outlets(&mut tx, version, names, reason, actor, now).await?;
    beat::raise_revision(&mut tx).await?;
    beat::raise(&mut tx, &dependants.keywords, "outlets changed", actor, now).await?;
    let change = Change {
        action: "change",
        subject_kind: "outlets",
        subject: before.slug,
        before: Some(Value::from(before.outlets)),
        after: Some(Value::from(names.to_vec())),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(Saved::As(version))
}

/// Writes the names of outlets as a version.
pub(super) async fn write_outlets(
    tx: &mut PgConnection,
    version: i32,
    names: &[String],
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE beat SET outlets = $1, outlets_version = $2",
        names,
        version
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "INSERT INTO outlet_versions (version, outlets, saved_at, actor, reason) VALUES ($1, $2, $3, $4, $5)",
        version,
        names,
        now as Timestamp,
        actor,
        reason,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
