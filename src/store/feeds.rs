//! Feeds: claiming what is due, and asking for a poll.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};

use super::{PgPool, StoreError, hosts, workers::LOCK_SPACE};
use crate::domain::{
    ClaimedFeed, Course, FeedId, FeedUrl, Habits, Move, PollHints, Rhythm, SourceId, Tier,
    Timestamp, Validators,
};

/// Serialises claims, so that two workers together keep the per-host limit. Held for milliseconds.
const CLAIM_LOCK: i64 = 0x7769_7265_636c_616d;

/// A claim takes milliseconds, and waits for those of others.
const CLAIM_WITHIN: Duration = Duration::from_mins(1);

/// How a worker claims.
#[derive(Clone, Copy)]
pub struct ClaimOptions<'a> {
    /// At most so many feeds.
    pub limit: i64,
    /// At most so many feeds of one host under claim at a time, by all workers together.
    pub per_host: i64,
    /// The number of the worker that claims.
    pub holder: i32,
    /// How long the claim holds: longer than the slowest poll.
    pub lease: Duration,
    /// Only feeds that were due by then: now, or the start of a pass.
    pub due_by: Timestamp,
    /// Only feeds with these addresses; empty: any.
    pub only: &'a [String],
    /// Whether to free first what workers hold that are gone.
    pub frees_dead: bool,
    /// The pause between two requests to a host, by all workers together.
    pub host_gap: Duration,
    /// Which feeds are asked with such pauses.
    pub needs_gap: &'a (dyn Fn(&ClaimedFeed) -> bool + Sync),
}

struct ClaimedRow {
    id: FeedId,
    url: String,
    lease_token: i64,
    etag: Option<String>,
    last_modified: Option<String>,
    body_hash: Option<Vec<u8>>,
    consecutive_failures: i32,
    rhythm: Option<Vec<u8>>,
    rhythm_since: Option<Timestamp>,
    rhythm_until: Option<Timestamp>,
    last_success_at: Option<Timestamp>,
    last_new_entry_at: Option<Timestamp>,
    newest_published_at: Option<Timestamp>,
    last_entry_count: Option<i32>,
    last_sign_at: Option<Timestamp>,
    norm_per_day: Option<f64>,
    longest_pause_s: Option<f64>,
    entries_seen: i64,
    entries_matched: i64,
    last_full_at: Option<Timestamp>,
    polls_since_full: i64,
    is_asked_plain: bool,
    fresh_for_s: Option<i64>,
    ttl_s: Option<i64>,
    skip_hours: i32,
    skip_days: i16,
    moved_to: Option<String>,
    moved_since: Option<Timestamp>,
    moved_times: i32,
    language: Option<String>,
    selectors: Option<String>,
    source_id: SourceId,
    source_slug: String,
    source_name: String,
    source_domain: String,
    country: Option<String>,
    tier: String,
    tags: Vec<String>,
}

impl ClaimedRow {
    fn course(&self) -> Course {
        let seconds = |stored: Option<i64>| {
            stored.and_then(|seconds| u64::try_from(seconds).ok().map(Duration::from_secs))
        };
        let moved_to = self.moved_to.as_deref().and_then(|to| to.parse().ok());
        Course {
            entries_seen: u64::try_from(self.entries_seen).unwrap_or(0),
            entries_matched: u64::try_from(self.entries_matched).unwrap_or(0),
            last_full_at: self.last_full_at,
            polls_since_full: u32::try_from(self.polls_since_full).unwrap_or(u32::MAX),
            is_asked_plain: self.is_asked_plain,
            hints: PollHints {
                fresh_for: seconds(self.fresh_for_s),
                ttl: seconds(self.ttl_s),
                skip_hours: self.skip_hours.cast_unsigned(),
                skip_days: u8::try_from(self.skip_days).unwrap_or(0),
            },
            moved: moved_to.zip(self.moved_since).map(|(to, since)| Move {
                to,
                since,
                times: u32::try_from(self.moved_times).unwrap_or(0),
            }),
        }
    }

