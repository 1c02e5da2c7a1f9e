//! Addresses that the URL Standard leaves as they are: nearly all that feeds carry, and to know one takes a tenth of parsing
//! it.
//!
//! <https://url.spec.whatwg.org/>: no user, no fragment, no default port, a host in small letters or in four numbers, and a
//! path and query without anything to be encoded or resolved.

use std::net::Ipv4Addr;

/// The parts of such an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlainAddress<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<&'a str>,
    /// With the slash that it begins with.
    pub(super) path: &'a str,
    /// Without the question mark.
    pub(super) query: Option<&'a str>,
}

/// Whether a text is no address of the web, by its first letter: one begins with that of `http`. What begins with another
/// character is for the parser to tell.
pub(super) fn is_evidently_none(text: &str) -> bool {
    text.bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() && !first.eq_ignore_ascii_case(&b'h'))
}

impl<'a> PlainAddress<'a> {
    /// The parts of a text that is such an address; none of any other, which the parser may take all the same.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))?;
        let (authority, after) = rest.split_at(rest.bytes().position(|byte| byte == b'/')?);
        let (host, port) = authority
            .split_once(':')
            .map_or((authority, None), |(host, port)| (host, Some(port)));
        let (path, query) = after
            .split_once('?')
            .map_or((after, None), |(path, query)| (path, Some(query)));
        let is_plain = is_plain_host(host)
            && port.is_none_or(is_plain_port)
            && is_plain_path(path)
            && query.is_none_or(|query| query.bytes().all(|byte| byte == b'?' || stands(byte)));
        is_plain.then_some(Self {
            host,
            port,
            path,
            query,
        })
    }
}

fn is_plain_host(host: &str) -> bool {
    let is_plain = |label: &str| {
        !label.is_empty()
            && !label.starts_with("xn--")
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    // A host whose last part is a number is an address, however that is written.
    let last = host.rfind('.').map_or(host, |dot| &host[dot + 1..]);
    if !last.starts_with(|c: char| c.is_ascii_lowercase()) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= 253 && host.split('.').all(is_plain)
}

/// Ports that one of the schemes leaves out are for the parser to tell.
fn is_plain_port(port: &str) -> bool {
    !matches!(port, "80" | "443") && !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok()
}

fn is_plain_path(path: &str) -> bool {
    // A part that begins with a dot, however written, may say where to go.
    let leads_on = |pair: &[u8]| pair == b"/.";
    path.bytes().all(|byte| byte != b'%' && stands(byte))
        && !path.as_bytes().windows(2).any(leads_on)
}

/// Whether a byte stands in a path and in a query as it is.
const fn stands(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'/'
                | b'%'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn addresses_of_news_are_plain() {
        for (text, host, port, path, query) in [
            (
                "https://www.example.org/world/2026/11/26/iran-talks_1.html",
                "www.example.org",
                None,
                "/world/2026/11/26/iran-talks_1.html",
                None,
            ),
            (
                "http://n3ws.example/?id=1&a=%20b?c",
                "n3ws.example",
                None,
                "/",
                Some("id=1&a=%20b?c"),
            ),
            (
                "https://192.0.2.7:8080/?",
                "192.0.2.7",
                Some("8080"),
                "/",
                Some(""),
            ),
        ] {
            let parts = PlainAddress {
                host,
                port,
                path,
                query,
            };
            assert_eq!(PlainAddress::of(text), Some(parts), "{text}");
        }
    }

    #[test]
    fn what_a_parser_would_change_is_not() {
        for text in [
            "https://example.org",
            "https://Example.org/",
            "https://example.org:443/",
            "https://user@example.org/",
            "https://127.1/",
            "https://127.0.0.01/",
            "https://1.2.3.256/",
            "https://example.org:080/",
            "https://example.org:+81/",
            "https://example.org:65536/",
            "https://example.org:/",
            "https://example.0x7f/",
            "https://xn--nxasmq6b.example/",
            "https://example..org/",
            "https://example.org./",
            "https://example.org/a/../b",
            "https://example.org/%2e%2e/b",
            "https://example.org/a b",
            "https://example.org/a#b",
            "https://example.org/?a='b'",
            "https://example.org/\u{e9}",
            "ftp://example.org/",
            "//example.org/",
        ] {
            assert_eq!(PlainAddress::of(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]
        #[test]
        fn a_plain_address_is_what_the_parser_makes_of_it(
            host in "[a-z0-9.-]{0,12}|[a-z]{1,6}\\.(xn--)?[a-z0-9]{1,4}|([0-9]{1,3}\\.){3}[0-9]{1,3}",
            port in "(:[0-9+]{0,5})?",
            rest in "[/?][a-zA-Z0-9/.?%&=#:@!'^|~ -]{0,16}",
        ) {
            let text = format!("https://{host}{port}{rest}");
            if let Some(plain) = PlainAddress::of(&text) {
                let url = Url::parse(&text);
                prop_assert!(url.is_ok(), "{text}");
                let url = url.unwrap_or_else(|_| unreachable!());
                prop_assert_eq!(url.as_str(), &text);
                prop_assert_eq!(url.host_str(), Some(plain.host));
                prop_assert_eq!(url.path(), plain.path);
                prop_assert_eq!(url.query(), plain.query);
                let port = url.port().map(|port| port.to_string());
                prop_assert_eq!(port.as_deref(), plain.port);
                prop_assert_eq!(url.fragment(), None);
            }
        }

        #[test]
        fn what_is_evidently_none_is_none(text in "[a-zA-Z0-9:/ .]{0,12}") {
            if is_evidently_none(&text) {
                let is_web = Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
                prop_assert!(!is_web, "{}", text);
            }
        }
    }
}
