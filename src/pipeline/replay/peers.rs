//! The rules of other readers, as far as they decide when to ask: what ours is measured against.

use std::time::Duration;

use crate::domain::Timestamp;

const DAY: Duration = Duration::from_hours(24);
const WEEK: Duration = Duration::from_hours(7 * 24);

/// Miniflux's `entry_frequency` scheduler with its defaults: a week over the number of entries a week, which the mean gap
/// of the last seven days gives; 5 minutes to 24 hours (`model/feed.go`, `storage/feed.go`).
pub(super) fn miniflux(seen: &[Timestamp], now: Timestamp) -> Duration {
    let recent = &seen[seen.partition_point(|at| *at < now.minus(WEEK))..];
    let weekly = match recent {
        [first, .., last] if last > first => {
            let gap = last.since(*first).as_secs_f64() / (recent.len() - 1) as f64;
            (WEEK.as_secs_f64() / gap).ceil()
        }
        _ => return DAY,
    };
    WEEK.div_f64(weekly).clamp(Duration::from_mins(5), DAY)
}

/// `CommaFeed`'s empirical interval with its defaults: half the mean gap of the entries of the document, 5 minutes to one
/// hour; 1, 2 and 4 hours after 7, 14 and 30 days of silence (`FeedRefreshIntervalCalculator`). A document holds 30
/// entries here.
pub(super) fn commafeed(seen: &[Timestamp], now: Timestamp) -> Duration {
    const IN_DOCUMENT: usize = 30;
    const LONGEST: Duration = Duration::from_hours(4);
    let document = &seen[seen.len().saturating_sub(IN_DOCUMENT)..];
    let (Some(first), Some(last)) = (document.first(), document.last()) else {
        return LONGEST;
    };
    let silent = now.since(*last);
    if silent >= DAY * 30 {
        return LONGEST;
    }
    if silent >= DAY * 14 {
        return Duration::from_hours(2);
    }
    if silent >= DAY * 7 || document.len() < 2 {
        return Duration::from_hours(1);
    }
    let gap = last.since(*first).div_f64((document.len() - 1) as f64);
    (gap / 2).clamp(Duration::from_mins(5), Duration::from_hours(1))
}
