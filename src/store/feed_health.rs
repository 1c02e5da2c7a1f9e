//! How the collection is doing: each feed, its last attempts, and the whole in one statement.

use serde::de::{DeserializeOwned, IntoDeserializer, value::Error as WordError};
use sqlx::{PgExecutor, PgPool, query_as, query_scalar};

use super::StoreError;
pub use crate::domain::Collection;
use crate::domain::{FeedId, FeedState, Habits, Rhythm, Tier, Timestamp};

/// A feed with all that its line and its page say.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedHealth {
    /// The feed.
    pub id: FeedId,
    /// Its address.
    pub url: String,
    /// Its own title.
    pub title: Option<String>,
    /// What the desk knows about it.
    pub note: String,
    /// Name of its source.
    pub source: String,
    /// Tier of its source.
    pub tier: Tier,
    /// Country of its source.
    pub country: Option<String>,
    /// Its language, or else its source's.
    pub language: Option<String>,
    /// How it is doing, in one word.
    pub state: FeedState,
    /// When the desk took it up.
    pub created_at: Timestamp,
    /// The next check; none for a paused feed.
    pub next_poll_at: Option<Timestamp>,
    /// Why then, for people.
    pub next_poll_reason: String,
    /// Attempts so far.
    pub poll_count: i64,
    /// What it is measured against.
    pub habits: Habits,
    /// When how many new entries are expected of it.
    pub rhythm: Option<Rhythm>,
    /// The last attempt.
    pub last_attempt_at: Option<Timestamp>,
    /// The last success.
    pub last_success_at: Option<Timestamp>,
    /// When an entry was last new.
    pub last_new_entry_at: Option<Timestamp>,
    /// The last HTTP status.
    pub last_http_status: Option<i32>,
    /// What was wrong with the last attempt, as a word of the contract.
    pub last_error_code: Option<String>,
    /// The same for people.
    pub last_error_detail: Option<String>,
    /// Failures since the last success.
    pub consecutive_failures: i32,
    /// Entries read so far.
    pub entries_seen: i64,
    /// Entries that could not be read.
    pub entries_skipped: i64,
}

/// One attempt at a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedAttempt {
    /// When asking began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// `read`, `unchanged` or `failed`.
    pub outcome: String,
    /// The HTTP status.
    pub http_status: Option<i32>,
    /// What was wrong, as a word of the contract.
    pub error_code: Option<String>,
    /// The same for people.
    pub error_detail: Option<String>,
    /// Bytes of the decoded body.
    pub body_bytes: i64,
    /// Entries in the document.
    pub entries: i32,
    /// Entries never seen before.
    pub new_entries: i32,
    /// Entries with another title or text.
    pub changed: i32,
    /// Entries that matched a keyword.
    pub matched: i32,
    /// Entries that could not be read.
    pub skipped: i32,
    /// Entries that fell out unseen before it, estimated.
    pub missed: i32,
    /// The next check as it was decided then.
    pub next_poll_at: Option<Timestamp>,
    /// Why then.
    pub next_poll_reason: String,
}

/// What became of the wish to read a feed soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollWish {
    /// The feed is due now.
    Noted,
    /// The feed is paused: only an admin starts it again.
    Paused,
    /// There is no such feed.
    Unknown,
}

struct FeedRow {
    id: FeedId,
    url: String,
    title: Option<String>,
    note: String,
    source: String,
    tier: String,
    country: Option<String>,
    language: Option<String>,
    state: String,
    created_at: Timestamp,
    next_poll_at: Option<Timestamp>,
    next_poll_reason: String,
    poll_count: i64,
    newest_published_at: Option<Timestamp>,
    last_entry_count: Option<i32>,
    last_sign_at: Option<Timestamp>,
    norm_per_day: Option<f64>,
    longest_pause_s: Option<f64>,
    rhythm: Option<Vec<u8>>,
    rhythm_since: Option<Timestamp>,
    rhythm_until: Option<Timestamp>,
    last_attempt_at: Option<Timestamp>,
    last_success_at: Option<Timestamp>,
    last_new_entry_at: Option<Timestamp>,
    last_http_status: Option<i32>,
    last_error_code: Option<String>,
    last_error_detail: Option<String>,
    consecutive_failures: i32,
    entries_seen: i64,
    entries_skipped: i64,
}

