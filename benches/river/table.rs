//! The result for people: medians, with the spread of what a busy machine disturbs most.

use std::fmt::Write as _;

use crate::{
    arguments::Arguments,
    plain::PlainRounds,
    rounds::{Round, Run},
};

const NOTES: &str = "\
Medians; wall time is that of the whole process, start included (see \"nothing due\"), and swings with whatever else the
machine does: CPU per feed is the robust figure. The bare client (reqwest) asks for the same documents as many at a time, right
after, has feed-rs read them, and stores nothing: as one stream of answers, and with a task for each document, which spreads
what reads over all cores. The ratios are wirewatch's feeds/s to its, and the CPU of wirewatch with PostgreSQL to its own.
Every round was checked: no feed failed, and what is stored is what was served.
";

/// A round of a run.
type Pick = fn(&Run) -> &Round;

/// The table of some runs.
pub(crate) fn of(arguments: &Arguments, runs: &[Run]) -> String {
    let first = &runs[0].first;
    let mut out = format!(
        "\n{} feeds, {} items of which {} matched one of {} keywords, {} polled at a time, PostgreSQL with fsync, {} runs\n\n",
        first.feeds,
        first.items,
        first.matched(),
        arguments.keywords,
        arguments.concurrency,
        arguments.runs
    );
    out.push_str(
        "| round | wall s (min–max) | feeds/s | items/s | wirewatch CPU ms/feed | PostgreSQL CPU ms/feed | peak MiB | \
         bare client feeds/s | of its speed | with tasks feeds/s | of its speed | bare client CPU ms/feed | of its CPU |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let rounds: [(&str, Pick); 4] = [
        ("first fetch", |run| &run.first),
        ("all unchanged (304)", |run| &run.unchanged),
        ("a tenth changed", |run| &run.changed),
        ("nothing due", |run| &run.nothing_due),
    ];
    for (name, round) in rounds {
        let rounds: Vec<&Round> = runs.iter().map(round).collect();
        line(&mut out, name, &rounds);
    }
    out + "\n" + NOTES
}

fn line(out: &mut String, name: &str, rounds: &[&Round]) {
    let of = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(|round| value(round)));
    let walls = || rounds.iter().map(|round| round.wirewatch.wall_s);
    let wall = median(walls());
    let feeds = count(rounds[0].feeds as u64);
    let own = of(&|round| round.wirewatch.cpu_s) / feeds * 1e3;
    let postgres = of(&|round| round.postgres_cpu_s) / feeds * 1e3;
    let polls = rounds[0].plain.is_some();
    let shown = |value: f64, digits: usize| {
        if polls {
            format!("{value:.digits$}")
        } else {
            "-".to_owned()
        }
    };
    let bare = |value: fn(PlainRounds) -> f64| of(&|round| round.plain.map_or(0.0, value));
    let stream_wall = bare(|plain| plain.stream.wall_s);
    let tasks_wall = bare(|plain| plain.tasks.wall_s);
    let bare_cpu = bare(|plain| plain.stream.cpu_s) / feeds * 1e3;
    let _ = writeln!(
        out,
        "| {name} | {wall:.3} ({:.3}–{:.3}) | {} | {} | {own:.3} | {postgres:.3} | {:.0} | {} | {} | {} | {} | {} | {} |",
        walls().fold(f64::INFINITY, f64::min),
        walls().fold(0.0, f64::max),
        shown(feeds / wall, 0),
        shown(count(rounds[0].items) / wall, 0),
        of(&|round| count(u64::try_from(round.wirewatch.peak_kib).unwrap_or(0))) / 1_024.0,
        shown(feeds / stream_wall, 0),
        shown(stream_wall / wall, 2),
        shown(feeds / tasks_wall, 0),
        shown(tasks_wall / wall, 2),
        shown(bare_cpu, 3),
        shown((own + postgres) / bare_cpu, 1),
    );
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
