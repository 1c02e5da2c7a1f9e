//! No address that the policy forbids is ever connected to: listeners there must stay untouched.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::net::TcpListener;
use wirewatch::{
    domain::{ErrorCode, Timestamp},
    fetch::{Ask, FetchOptions, Fetcher, Lookup},
};

use crate::{
    feed_server::{Document, FeedServer, rss},
    worker::settings,
};

/// Listeners on addresses that are not allowed, on one port; and how often they were reached.
struct Canaries {
    port: u16,
    reached: Arc<AtomicUsize>,
}

impl Canaries {
    async fn start() -> Self {
        let first = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let reached = Arc::new(AtomicUsize::new(0));
        let mut listeners = vec![first];
        for address in ["127.0.0.3", "::1"] {
            // A machine without IPv6 has one canary fewer.
            if let Ok(listener) = TcpListener::bind((address, port)).await {
                listeners.push(listener);
            }
        }
        let tasks = tokio_util::task::TaskTracker::new();
        for listener in listeners {
            let reached = Arc::clone(&reached);
            tasks.spawn(async move {
                while listener.accept().await.is_ok() {
                    reached.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { port, reached }
    }
}

/// Names that lead where an attacker wants; each answer in turn, the last for ever.
struct HostileNames(AtomicUsize);

impl Lookup for HostileNames {
    fn addresses(
        &self,
        host: String,
    ) -> futures_util::future::BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let time = self.0.fetch_add(1, Ordering::SeqCst);
        let answer: &[&str] = match host.trim_end_matches('.') {
            "localhost" => &["127.0.0.1", "::1"],
            "metadata.google.internal" => &["169.254.169.254"],
            "mixed.example" => &["127.0.0.2", "127.0.0.1"],
            "v6.example" => &["64:ff9b::7f00:1"],
            "rebinding.example" if time == 0 => &["127.0.0.2"],
            _ => &["127.0.0.1"],
        };
        let answer = answer
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        Box::pin(async move { Ok(answer) })
    }
}

fn options() -> FetchOptions {
    let mut options = settings().fetch;
    options.allow_networks = serde_json::from_str("[\"127.0.0.2/32\"]").unwrap();
    options
}

fn fetcher() -> Fetcher {
    Fetcher::with_lookup(&options(), Arc::new(HostileNames(AtomicUsize::new(0)))).unwrap()
}

async fn code(fetcher: &Fetcher, url: &str) -> Option<ErrorCode> {
    let url = url.parse().ok()?;
    let now = Timestamp::from_micros(0);
    fetcher
        .fetch(Ask::for_document(&url), now)
        .await
        .err()
        .map(|failure| failure.code)
}

/// Hosts that lead inward, in every spelling.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0x7f.0x0.0x0.0x1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.0.0.1.",
    "0.0.0.0",
    "0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "１２７.0.0.1",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[ff02::1]",
    "[2001:470:1:2:0:5efe:7f00:1]",
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "metadata.google.internal",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "127.0.0.3",
    "user@127.0.0.1",
    "127.0.0.2@127.0.0.1",
    "mixed.example",
    "v6.example",
    "inward.example",
    "%31%32%37.0.0.1",
    "127.0.0.1%00",
    "1.0.0.127.inward.example",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_forbidden_address_is_asked() {
    let canaries = Canaries::start().await;
    let fetcher = fetcher();
    let mut tried = 0;
    for host in HOSTS {
        for port in [canaries.port, 80] {
            let url = format!("http://{host}:{port}/feed");
            // What is no URL at all cannot be asked, either.
            if url.parse::<url::Url>().is_ok() {
                assert_eq!(
                    code(&fetcher, &url).await,
                    Some(ErrorCode::BlockedAddress),
                    "{url}"
                );
            }
            tried += 1;
        }
    }
    for port in [22, 25, 3306, 5432, 6379, 11211] {
        let url = format!("http://127.0.0.2:{port}/");
        assert_eq!(
            code(&fetcher, &url).await,
            Some(ErrorCode::BlockedAddress),
            "{url}"
        );
    }
    for url in [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
        "data:text/xml,<rss/>",
    ] {
        assert_eq!(
            code(&fetcher, url).await,
            Some(ErrorCode::BlockedAddress),
            "{url}"
        );
    }
    assert!(tried >= 60);
    assert_eq!(canaries.reached.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_leads_to_a_forbidden_address() {
    let canaries = Canaries::start().await;
    let publisher = FeedServer::start_on("127.0.0.2").await;
    let fetcher = fetcher();
    for (index, host) in HOSTS.iter().enumerate() {
        for status in [301, 302, 303, 307, 308] {
            let path = format!("/{index}/{status}");
            let scheme = if status == 308 { "" } else { "http:" };
            let location = format!("{scheme}//{host}:{}/feed", canaries.port);
            let Ok(value) = axum::http::HeaderValue::from_bytes(location.as_bytes()) else {
                continue;
            };
            let mut document = Document::feed("").with_status(status);
            document.headers.insert(axum::http::header::LOCATION, value);
            publisher.put(&path, document);
            let found = code(&fetcher, &publisher.url(&path)).await;
            assert_eq!(
                found,
                Some(ErrorCode::RedirectBlocked),
                "{status} to {location}"
            );
        }
    }
    assert_eq!(canaries.reached.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let canaries = Canaries::start().await;
    let publisher = FeedServer::start_on("127.0.0.2").await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let port = publisher.url("").rsplit(':').next().unwrap().to_owned();
    let fetcher = fetcher();
    let url = format!("http://rebinding.example:{port}/feed");
    assert_eq!(
        code(&fetcher, &url).await,
        None,
        "the first answer is allowed"
    );
    let other = format!("http://rebinding.example:{}/feed", canaries.port);
    for _ in 0..20 {
        assert_eq!(
            code(&fetcher, &other).await,
            Some(ErrorCode::BlockedAddress)
        );
    }
    assert_eq!(canaries.reached.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_allowed_by_setting_and_no_other_with_it() {
    let publisher = FeedServer::start_on("127.0.0.2").await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let url = publisher.url("/feed");
    assert_eq!(code(&fetcher(), &url).await, None);
    let closed = FetchOptions {
        allow_networks: serde_json::from_str("[]").unwrap(),
        ..options()
    };
    let closed = Fetcher::new(&closed).unwrap();
    assert_eq!(code(&closed, &url).await, Some(ErrorCode::BlockedAddress));
    let asked = publisher.asked();
    assert_eq!(asked.len(), 1);
    let headers = &asked[0].headers;
    for absent in [
        "cookie",
        "referer",
        "origin",
        "if-none-match",
        "if-modified-since",
    ] {
        assert!(!headers.contains_key(absent), "{absent}");
    }
    assert_eq!(headers["accept-encoding"], "gzip, br, zstd, deflate");
}
