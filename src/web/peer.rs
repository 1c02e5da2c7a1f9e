//! How a request came: from which address, by which way, asking for which host.
//!
//! A request for a name that nobody told us of is refused before anything else looks at it: a hostile page can make a
//! name of its own lead to this machine (DNS rebinding). A plain IP address cannot be made to, so it is let pass.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, Uri, header, request::Parts, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{WebOptions, WebState, error::WebError};

/// How safe the way of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// TLS, which ends at a proxy that we trust.
    Tls,
    /// Plain HTTP that never leaves the reader's machine.
    Loopback,
    /// Plain HTTP over a network, where others read along; or a proxy that nobody told us of.
    Open,
}

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    /// The client, behind the proxies that we trust.
    pub(super) address: IpAddr,
    /// The way.
    pub(super) way: Way,
    /// Whether it tells of a proxy that we were not told of.
    pub(super) is_from_unknown_proxy: bool,
}

impl Default for Peer {
    /// Nothing is known.
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            way: Way::Open,
            is_from_unknown_proxy: false,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

/// Finds out how a request came, and refuses one for a host that is not ours.
pub(super) async fn identify(
    State(state): State<WebState>,
    mut request: Request,
    next: Next,
) -> Response {
    // Probes ask by whatever address they have, and learn nothing.
    let is_probe = matches!(request.uri().path(), "/livez" | "/readyz");
    let Some(host) = asked_host(request.uri(), request.headers()) else {
        if is_probe {
            return next.run(request).await;
        }
        return WebError::BadRequest("The request does not say for which host it is.".to_owned())
            .into_response();
    };
    if !is_probe && !is_ours(&host, &state.options) {
        return WebError::UnknownHost(host).into_response();
    }
    let socket = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    let peer = peer(socket, &host, request.headers(), &state.options);
    request.extensions_mut().insert(peer);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(peer);
    response
}

/// The host that a request asks for, without port; none if it names none, or several.
fn asked_host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut named = headers.get_all(header::HOST).iter();
    let in_header = match (named.next(), named.next()) {
        (Some(host), None) => Some(host.to_str().ok()?.parse::<Authority>().ok()?),
        // HTTP/2 may leave it to the target alone.
        (None, _) => None,
        _ => return None,
    };
    let in_target = uri.authority().cloned();
    let bare = |authority: Authority| {
        let is_bare = !authority.as_str().contains('@') && !authority.host().is_empty();
        is_bare.then(|| authority.host().trim_end_matches('.').to_ascii_lowercase())
    };
    match (in_header, in_target) {
        (Some(one), Some(other)) => bare(one).filter(|host| Some(host) == bare(other).as_ref()),
        (one, other) => bare(one.or(other)?),
    }
}

fn is_ours(host: &str, options: &WebOptions) -> bool {
    is_loopback_name(host) || literal(host).is_some() || options.answers_to(host)
}

/// The address that a host name spells out.
fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
        .parse()
        .ok()
}

fn is_loopback_name(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || literal(host).is_some_and(|address| address.to_canonical().is_loopback())
}

fn peer(socket: Option<IpAddr>, host: &str, headers: &HeaderMap, options: &WebOptions) -> Peer {
    let Some(socket) = socket else {
        return Peer::default();
    };
    if options.trusts(socket) {
        return Peer {
            address: client(socket, headers, options),
            way: match last(headers, "x-forwarded-proto").as_deref() {
                Some("https") => Way::Tls,
                Some(_) => Way::Open,
                // It passes on what came, and does not say how that came.
                None if is_forwarded(headers) => Way::Open,
                // The proxy itself asks, or is one that says nothing.
                None => plain_way(host),
            },
            is_from_unknown_proxy: false,
        };
    }
    let is_from_unknown_proxy = is_forwarded(headers);
    Peer {
        address: socket.to_canonical(),
        way: if is_from_unknown_proxy {
            Way::Open
        } else {
            plain_way(host)
        },
        is_from_unknown_proxy,
    }
}

fn plain_way(host: &str) -> Way {
    if is_loopback_name(host) {
        Way::Loopback
    } else {
        Way::Open
    }
}

/// The first address, from the right, that is no proxy of ours: what stands to its left anybody may have written. Where
/// something else than an address comes first, it is the last proxy that was believed.
fn client(socket: IpAddr, headers: &HeaderMap, options: &WebOptions) -> IpAddr {
    let mut believed = socket;
    let told = headers
        .get_all("x-forwarded-for")
        .iter()
        .rev()
        .flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    for hop in told {
        let Ok(address) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        believed = address;
        if !options.trusts(address) {
            break;
        }
    }
    believed.to_canonical()
}

