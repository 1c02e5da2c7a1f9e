//! The rhythm of a feed: how many new entries are expected when.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "an estimate: counts and hours are small, and what is out of range is clamped before"
)]

use std::{array, iter};

use super::Timestamp;

/// Hours of a week; the first is Monday 00:00 UTC.
pub const WEEK_HOURS: usize = 168;

/// Weeks that are looked through.
const MOST_WEEKS: f64 = 10.0;

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_HOURS: f64 = 24.0;

/// The level is what the last days say; the shape of day and week, what the last weeks say. After so many hours an
/// observation counts for about a third.
const LEVEL_MEMORY: f64 = 6.0 * DAY_HOURS;
const SHAPE_MEMORY: f64 = 35.0 * DAY_HOURS;

/// Time constants, in hours, of the answers that an entry draws: a batch, a burst, a running story.
/// Longer ones could not be told from the hours of the day.
const ECHO_HOURS: [f64; ECHOES] = [0.08, 0.5, 2.0];
const ECHOES: usize = 3;

/// Before anything is known: so many entries in so many hours.
const PRIOR_ENTRIES: f64 = 0.5;
const PRIOR_HOURS: f64 = 4.0;

/// Entries of the last days that outweigh the norm of the last weeks.
const LEVEL_PRIOR: f64 = 4.0;

/// An hour of the day, or a day of the week, departs from the mean once it has about this many entries of its own.
const SHAPE_PRIOR: f64 = 2.0;

/// Entries that must have been seen before bursts are believed in.
const ECHO_PRIOR: f64 = 12.0;
const PRIOR_ECHO: f64 = 0.05;
/// However bursty a feed is, some of its entries come by themselves.
const MOST_ECHO: f64 = 0.8;

/// However long the lull, this share of the usual rate is expected.
const LEAST_OF_USUAL: f64 = 0.05;

/// A gap between two entries of one document that says nothing of the rhythm of today, in hours.
const LONGEST_HISTORY: f64 = 28.0 * DAY_HOURS;

/// An estimate of a feed's rate of publication by hour of the day and day of the week, with the bursts that it is given
/// to. Learnt step by step; what is old fades.
///
/// Entries are modelled as a self-exciting process (Hawkes 1971): a part arrives at the usual rate of the hour, a part is
/// drawn by entries shortly before. Which part is which is estimated as by expectation maximisation, one entry at a time.
/// Hours and days are those of UTC; a change of the publisher's clock fades in like any other.
#[derive(Debug, Clone, PartialEq)]
pub struct Rhythm {
    /// Observed from here …
    since: Timestamp,
    /// … to here, without a gap.
    until: Timestamp,
    /// Entries of the last days, decayed.
    level: f64,
    /// Entries by hour of the day, decayed slowly.
    hours: [f64; 24],
    /// Entries by day of the week, Monday first.
    days: [f64; 7],
    /// The sum over past entries of exp(−age / time constant), at `until`.
    echoes: [f64; ECHOES],
    /// Entries that were drawn by others, decayed slowly.
    drawn: [f64; ECHOES],
}

/// The numbers of a rhythm that is stored: all but its two instants.
const STORED_NUMBERS: usize = 1 + 24 + 7 + 2 * ECHOES;

