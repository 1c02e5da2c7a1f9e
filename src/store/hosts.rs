//! Hosts of feeds: when each was last asked, and until when it wants slowness.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use sqlx::PgConnection;

use super::{PgPool, StoreError};
use crate::domain::{Attempt, ClaimedFeed, ErrorCode, PollRecord, Timestamp};

/// A host that complains about one feed is asked for the others slowly for so long at least, and at most.
const SLOW_AT_LEAST: Duration = Duration::from_mins(10);
const SLOW_AT_MOST: Duration = Duration::from_hours(1);

/// Clocks of several machines may differ by so much.
pub(super) const CLOCKS_DIFFER: Duration = Duration::from_mins(5);

/// Notes which hosts complained of too many requests. Their other feeds are still asked, since a host may be shared by
/// publishers who know nothing of each other, but one at a time and with pauses.
pub(super) async fn slow_down(
    tx: &mut PgConnection,
    records: &[&PollRecord],
) -> Result<(), StoreError> {
    let mut slow: Vec<(&str, Timestamp, Timestamp)> = Vec::new();
    for record in records {
        if let Attempt::Failed(failure) = &record.attempt
            && failure.code == ErrorCode::RateLimited
        {
            let wait = failure.retry_after.unwrap_or_default();
            let until = record
                .finished_at
                .plus(wait.clamp(SLOW_AT_LEAST, SLOW_AT_MOST));
            slow.push((record.feed.url.host(), until, record.started_at));
        }
    }
    if slow.is_empty() {
        return Ok(());
    }
    // The longest slowness that was asked for stays.
    slow.sort_unstable_by_key(|&(host, until, _)| (host, Reverse(until)));
    slow.dedup_by_key(|(host, ..)| *host);
    let hosts: Vec<String> = slow.iter().map(|(host, ..)| (*host).to_owned()).collect();
    let until: Vec<Timestamp> = slow.iter().map(|(_, until, _)| *until).collect();
    let asked: Vec<Timestamp> = slow.iter().map(|(.., asked)| *asked).collect();
    sqlx::query!(
        "INSERT INTO hosts (host, asked_at, slow_until)
         SELECT * FROM UNNEST($1::text[], $2::timestamptz[], $3::timestamptz[])
             ON CONFLICT (host) DO UPDATE SET slow_until = greatest(hosts.slow_until, excluded.slow_until)",
        &hosts,
        &asked as &[Timestamp],
        &until as &[Timestamp],
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes back what a clock that ran ahead wrote: no host was asked after `now`, and none wants slowness for longer than
/// is ever granted. Returns how many.
///
/// # Errors
/// The database does not answer.
pub async fn bring_back(db: &PgPool, now: Timestamp) -> Result<u64, StoreError> {
    let slow_at_most = now.plus(SLOW_AT_MOST);
    Ok(sqlx::query!(
        "UPDATE hosts
            SET asked_at = least(asked_at, $1), slow_until = least(slow_until, $2)
          WHERE asked_at > $3 OR slow_until > $4",
        now as Timestamp,
        slow_at_most as Timestamp,
        now.plus(CLOCKS_DIFFER) as Timestamp,
        slow_at_most.plus(CLOCKS_DIFFER) as Timestamp,
    )
    .execute(db)
    .await?
    .rows_affected())
}

/// Forgets one batch of hosts that were not asked since `before` and want no slowness any more. Returns how many; call again
/// while it is not zero.
///
/// # Errors
/// The database does not answer.
pub async fn trim(db: &PgPool, before: Timestamp) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "DELETE FROM hosts WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM hosts WHERE asked_at < $1 AND (slow_until IS NULL OR slow_until < $1) LIMIT $2))
            AND asked_at < $1",
        before as Timestamp,
        super::TRIM_BATCH,
    )
    .execute(db)
    .await?
    .rows_affected())
}

/// Notes that the hosts of `claimed` are asked from `now` on, one feed every `gap`; but not those that need no gap.
pub(super) async fn ask(
    tx: &mut PgConnection,
    claimed: &[ClaimedFeed],
    now: Timestamp,
    gap: Duration,
    needs_gap: &(dyn Fn(&ClaimedFeed) -> bool + Sync),
) -> Result<(), StoreError> {
    let mut until: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for feed in claimed.iter().filter(|feed| needs_gap(feed)) {
        until
            .entry(feed.url.host())
            .and_modify(|last| *last = last.plus(gap))
            .or_insert(now);
    }
    if until.is_empty() || gap.is_zero() {
        return Ok(());
    }
    let (hosts, last): (Vec<String>, Vec<Timestamp>) = until
        .into_iter()
        .map(|(host, last)| (host.to_owned(), last))
        .unzip();
    sqlx::query!(
        "INSERT INTO hosts (host, asked_at)
         SELECT * FROM UNNEST($1::text[], $2::timestamptz[])
             ON CONFLICT (host) DO UPDATE SET asked_at = excluded.asked_at",
        &hosts,
        &last as &[Timestamp],
    )
    .execute(tx)
    .await?;
    Ok(())
}
