//! The rows of feeds after a batch of polls: claims given back, with outcome and next check.

use std::{collections::HashMap, time::Duration};

use sqlx::PgConnection;

use super::StoreError;
use crate::domain::{
    Attempt, ClaimedFeed, ErrorCode, FeedId, FoundEntry, Habits, Novelty, PollRecord, Reading,
    Rhythm, Timestamp, Validators,
};

/// The claims that still held, with the number of polls of their feeds by now.
pub(super) struct Held(HashMap<(FeedId, i64), i64>);

impl Held {
    /// The number of the feed's poll, if it was held under the claim of this one: another may be polling it by now, and both
    /// may come in one batch.
    pub(super) fn poll_of(&self, feed: &ClaimedFeed) -> Option<i64> {
        self.0.get(&(feed.id, feed.lease_token)).copied()
    }

    pub(super) fn has(&self, feed: &ClaimedFeed) -> bool {
        self.poll_of(feed).is_some()
    }
}

/// What any attempt leaves, on the feed's row and in its log.
pub(super) struct Outcome<'a> {
    /// The word of the log.
    pub(super) word: &'static str,
    pub(super) status: Option<i32>,
    pub(super) error: Option<&'static str>,
    pub(super) detail: Option<&'a str>,
    is_success: bool,
    validators: Option<&'a Validators>,
}

impl<'a> Outcome<'a> {
    pub(super) fn of(attempt: &'a Attempt) -> Self {
        match attempt {
            Attempt::Unchanged {
                status, validators, ..
            } => Self {
                word: "unchanged",
                status: Some(i32::from(*status)),
                error: None,
                detail: None,
                is_success: true,
                validators: Some(validators),
            },
            Attempt::Read(reading) => Self {
                word: "read",
                status: Some(i32::from(reading.status)),
                error: reading.loss.map(ErrorCode::as_str),
                detail: None,
                is_success: true,
                validators: Some(&reading.validators),
            },
            Attempt::Failed(failure) => Self {
                word: "failed",
                status: failure.status.map(i32::from),
                error: Some(failure.code.as_str()),
                detail: Some(&failure.detail),
                is_success: false,
                validators: None,
            },
        }
    }
}

/// How many of the entries the feed never carried before.
pub(super) fn new_entries(found: &[FoundEntry]) -> i64 {
    let count = found
        .iter()
        .filter(|found| found.identified.novelty == Novelty::New)
        .count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How many of the new entries matched a keyword.
fn matched_entries(found: &[FoundEntry]) -> i64 {
    let count = found
        .iter()
        .filter(|found| found.identified.novelty == Novelty::New && !found.matches.is_empty())
        .count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What the documents of a batch leave on the rows of their feeds, column by column.
#[derive(Default)]
struct DocumentColumns {
    titles: Vec<Option<String>>,
    hashes: Vec<Option<Vec<u8>>>,
    new: Vec<i64>,
    matched: Vec<i64>,
    skipped: Vec<i64>,
    newest: Vec<Option<Timestamp>>,
    entries: Vec<Option<i32>>,
    signs: Vec<Option<Timestamp>>,
    norms: Vec<Option<f64>>,
    pauses: Vec<Option<f64>>,
}

impl DocumentColumns {
    fn push(&mut self, reading: &Reading) {
        let Habits {
            newest_published_at,
            last_entry_count,
            last_sign_at,
            norm_per_day,
            longest_pause_s,
        } = reading.observed.habits;
        self.titles.push(reading.title.clone());
        self.hashes.push(reading.body_hash.clone());
        self.new.push(new_entries(&reading.found));
        self.matched.push(matched_entries(&reading.found));
        self.skipped.push(i64::from(reading.skipped));
        self.newest.push(newest_published_at);
        self.entries.push(last_entry_count);
        self.signs.push(last_sign_at);
        self.norms.push(norm_per_day);
        self.pauses.push(longest_pause_s);
    }
}

/// Where the columns of documents have what each attempt read, as the database counts: from 1. Most attempts read nothing, and
/// what they would leave empty is not sent.
#[derive(Default)]
pub(super) struct Places {
    pub(super) places: Vec<Option<i32>>,
    last: i32,
}

impl Places {
    /// Adds an attempt. Returns what it read.
    pub(super) fn push<'a>(&mut self, attempt: &'a Attempt) -> Option<&'a Reading> {
        let Attempt::Read(reading) = attempt else {
            self.places.push(None);
            return None;
        };
        self.last += 1;
        self.places.push(Some(self.last));
        Some(reading)
    }
}

