//! What an edit of a keyword would change, on thirty days of a desk: the time to the first piece and to the last, and how
//! soon one that is broken off is over; all while a worker stores what feeds bring.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use wirewatch::{
    domain::Timestamp,
    store::{self, PgPool, beat::Merge},
    web::{Difference, Edit},
};

use crate::texts::{News, news};

/// Feeds that bring something all the time, and items in each of their documents.
const FEEDS: u64 = 20;
const ITEMS: u64 = 10;

/// The days that a difference looks back.
const DAYS: u64 = 30;

/// Counts the documents that were served: each has items of its own.
type Served = Arc<AtomicU64>;

async fn document(State(served): State<Served>, Path(feed): Path<u64>) -> String {
    let number = served.fetch_add(1, Ordering::Relaxed);
    let mut rss = "<rss version=\"2.0\"><channel><title>Ingest</title>".to_owned();
    for item in 0..ITEMS {
        let News { title, content, .. } = news((1 << 40) | (number << 8) | item, item == 0);
        let _ = write!(
            rss,
            "<item><guid>{feed}-{number}-{item}</guid><link>http://127.0.0.1/{feed}/{number}/{item}</link>\
             <title>{title}</title><description>{content}</description></item>"
        );
    }
    rss + "</channel></rss>"
}

/// A worker that polls such feeds once a second.
async fn ingest(db: &PgPool, url: &str) -> anyhow::Result<(Child, Served)> {
    let served = Served::default();
    let router = Router::new()
        .route("/{feed}", get(document))
        .with_state(Arc::clone(&served));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address: SocketAddr = listener.local_addr()?;
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async { axum::serve(listener, router).await })
    });
    sqlx::raw_sql("UPDATE feeds SET state = 'paused', next_poll_at = NULL WHERE state <> 'paused'")
        .execute(db)
        .await?;
    let mut beat = store::beat::export(db)
        .await?
        .context("a beat was loaded")?;
    let source = beat.sources.first_mut().context("the beat has sources")?;
    let pattern = source.feeds.first().context("it has feeds")?.clone();
    for feed in 0..FEEDS {
        let mut feed_of_ours = pattern.clone();
        feed_of_ours.url = format!("http://{address}/{feed}").parse()?;
        feed_of_ours.paused = false;
        feed_of_ours.list = None;
        source.feeds.push(feed_of_ours);
    }
    store::beat::import(db, &beat, Merge::Add, "benchmark", now(), &|_| {}).await?;
    let worker = Command::new(env!("CARGO_BIN_EXE_wirewatch"))
        .args(["serve", "--role", "worker"])
        .env("DATABASE_URL", url)
        .env("WIREWATCH_FETCH__ALLOW_NETWORKS", "[\"127.0.0.0/8\"]")
        .env("WIREWATCH_POLL__PER_HOST", "32")
        .env("WIREWATCH_SCHEDULE__MIN_INTERVAL", "1s")
        .env("WIREWATCH_LOG__FILTER", "warn")
        .stdin(Stdio::null())
        .spawn()?;
    Ok((worker, served))
}

#[expect(
    clippy::disallowed_methods,
    reason = "differences look back from the present"
)]
fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

/// Asks for every feed once a second. Never ends but by an error.
async fn ask_all_the_time(db: &PgPool) -> anyhow::Result<()> {
    loop {
        sqlx::query("UPDATE feeds SET next_poll_at = now() WHERE state <> 'paused' AND next_poll_at > now()")
            .execute(db)
            .await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Measures it.
pub(crate) async fn difference(db: &PgPool, url: &str) -> anyhow::Result<()> {
    let (mut worker, served) = ingest(db, url).await?;
    let outcome = tokio::select! {
        outcome = measure(db, &served) => outcome,
        asked = ask_all_the_time(db) => asked,
    };
    worker.kill()?;
    worker.wait()?;
    outcome
}

async fn measure(db: &PgPool, served: &Served) -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_secs(10)).await;
    ensure!(
        served.load(Ordering::Relaxed) > 0,
        "the worker asks for feeds"
    );
    let source = store::beat::engine_source(db).await?;
    println!("keyword               read   gained    lost   first      all   documents meanwhile");
    for keyword in source.keywords.iter().take(3) {
        let edit = || Edit::Keyword {
            slug: keyword.slug.clone(),
            query: format!("({}) AND NOT (tanker OR 제재)", keyword.query.trim()),
        };
        let from = now().minus(Duration::from_secs(DAYS * 86_400));
        let before = served.load(Ordering::Relaxed);
        let started = Instant::now();
        let mut difference = Difference::of_edit(db, edit(), from).await?;
        difference.next().await?;
        let first = started.elapsed();
        while difference.next().await?.is_some() {}
        let all = started.elapsed();
        let (tally, documents) = (difference.tally(), served.load(Ordering::Relaxed) - before);
        ensure!(documents > 0, "nothing was stored meanwhile");
        let first_query = tally.first();
        println!(
            "{:<18} {:>7} {:>8} {:>7} {:>5.2} s {:>6.2} s   {documents}",
            keyword.slug,
            tally.read,
            first_query.gained,
            first_query.lost,
            first.as_secs_f64(),
            all.as_secs_f64(),
        );
    }
    let keyword = source.keywords.first().context("the beat has keywords")?;
    let edit = Edit::Keyword {
        slug: keyword.slug.clone(),
        query: "iran OR korea".to_owned(),
    };
    let from = now().minus(Duration::from_secs(DAYS * 86_400));
    let mut difference = Difference::of_edit(db, edit, from).await?;
    let reading = async { while let Ok(Some(_)) = difference.next().await {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), reading).await;
    drop(difference);
    let broken_off = Instant::now();
    loop {
        let busy: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
              WHERE state = 'active' AND pid <> pg_backend_pid()
                AND (query LIKE '%FROM backlog%first_seen_at <=%' OR query LIKE '%FROM articles%bytes_before%')",
        )
        .fetch_one(db)
        .await?;
        if busy == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!(
        "broken off: the database is at rest after {:.3} s",
        broken_off.elapsed().as_secs_f64()
    );
    Ok(())
}
