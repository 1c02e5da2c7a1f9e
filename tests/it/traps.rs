//! Traps of polling that other feed readers have fallen into: each as a test here or beside the part it concerns.
//!
//! | Trap | Behaviour instead | Test |
//! |---|---|---|
//! | a body that breaks off leaves the check where it was, so the feed stays first in the queue | counted as a failure, put off | [`a_body_that_cannot_be_read_puts_its_feed_off_and_holds_nobody_up`] |
//! | the batch is cut before the limit per host | hosts first | `workers::the_limit_per_host_comes_before_the_limit_of_the_batch` |
//! | a fixed number of feeds a tick | everything due is asked in a pass | [`a_pass_asks_everything_that_is_due_however_few_places_there_are`] |
//! | two schedulers fetch twice | claims | `workers::two_worker_processes_ask_each_feed_once_in_its_interval` |
//! | three failures and the feed is dead | asked at least once a day, for ever | [`weeks_of_failures_do_not_take_a_feed_out_of_the_collection`] |
//! | a 304 drops what the publisher said | validators and hints hold on | [`a_304_keeps_the_validators_and_what_the_publisher_said_of_freshness`] |
//! | `Retry-After` cut to some hours | honoured up to 24 hours | [`a_publisher_that_asks_for_a_day_gets_the_whole_day`], [`every_form_of_retry_after_puts_a_feed_off_within_bounds`] |
//! | one throttled feed stalls all of its host | host slowed, nobody starved | [`a_throttled_feed_slows_its_host_down_and_starves_nobody`] |
//! | a redirect adopted at first sight, or never | after equal answers over days, audited | [`a_permanent_redirect_is_adopted_after_equal_answers_over_days_and_audited`], [`a_redirect_to_another_feeds_address_is_followed_but_never_adopted`], [`two_feeds_that_adopt_one_address_at_once_lose_no_poll`] |
//! | certificates are not checked | a failure that says so | [`a_certificate_that_nobody_vouches_for_is_a_failure_named_tls`] |
//! | one guid in two outlets is taken for one entry | an article each | `pipeline::traps::one_guid_in_two_outlets_is_two_articles` |
//! | what was forgotten is remembered for ever | a ledger that forgets what its feed gave up | `identity::the_ledger_forgets_what_its_feed_gave_up_long_ago_and_nothing_that_still_stands_in_it` |
//! | a list is compared in lower case and holds capitals | every row of it tried | `pipeline::normalise::tests::every_tracking_parameter_is_known_in_any_case` |
//! | alerts leave from memory | what matches is stored with the poll that found it | `crash::killed_at_any_moment_and_started_again_every_article_is_stored_once` |
//! | an edit under the same date is not seen | a revision | `truth::a_corrected_headline_is_a_revision_with_a_diff_and_a_mark_and_noise_is_none` |
//! | "not changed" for ever | a full fetch a day | [`a_server_that_says_not_changed_for_ever_is_asked_in_full_after_a_day`] |

use std::{sync::Arc, time::Duration};

use axum::http::header;
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};
use wirewatch::{config::Settings, domain::ClaimedFeed};

use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    worker::{TestClock, TestWorker, beat},
};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

pub(crate) fn one() -> Document {
    Document::feed(rss(&[("a", "Iran talks resume", "Envoys met.")]))
}

/// A worker with these settings beside the permission for loopback.
pub(crate) async fn worker_with(feeds: &[String], settings: &str) -> TestWorker {
    let file = format!(
        "{settings}\n[fetch]\nallow_networks = [\"127.0.0.0/8\"]\nmax_body_bytes = 65536\ncontact = \"https://desk.example/\""
    );
    let settings =
        Settings::from_layers(Some(("test", &file)), std::collections::BTreeMap::new()).unwrap();
    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    TestWorker::with(db, &beat(feeds, &[("iran", "iran")]), clock, &settings).await
}

pub(crate) async fn worker_on(feeds: &[String]) -> TestWorker {
    worker_with(feeds, "").await
}

/// From the last attempt to the next check of the feed whose address ends with `path`.
pub(crate) async fn wait(worker: &TestWorker, path: &str) -> Duration {
    let seconds: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM next_poll_at - last_attempt_at)::float8 FROM feeds WHERE url LIKE '%' || $1",
    )
    .bind(path)
    .fetch_one(&worker.db)
    .await
    .unwrap();
    Duration::from_secs_f64(seconds)
}