impl Rhythm {
    /// Nothing known, observed from `now` on.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            until: now,
            level: 0.0,
            hours: [0.0; 24],
            days: [0.0; 7],
            echoes: [0.0; ECHOES],
            drawn: [0.0; ECHOES],
        }
    }

    /// What a document says that is read for the first time at `now`: its entries are the past from the oldest on.
    /// `entries` are their dates, in any order; those of the future and those older than four weeks are not counted.
    #[must_use]
    pub fn from_history(now: Timestamp, entries: &[Timestamp]) -> Self {
        let horizon = shifted(now, -LONGEST_HISTORY);
        let mut past: Vec<Timestamp> = entries
            .iter()
            .copied()
            .filter(|entry| *entry > horizon && *entry < now)
            .collect();
        past.sort_unstable();
        let is_longer = entries.iter().any(|entry| *entry <= horizon);
        let mut rhythm = match (is_longer, past.first()) {
            (true, _) => Self::new(horizon),
            // The oldest opens the time observed, so it is not counted in it.
            (false, Some(first)) => Self::new(*first),
            (false, None) => Self::new(now),
        };
        let counted = if is_longer { 0 } else { past.len().min(1) };
        rhythm.observe(now, &past[counted..]);
        rhythm
    }

    /// Adds that exactly these entries appeared between the last observation and `now`. `entries` are their dates;
    /// what lies outside that time is taken to be spread over it.
    pub fn observe(&mut self, now: Timestamp, entries: &[Timestamp]) {
        let from = self.until;
        let now = now.max(from);
        if entries.is_empty() {
            self.advance(now);
            return;
        }
        let span = hours_between(from, now);
        let count = entries.len();
        let mut instants: Vec<Timestamp> = entries
            .iter()
            .enumerate()
            .map(|(index, at)| {
                if (from..=now).contains(at) {
                    *at
                } else {
                    shifted(from, span * (index as f64 + 0.5) / count as f64)
                }
            })
            .collect();
        instants.sort_unstable();
        let week = self.week();
        for at in instants {
            self.advance(at);
            self.count(at, &week);
        }
        self.advance(now);
    }

    /// Lets time pass without an entry.
    fn advance(&mut self, to: Timestamp) {
        let hours = hours_between(self.until, to);
        if hours <= 0.0 {
            return;
        }
        self.level *= (-hours / LEVEL_MEMORY).exp();
        let kept = (-hours / SHAPE_MEMORY).exp();
        for count in self
            .hours
            .iter_mut()
            .chain(&mut self.days)
            .chain(&mut self.drawn)
        {
            *count *= kept;
        }
        for (echo, constant) in self.echoes.iter_mut().zip(ECHO_HOURS) {
            *echo *= (-hours / constant).exp();
        }
        self.until = to;
    }

    fn count(&mut self, at: Timestamp, week: &[f64; WEEK_HOURS]) {
        let (shares, own) = self.shares();
        let drawn: [f64; ECHOES] = array::from_fn(|k| shares[k] * self.echoes[k] / ECHO_HOURS[k]);
        let all = own * week[hour_of_week(at)] + drawn.iter().sum::<f64>();
        if all > 0.0 {
            for (sum, rate) in self.drawn.iter_mut().zip(drawn) {
                *sum += rate / all;
            }
        }
        self.echoes = self.echoes.map(|echo| echo + 1.0);
        self.level += 1.0;
        let hour = hour_of_week(at);
        self.hours[hour % 24] += 1.0;
        self.days[hour / 24] += 1.0;
    }

    /// The share of entries that each kind of echo draws, and the share that comes by itself.
    fn shares(&self) -> ([f64; ECHOES], f64) {
        let seen = self.entries() + ECHO_PRIOR;
        let prior = PRIOR_ECHO * ECHO_PRIOR;
        let mut shares = self.drawn.map(|drawn| (drawn + prior) / seen);
        let all: f64 = shares.iter().sum();
        if all > MOST_ECHO {
            shares = shares.map(|share| share * MOST_ECHO / all);
        }
        (shares, 1.0 - all.min(MOST_ECHO))
    }

    /// Entries seen in the last weeks, decayed.
    #[must_use]
    pub fn entries(&self) -> f64 {
        self.days.iter().sum()
    }

    /// Whether enough was seen to speak of a rhythm: a day, or some entries.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.entries() >= 3.0 || hours_between(self.since, self.until) >= DAY_HOURS
    }

    /// New entries a day, over the last weeks: the feed's norm.
    #[must_use]
    pub fn per_day(&self) -> f64 {
        DAY_HOURS * (self.entries() + PRIOR_ENTRIES) / (self.memory(SHAPE_MEMORY) + PRIOR_HOURS)
    }

    /// Hours observed, decayed with the time constant `memory`.
    fn memory(&self, memory: f64) -> f64 {
        memory * -(-hours_between(self.since, self.until) / memory).exp_m1()
    }

    /// Entries an hour for each hour of the week, bursts aside.
    #[must_use]
    pub fn week(&self) -> [f64; WEEK_HOURS] {
        let norm = self.per_day() / DAY_HOURS;
        // Few entries in few days say little: then the norm counts.
        let level = (self.level + LEVEL_PRIOR) / (self.memory(LEVEL_MEMORY) + LEVEL_PRIOR / norm);
        self.shape().map(|share| level * share)
    }

    /// How much busier than the mean each hour of the week is. Its mean is 1.
    fn shape(&self) -> [f64; WEEK_HOURS] {
        // Bursts make counts wilder than chance does, so that more of them are needed.
        let (_, own) = self.shares();
        let prior = SHAPE_PRIOR / own.max(0.5);
        let observed = self.observed_hours();
        let all: f64 = observed.iter().sum::<f64>().max(1e-9);
        let rate = self.entries() / all;
        let by_hour: [f64; 24] = array::from_fn(|hour| {
            let time: f64 = (0..7).map(|day| observed[day * 24 + hour]).sum();
            (self.hours[hour] + prior) / rate.mul_add(time, prior)
        });
        let by_day: [f64; 7] = array::from_fn(|day| {
            let time: f64 = observed[day * 24..(day + 1) * 24].iter().sum();
            (self.days[day] + prior) / rate.mul_add(time, prior)
        });
        let shape: [f64; WEEK_HOURS] =
            array::from_fn(|hour| by_hour[hour % 24] * by_day[hour / 24]);
        let mean = shape.iter().sum::<f64>() / WEEK_HOURS as f64;
        shape.map(|share| share / mean.max(1e-9))
    }

    /// How long each hour of the week was observed, decayed. After some weeks all are the same.
    fn observed_hours(&self) -> [f64; WEEK_HOURS] {
        let span = hours_between(self.since, self.until);
        let weeks = (span / WEEK_HOURS as f64).floor();
        let decay = |hours: f64| (-hours / SHAPE_MEMORY).exp();
        // Whole weeks are a geometric series.
        let whole = (1.0 - decay(weeks * WEEK_HOURS as f64)) / (1.0 - decay(WEEK_HOURS as f64));
        let mut observed = [whole; WEEK_HOURS];
        let rest = span - weeks * WEEK_HOURS as f64;
        let weight = decay(weeks * WEEK_HOURS as f64);
        let first = hour_of_week(self.since);
        for step in 0..(rest.ceil() as usize).min(WEEK_HOURS) {
            observed[(first + step) % WEEK_HOURS] += weight;
        }
        observed
    }

    /// What is expected from the last observation on.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        let week = self.week();
        let (shares, _) = self.shares();
        let usual = week[hour_of_week(self.until)];
        Outlook {
            from: self.until,
            week,
            excess: array::from_fn(|k| shares[k] * (self.echoes[k] / ECHO_HOURS[k] - usual)),
            // An echo draws echoes of its own, and so lasts longer.
            lasting: array::from_fn(|k| ECHO_HOURS[k] / (1.0 - shares[k].min(0.6))),
        }
    }

    /// The expected number of new entries from `from` to `to`, as seen from the last observation.
    #[must_use]
    pub fn expected(&self, from: Timestamp, to: Timestamp) -> f64 {
        self.outlook().entries(from, to)
    }

    /// How likely it is that a feed in good order is silent from its last new entry to `now`: near 1 is usual, near 0
    /// is out of the norm. Bursts count once, and a norm made of few entries is doubted.
    #[must_use]
    pub fn silence(&self, last_new: Timestamp, now: Timestamp) -> f64 {
        let (_, own) = self.shares();
        let seen = (self.entries() * own).max(0.25);
        let norm = self.per_day() / DAY_HOURS;
        let shape = self.shape();
        // What lies beyond the tenth week says no more. Over a whole week the shape is 1 on the mean.
        let week = WEEK_HOURS as f64;
        let now = now.min(shifted(last_new, MOST_WEEKS * week));
        let whole = (hours_between(last_new, now) / week).floor() * week;
        let rest: f64 = hourly(shifted(last_new, whole), now)
            .map(|(hour, hours)| shape[hour] * hours)
            .sum();
        let expected = norm * (whole + rest);
        // A rate known from `seen` entries is gamma distributed, the silence under it negative binomial.
        (1.0 + expected * own / seen).powf(-seen)
    }

    /// The norm for people: "≈ 9 a day, quiet at night (20–04 UTC), quiet on Fri".
    #[must_use]
    pub fn told(&self) -> String {
        if !self.is_known() {
            return "norm not known yet".to_owned();
        }
        let shape = self.shape();
        let hours: [f64; 24] =
            array::from_fn(|hour| (0..7).map(|day| shape[day * 24 + hour]).sum::<f64>() / 7.0);
        let days: [f64; 7] =
            array::from_fn(|day| shape[day * 24..(day + 1) * 24].iter().sum::<f64>() / DAY_HOURS);
        iter::once(told_rate(self.per_day()))
            .chain(told_night(&hours))
            .chain(told_days(&days))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Since when and until when the feed was observed.
    #[must_use]
    pub const fn observed(&self) -> (Timestamp, Timestamp) {
        (self.since, self.until)
    }

    /// The bytes to store beside the two instants of [`Self::observed`]: 32-bit floats, little-endian.
    #[must_use]
    pub fn stored(&self) -> Vec<u8> {
        iter::once(self.level)
            .chain(self.hours)
            .chain(self.days)
            .chain(self.echoes)
            .chain(self.drawn)
            .flat_map(|number| (number as f32).to_le_bytes())
            .collect()
    }

    /// A rhythm as stored; none if the bytes are not those of one.
    #[must_use]
    pub fn from_stored(since: Timestamp, until: Timestamp, bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<f64> = numbers
            .iter()
            .map(|number| f64::from(f32::from_le_bytes(*number)))
            .filter(|number| number.is_finite() && *number >= 0.0)
            .collect();
        if numbers.len() != STORED_NUMBERS || !rest.is_empty() || until < since {
            return None;
        }
        let mut numbers = numbers.into_iter();
        let mut next = || numbers.next().unwrap_or_default();
        Some(Self {
            since,
            until,
            level: next(),
            hours: array::from_fn(|_| next()),
            days: array::from_fn(|_| next()),
            echoes: array::from_fn(|_| next()),
            drawn: array::from_fn(|_| next()),
        })
    }
}

