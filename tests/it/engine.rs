//! The engine in use: rebuilt beside the polls when the beat changes, swapped without a pause.

use std::{process::Stdio, sync::Arc, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use wirewatch::{
    domain::{Subject, Timestamp},
    jobs::engine::{Compiled, LiveEngine},
    query::Scratch,
    store::{
        PgPool,
        beat::{Merge, import},
    },
};

use crate::{
    binary::{beat_file, end, wirewatch},
    database,
    feed_server::{Document, FeedServer, rss},
    worker::{beat, count},
};

/// Saves keywords as an admin would.
async fn save(db: &PgPool, feeds: &[String], keywords: &[(&str, &str)]) {
    let beat = beat(feeds, keywords);
    let now = Timestamp::from_micros(0);
    import(db, &beat, Merge::Update, "test", now, &|_| {})
        .await
        .unwrap();
}

fn matched(compiled: &Compiled, title: &str) -> Vec<i64> {
    let subject = Subject {
        title,
        ..Subject::default()
    };
    let matches = compiled.engine.matches(&subject, &mut Scratch::default());
    let ids = matches.iter().map(|found| found.keyword_id.get());
    ids.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_judges_while_the_engine_is_rebuilt_goes_on_with_the_old_one() {
    let (_, db) = database::fresh().await;
    save(&db, &[], &[("first", "iran")]).await;
    let live = Arc::new(LiveEngine::new(db.clone()));
    let old = live.current().await.unwrap();

    // So many keywords take a while to compile.
    let slugs: Vec<String> = (0..2_000).map(|number| format!("k{number}")).collect();
    let mut keywords: Vec<(&str, &str)> = slugs
        .iter()
        .map(|slug| (slug.as_str(), "(aa OR bb) AND \"cc dd\" NEAR/5 ee*"))
        .collect();
    keywords.push(("first", "korea"));
    save(&db, &[], &keywords).await;
    let refreshing = tokio::spawn({
        let live = Arc::clone(&live);
        async move { live.refresh().await.unwrap() }
    });
    let mut judged_by_old = 0;
    loop {
        let current = live.current().await.unwrap();
        if current.revision != old.revision {
            break;
        }
        assert_eq!(matched(&current, "Iran").len(), 1);
        assert!(matched(&current, "Korea").is_empty());
        judged_by_old += 1;
        tokio::task::yield_now().await;
    }
    refreshing.await.unwrap();
    assert!(judged_by_old > 1, "the old engine served meanwhile");
    assert!(matched(&live.current().await.unwrap(), "Iran").is_empty());
    assert_eq!(matched(&live.current().await.unwrap(), "Korea").len(), 1);
    assert_eq!(live.current().await.unwrap().engine.len(), 2_001);
    // A poll that began with the old engine ends with it.
    let subject = Subject {
        title: "Iran",
        ..Subject::default()
    };
    let by_old = old.engine.matches(&subject, &mut Scratch::default());
    assert_eq!((by_old.len(), by_old[0].version), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_is_rebuilt_only_when_the_beat_has_changed() {
    let (_, db) = database::fresh().await;
    save(&db, &[], &[("first", "iran")]).await;
    let live = LiveEngine::new(db.clone());
    // Nobody asked for one yet.
    live.refresh().await.unwrap();
    let before = live.current().await.unwrap();
    live.refresh().await.unwrap();
    assert!(Arc::ptr_eq(&before, &live.current().await.unwrap()));
    // A keyword with an error is left out; the others work.
    sqlx::query("UPDATE keywords SET query = 'iran AND ('")
        .execute(&db)
        .await
        .unwrap();
    save(&db, &[], &[("second", "korea")]).await;
    live.refresh().await.unwrap();
    assert_eq!(live.current().await.unwrap().engine.len(), 1);
    assert_eq!(matched(&live.current().await.unwrap(), "Korea").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_runs_takes_a_changed_keyword_up_by_itself() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let feeds = [publisher.url("/feed")];
    let folder = tempfile::tempdir().unwrap();
    let beat = beat_file(folder.path(), &beat(&feeds, &[("first", "iran")]));
    let (url, db) = database::fresh().await;
    let worker = wirewatch(&["serve", "--role", "worker"])
        .env("DATABASE_URL", &url)
        .env("WIREWATCH_BEAT__FILE", &beat)
        .env("WIREWATCH_SCHEDULE__MIN_INTERVAL", "1s")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while count(&db, "articles WHERE title = 'Iran'").await == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    save(&db, &feeds, &[("first", "korea")]).await;
    let mut number = 0;
    // Each new entry is asked for soon; the first that comes after the engine was swapped is an article.
    while count(&db, "articles WHERE title LIKE 'Korea%'").await == 0 {
        number += 1;
        let (guid, title) = (format!("k{number}"), format!("Korea {number}"));
        publisher.put("/feed", Document::feed(rss(&[(&guid, &title, "x")])));
        sqlx::query("UPDATE feeds SET next_poll_at = '2000-01-01'")
            .execute(&db)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(count(&db, "matches WHERE keyword_version = 2").await, 1);
    let worker_id = i32::try_from(worker.id()).unwrap();
    kill(Pid::from_raw(worker_id), Signal::SIGTERM).unwrap();
    assert!(end(worker).await.success());
}