async fn urls(worker: &TestWorker) -> Vec<String> {
    sqlx::query_scalar("SELECT url FROM feeds ORDER BY id")
        .fetch_all(&worker.db)
        .await
        .unwrap()
}

fn paths(publisher: &FeedServer) -> Vec<String> {
    publisher
        .asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_puts_its_feed_off_and_holds_nobody_up() {
    let publisher = FeedServer::start().await;
    publisher.put("/large", Document::feed("x".repeat(1 << 20)));
    publisher.put("/empty", Document::feed(""));
    publisher.put(
        "/broken",
        Document::feed("no gzip").with_header(header::CONTENT_ENCODING, "gzip"),
    );
    publisher.put("/good", one());
    let feeds = ["/large", "/empty", "/broken", "/good"].map(|path| publisher.url(path));
    let worker = worker_with(&feeds, "[poll]\nconcurrency = 1").await;
    let summary = worker.pass().await;
    assert_eq!((summary.polled, summary.failed), (4, 3));
    assert_eq!(paths(&publisher).last().unwrap(), "/good");
    assert_eq!(worker.count("articles").await, 1);
    let failed = "feeds WHERE state = 'failing' AND consecutive_failures = 1 AND etag IS NULL";
    assert_eq!(worker.count(failed).await, 3);
    for path in ["/large", "/empty", "/broken"] {
        assert!(
            wait(&worker, path).await >= Duration::from_mins(9),
            "{path}"
        );
    }
    assert_eq!(worker.pass().await.polled, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_asks_everything_that_is_due_however_few_places_there_are() {
    let publisher = FeedServer::start().await;
    let feeds: Vec<String> = (0..150)
        .map(|n| {
            publisher.put(&format!("/{n}"), one());
            publisher.url(&format!("/{n}"))
        })
        .collect();
    let worker = worker_with(&feeds, "[poll]\nconcurrency = 2\nper_host = 2").await;
    assert_eq!(worker.pass().await.polled, 150);
    assert_eq!(publisher.asked().len(), 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn weeks_of_failures_do_not_take_a_feed_out_of_the_collection() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed("").with_status(500));
    let worker = worker_on(&[publisher.url("/feed")]).await;
    let mut outage = Duration::ZERO;
    for failures in 1..=30 {
        let summary = worker.pass().await;
        assert_eq!(
            (summary.polled, summary.failed),
            (1, 1),
            "failure {failures}"
        );
        let wait = wait(&worker, "/feed").await;
        assert!(wait > Duration::ZERO && wait <= DAY, "{wait:?}");
        worker.clock.advance(wait);
        outage += wait;
    }
    assert!(outage > 14 * DAY, "{outage:?}");
    publisher.put("/feed", one());
    assert_eq!(worker.pass().await.new_articles, 1);
    let well = "feeds WHERE state = 'active' AND consecutive_failures = 0";
    assert_eq!(worker.count(well).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_304_keeps_the_validators_and_what_the_publisher_said_of_freshness() {
    let publisher = FeedServer::start().await;
    let date = "Sun, 22 Nov 2026 08:00:00 GMT";
    let said = one()
        .with_etag("\"v1\"")
        .with_header(header::LAST_MODIFIED, date)
        .with_header(header::CACHE_CONTROL, "max-age=10800");
    publisher.put("/feed", said);
    let worker = worker_on(&[publisher.url("/feed")]).await;
    worker.pass().await;
    assert!(wait(&worker, "/feed").await >= 3 * HOUR);
    let bare = Document::feed("").with_status(304).without_etag();
    publisher.put("/feed", bare.clone());
    for _ in 0..2 {
        worker.clock.advance(wait(&worker, "/feed").await);
        assert_eq!(worker.pass().await.unchanged, 1);
        assert!(wait(&worker, "/feed").await >= 3 * HOUR);
        let asked = publisher.asked().pop().unwrap();
        assert_eq!(asked.headers[header::IF_NONE_MATCH], "\"v1\"");
        assert_eq!(asked.headers[header::IF_MODIFIED_SINCE], date);
    }
    publisher.put(
        "/feed",
        bare.with_header(header::CACHE_CONTROL, "max-age=36000"),
    );
    worker.clock.advance(wait(&worker, "/feed").await);
    assert_eq!(worker.pass().await.unchanged, 1);
    assert!(
        wait(&worker, "/feed").await >= 10 * HOUR,
        "a 304 may say more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_asks_for_a_day_gets_the_whole_day() {
    let publisher = FeedServer::start().await;
    for (path, status, seconds) in [
        ("/429", 429, "86400"),
        ("/503", 503, "86400"),
        ("/week", 429, "604800"),
    ] {
        let busy = Document::feed("")
            .with_status(status)
            .with_header(header::RETRY_AFTER, seconds);
        publisher.put(path, busy);
    }
    let feeds = ["/429", "/503", "/week"].map(|path| publisher.url(path));
    let worker = worker_with(&feeds, "[poll]\nper_host = 3").await;
    assert_eq!(worker.pass().await.failed, 3);
    for _ in 0..23 {
        worker.clock.advance(HOUR);
        assert_eq!(worker.pass().await.polled, 0);
    }
    worker.clock.advance(Duration::from_secs(3_599));
    assert_eq!(worker.pass().await.polled, 0);
    worker.clock.advance(Duration::from_secs(1));
    assert_eq!(worker.pass().await.polled, 3, "a week counts as a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_retry_after_puts_a_feed_off_within_bounds() {
    let two_hours = (2 * HOUR, 2 * HOUR + 12 * HOUR / 60);
    let usual = (Duration::from_mins(27), Duration::from_mins(30));
    let forms = [
        ("7200", two_hours),
        ("Mon, 23 Nov 2026 12:00:00 GMT", two_hours),
        ("Monday, 23-Nov-26 12:00:00 GMT", two_hours),
        ("Mon Nov 23 12:00:00 2026", two_hours),
        ("1000000000", (DAY, DAY)),
        ("99999999999999999999999999", (DAY, DAY)),
        ("Sun, 23 Nov 2036 12:00:00 GMT", (DAY, DAY)),
        ("Fri, 23 Nov 2026 12:00:00 GMT", two_hours),
        ("5", usual),
        ("0", usual),
        ("-1", usual),
        ("junk", usual),
        ("1.5", usual),
        ("Mon, 23 Nov 2020 12:00:00 GMT", usual),
    ];
    let publisher = FeedServer::start().await;
    let mut feeds = Vec::new();
    for (index, (form, _)) in forms.iter().enumerate() {
        let path = format!("/form-{index}");
        let busy = Document::feed("").with_status(429);
        publisher.put(&path, busy.with_header(header::RETRY_AFTER, form));
        feeds.push(publisher.url(&path));
    }
    let worker = worker_with(&feeds, "[poll]\nper_host = 100").await;
    assert_eq!(worker.pass().await.failed, forms.len() as u64);
    for (index, (form, (least, most))) in forms.into_iter().enumerate() {
        let wait = wait(&worker, &format!("/form-{index}")).await;
        assert!((least..=most).contains(&wait), "{form}: {wait:?}");
    }
    let limited = "feeds WHERE last_error_code = 'rate_limited'";
    assert_eq!(worker.count(limited).await, 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_feed_slows_its_host_down_and_starves_nobody() {
    let shared = FeedServer::start().await;
    let other = FeedServer::start_on("127.0.0.2").await;
    let busy = Document::feed("").with_status(429);
    // Of what a host asks for at a time the longest counts.
    shared.put("/throttled-too", busy.clone());
    shared.put("/throttled", busy.with_header(header::RETRY_AFTER, "86400"));
    let mut feeds = vec![shared.url("/throttled"), shared.url("/throttled-too")];
    for n in 0..8 {
        for host in [&shared, &other] {
            host.put(&format!("/{n}"), one());
            feeds.push(host.url(&format!("/{n}")));
        }
    }
    // Without pauses, because this clock stands still while they are kept.
    let worker = worker_with(&feeds, "[poll]\nper_host = 4\nhost_gap = \"0s\"").await;
    let first = worker.pass().await;
    assert_eq!((first.polled, first.failed), (18, 2));
    worker.clock.advance(Duration::from_mins(40));
    let holder = wirewatch::store::workers::Worker::register(
        &worker.db,
        wirewatch::store::workers::Kind::Worker,
    )
    .await
    .unwrap();
    let now = wirewatch::domain::Clock::now(worker.clock.as_ref());
    let options = wirewatch::store::feeds::ClaimOptions {
        holder: holder.number(),
        limit: 100,
        per_host: 4,
        lease: Duration::from_mins(5),
        due_by: now,
        only: &[],
        frees_dead: true,
        host_gap: Duration::ZERO,
        needs_gap: &|_| true,
    };
    let claimed = wirewatch::store::feeds::claim_due(&worker.db, now, options)
        .await
        .unwrap();
    let on = |claimed: &[ClaimedFeed]| {
        ["127.0.0.1", "127.0.0.2"].map(|host| {
            let of_host = claimed.iter().filter(|feed| feed.url.host() == host);
            of_host.count()
        })
    };
    assert_eq!(
        on(&claimed),
        [1, 4],
        "one at a time on the host that complained"
    );
    let unlimited = wirewatch::store::feeds::ClaimOptions {
        per_host: 1_000_000,
        ..options
    };
    let more = wirewatch::store::feeds::claim_due(&worker.db, now, unlimited)
        .await
        .unwrap();
    assert_eq!(
        on(&more),
        [0, 4],
        "also where no other host has a limit, and one of its feeds is held"
    );
    drop(holder);
    let mut polled = 0;
    while polled < 17 {
        polled += worker.pass().await.polled;
    }
    assert_eq!(
        polled, 17,
        "all others are asked, and the one that named a day is left alone"
    );
    assert_eq!(shared.asked().len(), 1 + 2 + 2 * 8);
    assert_eq!(other.asked().len(), 2 * 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_redirect_is_adopted_after_equal_answers_over_days_and_audited() {
    let publisher = FeedServer::start().await;
    for path in ["/portal", "/new"] {
        publisher.put(path, one());
    }
    let (old, new) = (publisher.url("/old"), publisher.url("/new"));
    publisher.put("/old", Document::redirect(301, "/portal"));
    let worker = worker_on(std::slice::from_ref(&old)).await;
    worker.pass().await;
    worker.pass_a_day_later().await;
    publisher.put("/old", one());
    worker.pass_a_day_later().await;
    publisher.put("/old", Document::redirect(308, "/new"));
    // Often in one day is no evidence.
    for _ in 0..5 {
        worker.clock.advance(HOUR);
        worker.pass().await;
    }
    worker.pass_a_day_later().await;
    assert_eq!(urls(&worker).await, [old.as_str()]);
    worker.pass_a_day_later().await;
    assert_eq!(urls(&worker).await, [new.as_str()]);
    let (before, after): (serde_json::Value, serde_json::Value) = sqlx::query_as(
        "SELECT before, after FROM audit WHERE subject_kind = 'feed' AND action = 'change' AND actor = 'wirewatch'",
    )
    .fetch_one(&worker.db)
    .await
    .unwrap();
    assert_eq!((&before["url"], &after["url"]), (&old.into(), &new.into()));
    let known = paths(&publisher).len();
    worker.pass_a_day_later().await;
    assert_eq!(paths(&publisher)[known..], ["/new"]);
    assert_eq!(worker.count("articles").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_another_feeds_address_is_followed_but_never_adopted() {
    let publisher = FeedServer::start().await;
    publisher.put("/new", one());
    publisher.put("/old", Document::redirect(301, "/new"));
    let feeds = ["/old", "/new"].map(|path| publisher.url(path));
    let worker = worker_on(&feeds).await;
    worker.pass().await;
    for _ in 0..5 {
        let summary = worker.pass_a_day_later().await;
        assert_eq!((summary.polled, summary.failed), (2, 0));
    }
    assert_eq!(urls(&worker).await, feeds);
    assert_eq!(worker.count("audit WHERE action = 'change'").await, 0);
    assert_eq!(worker.count("articles").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_feeds_that_adopt_one_address_at_once_lose_no_poll() {
    let publisher = FeedServer::start().await;
    publisher.put("/new", one().without_etag());
    publisher.put("/first", Document::redirect(301, "/new"));
    publisher.put("/second", one());
    let (first, second) = (publisher.url("/first"), publisher.url("/second"));
    let worker = worker_on(&[first.clone(), second.clone()]).await;
    worker.pass().await;
    worker.pass_a_day_later().await;
    worker.clock.advance(DAY);
    let mut other = worker.db.begin().await.unwrap();
    sqlx::query(
        "UPDATE feeds SET url = $1, next_poll_at = next_poll_at + interval '9 days' WHERE url = $2",
    )
    .bind(publisher.url("/new"))
    .bind(&second)
    .execute(&mut *other)
    .await
    .unwrap();
    let commit = async {
        worker.until_one_waits().await;
        other.commit().await.unwrap();
    };
    let (summary, ()) = tokio::join!(worker.pass(), commit);
    assert_eq!((summary.polled, summary.failed), (1, 0));
    assert_eq!(urls(&worker).await, [first, publisher.url("/new")]);
    assert_eq!(
        worker
            .count("feeds WHERE last_error_code IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_a_failure_named_tls() {
    let pem = include_bytes!("../fixtures/self-signed.pem");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(pem).unwrap()],
            PrivateKeyDer::from_pem_slice(pem).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}/feed", listener.local_addr().unwrap());
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    tokio_util::task::TaskTracker::new().spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let mut request = [0; 64];
            let bytes = match acceptor.accept(connection).await {
                Ok(mut stream) => stream.read(&mut request).await.unwrap_or(0),
                Err(_) => 0,
            };
            sender.send(bytes).unwrap();
        }
    });
    let worker = worker_on(&[url]).await;
    let summary = worker.pass().await;
    assert_eq!((summary.polled, summary.failed), (1, 1));
    assert_eq!(worker.count("feeds WHERE last_error_code = 'tls'").await, 1);
    assert_eq!(
        requests.recv().await,
        Some(0),
        "nothing is told to a stranger"
    );
    assert!(wait(&worker, "/feed").await >= Duration::from_mins(27));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_not_changed_for_ever_is_asked_in_full_after_a_day() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", one().stale());
    let worker = worker_on(&[publisher.url("/feed")]).await;
    worker.pass().await;
    let two = rss(&[
        ("b", "Iran signs", "x"),
        ("a", "Iran talks resume", "Envoys met."),
    ]);
    publisher.put("/feed", Document::feed(two).stale());
    for _ in 0..3 {
        worker.clock.advance(7 * HOUR);
        assert_eq!(worker.pass().await.unchanged, 1);
    }
    worker.clock.advance(7 * HOUR);
    assert_eq!(worker.pass().await.new_articles, 1);
    let statuses: Vec<u16> = publisher.asked().iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [200, 304, 304, 304, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_header_of_thirty_polls_is_polite() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", one().with_etag("W/\"v1\""));
    let worker = worker_with(
        &[publisher.url("/feed")],
        "[schedule]\nmax_interval = \"1h\"",
    )
    .await;
    for poll in 0..30 {
        match poll {
            // What broke off says that it is the next version: it must not be believed.
            2 => {
                let cut = "<rss><channel><item><title>Iran</title><link>http://e.example/1</link></item><item><ti";
                publisher.put("/feed", Document::feed(cut).with_etag("\"v2\""));
            }
            3 => {
                let two = rss(&[("b", "Iran signs", "x"), ("a", "Iran talks resume", "y")]);
                publisher.put("/feed", Document::feed(two).with_etag("\"v2\""));
            }
            _ => {}
        }
        worker.pass().await;
        worker.clock.advance(wait(&worker, "/feed").await.max(HOUR));
    }
    assert_eq!(worker.count("articles WHERE title = 'Iran signs'").await, 1);
    let asked = publisher.asked();
    assert_eq!(asked.len(), 30);
    let allowed = [
        "accept",
        "accept-encoding",
        "host",
        "if-none-match",
        "user-agent",
    ];
    let mut conditions = Vec::new();
    for request in &asked {
        assert_eq!(request.line, "GET /feed");
        for name in request.headers.keys() {
            assert!(allowed.contains(&name.as_str()), "{name}");
        }
        assert_eq!(
            request.headers["accept-encoding"],
            "gzip, br, zstd, deflate"
        );
        assert!(
            request.headers["user-agent"]
                .to_str()
                .unwrap()
                .ends_with(" (+https://desk.example/)")
        );
        let condition = request.headers.get(header::IF_NONE_MATCH);
        conditions.push(condition.map(|value| value.to_str().unwrap().to_owned()));
    }
    let full: Vec<usize> = (0..30).filter(|poll| conditions[*poll].is_none()).collect();
    // The first, the one after the cut document, and one after a day.
    assert_eq!(full, [0, 3, 27]);
    assert_eq!(conditions[2].as_deref(), Some("W/\"v1\""));
    assert_eq!(conditions[4].as_deref(), Some("\"v2\""));
}
