//! Digests, measured on the busiest minute of a day: every subscription is due at once, each with 200 stories.
//!
//! `cargo bench --bench digest` fills a private PostgreSQL with 50 keywords, 100 articles each, and 1,000 subscriptions of
//! two keywords, then composes and queues all of their issues in one process, and says how long that took. For the figure
//! of one core run it under `taskset -c 0`: PostgreSQL, its child, is bound with it.
//!
//! Arguments after `--`: `--subscriptions N`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

mod fill;

use std::{env::args, sync::Arc, time::Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::sync::Notify;
use wirewatch::{
    domain::{Clock, Timestamp},
    jobs::digest::Composer,
};

/// Stories of each subscription.
const STORIES: i64 = 200;

/// A clock that stands still.
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn main() -> anyhow::Result<()> {
    let mut words = args().skip(1);
    let (mut is_bench, mut subscriptions) = (false, 1_000);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" => is_bench = true,
            "--subscriptions" => {
                subscriptions = words
                    .next()
                    .context("--subscriptions needs a value")?
                    .parse()?;
            }
            other if is_bench => bail!("{other:?} is no option; there is --subscriptions N"),
            _ => {}
        }
    }
    // `cargo test --all-targets` starts benchmarks, too, without `--bench`: not to measure.
    if !is_bench {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?
        .block_on(bench(subscriptions))
}

async fn bench(subscriptions: i64) -> anyhow::Result<()> {
    let place = fill::Place::start()?;
    let db = place.database().await?;
    fill::fill(&db, subscriptions).await?;
    let clock = Arc::new(Standing(fill::morning()));
    let host = "desk.example".to_owned();
    let composer = Composer::new(db.clone(), clock, host, Arc::new(Notify::new()));
    let begun = Instant::now();
    let stepped = composer.step().await?;
    let took = begun.elapsed();
    let (editions, members, deliveries, bytes): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM editions WHERE state = 'released'), (SELECT count(*) FROM edition_members),
                (SELECT count(*) FROM deliveries), (SELECT sum(octet_length(body::text))::bigint FROM editions)",
    )
    .fetch_one(&db)
    .await?;
    let each = took / u32::try_from(stepped.composed.max(1)).unwrap_or(u32::MAX);
    println!(
        "{editions} editions of {} stories composed and queued in {took:.1?}, {each:.1?} each; {} kB each",
        members / editions.max(1),
        bytes / editions.max(1) / 1_000,
    );
    ensure!(
        (editions, members, deliveries) == (subscriptions, STORIES * subscriptions, subscriptions),
        "something is missing: {editions} editions, {members} members, {deliveries} deliveries"
    );
    db.close().await;
    place.stop()
}
