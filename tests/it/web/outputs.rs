//! What feed readers and spreadsheets get.

use reqwest::Method;
use wirewatch::{domain::Role, web::WebOptions};

use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{Answer, Site, ask},
    worker::TestWorker,
};

const TITLE: &str = "=HYPERLINK(\"http://evil.example\";\"Iran\") <b>& ]]> \u{1f600}";

async fn stocked() -> (TestWorker, Site) {
    let publisher = FeedServer::start().await;
    let escaped = TITLE
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let items = [
        ("a", escaped.as_str(), "a summary"),
        ("b", "Iran: a second report", "another, \"quoted\""),
        ("c", "Nothing of that", "x"),
    ];
    publisher.put("/feed", Document::feed(rss(&items)));
    let keywords = [("iran", "iran"), ("link", "evil.example OR hyperlink")];
    let worker = TestWorker::new(&[publisher.url("/feed")], &keywords).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    (worker, site)
}

fn read(answer: &Answer) -> feed_rs::model::Feed {
    feed_rs::parser::parse(answer.body.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_reader_reads_every_feed_and_finds_what_was_published() {
    let (_worker, site) = stocked().await;
    for path in [
        "/out/iran.atom",
        "/out/iran.json",
        "/out/search/feed.atom?q=iran",
        "/out/search/feed.json?q=iran",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let feed = read(&answer);
        assert_eq!(feed.entries.len(), 2, "{path}");
        for entry in &feed.entries {
            assert!(entry.id.starts_with("urn:uuid:"), "{path}");
            assert!(entry.links[0].href.starts_with("https://news.example/"));
            assert!(entry.updated.is_some() && entry.published.is_some());
        }
        let titles: Vec<&str> = feed
            .entries
            .iter()
            .map(|entry| entry.title.as_ref().unwrap().content.as_str())
            .collect();
        assert!(
            titles
                .iter()
                .any(|title| title.contains("HYPERLINK") && title.contains('\u{1f600}')),
            "{path}: {titles:?}"
        );
        let again = site.request(Method::GET, path);
        let again = ask(again.header("if-none-match", answer.header("etag"))).await;
        assert_eq!(again.status, 304, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_not_new_again_at_another_address() {
    let (worker, site) = stocked().await;
    let options = WebOptions {
        public_url: "https://desk.example".to_owned(),
        ..WebOptions::default()
    };
    let moved = Site::with(&worker.db, worker.clock.clone(), options).await;
    let key = moved.output_key(Role::Viewer).await;
    for path in [
        "/out/iran.atom",
        "/out/iran.json",
        "/out/search/feed.atom?q=iran",
    ] {
        let ids = |answer: &Answer| -> Vec<String> {
            let feed = read(answer);
            let ids = feed.entries.iter().map(|entry| entry.id.clone());
            // A JSON Feed has none of its own but its address.
            let own = (!path.contains("json")).then(|| feed.id.clone());
            ids.chain(own).collect()
        };
        let mark = if path.contains('?') { '&' } else { '?' };
        let there = moved.bare_request(Method::GET, &format!("{path}{mark}token={key}"));
        let (here, there) = (site.get(path).await, ask(there).await);
        assert_eq!((here.status, there.status), (200, 200), "{path}");
        assert_ne!(here.body, there.body, "the links differ");
        assert_eq!(ids(&here), ids(&there), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_with_an_early_date_stands_first() {
    let (worker, site) = stocked().await;
    // As a ministry does that gives a day and no hour.
    sqlx::query(
        "UPDATE matches SET sort_at = sort_at - interval '18 hours', is_backfill = false
          WHERE arrival = (SELECT max(arrival) FROM matches)",
    )
    .execute(&worker.db)
    .await
    .unwrap();
    let last: String = sqlx::query_scalar(
        "SELECT a.title FROM matches m JOIN articles a ON a.id = m.article_id
          WHERE m.arrival = (SELECT max(arrival) FROM matches) LIMIT 1",
    )
    .fetch_one(&worker.db)
    .await
    .unwrap();
    let feed = read(&site.get("/out/iran.atom").await);
    let first = feed.entries[0].title.as_ref().unwrap();
    assert_eq!(first.content, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cell_of_a_table_is_a_formula() {
    let (_worker, site) = stocked().await;
    for path in ["/out/iran.csv", "/out/search/table.csv?q=iran"] {
        let table = site.get(path).await;
        assert_eq!(
            table.header("content-type"),
            "text/csv; charset=utf-8; header=present"
        );
        assert!(table.header("content-disposition").ends_with(".csv\""));
        let rows: Vec<&str> = table
            .body
            .trim_start_matches('\u{feff}')
            .split("\r\n")
            .collect();
        // The names, two articles, and the end.
        assert_eq!(rows.len(), 4, "{path}: {rows:?}");
        let row = rows.iter().find(|row| row.contains("HYPERLINK")).unwrap();
        assert!(
            row.contains("\"'=HYPERLINK(\"\"http://evil.example\"\";\"\"Iran\"\")"),
            "{row}"
        );
        for row in rows {
            for cell in row.split([',', ';', '\t']) {
                let cell = cell.trim_start_matches(['"', ' ']);
                assert!(!cell.starts_with(['=', '+', '-', '@']), "{path}: {cell}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_address_works_until_it_is_revoked() {
    let (worker, _) = stocked().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let key = site.output_key(Role::Viewer).await;
    let get = async |path: &str| ask(site.bare_request(Method::GET, path)).await;
    assert_eq!(get("/out/iran.atom").await.status, 401);
    assert_eq!(get("/out/iran.atom?token=none").await.status, 401);
    let answer = get(&format!("/out/iran.atom?token={key}")).await;
    assert_eq!(answer.status, 200);
    assert!(
        !answer.body.contains(&key),
        "no copy of the feed gives the key away"
    );
    let of_more = site.token_of(Role::Admin).await.unwrap();
    let in_address = get(&format!("/out/iran.atom?token={of_more}")).await;
    assert_eq!(in_address.status, 403, "a key that opens more");
    let in_header = site.bare_request(Method::GET, "/out/iran.atom");
    assert_eq!(ask(in_header.bearer_auth(of_more)).await.status, 200);
    sqlx::query("DELETE FROM api_tokens")
        .execute(&worker.db)
        .await
        .unwrap();
    assert_eq!(
        get(&format!("/out/iran.atom?token={key}")).await.status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let (_worker, site) = stocked().await;
    for path in [
        "/out/none.atom",
        "/out/iran.xml",
        "/out/iran",
        "/out/search/other.atom?q=x",
    ] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    for path in [
        "/out/search/feed.atom",
        "/out/search/feed.atom?q=(",
        "/out/search/feed.atom?q=x&in=backlog",
    ] {
        assert_eq!(site.get(path).await.status, 400, "{path}");
    }
}