    fn into_claim(self) -> Result<ClaimedFeed, StoreError> {
        let url: FeedUrl = self
            .url
            .parse()
            .map_err(|error| StoreError::Unexpected(format!("feed {}: {error}", self.id)))?;
        let tier: Tier = self
            .tier
            .parse()
            .map_err(|error| StoreError::Unexpected(format!("feed {}: {error}", self.id)))?;
        let course = self.course();
        let list = self
            .selectors
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| StoreError::Unexpected(format!("feed {}: {error}", self.id)))?;
        let rhythm = self
            .rhythm_since
            .zip(self.rhythm_until)
            .zip(self.rhythm)
            .and_then(|((since, until), bytes)| Rhythm::from_stored(since, until, &bytes));
        Ok(ClaimedFeed {
            id: self.id,
            url,
            lease_token: self.lease_token,
            validators: Validators {
                etag: self.etag,
                last_modified: self.last_modified,
            },
            list,
            body_hash: self.body_hash,
            is_first_read: self.last_success_at.is_none(),
            consecutive_failures: self.consecutive_failures,
            rhythm,
            last_success_at: self.last_success_at,
            course,
            last_new_entry_at: self.last_new_entry_at,
            habits: Habits {
                newest_published_at: self.newest_published_at,
                last_entry_count: self.last_entry_count,
                last_sign_at: self.last_sign_at,
                norm_per_day: self.norm_per_day,
                longest_pause_s: self.longest_pause_s,
            },
            language: self.language,
            source_id: self.source_id,
            source_slug: self.source_slug,
            source_name: self.source_name,
            source_domain: self.source_domain,
            country: self.country,
            tier,
            tags: self.tags,
        })
    }
}

/// Feeds looked at for each one that is wanted, before all that are due are, where hosts have a limit.
const LOOKED_AT: i64 = 2;

/// A limit per host that no host comes to.
const NO_LIMIT: i64 = 10_000;

impl ClaimOptions<'_> {
    fn limits_hosts(&self) -> bool {
        self.per_host < NO_LIMIT
    }
}

/// Claims feeds that are due at `now`, longest due first, until the lease ends. The limit per host counts claims of all
/// workers and is applied before the limit of the batch, so that one large host cannot fill a batch and starve the rest.
///
/// # Errors
/// The database does not answer.
pub async fn claim_due(
    db: &PgPool,
    now: Timestamp,
    options: ClaimOptions<'_>,
) -> Result<Vec<ClaimedFeed>, StoreError> {
    super::within(CLAIM_WITHIN, claim_in_turn(db, now, options)).await
}

async fn claim_in_turn(
    db: &PgPool,
    now: Timestamp,
    options: ClaimOptions<'_>,
) -> Result<Vec<ClaimedFeed>, StoreError> {
    let mut tx = super::begin(db).await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", CLAIM_LOCK)
        .execute(&mut *tx)
        .await?;
    if options.frees_dead {
        void_claims_of_the_dead(&mut tx, now).await?;
    }
    if count_free(&mut *tx, options.due_by, now, options.only, 1).await? == 0 {
        tx.commit().await?;
        return Ok(Vec::new());
    }
    // Where thousands are due, a few of the first are nearly always enough, and to rank all would take longer than all else.
    let looked_at = if options.limits_hosts() {
        options.limit.saturating_mul(LOOKED_AT)
    } else {
        options.limit
    };
    let mut rows = claim(&mut tx, now, &options, looked_at).await?;
    let claimed = i64::try_from(rows.len()).unwrap_or(options.limit);
    let left = looked_at - claimed;
    if claimed < options.limit
        && count_free(&mut *tx, options.due_by, now, options.only, left).await? == left
    {
        let rest = ClaimOptions {
            limit: options.limit - claimed,
            ..options
        };
        rows.extend(claim(&mut tx, now, &rest, i64::MAX).await?);
    }
    // A row that cannot be read must not take the others with it.
    let claimed: Vec<ClaimedFeed> = rows
        .into_iter()
        .filter_map(|row| match row.into_claim() {
            Ok(claim) => Some(claim),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a feed cannot be polled"
                );
                None
            }
        })
        .collect();
    hosts::ask(&mut tx, &claimed, now, options.host_gap, options.needs_gap).await?;
    tx.commit().await?;
    Ok(claimed)
}

