//! The river, measured: feeds fetched, read, matched and stored in a PostgreSQL that keeps every commit.
//!
//! `cargo bench --bench river` generates a thousand feeds, serves them from a process of its own, and lets the built
//! `wirewatch fetch --once` poll them: all for the first time, all unchanged, a tenth of them changed, and none due. Each
//! run begins with a fresh database; the table shows medians. A bare client (reqwest, with feed-rs to read what it gets) that
//! asks for the same documents right after each round and stores nothing is the yardstick: a busy machine slows both.
//!
//! With `--lag` it measures instead how soon news is on an open page while `wirewatch serve` polls all feeds all the time:
//! feeds gain items that match, and a signed-in reader's board hears of them. `--items N` are measured, `--rate N` come in a
//! second, and each feed is asked every `--every SECONDS`.
//!
//! Arguments after `--`: `--feeds N`, `--keywords N`, `--runs N`, `--concurrency N`, `--feeds-from http://HOST:PORT` (another server of
//! feeds with the routes of `server.rs`).

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

mod arguments;
mod articles;
mod board;
mod commands;
mod database;
#[path = "../engine/dice.rs"]
mod dice;
mod documents;
mod feeds;
#[expect(dead_code, reason = "the engine's benchmark needs more of it")]
#[path = "../engine/keywords.rs"]
mod keywords;
mod lag;
mod meter;
mod news;
mod plain;
mod rounds;
mod server;
#[path = "../pages/site.rs"]
mod site;
mod table;
#[expect(dead_code, reason = "the engine's benchmark needs more of it")]
#[path = "../engine/tongues.rs"]
mod tongues;

use std::env::args;

use arguments::{Arguments, Part};

fn main() -> anyhow::Result<()> {
    let part = Part::of(args().skip(1).collect())?;
    if let Part::Meter { program, arguments } = &part {
        return meter::run(program, arguments);
    }
    // The bare client is given all cores, as wirewatch is.
    let mut runtime = match part {
        Part::Plain { .. } => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    runtime.enable_all().build()?.block_on(async {
        match part {
            Part::Serve { feeds } => server::run(feeds).await,
            Part::Plain { concurrency, urls } => plain::run(concurrency, urls).await,
            Part::Bench(arguments) => bench(&arguments).await,
            Part::Meter { .. } | Part::Nothing => Ok(()),
        }
    })
}

async fn bench(arguments: &Arguments) -> anyhow::Result<()> {
    let server = feeds::Server::start(arguments).await?;
    let place = database::Place::start()?;
    if let Some(lag) = &arguments.lag {
        let lags = lag::run(arguments, lag, &server, &place).await?;
        place.stop()?;
        print!("{}", lags.table());
        return Ok(());
    }
    let mut runs = Vec::new();
    for number in 1..=arguments.runs {
        let run = rounds::run(arguments, &server, &place, number).await?;
        println!("run {number} of {}: {}", arguments.runs, run.in_short());
        runs.push(run);
    }
    place.stop()?;
    print!("{}", table::of(arguments, &runs));
    Ok(())
}
