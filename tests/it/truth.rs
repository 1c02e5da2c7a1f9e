//! What is said about the collection: incidents, each told once, from real documents through the river.

use std::time::Duration;

use axum::http::header;
use sqlx::Row as _;

use wirewatch::{domain::Clock as _, store::subscriptions};

use crate::{
    digests::desk::daily,
    feed_server::{Document, FeedServer},
    worker::TestWorker,
};

/// An RSS document of items numbered `numbers`, one every hour since `2026-11-20T00:00:00Z`.
fn hourly(numbers: std::ops::Range<u64>) -> String {
    let epoch: jiff::Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
    let items: String = numbers
        .rev()
        .map(|number| {
            let date = epoch + jiff::SignedDuration::from_hours(i64::try_from(number).unwrap());
            let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT");
            format!(
                "<item><guid isPermaLink=\"false\">g{number}</guid><link>https://news.example/{number}</link>\
                 <title>Iran report {number}</title><pubDate>{date}</pubDate></item>"
            )
        })
        .collect();
    format!("<rss version=\"2.0\"><channel><title>Test Wire</title>{items}</channel></rss>")
}

fn document(numbers: std::ops::Range<u64>) -> Document {
    Document::feed(hourly(numbers)).without_etag()
}

/// `kind` of every incident, in order, with a `+` while it is open.
async fn incidents(worker: &TestWorker) -> Vec<String> {
    sqlx::query("SELECT kind || CASE WHEN closed_at IS NULL THEN '+' ELSE '' END AS told FROM incidents ORDER BY id")
        .fetch_all(&worker.db)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.get("told"))
        .collect()
}

