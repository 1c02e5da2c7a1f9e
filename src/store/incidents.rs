//! Incidents: what was wrong with a feed, from when to when.
//!
//! An incident opens once and closes once, however many attempts find the same. One that comes back soon after it closed
//! is the same one, opened again.

use std::{collections::HashMap, time::Duration};

use sqlx::PgConnection;

use super::{PgPool, StoreError, fetch_log::number};
use crate::domain::{
    FeedId, Finding, PollRecord, SAME_INCIDENT_WITHIN, SourceTrouble, Timestamp, Trouble,
};

/// That an incident opened or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The feed.
    pub feed: FeedId,
    /// What was wrong, as a word of `domain::Trouble`.
    pub kind: String,
    /// The same for people.
    pub detail: String,
    /// Whether it opened.
    pub is_open: bool,
}

/// An incident that goes on as it was is found again without a word of it for so long: most polls of a feed that has been
/// silent for weeks would write nothing else.
const FOUND_AGAIN_AFTER: Duration = Duration::from_mins(10);

/// An incident that is open before a batch.
struct Open {
    id: i64,
    feed: FeedId,
    topic: String,
    kind: String,
    detail: String,
    found_at: Timestamp,
}

impl Open {
    /// Whether this finding is more than that the incident goes on as it was said to.
    fn is_told_more_by(&self, finding: &Finding, at: Timestamp) -> bool {
        finding.missed > 0
            || self.kind != finding.trouble.as_str()
            || self.detail != finding.detail
            || at.since(self.found_at) >= FOUND_AGAIN_AFTER
    }
}

/// Opens and closes incidents by the verdicts of a batch. Returns what turned.
pub(super) async fn apply(
    tx: &mut PgConnection,
    records: &[&PollRecord],
) -> Result<Vec<Turn>, StoreError> {
    let open = open_of(tx, records).await?;
    let mut over: Vec<(&Open, Timestamp)> = Vec::new();
    let mut again: Vec<(&Open, &PollRecord, &Finding)> = Vec::new();
    let mut others: Vec<(&PollRecord, &Finding)> = Vec::new();
    for record in records {
        let known = open.get(&record.feed.id).map_or(&[][..], Vec::as_slice);
        for verdict in &record.verdicts {
            let topic = verdict.topic.as_str();
            let known = known.iter().find(|open| open.topic == topic);
            match (&verdict.finding, known) {
                (None, Some(known)) => over.push((known, record.finished_at)),
                (Some(finding), Some(known)) => again.push((known, record, finding)),
                (Some(finding), None) => others.push((record, finding)),
                (None, None) => {}
            }
        }
    }
    again.retain(|(known, record, finding)| known.is_told_more_by(finding, record.finished_at));
    let mut turns = close(tx, &over).await?;
    find_again(tx, &again).await?;
    turns.extend(open_anew(tx, &others).await?);
    Ok(turns)
}

/// What is open of the feeds of a batch. Their rows are locked, so that nobody else opens or closes any.
async fn open_of(
    tx: &mut PgConnection,
    records: &[&PollRecord],
) -> Result<HashMap<FeedId, Vec<Open>>, StoreError> {
    let feeds: Vec<FeedId> = records.iter().map(|record| record.feed.id).collect();
    let rows = sqlx::query_as!(
        Open,
        r#"SELECT id, feed_id AS "feed: FeedId", topic, kind, detail, found_at
             FROM incidents
            WHERE feed_id = ANY ($1) AND closed_at IS NULL"#,
        &feeds as &[FeedId],
    )
    .fetch_all(tx)
    .await?;
    let mut open: HashMap<FeedId, Vec<Open>> = HashMap::new();
    for row in rows {
        open.entry(row.feed).or_default().push(row);
    }
    Ok(open)
}

/// Closes what is over.
async fn close(
    tx: &mut PgConnection,
    over: &[(&Open, Timestamp)],
) -> Result<Vec<Turn>, StoreError> {
    if over.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, at): (Vec<i64>, Vec<Timestamp>) =
        over.iter().map(|(open, at)| (open.id, *at)).unzip();
    Ok(sqlx::query_as!(
        Turn,
        r#"UPDATE incidents
              SET closed_at = over.at
             FROM UNNEST($1::bigint[], $2::timestamptz[]) AS over (id, at)
            WHERE incidents.id = over.id
        RETURNING incidents.feed_id AS feed, incidents.kind, incidents.detail, false AS "is_open!""#,
        &ids,
        &at as &[Timestamp],
    )
    .fetch_all(tx)
    .await?)
}

