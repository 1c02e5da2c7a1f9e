//! Subscriptions: who is told of which keywords when.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
};
use crate::domain::{
    KeywordId, SubscriptionId, Timestamp,
    delivery::{Kind, Pace},
    digest::{DigestFilter, Schedule, SubscribedKeyword, Subscription},
};

/// What a subscription is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name for people.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// When its issues come; of an alert only the zone counts.
    pub schedule: Schedule,
    /// How often an alert speaks.
    pub pace: Pace,
    /// Which stories it takes.
    pub filter: DigestFilter,
    /// Stories that one edition shows at most, 1 to 1,000.
    pub story_limit: u32,
    /// Whether an issue without news is sent.
    pub sends_empty: bool,
    /// Minutes that an issue waits for an editor before it goes out, 0 to 1,440.
    pub review_minutes: u16,
    /// Short names of its keywords, in the order of its editions.
    pub keywords: Vec<String>,
}

/// A subscription as stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Number.
    pub id: SubscriptionId,
    /// Short name, for addresses.
    pub slug: String,
    /// What it is to be.
    pub wanted: Wanted,
    /// Its keywords, in the order of its editions.
    pub keywords: Vec<SubscribedKeyword>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Since when it rests.
    pub paused_at: Option<Timestamp>,
    /// Every issue due up to here is composed or recorded as missed.
    pub settled_to: Timestamp,
    /// When there is something to do.
    pub next_at: Option<Timestamp>,
    /// That somebody asked for an issue at once.
    pub run_at: Option<Timestamp>,
}

impl Stored {
    /// What an edition is composed for.
    #[must_use]
    pub fn to_subscription(&self) -> Subscription {
        Subscription {
            id: self.id,
            slug: self.slug.clone(),
            name: self.wanted.name.clone(),
            keywords: self.keywords.clone(),
            filter: self.wanted.filter.clone(),
            limit: self.wanted.story_limit,
            zone: self.wanted.schedule.zone.clone(),
            several_a_day: self.wanted.kind != Kind::Digest || self.wanted.schedule.times.len() > 1,
        }
    }
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// It is done.
    Done(SubscriptionId),
    /// There is no such subscription.
    Unknown,
    /// The short name is taken.
    Taken,
    /// There is no such keyword.
    NoKeyword(String),
    /// It is not as it was seen: somebody else changed it.
    Outdated,
}

/// A row as the database gives it.
pub(super) struct Row {
    pub(super) id: SubscriptionId,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) schedule: Value,
    pub(super) pace: Value,
    pub(super) filter: Value,
    pub(super) story_limit: i32,
    pub(super) sends_empty: bool,
    pub(super) review_minutes: i32,
    pub(super) created_by: String,
    pub(super) created_at: Timestamp,
    pub(super) paused_at: Option<Timestamp>,
    pub(super) settled_to: Timestamp,
    pub(super) next_at: Option<Timestamp>,
    pub(super) run_at: Option<Timestamp>,
}

fn unreadable(error: &serde_json::Error) -> StoreError {
    StoreError::Unexpected(format!("a subscription: {error}"))
}

impl Row {
    pub(super) fn read(self, keywords: Vec<SubscribedKeyword>) -> Result<Stored, StoreError> {
        let kind = self
            .kind
            .parse()
            .map_err(|_| StoreError::UnknownWord(self.kind.clone()))?;
        Ok(Stored {
            id: self.id,
            slug: self.slug,
            wanted: Wanted {
                name: self.name,
                kind,
                schedule: serde_json::from_value(self.schedule)
                    .map_err(|error| unreadable(&error))?,
                pace: serde_json::from_value(self.pace).map_err(|error| unreadable(&error))?,
                filter: serde_json::from_value(self.filter).map_err(|error| unreadable(&error))?,
                story_limit: self.story_limit.unsigned_abs(),
                sends_empty: self.sends_empty,
                review_minutes: u16::try_from(self.review_minutes).unwrap_or_default(),
                keywords: keywords
                    .iter()
                    .map(|keyword| keyword.slug.clone())
                    .collect(),
            },
            keywords,
            created_by: self.created_by,
            created_at: self.created_at,
            paused_at: self.paused_at,
            settled_to: self.settled_to,
            next_at: self.next_at,
            run_at: self.run_at,
        })
    }
}

