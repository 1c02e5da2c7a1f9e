//! Placing, measured: CPU time of this thread per article, at two sizes of the window, and the memory of the larger one.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use wirewatch::{
    domain::Timestamp,
    story::{Decisions, Report, Traits, Window},
};

/// Articles that are measured in one turn, once a window is full.
const MEASURED: usize = 4_000;
/// Turns of each window.
const ROUNDS: usize = 7;
/// Articles between two second looks.
const BATCH: usize = 50;

/// An endless stream of reports: words drawn as in real text (Zipf), events that come and go, and copies of them.
struct Stream {
    state: u64,
    now: i64,
    events: Vec<Vec<u64>>,
}

impl Stream {
    fn new() -> Self {
        Self {
            state: 0x9e37_79b9_7f4a_7c15,
            now: 1_767_225_600,
            events: Vec::new(),
        }
    }

    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// A word of a vocabulary of 60,000, the n-th with a probability that falls as 1/n.
    fn word(&mut self) -> u64 {
        let uniform = (self.random() >> 11) as f64 / (1_u64 << 53) as f64;
        (60_000_f64.powf(uniform)) as u64
    }

    /// Headline of ten words and a text of 45, three in ten of the words from the event. One report in five is a copy.
    fn next(&mut self) -> (String, String, i64) {
        self.now += 6;
        let is_new = self.events.is_empty() || self.random().is_multiple_of(4);
        if is_new {
            let event = (0..400).map(|_| self.random()).collect();
            self.events.push(event);
        }
        let latest = self.events.len().min(500) as u64;
        let chosen = self.events.len() - 1 - (self.random() % latest) as usize;
        let copy_of = self.random().is_multiple_of(5);
        let seed = self.events[chosen][0];
        let keep = self.state;
        if copy_of {
            self.state = seed | 1;
        }
        let mut words = Vec::with_capacity(55);
        for _ in 0..55 {
            let word = if self.random() % 10 < 3 {
                let at = (self.random() % 12) as usize;
                60_000 + self.events[chosen][at] % 900_000
            } else {
                self.word()
            };
            words.push(spell(word));
        }
        if copy_of {
            self.state = keep.rotate_left(7) | 1;
        }
        let text = words.split_off(10);
        (words.join(" "), text.join(" "), self.now)
    }
}

/// A number as a word of syllables.
fn spell(mut number: u64) -> String {
    let mut word = String::new();
    loop {
        word.push(char::from(b"bdfgklmnprstvz"[(number % 14) as usize]));
        number /= 14;
        word.push(char::from(b"aeiou"[(number % 5) as usize]));
        number /= 5;
        if number == 0 {
            return word;
        }
    }
}

fn cpu() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// Resident memory of this process, in MiB.
fn resident() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("0");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// A full window with the stream that fills it.
struct Filled {
    stream: Stream,
    window: Window,
    placed: usize,
}

impl Filled {
    fn with(capacity: usize) -> anyhow::Result<Self> {
        let mut filled = Self {
            stream: Stream::new(),
            window: Window::new(capacity, 1, Decisions::default()),
            placed: 0,
        };
        filled.place(capacity + capacity / 10)?;
        Ok(filled)
    }

    /// CPU microseconds an article, from title and text to placement, second looks included.
    fn place(&mut self, articles: usize) -> anyhow::Result<f64> {
        let mut spent = Duration::ZERO;
        for _ in 0..articles {
            let (title, text, at) = self.stream.next();
            let start = cpu()?;
            let traits = Traits::of(&Report {
                title: &title,
                text: &text,
                language: Some("en"),
                outlet: "",
                at: Some(Timestamp::from_micros(at * 1_000_000)),
                concepts: &[],
            });
            self.window.place(self.placed as i64, traits);
            self.placed += 1;
            if self.placed.is_multiple_of(BATCH) {
                self.window.revisit();
            }
            spent += cpu()?.saturating_sub(start);
        }
        Ok(spent.as_secs_f64() * 1e6 / articles as f64)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn run() -> anyhow::Result<()> {
    let before = resident()?;
    let mut large = Filled::with(100_000)?;
    let after = resident()?;
    let mut small = Filled::with(10_000)?;
    // By turns, since whatever else the machine does slows both.
    let (mut small_times, mut large_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        small_times.push(small.place(MEASURED)?);
        large_times.push(large.place(MEASURED)?);
    }
    let (small, large) = (median(small_times), median(large_times));
    println!(
        "window of 10,000: {small:.0} µs an article, of 100,000: {large:.0} µs (medians of {ROUNDS} turns)"
    );
    println!(
        "articles a second on one core, window of 100,000: {:.0} (at least 2,000)",
        1e6 / large
    );
    println!(
        "time per article, 100,000 to 10,000: {:.2} (at most 1.5)",
        large / small
    );
    println!(
        "memory of the window of 100,000: {:.0} MiB (at most 400)",
        after - before
    );
    Ok(())
}
