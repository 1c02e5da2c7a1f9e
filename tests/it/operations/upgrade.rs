//! A database as the first release left it works after all the steps that followed.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection as _, PgConnection, PgPool, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};
use wirewatch::store::{
    self,
    schema::{self, Fit},
};

use super::machine::until;
use crate::{
    binary::{finish, wirewatch},
    database,
    feed_server::{Document, FeedServer, rss},
    site::Site,
    worker::{TestClock, TestWorker, beat, count},
};

static STEPS: Migrator = sqlx::migrate!();

/// What a first release had stored: a row in every table that holds what must not be lost.
const ROWS: &str = "
    INSERT INTO sources (slug, name, domain, country, language, tier, created_at)
    VALUES ('test-wire', 'Test Wire', 'news.example', 'JP', 'en', 'wire', '2026-11-20');
    INSERT INTO feeds (source_id, url, host, title, created_at, state, next_poll_at, next_poll_reason, etag, poll_count,
                       last_attempt_at, last_success_at, last_http_status, entries_seen)
    VALUES (1, 'http://127.0.0.1/feed', '127.0.0.1', 'Test Wire', '2026-11-20', 'active', '2026-11-21', 'about 2 entries a day', '\"old\"', 40,
            '2026-11-21', '2026-11-21', 200, 2),
           (1, 'https://news.example/paused', 'news.example', NULL, '2026-11-20', 'paused', NULL, '', NULL, 0, NULL, NULL, NULL, 0);
    INSERT INTO fetch_log (feed_id, slot, started_at, duration_ms, outcome, http_status, entries, new_entries)
    VALUES (1, 0, '2026-11-21', 30, 'read', 200, 2, 2);
    INSERT INTO beat (slug, name, loaded_at) VALUES ('test', 'Test', '2026-11-20');
    INSERT INTO concepts (slug, name, terms) VALUES ('iran', 'Iran', '{\"en\": [\"Iran\"]}');
    INSERT INTO keywords (slug, name, query, position) VALUES ('iran', 'Iran', '@iran', 1);
    INSERT INTO keyword_versions (keyword_id, version, query, saved_at, actor) VALUES (1, 1, '@iran', '2026-11-20', 'shell');
    INSERT INTO articles (identity, source_id, feed_id, url, title, summary, content, language, published_at, sort_at,
                          first_seen_at, revision, arrival)
    VALUES ('\\x01', 1, 1, 'https://news.example/old', 'Iran, an old report', 'text', '', 'en', '2026-11-20', '2026-11-20',
            '2026-11-20 10:00', 1, 1),
           ('\\x02', 1, 1, 'https://news.example/late', 'Iran, not yet placed', 'text', '', 'en', NULL, '2026-11-21',
            '2026-11-21', 0, NULL);
    INSERT INTO revisions (article_id, revision, title, summary, content, replaced_at)
    VALUES (1, 0, 'Iran, as first seen', 'text', '', '2026-11-20 11:00');
    INSERT INTO sightings (article_id, feed_id, first_seen_at, url, guid)
    VALUES (1, 1, '2026-11-20 10:00', 'https://news.example/old', 'old'), (2, 1, '2026-11-21', 'https://news.example/late', 'late');
    INSERT INTO matches (keyword_id, article_id, keyword_version, hits, why, sort_at, matched_at, arrival)
    VALUES (1, 1, 1, '[{\"field\": \"title\", \"start\": 0, \"end\": 4, \"text\": \"Iran\", \"concept\": \"Iran\"}]', '@iran', '2026-11-20',
            '2026-11-20 10:00', 1),
           (1, 2, 1, '[]', '@iran', '2026-11-21', '2026-11-21', NULL);
    INSERT INTO backlog (identity, feed_id, url, title, summary, content, sort_at, first_seen_at)
    VALUES ('\\x03', 1, 'https://news.example/other', 'Nothing of that', '', '', '2026-11-21', '2026-11-21');
    INSERT INTO audit (at, actor, action, subject_kind, subject, after)
    VALUES ('2026-11-20', 'shell', 'add', 'keyword', 'iran', '{\"query\": \"@iran\"}');
    UPDATE arrivals SET last = 1;
