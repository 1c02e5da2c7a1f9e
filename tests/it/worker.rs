//! A worker in this process, with a clock that tests move.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use wirewatch::{
    app::WorkerParts,
    config::Settings,
    domain::{Beat, BeatFeed, BeatKeyword, BeatSource, Clock, Tier, Timestamp},
    jobs::poll::Summary,
    store::{self, PgPool, beat::Merge, workers::Kind},
};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn at(text: &str) -> Arc<Self> {
        let instant: Timestamp = serde_json::from_value(text.into()).unwrap();
        Arc::new(Self(AtomicI64::new(instant.as_micros())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0
            .fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl TestClock {
    /// Sets it back.
    pub(crate) fn set_back(&self, by: Duration) {
        self.0
            .fetch_sub(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Settings under which feeds may live on loopback and hosts have no limit.
pub(crate) fn settings() -> Settings {
    let file = r#"
        [fetch]
        allow_networks = ["127.0.0.0/8"]
        timeout = "10s"
        [poll]
        per_host = 32
        [schedule]
        min_interval = "1m"
    "#;
    Settings::from_layers(Some(("test", file)), std::collections::BTreeMap::new()).unwrap()
}

/// A beat of one source with these feeds, and keywords `(slug, query)`.
pub(crate) fn beat(feeds: &[String], keywords: &[(&str, &str)]) -> Beat {
    Beat {
        format: 1,
        slug: "test".into(),
        name: "Test".into(),
        outlets: Vec::new(),
        concepts: Vec::new(),
        keywords: keywords
            .iter()
            .map(|(slug, query)| BeatKeyword {
                slug: (*slug).into(),
                name: (*slug).into(),
                query: (*query).into(),
                note: String::new(),
            })
            .collect(),
        sources: vec![BeatSource {
            slug: "test-wire".into(),
            name: "Test Wire".into(),
            domain: "news.example".into(),
            country: Some("JP".into()),
            language: Some("en".into()),
            tier: Tier::Wire,
            tags: Vec::new(),
            note: String::new(),
            feeds: feeds
                .iter()
                .map(|url| BeatFeed::at(url.parse().unwrap()))
                .collect(),
        }],
    }
}

/// A worker on a database of its own.
pub(crate) struct TestWorker {
    pub(crate) db: PgPool,
    pub(crate) clock: Arc<TestClock>,
    settings: Settings,
    parts: WorkerParts,
}

impl TestWorker {
    pub(crate) async fn on(db: PgPool, beat: &Beat, clock: Arc<TestClock>) -> Self {
        Self::with(db, beat, clock, &settings()).await
    }

    pub(crate) async fn with(
        db: PgPool,
        beat: &Beat,
        clock: Arc<TestClock>,
        settings: &Settings,
    ) -> Self {
        store::beat::import(&db, beat, Merge::IfEmpty, "test", clock.now(), &|_| {})
            .await
            .unwrap();
        let parts = WorkerParts::build(&db, settings, clock.clone(), Kind::Worker)
            .await
            .unwrap();
        Self {
            db,
            clock,
            settings: settings.clone(),
            parts,
        }
    }

    pub(crate) async fn new(feeds: &[String], keywords: &[(&str, &str)]) -> Self {
        let (_, db) = super::database::fresh().await;
        Self::on(
            db,
            &beat(feeds, keywords),
            TestClock::at("2026-11-23T10:00:00Z"),
        )
        .await
    }

    /// The same after the process ended and began anew.
    pub(crate) async fn restarted(self) -> Self {
        let Self {
            db,
            clock,
            settings,
            parts,
        } = self;
        drop(parts);
        let parts = WorkerParts::build(&db, &settings, clock.clone(), Kind::Worker)
            .await
            .unwrap();
        Self {
            db,
            clock,
            settings,
            parts,
        }
    }

    /// Polls everything that is due and places what came.
    pub(crate) async fn pass(&self) -> Summary {
        let summary = self
            .parts
            .poller
            .pass(&CancellationToken::new(), Arc::new(|_| {}))
            .await;
        self.parts.placer.step().await.unwrap();
        summary
    }

    /// Places what waits, then lists it in the search index.
    pub(crate) async fn place_and_list(&self) -> usize {
        self.parts.placer.step().await.unwrap();
        let going = CancellationToken::new();
        self.parts.lister.step(&going).await.unwrap()
    }

    /// Matches the past with every keyword that was saved.
    pub(crate) async fn rematch(&self) {
        let going = CancellationToken::new();
        self.parts.rematcher.step(&going).await.unwrap();
    }

    /// Reads the pages that were asked for; how many.
    pub(crate) async fn read_pages(&self) -> usize {
        self.read_pages_until(&CancellationToken::new()).await
    }

    /// The same until stopped.
    pub(crate) async fn read_pages_until(&self, stop: &CancellationToken) -> usize {
        self.parts.reader.step(stop).await.unwrap()
    }

    /// Ends the claims that ran out; how many.
    pub(crate) async fn release(&self) -> usize {
        self.parts.releaser.step().await.unwrap()
    }

    /// Tries the addresses that wait; how many.
    pub(crate) async fn try_addresses(&self) -> usize {
        let mut tried = 0;
        while self.parts.tryer.step().await.unwrap() {
            tried += 1;
        }
        tried
    }

    /// Adds the feeds of lists that wait; how many lists.
    pub(crate) async fn add_lists(&self) -> usize {
        self.parts.list_importer.step().await.unwrap()
    }

    /// Keeps house.
    pub(crate) async fn upkeep(&self) {
        let going = CancellationToken::new();
        self.parts.upkeep.step(&going).await.unwrap();
    }

    /// Lets documents take so long to read from now on.
    pub(crate) fn give_time(&mut self, limit: Duration) {
        self.parts.poller.options.read_limit = limit;
    }

    /// Asks by way of `fetcher` from now on.
    pub(crate) fn ask_by(&mut self, fetcher: wirewatch::fetch::Fetcher) {
        self.parts.poller.fetcher = fetcher;
    }

    /// Places what waits.
    pub(crate) async fn place(&self) {
        self.parts.placer.step().await.unwrap();
    }

    /// Groups all articles anew; how many there were.
    pub(crate) async fn regroup(&self) -> u64 {
        self.parts.placer.regroup().await.unwrap().unwrap()
    }

    /// Lets a day go by, so that everything is due, and polls.
    pub(crate) async fn pass_a_day_later(&self) -> Summary {
        self.clock.advance(Duration::from_hours(24));
        self.pass().await
    }

    /// Waits until somebody waits for a lock.
    pub(crate) async fn until_one_waits(&self) {
        let waits =
            "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while self.count(waits).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        count(&self.db, table).await
    }
}

/// Rows of a table, or of any FROM clause.
pub(crate) async fn count(db: &PgPool, from: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {from}")))
        .fetch_one(db)
        .await
        .unwrap()
}

/// The folder of development documents, if there is one.
pub(crate) fn corpora() -> Option<&'static Path> {
    static FOLDER: std::sync::LazyLock<Option<std::path::PathBuf>> =
        std::sync::LazyLock::new(|| std::env::var_os("WIREWATCH_CORPORA").map(Into::into));
    let folder = FOLDER.as_deref();
    if folder.is_none() {
        eprintln!("skipped: WIREWATCH_CORPORA names no folder of documents");
    }
    folder
}
