//! Feeds that people add one by one.

use serde_json::json;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
};
use crate::domain::{FeedId, FeedUrl, ListSelectors, SourceId, Timestamp};

/// A feed to be added.
#[derive(Debug, Clone)]
pub struct NewFeed<'a> {
    /// Its source.
    pub source: SourceId,
    /// Its address.
    pub url: &'a FeedUrl,
    /// What the desk calls it; none: what it calls itself.
    pub title: Option<&'a str>,
    /// How its list is read; none: it is a feed.
    pub list: Option<&'a ListSelectors>,
    /// What the desk knows about it.
    pub note: &'a str,
}

/// What came of adding a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is there, and is read soon.
    Done(FeedId),
    /// It was there before.
    Known(FeedId),
    /// There is no such source.
    NoSource,
}

/// Adds a feed, due at once, and writes it into the audit.
///
/// # Errors
/// The database does not answer.
pub async fn add(
    db: &PgPool,
    feed: &NewFeed<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<Added, StoreError> {
    let list = feed
        .list
        .map(serde_json::to_string)
        .transpose()
        .map_err(|error| StoreError::Unexpected(format!("selectors of a feed: {error}")))?;
    let mut tx = super::begin(db).await?;
    let Some(source) = sqlx::query_scalar!(
        "SELECT slug FROM sources WHERE id = $1",
        feed.source as SourceId
    )
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(Added::NoSource);
    };
    let id = sqlx::query_scalar!(
        "INSERT INTO feeds (source_id, url, host, title, note, created_at, next_poll_at, next_poll_reason, kind, selectors)
         VALUES ($1, $2, $3, $4, $5, $6, $6, 'first read', CASE WHEN $7::text IS NULL THEN 'feed' ELSE 'list' END,
                 ($7::text)::jsonb)
             ON CONFLICT (url) DO NOTHING
         RETURNING id",
        feed.source as SourceId,
        feed.url.as_str(),
        feed.url.host(),
        feed.title,
        feed.note,
        now as Timestamp,
        list,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = id else {
        let known = sqlx::query_scalar!("SELECT id FROM feeds WHERE url = $1", feed.url.as_str())
            .fetch_one(&mut *tx)
            .await?;
        return Ok(Added::Known(known));
    };
    let change = Change {
        action: "add",
        subject_kind: "feed",
        subject: feed.url.as_str().to_owned(),
        before: None,
        after: Some(json!({
            "source": source, "title": feed.title, "list": feed.list, "note": feed.note,
        })),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(Added::Done(id))
}
