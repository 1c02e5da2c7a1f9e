//! What can be said honestly about the collection: up to when nothing is missing, and from whom something is.

use std::{cmp::Reverse, collections::HashMap, time::Duration};

use super::{Timestamp, Trouble, Weight};

/// A gap is told for so long after it happened.
const GAP_TOLD_FOR: Duration = Duration::from_hours(24);
/// A worker shows its life every few seconds; after this without a sign it is gone.
const WORKER_SILENT_FOR: Duration = Duration::from_mins(1);
/// A check that is late by this was not made in its time.
const LATE_AFTER: Duration = Duration::from_mins(15);

/// The facts that the statement is made of, as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    /// Feeds that are to be read: all but the paused.
    pub feed_count: i64,
    /// Those of them that were read at least once.
    pub read_count: i64,
    /// Those of them that were never read, and are in no trouble either.
    pub waiting_count: i64,
    /// Feeds that an admin stopped.
    pub paused_count: i64,
    /// The earliest last success of the feeds that are in no trouble: nothing of theirs is missing before it.
    pub complete_to: Option<Timestamp>,
    /// What is missing, feed by feed.
    pub troubles: Vec<SourceTrouble>,
    /// Until when a worker holds its lease; none if none does.
    pub worker_until: Option<Timestamp>,
    /// The check that waits the longest.
    pub oldest_due: Option<Timestamp>,
}

/// A feed from which something is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTrouble {
    /// Name of its source.
    pub source: String,
    /// Feeds of the source that are to be read.
    pub feed_count: i64,
    /// What is wrong.
    pub trouble: Trouble,
    /// Since when: the last success, the last sign of life, or the gap; none if it was never read.
    pub since: Option<Timestamp>,
    /// Entries that fell out unseen, estimated.
    pub missed: u32,
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Working {
    /// A worker does, in time.
    Yes,
    /// One does, but checks are late by this.
    Late(Duration),
    /// None does, since about then.
    No(Timestamp),
}

/// A source that is not read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its name.
    pub source: String,
    /// The worst that is wrong with its feeds.
    pub trouble: Trouble,
    /// Its feeds that are in such trouble.
    pub troubled_count: i64,
    /// Its feeds that are to be read.
    pub feed_count: i64,
    /// Since when; none if it was never read.
    pub since: Option<Timestamp>,
    /// Entries that fell out unseen, estimated.
    pub missed: u32,
}

/// The statement about the collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Before this nothing is missing, but for the exceptions.
    pub complete_to: Option<Timestamp>,
    /// Sources that are not read whole, the worst first.
    pub exceptions: Vec<Exception>,
    /// Who reads.
    pub working: Working,
    /// Feeds that are to be read.
    pub feed_count: i64,
    /// Those of them that were read at least once.
    pub read_count: i64,
    /// Those of them that are still to be read for the first time.
    pub waiting_count: i64,
    /// Feeds that an admin stopped.
    pub paused_count: i64,
}

impl Coverage {
    /// What the facts say at `now`.
    #[must_use]
    pub fn of(facts: &Collection, now: Timestamp) -> Self {
        Self {
            complete_to: facts.complete_to,
            exceptions: exceptions(&facts.troubles, now),
            working: working(facts, now),
            feed_count: facts.feed_count,
            read_count: facts.read_count,
            waiting_count: facts.waiting_count,
            paused_count: facts.paused_count,
        }
    }

    /// What stands before the instant of [`Self::complete_to`], or instead of it.
    #[must_use]
    pub fn lead(&self) -> String {
        match (self.feed_count, self.read_count, self.complete_to) {
            (0, ..) if self.paused_count > 0 => {
                format!(
                    "nothing is read: all {} are paused",
                    feeds(self.paused_count)
                )
            }
            (0, ..) => "no feeds yet".to_owned(),
            (_, 0, _) if self.exceptions.is_empty() => {
                format!("first reading: 0 of {}", feeds(self.feed_count))
            }
            (_, _, None) => "no feed is being read well".to_owned(),
            (_, _, Some(_)) => "complete to".to_owned(),
        }
    }

    /// What stands after the exceptions: what waits, and what is paused.
    #[must_use]
    pub fn rest(&self) -> Vec<String> {
        let waiting = (self.waiting_count > 0 && self.read_count > 0)
            .then(|| format!("{} still to be read", feeds(self.waiting_count)));
        let paused = (self.paused_count > 0 && self.feed_count > 0)
            .then(|| format!("{} paused", self.paused_count));
        waiting.into_iter().chain(paused).collect()
    }