";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_releases_database_works_after_every_step_and_has_lost_nothing() {
    let publisher = FeedServer::start().await;
    publisher.put(
        "/feed",
        Document::feed(rss(&[("new", "Iran, a new report", "text")])),
    );
    let feed = publisher.url("/feed");

    let url = database::empty_url().await;
    let db = store::connect(&url, 4).await.unwrap();
    let first = Migrator::with_migrations(STEPS.iter().take(1).cloned().collect());
    first.run(&db).await.unwrap();
    sqlx::raw_sql(ROWS).execute(&db).await.unwrap();
    sqlx::query("UPDATE feeds SET url = $1 WHERE id = 1")
        .bind(&feed)
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(
        schema::fit(&db).await.unwrap(),
        Fit::Behind(STEPS.iter().count() - 1)
    );

    store::migrate(&db).await.unwrap();
    assert_eq!(schema::fit(&db).await.unwrap(), Fit::Good);

    // A worker goes on with it: the feed is read, what waited is placed, and all of it is grouped and listed.
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let worker = TestWorker::on(db.clone(), &beat(&[], &[]), clock.clone()).await;
    worker.pass().await;
    worker.place_and_list().await;
    assert_eq!(count(&db, "articles").await, 3);
    assert_eq!(count(&db, "articles WHERE arrival IS NULL").await, 0);
    assert_eq!(count(&db, "story_members").await, 3);
    assert_eq!(count(&db, "feeds WHERE state = 'paused'").await, 1);
    assert_eq!(
        count(&db, "feeds WHERE last_success_at > '2026-11-22'").await,
        1
    );

    let site = Site::start(&db, clock).await;
    for path in [
        "/",
        "/keywords/iran",
        "/articles/1",
        "/feeds",
        "/feeds/1",
        "/stories?all=yes",
        "/search?q=iran",
        "/admin/audit",
    ] {
        let page = site.get(path).await;
        assert_eq!(page.status, 200, "{path}");
    }
    assert_eq!(
        count(&db, "revisions WHERE title = 'Iran, as first seen'").await,
        1
    );
    let articles = site.get("/api/v1/articles").await.json();
    assert_eq!(articles["articles"].as_array().unwrap().len(), 3);
    assert_eq!(
        articles["articles"][0]["matches"][0]["hits"][0]["concept"],
        "Iran"
    );
    assert_eq!(
        count(&db, "audit WHERE actor = 'shell' AND subject = 'iran'").await,
        1
    );
    assert_eq!(count(&db, "backlog").await, 1);
}