async fn hours_later(worker: &TestWorker, hours: u64) {
    worker.clock.advance(Duration::from_hours(hours));
    sqlx::query("UPDATE feeds SET next_poll_at = last_attempt_at WHERE next_poll_at IS NOT NULL")
        .execute(&worker.db)
        .await
        .unwrap();
    worker.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_fell_out_between_two_reads_are_a_gap_with_an_estimate() {
    let publisher = FeedServer::start().await;
    // The clock stands at hour 82.
    publisher.put("/feed", document(62..82));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    publisher.put("/feed", document(70..90));
    hours_later(&worker, 8).await;
    assert!(incidents(&worker).await.is_empty(), "documents overlap");

    // Twenty of thirty new entries are shown: ten came and went.
    publisher.put("/feed", document(100..120));
    hours_later(&worker, 30).await;
    assert_eq!(incidents(&worker).await, ["gap+"]);
    let missed = worker.count("incidents, generate_series(1, missed)").await;
    assert!((8..=12).contains(&missed), "{missed} of 10");
    assert_eq!(
        worker.count("fetch_log, generate_series(1, missed)").await,
        missed
    );
    assert_eq!(
        worker.count("feed_days, generate_series(1, missed)").await,
        missed
    );

    publisher.put("/feed", document(101..121));
    hours_later(&worker, 1).await;
    assert_eq!(incidents(&worker).await, ["gap"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_falls_silent_is_stale_once_and_recovers_once() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(62..82));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    hours_later(&worker, 8).await;
    assert!(incidents(&worker).await.is_empty(), "a night is no silence");
    for _ in 0..4 {
        hours_later(&worker, 12).await;
    }
    assert_eq!(incidents(&worker).await, ["stale+"]);
    publisher.put("/feed", document(63..161));
    hours_later(&worker, 1).await;
    assert_eq!(incidents(&worker).await, ["stale"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_was_silent_before_its_first_read_is_stale_at_once() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(0..20));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    assert_eq!(incidents(&worker).await, ["stale+"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_opens_once_changes_its_kind_and_closes_once() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(62..82));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let page = "<!doctype html><html><head><title>Hello</title></head><body><p>Not a feed</p></body></html>";
    publisher.put(
        "/feed",
        Document::feed(page).with_header(header::CONTENT_TYPE, "text/html"),
    );
    hours_later(&worker, 1).await;
    assert!(incidents(&worker).await.is_empty(), "once is weather");
    hours_later(&worker, 1).await;
    assert_eq!(incidents(&worker).await, ["not_a_feed+"]);
    publisher.put("/feed", Document::feed("no").with_status(503));
    hours_later(&worker, 1).await;
    publisher.put("/feed", Document::feed("no").with_status(403));
    hours_later(&worker, 1).await;
    assert_eq!(incidents(&worker).await, ["refused+"], "one outage");
    publisher.put("/feed", document(67..87));
    hours_later(&worker, 1).await;
    assert_eq!(incidents(&worker).await, ["refused"]);

    // One subscription was told of its beginning and its end, another of its beginning alone.
    for slug in ["both", "beginning"] {
        let wanted = daily("UTC", &["07:00"], &["iran"]);
        subscriptions::add(&worker.db, slug, &wanted, "test", worker.clock.now())
            .await
            .unwrap();
    }
    sqlx::query(
        "INSERT INTO told_incidents (subscription_id, incident_id, is_over)
         SELECT s.id, i.id, told.is_over
           FROM subscriptions s, incidents i, (VALUES (false), (true)) AS told (is_over)
          WHERE s.slug = 'both' OR NOT told.is_over",
    )
    .execute(&worker.db)
    .await
    .unwrap();

    // It fails again within hours: the same incident. Who heard that it was over is told again, who did not is not.
    publisher.put("/feed", Document::feed("no").with_status(403));
    hours_later(&worker, 1).await;
    hours_later(&worker, 1).await;
    assert_eq!(incidents(&worker).await, ["refused+"]);
    let told = "told_incidents t JOIN subscriptions s ON s.id = t.subscription_id WHERE s.slug = ";
    assert_eq!(worker.count(&format!("{told}'both'")).await, 0);
    assert_eq!(worker.count(&format!("{told}'beginning'")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_without_items_dates_or_lasting_guids_are_named() {
    let publisher = FeedServer::start().await;
    let channel = |items: &str| {
        format!("<rss version=\"2.0\"><channel><title>x</title>{items}</channel></rss>")
    };
    let items = |guid: &str, date: &str| -> String {
        (0..6)
            .map(|n| {
                format!(
                    "<item><guid isPermaLink=\"false\">{guid}{n}</guid><link>https://news.example/{n}</link>\
                     <title>Report {n}</title>{date}</item>"
                )
            })
            .collect()
    };
    let ahead = "<pubDate>Mon, 30 Nov 2026 10:00:00 GMT</pubDate>";
    let past = "<pubDate>Mon, 23 Nov 2026 09:00:00 GMT</pubDate>";
    publisher.put("/empty", Document::feed(channel("")));
    publisher.put("/ahead", Document::feed(channel(&items("a", ahead))));
    publisher.put("/undated", Document::feed(channel(&items("b", ""))));
    publisher.put("/churn", Document::feed(channel(&items("c", past))));
    let paths = ["/ahead", "/undated", "/empty", "/churn"];
    let feeds = paths.map(|path| publisher.url(path));
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    worker.pass().await;
    publisher.put("/churn", Document::feed(channel(&items("d", past))));
    hours_later(&worker, 1).await;
    let mut told = incidents(&worker).await;
    told.sort();
    assert_eq!(
        told,
        [
            "future_dates+",
            "guid_churn+",
            "missing_dates+",
            "zero_items+"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_says_up_to_when_the_collection_is_complete_and_except_for_what() {
    let publisher = FeedServer::start().await;
    publisher.put("/one", document(62..82));
    publisher.put("/two", document(62..82));
    let (_, db) = crate::database::fresh().await;
    let mut beat = crate::worker::beat(&[publisher.url("/one")], &[("iran", "iran")]);
    let mut other = beat.sources[0].clone();
    "other".clone_into(&mut other.slug);
    "Other <i>Wire</i>".clone_into(&mut other.name);
    other.feeds[0].url = publisher.url("/two").parse().unwrap();
    beat.sources.push(other);
    let clock = crate::worker::TestClock::at("2026-11-23T10:00:00Z");
    let worker = TestWorker::on(db, &beat, clock).await;
    let site = crate::site::Site::start(&worker.db, worker.clock.clone()).await;
    let said = async || site.get("/api/v1/health").await.json();
    assert_eq!(said().await["statement"], "first reading: 0 of 2 feeds");

    worker.pass().await;
    assert_eq!(said().await["statement"], "complete to 10:00 UTC");
    publisher.put("/one", document(64..84));
    publisher.put("/two", Document::feed("").with_status(500));
    hours_later(&worker, 1).await;
    assert_eq!(
        said().await["statement"],
        "complete to 10:00 UTC",
        "a single failure only holds the time back"
    );
    hours_later(&worker, 1).await;
    let health = said().await;
    assert_eq!(
        health["statement"],
        "complete to 12:00 UTC except Other <i>Wire</i> (since 10:00)"
    );
    assert_eq!(health["exceptions"][0]["kind"], "unreachable");
    for path in [
        "/",
        "/keywords/iran",
        "/articles/1",
        "/feeds",
        "/feeds/1",
        "/feeds?trouble=outage",
    ] {
        let page = site.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let words = "<bdi>Other &#60;i&#62;Wire&#60;/i&#62;</bdi> (since <time datetime=\"2026-11-23T10:00:00Z\"";
        assert!(page.body.contains(words), "{path}: {}", page.body);
    }

    // The worker goes, and says nothing any more.
    worker.clock.advance(Duration::from_mins(10));
    let health = said().await;
    assert_eq!(health["worker"], "gone");
    assert!(site.get("/").await.body.contains("no worker since"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feeds_page_and_the_api_tell_what_was_wrong_and_what_was_decided() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(62..82));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    publisher.put("/feed", document(100..120));
    hours_later(&worker, 38).await;
    let site = crate::site::Site::start(&worker.db, worker.clock.clone()).await;
    let page = site.get("/feeds/1").await.body;
    for expected in [
        "gap: about ",
        "class=\"attempts incidents\"",
        "came and went unseen between two reads",
        "<svg class=\"strip\"",
        "<svg class=\"week\"",
        "<td class=\"next\"><time",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let feeds = site.get("/feeds?trouble=gap").await.body;
    assert!(feeds.contains("href=\"/feeds/1\"") && feeds.contains("fell out"));
    let none = site.get("/feeds?trouble=stale").await.body;
    assert!(none.contains("No feed is so."), "{none}");
    let feed = site.get("/api/v1/feeds/1").await.json();
    assert_eq!(feed["troubles"][0]["kind"], "gap");
    assert!(feed["troubles"][0]["missed"].as_u64().unwrap() >= 10);
    let listed = site.get("/api/v1/feeds").await.json();
    assert_eq!(listed["feeds"][0]["troubles"], feed["troubles"]);
    assert!(feed["norm_per_day"].as_f64().unwrap() > 10.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_headline_is_a_revision_with_a_diff_and_a_mark_and_noise_is_none() {
    let publisher = FeedServer::start().await;
    // The date never changes.
    let item = |title: &str, text: &str| {
        Document::feed(format!(
            "<rss version=\"2.0\"><channel><title>x</title><language>fa</language><item><guid>1</guid>\
             <link>https://news.example/1</link><title>{title}</title><description>{text}</description>\
             <pubDate>Mon, 23 Nov 2026 09:00:00 GMT</pubDate></item></channel></rss>"
        ))
        .without_etag()
    };
    let story = "هیئت ایران وارد شد.";
    publisher.put(
        "/feed",
        item(
            "تحریم‌های تازه ایران",
            &format!("{story}&lt;p&gt;۱۲۳ بازدید&lt;/p&gt;"),
        ),
    );
    let keywords = [
        ("iran", "ایران"),
        ("fresh", "title:تازه"),
        ("other", "title:جدید"),
    ];
    let worker = TestWorker::new(&[publisher.url("/feed")], &keywords).await;
    worker.pass().await;
    assert_eq!(worker.count("matches WHERE closed_at IS NULL").await, 2);

    publisher.put(
        "/feed",
        item(
            "تحریم‌های تازه ایران",
            &format!("{story}&lt;p&gt;۴۵۶ بازدید&lt;/p&gt;"),
        ),
    );
    hours_later(&worker, 1).await;
    assert_eq!(worker.count("revisions").await, 0, "a counter is no change");

    publisher.put("/feed", item("تحریم‌های جدید ایران", story));
    hours_later(&worker, 1).await;
    assert_eq!(worker.count("revisions").await, 1);
    assert_eq!(
        worker
            .count("articles WHERE title_changes = 1 AND revision = 1")
            .await,
        1
    );
    let still = "matches JOIN keywords ON keywords.id = keyword_id WHERE slug";
    assert_eq!(
        worker
            .count(&format!(
                "{still} = 'iran' AND closed_at IS NULL AND arrival = 1"
            ))
            .await,
        1
    );
    assert_eq!(
        worker
            .count(&format!("{still} = 'fresh' AND closed_at IS NOT NULL"))
            .await,
        1
    );
    assert_eq!(
        worker
            .count(&format!(
                "{still} = 'other' AND closed_at IS NULL AND arrival = 2"
            ))
            .await,
        1
    );

    let site = crate::site::Site::start(&worker.db, worker.clock.clone()).await;
    let page = site.get("/articles/1").await.body;
    let diff = "<p class=\"diff title\" lang=\"fa\" dir=\"auto\">تحریم‌های <del>تازه</del><ins>جدید</ins> ایران</p>";
    assert!(page.contains(diff), "{page}");
    assert!(site.get("/").await.body.contains(">title changed</a>"));

    // Taken back: the match is open again under its old number, so nobody is told twice.
    publisher.put("/feed", item("تحریم‌های تازه ایران", story));
    hours_later(&worker, 1).await;
    assert_eq!(
        worker
            .count(&format!(
                "{still} = 'fresh' AND closed_at IS NULL AND arrival = 1"
            ))
            .await,
        1
    );
    assert_eq!(
        worker
            .count(&format!("{still} = 'other' AND closed_at IS NOT NULL"))
            .await,
        1
    );
    assert!(site.get("/").await.body.contains("title changed 2×"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoding_that_is_not_the_declared_one_is_read_and_told_until_it_is_mended() {
    let publisher = FeedServer::start().await;
    let served = |numbers, charset| {
        let text = hourly(numbers).replace("Test Wire", "Тест");
        Document::feed(text)
            .without_etag()
            .with_header(header::CONTENT_TYPE, charset)
    };
    publisher.put("/feed", served(62..82, "text/xml; charset=iso-8859-1"));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    assert_eq!(incidents(&worker).await, ["encoding_repaired+"]);
    let said =
        "incidents WHERE detail = 'declared as windows-1252, which it is not; read as UTF-8'";
    assert_eq!(worker.count(said).await, 1);
    assert_eq!(worker.count("matches").await, 20);

    publisher.put("/feed", served(63..83, "text/xml; charset=utf-8"));
    hours_later(&worker, 1).await;
    assert_eq!(incidents(&worker).await, ["encoding_repaired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_redirects_permanently_has_moved_until_its_new_address_is_asked() {
    let publisher = FeedServer::start().await;
    let away = Document::feed("")
        .with_status(301)
        .with_header(header::LOCATION, "/new");
    publisher.put("/feed", away);
    publisher.put("/new", document(62..82));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    hours_later(&worker, 1).await;
    let moved = || async {
        let mut told = incidents(&worker).await;
        told.retain(|kind| kind.starts_with("moved"));
        told
    };
    assert!(moved().await.is_empty(), "twice may be an evening");
    hours_later(&worker, 1).await;
    assert_eq!(moved().await, ["moved+"]);
    let to = format!("incidents WHERE detail LIKE '%{}'", publisher.url("/new"));
    assert_eq!(worker.count(&to).await, 1);

    // After two days the address is adopted; asked there, nothing redirects any more.
    hours_later(&worker, 48).await;
    hours_later(&worker, 1).await;
    assert_eq!(moved().await, ["moved"]);
}
