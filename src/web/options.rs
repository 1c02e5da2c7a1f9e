//! Settings of the pages.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::duration;

/// `[web]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebOptions {
    /// The address of the pages as readers type it; empty: none but this machine's.
    pub public_url: String,
    /// Other host names that requests may ask for.
    pub allowed_hosts: Vec<String>,
    /// Networks of proxies whose word about a request is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether everybody may read, without an account.
    pub anonymous_reading: bool,
    /// How long a session lasts unused.
    #[serde(with = "duration")]
    pub session_idle: Duration,
    /// How long a session lasts.
    #[serde(with = "duration")]
    pub session_lifetime: Duration,
    /// How long a claim on a story holds.
    #[serde(with = "duration")]
    pub claim_for: Duration,
    /// Requests to the API and to outgoing feeds that one key, person or address may make in a minute.
    pub requests_per_minute: u32,
}

impl Default for WebOptions {
    /// As in `config/wirewatch.toml`.
    fn default() -> Self {
        Self {
            public_url: String::new(),
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            anonymous_reading: false,
            session_idle: Duration::from_hours(72),
            session_lifetime: Duration::from_hours(720),
            claim_for: Duration::from_hours(2),
            requests_per_minute: 600,
        }
    }
}

impl WebOptions {
    /// The host of the public address; none if there is none.
    #[must_use]
    pub fn public_host(&self) -> Option<String> {
        let url: Url = self.public_url.parse().ok()?;
        let is_plain = matches!(url.scheme(), "http" | "https") && url.path() == "/";
        url.host_str().filter(|_| is_plain).map(str::to_owned)
    }

    /// Whether a request for this host is for us.
    pub(super) fn answers_to(&self, host: &str) -> bool {
        self.public_host()
            .iter()
            .chain(&self.allowed_hosts)
            .any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether the word of this peer about a request is believed.
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(&peer.to_canonical()))
    }
}
