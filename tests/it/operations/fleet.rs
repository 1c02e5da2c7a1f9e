//! Three workers, two webs and a digest process: nothing is asked twice, nothing is lost at the end of any of them.

use std::time::Duration;

use serde_json::Value;

use super::{
    machine::{Database, Machine, Process, client, until},
    publisher::Publisher,
};
use crate::worker::{beat, count};

const FEEDS: usize = 24;

/// Asks a web; none if it is away.
async fn ask(process: &Process, path: &str, token: &str) -> Option<Value> {
    let url = format!("{}{path}", process.base);
    let response = client().get(url).bearer_auth(token).send().await.ok()?;
    let text = response.error_for_status().ok()?.text().await.ok()?;
    serde_json::from_str(&text).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_in_turn_ends_in_good_order_and_nothing_is_asked_twice_or_lost() {
    let database = Database::start().await;
    let db = database.connect().await;
    let publisher = Publisher::start(FEEDS).await;
    let beat = beat(&publisher.urls(), &[("acme", "acme")]);
    let mut machine = Machine::new(&database.url(), &beat);
    machine.set("WIREWATCH_SCHEDULE__MIN_INTERVAL", "2s");
    machine.set("WIREWATCH_SCHEDULE__FIRST_INTERVAL", "2s");
    machine.set("WIREWATCH_SCHEDULE__MAX_INTERVAL", "3s");
    machine.set("WIREWATCH_POLL__CONCURRENCY", "4");
    let mut processes = Vec::new();
    for (role, log) in [
        ("worker", "worker-1.log"),
        ("worker", "worker-2.log"),
        ("worker", "worker-3.log"),
        ("web", "web-1.log"),
        ("web", "web-2.log"),
        ("digest", "digest.log"),
    ] {
        processes.push(machine.start(role, log));
    }
    let token = machine.token("viewer").await;
    let first = &db;
    until("the first polls", || async move {
        count(first, "feeds WHERE last_success_at IS NOT NULL").await == 24
    })
    .await;
    let shares =
        "(SELECT DISTINCT lease_holder FROM feeds WHERE lease_holder IS NOT NULL) AS holders";
    let publishing = publisher.clone();
    let going = tokio_util::sync::CancellationToken::new();
    let stopped = going.clone();
    let publishing = tokio::spawn(async move {
        while !stopped.is_cancelled() {
            publishing.publish();
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    });
    until("a share for each worker", || async move {
        count(first, shares).await >= 3
    })
    .await;
    for process in &mut processes {
        let is_well = process.terminate().await;
        let words = process.words();
        assert!(is_well, "{}: {words}", process.role);
        assert!(!words.contains("panicked"), "{words}");
        // The others go on meanwhile.
        tokio::time::sleep(Duration::from_secs(1)).await;
        process.start();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    going.cancel();
    publishing.await.unwrap();
    let watched = &publisher;
    until("every matching item", || async move {
        let expected = i64::try_from(watched.matching().len()).unwrap();
        count(first, "articles WHERE arrival IS NOT NULL").await >= expected
    })
    .await;
    for web in processes.iter().filter(|process| process.role == "web") {
        until("both webs say the same", || async {
            let page = ask(web, "/api/v1/articles?limit=1000", &token).await;
            let expected = publisher.matching().len();
            page.is_some_and(|page| page["articles"].as_array().unwrap().len() == expected)
        })
        .await;
    }
    let mut asked = 0;
    for (path, times) in publisher.asked() {
        asked += times.len();
        for pair in times.windows(2) {
            let apart = pair[1].duration_since(pair[0]);
            // A feed is next asked at the earliest one interval after its answer was recorded.
            assert!(apart >= Duration::from_millis(1_500), "{path}: {apart:?}");
        }
    }
    assert!(asked > FEEDS * 4, "{asked}");
    let stored = count(&db, "articles").await;
    assert_eq!(stored, i64::try_from(publisher.matching().len()).unwrap());
    for process in &mut processes {
        process.terminate().await;
    }
    assert_eq!(count(&db, "feeds WHERE lease_until > now()").await, 0);
}
