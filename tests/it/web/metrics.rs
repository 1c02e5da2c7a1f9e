//! What those who watch over the service see.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wirewatch::{
    store::workers::{Kind, Worker},
    web::Metrics,
};

use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    site::{Answer, PATIENCE, Site},
    worker::TestWorker,
};

async fn get(url: String) -> Answer {
    #[expect(
        clippy::disallowed_methods,
        reason = "one who watches, not a reader of publishers"
    )]
    let client = reqwest::Client::new();
    crate::site::ask(client.get(url).timeout(PATIENCE)).await
}

/// The value of a series; none if it is not told.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .map(|value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn meters_and_readiness_are_told_on_a_listener_of_their_own() {
    let publisher = FeedServer::start().await;
    publisher.put("/good", Document::feed(rss(&[("a", "Iran", "x")])));
    publisher.put("/bad", Document::feed("").with_status(500));
    let feeds = [publisher.url("/good"), publisher.url("/bad")];
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    assert_eq!(site.get("/api/v1/health").await.status, 200);
    let _digest = Worker::register(&worker.db, Kind::Digest).await.unwrap();
    // The mail server has been away for an hour: what waits is tried again in ten minutes.
    sqlx::raw_sql(
        "SET session_replication_role = replica;
         INSERT INTO deliveries (recipient_id, content, message_id, created_at, tried_since, next_at)
         VALUES (1, '{}', 'a@b', '2026-11-20', '2026-11-23 09:00', '2026-11-23 10:10');
         SET session_replication_role = DEFAULT;",
    )
    .execute(&worker.db)
    .await
    .unwrap();

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let stands_still = Arc::new(AtomicBool::new(false));
    let metrics = Metrics::new(
        worker.db.clone(),
        worker.clock.clone(),
        || None,
        Arc::new({
            let stands_still = Arc::clone(&stands_still);
            move || stands_still.load(Ordering::SeqCst).then_some("poll")
        }),
    );
    let serving = {
        let stop = stop.clone();
        async move { metrics.serve(listener, stop).await.unwrap() }
    };
    let asking = async {
        let answer = get(format!("http://{address}/metrics")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let text = &answer.body;
        // Other tests of this process count on the same meters.
        for series in [
            "wirewatch_polls_total{outcome=\"read\",error=\"\"}",
            "wirewatch_polls_total{outcome=\"failed\",error=\"http_status\"}",
            "wirewatch_stage_seconds_count{stage=\"fetch\"}",
            "wirewatch_stage_seconds_count{stage=\"read\"}",
            "wirewatch_stage_seconds_count{stage=\"record\"}",
            "wirewatch_stage_seconds_count{stage=\"place\"}",
            "wirewatch_board_lag_seconds_count",
            "wirewatch_answer_seconds_count{route=\"/api/v1/health\",class=\"2xx\"}",
        ] {
            assert!(
                value(text, series).is_some_and(|count| count >= 1.0),
                "{series}:\n{text}"
            );
        }
        // These are of this test's database.
        for (series, expected) in [
            ("wirewatch_database_up", 1.0),
            ("wirewatch_feeds{state=\"active\"}", 1.0),
            ("wirewatch_feeds{state=\"failing\"}", 1.0),
            ("wirewatch_queue_length{queue=\"unplaced_articles\"}", 0.0),
            ("wirewatch_queue_length{queue=\"outbox\"}", 1.0),
            ("wirewatch_queue_oldest_seconds{queue=\"outbox\"}", 3_600.0),
            ("wirewatch_queue_length{queue=\"outbox_due\"}", 0.0),
            ("wirewatch_workers{kind=\"worker\"}", 1.0),
            ("wirewatch_workers{kind=\"digest\"}", 1.0),
            ("wirewatch_workers{kind=\"pass\"}", 0.0),
        ] {
            assert_eq!(value(text, series), Some(expected), "{series}");
        }
        assert_eq!(get(format!("http://{address}/")).await.status, 404);
        let ready = async || {
            let answer = get(format!("http://{address}/readyz")).await;
            (answer.status, answer.body)
        };
        assert_eq!(ready().await, (200, "ready\n".to_owned()));
        stands_still.store(true, Ordering::SeqCst);
        let (status, why) = ready().await;
        assert!(status == 503 && why.contains("\"poll\""), "{why}");
        stands_still.store(false, Ordering::SeqCst);
        worker.db.close().await;
        let (status, why) = ready().await;
        assert!(status == 503 && why.contains("database"), "{why}");
        assert_eq!(get(format!("http://{address}/livez")).await.status, 200);
        let text = get(format!("http://{address}/metrics")).await.body;
        assert_eq!(value(&text, "wirewatch_database_up"), Some(0.0));
        assert!(!text.contains("wirewatch_queue_length{"));
        stop.cancel();
    };
    tokio::join!(serving, asking);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_do_not_tell_them_whoever_asks() {
    let (_, db) = database::fresh().await;
    let clock = crate::worker::TestClock::at("2026-11-23T10:00:00Z");
    let site = Site::start(&db, clock).await;
    let request = site.request(reqwest::Method::GET, "/metrics");
    let answer = crate::site::ask(request.header("x-forwarded-for", "127.0.0.1")).await;
    assert_eq!(answer.status, 404);
}

#[test]
fn every_series_of_the_dashboard_is_one_that_is_told() {
    let dashboard: serde_json::Value =
        serde_json::from_str(include_str!("../../../docs/grafana/wirewatch.json")).unwrap();
    let told = include_str!("../../../src/meters.rs");
    let mut count = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            for name in
                expression.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_')
            {
                let Some(name) = name.strip_prefix("wirewatch_") else {
                    continue;
                };
                count += 1;
                let bare = ["_total", "_bucket", "_count", "_sum", "_seconds", "_bytes"]
                    .iter()
                    .fold(name, |name, ending| {
                        name.strip_suffix(ending).unwrap_or(name)
                    });
                assert!(told.contains(&format!("\"{bare}\"")), "wirewatch_{name}");
            }
        }
    }
    assert!(count > 12, "{count}");
}
