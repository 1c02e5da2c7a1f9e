//! Feeds and sources as admins change them: paused, corrected, filed, one or many at a time.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor};

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    beat::{self, Dependants},
    feed_health::{self, PollWish},
};
use crate::domain::{FeedId, ListSelectors, SourceId, Tier, Timestamp};

/// A feed as it can be edited.
#[derive(Debug, Clone, PartialEq)]
pub struct EditedFeed {
    /// The feed.
    pub id: FeedId,
    /// Its address.
    pub url: String,
    /// What the desk calls it.
    pub title: Option<String>,
    /// Its language, if not the source's.
    pub language: Option<String>,
    /// Folder or category.
    pub category: String,
    /// What to know about it.
    pub note: String,
    /// How its list is read; none for a feed.
    pub list: Option<ListSelectors>,
    /// Its state, as a word.
    pub state: String,
    /// What is wrong with it, as a word of the contract.
    pub error: Option<String>,
    /// When it was last read.
    pub last_success_at: Option<Timestamp>,
    /// The source.
    pub source_id: SourceId,
    /// Its short name.
    pub source_slug: String,
    /// Its name.
    pub source: String,
    /// Its country.
    pub country: Option<String>,
    /// Its tier, as a word.
    pub tier: String,
}

impl EditedFeed {
    /// What of it can be changed, as it is.
    #[must_use]
    pub fn edit(&self) -> FeedEdit<'_> {
        FeedEdit {
            title: self.title.as_deref(),
            language: self.language.as_deref(),
            category: &self.category,
            note: &self.note,
            list: self.list.as_ref(),
            source: self.source_id,
        }
    }
}

/// What is to be changed of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEdit<'a> {
    /// What the desk calls it; none: what it calls itself.
    pub title: Option<&'a str>,
    /// Its language, if not the source's.
    pub language: Option<&'a str>,
    /// Folder or category.
    pub category: &'a str,
    /// What to know about it.
    pub note: &'a str,
    /// How its list is read; none leaves it.
    pub list: Option<&'a ListSelectors>,
    /// The source.
    pub source: SourceId,
}

/// What came of changing a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedChange {
    /// It is done.
    Done,
    /// There is no such feed or source.
    Unknown,
    /// It is not as it was seen: somebody else changed it.
    Outdated,
}

/// What is done to many feeds at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk<'a> {
    /// No longer asked.
    Pause,
    /// Asked again, now.
    Resume,
    /// Asked now; paused ones are left.
    PollSoon,
    /// Filed there.
    Category(&'a str),
    /// In this language; empty: that of their source.
    Language(&'a str),
}

struct Row {
    id: FeedId,
    url: String,
    title: Option<String>,
    language: Option<String>,
    category: String,
    note: String,
    selectors: Option<String>,
    state: String,
    error: Option<String>,
    last_success_at: Option<Timestamp>,
    source_id: SourceId,
    source_slug: String,
    source: String,
    country: Option<String>,
    tier: String,
}

impl TryFrom<Row> for EditedFeed {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let list = row
            .selectors
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| StoreError::Unexpected(format!("selectors of a feed: {error}")))?;
        Ok(Self {
            list,
            id: row.id,
            url: row.url,
            title: row.title,
            language: row.language,
            category: row.category,
            note: row.note,
            state: row.state,
            error: row.error,
            last_success_at: row.last_success_at,
            source_id: row.source_id,
            source_slug: row.source_slug,
            source: row.source,
            country: row.country,
            tier: row.tier,
        })
    }
}

/// Feeds by source and address; one if a number is given.
///
/// # Errors
/// The database does not answer.
pub async fn feeds(
    db: impl PgExecutor<'_>,
    only: Option<FeedId>,
) -> Result<Vec<EditedFeed>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT f.id, f.url, f.title, f.language, f.category, f.note, f.selectors::text AS selectors, f.state,
                  f.last_error_code AS error, f.last_success_at AS "last_success_at?: Timestamp",
                  f.source_id AS "source_id: SourceId", s.slug AS source_slug, s.name AS source, s.country, s.tier
             FROM feeds f
             JOIN sources s ON s.id = f.source_id
            WHERE $1::bigint IS NULL OR f.id = $1
            ORDER BY s.name, s.id, f.url"#,
        only as Option<FeedId>,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(EditedFeed::try_from)
    .collect()
}

