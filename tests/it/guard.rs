//! No address that the policy forbids is ever connected to: listeners there must stay untouched.

mod network;

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{net::TcpListener, sync::Semaphore};
use wirewatch::{
    domain::{ErrorCode, Timestamp},
    fetch::{Ask, FetchOptions, Fetcher, Lookup},
};

use crate::{
    binary::{beat_file, finish, wirewatch},
    database,
    feed_server::{Document, FeedServer, rss},
    worker::{TestClock, TestWorker, beat, count, settings},
};

/// Listeners on addresses that are not allowed, on one port; and how often they were reached.
struct Canaries {
    port: u16,
    reached: Arc<AtomicUsize>,
}

impl Canaries {
    async fn start() -> Self {
        Self::start_on(&["127.0.0.1", "127.0.0.3", "::1"]).await
    }

    async fn start_on(addresses: &[&str]) -> Self {
        let first = TcpListener::bind((addresses[0], 0)).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let reached = Arc::new(AtomicUsize::new(0));
        let mut listeners = vec![first];
        for address in &addresses[1..] {
            // A machine without IPv6 has one canary fewer.
            if let Ok(listener) = TcpListener::bind((*address, port)).await {
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

/// Hosts that lead inward without a name server's help.
fn literals() -> impl Iterator<Item = &'static str> {
    HOSTS.iter().copied().filter(|host| {
        let url = url::Url::parse(&format!("http://{host}/"));
        url.is_ok_and(|url| match url.host() {
            Some(url::Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
            Some(_) => url.username().is_empty(),
            None => false,
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_into_the_program_leads_inward_whatever_the_environment_says() {
    let canaries = Canaries::start().await;
    let port = canaries.port;
    let publisher = FeedServer::start_on("127.0.0.2").await;
    let inward = format!("http://127.0.0.1:{port}");
    // What a document says beside its entries is not asked for: hubs, pictures, pages, itself.
    publisher.put("/feed", Document::feed(format!(
        "<rss version=\"2.0\" xml:base=\"{inward}/\" xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel><title>t</title>\
         <atom:link rel=\"hub\" href=\"{inward}/hub\"/><atom:link rel=\"self\" href=\"{inward}/self\"/>\
         <atom:link rel=\"next\" href=\"{inward}/next\"/><image><url>{inward}/logo</url></image>\
         <item><title>Iran</title><link>/item</link><enclosure url=\"{inward}/a.mp3\"/></item></channel></rss>"
    )));
    publisher.put("/page", Document::feed(format!(
        "<html><head><base href=\"{inward}/\"><link rel=alternate type=application/rss+xml href=\"{inward}/feed\">\
         <link rel=icon href=\"{inward}/icon\"></head><body><ul><li><a href=/1>Iran talks resume in Vienna</a></ul></body></html>"
    )));
    publisher.put("/away", Document::redirect(302, &format!("{inward}/feed")));
    let mut feeds: Vec<String> = literals()
        .map(|host| format!("http://{host}:{port}/feed"))
        .collect();
    let forbidden = feeds.len();
    assert!(forbidden >= 45, "{forbidden}");
    feeds.extend(["/feed", "/page", "/away"].map(|path| publisher.url(path)));
    let folder = tempfile::tempdir().unwrap();
    let opml = folder.path().join("list.opml");
    let outlines: String = (0..5)
        .map(|n| format!("<outline type=\"rss\" text=\"o{n}\" xmlUrl=\"{inward}/opml/{n}\"/>"))
        .collect();
    std::fs::write(
        &opml,
        format!("<opml version=\"2.0\"><body>{outlines}</body></opml>"),
    )
    .unwrap();
    let mut beat = beat(&[], &[("iran", "iran")]);
    beat.sources[0].feeds = feeds
        .iter()
        .filter_map(|url| Some(wirewatch::domain::BeatFeed::at(url.parse().ok()?)))
        .collect();
    let beat = beat_file(folder.path(), &beat);
    let (url, db) = database::fresh().await;
    let guarded = |arguments: &[&str]| {
        let mut command = wirewatch(arguments);
        command
            .env("DATABASE_URL", &url)
            .env("WIREWATCH_BEAT__FILE", &beat)
            .env("WIREWATCH_POLL__PER_HOST", "1000")
            .env("WIREWATCH_FETCH__ALLOW_NETWORKS", "[\"127.0.0.2/32\"]");
        for name in [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "all_proxy",
        ] {
            command.env(name, &inward);
        }
        command
    };
    assert!(finish(guarded(&["fetch"])).await.status.success());
    let imported = finish(guarded(&["opml", "import", opml.to_str().unwrap()])).await;
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    assert!(finish(guarded(&["fetch"])).await.status.success());
    for page in [format!("{inward}/feed"), publisher.url("/away")] {
        let parsed = finish(guarded(&["parse", "--json", &page])).await;
        assert!(!parsed.status.success(), "{page}");
    }
    let parsed = finish(guarded(&[
        "parse",
        "--list",
        "--item",
        "li",
        "--json",
        &publisher.url("/page"),
    ]))
    .await;
    assert!(parsed.status.success());
    assert_eq!(canaries.reached.load(Ordering::SeqCst), 0);
    // Not every system knows localhost with a dot at its end.
    let blocked = "feeds WHERE (last_error_code = 'blocked_address' OR (last_error_code = 'dns' AND host = 'localhost.')) \
                   AND next_poll_at > last_attempt_at";
    let spellings = count(&db, "feeds WHERE url NOT LIKE 'http://127.0.0.2:%'").await;
    assert_eq!(count(&db, blocked).await, spellings);
    let away = "feeds WHERE url LIKE '%/away' AND last_error_code = 'redirect_blocked'";
    assert_eq!(count(&db, away).await, 1);
    // The one network that is allowed is asked, past the proxies of the environment.
    assert_eq!(count(&db, "articles").await, 1);
}

/// A name server that finds some names only once the others were asked.
struct SlowNames(Arc<Semaphore>);

impl Lookup for SlowNames {
    fn addresses(
        &self,
        host: String,
    ) -> futures_util::future::BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let others_were_asked = Arc::clone(&self.0);
        Box::pin(async move {
            if host.starts_with("slow") {
                let _found = others_were_asked
                    .acquire()
                    .await
                    .map_err(io::Error::other)?;
            }
            Ok(vec!["127.0.0.2".parse().unwrap()])
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_slow_to_be_found_hold_up_no_other_feed() {
    let publisher = FeedServer::start_on("127.0.0.2").await;
    let port = publisher.url("").rsplit(':').next().unwrap().to_owned();
    let mut feeds: Vec<String> = (0..150)
        .map(|n| format!("http://slow{n}.example:{port}/feed"))
        .collect();
    feeds.extend((0..10).map(|n| format!("http://quick{n}.example:{port}/quick")));
    publisher.put("/quick", Document::feed(rss(&[("a", "Iran", "x")])));
    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let mut worker = TestWorker::on(db, &beat(&feeds, &[("iran", "iran")]), clock).await;
    // Longer than a busy machine takes to ask the others.
    let long = Duration::from_mins(1);
    let options = FetchOptions {
        connect_timeout: long,
        header_timeout: long,
        idle_timeout: long,
        timeout: long,
        ..options()
    };
    let others_were_asked = Arc::new(Semaphore::new(0));
    let names = Arc::new(SlowNames(Arc::clone(&others_were_asked)));
    worker.ask_by(Fetcher::with_lookup(&options, names).unwrap());
    let asked = |path: &str| {
        let asked = publisher.asked();
        asked.iter().filter(|asked| asked.path == path).count()
    };
    let begun = Instant::now();
    let quick = async {
        while asked("/quick") < 10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        others_were_asked.add_permits(150);
        begun.elapsed()
    };
    let (summary, quick) = tokio::join!(worker.pass(), quick);
    eprintln!("behind 150 slow names, the others were asked after {quick:?}");
    assert_eq!(summary.polled, 160);
    assert!(
        asked("/feed") >= 150,
        "no slow name was given up before the others were asked"
    );
    assert_eq!(
        worker
            .count("feeds WHERE next_poll_at > last_attempt_at")
            .await,
        160
    );
}
