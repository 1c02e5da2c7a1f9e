//! What a newer beat file brings to feeds that live here.

use wirewatch::{
    domain::{Clock as _, ListSelectors},
    query,
    store::beat::{self, Imported, Merge},
};

use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    worker::{TestClock, TestWorker, beat},
};

async fn import(worker: &TestWorker, file: &wirewatch::domain::Beat, merge: Merge) -> Imported {
    let now = worker.clock.now();
    beat::import(&worker.db, file, merge, "beat import", now, &|_| {})
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_other_selectors_has_the_page_read_anew_and_one_without_leaves_them() {
    let publisher = FeedServer::start().await;
    let page = "<!DOCTYPE html><title>Releases</title><ul><li class=a><a href=/1>Iran, old</a>\
                <li class=b><a href=/2>Iran, new</a></ul>";
    publisher.put("/releases", Document::feed(page));
    let mut file = beat(&[publisher.url("/releases")], &[("iran", "iran")]);
    let by = |item: &str| {
        Some(ListSelectors {
            item: item.to_owned(),
            ..ListSelectors::default()
        })
    };
    file.sources[0].feeds[0].list = by("li.a");
    let (_, db) = database::fresh().await;
    let worker = TestWorker::on(db, &file, TestClock::at("2026-11-23T10:00:00Z")).await;
    assert_eq!(worker.pass().await.new_articles, 1);

    file.sources[0].feeds[0].list = None;
    file.sources[0].feeds[0].note = "as in a list of feeds".to_owned();
    import(&worker, &file, Merge::Update(query::dependants)).await;
    let lists = "feeds WHERE kind = 'list' AND selectors ->> 'item' = 'li.a'";
    assert_eq!(worker.count(lists).await, 1);
    assert_eq!(worker.pass().await.polled, 0, "nothing else is to be read");

    file.sources[0].feeds[0].list = by("li.b");
    let told = import(&worker, &file, Merge::Update(query::dependants)).await;
    assert_eq!(told.changed.get("feed"), Some(&1));
    let pass = worker.pass().await;
    assert_eq!((pass.polled, pass.new_articles), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_a_feed_gave_itself_is_no_edit_of_the_desks() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let mut file = beat(&[publisher.url("/feed")], &[("iran", "iran")]);
    let (_, db) = database::fresh().await;
    let worker = TestWorker::on(db, &file, TestClock::at("2026-11-23T10:00:00Z")).await;
    worker.pass().await;
    assert_eq!(worker.count("feeds WHERE title IS NOT NULL").await, 1);
    file.sources[0].feeds[0].category = "wires".to_owned();
    let told = import(&worker, &file, Merge::Update(query::dependants)).await;
    assert_eq!(told.changed.get("feed"), Some(&1));

    file.sources[0].feeds[0].category = "agencies".to_owned();
    let told = import(&worker, &file, Merge::Shipped(query::dependants)).await;
    assert_eq!(told.conflicts.get("feed"), None, "{told:?}");
    let filed = "feeds WHERE category = 'agencies' AND title IS NOT NULL";
    assert_eq!(worker.count(filed).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_moved_is_not_added_again_at_its_old_address() {
    let publisher = FeedServer::start().await;
    publisher.put("/new", Document::feed(rss(&[("a", "Iran", "x")])));
    publisher.put("/old", Document::redirect(301, "/new"));
    let file = beat(&[publisher.url("/old")], &[("iran", "iran")]);
    let (_, db) = database::fresh().await;
    let worker = TestWorker::on(db, &file, TestClock::at("2026-11-23T10:00:00Z")).await;
    worker.pass().await;
    for _ in 0..3 {
        worker.pass_a_day_later().await;
    }
    assert_eq!(worker.count("feeds WHERE url LIKE '%/new'").await, 1);
    for merge in [
        Merge::Update(query::dependants),
        Merge::Shipped(query::dependants),
        Merge::Add,
    ] {
        let told = import(&worker, &file, merge).await;
        assert_eq!(told.added.get("feed"), None, "{told:?}");
    }
    assert_eq!(worker.count("feeds").await, 1);
}
