//! What response headers say about when to come back.

use std::time::Duration;

use reqwest::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, LAST_MODIFIED, RETRY_AFTER,
};

use crate::domain::{PollHints, Timestamp, Validators};

/// Longer validators are not kept: they would be sent back with each request.
const MAX_VALIDATOR_BYTES: usize = 1_024;

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// `ETag` and `Last-Modified`, byte for byte.
pub(super) fn validators(headers: &HeaderMap) -> Validators {
    let keep = |name| {
        text(headers, name)
            .filter(|value| !value.is_empty() && value.len() <= MAX_VALIDATOR_BYTES)
            .map(str::to_owned)
    };
    Validators {
        etag: keep(ETAG),
        last_modified: keep(LAST_MODIFIED),
    }
}

/// How long the response is fresh: `max-age` less `Age`, else `Expires` less `Date` (RFC 9111 §4.2.1). Nothing, if it does not
/// say; zero, if it says that it is not.
pub(super) fn hints(headers: &HeaderMap, now: Timestamp) -> PollHints {
    let expires = || {
        let value = text(headers, EXPIRES)?;
        let sent = text(headers, DATE).and_then(http_date).unwrap_or(now);
        // What is no date, as "0", is past (RFC 9111 §5.3).
        Some(http_date(value).map_or(Duration::ZERO, |at| at.since(sent)))
    };
    PollHints {
        fresh_for: cache_control(headers).or_else(expires),
        ..PollHints::default()
    }
}

/// What `Cache-Control` says of it, on however many lines (RFC 9110 §5.3).
fn cache_control(headers: &HeaderMap) -> Option<Duration> {
    let directives = || {
        let lines = headers.get_all(CACHE_CONTROL).iter();
        lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .map(str::trim)
    };
    let must_ask = |name: &str| {
        directives().any(|directive| {
            let told = directive.split('=').next().unwrap_or_default();
            told.trim().eq_ignore_ascii_case(name)
        })
    };
    if must_ask("no-cache") || must_ask("no-store") {
        return Some(Duration::ZERO);
    }
    let age = directives().find_map(max_age)?;
    let spent = text(headers, AGE)
        .and_then(|age| age.parse().ok())
        .unwrap_or(0);
    Some(Duration::from_secs(age.saturating_sub(spent)))
}

fn max_age(directive: &str) -> Option<u64> {
    let (name, seconds) = directive.split_once('=')?;
    name.trim()
        .eq_ignore_ascii_case("max-age")
        .then(|| seconds.trim().trim_matches('"').parse().ok())?
}

/// `Retry-After` in either form (RFC 9110 §10.2.3), as a duration from `now`; the longest, if there are several.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    headers
        .get_all(RETRY_AFTER)
        .iter()
        .filter_map(|value| wait(value.to_str().ok()?.trim(), now))
        .max()
}

fn wait(value: &str, now: Timestamp) -> Option<Duration> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        // More digits than a number holds still ask for a long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    Some(http_date(value)?.since(now))
}

/// An HTTP date in any of its three forms (RFC 9110 §5.6.7): IMF-fixdate, that of RFC 850, and that of asctime.
fn http_date(value: &str) -> Option<Timestamp> {
    // A wrong name of the day takes nothing from the date: a publisher who asks to wait is heard.
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    if let Ok(date) = parser.parse_timestamp(value) {
        return Some(Timestamp::from_jiff(date));
    }
    let rfc850 = value.split_once(", ").map_or("", |(_, rest)| rest);
    let parsed = jiff::civil::DateTime::strptime("%d-%b-%y %H:%M:%S GMT", rfc850)
        .or_else(|_| jiff::civil::DateTime::strptime("%a %b %e %H:%M:%S %Y", value))
        .ok()?;
    let date = jiff::tz::TimeZone::UTC.to_timestamp(parsed).ok()?;
    Some(Timestamp::from_jiff(date))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn freshness_is_max_age_less_age_and_else_expires_less_date() {
        let now = Timestamp::from_micros(0);
        let fresh = |pairs: &[(HeaderName, &str)]| {
            hints(&headers(pairs), now).fresh_for.map(|d| d.as_secs())
        };
        assert_eq!(fresh(&[(CACHE_CONTROL, "public, Max-Age=600")]), Some(600));
        assert_eq!(
            fresh(&[(CACHE_CONTROL, "max-age=600"), (AGE, "100")]),
            Some(500)
        );
        assert_eq!(fresh(&[(CACHE_CONTROL, "public")]), None);
        assert_eq!(fresh(&[(CACHE_CONTROL, "max-age=0")]), Some(0));
        let spent = [(CACHE_CONTROL, "max-age=600"), (AGE, "900")];
        assert_eq!(fresh(&spent), Some(0));
        assert_eq!(fresh(&[(CACHE_CONTROL, "no-cache, max-age=600")]), Some(0));
        let mut lines = headers(&[(CACHE_CONTROL, "public")]);
        lines.append(CACHE_CONTROL, "max-age=600".parse().unwrap());
        assert_eq!(hints(&lines, now).fresh_for, Some(Duration::from_mins(10)));
        let dates = [
            (DATE, "Mon, 23 Nov 2026 10:00:00 GMT"),
            (EXPIRES, "Mon, 23 Nov 2026 10:05:00 GMT"),
        ];
        assert_eq!(fresh(&dates), Some(300));
        assert_eq!(fresh(&[(EXPIRES, "0")]), Some(0), "no date is past");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = http_date("Mon, 23 Nov 2026 10:00:00 GMT").unwrap();
        let after =
            |value: &str| retry_after(&headers(&[(RETRY_AFTER, value)]), now).map(|d| d.as_secs());
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Mon, 23 Nov 2026 10:10:00 GMT"), Some(600));
        assert_eq!(after("Mon, 23 Nov 2026 09:00:00 GMT"), Some(0));
        assert_eq!(after("Monday, 23-Nov-26 10:10:00 GMT"), Some(600));
        assert_eq!(after("Mon Nov 23 10:10:00 2026"), Some(600));
        assert_eq!(after("99999999999999999999999"), Some(u64::MAX));
        for junk in ["soon", "-1", "1e9", "", "5 minutes"] {
            assert_eq!(after(junk), None, "{junk:?}");
        }
        let mut several = headers(&[(RETRY_AFTER, "60")]);
        several.append(RETRY_AFTER, "300".parse().unwrap());
        several.append(RETRY_AFTER, "soon".parse().unwrap());
        assert_eq!(retry_after(&several, now), Some(Duration::from_mins(5)));
    }
}
