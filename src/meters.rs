//! What this process counts, for those who watch over it: one registry, told in the text format of Prometheus.
//!
//! Label values come from closed lists, so that the number of series is bounded whatever publishers and readers do.
//! Counting takes no lock that anybody waits on, and never fails.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

/// A part of the river whose time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The publisher's server is asked.
    Fetch,
    /// Decoding, parsing and normalising.
    Read,
    /// What the ledger knows of it.
    Ledger,
    /// What is new is matched.
    Match,
    /// A batch of polls is written.
    Record,
    /// Numbers are given and articles grouped.
    Place,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Read => "read",
            Self::Ledger => "ledger",
            Self::Match => "match",
            Self::Record => "record",
            Self::Place => "place",
        }
    }
}

/// Something that waits, with how many there are and how long the oldest has waited.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// What waits: one of a closed list.
    pub name: &'static str,
    /// How many.
    pub length: i64,
    /// How long the oldest has waited, in seconds; none where that is not known.
    pub oldest: Option<f64>,
}

/// What is read when somebody asks, rather than counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Levels {
    /// Feeds by state.
    pub feeds: Vec<(String, i64)>,
    /// Open incidents by kind.
    pub incidents: Vec<(String, i64)>,
    /// What waits.
    pub queues: Vec<Queue>,
    /// Processes that live and claim, by kind: one of a closed list.
    pub workers: Vec<(&'static str, i64)>,
}