/// The rate at which entries are expected to appear.
#[derive(Debug, Clone)]
pub struct Outlook {
    from: Timestamp,
    /// Entries an hour by hour of the week, bursts aside.
    week: [f64; WEEK_HOURS],
    /// Entries an hour beside the usual at `from`, by kind of echo; negative in a lull.
    excess: [f64; ECHOES],
    /// Time constants of their fading, in hours.
    lasting: [f64; ECHOES],
}

impl Outlook {
    /// Entries an hour by hour of the week, bursts aside.
    #[must_use]
    pub const fn week(&self) -> &[f64; WEEK_HOURS] {
        &self.week
    }

    /// The time of day `hours` after the last observation: "14:00 UTC".
    #[must_use]
    pub fn clock(&self, hours: f64) -> String {
        let at = shifted(self.from, hours).to_jiff();
        at.strftime("%H:%M UTC").to_string()
    }

    /// Entries an hour, `hours` after the last observation.
    #[must_use]
    pub fn rate(&self, hours: f64) -> f64 {
        let usual = self.week[hour_of_week(shifted(self.from, hours))];
        let echo: f64 = (0..ECHOES)
            .map(|k| self.excess[k] * (-hours / self.lasting[k]).exp())
            .sum();
        (usual + echo).max(usual * LEAST_OF_USUAL)
    }