/// The keywords of a subscription, in the order of its editions.
pub(super) async fn keywords_of(
    tx: &mut PgConnection,
    id: SubscriptionId,
) -> Result<Vec<SubscribedKeyword>, StoreError> {
    Ok(sqlx::query_as!(
        SubscribedKeyword,
        "SELECT k.id, k.slug, k.name
           FROM subscription_keywords s
           JOIN keywords k ON k.id = s.keyword_id
          WHERE s.subscription_id = $1
          ORDER BY s.position, k.id",
        id as SubscriptionId,
    )
    .fetch_all(tx)
    .await?)
}

/// All subscriptions, by name.
///
/// # Errors
/// The database does not answer.
pub async fn all(db: &PgPool) -> Result<Vec<Stored>, StoreError> {
    let mut connection = db.acquire().await?;
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, slug, name, kind, schedule, pace, filter, story_limit, sends_empty, review_minutes, created_by,
                created_at, paused_at, settled_to, next_at, run_at
           FROM subscriptions
          ORDER BY name, id"
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut all = Vec::new();
    for row in rows {
        let keywords = keywords_of(&mut connection, row.id).await?;
        all.push(row.read(keywords)?);
    }
    Ok(all)
}

/// The subscription with this short name.
///
/// # Errors
/// The database does not answer.
pub async fn by_slug(db: &PgPool, slug: &str) -> Result<Option<Stored>, StoreError> {
    let mut connection = db.acquire().await?;
    read(&mut connection, slug).await
}

async fn read(connection: &mut PgConnection, slug: &str) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, slug, name, kind, schedule, pace, filter, story_limit, sends_empty, review_minutes, created_by,
                created_at, paused_at, settled_to, next_at, run_at
           FROM subscriptions
          WHERE slug = $1",
        slug
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let keywords = keywords_of(connection, row.id).await?;
    row.read(keywords).map(Some)
}

fn told(wanted: &Wanted) -> Value {
    json!({
        "name": wanted.name,
        "kind": wanted.kind,
        "schedule": wanted.schedule,
        "pace": wanted.pace,
        "filter": wanted.filter,
        "story_limit": wanted.story_limit,
        "sends_empty": wanted.sends_empty,
        "review_minutes": wanted.review_minutes,
        "keywords": wanted.keywords,
    })
}

fn as_json(value: &impl serde::Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|error| unreadable(&error))
}

/// Makes a subscription. What arrived before is no news to it.
///
/// # Errors
/// The database does not answer.
pub async fn add(
    db: &PgPool,
    slug: &str,
    wanted: &Wanted,
    actor: &str,
    now: Timestamp,
) -> Result<SubscriptionChange, StoreError> {
    let mut tx = super::begin(db).await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO subscriptions (slug, name, kind, schedule, pace, filter, story_limit, sends_empty, review_minutes,
                                      created_by, created_at, settled_to, next_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11)
               ON CONFLICT (slug) DO NOTHING
           RETURNING id AS "id: SubscriptionId""#,
        slug,
        wanted.name,
        wanted.kind.as_str(),
        as_json(&wanted.schedule)?,
        as_json(&wanted.pace)?,
        as_json(&wanted.filter)?,
        i32::try_from(wanted.story_limit).unwrap_or(i32::MAX),
        wanted.sends_empty,
        i32::from(wanted.review_minutes),
        actor,
        now as Timestamp,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = id else {
        return Ok(SubscriptionChange::Taken);
    };
    if let Some(missing) = set_keywords(&mut tx, id, &wanted.keywords).await? {
        return Ok(SubscriptionChange::NoKeyword(missing));
    }
    record(&mut tx, "add", slug, None, Some(told(wanted)), actor, now).await?;
    tx.commit().await?;
    Ok(SubscriptionChange::Done(id))
}