/// Whether anything says that the request was passed on.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        name.as_str().starts_with("x-forwarded-")
            || matches!(name.as_str(), "forwarded" | "x-real-ip" | "via")
    })
}

fn last(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    Some(value.rsplit(',').next()?.trim().to_ascii_lowercase())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(named: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in named {
            headers.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    fn options() -> WebOptions {
        WebOptions {
            public_url: "https://wirewatch.example.org".to_owned(),
            allowed_hosts: vec!["board.internal".to_owned()],
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..WebOptions::default()
        }
    }

    fn is_answered(target: &str, named: &[(&str, &str)]) -> bool {
        asked_host(&target.parse().unwrap(), &headers(named))
            .is_some_and(|host| is_ours(&host, &options()))
    }

    #[test]
    fn our_names_and_plain_addresses_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.0.2.7:8080",
            "wirewatch.example.org",
            "Wirewatch.Example.Org.",
            "board.internal:8080",
        ] {
            assert!(is_answered("/", &[("host", host)]), "{host}");
        }
        assert!(is_answered("http://localhost/", &[("host", "localhost")]));
        assert!(is_answered("http://localhost/", &[]));
    }

    #[test]
    fn a_name_that_only_leads_here_is_not_ours() {
        for host in [
            "news.example",
            "localhost.news.example",
            "127.0.0.1.nip.example",
            "wirewatch.example.org.evil.example",
            "",
            "localhost@news.example",
            "news.example@localhost",
        ] {
            assert!(!is_answered("/", &[("host", host)]), "{host}");
        }
        assert!(!is_answered("/", &[]));
        assert!(!is_answered(
            "/",
            &[("host", "localhost"), ("host", "localhost")]
        ));
        assert!(!is_answered(
            "http://news.example/",
            &[("host", "localhost")]
        ));
    }

    fn came(socket: &str, host: &str, named: &[(&str, &str)]) -> (String, Way) {
        let peer = peer(
            Some(socket.parse().unwrap()),
            host,
            &headers(named),
            &options(),
        );
        (peer.address.to_string(), peer.way)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let told = [
            ("x-forwarded-for", "6.6.6.6, 198.51.100.9, 10.1.1.1"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(
            came("10.0.0.1", "wirewatch.example.org", &told),
            ("198.51.100.9".to_owned(), Way::Tls)
        );
        assert_eq!(
            came("192.0.2.1", "wirewatch.example.org", &told),
            ("192.0.2.1".to_owned(), Way::Open)
        );
        assert_eq!(
            came(
                "10.0.0.1",
                "wirewatch.example.org",
                &[("x-forwarded-proto", "http")]
            ),
            ("10.0.0.1".to_owned(), Way::Open)
        );
    }

    #[test]
    fn nobody_writes_themselves_another_address() {
        for (told, expected) in [
            (&["6.6.6.6, x, 198.51.100.9"][..], "198.51.100.9"),
            (&["6.6.6.6, x, 10.1.1.1"], "10.1.1.1"),
            (&["6.6.6.6, x"], "10.0.0.1"),
            (&["6.6.6.6,"], "10.0.0.1"),
            (&["x, 6.6.6.6", "198.51.100.9", "10.1.1.1"], "198.51.100.9"),
            (&["6.6.6.6", "x"], "10.0.0.1"),
        ] {
            let named: Vec<_> = told
                .iter()
                .map(|value| ("x-forwarded-for", *value))
                .collect();
            let (address, _) = came("10.0.0.1", "wirewatch.example.org", &named);
            assert_eq!(address, expected, "{told:?}");
        }
    }

    #[test]
    fn plain_http_is_safe_on_loopback_alone() {
        assert_eq!(
            came("127.0.0.1", "localhost", &[]),
            ("127.0.0.1".to_owned(), Way::Loopback)
        );
        assert_eq!(came("192.0.2.1", "192.0.2.2", &[]).1, Way::Open);
        // Somebody passed it on: how it came there nobody knows.
        for name in [
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-server",
            "forwarded",
            "x-real-ip",
            "via",
        ] {
            let named = headers(&[(name, "6.6.6.6")]);
            let socket = "127.0.0.1".parse().ok();
            let peer = peer(socket, "localhost", &named, &options());
            assert_eq!(peer.address.to_string(), "127.0.0.1", "{name}");
            assert_eq!(peer.way, Way::Open, "{name}");
            assert!(peer.is_from_unknown_proxy, "{name}");
        }
    }
}