    /// The expected number of new entries from `from` to `to`.
    #[must_use]
    pub fn entries(&self, from: Timestamp, to: Timestamp) -> f64 {
        let usual: f64 = hourly(from, to)
            .map(|(hour, hours)| self.week[hour] * hours)
            .sum();
        let (start, end) = (hours_between(self.from, from), hours_between(self.from, to));
        let echo: f64 = (0..ECHOES)
            .map(|k| {
                let left = |hours: f64| (-hours / self.lasting[k]).exp();
                self.excess[k] * self.lasting[k] * (left(start) - left(end))
            })
            .sum();
        (usual + echo).max(usual * LEAST_OF_USUAL)
    }
}

/// The hour of the week, 0 being Monday 00:00 UTC.
#[must_use]
pub fn hour_of_week(at: Timestamp) -> usize {
    // 1970-01-01 was a Thursday.
    let hour = at.as_micros().div_euclid(HOUR_MICROS) + 3 * 24;
    usize::try_from(hour.rem_euclid(WEEK_HOURS as i64)).unwrap_or(0)
}

/// `from` to `to` in pieces that lie within one hour: the hour of the week, and the length in hours. What lies
/// beyond the tenth week is left out.
fn hourly(from: Timestamp, to: Timestamp) -> impl Iterator<Item = (usize, f64)> {
    let end = to.as_micros();
    iter::successors(Some(from.as_micros()), |at| {
        Some((at.div_euclid(HOUR_MICROS) + 1) * HOUR_MICROS)
    })
    .take_while(move |at| *at < end)
    .take(MOST_WEEKS as usize * WEEK_HOURS)
    .map(move |at| {
        let next = ((at.div_euclid(HOUR_MICROS) + 1) * HOUR_MICROS).min(end);
        (
            hour_of_week(Timestamp::from_micros(at)),
            (next - at) as f64 / HOUR_MICROS as f64,
        )
    })
}