    /// The whole statement in one line, times in UTC: "complete to 06:40 UTC except Tasnim (since Tue 05:10), KCNA
    /// (gap ~3)". At most `named` sources are named, the rest is counted.
    #[must_use]
    pub fn sentence(&self, now: Timestamp, named: usize) -> String {
        let mut parts = vec![self.lead()];
        parts.extend(self.complete_to.map(|to| format!("{} UTC", when(now, to))));
        let mut told: Vec<String> = self
            .exceptions
            .iter()
            .take(named)
            .map(|exception| exception.told(now))
            .collect();
        if self.exceptions.len() > named {
            told.push(format!("{} more", self.exceptions.len() - named));
        }
        if !told.is_empty() {
            parts.push(format!("except {}", told.join(", ")));
        }
        let mut sentence = parts.join(" ");
        match self.working {
            Working::Yes => {}
            Working::Late(by) => {
                sentence = format!("{sentence}; checks are {} minutes late", by.as_secs() / 60);
            }
            Working::No(since) => {
                sentence = format!("{sentence}; no worker since {} UTC", when(now, since));
            }
        }
        for rest in self.rest() {
            sentence = format!("{sentence}; {rest}");
        }
        sentence
    }
}

impl Exception {
    /// What is wrong, up to the instant of [`Self::since`]: "1 of 2 feeds, silent since", "gap ~3".
    #[must_use]
    pub fn lead(&self) -> String {
        let what = match (self.trouble, self.since) {
            (Trouble::Gap, _) => format!("gap ~{}", self.missed),
            (Trouble::Stale, Some(_)) => "silent since".to_owned(),
            (Trouble::Stale, None) => "silent".to_owned(),
            (Trouble::ZeroItems, Some(_)) => "no items since".to_owned(),
            (Trouble::ZeroItems, None) => "no items".to_owned(),
            (_, Some(_)) => "since".to_owned(),
            (_, None) => "never read".to_owned(),
        };
        if self.troubled_count == self.feed_count || self.trouble == Trouble::Gap {
            what
        } else {
            format!(
                "{} of {}, {what}",
                self.troubled_count,
                feeds(self.feed_count)
            )
        }
    }

    /// Whether the instant belongs behind [`Self::lead`].
    #[must_use]
    pub fn told_since(&self) -> Option<Timestamp> {
        self.since.filter(|_| self.trouble != Trouble::Gap)
    }

    fn told(&self, now: Timestamp) -> String {
        let since = self
            .told_since()
            .map(|since| format!(" {}", when(now, since)))
            .unwrap_or_default();
        format!("{} ({}{since})", self.source, self.lead())
    }
}

/// One exception a source: the worst of its feeds' troubles.
fn exceptions(troubles: &[SourceTrouble], now: Timestamp) -> Vec<Exception> {
    let mut by_source: HashMap<&str, Vec<&SourceTrouble>> = HashMap::new();
    for trouble in troubles {
        if trouble.trouble != Trouble::Gap
            || trouble
                .since
                .is_some_and(|gap| now.since(gap) <= GAP_TOLD_FOR)
        {
            by_source.entry(&trouble.source).or_default().push(trouble);
        }
    }
    let mut exceptions: Vec<Exception> = by_source
        .into_values()
        .filter_map(|troubles| exception(&troubles))
        .collect();
    exceptions.sort_by(|one, other| {
        let key = |of: &Exception| (of.trouble.weight(), of.since, Reverse(of.missed));
        key(one)
            .cmp(&key(other))
            .then_with(|| one.source.cmp(&other.source))
    });
    exceptions
}

fn exception(troubles: &[&SourceTrouble]) -> Option<Exception> {
    let kind = |trouble: Trouble| match trouble.weight() {
        // One outage is like another here.
        Weight::Outage => Trouble::Unreachable,
        Weight::Loss | Weight::Oddity => trouble,
    };
    let worst = troubles
        .iter()
        .min_by_key(|trouble| (trouble.trouble.weight(), trouble.trouble, trouble.since))?;
    let alike = || {
        troubles
            .iter()
            .filter(|trouble| kind(trouble.trouble) == kind(worst.trouble))
    };
    Some(Exception {
        source: worst.source.clone(),
        trouble: worst.trouble,
        troubled_count: i64::try_from(alike().count()).unwrap_or(i64::MAX),
        feed_count: worst.feed_count,
        // None, never read, is the longest.
        since: alike().map(|trouble| trouble.since).min().flatten(),
        missed: alike().map(|trouble| trouble.missed).sum(),
    })
}

fn working(facts: &Collection, now: Timestamp) -> Working {
    let late = facts
        .oldest_due
        .map(|due| now.since(due))
        .filter(|late| *late > LATE_AFTER);
    match (facts.worker_until, late) {
        (Some(until), _) if now.since(until) > WORKER_SILENT_FOR => Working::No(until),
        (Some(_), Some(late)) => Working::Late(late),
        (None, Some(late)) => Working::No(now.minus(late)),
        (Some(_) | None, None) => Working::Yes,
    }
}

fn feeds(count: i64) -> String {
    match count {
        1 => "1 feed".to_owned(),
        _ => format!("{count} feeds"),
    }
}