impl TryFrom<FeedRow> for FeedHealth {
    type Error = StoreError;

    fn try_from(row: FeedRow) -> Result<Self, StoreError> {
        let FeedRow {
            id,
            url,
            title,
            note,
            source,
            tier,
            country,
            language,
            state,
            created_at,
            next_poll_at,
            next_poll_reason,
            poll_count,
            newest_published_at,
            last_entry_count,
            last_sign_at,
            norm_per_day,
            longest_pause_s,
            rhythm,
            rhythm_since,
            rhythm_until,
            last_attempt_at,
            last_success_at,
            last_new_entry_at,
            last_http_status,
            last_error_code,
            last_error_detail,
            consecutive_failures,
            entries_seen,
            entries_skipped,
        } = row;
        Ok(Self {
            id,
            url,
            title,
            note,
            source,
            tier: known_word(&tier)?,
            country,
            language,
            state: known_word(&state)?,
            created_at,
            next_poll_at,
            next_poll_reason,
            poll_count,
            habits: Habits {
                newest_published_at,
                last_entry_count,
                last_sign_at,
                norm_per_day,
                longest_pause_s,
            },
            rhythm: match (rhythm_since, rhythm_until, rhythm) {
                (Some(since), Some(until), Some(bytes)) => {
                    Rhythm::from_stored(since, until, &bytes)
                }
                _ => None,
            },
            last_attempt_at,
            last_success_at,
            last_new_entry_at,
            last_http_status,
            last_error_code,
            last_error_detail,
            consecutive_failures,
            entries_seen,
            entries_skipped,
        })
    }
}

/// The value that a stored word names.
fn known_word<T: DeserializeOwned>(word: &str) -> Result<T, StoreError> {
    T::deserialize(IntoDeserializer::<WordError>::into_deserializer(word))
        .map_err(|_| StoreError::UnknownWord(word.to_owned()))
}

/// The columns of a feed, followed by which feeds.
macro_rules! select_feeds {
    ($tail:literal $(, $argument:expr)* $(,)?) => {
        query_as!(
            FeedRow,
            r#"SELECT f.id, f.url, f.title, f.note, s.name AS source, s.tier, s.country,
                      coalesce(f.language, s.language) AS language, f.state, f.created_at, f.next_poll_at,
                      f.next_poll_reason, f.poll_count, f.newest_published_at, f.last_entry_count, f.last_sign_at,
                      f.norm_per_day, f.longest_pause_s, f.rhythm, f.rhythm_since, f.rhythm_until, f.last_attempt_at, f.last_success_at,
                      f.last_new_entry_at, f.last_http_status, f.last_error_code, f.last_error_detail,
                      f.consecutive_failures, f.entries_seen, f.entries_skipped
                 FROM feeds f
                 JOIN sources s ON s.id = f.source_id
            "# + $tail
            $(, $argument)*
        )
    };
}

/// Every feed, by name of its source.
///
/// # Errors
///
/// When the database does not answer.
pub async fn feeds(db: impl PgExecutor<'_>) -> Result<Vec<FeedHealth>, StoreError> {
    let rows = select_feeds!("ORDER BY s.name, f.id").fetch_all(db).await?;
    rows.into_iter().map(FeedHealth::try_from).collect()
}

/// One feed, or none with this id.
///
/// # Errors
///
/// When the database does not answer.
pub async fn feed(db: impl PgExecutor<'_>, id: FeedId) -> Result<Option<FeedHealth>, StoreError> {
    let row = select_feeds!("WHERE f.id = $1", id as FeedId)
        .fetch_optional(db)
        .await?;
    row.map(FeedHealth::try_from).transpose()
}

/// The feed with exactly this address, or none.
///
/// # Errors
///
/// When the database does not answer.
pub async fn feed_by_url(
    db: impl PgExecutor<'_>,
    url: &str,
) -> Result<Option<FeedHealth>, StoreError> {
    let row = select_feeds!("WHERE f.url = $1", url)
        .fetch_optional(db)
        .await?;
    row.map(FeedHealth::try_from).transpose()
}