fn hours_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_micros() - from.as_micros()).max(0) as f64 / HOUR_MICROS as f64
}

fn shifted(at: Timestamp, hours: f64) -> Timestamp {
    Timestamp::from_micros(at.as_micros() + (hours * HOUR_MICROS as f64) as i64)
}

fn told_rate(per_day: f64) -> String {
    match per_day {
        rate if rate >= 0.95 => format!("≈ {rate:.0} a day"),
        rate if rate * 7.0 >= 0.95 => format!("≈ {:.0} a week", rate * 7.0),
        rate if rate * 30.0 >= 1.5 => format!("≈ {:.0} a month", rate * 30.0),
        _ => "less than one a month".to_owned(),
    }
}

/// The longest run of hours with next to nothing, if it is long enough to be a night.
fn told_night(hours: &[f64; 24]) -> Option<String> {
    const QUIET: f64 = 0.4;
    let run = |start: usize| {
        (0..24)
            .take_while(|step| hours[(start + step) % 24] < QUIET)
            .count()
    };
    let start = (0..24).max_by_key(|start| (run(*start), 24 - start))?;
    let length = run(start);
    ((4..=20).contains(&length)).then(|| {
        format!(
            "quiet at night ({start:02}–{:02} UTC)",
            (start + length) % 24
        )
    })
}

