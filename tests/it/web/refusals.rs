//! What is not answered, and what every answer carries.

use std::{str::FromStr as _, time::Duration};

use reqwest::{Method, header::ORIGIN};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use wirewatch::web::ROUTES;

use super::between;
use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    site::{Site, ask},
    worker::{TestClock, TestWorker},
};

async fn stocked() -> (TestWorker, Site) {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    (worker, site)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let (_worker, site) = stocked().await;
    let board = site.get("/").await.body;
    let asset = format!("/static/{}", between(&board, "/static/", "\"")[0]);
    let mut paths = vec![asset, "/nowhere".to_owned(), "/api/v1/nowhere".to_owned()];
    paths.extend(ROUTES.iter().map(|route| {
        route
            .path
            .replace("{id}", "1")
            .replace("{slug}", "iran")
            .replace("{token}", "none")
            .replace("{hash}/{name}", "0/none")
    }));
    assert!(paths.len() > 20, "the router's table was read: {paths:?}");
    let mut statuses = std::collections::BTreeSet::new();
    for path in paths {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            // The body of the live stream has no end, so the headers alone are looked at.
            let answer = site.request(method.clone(), &path).send().await.unwrap();
            statuses.insert(answer.status().as_u16());
            let header = |name: &str| {
                answer
                    .headers()
                    .get(name)
                    .unwrap_or_else(|| panic!("{method} {path} lacks {name}"))
                    .to_str()
                    .unwrap()
            };
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header("x-frame-options"), "DENY");
            assert_eq!(header("cross-origin-opener-policy"), "same-origin");
            assert!(["no-referrer", "same-origin"].contains(&header("referrer-policy")));
            assert!(header("permissions-policy").contains("camera=()"));
            assert!(!header("cache-control").is_empty());
        }
    }
    let met: Vec<u16> = statuses.into_iter().collect();
    for status in [200, 202, 303, 400, 404, 405] {
        assert!(met.contains(&status), "{status} was met: {met:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_not_there_say_where_to_go() {
    let (_worker, site) = stocked().await;
    for (path, says) in [
        ("/nowhere", "There is nothing at this address."),
        ("/keywords/other", "There is no such keyword."),
        ("/articles/999", "There is no such article."),
        ("/articles/x", "There is no such page."),
        ("/feeds/999", "There is no such feed."),
        ("/feeds/99999999999999999999", "There is no such page."),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains(says), "{path}: {}", answer.body);
        for way in ["href=\"/\">the board", "href=\"/feeds\">the feeds"] {
            assert!(answer.body.contains(way), "{path}: {}", answer.body);
        }
    }
    let answer = site.get("/keywords/iran?before=yesterday").await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("“before” is not a position"),
        "{}",
        answer.body
    );
    let answer = site.post("/feeds").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET,HEAD"));
    assert!(
        answer
            .body
            .contains("does not answer to this kind of request")
    );
    assert!(answer.body.contains("href=\"/\">the board"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_cannot_post() {
    let (worker, site) = stocked().await;
    for path in ["/feeds/1/poll", "/api/v1/feeds/1/poll"] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://news.example"),
            ("origin", "null"),
        ] {
            let answer = ask(site.request(Method::POST, path).header(name, value)).await;
            assert_eq!(answer.status, 403, "{path} {name}: {value}");
            assert!(answer.body.contains("another site"), "{}", answer.body);
        }
    }
    assert_eq!(worker.pass().await.polled, 0, "nothing was made due");
    let own = site.url("").trim_end_matches('/').to_owned();
    let request = site
        .request(Method::POST, "/feeds/1/poll")
        .header(ORIGIN, own);
    assert_eq!(ask(request).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_process_lives_and_is_not_ready() {
    let nowhere = PgPoolOptions::new()
        .acquire_timeout(Duration::from_secs(1))
        .connect_lazy("postgres://nobody@127.0.0.1:1/nothing")
        .unwrap();
    let site = Site::start(&nowhere, TestClock::at("2026-11-23T10:00:00Z")).await;
    assert_eq!(site.get("/livez").await.status, 200);
    for path in ["/readyz", "/", "/events", "/api/v1/feeds"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.body);
        assert!(!answer.header("retry-after").is_empty(), "{path}");
        assert!(
            answer.body.contains("The database does not answer"),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains("127.0.0.1:1"), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_ends_with_the_schema_and_with_the_database() {
    let (url, db) = database::fresh().await;
    let site = Site::start(&db, TestClock::at("2026-11-23T10:00:00Z")).await;
    assert_eq!(site.get("/readyz").await.status, 200);

    // Nobody has placed for hours: that is no matter of the pages, which serve what is there.
    sqlx::query("INSERT INTO leases (name, holder, until) VALUES ('place', 1, '2026-11-23 07:00')")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(site.get("/readyz").await.status, 200);

    // A newer wirewatch took away what this one needs, under its feet.
    sqlx::query("UPDATE schema_floor SET step = 99990101000000, release = '9.0'")
        .execute(&db)
        .await
        .unwrap();
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("newer wirewatch"), "{}", answer.body);
    sqlx::query("UPDATE schema_floor SET step = 1")
        .execute(&db)
        .await
        .unwrap();

    sqlx::query("DELETE FROM _sqlx_migrations")
        .execute(&db)
        .await
        .unwrap();
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("lacks migrations"), "{}", answer.body);

    let options = PgConnectOptions::from_str(&url).unwrap();
    database::drop_database(options.get_database().unwrap()).await;
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(site.get("/livez").await.status, 200);
}