/// The connections of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pool {
    /// Open ones.
    pub open: u32,
    /// Of these, not in use.
    pub idle: usize,
    /// The most there may be.
    pub most: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Poll {
    outcome: &'static str,
    /// Empty where nothing was wrong.
    error: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Entries {
    novelty: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivery {
    channel: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    route: &'static str,
    /// `2xx` and so on.
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueName {
    queue: &'static str,
}

type Level = Gauge<i64, AtomicI64>;
type Seconds = Gauge<f64, AtomicU64>;
type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// All meters.
pub struct Meters {
    registry: Registry,
    polls: Family<Poll, Counter>,
    bytes: Counter,
    entries: Family<Entries, Counter>,
    articles: Counter,
    matches: Counter,
    stages: Times<StageLabel>,
    lag: Histogram,
    deliveries: Family<Delivery, Counter>,
    answers: Times<Answer>,
    streams: Level,
    database_up: Level,
    feeds: Family<State, Level>,
    incidents: Family<Kind, Level>,
    queues: Family<QueueName, Level>,
    oldest: Family<QueueName, Seconds>,
    workers: Family<Kind, Level>,
    open: Level,
    idle: Level,
    most: Level,
    memory: Level,
    files: Level,
}

/// The meters of this process.
#[must_use]
pub fn meters() -> &'static Meters {
    static METERS: LazyLock<Meters> = LazyLock::new(Meters::new);
    &METERS
}

/// From a millisecond to a minute.
fn short_times() -> Histogram {
    Histogram::new([
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0,
    ])
}

impl Meters {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("wirewatch");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        let mut meters = Self {
            registry: Registry::default(),
            polls: Family::default(),
            bytes: Counter::default(),
            entries: Family::default(),
            articles: Counter::default(),
            matches: Counter::default(),
            stages: Family::new_with_constructor(short_times),
            lag: short_times(),
            deliveries: Family::default(),
            answers: Family::new_with_constructor(short_times),
            streams: Level::default(),
            database_up: Level::default(),
            feeds: Family::default(),
            incidents: Family::default(),
            queues: Family::default(),
            oldest: Family::default(),
            workers: Family::default(),
            open: Level::default(),
            idle: Level::default(),
            most: Level::default(),
            memory: Level::default(),
            files: Level::default(),
        };
        meters.register_counted(&mut registry);
        meters.register_read(&mut registry);
        meters.registry = registry;
        meters
    }

    fn register_counted(&self, registry: &mut Registry) {
        registry.register("polls", "Feeds asked, by outcome", self.polls.clone());
        registry.register_with_unit(
            "read",
            "Decoded bodies of feeds",
            Unit::Bytes,
            self.bytes.clone(),
        );
        registry.register(
            "entries",
            "Entries of feeds, by novelty",
            self.entries.clone(),
        );
        registry.register("articles", "Articles stored", self.articles.clone());
        registry.register("matches", "Matches stored", self.matches.clone());
        registry.register_with_unit(
            "stage",
            "Time of a stage of the river",
            Unit::Seconds,
            self.stages.clone(),
        );
        registry.register_with_unit(
            "board_lag",
            "From the end of the fetch that brought an article to its place on the board",
            Unit::Seconds,
            self.lag.clone(),
        );
        registry.register(
            "deliveries",
            "Attempts to deliver, by channel and outcome",
            self.deliveries.clone(),
        );
        registry.register_with_unit(
            "answer",
            "Time until an answer began, by route and class of status",
            Unit::Seconds,
            self.answers.clone(),
        );
        registry.register(
            "live_streams",
            "Live streams that are open",
            self.streams.clone(),
        );
    }

    fn register_read(&self, registry: &mut Registry) {
        registry.register(
            "database_up",
            "Whether the database answered this question",
            self.database_up.clone(),
        );
        registry.register("feeds", "Feeds, by state", self.feeds.clone());
        registry.register(
            "incidents",
            "Open incidents, by kind",
            self.incidents.clone(),
        );
        registry.register("queue_length", "What waits", self.queues.clone());
        registry.register_with_unit(
            "queue_oldest",
            "How long the oldest has waited",
            Unit::Seconds,
            self.oldest.clone(),
        );
        registry.register(
            "workers",
            "Processes that live and claim, by kind: worker polls, digest sends, pass is one from the command line",
            self.workers.clone(),
        );
        registry.register(
            "pool_open",
            "Connections of this process",
            self.open.clone(),
        );
        registry.register("pool_idle", "Of these, not in use", self.idle.clone());
        registry.register("pool_most", "The most there may be", self.most.clone());
        registry.register_with_unit(
            "process_resident_memory",
            "Memory of this process",
            Unit::Bytes,
            self.memory.clone(),
        );
        registry.register(
            "process_open_fds",
            "Open files of this process",
            self.files.clone(),
        );
    }

    /// A feed was asked and what came of it recorded; `error` is empty where nothing was wrong.
    pub fn polled(&self, outcome: &'static str, error: &'static str, bytes: u64) {
        let poll = Poll { outcome, error };
        self.polls.get_or_create(&poll).inc();
        self.bytes.inc_by(bytes);
    }

    /// Entries were read.
    pub fn read(&self, novelty: &'static str, count: u64) {
        self.entries
            .get_or_create(&Entries { novelty })
            .inc_by(count);
    }

    /// Articles and matches were stored.
    pub fn stored(&self, articles: u64, matches: u64) {
        self.articles.inc_by(articles);
        self.matches.inc_by(matches);
    }

    /// A stage took so long.
    pub fn took(&self, stage: Stage, time: Duration) {
        let label = StageLabel {
            stage: stage.as_str(),
        };
        self.stages
            .get_or_create(&label)
            .observe(time.as_secs_f64());
    }

    /// An article is on the board, so long after its fetch.
    pub fn placed(&self, lag: Duration) {
        self.lag.observe(lag.as_secs_f64());
    }

    /// A delivery was tried.
    pub fn delivered(&self, channel: &'static str, outcome: &'static str) {
        let delivery = Delivery { channel, outcome };
        self.deliveries.get_or_create(&delivery).inc();
    }

    /// A request was answered; `route` is one of the table of routes.
    pub fn answered(&self, route: &'static str, status: u16, time: Duration) {
        let class = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let answer = Answer { route, class };
        self.answers
            .get_or_create(&answer)
            .observe(time.as_secs_f64());
    }

    /// A live stream began; it ends with the value.
    #[must_use]
    pub fn stream(&'static self) -> Streaming {
        self.streams.inc();
        Streaming(self)
    }

    /// All meters as text (Prometheus exposition 0.0.4). Without levels the database did not answer: what it knows is left
    /// out rather than told as it was.
    #[must_use]
    pub fn told(&self, levels: Option<&Levels>, pool: Pool, process: Option<Process>) -> String {
        self.database_up.set(i64::from(levels.is_some()));
        self.feeds.clear();
        self.incidents.clear();
        self.queues.clear();
        self.oldest.clear();
        self.workers.clear();
        for (state, count) in levels.iter().flat_map(|levels| &levels.feeds) {
            let state = State {
                state: state.clone(),
            };
            self.feeds.get_or_create(&state).set(*count);
        }
        for (kind, count) in levels.iter().flat_map(|levels| &levels.incidents) {
            let kind = Kind { kind: kind.clone() };
            self.incidents.get_or_create(&kind).set(*count);
        }
        for queue in levels.iter().flat_map(|levels| &levels.queues) {
            let name = QueueName { queue: queue.name };
            self.queues.get_or_create(&name).set(queue.length);
            if let Some(oldest) = queue.oldest {
                self.oldest.get_or_create(&name).set(oldest);
            }
        }
        for (kind, count) in levels.iter().flat_map(|levels| &levels.workers) {
            let kind = Kind {
                kind: (*kind).to_owned(),
            };
            self.workers.get_or_create(&kind).set(*count);
        }
        self.open.set(i64::from(pool.open));
        self.idle.set(i64::try_from(pool.idle).unwrap_or(i64::MAX));
        self.most.set(i64::from(pool.most));
        if let Some(process) = process {
            self.memory.set(process.resident_bytes);
            self.files.set(process.open_files);
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

/// A live stream that is counted.
#[derive(Debug)]
pub struct Streaming(&'static Meters);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.streams.dec();
    }
}

/// What the system says about this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Memory, in bytes.
    pub resident_bytes: i64,
    /// Open files, sockets included.
    pub open_files: i64,
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_and_what_is_not_known_is_not() {
        let meters = Meters::new();
        meters.polled("failed", "timeout", 0);
        meters.polled("read", "", 100);
        meters.read("new", 3);
        meters.took(Stage::Fetch, Duration::from_millis(30));
        meters.placed(Duration::from_millis(300));
        meters.delivered("mail", "sent");
        meters.answered("/api/v1/feeds", 404, Duration::from_millis(3));
        let levels = Levels {
            feeds: vec![("active".to_owned(), 7)],
            incidents: vec![("gap".to_owned(), 1)],
            queues: vec![Queue {
                name: "outbox",
                length: 4,
                oldest: Some(1.5),
            }],
            workers: vec![("worker", 2), ("digest", 1)],
        };
        let text = meters.told(Some(&levels), Pool::default(), None);
        for line in [
            "wirewatch_polls_total{outcome=\"failed\",error=\"timeout\"} 1",
            "wirewatch_read_bytes_total 100",
            "wirewatch_entries_total{novelty=\"new\"} 3",
            "wirewatch_stage_seconds_count{stage=\"fetch\"} 1",
            "wirewatch_board_lag_seconds_bucket{le=\"0.5\"} 1",
            "wirewatch_deliveries_total{channel=\"mail\",outcome=\"sent\"} 1",
            "wirewatch_answer_seconds_count{route=\"/api/v1/feeds\",class=\"4xx\"} 1",
            "wirewatch_feeds{state=\"active\"} 7",
            "wirewatch_queue_length{queue=\"outbox\"} 4",
            "wirewatch_queue_oldest_seconds{queue=\"outbox\"} 1.5",
            "wirewatch_workers{kind=\"worker\"} 2",
            "wirewatch_workers{kind=\"digest\"} 1",
            "wirewatch_database_up 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} in:\n{text}");
        }
        let text = meters.told(None, Pool::default(), None);
        assert!(text.contains("wirewatch_database_up 0"));
        for unknown in ["wirewatch_queue_length{", "wirewatch_workers{"] {
            assert!(!text.contains(unknown), "{text}");
        }
        assert!(!text.contains("wirewatch_workers 0"), "{text}");
    }
}
