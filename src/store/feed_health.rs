//! How the collection is doing: each feed, its last attempts, and the whole in one statement.

use serde::de::{DeserializeOwned, IntoDeserializer, value::Error as WordError};
use sqlx::{PgExecutor, PgPool, query_as, query_scalar};

use super::StoreError;
use crate::domain::{FeedId, FeedState, Tier, Timestamp};

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
    /// New entries a day, smoothed.
    pub entries_per_day: Option<f64>,
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
}

/// What can be said about the collection as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    /// Feeds that are to be read: all but the paused.
    pub feed_count: i64,
    /// Those of them that were read at least once.
    pub read_count: i64,
    /// Those of them that no attempt has reached yet.
    pub waiting_count: i64,
    /// The earliest last success of the feeds that are read well: nothing is missing before it.
    pub complete_to: Option<Timestamp>,
    /// Sources of feeds that are failing or gone, the longest first.
    pub troubled: Vec<TroubledSource>,
}

/// A source that is not read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubledSource {
    /// Its name.
    pub name: String,
    /// Its feeds that are failing or gone.
    pub troubled_count: i64,
    /// Its feeds that are to be read.
    pub feed_count: i64,
    /// The earliest last success of the troubled feeds; none if one was never read.
    pub since: Option<Timestamp>,
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
    entries_per_day: Option<f64>,
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
            entries_per_day,
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
            entries_per_day,
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
                      f.next_poll_reason, f.poll_count, f.entries_per_day, f.last_attempt_at, f.last_success_at,
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
                  new_entries, changed, matched, skipped
             FROM fetch_log
            WHERE feed_id = $1
            ORDER BY started_at DESC, slot DESC"#,
        id as FeedId,
    )
    .fetch_all(db)
    .await?;
    Ok(attempts)
}

/// What can be said about the collection as a whole.
///
/// # Errors
///
/// When the database does not answer.
pub async fn collection(db: &PgPool) -> Result<Collection, StoreError> {
    struct Counts {
        feed_count: i64,
        read_count: i64,
        waiting_count: i64,
        complete_to: Option<Timestamp>,
    }
    let counts = query_as!(
        Counts,
        r#"SELECT count(*) FILTER (WHERE state <> 'paused') AS "feed_count!",
                  count(*) FILTER (WHERE state <> 'paused' AND last_success_at IS NOT NULL) AS "read_count!",
                  count(*) FILTER (WHERE state = 'waiting') AS "waiting_count!",
                  min(last_success_at) FILTER (WHERE state = 'active') AS complete_to
             FROM feeds"#,
    )
    .fetch_one(db)
    .await?;
    let troubled = query_as!(
        TroubledSource,
        r#"SELECT s.name,
                  count(*) FILTER (WHERE f.state IN ('failing', 'gone')) AS "troubled_count!",
                  count(*) AS "feed_count!",
                  CASE WHEN bool_or(f.last_success_at IS NULL) FILTER (WHERE f.state IN ('failing', 'gone')) THEN NULL
                       ELSE min(f.last_success_at) FILTER (WHERE f.state IN ('failing', 'gone'))
                  END AS since
             FROM feeds f
             JOIN sources s ON s.id = f.source_id
            WHERE f.state <> 'paused'
            GROUP BY s.id
           HAVING bool_or(f.state IN ('failing', 'gone'))
            ORDER BY since NULLS FIRST, s.name"#,
    )
    .fetch_all(db)
    .await?;
    let Counts {
        feed_count,
        read_count,
        waiting_count,
        complete_to,
    } = counts;
    Ok(Collection {
        feed_count,
        read_count,
        waiting_count,
        complete_to,
        troubled,
    })
}

/// Makes a feed due now, unless it is paused. A claim that runs is left alone.
///
/// # Errors
///
/// When the database does not answer.
pub async fn ask_poll_soon(
    db: &PgPool,
    id: FeedId,
    now: Timestamp,
) -> Result<PollWish, StoreError> {
    let state = query_scalar!(
        r#"UPDATE feeds
              SET next_poll_at = CASE WHEN state = 'paused' THEN NULL ELSE least(next_poll_at, $2) END,
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
