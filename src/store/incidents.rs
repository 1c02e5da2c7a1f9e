//! Incidents: what was wrong with a feed, from when to when.
//!
//! An incident opens once and closes once, however many attempts find the same. One that comes back soon after it closed
//! is the same one, opened again.

use sqlx::PgConnection;

use super::StoreError;
use crate::domain::{FeedId, Finding, PollRecord, SAME_INCIDENT_WITHIN, Timestamp};

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

/// Opens and closes incidents by the verdicts of a batch. Returns what turned.
pub(super) async fn apply(
    tx: &mut PgConnection,
    records: &[&PollRecord],
) -> Result<Vec<Turn>, StoreError> {
    let mut turns = close(tx, records).await?;
    let found: Vec<(&PollRecord, &Finding)> = records
        .iter()
        .flat_map(|record| {
            let findings = record
                .verdicts
                .iter()
                .filter_map(|verdict| verdict.finding.as_ref());
            findings.map(move |finding| (*record, finding))
        })
        .collect();
    if !found.is_empty() {
        turns.extend(open(tx, &found).await?);
    }
    Ok(turns)
}

/// Closes the open incidents of topics that are well.
async fn close(tx: &mut PgConnection, records: &[&PollRecord]) -> Result<Vec<Turn>, StoreError> {
    let mut feeds: Vec<FeedId> = Vec::new();
    let mut topics: Vec<String> = Vec::new();
    let mut at: Vec<Timestamp> = Vec::new();
    for record in records {
        let well: Vec<&str> = record
            .verdicts
            .iter()
            .filter(|verdict| verdict.finding.is_none())
            .map(|verdict| verdict.topic.as_str())
            .collect();
        if !well.is_empty() {
            feeds.push(record.feed.id);
            topics.push(well.join(","));
            at.push(record.finished_at);
        }
    }
    Ok(sqlx::query_as!(
        Turn,
        r#"UPDATE incidents
              SET closed_at = done.at
             FROM UNNEST($1::bigint[], $2::text[], $3::timestamptz[]) AS done (feed, topics, at)
            WHERE incidents.feed_id = done.feed
              AND incidents.closed_at IS NULL
              AND incidents.topic = ANY (string_to_array(done.topics, ','))
        RETURNING incidents.feed_id AS feed, incidents.kind, incidents.detail, false AS "is_open!""#,
        &feeds as &[FeedId],
        &topics,
        &at as &[Timestamp],
    )
    .fetch_all(tx)
    .await?)
}

async fn open(
    tx: &mut PgConnection,
    found: &[(&PollRecord, &Finding)],
) -> Result<Vec<Turn>, StoreError> {
    let feeds: Vec<FeedId> = found.iter().map(|(record, _)| record.feed.id).collect();
    let topics: Vec<String> = words(found, |finding| finding.trouble.topic().as_str());
    let kinds: Vec<String> = words(found, |finding| finding.trouble.as_str());
    let details: Vec<String> = words(found, |finding| &finding.detail);
    let at: Vec<Timestamp> = found.iter().map(|(record, _)| record.finished_at).collect();
    let missed: Vec<i32> = found
        .iter()
        .map(|(_, finding)| i32::try_from(finding.missed).unwrap_or(i32::MAX))
        .collect();
    let soon: Vec<Timestamp> = at.iter().map(|at| at.minus(SAME_INCIDENT_WITHIN)).collect();
    let mut turns = sqlx::query_as!(
        Turn,
        r#"UPDATE incidents
              SET closed_at = NULL
             FROM UNNEST($1::bigint[], $2::text[], $3::timestamptz[]) AS done (feed, topic, soon)
            WHERE incidents.id = (SELECT last.id
                                    FROM incidents last
                                   WHERE last.feed_id = done.feed
                                     AND last.topic = done.topic
                                   ORDER BY last.closed_at DESC NULLS FIRST
                                   LIMIT 1)
              AND incidents.closed_at > done.soon
        RETURNING incidents.feed_id AS feed, incidents.kind, incidents.detail, true AS "is_open!""#,
        &feeds as &[FeedId],
        &topics,
        &soon as &[Timestamp],
    )
    .fetch_all(&mut *tx)
    .await?;
    let opened = sqlx::query!(
        r#"INSERT INTO incidents (feed_id, topic, kind, detail, missed, opened_at, found_at)
           SELECT feed, topic, kind, detail, missed, at, at
             FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[])
                  AS done (feed, topic, kind, detail, missed, at)
               ON CONFLICT (feed_id, topic) WHERE closed_at IS NULL DO UPDATE
              SET kind = excluded.kind, detail = excluded.detail, found_at = excluded.found_at,
                  missed = incidents.missed + excluded.missed
        RETURNING feed_id, kind, detail, (xmax = 0) AS "is_new!""#,
        &feeds as &[FeedId],
        &topics,
        &kinds,
        &details,
        &missed,
        &at as &[Timestamp],
    )
    .fetch_all(tx)
    .await?;
    turns.extend(opened.into_iter().filter(|row| row.is_new).map(|row| Turn {
        feed: row.feed_id,
        kind: row.kind,
        detail: row.detail,
        is_open: true,
    }));
    Ok(turns)
}

fn words<'a>(
    found: &[(&PollRecord, &'a Finding)],
    word: impl Fn(&'a Finding) -> &'a str,
) -> Vec<String> {
    found
        .iter()
        .map(|(_, finding)| word(finding).to_owned())
        .collect()
}
