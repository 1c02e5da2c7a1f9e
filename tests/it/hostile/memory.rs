//! What a pass over all hostile answers costs the real program: its peak memory, and the good feeds their time.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::{good_feeds, hostile_feeds};
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
struct Pass {
    peak_mb: u64,
    /// From the first claim to the last good feed asked.
    good_feeds_took: Duration,
    recorded: i64,
}

async fn pass(mut feeds: Vec<String>) -> Pass {
    let publisher = FeedServer::start().await;
    feeds.extend(good_feeds(&publisher));
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
    if std::env::var_os("WIREWATCH_TRUE_LIMITS").is_none() {
        command
            .env("WIREWATCH_FETCH__HEADER_TIMEOUT", "4s")
            .env("WIREWATCH_FETCH__IDLE_TIMEOUT", "4s")
            .env("WIREWATCH_FETCH__TIMEOUT", "8s");
    }
    let mut child = command.spawn().unwrap();
    let (mut peak, mut first_claim, mut took) = (0, None, None);
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_mb(&child).unwrap_or(0));
        if first_claim.is_none() && count(&db, "feeds WHERE lease_token > 0").await > 0 {
            first_claim = Some(Instant::now());
        }
        if publisher.asked().len() == 20 && took.is_none() {
            took = Some(first_claim.map_or(Duration::ZERO, |at| at.elapsed()));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let decided = "feeds WHERE last_attempt_at IS NOT NULL AND next_poll_at > last_attempt_at";
    Pass {
        peak_mb: peak,
        good_feeds_took: took.unwrap(),
        recorded: count(&db, decided).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_hostile_answers_together_stay_under_300_mb() {
    let (_, feeds) = hostile_feeds().await;
    let all = i64::try_from(feeds.len() + 20).unwrap();
    let alone = pass(Vec::new()).await;
    let beside = pass(feeds).await;
    eprintln!(
        "peak {} MB (good feeds alone {} MB); the good feeds took {:?} (alone {:?})",
        beside.peak_mb, alone.peak_mb, beside.good_feeds_took, alone.good_feeds_took
    );
    assert_eq!(beside.recorded, all, "each has an outcome and a next check");
    assert!(beside.peak_mb < 300, "{} MB", beside.peak_mb);
    // The delay means something where the machine has nothing else to do.
    if std::env::var_os("WIREWATCH_TRUE_LIMITS").is_some() {
        assert!(beside.good_feeds_took < alone.good_feeds_took + Duration::from_secs(2));
    }
}
