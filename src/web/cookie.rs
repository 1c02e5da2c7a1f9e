//! The cookie of a signed-in browser.
//!
//! Over TLS it is a `__Host-` cookie (RFC 6265bis): sent over TLS only, to this host only, set by nobody else. On
//! loopback over plain HTTP browsers would refuse that; there, and nowhere else, it goes by another name.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use super::peer::Way;
use crate::auth::Token;

/// Its name on this way; none where a cookie would be read along.
const fn name(way: Way) -> Option<&'static str> {
    match way {
        Way::Tls => Some("__Host-wirewatch"),
        Way::Loopback => Some("wirewatch"),
        Way::Open => None,
    }
}

/// The token that a browser shows.
pub(super) fn token(headers: &HeaderMap, way: Way) -> Option<&str> {
    let wanted = name(way)?;
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, token)| token)
}

/// The header that signs a browser in; none where that cannot be.
pub(super) fn set(token: &Token, way: Way, lifetime: Duration) -> Option<HeaderValue> {
    written(token.reveal(), way, lifetime.as_secs())
}

/// The header that signs a browser out.
pub(super) fn clear(way: Way) -> Option<HeaderValue> {
    written("", way, 0)
}

fn written(value: &str, way: Way, max_age: u64) -> Option<HeaderValue> {
    let name = name(way)?;
    let secure = if way == Way::Tls { "; Secure" } else { "" };
    HeaderValue::try_from(format!(
        "{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"
    ))
    .ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn over_tls_the_cookie_belongs_to_the_host_and_is_never_sent_in_the_clear() {
        let token = Token::new([1; 32]);
        let over_tls = set(&token, Way::Tls, Duration::from_hours(1)).unwrap();
        let over_tls = over_tls.to_str().unwrap();
        assert!(over_tls.starts_with("__Host-wirewatch=01"), "{over_tls}");
        assert!(
            over_tls.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"),
            "{over_tls}"
        );
        let local = set(&token, Way::Loopback, Duration::from_hours(1)).unwrap();
        assert!(local.to_str().unwrap().starts_with("wirewatch=01"));
        assert_eq!(set(&token, Way::Open, Duration::from_hours(1)), None);
    }

    #[test]
    fn a_cookie_of_another_way_is_not_read() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; wirewatch=plain"),
        );
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("__Host-wirewatch=safe"),
        );
        assert_eq!(token(&headers, Way::Tls), Some("safe"));
        assert_eq!(token(&headers, Way::Loopback), Some("plain"));
        assert_eq!(token(&headers, Way::Open), None);
    }
}