/// Claims from the first `looked_at` of the feeds that are due and held by nobody.
async fn claim(
    tx: &mut PgConnection,
    now: Timestamp,
    options: &ClaimOptions<'_>,
    looked_at: i64,
) -> Result<Vec<ClaimedRow>, StoreError> {
    Ok(sqlx::query_as!(
        ClaimedRow,
        r#"
        WITH due AS (
            SELECT id, host, feeds.ctid AS stands_at,
                   -- who failed of late lets those who did not go first, and waits for them a minute at most
                   next_poll_at + make_interval(secs => 20 * least(consecutive_failures, 3)) AS turn
              FROM feeds
             WHERE next_poll_at <= $7
               AND (lease_until > $1) IS NOT TRUE
               AND (cardinality($6::text[]) = 0 OR url = ANY ($6))
             ORDER BY next_poll_at
             LIMIT $9
        ), asked AS (
            -- the claims that a host has come first, so that the place of a feed counts them; they are no join, which
            -- would be planned for next to no claims
            SELECT id, host, stands_at, turn,
                   row_number() OVER (PARTITION BY host ORDER BY turn NULLS FIRST, id) AS place
              FROM (SELECT id, host, stands_at, turn FROM due
                     UNION ALL
                    -- what is held was due by the clock of its holder, or was paused since; where no host has a limit and
                    -- none is slow, it is not counted
                    SELECT NULL, host, NULL, NULL
                      FROM (SELECT host FROM feeds WHERE next_poll_at <= $11 AND lease_until > $1
                             UNION ALL
                            SELECT host FROM feeds WHERE next_poll_at IS NULL AND lease_until > $1) AS held
                     WHERE $10 OR EXISTS (SELECT FROM hosts WHERE slow_until > $1)) AS held_and_due
        ), resting AS (
            -- hosts that were asked a moment ago; one that complained rests longer and is asked one feed at a time
            SELECT host,
                   slow_until IS NULL OR slow_until <= $1 AS is_patient,
                   asked_at > $1 - CASE WHEN slow_until > $1 THEN 6 ELSE 1 END * make_interval(secs => $8) AS is_resting
              FROM hosts
        ), chosen AS (
            -- the conditions are repeated on the row itself: it is they that are checked again on a row which somebody
            -- changed since this statement began; IS TRUE, so that rows are found where they stand and not by what is due,
            -- which statistics taken in quieter times say is next to nothing
            SELECT feeds.ctid AS stands_at
              FROM feeds
             WHERE ctid = ANY (ARRAY(
                       SELECT stands_at
                         FROM asked
                         LEFT JOIN resting USING (host)
                        WHERE id IS NOT NULL
                          AND place <= CASE WHEN is_patient IS FALSE THEN 1::bigint ELSE $4 END
                          AND is_resting IS NOT TRUE
                        ORDER BY turn, id
                        LIMIT $3
                   ))
               AND (next_poll_at <= $7) IS TRUE
               AND (lease_until > $1) IS NOT TRUE
               FOR UPDATE SKIP LOCKED
        )
        UPDATE feeds
           SET lease_until = $2, lease_holder = $5, lease_token = feeds.lease_token + 1
          FROM chosen, sources
         WHERE feeds.ctid = chosen.stands_at
           AND sources.id = feeds.source_id
        RETURNING feeds.id, feeds.url, feeds.lease_token, feeds.etag, feeds.last_modified, feeds.body_hash,
                  feeds.consecutive_failures, feeds.rhythm, feeds.rhythm_since, feeds.rhythm_until,
                  feeds.last_success_at, feeds.last_new_entry_at, feeds.newest_published_at, feeds.last_entry_count,
                  feeds.last_sign_at, feeds.norm_per_day, feeds.longest_pause_s, feeds.entries_seen, feeds.entries_matched, feeds.last_full_at,
                  feeds.poll_count - feeds.full_at_poll AS "polls_since_full!", feeds.is_asked_plain, feeds.fresh_for_s,
                  feeds.ttl_s, feeds.skip_hours, feeds.skip_days, feeds.moved_to, feeds.moved_since, feeds.moved_times,
                  coalesce(feeds.language, sources.language) AS language, feeds.selectors::text AS selectors,
                  feeds.source_id, sources.slug AS source_slug, sources.name AS source_name,
                  sources.domain AS source_domain, sources.country, sources.tier, sources.tags
        "#,
        now as Timestamp,
        now.plus(options.lease) as Timestamp,
        options.limit,
        options.per_host,
        options.holder,
        options.only,
        options.due_by as Timestamp,
        options.host_gap.as_secs_f64(),
        looked_at,
        options.limits_hosts(),
        options.due_by.max(now).plus(hosts::CLOCKS_DIFFER) as Timestamp,
    )
    .fetch_all(tx)
    .await?)
}