async fn record(
    tx: &mut PgConnection,
    action: &'static str,
    slug: &str,
    before: Option<Value>,
    after: Option<Value>,
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let change = Change {
        action,
        subject_kind: "digest",
        subject: slug.to_owned(),
        before,
        after,
    };
    audit::record(tx, actor, now, &[change]).await
}

/// Sets the keywords; those that stay keep the number from which on they tell. Returns the first that does not exist.
async fn set_keywords(
    tx: &mut PgConnection,
    id: SubscriptionId,
    slugs: &[String],
) -> Result<Option<String>, StoreError> {
    let known = sqlx::query!(
        r#"SELECT wanted.slug AS "slug!", k.id AS "id?: KeywordId"
             FROM UNNEST($1::text[]) WITH ORDINALITY AS wanted (slug, place)
             LEFT JOIN keywords k ON k.slug = wanted.slug
            ORDER BY wanted.place"#,
        slugs
    )
    .fetch_all(&mut *tx)
    .await?;
    if let Some(missing) = known.iter().find(|keyword| keyword.id.is_none()) {
        return Ok(Some(missing.slug.clone()));
    }
    let ids: Vec<KeywordId> = known.iter().filter_map(|keyword| keyword.id).collect();
    sqlx::query!(
        "DELETE FROM subscription_keywords WHERE subscription_id = $1 AND keyword_id <> ALL ($2)",
        id as SubscriptionId,
        &ids as &[KeywordId],
    )
    .execute(&mut *tx)
    .await?;
    // The lock waits for a placing that is under way: its numbers are news or are not, never half.
    sqlx::query!(
        "WITH arrived AS (SELECT last FROM arrivals FOR SHARE)
         INSERT INTO subscription_keywords (subscription_id, keyword_id, position, since_arrival)
         SELECT DISTINCT ON (keyword_id) $1, keyword_id, place::integer, arrived.last
           FROM UNNEST($2::bigint[]) WITH ORDINALITY AS wanted (keyword_id, place), arrived
          ORDER BY keyword_id, place
             ON CONFLICT (subscription_id, keyword_id) DO UPDATE SET position = excluded.position",
        id as SubscriptionId,
        &ids as &[KeywordId],
    )
    .execute(tx)
    .await?;
    Ok(None)
}

/// Changes a subscription, if it is still as it was `seen`. Another schedule begins now, unless an issue of the old one is late.
///
/// # Errors
/// The database does not answer.
pub async fn change(
    db: &PgPool,
    slug: &str,
    wanted: &Wanted,
    seen: &Wanted,
    actor: &str,
    now: Timestamp,
) -> Result<SubscriptionChange, StoreError> {
    let mut tx = super::begin(db).await?;
    sqlx::query!(
        "SELECT FROM subscriptions WHERE slug = $1 FOR NO KEY UPDATE",
        slug
    )
    .execute(&mut *tx)
    .await?;
    let Some(before) = read(&mut tx, slug).await? else {
        return Ok(SubscriptionChange::Unknown);
    };
    let id = before.id;
    if before.wanted == *wanted {
        return Ok(SubscriptionChange::Done(id));
    }
    if before.wanted != *seen {
        return Ok(SubscriptionChange::Outdated);
    }
    let is_rescheduled = before.wanted.schedule != wanted.schedule;
    let done = sqlx::query!(
        "UPDATE subscriptions
            SET name = $2, kind = $3, schedule = $4, pace = $5, filter = $6, story_limit = $7, sends_empty = $8,
                review_minutes = $9,
                settled_to = CASE WHEN $10 AND coalesce(next_at > $11, true) THEN greatest(settled_to, $11)
                                  ELSE settled_to END,
                next_at = CASE WHEN paused_at IS NULL THEN $11 END,
                looked_at_mark = 0
          WHERE id = $1",
        id as SubscriptionId,
        wanted.name,
        wanted.kind.as_str(),
        as_json(&wanted.schedule)?,
        as_json(&wanted.pace)?,
        as_json(&wanted.filter)?,
        i32::try_from(wanted.story_limit).unwrap_or(i32::MAX),
        wanted.sends_empty,
        i32::from(wanted.review_minutes),
        is_rescheduled,
        now as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(SubscriptionChange::Unknown);
    }
    if let Some(missing) = set_keywords(&mut tx, id, &wanted.keywords).await? {
        return Ok(SubscriptionChange::NoKeyword(missing));
    }
    let (was, is) = (told(&before.wanted), told(wanted));
    record(&mut tx, "change", slug, Some(was), Some(is), actor, now).await?;
    tx.commit().await?;
    Ok(SubscriptionChange::Done(id))
}

