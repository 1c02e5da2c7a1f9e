//! Recipes of faults, each with the number under which operators' catalogues of feed readers know it.
//!
//! T1 exactly-once storage and T16 faults of PostgreSQL are run here alone and all at once in [`super::chaos`].

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use wirewatch::store;

use super::{
    machine::{Database, Machine, Process, client, until},
    proxy::Proxy,
    publisher::Publisher,
};
use crate::worker::{beat, count};

const FEEDS: usize = 8;

/// What a web answers at an address; none where it does not answer.
async fn status(process: &Process, path: &str) -> Option<StatusCode> {
    let response = client().get(format!("{}{path}", process.base)).send().await;
    response.ok().map(|response| response.status())
}

async fn stored(db: &store::PgPool, publisher: &Publisher) -> bool {
    let articles: Vec<String> = sqlx::query_scalar("SELECT url FROM articles")
        .fetch_all(db)
        .await
        .unwrap();
    let distinct: BTreeSet<&String> = articles.iter().collect();
    assert_eq!(distinct.len(), articles.len(), "nothing is stored twice");
    publisher
        .matching()
        .keys()
        .all(|url| distinct.contains(url))
}

/// A machine on a database whose one keyword finds what a publisher has for it.
fn with_one_keyword(url: &str, publisher: &Publisher) -> Machine {
    Machine::new(url, &beat(&publisher.urls(), &[("acme", "acme")]))
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_worker_killed_just_after_a_document_was_sent_loses_and_doubles_nothing() {
    let database = Database::start().await;
    let db = database.connect().await;
    let publisher = Publisher::start(FEEDS).await;
    let machine = with_one_keyword(&database.url(), &publisher);
    let mut worker = machine.start("worker", "worker.log");
    let watched = &publisher;
    until("the first polls", || async move { watched.answers() > 8 }).await;
    publisher.misbehave(true);
    for _ in 0..15 {
        publisher.publish();
        let asked = publisher.answers();
        until("a request", || async move { watched.answers() > asked }).await;
        // The document is on its way, being read, being stored, or stored.
        tokio::time::sleep(Duration::from_millis(crate::binary::any_below(50))).await;
        worker.kill().await;
        worker.start();
    }
    publisher.misbehave(false);
    let stored_in = &db;
    until("every matching item", || stored(stored_in, watched)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_worker_that_stood_still_past_its_leases_records_nothing_late() {
    let database = Database::start().await;
    let db = database.connect().await;
    let publisher = Publisher::start(FEEDS).await;
    let machine = with_one_keyword(&database.url(), &publisher);
    let proxy = Proxy::start(database.socket()).await;
    let mut behind = with_one_keyword(&proxy.url("wirewatch"), &publisher);
    behind.set("WIREWATCH_POLL__CONCURRENCY", "4");
    let still = machine.start("worker", "still.log");
    let mut killed = machine.start("worker", "killed.log");
    let paused = behind.start("worker", "paused.log");
    let watched = &publisher;
    until("the first polls", || async move { watched.answers() > 30 }).await;

    // One stands still for longer than a lease, one dies, the connections of one carry nothing.
    still.send(Signal::SIGSTOP);
    killed.kill().await;
    proxy.delay(Duration::from_secs(3));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        publisher.publish();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    still.send(Signal::SIGCONT);
    proxy.delay(Duration::ZERO);
    killed.start();
    let stored_in = &db;
    until("every matching item", || stored(stored_in, watched)).await;
    let then: String = sqlx::query_scalar("SELECT now()::text")
        .fetch_one(&db)
        .await
        .unwrap();
    let polled_again = format!("feeds WHERE last_success_at > '{then}'");
    let polled_again = polled_again.as_str();
    until("each feed once more", || async move {
        count(stored_in, polled_again).await >= 8
    })
    .await;
    // A late record would have moved validators backwards: the feed would then be read whole, again and again.
    let newest = format!("\"{}\"", publisher.matching().len() / FEEDS * 2);
    let old: i64 = sqlx::query_scalar("SELECT count(*) FROM feeds WHERE length(etag) < length($1)")
        .bind(&newest)
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(old, 0, "no validator is older than the newest document");
    drop((still, paused));
}

#[tokio::test(flavor = "multi_thread")]
async fn t15_told_to_end_a_process_drains_and_leaves_nothing_behind() {
    let database = Database::start().await;
    let db = database.connect().await;
    let publisher = Publisher::start(FEEDS).await;
    let machine = with_one_keyword(&database.url(), &publisher);
    let mut all = [
        machine.start("web", "web.log"),
        machine.start("worker", "worker.log"),
    ];
    let token = machine.token("viewer").await;
    let web = &all[0];
    until("the pages", || async move {
        status(web, "/readyz").await == Some(StatusCode::OK)
    })
    .await;
    let watched = &publisher;
    until("the first polls", || async move { watched.answers() > 8 }).await;

    let leased_in = &db;
    until("upkeep", || async move {
        count(leased_in, "leases WHERE name = 'upkeep'").await == 1
    })
    .await;

    // Live streams that stay open, and a request that is only half sent.
    let mut streams = Vec::new();
    for _ in 0..20 {
        let request = client()
            .get(format!("{}/events", web.base))
            .bearer_auth(&token);
        streams.push(request.send().await.unwrap().error_for_status().unwrap());
    }
    let address = web.base.trim_start_matches("http://").to_owned();
    let half = tokio::net::TcpStream::connect(&address).await.unwrap();
    half.writable().await.unwrap();
    half.try_write(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nname=")
        .unwrap();

    for process in &mut all {
        let is_well = process.terminate().await;
        let words = process.words();
        assert!(is_well, "{}: {words}", process.role);
        assert!(!words.contains("panicked"), "{words}");
    }
    for mut stream in streams {
        // The end of a stream is an end, not a cut.
        while stream
            .chunk()
            .await
            .expect("the stream ends in good order")
            .is_some()
        {}
    }
    assert!(
        tokio::net::TcpStream::connect(&address).await.is_err(),
        "nobody listens there"
    );
    assert_eq!(count(&db, "feeds WHERE lease_until > now()").await, 0);
    // Whatever one process at a time may do, another may do at once.
    assert_eq!(count(&db, "leases").await, 0);

    // Told to end while it begins, it ends as well.
    for wait in [0, 5, 30, 120] {
        let mut process = machine.start("worker", "early.log");
        tokio::time::sleep(Duration::from_millis(wait)).await;
        process.terminate().await;
        assert!(!process.words().contains("panicked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t16_without_its_database_the_service_stays_says_so_and_comes_back() {
    let database = Database::start().await;
    let db = database.connect().await;
    let publisher = Publisher::start(FEEDS).await;
    let proxy = Proxy::start(database.socket()).await;
    let machine = with_one_keyword(&proxy.url("wirewatch"), &publisher);
    let mut web = machine.start("web", "web.log");
    let mut worker = machine.start("worker", "worker.log");
    let watched = &publisher;
    {
        let web = &web;
        until("the pages", || async move {
            status(web, "/readyz").await == Some(StatusCode::OK)
        })
        .await;
    }
    until("the first polls", || async move { watched.answers() > 8 }).await;

    // Nobody answers, for longer than a poll takes.
    proxy.refuse(true);
    proxy.cut();
    let mut saw_not_ready = false;
    let mut asked = 0;
    // What was under way ends in the first of two parts.
    for _ in 0..2 {
        asked = publisher.answers();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(6) {
            assert_eq!(
                status(&web, "/livez").await,
                Some(StatusCode::OK),
                "it lives"
            );
            let ready = status(&web, "/readyz").await;
            assert!(ready.is_some(), "it answers");
            saw_not_ready |= ready == Some(StatusCode::SERVICE_UNAVAILABLE);
            publisher.publish();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    assert!(saw_not_ready, "it says that it cannot serve");
    assert!(!web.has_ended() && !worker.has_ended(), "processes stay");
    // Publishers are left in peace while nothing can be stored.
    assert!(
        publisher.answers() - asked <= FEEDS as u64,
        "{} more",
        publisher.answers() - asked
    );
    let lines = worker.words().lines().count();
    assert!(lines < 2_000, "{lines} lines");

    proxy.refuse(false);
    {
        let web = &web;
        until("it to be ready", || async move {
            status(web, "/readyz").await == Some(StatusCode::OK)
        })
        .await;
    }

    // A crash, and a storm of connections that are ended.
    database.crash().await;
    for _ in 0..15 {
        let ended = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = 'wirewatch' AND pid <> pg_backend_pid()",
        );
        // The test's own connections end with the crash, too.
        let _ = ended.execute(&db).await;
        publisher.publish();
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let db = database.connect().await;
    let stored_in = &db;
    // A process that ended is started again, as a supervisor does.
    for process in [&mut web, &mut worker] {
        if process.has_ended() {
            process.kill().await;
            process.start();
        }
    }
    until("every matching item", || stored(stored_in, watched)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_no_secret_reaches_a_log_a_page_or_a_message() {
    const PASSWORD: &str = "MARKdbMARK";
    const MAIL: &str = "MARKmailMARK";
    let database = Database::start().await;
    let db = database.connect().await;
    let publisher = Publisher::start(2).await;
    let urls = publisher.urls();
    let proxy = Proxy::start(database.socket()).await;
    let url = format!(
        "postgres://wirewatch:{PASSWORD}@{}/wirewatch?sslmode=disable",
        proxy.address
    );
    let mut machine = Machine::new(&url, &beat(&urls, &[("acme", "acme")]));
    for (name, value) in [
        ("WIREWATCH_LOG__FILTER", "trace"),
        ("WIREWATCH_LOG__FORMAT", "json"),
        ("WIREWATCH_MAIL__SERVER", "127.0.0.1"),
        ("WIREWATCH_MAIL__PORT", "1"),
        ("WIREWATCH_MAIL__USERNAME", "desk"),
        ("WIREWATCH_MAIL__PASSWORD", MAIL),
        ("WIREWATCH_MAIL__FROM", "desk@desk.example"),
    ] {
        machine.set(name, value);
    }
    // Without an admin the first words are a link for people, and no log.
    store::migrate(&db).await.unwrap();
    sqlx::query(
        "INSERT INTO users (name, role, password_hash, created_at) VALUES ('first', 'admin', 'none', now())",
    )
    .execute(&db)
    .await
    .unwrap();
    let mut web = machine.start("web", "web.log");
    let mut rest = [
        machine.start("worker", "worker.log"),
        machine.start("digest", "digest.log"),
    ];
    let token = machine.token("admin").await;
    {
        let web = &web;
        until("the pages", || async move {
            status(web, "/readyz").await == Some(StatusCode::OK)
        })
        .await;
    }
    let watched = &publisher;
    until("the first polls", || async move { watched.answers() > 4 }).await;
    let session = "MARKsessionMARK";
    for path in [
        "/",
        "/feeds",
        "/api/v1/feeds",
        "/api/v1/audit",
        "/metrics",
        "/out/acme.atom",
        "/nothing",
    ] {
        let request = client()
            .get(format!("{}{path}?token={token}", web.base))
            .bearer_auth(&token)
            .header("cookie", format!("wirewatch={session}"))
            .header("x-forwarded-for", "127.0.0.1");
        let response = request.send().await.unwrap();
        if path == "/metrics" {
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
        }
        let body = response.text().await.unwrap();
        assert!(
            !body.contains(&token) && !body.contains(PASSWORD) && !body.contains(MAIL),
            "{path}"
        );
    }
    // Errors of the database name no password either.
    proxy.refuse(true);
    proxy.cut();
    let _ = status(&web, "/readyz").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.refuse(false);
    web.terminate().await;
    for process in &mut rest {
        process.terminate().await;
    }
    let mut words = web.words();
    for process in &rest {
        words.push_str(&process.words());
    }
    assert!(words.len() > 10_000, "trace says much");
    check_words(&words, &[PASSWORD, MAIL, session, &token]);
    let help = crate::binary::finish(machine.command(&["--help"])).await;
    assert!(!String::from_utf8_lossy(&help.stdout).contains(PASSWORD));
    let plain: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM api_tokens WHERE encode(token_hash, 'escape') LIKE '%wirewatch%'",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    assert_eq!(plain, 0, "tokens are stored as hashes");
}

/// A log holds no secret in any form, one JSON object to a line, and no colours.
fn check_words(words: &str, secrets: &[&str]) {
    let hexadecimal =
        |text: &str| -> String { text.bytes().map(|byte| format!("{byte:02x}")).collect() };
    for secret in secrets {
        for form in [(*secret).to_owned(), hexadecimal(secret)] {
            let line = words.lines().find(|line| line.contains(&form));
            assert!(line.is_none(), "{line:?}");
        }
    }
    for line in words.lines() {
        let read: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(read.is_ok_and(|line| line.is_object()), "{line}");
    }
    assert!(!words.contains('\u{1b}'), "no colours");
}
