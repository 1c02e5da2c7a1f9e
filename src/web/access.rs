//! Who may enter.
//!
//! Without accounts, the API answers programs on the same machine only. A page of any site can send a browser on that
//! machine to it (DNS rebinding), and a proxy on that machine can bring anybody: hence the look at `Host` and at the
//! headers that proxies add.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::WebError;

/// Lets requests pass that come from this machine, ask for this machine, and passed no proxy.
pub(super) async fn local_only(request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    match refusal(peer, request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(reason) => WebError::Forbidden(reason).into_response(),
    }
}

/// Why a request may not enter; none if it may.
fn refusal(peer: Option<IpAddr>, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    if !peer.is_some_and(|address| address.to_canonical().is_loopback()) {
        return Some("the API answers programs on this machine only, until there are accounts");
    }
    if !asks_for_this_machine(uri, headers) {
        return Some(
            "the API answers on loopback names only (localhost, 127.0.0.1, [::1]), until there are accounts",
        );
    }
    if headers.keys().any(|name| tells_of_a_proxy(name.as_str())) {
        return Some(
            "the request came through a proxy; the API answers direct requests only, until there are accounts",
        );
    }
    None
}

/// Whether every name that the request gives for its target is a loopback name.
fn asks_for_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host
            .to_str()
            .ok()
            .and_then(|host| host.parse::<Authority>().ok()),
        // HTTP/2 may leave it to the target alone.
        (None, _) if uri.authority().is_some() => uri.authority().cloned(),
        _ => None,
    };
    host.is_some_and(|host| is_loopback_name(host.host()))
        && uri
            .authority()
            .is_none_or(|target| is_loopback_name(target.host()))
}

fn is_loopback_name(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn tells_of_a_proxy(header: &str) -> bool {
    header == "forwarded" || header == "x-real-ip" || header.starts_with("x-forwarded-")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn entry(peer: &str, target: &str, headers: &[(&str, &str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .fold(HeaderMap::new(), |mut all, (name, value)| {
                all.append(name, value);
                all
            });
        refusal(
            Some(peer.parse().unwrap()),
            &target.parse().unwrap(),
            &headers,
        )
        .is_none()
    }

    #[test]
    fn programs_on_this_machine_enter() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "127.9.9.9",
        ] {
            assert!(entry("127.0.0.1", "/feeds", &[("host", host)]), "{host}");
        }
        assert!(entry("::1", "/feeds", &[("host", "localhost")]));
        assert!(entry(
            "::ffff:127.0.0.1",
            "/feeds",
            &[("host", "localhost")]
        ));
    }

    #[test]
    fn other_machines_do_not_whatever_they_say() {
        assert!(!entry("192.0.2.7", "/feeds", &[("host", "localhost")]));
        assert!(!entry(
            "192.0.2.7",
            "/feeds",
            &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")]
        ));
        assert!(refusal(None, &Uri::from_static("/feeds"), &HeaderMap::new()).is_some());
    }

    #[test]
    fn a_name_that_only_leads_to_this_machine_is_not_its_name() {
        for host in [
            "news.example",
            "localhost.news.example",
            "127.0.0.1.nip.example",
            "",
            "localhost@news.example",
        ] {
            assert!(!entry("127.0.0.1", "/feeds", &[("host", host)]), "{host}");
        }
        assert!(!entry("127.0.0.1", "/feeds", &[]));
        assert!(!entry(
            "127.0.0.1",
            "/feeds",
            &[("host", "localhost"), ("host", "news.example")]
        ));
        assert!(!entry(
            "127.0.0.1",
            "http://news.example/feeds",
            &[("host", "localhost")]
        ));
    }

    #[test]
    fn what_came_through_a_proxy_does_not_enter() {
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "X-Forwarded-Proto",
            "x-real-ip",
        ] {
            assert!(
                !entry(
                    "127.0.0.1",
                    "/feeds",
                    &[("host", "localhost"), (name, "127.0.0.1")]
                ),
                "{name}"
            );
        }
    }
}
