//! Which addresses may be asked: the public internet, and the networks that the operator allows by name.
//!
//! Publishers, admins and redirects all name addresses, so every one of them is hostile. The rule stands here once; the
//! room that connects applies it to literal addresses, to every answer of DNS and after each redirect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

/// Networks beside the public internet that may be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllowedNetworks(pub Vec<IpNet>);

impl AllowedNetworks {
    /// Whether a connection to `address` may be made.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.0
            .iter()
            .any(|network| network.contains(&plain) || network.contains(&address))
            || is_public(address)
    }

    /// Whether `url` may be asked as far as it can be told without DNS: scheme, port, and the host if it is a literal
    /// address, in any spelling. A name is judged by its addresses, with [`Self::permits`].
    ///
    /// # Errors
    /// What forbids it.
    pub fn check(&self, url: &Url) -> Result<(), Forbidden> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Forbidden::Scheme);
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if is_other_service(port) {
            return Err(Forbidden::Port(port));
        }
        let is_permitted = match url.host() {
            Some(Host::Domain(name)) => !name.is_empty(),
            Some(Host::Ipv4(address)) => self.permits(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.permits(IpAddr::V6(address)),
            None => false,
        };
        if is_permitted {
            Ok(())
        } else {
            Err(Forbidden::Address)
        }
    }

    /// Whether the host of `url` is a literal address in one of these networks: the operator's own.
    #[must_use]
    pub fn is_own(&self, url: &Url) -> bool {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return false,
        };
        self.0
            .iter()
            .any(|network| network.contains(&address.to_canonical()))
    }
}

/// Why an address may not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Forbidden {
    /// Neither http nor https.
    #[error("only http and https are asked")]
    Scheme,
    /// A port on which something else than a web server listens.
    #[error("port {0} belongs to another service")]
    Port(u16),
    /// Not on the public internet.
    #[error(
        "it is not on the public internet; fetch.allow_networks lists the networks that may be asked beside it"
    )]
    Address,
}

/// Ports of other services, where a request could do harm: the bad ports of the Fetch standard (without 1 and 9, which
/// serve nothing), and those of databases and their like.
fn is_other_service(port: u16) -> bool {
    const SERVICES: &[u16] = &[
        7, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
        103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
        445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
        873, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 3306,
        3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 5900, 5984, 6000, 6379, 6566, 6665, 6666,
        6667, 6668, 6669, 6679, 6697, 10080, 11211, 27017,
    ];
    SERVICES.contains(&port)
}

/// Whether an address is global unicast, by the registries of special-purpose addresses (RFC 6890 and its updates).
/// An IPv6 address that carries an IPv4 one is judged by both.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 10
        || a == 127
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    if s[0] & 0xe000 != 0x2000 {
        // Outside 2000::/3 only the two translation prefixes lead anywhere public.
        return match embedded_v4(address) {
            Some(v4) => s[0] == 0x64 && s[1] == 0xff9b && s[2] == 0 && is_public_v4(v4),
            None => false,
        };
    }
    let is_documentation = (s[0] == 0x2001 && s[1] == 0xdb8) || (s[0] == 0x3fff && s[1] < 0x1000);
    let is_protocol_assignment = s[0] == 0x2001 && s[1] < 0x200;
    let is_sixtofour_private = s[0] == 0x2002 && !is_public_v4(v4_of(s[1], s[2]));
    // ISATAP (RFC 5214) hands what follows its mark to an IPv4 network.
    let is_isatap_private =
        s[4] & !0x200 == 0 && s[5] == 0x5efe && !is_public_v4(v4_of(s[6], s[7]));
    !(is_documentation || is_protocol_assignment || is_sixtofour_private || is_isatap_private)
}

/// The IPv4 address inside an IPv4-mapped, IPv4-compatible or NAT64 (RFC 6052) address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let is_low = s[..5].iter().all(|part| *part == 0);
    let is_nat64 = s[0] == 0x64 && s[1] == 0xff9b;
    ((is_low && matches!(s[5], 0 | 0xffff)) || is_nat64).then(|| v4_of(s[6], s[7]))
}

fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        let public = [
            "93.184.216.34",
            "8.8.8.8",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ];
        let special = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:8.8.8.8",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in special {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_allowed_network_opens_itself_and_nothing_else() {
        let allowed = AllowedNetworks(vec!["127.0.0.2/32".parse().unwrap()]);
        assert!(allowed.permits("127.0.0.2".parse().unwrap()));
        assert!(allowed.permits("::ffff:127.0.0.2".parse().unwrap()));
        assert!(!allowed.permits("127.0.0.1".parse().unwrap()));
        assert!(!allowed.permits("::1".parse().unwrap()));
    }

    #[test]
    fn every_spelling_of_a_literal_address_is_seen() {
        let none = AllowedNetworks::default();
        for url in [
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://127.1/",
        ] {
            assert!(none.check(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
        assert!(
            none.check(&Url::parse("http://example.org/").unwrap())
                .is_ok()
        );
    }
}