/// Frees what workers hold that are gone: a killed process delays its feeds by nothing.
async fn void_claims_of_the_dead(tx: &mut PgConnection, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE feeds
            SET lease_until = NULL
          WHERE lease_until > $1
            AND (lease_holder = ANY (ARRAY(
                    SELECT objid::bigint
                      FROM pg_locks
                     WHERE locktype = 'advisory'
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND classid::bigint = $2
                ))) IS NOT TRUE",
        now as Timestamp,
        i64::from(LOCK_SPACE),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives claims, as feed and lease token, back unpolled: the feeds are due again at once.
///
/// # Errors
/// The database does not answer.
pub async fn release(db: &PgPool, claims: &[(FeedId, i64)]) -> Result<(), StoreError> {
    if claims.is_empty() {
        return Ok(());
    }
    let (ids, tokens): (Vec<FeedId>, Vec<i64>) = claims.iter().copied().unzip();
    sqlx::query!(
        "UPDATE feeds
            SET lease_until = NULL
           FROM UNNEST($1::bigint[], $2::bigint[]) AS claim (id, token)
          WHERE feeds.id = claim.id
            AND feeds.lease_token = claim.token",
        &ids as &[FeedId],
        &tokens,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes feeds due whose next check a clock has set that ran ahead: it lies after `latest`, further than any check is put off, or
/// follows an attempt that is still to come by more than `ahead`. One that is gone waits for longer by right. Returns how many.
///
/// # Errors
/// The database does not answer.
pub async fn bring_back(
    db: &PgPool,
    now: Timestamp,
    latest: Timestamp,
    ahead: Duration,
) -> Result<u64, StoreError> {
    Ok(sqlx::query!(
        "UPDATE feeds
            SET next_poll_at = CASE WHEN state = 'paused' THEN next_poll_at ELSE $1 END,
                next_poll_reason = CASE WHEN state = 'paused' THEN next_poll_reason
                                        ELSE 'the clock that set the last check ran ahead' END,
                last_attempt_at = CASE WHEN last_attempt_at > $1 THEN $1 ELSE last_attempt_at END
          WHERE (next_poll_at > $2 OR last_attempt_at > $3)
            AND state <> 'gone'",
        now as Timestamp,
        latest as Timestamp,
        now.plus(ahead) as Timestamp,
    )
    .execute(db)
    .await?
    .rows_affected())
}

/// How many feeds are due at `now`, held or not.
///
/// # Errors
/// The database does not answer.
pub async fn count_due(db: &PgPool, now: Timestamp) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM feeds WHERE next_poll_at <= $1"#,
        now as Timestamp,
    )
    .fetch_one(db)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many feeds are due by `due_by` and held by nobody at `now`, counted up to `most`; of those with the addresses `only`, if
/// it names any.
///
/// # Errors
/// The database does not answer.
pub async fn count_free(
    db: impl PgExecutor<'_>,
    due_by: Timestamp,
    now: Timestamp,
    only: &[String],
    most: i64,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
             FROM (SELECT
                     FROM feeds
                    WHERE next_poll_at <= $1
                      AND (lease_until > $2) IS NOT TRUE
                      AND (cardinality($3::text[]) = 0 OR url = ANY ($3))
                    LIMIT $4) AS free"#,
        due_by as Timestamp,
        now as Timestamp,
        only,
        most,
    )
    .fetch_one(db)
    .await?)
}

/// Makes the feeds with these addresses due at `now`, paused ones excepted. Returns the addresses it knows.
///
/// # Errors
/// The database does not answer.
pub async fn make_due(
    db: &PgPool,
    urls: &[FeedUrl],
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let urls: Vec<String> = urls.iter().map(|url| url.as_str().to_owned()).collect();
    Ok(sqlx::query_scalar!(
        "UPDATE feeds
            SET next_poll_at = least(next_poll_at, $2), next_poll_reason = 'asked for'
          WHERE url = ANY($1)
            AND state <> 'paused'
        RETURNING url",
        &urls,
        now as Timestamp,
    )
    .fetch_all(db)
    .await?)
}

/// Whether there is any feed, paused or not.
///
/// # Errors
/// The database does not answer.
pub async fn count(db: &PgPool) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM feeds"#)
        .fetch_one(db)
        .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// A feed as doctor probes it.
#[derive(Debug, Clone)]
pub struct FeedProbe {
    /// The address.
    pub url: String,
    /// Name for people.
    pub title: String,
    /// The state's word.
    pub state: String,
    /// What the last failure was, if the last attempt was one.
    pub last_error_code: Option<String>,
}

/// Every feed with its last outcome, by address.
///
/// # Errors
/// The database does not answer.
pub async fn list(db: &PgPool) -> Result<Vec<FeedProbe>, StoreError> {
    Ok(sqlx::query_as!(
        FeedProbe,
        r#"SELECT url, coalesce(title, url) AS "title!", state, last_error_code FROM feeds ORDER BY url"#
    )
    .fetch_all(db)
    .await?)
}

/// The claims of all feeds on the budget of requests, in no order; those that are paused or gone have none.
///
/// # Errors
/// The database does not answer.
pub async fn demands(db: &PgPool) -> Result<Vec<f64>, StoreError> {
    Ok(
        sqlx::query_scalar!("SELECT demand FROM feeds WHERE state NOT IN ('paused', 'gone')")
            .fetch_all(db)
            .await?,
    )
}
