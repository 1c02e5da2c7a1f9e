//! The pulse of a loop: when it last came round, for those who watch over the process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// When a loop last came round. Clones are of the same loop.
#[derive(Debug, Clone)]
pub struct Pulse {
    part: &'static str,
    /// A round may take so long.
    within: Duration,
    begun: Instant,
    /// The last beat, in milliseconds after the beginning.
    last: Arc<AtomicU64>,
}

impl Pulse {
    /// Of a loop of this name, which comes round within `within`, however much there is to do. Its first round begins now.
    #[must_use]
    pub fn new(part: &'static str, within: Duration) -> Self {
        Self {
            part,
            within,
            begun: Instant::now(),
            last: Arc::default(),
        }
    }

    /// The loop has come round.
    pub(super) fn beat(&self) {
        self.beat_at(Instant::now());
    }

    fn beat_at(&self, now: Instant) {
        let after = now.saturating_duration_since(self.begun).as_millis();
        let after = u64::try_from(after).unwrap_or(u64::MAX);
        self.last.store(after, Ordering::Relaxed);
    }

    /// The name of the loop, if it has not come round in time.
    #[must_use]
    pub fn missed(&self) -> Option<&'static str> {
        self.missed_at(Instant::now())
    }

    fn missed_at(&self, now: Instant) -> Option<&'static str> {
        let last = self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed));
        (now.saturating_duration_since(last) > self.within).then_some(self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_missed_once_it_has_not_come_round_in_time_and_only_until_it_does() {
        let pulse = Pulse::new("poll", Duration::from_mins(1));
        let watched = pulse.clone();
        let at = |seconds| pulse.begun + Duration::from_secs(seconds);
        assert_eq!(watched.missed_at(at(59)), None);
        assert_eq!(watched.missed_at(at(61)), Some("poll"));
        pulse.beat_at(at(61));
        assert_eq!(watched.missed_at(at(120)), None);
        assert_eq!(watched.missed_at(at(122)), Some("poll"));
    }
}
