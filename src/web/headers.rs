//! Headers that every answer carries.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};

use super::peer::{Peer, Way};

/// Nothing but our own files; no markup from data ever becomes script, and only the live module writes markup at all.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'; trusted-types wirewatch";

/// What no page of ours asks of a browser.
const PERMISSIONS_POLICY: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Each header, unless the answer says otherwise itself.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Other sites learn nothing. Under `no-referrer` a browser would send `Origin: null` with our own forms, which looks
    // like another site's.
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        PERMISSIONS_POLICY,
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Two years, for browsers that came over TLS (RFC 6797). Other hosts under our name are not ours to bind.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000";

/// Adds the headers.
pub(super) async fn secure(mut response: Response) -> Response {
    let came_over_tls = response
        .extensions()
        .get::<Peer>()
        .is_some_and(|peer| peer.way == Way::Tls);
    if came_over_tls {
        response.headers_mut().insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(STRICT_TRANSPORT_SECURITY),
        );
    }
    add_missing(response.headers_mut());
    response
}

fn add_missing(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_carries_the_policy_and_may_choose_its_own_caching() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("immutable"));
        add_missing(&mut headers);
        assert_eq!(headers.len(), HEADERS.len());
        assert_eq!(headers[header::CACHE_CONTROL], "immutable");
        let policy = &headers[header::CONTENT_SECURITY_POLICY];
        assert!(
            policy
                .to_str()
                .is_ok_and(|policy| !policy.contains("unsafe") && !policy.contains('*'))
        );
    }
}