/// A step that a later release brought.
async fn add_unknown_step(db: &PgPool) {
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99990101000000, 'later', true, '\\x00', 1)",
    )
    .execute(db)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_starts_on_what_a_newer_one_has_only_added_to() {
    let (url, db) = database::fresh().await;
    add_unknown_step(&db).await;
    store::migrate(&db).await.unwrap();
    assert_eq!(schema::fit(&db).await.unwrap(), Fit::Good);
    let mut command = wirewatch(&["db", "migrate"]);
    command.env("DATABASE_URL", &url);
    assert!(finish(command).await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_refuses_what_a_newer_one_has_taken_something_from() {
    let (url, db) = database::fresh().await;
    add_unknown_step(&db).await;
    sqlx::query("UPDATE schema_floor SET step = 99990101000000, release = '9.0.0'")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(schema::fit(&db).await.unwrap(), Fit::Beyond);
    let mut command = wirewatch(&["db", "migrate"]);
    command.env("DATABASE_URL", &url);
    let refused = finish(command).await;
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3));
    assert!(words.contains("run wirewatch 9.0.0 or newer"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_finds_its_table_in_use_lets_the_others_work_and_waits() {
    let url = database::empty_url().await;
    let db = store::connect(&url, 4).await.unwrap();
    let first = Migrator::with_migrations(STEPS.iter().take(1).cloned().collect());
    first.run(&db).await.unwrap();

    // As a backup does: it only reads, for a long time.
    let mut backup = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE articles, feeds, backlog IN ACCESS SHARE MODE")
        .execute(&mut backup)
        .await
        .unwrap();
    let migrating = tokio::spawn({
        let db = db.clone();
        async move { store::migrate(&db).await }
    });
    let waiting = "pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let seen = &db;
    until("a step that waits", || async move {
        count(seen, waiting).await > 0
    })
    .await;
    // Whoever comes after it waits behind it, and no longer than it does.
    let read = async {
        count(&db, "articles").await;
        count(&db, "feeds").await;
        count(&db, "backlog").await;
    };
    tokio::time::timeout(crate::site::PATIENCE, read)
        .await
        .expect("pages go on");
    assert!(!migrating.is_finished(), "the step is not done yet");
    assert_ne!(schema::fit(&db).await.unwrap(), Fit::Good);
    backup.close().await.unwrap();
    migrating.await.unwrap().unwrap();
    assert_eq!(schema::fit(&db).await.unwrap(), Fit::Good);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_broken_off_is_made_anew_beside_those_who_write_and_by_one_process() {
    let (url, db) = database::fresh().await;
    let statement = "CREATE UNIQUE INDEX CONCURRENTLY later_idx ON leases (holder)";
    let mut steps: Vec<Migration> = STEPS.iter().cloned().collect();
    steps.push(Migration::new(
        99_990_101_000_000,
        "later".into(),
        MigrationType::Simple,
        statement.into_sql_str(),
        true,
    ));
    let steps = Arc::new(Migrator::with_migrations(steps));
    // Two rows of one value: the index breaks off, and stays as it is.
    sqlx::query("INSERT INTO leases VALUES ('a', 1, now()), ('b', 1, now())")
        .execute(&db)
        .await
        .unwrap();
    schema::migrate_by(&db, &steps).await.unwrap_err();
    let broken =
        "pg_index JOIN pg_class ON oid = indexrelid WHERE relname = 'later_idx' AND NOT indisvalid";
    assert_eq!(count(&db, broken).await, 1);
    sqlx::query("DELETE FROM leases")
        .execute(&db)
        .await
        .unwrap();

    // Somebody writes for a while; two processes start meanwhile.
    let mut writer = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; INSERT INTO leases VALUES ('c', 3, now())")
        .execute(&mut writer)
        .await
        .unwrap();
    let starting: Vec<_> = (0..2)
        .map(|_| {
            let (db, steps) = (db.clone(), Arc::clone(&steps));
            tokio::spawn(async move { schema::migrate_by(&db, &steps).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(starting.iter().all(|started| !started.is_finished()));
    sqlx::raw_sql("COMMIT").execute(&mut writer).await.unwrap();
    for started in starting {
        started.await.unwrap().unwrap();
    }
    let made =
        "pg_index JOIN pg_class ON oid = indexrelid WHERE relname = 'later_idx' AND indisvalid";
    assert_eq!(count(&db, made).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_only_add_so_that_an_older_process_goes_on() {
    // Expand, then contract: what an older process names must stay until no such process is left.
    for step in STEPS.iter() {
        let sql = step.sql.as_str().to_uppercase();
        if sql.contains("UPDATE SCHEMA_FLOOR") {
            // Older programs are told to stay away.
            continue;
        }
        for line in sql
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
        {
            for taken in ["DROP TABLE", "DROP COLUMN", "RENAME COLUMN", "RENAME TO"] {
                assert!(!line.contains(taken), "{}: {line}", step.description);
            }
        }
    }
}
