//! What a pass over all hostile answers costs the real program: its peak memory, and the good feeds their time.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::{good_feeds, hostile_feeds, is_true};
use crate::{
    binary::{beat_file, wirewatch},
    database,
    feed_server::FeedServer,
    worker::{beat, count},
};

/// The peak of resident memory so far; none once the process has ended.
fn peak_mb(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1_024 / 1_000_000)
}

/// What a pass of `wirewatch fetch` came to.
pub(super) struct Pass {
    pub(super) peak_mb: u64,
    /// The most files that were open, sockets included, and those that were at the end.
    pub(super) files: [usize; 2],
    /// From the first claim to the asking of each good feed.
    pub(super) good_feeds_took: Vec<Duration>,
    pub(super) recorded: i64,
}

impl Pass {
    /// Until all good feeds were asked.
    pub(super) fn all_took(&self) -> Duration {
        self.good_feeds_took.iter().max().copied().unwrap()
    }
}

/// A pass over `feeds` and, behind them, so many good ones.
pub(super) async fn pass(mut feeds: Vec<String>, good: usize) -> Pass {
    let publisher = FeedServer::start().await;
    feeds.extend(good_feeds(&publisher, good));
    let folder = tempfile::tempdir().unwrap();
    let beat = beat_file(folder.path(), &beat(&feeds, &[("iran", "iran")]));
    let (url, db) = database::fresh().await;
    let mut command = wirewatch(&["fetch"]);
    command
        .env("DATABASE_URL", &url)
        .env("WIREWATCH_BEAT__FILE", &beat)
        .env("WIREWATCH_POLL__PER_HOST", "1000")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !is_true() {
        command
            .env("WIREWATCH_FETCH__HEADER_TIMEOUT", "4s")
            .env("WIREWATCH_FETCH__IDLE_TIMEOUT", "4s")
            .env("WIREWATCH_FETCH__TIMEOUT", "8s");
    }
    let mut child = command.spawn().unwrap();
    let (mut peak, mut first_claim, mut took) = (0, None, Vec::new());
    let (mut most_files, mut last_files) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_mb(&child).unwrap_or(0));
        if let Ok(files) = std::fs::read_dir(format!("/proc/{}/fd", child.id())) {
            last_files = files.count();
            most_files = most_files.max(last_files);
        }
        if first_claim.is_none() && count(&db, "feeds WHERE lease_token > 0").await > 0 {
            first_claim = Some(Instant::now());
        }
        let asked = publisher.asked().len().min(good);
        took.resize(asked, first_claim.map_or(Duration::ZERO, |at| at.elapsed()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(took.len(), good, "every good feed was asked");
    let decided = "feeds WHERE last_attempt_at IS NOT NULL AND next_poll_at > last_attempt_at";
    Pass {
        peak_mb: peak,
        files: [most_files, last_files],
        good_feeds_took: took,
        recorded: count(&db, decided).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_hostile_answers_together_stay_under_300_mb() {
    let (_, feeds, server) = hostile_feeds().await;
    let all = i64::try_from(feeds.len() + 20).unwrap();
    let alone = pass(Vec::new(), 20).await;
    let beside = pass(feeds, 20).await;
    let delay = beside.all_took().saturating_sub(alone.all_took());
    eprintln!(
        "peak {} MB (good feeds alone {} MB); good feeds were delayed by {delay:?}",
        beside.peak_mb, alone.peak_mb
    );
    assert_eq!(beside.recorded, all, "each has an outcome and a next check");
    assert!(beside.peak_mb < 300, "{} MB", beside.peak_mb);
    // The limit, the bytes on their way, and the buffers of both ends.
    let taken = server.sent("/endless");
    assert!(taken < 24 << 20, "{taken} bytes of an endless body");
    if is_true() {
        assert!(delay <= Duration::from_secs(2), "{delay:?}");
    }
}