/// Lets a subscription rest, or go on. What arrived while it rested is no news to it when it goes on.
///
/// # Errors
/// The database does not answer.
pub async fn set_paused(
    db: &PgPool,
    slug: &str,
    is_paused: bool,
    actor: &str,
    now: Timestamp,
) -> Result<SubscriptionChange, StoreError> {
    let mut tx = super::begin(db).await?;
    let changed = sqlx::query_scalar!(
        r#"UPDATE subscriptions
              SET paused_at = CASE WHEN $2 THEN $3::timestamptz END,
                  next_at = CASE WHEN $2 THEN NULL ELSE $3::timestamptz END,
                  run_at = NULL,
                  settled_to = CASE WHEN $2 THEN settled_to ELSE greatest(settled_to, $3) END
            WHERE slug = $1 AND (paused_at IS NOT NULL) <> $2
            RETURNING id AS "id: SubscriptionId""#,
        slug,
        is_paused,
        now as Timestamp,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = changed else {
        let there = sqlx::query_scalar!("SELECT id FROM subscriptions WHERE slug = $1", slug)
            .fetch_optional(&mut *tx)
            .await?;
        return Ok(there.map_or(SubscriptionChange::Unknown, SubscriptionChange::Done));
    };
    if !is_paused {
        sqlx::query!(
            "UPDATE subscription_keywords
                SET since_arrival = arrived.last
               FROM (SELECT last FROM arrivals FOR SHARE) AS arrived
              WHERE subscription_id = $1",
            id as SubscriptionId
        )
        .execute(&mut *tx)
        .await?;
    }
    let action = if is_paused { "pause" } else { "resume" };
    record(&mut tx, action, slug, None, None, actor, now).await?;
    tx.commit().await?;
    Ok(SubscriptionChange::Done(id))
}

/// Ends a subscription, with its archive.
///
/// # Errors
/// The database does not answer.
pub async fn remove(
    db: &PgPool,
    slug: &str,
    actor: &str,
    now: Timestamp,
) -> Result<SubscriptionChange, StoreError> {
    let Some(before) = by_slug(db, slug).await? else {
        return Ok(SubscriptionChange::Unknown);
    };
    let mut tx = super::begin(db).await?;
    sqlx::query!(
        "DELETE FROM subscriptions WHERE id = $1",
        before.id as SubscriptionId
    )
    .execute(&mut *tx)
    .await?;
    let was = told(&before.wanted);
    record(&mut tx, "remove", slug, Some(was), None, actor, now).await?;
    tx.commit().await?;
    Ok(SubscriptionChange::Done(before.id))
}

/// Asks for an issue at once; a job composes it. None of one that rests.
///
/// # Errors
/// The database does not answer.
pub async fn ask_run(
    db: &PgPool,
    slug: &str,
    actor: &str,
    now: Timestamp,
) -> Result<SubscriptionChange, StoreError> {
    let mut tx = super::begin(db).await?;
    let asked = sqlx::query_scalar!(
        r#"UPDATE subscriptions SET run_at = $2
            WHERE slug = $1 AND paused_at IS NULL AND kind <> 'trouble'
            RETURNING id AS "id: SubscriptionId""#,
        slug,
        now as Timestamp,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = asked else {
        return Ok(SubscriptionChange::Unknown);
    };
    record(&mut tx, "run", slug, None, None, actor, now).await?;
    tx.commit().await?;
    Ok(SubscriptionChange::Done(id))
}
