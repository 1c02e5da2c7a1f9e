//! Several workers on one database share the feeds: each is asked once in its interval, and hosts are spared.

use std::{collections::HashMap, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use wirewatch::{
    app::SystemClock,
    domain::Clock as _,
    store::{self, beat::Merge, workers::Kind},
};

use crate::{
    binary::{beat_file, end, finish, wirewatch},
    database,
    feed_server::{Document, FeedServer, rss},
    worker::{TestClock, TestWorker, beat, count},
};

const FEEDS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn two_worker_processes_ask_each_feed_once_in_its_interval() {
    let publisher = FeedServer::start().await;
    let paths: Vec<String> = (0..FEEDS).map(|feed| format!("/{feed}")).collect();
    for path in &paths {
        let document = rss(&[("a", "Iran", "x")]);
        publisher.put(
            path,
            Document::feed(document).delayed(Duration::from_millis(400)),
        );
    }
    let feeds: Vec<String> = paths.iter().map(|path| publisher.url(path)).collect();
    let folder = tempfile::tempdir().unwrap();
    let read = beat(&feeds, &[("iran", "iran")]);
    let beat = beat_file(folder.path(), &read);
    let (url, db) = database::fresh().await;
    let seeded = store::beat::import(
        &db,
        &read,
        Merge::IfEmpty,
        "test",
        SystemClock.now(),
        &|_| {},
    );
    seeded.await.unwrap();
    // Nothing is due before both are there: on a busy machine one could be through before the other begins.
    sqlx::query("UPDATE feeds SET next_poll_at = now() + interval '1 day'")
        .execute(&db)
        .await
        .unwrap();
    let worker = || {
        wirewatch(&["serve", "--role", "worker"])
            .env("DATABASE_URL", &url)
            .env("WIREWATCH_BEAT__FILE", &beat)
            .env("WIREWATCH_POLL__CONCURRENCY", "4")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let workers = [worker(), worker()];
    while store::workers::living(&db).await.unwrap()[0] != (Kind::Worker, 2) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sqlx::query("UPDATE feeds SET next_poll_at = now()")
        .execute(&db)
        .await
        .unwrap();
    while count(&db, "feeds WHERE last_success_at IS NOT NULL").await
        < i64::try_from(FEEDS).unwrap()
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for worker in workers {
        kill(
            Pid::from_raw(i32::try_from(worker.id()).unwrap()),
            Signal::SIGTERM,
        )
        .unwrap();
        assert!(end(worker).await.success(), "a worker stops in good order");
    }
    let mut times: HashMap<String, usize> = HashMap::new();
    for asked in publisher.asked() {
        *times.entry(asked.path).or_default() += 1;
    }
    assert_eq!(times.len(), FEEDS);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert_eq!(
        count(&db, "feeds WHERE lease_until IS NOT NULL").await,
        0,
        "no lease is left behind"
    );
    let holders = "(SELECT DISTINCT lease_holder FROM feeds) AS holders";
    assert_eq!(count(&db, holders).await, 2, "both had a share");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_held_is_free_at_once_and_what_a_living_one_holds_is_not() {
    let feeds = ["http://127.0.0.1:1/a".to_owned()];
    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let first = TestWorker::on(
        db.clone(),
        &beat(&feeds, &[("iran", "iran")]),
        clock.clone(),
    )
    .await;
    let now = wirewatch::domain::Clock::now(clock.as_ref());
    let claim = |holder| store::feeds::ClaimOptions {
        holder,
        limit: 10,
        per_host: 10,
        lease: Duration::from_mins(5),
        due_by: now,
        only: &[],
        frees_dead: true,
        host_gap: Duration::ZERO,
        needs_gap: &|_| true,
    };
    let dead = store::workers::Worker::register(&db, Kind::Worker)
        .await
        .unwrap();
    let living = store::workers::Worker::register(&db, Kind::Worker)
        .await
        .unwrap();
    let held = store::feeds::claim_due(&db, now, claim(dead.number()))
        .await
        .unwrap();
    assert_eq!(held.len(), 1);
    let refused = store::feeds::claim_due(&db, now, claim(living.number()))
        .await
        .unwrap();
    assert!(
        refused.is_empty(),
        "a feed under a living claim is not claimed again"
    );
    drop(dead);
    let mut taken = Vec::new();
    while taken.is_empty() {
        taken = store::feeds::claim_due(&db, now, claim(living.number()))
            .await
            .unwrap();
    }
    assert!(taken[0].lease_token > held[0].lease_token);

    // One that lost its connection alone goes on with what it held.
    let lost = living.number();
    sqlx::query(
        "SELECT pg_terminate_backend(pid)
           FROM pg_locks
          WHERE locktype = 'advisory' AND objid = $1
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .bind(sqlx::postgres::types::Oid(lost.unsigned_abs()))
    .execute(&db)
    .await
    .unwrap();
    living.keep_alive().await.unwrap();
    assert_ne!(living.number(), lost);
    let other = store::workers::Worker::register(&db, Kind::Worker)
        .await
        .unwrap();
    let refused = store::feeds::claim_due(&db, now, claim(other.number()))
        .await
        .unwrap();
    assert!(refused.is_empty(), "it is still held");
    drop(first);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_per_host_comes_before_the_limit_of_the_batch() {
    let mut feeds: Vec<String> = (0..20).map(|n| format!("http://127.0.0.1:1/{n}")).collect();
    feeds.push("http://127.0.0.2:1/other".into());
    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let _worker = TestWorker::on(
        db.clone(),
        &beat(&feeds, &[("iran", "iran")]),
        clock.clone(),
    )
    .await;
    let holder = store::workers::Worker::register(&db, Kind::Worker)
        .await
        .unwrap();
    let now = wirewatch::domain::Clock::now(clock.as_ref());
    let options = store::feeds::ClaimOptions {
        holder: holder.number(),
        limit: 5,
        per_host: 2,
        lease: Duration::from_mins(5),
        due_by: now,
        only: &[],
        frees_dead: true,
        host_gap: Duration::ZERO,
        needs_gap: &|_| true,
    };
    let claimed = store::feeds::claim_due(&db, now, options).await.unwrap();
    let hosts: Vec<&str> = claimed.iter().map(|feed| feed.url.host()).collect();
    assert_eq!(hosts.iter().filter(|host| **host == "127.0.0.1").count(), 2);
    assert_eq!(hosts.iter().filter(|host| **host == "127.0.0.2").count(), 1);
    let more = store::feeds::claim_due(&db, now, options).await.unwrap();
    assert!(
        more.is_empty(),
        "both hosts are at their limit or have nothing left"
    );
    let pause =
        "UPDATE feeds SET state = 'paused', next_poll_at = NULL WHERE lease_until IS NOT NULL";
    sqlx::query(pause).execute(&db).await.unwrap();
    let more = store::feeds::claim_due(&db, now, options).await.unwrap();
    assert!(
        more.is_empty(),
        "what is paused while it is polled still counts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_with_named_feeds_polls_these_and_no_others() {
    let publisher = FeedServer::start().await;
    for path in ["/named", "/other"] {
        publisher.put(path, Document::feed(rss(&[("a", "Iran", "x")])));
    }
    let (named, other) = (publisher.url("/named"), publisher.url("/other"));
    let folder = tempfile::tempdir().unwrap();
    let beat = beat_file(
        folder.path(),
        &beat(&[named.clone(), other], &[("iran", "iran")]),
    );
    let (url, db) = database::fresh().await;
    let fetch = |feed: &str| {
        let mut command = wirewatch(&["fetch", "--json", "--feed", feed]);
        command
            .env("DATABASE_URL", &url)
            .env("WIREWATCH_BEAT__FILE", &beat);
        command
    };
    let unknown = finish(fetch("https://unknown.example/feed")).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(publisher.asked().is_empty());
    for _ in 0..2 {
        assert!(finish(fetch(&named)).await.status.success());
    }
    let asked: Vec<String> = publisher
        .asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert_eq!(asked, ["/named", "/named"]);
    assert_eq!(
        count(&db, "leases").await,
        0,
        "whoever comes next waits for nothing"
    );
    assert_eq!(count(&db, "feeds WHERE state = 'waiting'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_release_leaves_the_search_index_alone_and_what_it_changes_is_listed_anew() {
    let publisher = FeedServer::start().await;
    let items = [("g1", "Iran one", "text"), ("g2", "Iran two", "text")];
    publisher.put("/feed", Document::feed(rss(&items)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    assert_eq!(worker.place_and_list().await, 2);

    // A release that knows of no index changes a text, and counts something on another.
    let execute = async |statement| {
        let done = sqlx::raw_sql(statement).execute(&worker.db).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
    };
    execute("UPDATE articles SET title = 'Iran, changed', revision = revision + 1 WHERE id = 1")
        .await;
    execute("UPDATE articles SET title = title WHERE id = 2").await;
    let stale = "article_tokens WHERE tokens IS NULL";
    assert_eq!(worker.count(stale).await, 1);

    // A later release has begun the index anew: this one lists nothing and empties nothing.
    execute("UPDATE search_index SET version = 99").await;
    assert_eq!(worker.place_and_list().await, 0);
    store::article_tokens::begin(&worker.db, 1).await.unwrap();
    let is_listed = store::article_tokens::list(&worker.db, 1, &[], 7).await;
    assert!(!is_listed.unwrap());
    assert_eq!(worker.count("article_tokens").await, 2);
    assert_eq!(worker.count("search_index WHERE version = 99").await, 1);

    sqlx::query("UPDATE search_index SET version = $1")
        .bind(wirewatch::query::TOKENS_VERSION)
        .execute(&worker.db)
        .await
        .unwrap();
    assert_eq!(worker.place_and_list().await, 1);
    assert_eq!(worker.count(stale).await, 0);
}
