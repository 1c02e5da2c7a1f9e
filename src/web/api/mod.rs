//! The same things as JSON, for programs: structs of its own, so that a column renamed is not an answer changed.

pub(super) mod articles;
pub(super) mod audit;
pub(super) mod digests;
pub(super) mod export;
pub(super) mod feeds;
pub(super) mod health;
pub(super) mod keywords;
pub(super) mod matches;
pub(super) mod openapi;
pub(super) mod parameters;
pub(super) mod stories;

use super::error::WebError;

/// Things of one answer, unless asked otherwise.
const DEFAULT_LIMIT: i64 = 100;

/// A number of digits alone, as cursors are written.
fn digits(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// How many things are asked for, at most `most`.
fn limit(asked: Option<i64>, most: i64) -> Result<i64, WebError> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT.min(most));
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(WebError::BadRequest(format!(
        "“limit” is a whole number from 1 to {most}."
    )))
}
