//! Keywords and every query that they had.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::Timestamp,
    store::{
        PgPool,
        keyword_edits::{self, EditedKeyword, KeywordVersion},
    },
    web::{error::WebError, extract::Path},
};

/// All keywords, in the order of the board.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct KeywordsBody {
    keywords: Vec<KeywordBody>,
}

/// A keyword.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct KeywordBody {
    /// Short name, as in addresses.
    slug: String,
    name: String,
    query: String,
    note: String,
    version: i32,
}

impl From<EditedKeyword> for KeywordBody {
    fn from(keyword: EditedKeyword) -> Self {
        Self {
            slug: keyword.slug,
            name: keyword.name,
            query: keyword.query,
            note: keyword.note,
            version: keyword.version,
        }
    }
}

/// Every query that a keyword had.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct VersionsBody {
    versions: Vec<VersionBody>,
}

/// A query that a keyword had.
#[derive(Debug, Serialize, ToSchema)]
struct VersionBody {
    version: i32,
    query: String,
    saved: Timestamp,
    /// Who saved it.
    by: String,
    reason: String,
}

impl From<KeywordVersion> for VersionBody {
    fn from(version: KeywordVersion) -> Self {
        Self {
            version: version.version,
            query: version.query,
            saved: version.saved_at,
            by: version.actor,
            reason: version.reason,
        }
    }
}

/// All keywords
#[utoipa::path(get, path = "/api/v1/keywords", tag = "keywords",
    responses((status = 200, description = "All keywords, in the order of the board", body = KeywordsBody)))]
pub(in crate::web) async fn list(State(db): State<PgPool>) -> Result<Json<KeywordsBody>, WebError> {
    let all = keyword_edits::all(&db).await?;
    Ok(Json(KeywordsBody {
        keywords: all.into_iter().map(KeywordBody::from).collect(),
    }))
}

/// One keyword
#[utoipa::path(get, path = "/api/v1/keywords/{slug}", tag = "keywords",
    params(("slug" = String, Path, description = "Short name of the keyword")),
    responses((status = 200, description = "The keyword", body = KeywordBody)))]
pub(in crate::web) async fn one(
    State(db): State<PgPool>,
    Path(slug): Path<String>,
) -> Result<Json<KeywordBody>, WebError> {
    Ok(Json(found(&db, &slug).await?.into()))
}

/// Every query that a keyword had
#[utoipa::path(get, path = "/api/v1/keywords/{slug}/versions", tag = "keywords",
    params(("slug" = String, Path, description = "Short name of the keyword")),
    responses((status = 200, description = "The queries, the newest first", body = VersionsBody)))]
pub(in crate::web) async fn versions(
    State(db): State<PgPool>,
    Path(slug): Path<String>,
) -> Result<Json<VersionsBody>, WebError> {
    let keyword = found(&db, &slug).await?;
    let versions = keyword_edits::versions(&db, keyword.id).await?;
    Ok(Json(VersionsBody {
        versions: versions.into_iter().map(VersionBody::from).collect(),
    }))
}

async fn found(db: &PgPool, slug: &str) -> Result<EditedKeyword, WebError> {
    keyword_edits::find(db, slug)
        .await?
        .ok_or(WebError::NotFound("keyword"))
}
