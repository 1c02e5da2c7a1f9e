//! How fast one program may ask: a bucket for each key, person or address, in this process.
//!
//! Several processes have a bucket each: the limit guards a process, it is no price.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::seats::Holder;
use crate::{auth::throttle::Bucket, domain::Timestamp};

/// Buckets that are remembered before the empty ones are thrown away.
const MOST_BUCKETS: usize = 10_000;

/// The buckets.
#[derive(Debug)]
pub(super) struct Quota {
    per_minute: u32,
    levels: Mutex<HashMap<Holder, (f64, Timestamp)>>,
}

/// How a holder stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    limit: u32,
    remaining: u32,
}

impl Quota {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            levels: Mutex::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// There were too many; how long to wait.
    pub(super) fn take(&self, holder: Holder, now: Timestamp) -> Result<Standing, Duration> {
        let bucket = Bucket::per_minute(self.per_minute);
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.len() >= MOST_BUCKETS {
            levels.retain(|_, (level, at)| bucket.drained(*level, now.since(*at)) > 0.0);
        }
        let (level, at) = levels.get(&holder).copied().unwrap_or((0.0, now));
        let level = bucket.raised(level, now.since(at))?;
        levels.insert(holder, (level, now));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between nothing and the limit"
        )]
        let remaining = (bucket.capacity - level) as u32;
        Ok(Standing {
            limit: self.per_minute,
            remaining,
        })
    }
}

impl Standing {
    /// Tells it, as in draft-ietf-httpapi-ratelimit-headers.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        let told = [
            (
                HeaderName::from_static("ratelimit-policy"),
                format!("\"asker\";q={};w=60", self.limit),
            ),
            (
                HeaderName::from_static("ratelimit"),
                format!("\"asker\";r={};t=60", self.remaining),
            ),
        ];
        for (name, value) in told {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{ApiTokenId, UserId};

    #[test]
    fn each_asker_has_a_bucket_and_time_empties_it() {
        let quota = Quota::new(2);
        let now = Timestamp::from_micros(1_795_507_200_000_000);
        let (program, person) = (
            Holder::Program(ApiTokenId::new(1)),
            Holder::User(UserId::new(1)),
        );
        assert_eq!(quota.take(program, now).unwrap().remaining, 1);
        assert_eq!(quota.take(program, now).unwrap().remaining, 0);
        assert_eq!(quota.take(program, now), Err(Duration::from_secs(30)));
        assert_eq!(quota.take(person, now).unwrap().remaining, 1);
        let later = now.plus(Duration::from_secs(30));
        assert_eq!(quota.take(program, later).unwrap().remaining, 0);
    }
}
