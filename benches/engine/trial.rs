//! One engine on trial: how long it takes, what it finds, what it holds.

use std::fmt::Write as _;

use anyhow::ensure;
use nix::time::{ClockId, clock_gettime};
use wirewatch::{
    domain::{Keyword, Subject},
    query::{Engine, Lexicon, Scratch},
};

use crate::{articles::Article, bare::Bare, keywords::Kind};

/// An engine and what was measured.
pub(crate) struct Trial {
    kind: Kind,
    engine: Engine,
    scratch: Scratch,
    bare: Bare,
    compile_s: f64,
    /// Bytes that stay allocated, and the most while compiling.
    bytes: (i64, u64),
    matches: usize,
    hits: usize,
    allocations: u64,
    /// Seconds of each pass of the engine and of the bare pass before it.
    passes: Vec<(f64, f64)>,
}

/// CPU time of this thread.
fn seconds() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(std::time::Duration::from);
    time.unwrap_or_default().as_secs_f64()
}

fn subject(article: &Article) -> Subject<'_> {
    Subject {
        title: &article.title,
        summary: &article.text,
        ..Subject::default()
    }
}

impl Trial {
    /// Compiles the keywords, and judges all articles once, which is not measured.
    pub(crate) fn new(
        kind: Kind,
        keywords: &[Keyword],
        articles: &[Article],
    ) -> anyhow::Result<Self> {
        let mut compiled = None;
        let mut compile_s = 0.0;
        let memory = allocation_counter::measure(|| {
            let start = seconds();
            let (lexicon, _) = Lexicon::new(&[], &[], keywords);
            compiled = Some(Engine::compile(keywords, &lexicon));
            compile_s = seconds() - start;
        });
        let (engine, problems) = compiled.unwrap_or_default();
        ensure!(problems.is_empty(), "{}", problems[0]);
        let mut trial = Self {
            kind,
            engine,
            scratch: Scratch::default(),
            bare: Bare::new(),
            compile_s,
            bytes: (memory.bytes_current, memory.bytes_max),
            matches: 0,
            hits: 0,
            allocations: 0,
            passes: Vec::new(),
        };
        (trial.matches, trial.hits) = trial.pass(articles);
        ensure!(trial.matches > 0, "nothing matches");
        Ok(trial)
    }

    /// A bare pass, and one of the engine, which must find what it has found before.
    pub(crate) fn run(&mut self, articles: &[Article]) -> anyhow::Result<()> {
        let start = seconds();
        let mut words = (0, 0);
        for article in articles {
            let (count, hash) = self.bare.pass(article);
            words = (words.0 + count, words.1 ^ hash);
        }
        let bare = seconds() - start;
        ensure!(std::hint::black_box(words).0 > articles.len(), "no words");
        let mut found = (0, 0);
        let start = seconds();
        let memory = allocation_counter::measure(|| found = self.pass(articles));
        let engine = seconds() - start;
        self.allocations = memory.count_total;
        ensure!(
            found == (self.matches, self.hits),
            "a pass found something else"
        );
        self.passes.push((engine, bare));
        Ok(())
    }

    /// Judges all articles. Returns matches and hits.
    fn pass(&mut self, articles: &[Article]) -> (usize, usize) {
        let mut found = (0, 0);
        for article in articles {
            for finding in self.engine.judge(&subject(article), &mut self.scratch) {
                found.0 += 1;
                found.1 += finding.mentions().len();
            }
        }
        found
    }
}

/// The result for people.
pub(crate) fn table(trials: &[Trial], articles: usize) -> String {
    let mut out = String::from(
        "| keywords | set | articles/s | µs/article | of the bare pass | matches/article | hits/article | \
         allocations/article | bytes/keyword | compiled in s |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let articles = real(articles);
    for trial in trials {
        let seconds = median(trial.passes.iter().map(|pass| pass.0));
        let ratio = median(trial.passes.iter().map(|pass| pass.1 / pass.0));
        let keywords = real(trial.engine.len());
        let _ = writeln!(
            out,
            "| {} | {:?} | {:.0} | {:.2} | {ratio:.2} | {:.2} | {:.2} | {:.3} | {:.0} ({:.0} at most) | {:.3} |",
            trial.engine.len(),
            trial.kind,
            articles / seconds,
            seconds / articles * 1e6,
            real(trial.matches) / articles,
            real(trial.hits) / articles,
            real(usize::try_from(trial.allocations).unwrap_or(usize::MAX)) / articles,
            real(usize::try_from(trial.bytes.0).unwrap_or(0)) / keywords,
            real(usize::try_from(trial.bytes.1).unwrap_or(0)) / keywords,
            trial.compile_s,
        );
    }
    let bare = trials
        .iter()
        .flat_map(|trial| trial.passes.iter().map(|pass| pass.1));
    let _ = writeln!(
        out,
        "\nThe bare pass: {:.0} articles/s.",
        articles / median(bare)
    );
    out
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
const fn real(number: usize) -> f64 {
    number as f64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
