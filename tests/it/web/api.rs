//! What programs see.

use std::collections::BTreeSet;

use serde_json::Value;

use super::with_concepts;
use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    site::Site,
    worker::{TestClock, TestWorker, beat},
};

fn keys(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_has_the_promised_fields_and_no_others() {
    let publisher = FeedServer::start().await;
    publisher.put("/good", Document::feed(rss(&[("a", "Iran", "x")])));
    publisher.put("/bad", Document::feed("").with_status(500));
    let feeds = [publisher.url("/good"), publisher.url("/bad")];
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;

    let all = site.get("/api/v1/feeds").await;
    assert_eq!(all.header("content-type"), "application/json");
    assert_eq!(all.json()["feeds"].as_array().unwrap().len(), 2);
    let one = async |url: &str| site.get(&format!("/api/v1/feeds?url={url}")).await;
    let good = one(&feeds[0]).await.json()["feeds"][0].clone();
    let promised = BTreeSet::from([
        "id",
        "url",
        "title",
        "state",
        "last_attempt_at",
        "last_success_at",
        "last_http_status",
        "last_error_code",
        "consecutive_failures",
        "next_poll_at",
        "next_poll_reason",
        "entries_seen",
        "entries_skipped",
        "last_new_entry_at",
        "norm_per_day",
        "troubles",
    ]);
    assert_eq!(keys(&good), promised);
    assert_eq!(
        (&good["url"], &good["state"], &good["title"]),
        (
            &feeds[0].clone().into(),
            &"active".into(),
            &"Test Wire".into()
        )
    );
    assert_eq!(good["last_success_at"], "2026-11-23T10:00:00Z");
    assert_eq!(
        (&good["last_error_code"], &good["entries_seen"]),
        (&Value::Null, &1.into())
    );

    let bad = one(&feeds[1]).await.json()["feeds"][0].clone();
    assert_eq!(
        (
            &bad["state"],
            &bad["last_error_code"],
            &bad["last_http_status"]
        ),
        (&"failing".into(), &"http_status".into(), &500.into())
    );
    assert_eq!(
        (&bad["consecutive_failures"], &bad["last_success_at"]),
        (&1.into(), &Value::Null)
    );
    let path = format!("/api/v1/feeds/{}", bad["id"]);
    assert_eq!(site.get(&path).await.json(), bad);
    let unknown = one("https://nowhere.example/").await;
    assert_eq!(
        (unknown.status, unknown.body.as_str()),
        (200, "{\"feeds\":[]}")
    );
    assert_eq!(site.get("/api/v1/feeds/999").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_can_ask_for_a_poll() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let answer = site.post("/api/v1/feeds/1/poll").await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["next_poll_at"], "2026-11-23T10:00:00Z");
    assert_eq!(worker.pass().await.polled, 1);
    assert_eq!(site.post("/api/v1/feeds/999/poll").await.status, 404);

    sqlx::query("UPDATE feeds SET state = 'paused', next_poll_at = NULL")
        .execute(&worker.db)
        .await
        .unwrap();
    let answer = site.post("/api/v1/feeds/1/poll").await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (409, &409.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_goes_out_with_its_matches_and_their_hits() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "북한 and 이란", "x")])));
    let (_, db) = database::fresh().await;
    let beat = with_concepts(beat(
        &[publisher.url("/feed")],
        &[("link", "@dprk AND @iran")],
    ));
    let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let page = site.get("/api/v1/articles").await.json();
    assert_eq!(keys(&page), BTreeSet::from(["articles", "next"]));
    let article = &page["articles"][0];
    let fields = BTreeSet::from([
        "id",
        "arrival",
        "url",
        "title",
        "summary",
        "content",
        "language",
        "source",
        "published",
        "first_seen",
        "matches",
    ]);
    assert_eq!(keys(article), fields);
    assert_eq!(
        (&article["url"], &article["source"], &article["first_seen"]),
        (
            &"https://news.example/a".into(),
            &"test-wire".into(),
            &"2026-11-23T10:00:00Z".into()
        )
    );
    let found = &article["matches"][0];
    assert_eq!(
        (&found["keyword"], &found["version"]),
        (&"link".into(), &1.into())
    );
    assert!(found["why"].as_str().unwrap().contains("@dprk"));
    let title = article["title"].as_str().unwrap();
    let hits = found["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 2);
    for (hit, concept) in hits.iter().zip(["North Korea", "Iran"]) {
        let at = |side: &str| usize::try_from(hit[side].as_u64().unwrap()).unwrap();
        assert_eq!(hit["field"], "title");
        assert_eq!(hit["text"], title[at("start")..at("end")]);
        assert_eq!(hit["concept"], concept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_gives_every_article_once_in_order_while_more_arrive() {
    const BATCHES: usize = 12;
    let publisher = FeedServer::start().await;
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let publish = |batch: usize| {
        let items: Vec<(String, String)> = (0..(batch + 1) * 5)
            .map(|item| (item.to_string(), format!("Iran report {item}")))
            .collect();
        let items: Vec<(&str, &str, &str)> = items
            .iter()
            .map(|(guid, title)| (&**guid, &**title, "x"))
            .collect();
        publisher.put("/feed", Document::feed(rss(&items)));
    };
    let (mut titles, mut arrivals, mut cursor) = (Vec::new(), Vec::new(), String::new());
    for turn in 0..BATCHES * 3 {
        if turn < BATCHES {
            publish(turn);
            worker.pass_a_day_later().await;
        }
        let page = site
            .get(&format!("/api/v1/articles?since={cursor}&limit=3"))
            .await
            .json();
        for article in page["articles"].as_array().unwrap() {
            titles.push(article["title"].as_str().unwrap().to_owned());
            arrivals.push(article["arrival"].as_i64().unwrap());
        }
        page["next"].as_str().unwrap().clone_into(&mut cursor);
    }
    assert_eq!(titles.len(), BATCHES * 5);
    assert_eq!(titles.iter().collect::<BTreeSet<_>>().len(), BATCHES * 5);
    assert!(
        arrivals.is_sorted_by(|one, next| one < next),
        "{arrivals:?}"
    );
    assert_eq!(
        site.get("/api/v1/articles?since=yesterday").await.status,
        400
    );
}