/// The rows of feeds after a batch, column by column.
#[derive(Default)]
struct FeedColumns {
    ids: Vec<FeedId>,
    tokens: Vec<i64>,
    started: Vec<Timestamp>,
    attempted: Vec<Timestamp>,
    states: Vec<String>,
    next: Vec<Timestamp>,
    reasons: Vec<String>,
    rates: Vec<Option<f64>>,
    rhythms: Vec<Option<Vec<u8>>>,
    rhythm_since: Vec<Option<Timestamp>>,
    rhythm_until: Vec<Option<Timestamp>>,
    statuses: Vec<Option<i32>>,
    errors: Vec<Option<String>>,
    details: Vec<Option<String>>,
    successes: Vec<bool>,
    etags: Vec<Option<String>>,
    modified: Vec<Option<String>>,
    demands: Vec<f64>,
    full: Vec<bool>,
    plain: Vec<bool>,
    fresh: Vec<Option<i64>>,
    ttls: Vec<Option<i64>>,
    skip_hours: Vec<i32>,
    skip_days: Vec<i16>,
    moved_to: Vec<Option<String>>,
    moved_since: Vec<Option<Timestamp>>,
    moved_times: Vec<i32>,
    read: Places,
    documents: DocumentColumns,
}

impl FeedColumns {
    fn push(&mut self, record: &PollRecord) {
        let outcome = Outcome::of(&record.attempt);
        self.ids.push(record.feed.id);
        self.tokens.push(record.feed.lease_token);
        self.started.push(record.started_at);
        self.attempted.push(record.finished_at);
        self.states.push(record.next.state.as_str().to_owned());
        self.next.push(record.next.at);
        self.reasons.push(record.next.reason.clone());
        let rhythm = record.next.rhythm.as_ref();
        self.rates.push(
            rhythm
                .filter(|rhythm| rhythm.is_known())
                .map(Rhythm::per_day),
        );
        self.rhythms.push(rhythm.map(Rhythm::stored));
        self.rhythm_since
            .push(rhythm.map(|rhythm| rhythm.observed().0));
        self.rhythm_until
            .push(rhythm.map(|rhythm| rhythm.observed().1));
        self.statuses.push(outcome.status);
        self.errors.push(outcome.error.map(str::to_owned));
        self.details.push(outcome.detail.map(str::to_owned));
        self.successes.push(outcome.is_success);
        self.etags.push(
            outcome
                .validators
                .and_then(|validators| validators.etag.clone()),
        );
        self.modified.push(
            outcome
                .validators
                .and_then(|validators| validators.last_modified.clone()),
        );
        self.push_course(record);
        if let Some(reading) = self.read.push(&record.attempt) {
            self.documents.push(reading);
        }
    }

    fn push_course(&mut self, record: &PollRecord) {
        let seconds = |hint: Option<Duration>| {
            hint.map(|hint| i64::try_from(hint.as_secs()).unwrap_or(i64::MAX))
        };
        let course = &record.course;
        self.demands.push(record.next.demand);
        self.full.push(course.polls_since_full == 0);
        self.plain.push(course.is_asked_plain);
        self.fresh.push(seconds(course.hints.fresh_for));
        self.ttls.push(seconds(course.hints.ttl));
        self.skip_hours.push(course.hints.skip_hours.cast_signed());
        self.skip_days.push(i16::from(course.hints.skip_days));
        let moved = course.moved.as_ref();
        self.moved_to
            .push(moved.map(|moved| moved.to.as_str().to_owned()));
        self.moved_since.push(moved.map(|moved| moved.since));
        self.moved_times
            .push(moved.map_or(0, |moved| i32::try_from(moved.times).unwrap_or(i32::MAX)));
    }
}

