//! Documents that cost more to read than to send: they cost their own feeds, and nobody else.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{good_feeds, is_true};
use crate::{
    binary::{beat_file, end, wirewatch},
    database,
    feed_server::{Document, FeedServer},
    worker::{TestWorker, beat, count},
};

const BOMBS: usize = 10;
const GOOD: usize = 50;

/// Half a megabyte of what is dear to read, several times in one document.
fn bombs() -> Vec<String> {
    let item = |body: &str| {
        format!(
            "<item><title>Bomb</title><link>https://bomb.example/{}</link><description><![CDATA[{body}]]></description></item>",
            body.len()
        )
    };
    let rss = |items: &str| {
        format!("<rss version=\"2.0\"><channel><title>b</title>{items}</channel></rss>")
    };
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=\"x\"")).collect();
    vec![
        rss(&item(&"<div>".repeat(100_000))),
        rss(&item(&"<ul><li>".repeat(60_000))),
        rss(&item(&"<a><table>".repeat(50_000))),
        rss(&item(&"</p><b><i><p>".repeat(40_000))),
        rss(&item(&format!("<p{attributes}>x</p>"))),
        rss(&item(&"&lt;".repeat(120_000))),
        format!("<rss><channel>{}", "<x>".repeat(100_000)),
        rss(&"<item><title>a</title></item>".repeat(20_000)),
        rss(&item(&"acme a".repeat(80_000))),
        rss(&item(&"\u{0301}".repeat(250_000))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_are_dear_to_read_hold_up_neither_pages_nor_other_feeds() {
    let publisher = FeedServer::start().await;
    let mut feeds = Vec::new();
    for (index, bomb) in bombs().into_iter().enumerate() {
        publisher.put(&format!("/bomb/{index}"), Document::feed(bomb));
        feeds.push(publisher.url(&format!("/bomb/{index}")));
    }
    assert_eq!(feeds.len(), BOMBS);
    feeds.extend(good_feeds(&publisher, GOOD));
    let keywords: Vec<(String, String)> = (0..400)
        .map(|n| {
            (
                format!("k{n}"),
                format!("(word{n}* OR acme{n}) AND NOT \"other {n}\"~5"),
            )
        })
        .collect();
    let mut named: Vec<(&str, &str)> = keywords
        .iter()
        .map(|(slug, query)| (slug.as_str(), query.as_str()))
        .collect();
    named.push(("iran", "iran"));
    let folder = tempfile::tempdir().unwrap();
    let beat = beat_file(folder.path(), &beat(&feeds, &named));
    let (url, db) = database::fresh().await;
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let child = wirewatch(&["serve", "--listen", &port.to_string()])
        .env("DATABASE_URL", &url)
        .env("WIREWATCH_BEAT__FILE", &beat)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let begun = Instant::now();
    let (mut answers, mut read_after) = (Vec::new(), None);
    let all = i64::try_from(BOMBS + GOOD).unwrap();
    loop {
        let asked = Instant::now();
        if client
            .get(format!("http://{port}/livez"))
            .send()
            .await
            .is_ok()
        {
            answers.push(asked.elapsed());
        }
        let good = count(
            &db,
            "feeds WHERE url LIKE '%/good/%' AND last_success_at IS NOT NULL",
        )
        .await;
        if good == i64::try_from(GOOD).unwrap() && read_after.is_none() {
            read_after = Some(begun.elapsed());
        }
        if count(&db, "feeds WHERE last_attempt_at IS NOT NULL").await == all {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(5),
            "some feed has no outcome"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert!(end(child).await.success());
    answers.sort_unstable();
    let p99 = answers[(answers.len() * 99 / 100).min(answers.len() - 1)];
    eprintln!(
        "/livez answered {} times, 99 of 100 within {p99:?}; good feeds read after {read_after:?}, all after {:?}",
        answers.len(),
        begun.elapsed()
    );
    let decided = "feeds WHERE next_poll_at > last_attempt_at AND lease_until IS NULL";
    assert_eq!(
        count(&db, decided).await,
        all,
        "each has an outcome and a next check"
    );
    let well = "feeds WHERE url LIKE '%/good/%' AND last_error_code IS NULL";
    assert_eq!(count(&db, well).await, i64::try_from(GOOD).unwrap());
    // None is asked again at once, whatever it cost.
    let bombs = publisher
        .asked()
        .iter()
        .filter(|asked| asked.path.starts_with("/bomb"))
        .count();
    assert_eq!(bombs, BOMBS);
    if is_true() {
        assert!(p99 < Duration::from_millis(100), "{p99:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_that_takes_too_long_is_a_failure_with_a_next_check() {
    let publisher = FeedServer::start().await;
    let items = "<item><title>Iran talks</title><description>".to_owned()
        + &"a word and another ".repeat(2_000)
        + "</description></item>";
    let dear = format!(
        "<rss version=\"2.0\"><channel>{}</channel></rss>",
        items.repeat(150)
    );
    publisher.put("/dear", Document::feed(dear.clone()));
    let mut worker = TestWorker::new(&[publisher.url("/dear")], &[("iran", "iran")]).await;
    worker.give_time(Duration::from_millis(1));
    let summary = worker.pass().await;
    assert_eq!((summary.polled, summary.failed), (1, 1));
    let failed = "feeds WHERE url LIKE '%/dear' AND state = 'failing' AND last_error_code = 'cpu_limit' \
                  AND last_http_status = 200 AND etag IS NULL AND next_poll_at > last_attempt_at + interval '5 minutes'";
    assert_eq!(worker.count(failed).await, 1);
    assert_eq!(worker.count("ledger").await, 0, "nothing half is stored");
    assert_eq!(
        worker.pass().await.polled,
        0,
        "it is not tried again at once"
    );
    // With time enough it is read.
    worker.give_time(Duration::from_mins(5));
    assert_eq!(worker.pass_a_day_later().await.failed, 0);
    assert_eq!(
        worker
            .count("feeds WHERE last_error_code IS NOT NULL")
            .await,
        0
    );
}
