//! Placing, measured: CPU time of this thread per article, at two sizes of the window, and the memory of the larger one.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use wirewatch::{
    domain::Timestamp,
    story::{Decisions, Report, Traits, Window},
};

/// Articles that are measured once a window is full.
const MEASURED: usize = 10_000;
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

/// CPU microseconds per article, from title and text to placement, second looks included, in a window that is full.
fn measure(capacity: usize) -> anyhow::Result<f64> {
    let mut stream = Stream::new();
    let mut window = Window::new(capacity, 1, Decisions::default());
    let place = |key: usize,
                 window: &mut Window,
                 stream: &mut Stream,
                 spent: &mut Duration|
     -> anyhow::Result<()> {
        let (title, text, at) = stream.next();
        let start = cpu()?;
        let traits = Traits::of(&Report {
            title: &title,
            text: &text,
            language: Some("en"),
            outlet: "",
            at: Some(Timestamp::from_micros(at * 1_000_000)),
            concepts: &[],
        });
        window.place(key as i64, traits);
        if key.is_multiple_of(BATCH) {
            window.revisit();
        }
        *spent += cpu()?.saturating_sub(start);
        Ok(())
    };
    let mut spent = Duration::ZERO;
    for key in 0..capacity + MEASURED {
        place(key, &mut window, &mut stream, &mut spent)?;
    }
    let filling = spent.as_secs_f64() * 1e6 / (capacity + MEASURED) as f64;
    spent = Duration::ZERO;
    for key in capacity + MEASURED..capacity + 2 * MEASURED {
        place(key, &mut window, &mut stream, &mut spent)?;
    }
    let full = spent.as_secs_f64() * 1e6 / MEASURED as f64;
    println!(
        "window of {capacity}: {full:.0} µs an article when full ({filling:.0} µs while it fills), {} reports",
        window.len()
    );
    Ok(full)
}

pub(crate) fn run() -> anyhow::Result<()> {
    let small = measure(10_000)?;
    let before = resident()?;
    let large = measure(100_000)?;
    println!(
        "articles a second on one core, window of 100,000: {:.0} (at least 2,000)",
        1e6 / large
    );
    println!(
        "time per article, 100,000 to 10,000: {:.2} (at most 1.5)",
        large / small
    );
    println!(
        "resident before and at the end: {before:.0} and {:.0} MiB (at most 400)",
        resident()?
    );
    Ok(())
}