/// The last attempts at a feed, the latest first.
///
/// # Errors
///
/// When the database does not answer.
pub async fn attempts(
    db: impl PgExecutor<'_>,
    id: FeedId,
) -> Result<Vec<LoggedAttempt>, StoreError> {
    let attempts = query_as!(
        LoggedAttempt,
        r#"SELECT started_at, duration_ms, outcome, http_status, error_code, error_detail, body_bytes, entries,
                  new_entries, changed, matched, skipped, missed, next_poll_at, next_poll_reason
             FROM fetch_log
            WHERE feed_id = $1
            ORDER BY started_at DESC, slot DESC"#,
        id as FeedId,
    )
    .fetch_all(db)
    .await?;
    Ok(attempts)
}

/// The facts that the statement about the collection is made of.
///
/// # Errors
///
/// When the database does not answer.
pub async fn collection(db: &PgPool) -> Result<Collection, StoreError> {
    struct Counts {
        feed_count: i64,
        read_count: i64,
        waiting_count: i64,
        paused_count: i64,
        complete_to: Option<Timestamp>,
        oldest_due: Option<Timestamp>,
        worker_until: Option<Timestamp>,
    }
    let counts = query_as!(
        Counts,
        r#"SELECT count(*) FILTER (WHERE state <> 'paused') AS "feed_count!",
                  count(*) FILTER (WHERE state <> 'paused' AND last_success_at IS NOT NULL) AS "read_count!",
                  count(*) FILTER (WHERE state <> 'paused' AND last_success_at IS NULL AND missing IS NULL)
                      AS "waiting_count!",
                  count(*) FILTER (WHERE state = 'paused') AS "paused_count!",
                  min(last_success_at) FILTER (WHERE state <> 'paused' AND missing IS NULL) AS complete_to,
                  min(next_poll_at) AS oldest_due,
                  (SELECT until FROM leases WHERE name = 'place') AS worker_until
             FROM feeds
             LEFT JOIN (SELECT DISTINCT feed_id AS missing
                          FROM incidents
                         WHERE closed_at IS NULL
                           AND topic IN ('outage', 'items', 'silence')) AS open ON missing = feeds.id"#,
    )
    .fetch_one(db)
    .await?;
    let Counts {
        feed_count,
        read_count,
        waiting_count,
        paused_count,
        complete_to,
        oldest_due,
        worker_until,
    } = counts;
    Ok(Collection {
        feed_count,
        read_count,
        waiting_count,
        paused_count,
        complete_to,
        troubles: super::incidents::missing(db).await?,
        worker_until,
        oldest_due,
    })
}

/// Makes a feed due now, unless it is paused. A poll that runs is left alone, and another follows it.
///
/// # Errors
///
/// When the database does not answer.
pub async fn ask_poll_soon(
    db: impl PgExecutor<'_>,
    id: FeedId,
    now: Timestamp,
) -> Result<PollWish, StoreError> {
    let state = query_scalar!(
        r#"UPDATE feeds
              SET next_poll_at = CASE WHEN state = 'paused' THEN NULL
                                  WHEN lease_until > $2 THEN $2
                                  ELSE least(next_poll_at, $2) END,
                  next_poll_reason = CASE WHEN state = 'paused' THEN next_poll_reason ELSE 'asked for by hand' END
            WHERE id = $1
        RETURNING state"#,
        id as FeedId,
        now as Timestamp,
    )
    .fetch_optional(db)
    .await?;
    Ok(match state.as_deref() {
        None => PollWish::Unknown,
        Some("paused") => PollWish::Paused,
        Some(_) => PollWish::Noted,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_stored_word_is_a_value_or_an_error_that_names_it() {
        assert_eq!(
            known_word::<FeedState>("failing").unwrap(),
            FeedState::Failing
        );
        assert_eq!(known_word::<Tier>("exile").unwrap(), Tier::Exile);
        assert!(
            matches!(known_word::<FeedState>("asleep"), Err(StoreError::UnknownWord(word)) if word == "asleep")
        );
    }
}
