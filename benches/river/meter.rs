//! What processes cost: wirewatch's from the kernel's account of a finished child, PostgreSQL's from `/proc`.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::Context as _;
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike as _,
    },
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Ticks of `/proc/*/stat` in a second (`USER_HZ`, the same on every Linux that people run).
const TICKS: f64 = 100.0;

/// What a run of a program cost.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Metered {
    /// From before its start to after its end.
    pub(crate) wall_s: f64,
    /// User and system time of all its threads.
    pub(crate) cpu_s: f64,
    /// The most memory it held at once.
    pub(crate) peak_kib: i64,
    /// What it printed.
    pub(crate) report: Value,
}

/// User and system time so far.
pub(crate) fn cpu_seconds(who: UsageWho) -> nix::Result<f64> {
    let usage = getrusage(who)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "microseconds of minutes fit")]
    Ok(micros as f64 / 1e6)
}

/// The time of a clock that all processes of this machine share and nobody sets (`CLOCK_MONOTONIC`), in microseconds.
pub(crate) fn now_micros() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| time.num_microseconds())
}

/// Runs a program and prints a [`Metered`]. A process does this once: its account of children is then of that one child.
pub(crate) fn run(program: &str, arguments: &[String]) -> anyhow::Result<()> {
    let started = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let wall_s = started.elapsed().as_secs_f64();
    anyhow::ensure!(
        output.status.success(),
        "{program} failed: {}",
        output.status
    );
    let metered = Metered {
        wall_s,
        cpu_s: cpu_seconds(UsageWho::RUSAGE_CHILDREN)?,
        peak_kib: getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss(),
        report: serde_json::from_slice(&output.stdout).context("the report is no JSON")?,
    };
    println!("{}", serde_json::to_string(&metered)?);
    Ok(())
}

/// User and system time of a PostgreSQL so far, in seconds: the first process, those that live, those that ended.
pub(crate) fn postgres_cpu_seconds(data_dir: &Path) -> anyhow::Result<f64> {
    let pid_file = data_dir.join("postgres/data/postmaster.pid");
    let pid_file = fs::read_to_string(&pid_file)?;
    let first: u32 = pid_file.lines().next().unwrap_or_default().parse()?;
    let mut ticks = 0.0;
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // Processes end while they are listed.
        if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat"))
            && let Some((parent, own, waited_for)) = times(&stat)
        {
            if pid == first {
                ticks += own + waited_for;
            } else if parent == first {
                ticks += own;
            }
        }
    }
    Ok(ticks / TICKS)
}

/// Parent, own ticks and those of children waited for (`proc_pid_stat(5)`); the name before them may hold anything.
fn times(stat: &str) -> Option<(u32, f64, f64)> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
    Some((
        fields.get(1)?.parse().ok()?,
        ticks(11)? + ticks(12)?,
        ticks(13)? + ticks(14)?,
    ))
}

/// Runs this very program in another part: a process whose cost counts alone.
pub(crate) fn this_program(part: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(part);
    Ok(command)
}
