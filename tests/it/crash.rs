//! A worker that is killed in the middle of anything leaves nothing twice and nothing out.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{
    binary::{any_below, beat_file, end, finish, wirewatch},
    database,
    feed_server::{Document, FeedServer, rss},
    worker::{beat, count},
};

const FEEDS: usize = 40;
const ITEMS: usize = 12;
const KILLS: usize = 12;

/// Every feed has its own items and shares one page with its neighbour.
fn document(feed: usize) -> String {
    let texts: Vec<(String, String)> = (0..ITEMS)
        .map(|item| {
            let page = if item == 0 {
                format!("shared-{}", feed / 2)
            } else {
                format!("{feed}-{item}")
            };
            (page.clone(), format!("Iran report {page}"))
        })
        .collect();
    let items: Vec<(&str, &str, &str)> = texts
        .iter()
        .map(|(guid, title)| (&**guid, &**title, "text"))
        .collect();
    rss(&items)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_and_started_again_every_article_is_stored_once() {
    let publisher = FeedServer::start().await;
    let paths: Vec<String> = (0..FEEDS).map(|feed| format!("/{feed}")).collect();
    for (feed, path) in paths.iter().enumerate() {
        let delay = Duration::from_millis(any_below(20));
        publisher.put(path, Document::feed(document(feed)).delayed(delay));
    }
    let feeds: Vec<String> = paths.iter().map(|path| publisher.url(path)).collect();
    let folder = tempfile::tempdir().unwrap();
    let beat = beat_file(
        folder.path(),
        &beat(&feeds, &[("iran", "iran"), ("report", "report")]),
    );
    let fetch = |url: &str| {
        let mut command = wirewatch(&["fetch", "--once", "--json"]);
        command
            .env("DATABASE_URL", url)
            .env("WIREWATCH_BEAT__FILE", &beat)
            .env("WIREWATCH_POLL__CONCURRENCY", "4");
        command
    };

    let (undisturbed, _) = database::fresh().await;
    let begun = Instant::now();
    assert!(finish(fetch(&undisturbed)).await.status.success());
    let whole = u64::try_from(begun.elapsed().as_millis()).unwrap();

    let (url, db) = database::fresh().await;
    for _ in 0..KILLS {
        let mut child = fetch(&url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(any_below(whole))).await;
        child.kill().unwrap();
        end(child).await;
        sqlx::query("UPDATE feeds SET next_poll_at = now() WHERE random() < 0.3")
            .execute(&db)
            .await
            .unwrap();
    }
    let last = finish(fetch(&url)).await;
    assert!(
        last.status.success(),
        "{}",
        String::from_utf8_lossy(&last.stderr)
    );

    let expected = i64::try_from(FEEDS * (ITEMS - 1) + FEEDS / 2).unwrap();
    assert_eq!(count(&db, "articles").await, expected);
    assert_eq!(
        count(
            &db,
            "articles WHERE title = 'Iran report ' || substring(url from '[^/]*$')"
        )
        .await,
        expected
    );
    assert_eq!(
        count(&db, "(SELECT DISTINCT url FROM articles) AS urls").await,
        expected
    );
    assert_eq!(count(&db, "matches").await, expected * 2);
    assert_eq!(
        count(&db, "sightings").await,
        i64::try_from(FEEDS * ITEMS).unwrap()
    );
    assert_eq!(count(&db, "articles WHERE arrival IS NULL").await, 0);
    assert_eq!(count(&db, "feeds WHERE last_success_at IS NULL").await, 0);
}