/// An instant in few letters, UTC: the time, the day and the time, or the date.
fn when(now: Timestamp, then: Timestamp) -> String {
    let (today, instant) = (now.to_jiff().strftime("%F"), then.to_jiff());
    let form = if today.to_string() == instant.strftime("%F").to_string() {
        "%H:%M"
    } else if now.since(then) < Duration::from_hours(6 * 24) {
        "%a %H:%M"
    } else {
        "%-d %b %Y"
    };
    instant.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T08:00:00Z, a Tuesday.
    fn now() -> Timestamp {
        Timestamp::from_micros(1_795_507_200_000_000)
    }

    fn ago(minutes: u64) -> Timestamp {
        now().minus(Duration::from_mins(minutes))
    }

    fn whole() -> Collection {
        Collection {
            feed_count: 9,
            read_count: 9,
            complete_to: Some(ago(80)),
            worker_until: Some(now().plus(Duration::from_secs(10))),
            oldest_due: Some(now().plus(Duration::from_mins(4))),
            ..Collection::default()
        }
    }

    fn trouble(
        source: &str,
        trouble: Trouble,
        since: Option<Timestamp>,
        missed: u32,
    ) -> SourceTrouble {
        SourceTrouble {
            source: source.to_owned(),
            feed_count: 2,
            trouble,
            since,
            missed,
        }
    }

    fn said(facts: &Collection) -> String {
        Coverage::of(facts, now()).sentence(now(), 2)
    }

    #[test]
    fn a_whole_collection_says_up_to_when() {
        assert_eq!(said(&whole()), "complete to 06:40 UTC");
    }

    #[test]
    fn exceptions_are_named_the_worst_first_and_one_a_source() {
        let facts = Collection {
            troubles: vec![
                trouble("KCNA", Trouble::Gap, Some(ago(60)), 2),
                trouble("KCNA", Trouble::Gap, Some(ago(90)), 1),
                trouble("Tasnim", Trouble::Stale, Some(ago(2_000)), 0),
                trouble("Tasnim", Trouble::Refused, Some(ago(24 * 60)), 0),
                trouble("Tasnim", Trouble::Unreachable, Some(ago(30)), 0),
            ],
            ..whole()
        };
        assert_eq!(
            said(&facts),
            "complete to 06:40 UTC except Tasnim (since Mon 08:00), KCNA (gap ~3)"
        );
    }

    #[test]
    fn a_part_of_a_source_is_counted_and_many_sources_are() {
        let facts = Collection {
            troubles: vec![
                trouble("A", Trouble::Stale, Some(ago(72 * 60)), 0),
                trouble("B", Trouble::Unreachable, None, 0),
                trouble("C", Trouble::ZeroItems, Some(ago(60)), 0),
            ],
            ..whole()
        };
        assert_eq!(
            said(&facts),
            "complete to 06:40 UTC except B (1 of 2 feeds, never read), \
             A (1 of 2 feeds, silent since Sat 08:00), 1 more"
        );
    }

    #[test]
    fn a_gap_of_the_day_before_yesterday_is_history() {
        let facts = Collection {
            troubles: vec![trouble("KCNA", Trouble::Gap, Some(ago(25 * 60)), 3)],
            ..whole()
        };
        assert_eq!(said(&facts), "complete to 06:40 UTC");
    }

    #[test]
    fn a_worker_that_is_gone_or_late_is_told() {
        let gone = Collection {
            worker_until: Some(ago(48)),
            ..whole()
        };
        assert_eq!(
            said(&gone),
            "complete to 06:40 UTC; no worker since 07:12 UTC"
        );
        let late = Collection {
            oldest_due: Some(ago(20)),
            ..whole()
        };
        assert_eq!(
            said(&late),
            "complete to 06:40 UTC; checks are 20 minutes late"
        );
        let never = Collection {
            worker_until: None,
            ..late
        };
        assert_eq!(
            said(&never),
            "complete to 06:40 UTC; no worker since 07:40 UTC"
        );
        let between_passes = Collection {
            worker_until: None,
            ..whole()
        };
        assert_eq!(said(&between_passes), "complete to 06:40 UTC");
    }

    #[test]
    fn a_beginning_is_no_trouble_and_a_pause_is_told() {
        assert_eq!(said(&Collection::default()), "no feeds yet");
        let waiting = Collection {
            feed_count: 34,
            waiting_count: 34,
            ..Collection::default()
        };
        assert_eq!(said(&waiting), "first reading: 0 of 34 feeds");
        let some = Collection {
            waiting_count: 1,
            paused_count: 2,
            ..whole()
        };
        assert_eq!(
            said(&some),
            "complete to 06:40 UTC; 1 feed still to be read; 2 paused"
        );
        let all_paused = Collection {
            paused_count: 3,
            ..Collection::default()
        };
        assert_eq!(said(&all_paused), "nothing is read: all 3 feeds are paused");
    }
}
