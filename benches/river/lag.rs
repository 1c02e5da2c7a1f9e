//! How soon news is on an open page: from the instant at which a changed document is first handed to wirewatch to the
//! instant at which the event with the article's line has come to a reader's board, while all feeds are polled.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use wirewatch::{
    domain::{Role, Timestamp},
    store::users,
};

use crate::{
    arguments::{Arguments, Lag},
    board::Board,
    commands::{self, Commands, check},
    database::{Database, Place},
    feeds::{Held, Server},
    site::{self, Site},
};

/// What the first documents brought is placed, grouped and listed within this time.
const AT_REST_WITHIN: Duration = Duration::from_mins(30);

/// News may take so long beyond the next poll of its feed; what comes later is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether all has come.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What was measured.
pub(crate) struct Lags {
    /// In microseconds, shortest first.
    sorted: Vec<i64>,
    /// That of the first item after the start, in microseconds: what stories need is read for it.
    first: i64,
    feeds: usize,
    keywords: usize,
    every: u32,
    /// Items that feeds gained in a second, as it really was.
    items_per_second: f64,
    polls_per_second: f64,
    /// Of wirewatch; 1 is one core.
    cores: f64,
    peak_mib: u64,
}

/// Measures it.
pub(crate) async fn run(
    arguments: &Arguments,
    lag: &Lag,
    server: &Server,
    place: &Place,
) -> anyhow::Result<Lags> {
    let Held { items, sample } = server.begin().await?;
    let database = place.fresh(1).await?;
    let commands = Commands {
        arguments,
        place,
        database: &database,
    };
    commands.load(&server.urls, &sample)?;
    let first = commands.fetch()?;
    check(&first.report, ("read", server.urls.len() as u64))?;
    database.check_stored(items).await?;

    let site = serve(arguments, lag, &database).await?;
    let every = Duration::from_secs(lag.every.into());
    database.spread_due(every).await?;
    let board = Board::open(&site).await?;
    // Every feed was asked once by then.
    tokio::time::sleep(every).await;
    let measuring = Measuring {
        arguments,
        lag,
        server,
        database: &database,
        site: &site,
        board: &board,
    };
    let lags = measuring.run().await?;
    board.close();
    site.stop()?;
    database.pool.close().await;
    Ok(lags)
}

/// The service, when it has worked off what the first documents brought.
async fn serve(arguments: &Arguments, lag: &Lag, database: &Database) -> anyhow::Result<Site> {
    database.make_none_due().await?;
    let reader = users::add(
        &database.pool,
        &"reader".parse()?,
        "",
        Role::Admin,
        None,
        "benchmark",
        now(),
    )
    .await?
    .context("the reader is there already")?;
    let cookie = site::session(&database.pool, reader).await?;
    let every = format!("{}s", lag.every);
    let mut settings = commands::settings(arguments).to_vec();
    settings.extend([
        ("WIREWATCH_METRICS__LISTEN", String::new()),
        ("WIREWATCH_SCHEDULE__FIRST_INTERVAL", every.clone()),
        ("WIREWATCH_SCHEDULE__MIN_INTERVAL", every.clone()),
        ("WIREWATCH_SCHEDULE__MAX_INTERVAL", every),
    ]);
    let site = Site::start(&database.url, "all", &settings, cookie)?;
    site.wait().await?;
    let until = Instant::now() + AT_REST_WITHIN;
    while !database.is_at_rest().await? {
        anyhow::ensure!(Instant::now() < until, "the service does not come to rest");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(site)
}

#[expect(clippy::disallowed_methods, reason = "a reader of now")]
fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

/// A measurement on its way.
struct Measuring<'a> {
    arguments: &'a Arguments,
    lag: &'a Lag,
    server: &'a Server,
    database: &'a Database,
    site: &'a Site,
    board: &'a Board,
}

impl Measuring<'_> {
    async fn run(&self) -> anyhow::Result<Lags> {
        self.server.gain().await?;
        let first = self.lags(1).await?;
        let (asked, cpu) = (self.server.told().await?.asked, self.site.cpu_seconds()?);
        let started = Instant::now();
        self.gain().await?;
        let seconds = started.elapsed().as_secs_f64();
        let polls = self.server.told().await?.asked - asked;
        let cores = (self.site.cpu_seconds()? - cpu) / seconds;
        let mut lags = self.lags(1 + self.lag.items as usize).await?;
        lags.retain(|item, _| !first.contains_key(item));
        let mut sorted: Vec<i64> = lags.into_values().collect();
        sorted.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "polls of minutes fit")]
        Ok(Lags {
            sorted,
            first: first.into_values().max().unwrap_or_default(),
            feeds: self.server.urls.len(),
            keywords: self.arguments.keywords,
            every: self.lag.every,
            items_per_second: f64::from(self.lag.items) / seconds,
            polls_per_second: polls as f64 / seconds,
            cores,
            peak_mib: self.site.peak_mib()?,
        })
    }

    /// Feeds gain items, one at a time.
    async fn gain(&self) -> anyhow::Result<()> {
        let mut turns = tokio::time::interval(Duration::from_secs(1) / self.lag.rate);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for _ in 0..self.lag.items {
            turns.tick().await;
            self.server.gain().await?;
        }
        Ok(())
    }

    /// The lags of all items, by their addresses, once so many have come.
    async fn lags(&self, items: usize) -> anyhow::Result<HashMap<String, i64>> {
        let until = Instant::now() + Duration::from_secs(self.lag.every.into()) + PATIENCE;
        loop {
            let served = self.server.told().await?.served;
            let urls: Vec<&String> = served.keys().collect();
            let articles = self.database.articles(&urls).await?;
            let heard = self.board.heard()?;
            let mut lags = HashMap::new();
            let mut missing = Vec::new();
            for (url, served_at) in &served {
                match articles.get(url).and_then(|article| heard.get(article)) {
                    Some(heard_at) => {
                        lags.insert(url.clone(), heard_at - served_at);
                    }
                    None => missing.push(url),
                }
            }
            if lags.len() == items {
                return Ok(lags);
            }
            if Instant::now() > until {
                bail!(
                    "of {items} items {} were served, {} stored as articles and {} heard of; never came: {:?}",
                    served.len(),
                    articles.len(),
                    lags.len(),
                    missing.iter().take(10).collect::<Vec<_>>()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl Lags {
    /// The lag that so many of a thousand items do not exceed (nearest rank), in milliseconds.
    fn permille(&self, share: usize) -> f64 {
        let rank = (self.sorted.len() * share).div_ceil(1_000).max(1);
        self.sorted
            .get(rank - 1)
            .map_or(f64::NAN, |micros| milliseconds(*micros))
    }

    /// The result for people.
    pub(crate) fn table(&self) -> String {
        format!(
            "\n{} feeds, each polled every {} s; {:.1} items a second match one of {} keywords; PostgreSQL with fsync.\n\
             Lag: from the first answer with the item in it to the event with its line, at a signed-in reader's.\n\n\
             | items | polls/s | p50 ms | p90 ms | p99 ms | max ms | first after the start ms | wirewatch cores | peak MiB |\n\
             |---|---|---|---|---|---|---|---|---|\n\
             | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {} |\n",
            self.feeds,
            self.every,
            self.items_per_second,
            self.keywords,
            self.sorted.len(),
            self.polls_per_second,
            self.permille(500),
            self.permille(900),
            self.permille(990),
            self.permille(1_000),
            milliseconds(self.first),
            self.cores,
            self.peak_mib,
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "minutes in microseconds fit")]
fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}
