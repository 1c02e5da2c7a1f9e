//! What feed readers and spreadsheets get.

use std::collections::HashSet;

use reqwest::Method;
use wirewatch::{domain::Role, web::WebOptions};

use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{Answer, Site, ask},
    web::between,
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
        let name = table.header("content-disposition");
        assert!(name.ends_with(".csv\"") && !name.contains("part"), "{name}");
        assert_eq!(table.header("link"), "", "that is all");
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

/// What an output of many holds, and what follows it as its header says, to the last.
async fn to_the_end(site: &Site, path: &str) -> Vec<Answer> {
    let mut parts = vec![site.get(path).await];
    while let Some(link) = parts.last().map(|part| part.header("link").to_owned())
        && !link.is_empty()
    {
        let next = between(&link, "/out/", ">; rel=\"next\"")[0].to_owned();
        parts.push(site.get(&format!("/out/{next}")).await);
        assert!(parts.len() < 20, "{path}: {next}");
    }
    parts
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_hold_everything_says_where_it_goes_on_and_nothing_is_left_out() {
    const ARTICLES: usize = 1_100;
    let publisher = FeedServer::start().await;
    let titles: Vec<(String, String)> = (0..ARTICLES)
        .map(|at| (format!("g{at}"), format!("Iran, report {at}")))
        .collect();
    let items: Vec<(&str, &str, &str)> = titles
        .iter()
        .map(|(guid, title)| (guid.as_str(), title.as_str(), "x"))
        .collect();
    publisher.put("/feed", Document::feed(rss(&items)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    worker.place_and_list().await;
    // Half of it news, the other half history.
    sqlx::query("UPDATE matches SET is_backfill = article_id % 2 = 0")
        .execute(&worker.db)
        .await
        .unwrap();
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    for (path, parts, is_feed) in [
        ("/out/iran.csv", 2, false),
        ("/out/search/table.csv?q=iran&tier=wire", 11, false),
        ("/out/iran.atom", 11, true),
        ("/out/search/feed.json?q=iran", 11, true),
    ] {
        let answers = to_the_end(&site, path).await;
        assert_eq!(answers.len(), parts, "{path}: none is empty");
        let mut met = Vec::new();
        for answer in &answers {
            if is_feed {
                let feed = read(answer);
                met.extend(feed.entries.into_iter().map(|entry| entry.id));
                let told = ["rel=\"next\"", "\"next_url\":"];
                let goes_on = told.iter().any(|told| answer.body.contains(told));
                assert_eq!(goes_on, !answer.header("link").is_empty(), "{path}");
            } else {
                let name = answer.header("content-disposition");
                assert!(name.ends_with("-part.csv\""), "{path}: {name}");
                let rows = answer.body.split("\r\n").skip(1);
                let ids = rows.filter_map(|row| row.split_once(','));
                met.extend(ids.map(|(id, _)| id.to_owned()));
            }
        }
        let distinct: HashSet<&String> = met.iter().collect();
        assert_eq!((met.len(), distinct.len()), (ARTICLES, ARTICLES), "{path}");
    }
    let ids: Vec<String> = to_the_end(&site, "/out/iran.atom")
        .await
        .iter()
        .map(|answer| read(answer).id)
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "one feed in parts");
    assert_eq!(site.get("/out/iran.csv?before=news.1").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_a_search_are_those_of_the_page_that_it_was_opened_from() {
    let publisher = FeedServer::start().await;
    let items = rss(&[("a", "Iran", "x")]);
    let dated = "<pubDate>Sun, 22 Nov 2026 20:00:00 GMT</pubDate><description>";
    let items = items.replace("<description>", dated);
    publisher.put("/feed", Document::feed(items));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    worker.place_and_list().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let cookie = site.reader_in("Asia/Seoul").await;
    // The evening of the 22nd in UTC is the morning of the 23rd in Seoul.
    let page = site.bare_request(Method::GET, "/search?q=iran&from=2026-11-23&to=2026-11-23");
    let page = ask(page.header("cookie", &cookie)).await.body;
    let key = site.output_key(Role::Viewer).await;
    for file in ["feed.atom", "feed.json", "table.csv"] {
        let query = between(&page, &format!("/out/search/{file}"), "\"")[0].replace("&#38;", "&");
        assert!(query.contains("zone=Asia%2FSeoul"), "{query}");
        let address = format!("/out/search/{file}{query}&token={key}");
        let found = ask(site.bare_request(Method::GET, &address)).await;
        assert_eq!(found.status, 200, "{address}");
        assert!(
            found.body.contains("https://news.example/a"),
            "{}",
            found.body
        );
        let in_utc = address.replace("&zone=Asia%2FSeoul", "");
        let nothing = ask(site.bare_request(Method::GET, &in_utc)).await;
        assert!(!nothing.body.contains("https://news.example/a"), "{file}");
        let nowhere = address.replace("Seoul", "Nowhere");
        let refused = ask(site.bare_request(Method::GET, &nowhere)).await;
        assert_eq!(refused.status, 400, "{nowhere}");
    }
    let page = site.bare_request(Method::GET, "/search?q=iran");
    let page = ask(page.header("cookie", &cookie)).await.body;
    let query = between(&page, "/out/search/table.csv", "\"")[0];
    assert!(
        query.contains("q=iran") && !query.contains("zone="),
        "without days there is nothing to say: {query}"
    );
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