/// Notes of what is open that it was found again.
async fn find_again(
    tx: &mut PgConnection,
    again: &[(&Open, &PollRecord, &Finding)],
) -> Result<(), StoreError> {
    if again.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = again.iter().map(|(open, ..)| open.id).collect();
    let found: Vec<(&PollRecord, &Finding)> = again
        .iter()
        .map(|(_, record, finding)| (*record, *finding))
        .collect();
    let FoundColumns {
        kinds,
        details,
        missed,
        at,
        ..
    } = FoundColumns::of(&found);
    sqlx::query!(
        "UPDATE incidents
            SET kind = found.kind, detail = found.detail, found_at = found.at, missed = incidents.missed + found.missed
           FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::timestamptz[])
                AS found (id, kind, detail, missed, at)
          WHERE incidents.id = found.id",
        &ids,
        &kinds,
        &details,
        &missed,
        &at as &[Timestamp],
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What was found wrong, column by column.
struct FoundColumns {
    feeds: Vec<FeedId>,
    topics: Vec<String>,
    kinds: Vec<String>,
    details: Vec<String>,
    missed: Vec<i32>,
    at: Vec<Timestamp>,
}

impl FoundColumns {
    fn of(found: &[(&PollRecord, &Finding)]) -> Self {
        let words = |word: fn(&Finding) -> &str| {
            found
                .iter()
                .map(|(_, finding)| word(finding).to_owned())
                .collect()
        };
        Self {
            feeds: found.iter().map(|(record, _)| record.feed.id).collect(),
            topics: words(|finding| finding.trouble.topic().as_str()),
            kinds: words(|finding| finding.trouble.as_str()),
            details: words(|finding| &finding.detail),
            missed: found
                .iter()
                .map(|(_, finding)| number(finding.missed))
                .collect(),
            at: found.iter().map(|(record, _)| record.finished_at).collect(),
        }
    }
}

/// Opens what was found wrong and is not open.
async fn open_anew(
    tx: &mut PgConnection,
    found: &[(&PollRecord, &Finding)],
) -> Result<Vec<Turn>, StoreError> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let columns = FoundColumns::of(found);
    let mut turns = open_again(tx, &columns).await?;
    turns.extend(open_or_find_open(tx, &columns).await?);
    Ok(turns)
}

/// Opens what closed a short time before. Who was told of its end is told again.
async fn open_again(
    tx: &mut PgConnection,
    columns: &FoundColumns,
) -> Result<Vec<Turn>, StoreError> {
    let soon: Vec<Timestamp> = columns
        .at
        .iter()
        .map(|at| at.minus(SAME_INCIDENT_WITHIN))
        .collect();
    let opened = sqlx::query!(
        r#"UPDATE incidents
              SET closed_at = NULL
             FROM UNNEST($1::bigint[], $2::text[], $3::timestamptz[]) AS done (feed, topic, soon)
            WHERE incidents.feed_id = done.feed
              AND incidents.topic = done.topic
              AND incidents.closed_at > done.soon
              AND NOT EXISTS (SELECT
                                FROM incidents later
                               WHERE later.feed_id = done.feed
                                 AND later.topic = done.topic
                                 AND (later.closed_at IS NULL
                                      OR (later.closed_at, later.id) > (incidents.closed_at, incidents.id)))
        RETURNING incidents.id, incidents.feed_id AS "feed: FeedId", incidents.kind, incidents.detail"#,
        &columns.feeds as &[FeedId],
        &columns.topics,
        &soon as &[Timestamp],
    )
    .fetch_all(&mut *tx)
    .await?;
    let ids: Vec<i64> = opened.iter().map(|row| row.id).collect();
    if !ids.is_empty() {
        forget_their_end(tx, &ids).await?;
    }
    let turns = opened.into_iter().map(|row| Turn {
        feed: row.feed,
        kind: row.kind,
        detail: row.detail,
        is_open: true,
    });
    Ok(turns.collect())
}

/// Forgets that subscribers were told of incidents whose end they were told of too.
async fn forget_their_end(tx: &mut PgConnection, incidents: &[i64]) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM told_incidents t
          USING told_incidents over
          WHERE t.incident_id = ANY($1)
            AND over.subscription_id = t.subscription_id
            AND over.incident_id = t.incident_id
            AND over.is_over",
        incidents,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Opens what is not open, and notes of what is that it was found again.
async fn open_or_find_open(
    tx: &mut PgConnection,
    columns: &FoundColumns,
) -> Result<impl Iterator<Item = Turn> + use<>, StoreError> {
    let opened = sqlx::query!(
        r#"INSERT INTO incidents (feed_id, topic, kind, detail, missed, opened_at, found_at)
           SELECT feed, topic, kind, detail, missed, at, at
             FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[])
                  AS done (feed, topic, kind, detail, missed, at)
               ON CONFLICT (feed_id, topic) WHERE closed_at IS NULL DO UPDATE
              SET kind = excluded.kind, detail = excluded.detail, found_at = excluded.found_at,
                  missed = incidents.missed + excluded.missed
        RETURNING feed_id, kind, detail, (xmax = 0) AS "is_new!""#,
        &columns.feeds as &[FeedId],
        &columns.topics,
        &columns.kinds,
        &columns.details,
        &columns.missed,
        &columns.at as &[Timestamp],
    )
    .fetch_all(tx)
    .await?;
    let opened = opened.into_iter().filter(|row| row.is_new);
    Ok(opened.map(|row| Turn {
        feed: row.feed_id,
        kind: row.kind,
        detail: row.detail,
        is_open: true,
    }))
}