/// Changes what the desk knows of a feed, if it is still as it was `seen`.
///
/// With other selectors the same page has other entries: it is read anew, whole, and a poll that runs counts for nothing.
///
/// # Errors
/// The database does not answer; nothing was changed then.
pub async fn change(
    db: &PgPool,
    id: FeedId,
    edit: FeedEdit<'_>,
    seen: FeedEdit<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<FeedChange, StoreError> {
    let list = edit
        .list
        .map(serde_json::to_string)
        .transpose()
        .map_err(|error| StoreError::Unexpected(format!("selectors of a feed: {error}")))?;
    let mut tx = super::begin(db).await?;
    let Some(before) = snapshot(&mut tx, id).await? else {
        return Ok(FeedChange::Unknown);
    };
    let is_as_seen = |feed: &EditedFeed| feed.edit() == seen;
    if !feeds(&mut *tx, Some(id)).await?.iter().all(is_as_seen) {
        return Ok(FeedChange::Outdated);
    }
    let read_with = selectors(&mut tx, id).await?;
    let changed = sqlx::query!(
        "UPDATE feeds
            SET title = $2, language = $3, category = $4, note = $5,
                selectors = CASE WHEN kind = 'list' THEN coalesce(($6::text)::jsonb, selectors) ELSE selectors END,
                source_id = $7
          WHERE id = $1
            AND EXISTS (SELECT FROM sources WHERE id = $7)",
        id as FeedId,
        edit.title,
        edit.language,
        edit.category,
        edit.note,
        list,
        edit.source as SourceId,
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(FeedChange::Unknown);
    }
    if edit.list.is_some() && selectors(&mut tx, id).await? != read_with {
        read_anew(&mut tx, &[id], now).await?;
    }
    note(&mut tx, id, "change", before, actor, now).await?;
    tx.commit().await?;
    Ok(FeedChange::Done)
}

async fn selectors(tx: &mut PgConnection, id: FeedId) -> Result<Option<Value>, StoreError> {
    Ok(
        sqlx::query_scalar!("SELECT selectors FROM feeds WHERE id = $1", id as FeedId)
            .fetch_one(tx)
            .await?,
    )
}

/// Forgets what is known of the last documents of feeds, and makes them due: with other selectors the same page has other
/// entries. A poll that runs is not recorded.
pub(super) async fn read_anew(
    tx: &mut PgConnection,
    ids: &[FeedId],
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE feeds
            SET etag = NULL, last_modified = NULL, body_hash = NULL,
                next_poll_at = CASE WHEN state = 'paused' THEN NULL ELSE $2::timestamptz END,
                next_poll_reason = CASE WHEN state = 'paused' THEN next_poll_reason ELSE 'read with other selectors' END,
                lease_token = lease_token + 1, lease_until = NULL
          WHERE id = ANY($1)",
        ids as &[FeedId],
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// How often a change of many feeds is tried that meets recordings of their polls.
const BULK_TRIES: u32 = 5;

/// Does the same to many feeds. Returns how many it changed.
///
/// # Errors
/// The database does not answer; nothing was changed then.
pub async fn bulk(
    db: &PgPool,
    ids: &[FeedId],
    what: Bulk<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut tries = 1;
    loop {
        match change_all(db, &sorted, what, actor, now).await {
            // Polls of the same feeds are recorded in another order; one of the two has to begin anew.
            Err(error) if error.is_conflict() && tries < BULK_TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn change_all(
    db: &PgPool,
    ids: &[FeedId],
    what: Bulk<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut tx = super::begin(db).await?;
    let mut changed = 0;
    for &id in ids {
        let Some(before) = snapshot(&mut tx, id).await? else {
            continue;
        };
        let action = match what {
            Bulk::Pause => "pause",
            Bulk::Resume => "resume",
            Bulk::PollSoon | Bulk::Category(_) | Bulk::Language(_) => "change",
        };
        if apply(&mut tx, id, what, now).await? {
            changed += 1;
            // That a feed is asked sooner changes nothing that lasts.
            if what != Bulk::PollSoon {
                note(&mut tx, id, action, before, actor, now).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(changed)
}

async fn apply(
    tx: &mut PgConnection,
    id: FeedId,
    what: Bulk<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = match what {
        Bulk::Pause => {
            sqlx::query!(
                "UPDATE feeds
                    SET state = 'paused', next_poll_at = NULL, next_poll_reason = 'paused'
                  WHERE id = $1 AND state <> 'paused'",
                id as FeedId
            )
            .execute(tx)
            .await?
        }
        Bulk::Resume => {
            sqlx::query!(
                "UPDATE feeds
                    SET state = CASE WHEN last_success_at IS NULL THEN 'waiting' ELSE 'active' END,
                        next_poll_at = $2, next_poll_reason = 'asked again after a pause', consecutive_failures = 0
                  WHERE id = $1 AND state = 'paused'",
                id as FeedId,
                now as Timestamp,
            )
            .execute(tx)
            .await?
        }
        Bulk::PollSoon => {
            let wish = feed_health::ask_poll_soon(tx, id, now).await?;
            return Ok(wish == PollWish::Noted);
        }
        Bulk::Category(category) => {
            sqlx::query!(
                "UPDATE feeds SET category = $2 WHERE id = $1 AND category <> $2",
                id as FeedId,
                category,
            )
            .execute(tx)
            .await?
        }
        Bulk::Language(language) => {
            sqlx::query!(
                "UPDATE feeds
                    SET language = nullif($2, '')
                  WHERE id = $1 AND language IS DISTINCT FROM nullif($2, '')",
                id as FeedId,
                language,
            )
            .execute(tx)
            .await?
        }
    };
    Ok(done.rows_affected() > 0)
}

/// What the audit says of a feed, locked.
async fn snapshot(
    tx: &mut PgConnection,
    id: FeedId,
) -> Result<Option<(String, Value)>, StoreError> {
    Ok(sqlx::query!(
        r#"SELECT f.url, f.title, f.language, f.category, f.note, f.selectors, f.state = 'paused' AS "paused!",
                  s.slug AS source
             FROM feeds f
             JOIN sources s ON s.id = f.source_id
            WHERE f.id = $1
              FOR NO KEY UPDATE OF f"#,
        id as FeedId
    )
    .fetch_optional(tx)
    .await?
    .map(|row| {
        let told = json!({
            "title": row.title, "language": row.language, "category": row.category, "note": row.note,
            "list": row.selectors, "paused": row.paused, "source": row.source,
        });
        (row.url, told)
    }))
}

async fn note(
    tx: &mut PgConnection,
    id: FeedId,
    action: &'static str,
    before: (String, Value),
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some((subject, after)) = snapshot(tx, id).await? else {
        return Ok(());
    };
    if after == before.1 {
        return Ok(());
    }
    let change = Change {
        action,
        subject_kind: "feed",
        subject,
        before: Some(before.1),
        after: Some(after),
    };
    audit::record(tx, actor, now, &[change]).await
}

/// What is known of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEdit {
    /// Its name for people.
    pub name: String,
    /// Its registered domain.
    pub domain: String,
    /// Its country.
    pub country: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// Its tier.
    pub tier: Tier,
    /// Its tags.
    pub tags: Vec<String>,
    /// What to know about it.
    pub note: String,
}

/// What came of changing a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceChange {
    /// It is done.
    Done,
    /// There is no such source; or, of one to be added, there is.
    Unknown,
    /// It is not as it was seen: somebody else changed it.
    Outdated,
    /// The beat was changed since the dependants were found: find them anew.
    BeatMoved,
}

/// A source by its short name.
///
/// # Errors
/// The database does not answer, or holds a tier that no version of wirewatch writes.
pub async fn source(db: &PgPool, slug: &str) -> Result<Option<(SourceId, SourceEdit)>, StoreError> {
    let mut connection = db.acquire().await?;
    read_source(&mut connection, slug).await
}

async fn read_source(
    connection: &mut PgConnection,
    slug: &str,
) -> Result<Option<(SourceId, SourceEdit)>, StoreError> {
    sqlx::query!(
        r#"SELECT id AS "id: SourceId", name, domain, country, language, tier, tags, note
             FROM sources
            WHERE slug = $1
              FOR NO KEY UPDATE"#,
        slug
    )
    .fetch_optional(connection)
    .await?
    .map(|row| {
        let tier = row
            .tier
            .parse()
            .map_err(|error| StoreError::Unexpected(format!("source {slug}: {error}")))?;
        let edit = SourceEdit {
            name: row.name,
            domain: row.domain,
            country: row.country,
            language: row.language,
            tier,
            tags: row.tags,
            note: row.note,
        };
        Ok((row.id, edit))
    })
    .transpose()
}

fn told(edit: &SourceEdit) -> Value {
    json!({
        "name": edit.name, "domain": edit.domain, "country": edit.country, "language": edit.language,
        "tier": edit.tier, "tags": edit.tags, "note": edit.note,
    })
}

/// Adds a source without feeds.
///
/// # Errors
/// The database does not answer; nothing was written then.
pub async fn add_source(
    db: &PgPool,
    slug: &str,
    edit: &SourceEdit,
    actor: &str,
    now: Timestamp,
) -> Result<SourceChange, StoreError> {
    let mut tx = super::begin(db).await?;
    let done = sqlx::query!(
        "INSERT INTO sources (slug, name, domain, country, language, tier, tags, note, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (slug) DO NOTHING",
        slug,
        edit.name,
        edit.domain,
        edit.country,
        edit.language,
        edit.tier.as_str(),
        &edit.tags,
        edit.note,
        now as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(SourceChange::Unknown);
    }
    let change = Change {
        action: "add",
        subject_kind: "source",
        subject: slug.to_owned(),
        before: None,
        after: Some(told(edit)),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(SourceChange::Done)
}

/// Changes what is known of a source, if it is still as it was `seen`, and matches the past anew with the keywords that ask for it.
///
/// # Errors
/// The database does not answer; nothing was changed then.
pub async fn change_source(
    db: &PgPool,
    slug: &str,
    edit: &SourceEdit,
    seen: &SourceEdit,
    dependants: &Dependants,
    actor: &str,
    now: Timestamp,
) -> Result<SourceChange, StoreError> {
    let mut tx = super::begin(db).await?;
    if !dependants.hold(&mut tx).await? {
        return Ok(SourceChange::BeatMoved);
    }
    let Some((id, before)) = read_source(&mut tx, slug).await? else {
        return Ok(SourceChange::Unknown);
    };
    if before == *edit {
        return Ok(SourceChange::Done);
    }
    if before != *seen {
        return Ok(SourceChange::Outdated);
    }
    sqlx::query!(
        "UPDATE sources
            SET name = $2, domain = $3, country = $4, language = $5, tier = $6, tags = $7, note = $8
          WHERE id = $1",
        id as SourceId,
        edit.name,
        edit.domain,
        edit.country,
        edit.language,
        edit.tier.as_str(),
        &edit.tags,
        edit.note,
    )
    .execute(&mut *tx)
    .await?;
    let has_same_facts = SourceEdit {
        note: edit.note.clone(),
        ..before.clone()
    } == *edit;
    if !has_same_facts {
        let reason = format!("source {slug} changed");
        beat::raise(&mut tx, &dependants.keywords, &reason, actor, now).await?;
        beat::raise_revision(&mut tx).await?;
    }
    let change = Change {
        action: "change",
        subject_kind: "source",
        subject: slug.to_owned(),
        before: Some(told(&before)),
        after: Some(told(edit)),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(SourceChange::Done)
}
