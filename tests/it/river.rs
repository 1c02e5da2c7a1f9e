//! From a publisher's document to the rows of an article, through the real river.

use std::time::Duration;

use axum::http::header;
use sqlx::Row as _;

use wirewatch::{
    domain::{Clock as _, FeedId, ListSelectors},
    store::{
        feed_edits::{self, FeedChange, FeedEdit},
        feed_health,
    },
};

use crate::{
    feed_server::{Document, FeedServer, rss},
    worker::{TestClock, TestWorker, beat},
};

const TWO: &[(&str, &str, &str)] = &[
    ("a", "Iran talks resume", "Envoys met."),
    ("b", "Weather today", "Sunny."),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_matches_is_an_article_and_the_rest_is_backlog() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(TWO)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    let summary = worker.pass().await;
    assert_eq!(
        (summary.polled, summary.new_entries, summary.new_articles),
        (1, 2, 1)
    );
    assert_eq!(
        worker
            .count("articles WHERE arrival = 1 AND title = 'Iran talks resume'")
            .await,
        1
    );
    assert_eq!(worker.count("sightings").await, 1);
    assert_eq!(
        worker.count("backlog WHERE title = 'Weather today'").await,
        1
    );
    assert_eq!(worker.count("ledger").await, 2);
    let hit = sqlx::query("SELECT hits, keyword_version, arrival FROM matches")
        .fetch_one(&worker.db)
        .await
        .unwrap();
    let hits: serde_json::Value = hit.get("hits");
    assert_eq!(hits[0]["text"], "Iran");
    assert_eq!(
        (&hits[0]["field"], &hits[0]["start"], &hits[0]["end"]),
        (&"title".into(), &0.into(), &4.into())
    );
    assert_eq!(hit.get::<i64, _>("arrival"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_asked_conditionally_and_304_changes_nothing() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(TWO)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    worker.clock.advance(Duration::from_hours(12));
    let again = worker.pass().await;
    assert_eq!(
        (again.polled, again.unchanged, again.new_entries),
        (1, 1, 0)
    );
    let asked = publisher.asked();
    assert_eq!(
        asked.iter().map(|asked| asked.status).collect::<Vec<_>>(),
        [200, 304]
    );
    assert!(asked[1].headers.contains_key(header::IF_NONE_MATCH));
    assert_eq!(worker.count("articles").await, 1);
    assert_eq!(worker.count("fetch_log").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gained_item_is_exactly_one_new_article() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(TWO)).without_etag());
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let mut three = vec![("c", "Iran and Oman sign", "A deal.")];
    three.extend(TWO);
    publisher.put("/feed", Document::feed(rss(&three)).without_etag());
    let summary = worker.pass_a_day_later().await;
    assert_eq!((summary.new_entries, summary.new_articles), (1, 1));
    assert_eq!(worker.count("articles").await, 2);
    assert_eq!(worker.count("matches WHERE arrival = 2").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_known_also_where_a_feed_gives_all_the_same_guid() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(TWO)).without_etag());
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    // More rows than are read for a document, those of the document behind all others.
    sqlx::raw_sql(
        "INSERT INTO ledger
         SELECT (jsonb_populate_record(NULL::ledger, to_jsonb(known) || jsonb_build_object(
                    'identity', '\\x' || md5(n::text), 'url_hash', NULL, 'identity_url_hash', NULL))).*
           FROM (SELECT * FROM ledger WHERE guid_hash IS NOT NULL LIMIT 1) AS known, generate_series(1, 20001) AS n;
         WITH moved AS (DELETE FROM ledger WHERE identity_url_hash IS NOT NULL RETURNING *)
         INSERT INTO ledger SELECT * FROM moved;
         UPDATE feeds SET body_hash = NULL",
    )
    .execute(&worker.db)
    .await
    .unwrap();
    let summary = worker.pass_a_day_later().await;
    assert_eq!(
        (summary.polled, summary.unchanged, summary.new_entries),
        (1, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_title_is_a_revision_with_new_hits_and_not_a_new_article() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(TWO)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let changed = [("a", "Talks with Iran resume", "Envoys met."), TWO[1]];
    publisher.put("/feed", Document::feed(rss(&changed)));
    let summary = worker.pass_a_day_later().await;
    assert_eq!((summary.new_entries, summary.new_articles), (0, 0));
    assert_eq!(
        worker
            .count("articles WHERE title = 'Talks with Iran resume' AND revision = 1")
            .await,
        1
    );
    assert_eq!(
        worker
            .count("revisions WHERE title = 'Iran talks resume' AND revision = 0")
            .await,
        1
    );
    assert_eq!(
        worker.count("matches WHERE hits->0->>'start' = '11'").await,
        1
    );
    assert_eq!(worker.count("matches").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_entry_that_comes_to_match_becomes_an_article() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(TWO)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let changed = [TWO[0], ("b", "Weather today in Iran", "Sunny.")];
    publisher.put("/feed", Document::feed(rss(&changed)));
    let summary = worker.pass_a_day_later().await;
    assert_eq!(summary.new_articles, 1);
    assert_eq!(worker.count("backlog").await, 0);
    assert_eq!(worker.count("articles").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_feeds_with_one_page_make_one_article_with_two_sightings() {
    let publisher = FeedServer::start().await;
    publisher.put("/one", Document::feed(rss(TWO)));
    publisher.put("/two", Document::feed(rss(TWO)));
    let feeds = [publisher.url("/one"), publisher.url("/two")];
    let worker = TestWorker::new(&feeds, &[("iran", "iran"), ("talks", "title:talks")]).await;
    worker.pass().await;
    assert_eq!(worker.count("articles").await, 1);
    assert_eq!(worker.count("sightings").await, 2);
    assert_eq!(worker.count("matches").await, 2);
    assert_eq!(worker.count("backlog").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_feed_goes_with_it() {
    const OF_FEEDS: &[&str] = &["ledger", "backlog", "fetch_log", "feed_days", "incidents"];
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(TWO)));
    let feeds = [publisher.url("/feed"), publisher.url("/missing")];
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    worker.pass().await;
    for table in OF_FEEDS {
        assert!(worker.count(table).await > 0, "{table}");
    }
    sqlx::query("DELETE FROM feeds")
        .execute(&worker.db)
        .await
        .unwrap();
    for table in OF_FEEDS {
        assert_eq!(worker.count(table).await, 0, "{table}");
    }
    assert_eq!(worker.count("articles").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_entries_of_a_first_read_are_history() {
    let publisher = FeedServer::start().await;
    let dated = |guid: &str, date: &str| {
        format!(
            "<item><guid>{guid}</guid><link>https://news.example/{guid}</link><title>Iran {guid}</title><pubDate>{date}</pubDate></item>"
        )
    };
    let body = format!(
        "<rss version=\"2.0\"><channel><title>x</title>{}{}</channel></rss>",
        dated("old", "Sat, 21 Nov 2026 10:00:00 GMT"),
        dated("fresh", "Mon, 23 Nov 2026 09:00:00 GMT")
    );
    publisher.put("/feed", Document::feed(body));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    assert_eq!(
        worker
            .count("articles WHERE is_backfill AND title = 'Iran old'")
            .await,
        1
    );
    assert_eq!(worker.count("matches WHERE is_backfill").await, 1);
    assert_eq!(
        worker
            .count("articles WHERE NOT is_backfill AND title = 'Iran fresh'")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_recorded_with_its_code_and_a_next_check_in_the_future() {
    let publisher = FeedServer::start().await;
    let page = "<!doctype html><html><head><title>Hello</title></head><body><p>Not a feed</p></body></html>";
    publisher.put("/gone", Document::feed("").with_status(410));
    publisher.put("/missing", Document::feed("nothing").with_status(404));
    publisher.put(
        "/page",
        Document::feed(page).with_header(header::CONTENT_TYPE, "text/html"),
    );
    publisher.put("/empty", Document::feed(""));
    publisher.put(
        "/limited",
        Document::feed("")
            .with_status(429)
            .with_header(header::RETRY_AFTER, "7200"),
    );
    publisher.put(
        "/loop",
        Document::feed("")
            .with_status(302)
            .with_header(header::LOCATION, "/loop"),
    );
    let inward = Document::feed("")
        .with_status(302)
        .with_header(header::LOCATION, "http://169.254.169.254/");
    publisher.put("/inward", inward);
    publisher.put(
        "/slow",
        Document::feed(rss(TWO)).delayed(Duration::from_secs(20)),
    );
    let broken = Document::feed("this is no gzip").with_header(header::CONTENT_ENCODING, "gzip");
    publisher.put("/broken", broken);
    let expected = [
        ("/gone", "http_status"),
        ("/missing", "http_status"),
        ("/page", "not_a_feed"),
        ("/empty", "empty"),
        ("/limited", "rate_limited"),
        ("/loop", "redirect_loop"),
        ("/inward", "redirect_blocked"),
        ("/slow", "timeout"),
        ("/broken", "decompress"),
    ];
    let mut feeds: Vec<String> = expected
        .iter()
        .map(|(path, _)| publisher.url(path))
        .collect();
    feeds.push("http://127.0.0.1:1/closed".into());
    feeds.push("http://10.0.0.1/private".into());
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    let summary = worker.pass().await;
    assert_eq!((summary.polled, summary.failed), (11, 11));
    let rows = sqlx::query(
        "SELECT url, last_error_code, state, next_poll_at > last_attempt_at AS later FROM feeds",
    )
    .fetch_all(&worker.db)
    .await
    .unwrap();
    let code = |path: &str| {
        let row = rows
            .iter()
            .find(|row| row.get::<String, _>("url").ends_with(path))
            .unwrap();
        assert!(
            row.get::<bool, _>("later"),
            "{path} has a next check in the future"
        );
        row.get::<Option<String>, _>("last_error_code")
            .unwrap_or_default()
    };
    for (path, expected) in expected {
        assert_eq!(code(path), expected, "{path}");
    }
    assert_eq!(code("/closed"), "connect");
    assert_eq!(code("/private"), "blocked_address");
    assert_eq!(worker.count("feeds WHERE state = 'gone'").await, 1);
    assert_eq!(worker.count("feeds WHERE next_poll_at >= last_attempt_at + interval '2 hours' AND url LIKE '%limited'").await, 1);
    let again = worker.pass().await;
    assert_eq!(again.polled, 0, "nothing is due again at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fetch_log_keeps_the_last_thirty_attempts() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(TWO)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    for _ in 0..33 {
        worker.pass_a_day_later().await;
    }
    assert_eq!(worker.count("fetch_log").await, 30);
    assert_eq!(
        worker.count("fetch_log WHERE outcome = 'unchanged'").await,
        30
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_beat_has_an_audit_row() {
    let feeds = [
        "http://127.0.0.1:1/a".to_owned(),
        "http://127.0.0.1:1/b".to_owned(),
    ];
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    assert_eq!(
        worker
            .count("audit WHERE subject_kind = 'feed' AND action = 'add'")
            .await,
        2
    );
    assert_eq!(
        worker.count("audit WHERE subject_kind = 'keyword'").await,
        1
    );
    let mut changed = beat(&feeds, &[("iran", "iran OR tehran")]);
    changed.sources[0].name = "Test Wire Service".into();
    let moved = changed.sources[0].feeds.pop().unwrap();
    changed.sources.push(wirewatch::domain::BeatSource {
        slug: "other".into(),
        feeds: vec![moved],
        ..changed.sources[0].clone()
    });
    let now = wirewatch::domain::Clock::now(worker.clock.as_ref());
    let merge = wirewatch::store::beat::Merge::Update(wirewatch::query::dependants);
    for _ in 0..2 {
        wirewatch::store::beat::import(&worker.db, &changed, merge, "editor", now, &|_| {})
            .await
            .unwrap();
    }
    assert_eq!(
        worker
            .count("audit WHERE actor = 'editor' AND action = 'change'")
            .await,
        3
    );
    assert_eq!(
        worker
            .count("keywords WHERE version = 2 AND query = 'iran OR tehran'")
            .await,
        1
    );
    assert_eq!(worker.count("keyword_versions").await, 2);
    let exported = wirewatch::store::beat::export(&worker.db)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(exported.keywords, changed.keywords);
    assert_eq!(exported.sources, changed.sources);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_moves_and_is_edited_later_stays_one_article() {
    let publisher = FeedServer::start().await;
    let item = |guid: &str, link: &str, title: &str| {
        format!(
            "<rss version=\"2.0\"><channel><title>x</title><item><guid isPermaLink=\"false\">{guid}</guid>\
             <link>https://news.example/{link}</link><title>{title}</title></item></channel></rss>"
        )
    };
    publisher.put(
        "/feed",
        Document::feed(item("g1", "first-address", "Iran talks")),
    );
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    publisher.put(
        "/feed",
        Document::feed(item("g1", "second-address", "Iran talks")),
    );
    worker.pass_a_day_later().await;
    publisher.put(
        "/feed",
        Document::feed(item("g1", "second-address", "Iran talks resume")),
    );
    worker.pass_a_day_later().await;
    assert_eq!(worker.count("articles").await, 1);
    assert_eq!(
        worker
            .count("articles WHERE title = 'Iran talks resume'")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_told_twice_in_a_document_is_stored_once_in_either_order() {
    let publisher = FeedServer::start().await;
    let tellings = [("a", "Iran talks", "one"), ("a", "Iran talks", "two")];
    publisher.put("/one", Document::feed(rss(&tellings)));
    let other = [
        ("b", "Iran visit", "two"),
        ("b", "Iran visit", "one"),
        ("b", "Iran visit", "one"),
    ];
    publisher.put("/two", Document::feed(rss(&other)));
    publisher.put(
        "/plain",
        Document::feed(rss(&[("c", "Iran elsewhere", "x")])),
    );
    let feeds = ["/one", "/two", "/plain"].map(|path| publisher.url(path));
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    let summary = worker.pass().await;
    assert_eq!(
        (summary.polled, summary.failed, summary.new_articles),
        (3, 0, 3)
    );
    assert_eq!(worker.count("ledger").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_in_a_document_cost_nothing_else() {
    let publisher = FeedServer::start().await;
    let json = r#"{"version":"https://jsonfeed.org/version/1.1","title":"A\u0000B","items":[
        {"id":"x\u0000y","url":"https://news.example/n","title":"Iran\u0000 talks","content_text":"a\u0001b"}]}"#;
    publisher.put("/json", Document::feed(json));
    let worker = TestWorker::new(&[publisher.url("/json")], &[("iran", "iran")]).await;
    let summary = worker.pass().await;
    assert_eq!((summary.failed, summary.new_articles), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_is_a_failure_of_its_feed_alone() {
    let publisher = FeedServer::start().await;
    publisher.put(
        "/refused",
        Document::feed(rss(&[("r", "Iran refused", "x")])),
    );
    publisher.put(
        "/plain",
        Document::feed(rss(&[("c", "Iran elsewhere", "x")])),
    );
    let feeds = [publisher.url("/refused"), publisher.url("/plain")];
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    sqlx::query("ALTER TABLE articles ADD CONSTRAINT no_refused CHECK (title <> 'Iran refused')")
        .execute(&worker.db)
        .await
        .unwrap();
    let summary = worker.pass().await;
    assert_eq!(
        (summary.polled, summary.failed, summary.new_articles),
        (2, 1, 1)
    );
    let failed = "feeds WHERE url LIKE '%refused' AND state = 'failing' AND next_poll_at > last_attempt_at AND lease_until IS NULL";
    assert_eq!(worker.count(failed).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_feed_is_polled_by_its_selectors() {
    let page =
        |items: &str| format!("<!DOCTYPE html><title>Releases</title><ul class=r>{items}</ul>");
    let first = "<li><a href=/1>Iran designations</a> <time datetime=2026-11-23>today</time>";
    let publisher = FeedServer::start().await;
    publisher.put("/releases", Document::feed(page(first)));
    let mut beat = beat(&[publisher.url("/releases")], &[("iran", "iran")]);
    beat.sources[0].feeds[0].list = Some(ListSelectors {
        item: "ul.r > li".to_owned(),
        ..ListSelectors::default()
    });
    let (_, db) = crate::database::fresh().await;
    let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
    assert_eq!(worker.pass().await.new_articles, 1);
    assert_eq!(
        worker
            .count("articles WHERE title = 'Iran designations' AND published_at = '2026-11-23T00:00:00Z'")
            .await,
        1
    );
    let second = format!("<li><a href=/2>Iran again</a>{first}");
    publisher.put("/releases", Document::feed(page(&second)).without_etag());
    assert_eq!(worker.pass_a_day_later().await.new_articles, 1);
    publisher.put("/releases", Document::feed("<p>rebuilt</p>").without_etag());
    let rebuilt = worker.pass_a_day_later().await;
    assert_eq!((rebuilt.failed, rebuilt.new_articles), (1, 0));
    assert_eq!(
        worker
            .count("feeds WHERE last_error_code = 'parse' AND next_poll_at IS NOT NULL")
            .await,
        1
    );
    let exported = wirewatch::store::beat::export(&worker.db)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        exported.sources[0].feeds[0].list,
        beat.sources[0].feeds[0].list
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_selectors_are_read_with_at_once_though_the_page_has_not_changed() {
    let publisher = FeedServer::start().await;
    let page = "<!DOCTYPE html><title>Releases</title><ul><li class=a><a href=/1>Iran, old</a>\
                <li class=b><a href=/2>Iran, new</a></ul>";
    publisher.put("/releases", Document::feed(page));
    let mut beat = beat(&[publisher.url("/releases")], &[("iran", "iran")]);
    let by = |item: &str| ListSelectors {
        item: item.to_owned(),
        ..ListSelectors::default()
    };
    beat.sources[0].feeds[0].list = Some(by("li.a"));
    let (_, db) = crate::database::fresh().await;
    let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
    assert_eq!(worker.pass().await.new_articles, 1);
    let change = async |item: &str| {
        let feed = feed_edits::feeds(&worker.db, None).await.unwrap().remove(0);
        let edit = FeedEdit {
            title: None,
            language: None,
            category: "",
            note: "",
            source: feed.source_id,
            list: Some(&by(item)),
        };
        let now = worker.clock.now();
        feed_edits::change(&worker.db, feed.id, edit, feed.edit(), "test", now)
            .await
            .unwrap()
    };
    assert_eq!(change("li.a").await, FeedChange::Done);
    assert_eq!(worker.pass().await.polled, 0, "the same are no others");
    assert_eq!(change("li.b").await, FeedChange::Done);
    let pass = worker.pass().await;
    assert_eq!((pass.polled, pass.new_articles), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_is_asked_for_while_one_runs_follows_it() {
    let publisher = FeedServer::start().await;
    let slow = Document::feed(rss(&[("a", "Iran", "x")])).delayed(Duration::from_millis(500));
    publisher.put("/feed", slow);
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    let asking = async {
        // A claim alone has no beginning yet that the wish could come after.
        while publisher.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        worker.clock.advance(Duration::from_secs(1));
        let now = worker.clock.now();
        feed_health::ask_poll_soon(&worker.db, FeedId::new(1), now)
            .await
            .unwrap();
    };
    let (pass, ()) = tokio::join!(worker.pass(), asking);
    assert_eq!(pass.polled, 1, "the wish does not end the poll that runs");
    assert_eq!(worker.pass().await.polled, 1, "and is not forgotten");
    assert_eq!(worker.pass().await.polled, 0);
}
