//! Links that are told or sent: absolute, with the address that readers know.

use std::{net::SocketAddr, time::Duration};

use axum::http::{HeaderMap, header};

use super::{
    WebOptions,
    peer::{Peer, Way},
};
use crate::{
    auth::Token,
    domain::Timestamp,
    store::{
        PgPool, StoreError,
        invitations::{self, Maker, Purpose},
        users,
    },
};

/// How long an invitation works.
pub const INVITED_FOR: Duration = Duration::from_hours(7 * 24);

/// How long a link that sets a password works.
pub const PASSWORD_LINK_FOR: Duration = Duration::from_hours(24);

/// How long the link that makes the first admin works.
const FIRST_LINK_FOR: Duration = Duration::from_hours(24);

/// Where the pages are for readers: the public address, else the one that is listened on.
#[must_use]
pub fn base(options: &WebOptions, listening: SocketAddr) -> String {
    if !options.public_url.is_empty() {
        return options.public_url.trim_end_matches('/').to_owned();
    }
    // Listening everywhere is no address to go to.
    match listening {
        any if any.ip().is_unspecified() => format!("http://127.0.0.1:{}", any.port()),
        one => format!("http://{one}"),
    }
}

/// Where the pages are for who asks. Without a public address it is the one that was asked for: its host was checked, and
/// is a loopback name or an address of this machine.
pub(super) fn of_request(options: &WebOptions, peer: Peer, headers: &HeaderMap) -> String {
    if !options.public_url.is_empty() {
        return base(options, SocketAddr::from(([127, 0, 0, 1], 80)));
    }
    let scheme = if peer.way == Way::Tls {
        "https"
    } else {
        "http"
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1");
    format!("{scheme}://{host}")
}

/// The link of a token.
#[must_use]
fn welcome(base: &str, token: &Token) -> String {
    format!("{base}/welcome/{}", token.reveal())
}

/// A link that makes the first admin, if nobody administers yet: it works for a day, and once.
///
/// # Errors
/// The database does not answer.
pub async fn first_admin_link(
    db: &PgPool,
    base: &str,
    token: &Token,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    if users::has_admin(db).await? {
        return Ok(None);
    }
    let maker = Maker {
        actor: "first start",
        user: None,
    };
    let link = make(db, base, token, &Purpose::FirstAdmin, maker, now).await?;
    Ok(Some(link))
}

/// Makes the link of a fresh token: it works once, as long as such links do.
///
/// # Errors
/// The database does not answer.
pub async fn make(
    db: &PgPool,
    base: &str,
    token: &Token,
    purpose: &Purpose,
    maker: Maker<'_>,
    now: Timestamp,
) -> Result<String, StoreError> {
    let lifetime = match purpose {
        Purpose::Password(_) => PASSWORD_LINK_FOR,
        Purpose::Join(_) => INVITED_FOR,
        Purpose::FirstAdmin => FIRST_LINK_FOR,
    };
    let hash = token.hash();
    invitations::add(db, hash.as_bytes(), purpose, lifetime, maker, now).await?;
    Ok(welcome(base, token))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_where_readers_are() {
        let mut options = WebOptions::default();
        for (listening, expected) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(base(&options, listening.parse().unwrap()), expected);
        }
        options.public_url = "https://wirewatch.example.org/".to_owned();
        assert_eq!(
            base(&options, "127.0.0.1:1".parse().unwrap()),
            "https://wirewatch.example.org"
        );
    }
}
