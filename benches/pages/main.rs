//! The pages, measured on a database as a desk has after a year: a million articles, three million entries in the backlog.
//!
//! `cargo bench --bench pages` fills a private PostgreSQL (of the default settings) in some minutes, starts the built
//! `wirewatch serve --role web` on it, and asks as a signed-in editor for board, keyword pages, stories, articles and
//! searches of every kind at a steady rate, whether or not earlier answers have come. Time counts from the instant at
//! which a request was due to its last byte. Then the backlog is searched, and the time to the first line counts.
//!
//! With `--edit` it measures instead what an edit of a keyword would change on thirty days, while a worker stores what
//! feeds bring: `cargo bench --bench pages -- --edit --articles 480000 --backlog 360000` reads 400,000 items, since articles
//! are spread over a year.
//!
//! Arguments after `--`: `--articles N`, `--backlog N`, `--rate N` (requests a second), `--seconds N`, `--folder PATH` (keep
//! the database there, and use it again; about 11 GB), `--fill` (only fill it).

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

mod arguments;
mod ask;
mod desk;
mod edit;
mod fill;
mod serving;
mod site;
mod stories;
mod texts;

use std::env::args;

use arguments::Arguments;

fn main() -> anyhow::Result<()> {
    let Some(arguments) = Arguments::of(args().skip(1))? else {
        // `cargo test --all-targets` starts benchmarks, too, without `--bench`: not to measure.
        return Ok(());
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(bench(&arguments))
}

async fn bench(arguments: &Arguments) -> anyhow::Result<()> {
    let place = serving::Place::start(arguments.folder.as_deref())?;
    let database = place.database().await?;
    fill::fill(&database.pool, arguments).await?;
    if arguments.only_fills {
        database.pool.close().await;
        return place.stop();
    }
    if arguments.is_edit {
        edit::difference(&database.pool, &database.url).await?;
        database.pool.close().await;
        return place.stop();
    }
    let reader = desk::reader(&database.pool).await?;
    let cookie = site::session(&database.pool, reader).await?;
    let site = site::Site::start(&database.url, "web", &[], cookie)?;
    site.wait().await?;
    ask::pages(&site, &database.pool, arguments).await?;
    ask::backlog(&site).await?;
    site.stop()?;
    database.pool.close().await;
    place.stop()
}