fn told_days(days: &[f64; 7]) -> Option<String> {
    const QUIET: f64 = 0.45;
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let quiet: Vec<&str> = NAMES
        .into_iter()
        .zip(days)
        .filter(|(_, share)| **share < QUIET)
        .map(|(name, _)| name)
        .collect();
    match quiet.as_slice() {
        [] => None,
        ["Sat", "Sun"] => Some("quiet at weekends".to_owned()),
        _ if quiet.len() > 4 => None,
        _ => Some(format!("quiet on {}", quiet.join(" and "))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().unwrap())
    }

    /// A Monday.
    fn start() -> Timestamp {
        at("2026-11-02T00:00:00Z")
    }

    fn later(hours: f64) -> Timestamp {
        shifted(start(), hours)
    }

    /// What `weeks` of polls every half hour teach of a feed with entries at the hours (of the week) of `when`.
    fn taught(weeks: usize, when: impl Fn(usize) -> usize) -> Rhythm {
        let mut rhythm = Rhythm::new(start());
        for hour in 0..weeks * WEEK_HOURS {
            let count = when(hour % WEEK_HOURS);
            let entries: Vec<Timestamp> = (0..count)
                .map(|n| later(hour as f64 + (n as f64 + 0.5) / count as f64))
                .collect();
            rhythm.observe(later(hour as f64 + 1.0), &entries);
        }
        rhythm
    }

    #[test]
    fn a_steady_feed_is_known_by_its_rate() {
        let rhythm = taught(3, |hour| usize::from(hour % 3 == 0));
        assert!((rhythm.per_day() - 8.0).abs() < 0.4, "{}", rhythm.per_day());
        let (_, until) = rhythm.observed();
        let day = rhythm.expected(until, shifted(until, 24.0));
        assert!((day - 8.0).abs() < 1.0, "{day}");
        assert_eq!(rhythm.told(), "≈ 8 a day");
    }

    #[test]
    fn nights_and_weekends_are_quiet() {
        let rhythm = taught(3, |hour| {
            usize::from(hour < 120 && (6..18).contains(&(hour % 24)))
        });
        let monday = shifted(rhythm.observed().1, 0.0);
        let by_day = rhythm.expected(shifted(monday, 10.0), shifted(monday, 11.0));
        let by_night = rhythm.expected(shifted(monday, 26.0), shifted(monday, 27.0));
        assert!(
            by_day > 4.0 * by_night && by_day > 0.5,
            "{by_day} {by_night}"
        );
        assert_eq!(
            rhythm.told(),
            "≈ 8 a day, quiet at night (18–06 UTC), quiet at weekends"
        );
        let friday_night = shifted(monday, -55.0);
        let usual = rhythm.silence(friday_night, monday);
        let unusual = rhythm.silence(shifted(monday, 8.0), shifted(monday, 17.0));
        assert!(usual > 5.0 * unusual, "{usual} {unusual}");
    }

    #[test]
    fn silence_of_weeks_is_that_of_their_hours() {
        let rhythm = taught(3, |hour| {
            usize::from(hour < 120 && (6..18).contains(&(hour % 24)))
        });
        let week = WEEK_HOURS as f64;
        let (_, own) = rhythm.shares();
        let seen = rhythm.entries() * own;
        let shape = rhythm.shape();
        let until = rhythm.observed().1;
        for weeks in [0.3, 1.0, 3.7, 9.9] {
            let from = shifted(until, -weeks * week);
            let hours: f64 = hourly(from, until)
                .map(|(hour, hours)| shape[hour] * hours)
                .sum();
            let expected = rhythm.per_day() / DAY_HOURS * hours;
            let chance = (1.0 + expected * own / seen).powf(-seen);
            let told = rhythm.silence(from, until);
            assert!(
                (told / chance - 1.0).abs() < 1e-9,
                "{weeks}: {told} {chance}"
            );
        }
        let rare = taught(3, |hour| usize::from(hour == 50));
        let after = |weeks: f64| rare.silence(shifted(until, -weeks * week), until);
        assert!(after(9.0) > after(10.0));
        assert!(
            (after(10.0) / after(50.0) - 1.0).abs() < 1e-9,
            "later weeks say no more"
        );
    }

    #[test]
    fn silence_beyond_the_norm_is_told_from_silence_within() {
        let busy = taught(2, |hour| usize::from(hour % 2 == 0));
        let until = busy.observed().1;
        assert!(busy.silence(shifted(until, -2.0), until) > 0.3);
        assert!(busy.silence(shifted(until, -24.0), until) < 0.01);
        let rare = taught(3, |hour| usize::from(hour == 50));
        assert!(rare.silence(shifted(until, -72.0), until) > 0.5);
        assert!(
            Rhythm::new(start()).silence(start(), later(24.0)) > 0.3,
            "nothing is known yet"
        );
    }

    #[test]
    fn bursts_raise_what_is_expected_next_but_not_the_norm_of_silence() {
        // Twice a week six entries within an hour.
        let bursty = taught(4, |hour| if hour % 84 == 10 { 6 } else { 0 });
        let steady = taught(4, |hour| usize::from(hour % 14 == 0));
        let mut both = [bursty, steady];
        let before: Vec<f64> = both
            .iter()
            .map(|rhythm| rhythm.expected(rhythm.observed().1, shifted(rhythm.observed().1, 1.0)))
            .collect();
        for rhythm in &mut both {
            let until = rhythm.observed().1;
            rhythm.observe(
                shifted(until, 0.2),
                &[shifted(until, 0.1), shifted(until, 0.15)],
            );
        }
        let rise = |n: usize| {
            let until = both[n].observed().1;
            both[n].expected(until, shifted(until, 1.0)) / before[n]
        };
        assert!(
            rise(0) > 4.0 && rise(0) > 2.0 * rise(1),
            "{} {}",
            rise(0),
            rise(1)
        );
    }

    #[test]
    fn a_first_document_is_history() {
        let now = at("2026-11-23T12:00:00Z");
        let dates: Vec<Timestamp> = (1..=30)
            .map(|n| shifted(now, -8.0 * f64::from(n)))
            .collect();
        let rhythm = Rhythm::from_history(now, &dates);
        assert!((rhythm.per_day() - 3.0).abs() < 0.3, "{}", rhythm.per_day());
        let ancient = Rhythm::from_history(now, &[at("2011-01-01T00:00:00Z"), shifted(now, -30.0)]);
        assert!(
            ancient.per_day() < 0.1,
            "one in four weeks: {}",
            ancient.per_day()
        );
        let future = Rhythm::from_history(now, &[at("2124-01-01T00:00:00Z")]);
        assert_eq!(future, Rhythm::new(now));
        assert_eq!(future.told(), "norm not known yet");
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let rhythm = taught(1, |hour| hour % 2);
        let (since, until) = rhythm.observed();
        let again = Rhythm::from_stored(since, until, &rhythm.stored()).unwrap();
        assert!((again.per_day() - rhythm.per_day()).abs() < 1e-4);
        assert_eq!(again.stored(), rhythm.stored());
        assert_eq!(
            Rhythm::from_stored(since, until, &rhythm.stored()[1..]),
            None
        );
        assert_eq!(Rhythm::from_stored(until, since, &rhythm.stored()), None);
    }

    #[test]
    fn the_week_begins_on_monday() {
        assert_eq!(hour_of_week(at("2026-11-23T00:30:00Z")), 0);
        assert_eq!(hour_of_week(at("2026-11-29T23:59:59Z")), 167);
        assert_eq!(hour_of_week(at("1969-12-31T23:00:00Z")), 2 * 24 + 23);
    }

    proptest! {
        #[test]
        fn nothing_observed_breaks_a_rhythm(
            steps in prop::collection::vec((any::<i64>(), prop::collection::vec(any::<i64>(), 0..5)), 0..20),
            from in any::<i64>(),
            to in any::<i64>(),
        ) {
            let mut rhythm = Rhythm::new(start());
            for (now, entries) in steps {
                let entries: Vec<Timestamp> = entries.into_iter().map(Timestamp::from_micros).collect();
                rhythm.observe(Timestamp::from_micros(now), &entries);
            }
            let (from, to) = (Timestamp::from_micros(from), Timestamp::from_micros(to));
            let (since, until) = rhythm.observed();
            prop_assert!(rhythm.expected(from, to).is_finite() && rhythm.per_day().is_finite());
            prop_assert!((0.0..=1.0).contains(&rhythm.silence(from, to)));
            prop_assert!(Rhythm::from_stored(since, until, &rhythm.stored()).is_some());
        }
    }
}