/// Gives the claims back with outcome and next check. Returns those that still held.
#[expect(
    clippy::too_many_lines,
    reason = "one statement, a line for each column"
)]
pub(super) async fn finish(
    tx: &mut PgConnection,
    records: &[&PollRecord],
) -> Result<Held, StoreError> {
    let mut columns = FeedColumns::default();
    for record in records {
        columns.push(record);
    }
    let documents = &columns.documents;
    // A success replaces the validators even by none: what was not read whole must be asked for again in full. A poll that
    // somebody asked for while this one ran is still to come.
    let held = sqlx::query!(
        r#"
        UPDATE feeds
           SET lease_until = NULL,
               poll_count = poll_count + 1,
               last_attempt_at = done.attempted,
               state = CASE WHEN feeds.state = 'paused' THEN 'paused' ELSE done.state END,
               next_poll_at = CASE WHEN feeds.state = 'paused' THEN NULL
                                   WHEN next_poll_reason = 'asked for by hand' AND next_poll_at > done.started
                                   THEN least(next_poll_at, done.next)
                                   ELSE done.next END,
               next_poll_reason = CASE WHEN feeds.state = 'paused'
                                         OR next_poll_reason = 'asked for by hand' AND next_poll_at > done.started
                                       THEN next_poll_reason
                                       ELSE done.reason END,
               entries_per_day = done.rate,
               rhythm = done.rhythm,
               rhythm_since = done.rhythm_since,
               rhythm_until = done.rhythm_until,
               last_http_status = done.status,
               last_error_code = done.error,
               last_error_detail = done.detail,
               last_success_at = CASE WHEN done.success THEN done.attempted ELSE last_success_at END,
               consecutive_failures = CASE WHEN done.success THEN 0 ELSE consecutive_failures + 1 END,
               title = coalesce(feeds.title, ($29::text[])[done.document]),
               etag = CASE WHEN done.success THEN done.etag ELSE feeds.etag END,
               last_modified = CASE WHEN done.success THEN done.modified ELSE feeds.last_modified END,
               body_hash = CASE WHEN done.document IS NULL THEN body_hash ELSE ($30::bytea[])[done.document] END,
               last_new_entry_at = CASE WHEN ($31::bigint[])[done.document] > 0 THEN done.attempted ELSE last_new_entry_at END,
               entries_seen = entries_seen + coalesce(($31::bigint[])[done.document], 0),
               entries_skipped = coalesce(($33::bigint[])[done.document], entries_skipped),
               newest_published_at = coalesce(($34::timestamptz[])[done.document], newest_published_at),
               last_entry_count = coalesce(($35::integer[])[done.document], last_entry_count),
               last_sign_at = coalesce(($36::timestamptz[])[done.document], last_sign_at),
               norm_per_day = coalesce(($37::double precision[])[done.document], norm_per_day),
               longest_pause_s = coalesce(($38::double precision[])[done.document], longest_pause_s),
               demand = done.demand,
               entries_matched = entries_matched + coalesce(($32::bigint[])[done.document], 0),
               last_full_at = CASE WHEN done.is_full THEN done.attempted ELSE last_full_at END,
               full_at_poll = CASE WHEN done.is_full THEN poll_count + 1 ELSE full_at_poll END,
               is_asked_plain = done.plain,
               fresh_for_s = done.fresh,
               ttl_s = done.ttl,
               skip_hours = done.skip_hours,
               skip_days = done.skip_days,
               moved_to = done.moved_to,
               moved_since = done.moved_since,
               moved_times = done.moved_times
          FROM UNNEST($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::text[],
                      $7::double precision[], $8::integer[], $9::text[], $10::text[],
                      $11::boolean[], $12::text[], $13::text[], $14::bytea[],
                      $15::timestamptz[], $16::timestamptz[], $17::double precision[],
                      $18::boolean[], $19::boolean[], $20::bigint[], $21::bigint[],
                      $22::integer[], $23::smallint[], $24::text[], $25::timestamptz[],
                      $26::integer[], $27::timestamptz[], $28::integer[])
               AS done (id, token, attempted, state, next, reason, rate, status, error, detail, success, etag,
                        modified, rhythm, rhythm_since, rhythm_until, demand, is_full,
                        plain, fresh, ttl, skip_hours, skip_days, moved_to, moved_since,
                        moved_times, started, document)
         WHERE feeds.id = done.id
           AND feeds.lease_token = done.token
        RETURNING feeds.id AS "id: FeedId", feeds.lease_token, feeds.poll_count
        "#,
        &columns.ids as &[FeedId],
        &columns.tokens,
        &columns.attempted as &[Timestamp],
        &columns.states,
        &columns.next as &[Timestamp],
        &columns.reasons,
        &columns.rates as &[Option<f64>],
        &columns.statuses as &[Option<i32>],
        &columns.errors as &[Option<String>],
        &columns.details as &[Option<String>],
        &columns.successes,
        &columns.etags as &[Option<String>],
        &columns.modified as &[Option<String>],
        &columns.rhythms as &[Option<Vec<u8>>],
        &columns.rhythm_since as &[Option<Timestamp>],
        &columns.rhythm_until as &[Option<Timestamp>],
        &columns.demands,
        &columns.full,
        &columns.plain,
        &columns.fresh as &[Option<i64>],
        &columns.ttls as &[Option<i64>],
        &columns.skip_hours,
        &columns.skip_days,
        &columns.moved_to as &[Option<String>],
        &columns.moved_since as &[Option<Timestamp>],
        &columns.moved_times,
        &columns.started as &[Timestamp],
        &columns.read.places as &[Option<i32>],
        &documents.titles as &[Option<String>],
        &documents.hashes as &[Option<Vec<u8>>],
        &documents.new,
        &documents.matched,
        &documents.skipped,
        &documents.newest as &[Option<Timestamp>],
        &documents.entries as &[Option<i32>],
        &documents.signs as &[Option<Timestamp>],
        &documents.norms as &[Option<f64>],
        &documents.pauses as &[Option<f64>],
    )
    .fetch_all(tx)
    .await?;
    let polls = held
        .into_iter()
        .map(|row| ((row.id, row.lease_token), row.poll_count));
    Ok(Held(polls.collect()))
}
