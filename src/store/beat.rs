//! The beat: sources, feeds, concepts, keywords and outlet names, read and written as a whole.
//!
//! The file format is [`Beat`]; after the first start the database is what counts, and a file is merged into it.

mod import;
mod raise;

use sqlx::PgConnection;

pub use import::{Hangs, Imported, Merge, import};
pub use raise::Dependants;
pub(super) use raise::{raise, raise_revision};

use super::{PgPool, StoreError};
use crate::domain::{
    Beat, BeatConcept, BeatFeed, BeatKeyword, BeatSource, Concept, Keyword, SourceId,
};

/// What the engine is compiled from.
#[derive(Debug, Clone, Default)]
pub struct EngineSource {
    /// Grows with every change.
    pub revision: i64,
    /// The saved queries, in the order of the board.
    pub keywords: Vec<Keyword>,
    /// The named lists of terms.
    pub concepts: Vec<Concept>,
    /// Names inside which no concept is mentioned.
    pub outlets: Vec<String>,
}

/// The number of the last change, or none while no beat was loaded.
///
/// # Errors
/// The database does not answer.
pub async fn revision(db: &PgPool) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar!("SELECT revision FROM beat")
        .fetch_optional(db)
        .await?)
}

/// Everything that the engine is compiled from, as of one instant.
///
/// # Errors
/// The database does not answer.
pub async fn engine_source(db: &PgPool) -> Result<EngineSource, StoreError> {
    let mut tx = super::begin(db).await?;
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *tx)
        .await?;
    let Some(row) = sqlx::query!("SELECT revision, outlets FROM beat")
        .fetch_optional(&mut *tx)
        .await?
    else {
        return Ok(EngineSource::default());
    };
    let keywords = sqlx::query_as!(
        Keyword,
        "SELECT id, slug, name, version, query FROM keywords ORDER BY position, id"
    )
    .fetch_all(&mut *tx)
    .await?;
    let concepts = read_concepts(&mut tx)
        .await?
        .into_iter()
        .map(|concept| Concept {
            slug: concept.slug,
            name: concept.name,
            terms: concept.terms.into_values().flatten().collect(),
            anti_terms: concept.anti_terms,
        })
        .collect();
    tx.commit().await?;
    Ok(EngineSource {
        revision: row.revision,
        keywords,
        concepts,
        outlets: row.outlets,
    })
}

/// The whole beat as a file would hold it; none while no beat was loaded.
///
/// # Errors
/// The database does not answer, or holds what no version of wirewatch writes.
pub async fn export(db: &PgPool) -> Result<Option<Beat>, StoreError> {
    let mut tx = super::begin(db).await?;
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *tx)
        .await?;
    let beat = read(&mut tx).await?;
    tx.commit().await?;
    Ok(beat)
}

async fn read(tx: &mut PgConnection) -> Result<Option<Beat>, StoreError> {
    let Some(row) = sqlx::query!("SELECT slug, name, outlets FROM beat")
        .fetch_optional(&mut *tx)
        .await?
    else {
        return Ok(None);
    };
    let keywords = sqlx::query_as!(
        BeatKeyword,
        "SELECT slug, name, query, note FROM keywords ORDER BY position, id"
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(Some(Beat {
        format: 1,
        slug: row.slug,
        name: row.name,
        outlets: row.outlets,
        keywords,
        concepts: read_concepts(tx).await?,
        sources: read_sources(tx).await?,
    }))
}

async fn read_concepts(tx: &mut PgConnection) -> Result<Vec<BeatConcept>, StoreError> {
    sqlx::query!("SELECT slug, name, terms, anti_terms, note FROM concepts ORDER BY id")
        .fetch_all(tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(BeatConcept {
                terms: serde_json::from_value(row.terms).map_err(|error| {
                    StoreError::Unexpected(format!("terms of @{}: {error}", row.slug))
                })?,
                slug: row.slug,
                name: row.name,
                anti_terms: row.anti_terms,
                note: row.note,
            })
        })
        .collect()
}

async fn read_sources(tx: &mut PgConnection) -> Result<Vec<BeatSource>, StoreError> {
    let rows = sqlx::query!("SELECT id, slug, name, domain, country, language, tier, tags, note FROM sources ORDER BY id")
        .fetch_all(&mut *tx)
        .await?;
    let mut sources: Vec<(SourceId, BeatSource)> = Vec::with_capacity(rows.len());
    for row in rows {
        let tier = row
            .tier
            .parse()
            .map_err(|error| StoreError::Unexpected(format!("source {}: {error}", row.slug)))?;
        let source = BeatSource {
            slug: row.slug,
            name: row.name,
            domain: row.domain,
            country: row.country,
            language: row.language,
            tier,
            tags: row.tags,
            note: row.note,
            feeds: Vec::new(),
        };
        sources.push((row.id, source));
    }
    let feeds = sqlx::query!("SELECT source_id, url, title, language, category, state, note, selectors::text AS selectors FROM feeds ORDER BY source_id, id")
        .fetch_all(tx)
        .await?;
    for row in feeds {
        let Ok(place) = sources.binary_search_by_key(&row.source_id, |(id, _)| *id) else {
            continue;
        };
        let url = row
            .url
            .parse()
            .map_err(|error| StoreError::Unexpected(format!("feed {}: {error}", row.url)))?;
        sources[place].1.feeds.push(BeatFeed {
            url,
            title: row.title,
            language: row.language,
            list: row
                .selectors
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(|error| StoreError::Unexpected(format!("selectors of a feed: {error}")))?,
            category: row.category,
            paused: row.state == "paused",
            note: row.note,
        });
    }
    Ok(sources.into_iter().map(|(_, source)| source).collect())
}
