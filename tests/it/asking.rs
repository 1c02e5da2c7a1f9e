//! How publishers are asked: what goes out with each request, and how far apart requests lie.

use std::time::Duration;

use axum::http::{HeaderValue, header};

use crate::{
    feed_server::{Document, FeedServer, rss},
    traps::{one, wait, worker_on, worker_with},
};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn two() -> String {
    rss(&[
        ("b", "Iran signs", "x"),
        ("a", "Iran talks resume", "Envoys met."),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_go_back_byte_for_byte_or_not_at_all() {
    let long = format!("\"{}\"", "x".repeat(8_000));
    let date = "Sun, 22 Nov 2026 08:00:00 GMT";
    // What comes with the document, and whether it goes back.
    let cases: &[(&[u8], &[u8], bool, bool)] = &[
        (b"\"strong\"", b"", true, false),
        (b"W/\"weak\"", b"", true, false),
        (b"w/\"odd\"", b"", true, false),
        (b"unquoted", b"", true, false),
        (b"\"\"", b"", true, false),
        (b"\"a,b\\c\"", b"", true, false),
        (long.as_bytes(), date.as_bytes(), false, true),
        (b"\"\xe9\"", date.as_bytes(), false, true),
        (b"", b"now", false, true),
        (b"", b"0", false, true),
        (b"", b"Thu, 01 Jan 2041 00:00:00 GMT", false, true),
        (b"\"both\"", date.as_bytes(), true, true),
        (b"", b"", false, false),
    ];
    let publisher = FeedServer::start().await;
    let mut feeds = Vec::new();
    for (index, (etag, modified, ..)) in cases.iter().enumerate() {
        let mut document = one().without_etag();
        for (name, value) in [(header::ETAG, etag), (header::LAST_MODIFIED, modified)] {
            if !value.is_empty() {
                let value = HeaderValue::from_bytes(value).unwrap();
                document.headers.insert(name, value);
            }
        }
        publisher.put(&format!("/{index}"), document);
        feeds.push(publisher.url(&format!("/{index}")));
    }
    let worker = worker_with(&feeds, "[poll]\nper_host = 100").await;
    assert_eq!(worker.pass().await.new_articles, 1);
    worker.clock.advance(7 * HOUR);
    let again = worker.pass().await;
    assert_eq!(
        (again.polled, again.unchanged),
        (13, 13),
        "the same body is no change"
    );
    for (index, (etag, modified, has_etag, has_date)) in cases.iter().enumerate() {
        let path = format!("/{index}");
        let asked = publisher.asked();
        let asked: Vec<_> = asked.iter().filter(|asked| asked.path == path).collect();
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
            assert!(!asked[0].headers.contains_key(name), "nothing is invented");
        }
        let sent = |name| asked[1].headers.get(name).map(HeaderValue::as_bytes);
        assert_eq!(
            sent(header::IF_NONE_MATCH),
            has_etag.then_some(*etag),
            "{index}"
        );
        assert_eq!(
            sent(header::IF_MODIFIED_SINCE),
            has_date.then_some(*modified),
            "{index}"
        );
        for absent in ["cookie", "referer", "origin", "cache-control", "pragma"] {
            assert!(!asked[1].headers.contains_key(absent), "{absent}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_found_whichever_validator_changes_with_it() {
    let (early, late) = (
        "Sun, 22 Nov 2026 08:00:00 GMT",
        "Mon, 23 Nov 2026 08:00:00 GMT",
    );
    let publisher = FeedServer::start().await;
    let document = |body: String, etag: &'static str, date: &str| {
        Document::feed(body)
            .with_etag(etag)
            .with_header(header::LAST_MODIFIED, date)
    };
    // The tag changes, the date does; both do; neither does, and the body does.
    let changes = [
        ("\"2\"", early),
        ("\"1\"", late),
        ("\"2\"", late),
        ("\"1\"", early),
    ];
    let paths = ["/tag", "/date", "/both", "/neither"];
    let put = |is_changed: bool| {
        for (path, (etag, date)) in paths.iter().zip(changes) {
            let base = rss(&[("a", "Iran talks resume", path)]);
            if is_changed {
                let body = base.replace("</channel>", &format!("<item><link>https://news.example{path}</link><title>Iran news of {path}</title></item></channel>"));
                // Whoever keeps the tag answers 200 all the same.
                publisher.put(
                    path,
                    document(body, etag, date)
                        .without_etag()
                        .with_header(header::ETAG, etag),
                );
            } else {
                publisher.put(path, document(base, "\"1\"", early));
            }
        }
    };
    put(false);
    let worker = worker_on(&paths.map(|path| publisher.url(path))).await;
    while worker.pass().await.polled > 0 {}
    worker.clock.advance(7 * HOUR);
    while worker.pass().await.polled > 0 {}
    put(true);
    worker.clock.advance(7 * HOUR);
    while worker.pass().await.polled > 0 {}
    assert_eq!(
        worker
            .count("articles WHERE title LIKE 'Iran news of %'")
            .await,
        4
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_page_where_a_feed_was_leaves_validators_and_articles_alone() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", one().with_etag("\"feed\""));
    let worker = worker_on(&[publisher.url("/feed")]).await;
    worker.pass().await;
    let page = Document::feed("<!doctype html><html><title>Log in</title><form></form></html>")
        .with_header(header::CONTENT_TYPE, "text/html")
        .with_etag("\"login\"");
    publisher.put("/feed", page);
    worker.clock.advance(7 * HOUR);
    assert_eq!(worker.pass().await.failed, 1);
    publisher.put("/feed", Document::feed(two()).with_etag("\"feed-2\""));
    worker.clock.advance(7 * HOUR);
    assert_eq!(worker.pass().await.new_articles, 1);
    let sent: Vec<_> = publisher
        .asked()
        .iter()
        .map(|asked| asked.headers.get(header::IF_NONE_MATCH).cloned())
        .collect();
    assert_eq!(
        sent,
        [
            None,
            Some("\"feed\"".parse().unwrap()),
            Some("\"feed\"".parse().unwrap())
        ]
    );
    assert_eq!(worker.count("articles").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_publisher_says_of_freshness_is_a_lower_bound_within_a_day() {
    let usual = Duration::from_mins(27)..=Duration::from_mins(30);
    let three = 3 * HOUR..=3 * HOUR;
    let day = DAY..=DAY;
    let cases = [
        (header::CACHE_CONTROL, "max-age=10800", three.clone()),
        (
            header::CACHE_CONTROL,
            "public, s-maxage=1, max-age=\"10800\"",
            three.clone(),
        ),
        (header::CACHE_CONTROL, "max-age=0", usual.clone()),
        (header::CACHE_CONTROL, "max-age=-5", usual.clone()),
        (header::CACHE_CONTROL, "max-age=junk", usual.clone()),
        (header::CACHE_CONTROL, "no-store", usual.clone()),
        (header::CACHE_CONTROL, "max-age=1000000000", day.clone()),
        (
            header::CACHE_CONTROL,
            "max-age=99999999999999999999999",
            usual.clone(),
        ),
        (header::EXPIRES, "Mon, 23 Nov 2026 13:00:00 GMT", three),
        (
            header::EXPIRES,
            "Mon, 23 Nov 2020 13:00:00 GMT",
            usual.clone(),
        ),
        (header::EXPIRES, "Mon, 23 Nov 2036 13:00:00 GMT", day),
        (header::EXPIRES, "0", usual.clone()),
        (header::EXPIRES, "soon", usual),
    ];
    let publisher = FeedServer::start().await;
    let mut feeds = Vec::new();
    for (index, (name, value, _)) in cases.iter().enumerate() {
        let path = format!("/fresh-{index}");
        let document = one().with_header(name.clone(), value);
        // The server's own date is that of the test's clock.
        publisher.put(
            &path,
            document.with_header(header::DATE, "Mon, 23 Nov 2026 10:00:00 GMT"),
        );
        feeds.push(publisher.url(&path));
    }
    let worker = worker_with(&feeds, "[poll]\nper_host = 100").await;
    assert_eq!(worker.pass().await.failed, 0);
    for (index, (name, value, expected)) in cases.iter().enumerate() {
        let wait = wait(&worker, &format!("/fresh-{index}")).await;
        assert!(expected.contains(&wait), "{name}: {value}: {wait:?}");
    }
}

/// 200 feeds on one host, each with an entry every hour.
fn many(publisher: &FeedServer) -> Vec<String> {
    let epoch: jiff::Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let items: String = (0..30)
        .map(|hour| {
            let date = epoch + jiff::SignedDuration::from_hours(hour);
            format!(
                "<item><guid>{hour}</guid><title>Report {hour}</title><pubDate>{}</pubDate></item>",
                date.strftime("%a, %d %b %Y %H:%M:%S GMT")
            )
        })
        .collect();
    let body = format!("<rss version=\"2.0\"><channel><title>t</title>{items}</channel></rss>");
    (0..200)
        .map(|n| {
            let path = format!("/many/{n}");
            publisher.put(
                &path,
                Document::feed(body.clone()).delayed(Duration::from_millis(5)),
            );
            publisher.url(&path)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_many_feeds_is_asked_few_at_a_time_and_not_all_at_once_again() {
    let publisher = FeedServer::start().await;
    let feeds = many(&publisher);
    let worker = worker_with(&feeds, "[poll]\nper_host = 3\nhost_gap = \"0s\"").await;
    assert_eq!(worker.pass().await.polled, 200);
    assert!(
        publisher.most_at_once() <= 3,
        "{}",
        publisher.most_at_once()
    );
    // Started again, it asks nobody who was asked.
    let again = worker.restarted().await;
    assert_eq!(again.pass().await.polled, 0);
    assert_eq!(publisher.asked().len(), 200);
    // All were asked at one instant; within hours they come apart.
    let mut polled = Vec::new();
    for _ in 0..6 * 60 {
        again.clock.advance(Duration::from_mins(1));
        polled.push(again.pass().await.polled);
    }
    let later = &polled[2 * 60..];
    let most = later.iter().max().copied().unwrap();
    assert!(later.iter().sum::<u64>() > 400, "{later:?}");
    assert!(most <= 60, "{most} of 200 in one minute: {later:?}");
    assert!(publisher.most_at_once() <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_is_what_it_is_said_to_be() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", one());
    let settings = "[schedule]\nmin_interval = \"1h\"\nmax_interval = \"1h\"";
    let worker = worker_with(&[publisher.url("/feed")], settings).await;
    let mut polled = 0;
    // A minute at a time for two days: an hour between two polls, give or take a tenth.
    for _ in 0..2 * 24 * 60 {
        worker.clock.advance(Duration::from_mins(1));
        if wait_is_over(&worker).await {
            polled += worker.pass().await.polled;
        }
    }
    assert!((43..=48).contains(&polled), "{polled} polls in 48 hours");
}

async fn wait_is_over(worker: &crate::worker::TestWorker) -> bool {
    use wirewatch::domain::Clock as _;
    let now = worker.clock.now().as_micros();
    worker
        .count(&format!(
            "feeds WHERE extract(epoch FROM next_poll_at) * 1000000 <= {now}"
        ))
        .await
        > 0
}