/// What was wrong with a feed, from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The feed.
    pub feed: FeedId,
    /// What was wrong.
    pub trouble: Trouble,
    /// The same for people.
    pub detail: String,
    /// Entries that fell out unseen, estimated.
    pub missed: u32,
    /// When it was first found.
    pub opened_at: Timestamp,
    /// When it was last found, to ten minutes while it goes on as it is.
    pub found_at: Timestamp,
    /// When it was over.
    pub closed_at: Option<Timestamp>,
}

struct IncidentRow {
    feed: FeedId,
    kind: String,
    detail: String,
    missed: i32,
    opened_at: Timestamp,
    found_at: Timestamp,
    closed_at: Option<Timestamp>,
}

impl TryFrom<IncidentRow> for Incident {
    type Error = StoreError;

    fn try_from(row: IncidentRow) -> Result<Self, StoreError> {
        Ok(Self {
            feed: row.feed,
            trouble: trouble(&row.kind)?,
            detail: row.detail,
            missed: u32::try_from(row.missed).unwrap_or(0),
            opened_at: row.opened_at,
            found_at: row.found_at,
            closed_at: row.closed_at,
        })
    }
}

fn trouble(kind: &str) -> Result<Trouble, StoreError> {
    kind.parse()
        .map_err(|_| StoreError::UnknownWord(kind.to_owned()))
}

/// The incidents that are open, and the gaps since `gaps_since`, open or not; of one feed, or of all.
///
/// # Errors
/// The database does not answer.
pub async fn current(
    db: &PgPool,
    feed: Option<FeedId>,
    gaps_since: Timestamp,
) -> Result<Vec<Incident>, StoreError> {
    sqlx::query_as!(
        IncidentRow,
        r#"SELECT feed_id AS feed, kind, detail, missed, opened_at, found_at, closed_at
             FROM incidents
            WHERE (closed_at IS NULL OR (topic = 'gap' AND found_at >= $2))
              AND ($1::bigint IS NULL OR feed_id = $1)
            ORDER BY feed_id, opened_at"#,
        feed as Option<FeedId>,
        gaps_since as Timestamp,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Incident::try_from)
    .collect()
}

/// The last incidents of a feed, the latest first; at most 30.
///
/// # Errors
/// The database does not answer.
pub async fn of_feed(db: &PgPool, feed: FeedId) -> Result<Vec<Incident>, StoreError> {
    sqlx::query_as!(
        IncidentRow,
        r#"SELECT feed_id AS feed, kind, detail, missed, opened_at, found_at, closed_at
             FROM incidents
            WHERE feed_id = $1
            ORDER BY opened_at DESC, id DESC
            LIMIT 30"#,
        feed as FeedId,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Incident::try_from)
    .collect()
}

/// Deletes one batch of incidents that closed before `before`. Returns how many; call again while it is not zero.
///
/// # Errors
/// The database does not answer.
pub async fn trim(db: &PgPool, before: Timestamp) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "DELETE FROM incidents WHERE ctid = ANY (ARRAY(SELECT ctid FROM incidents WHERE closed_at < $1 LIMIT $2))",
        before as Timestamp,
        super::TRIM_BATCH
    )
    .execute(db)
    .await?
    .rows_affected())
}

/// What is missing, feed by feed: open incidents that cost entries, and the last two hundred gaps.
pub(super) async fn missing(db: &PgPool) -> Result<Vec<SourceTrouble>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT sources.name AS source, incidents.kind, incidents.missed,
                  counted.feeds AS "feed_count!",
                  CASE incidents.topic
                      WHEN 'outage' THEN feeds.last_success_at
                      WHEN 'silence' THEN feeds.last_sign_at
                      WHEN 'gap' THEN incidents.found_at
                      ELSE incidents.opened_at
                  END AS since
             FROM (SELECT feed_id, topic, kind, missed, opened_at, found_at
                     FROM incidents
                    WHERE closed_at IS NULL
                      AND topic IN ('outage', 'items', 'silence')
                    UNION ALL
                  (SELECT feed_id, topic, kind, missed, opened_at, found_at
                     FROM incidents
                    WHERE topic = 'gap'
                    ORDER BY found_at DESC
                    LIMIT 200)) AS incidents
             JOIN feeds ON feeds.id = incidents.feed_id
             JOIN sources ON sources.id = feeds.source_id
             JOIN (SELECT source_id, count(*) AS feeds
                     FROM feeds
                    WHERE state <> 'paused'
                    GROUP BY source_id) AS counted ON counted.source_id = sources.id
            WHERE feeds.state <> 'paused'"#,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(SourceTrouble {
                source: row.source,
                feed_count: row.feed_count,
                trouble: trouble(&row.kind.unwrap_or_default())?,
                since: row.since,
                missed: u32::try_from(row.missed.unwrap_or(0)).unwrap_or(0),
            })
        })
        .collect()
}
