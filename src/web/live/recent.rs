//! What arrived lately: read once for all streams of this process, and written down once for all who read alike.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex as Lock, PoisonError},
};

use tokio::sync::Mutex;

use crate::{
    domain::ClockFormat,
    store::{
        PgPool, StoreError,
        board::{self, BoardLine},
        desk,
    },
};

/// Numbers of arrival read at a time.
pub(super) const BATCH: usize = 50;

/// Numbers that are kept. Who is further behind reads for themselves.
const KEPT: usize = 400;

/// How a reader wants lines to be written down: zone, clock, language, and whether lines can be chosen.
pub(super) type Taste = (String, ClockFormat, &'static str, bool);

/// What stands under one number.
pub(super) struct Arrived {
    /// The number.
    pub(super) number: i64,
    /// Its lines.
    pub(super) lines: Vec<BoardLine>,
    /// A change of the desk that the lines show, with all before it; what came later they may not show.
    pub(super) desk: i64,
    written: Lock<Vec<(Taste, Arc<str>)>>,
}

impl Arrived {
    /// The lines as this taste wants them, written down by `write` if nobody of it asked before.
    pub(super) fn written(
        &self,
        taste: &Taste,
        write: impl FnOnce(&[BoardLine]) -> Option<String>,
    ) -> Option<Arc<str>> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = written.iter().find(|(known, _)| known == taste) {
            return Some(Arc::clone(text));
        }
        let text: Arc<str> = write(&self.lines)?.into();
        written.push((taste.clone(), Arc::clone(&text)));
        Some(text)
    }
}

/// What arrived lately.
#[derive(Default)]
pub(in crate::web) struct Recent {
    kept: Mutex<Option<Kept>>,
}

/// Everything after `from`, up to `to`.
struct Kept {
    from: i64,
    to: i64,
    arrived: VecDeque<Arc<Arrived>>,
}

impl Recent {
    /// The next numbers after `seen`, in their order, at most [`BATCH`]. `last` is the last number given so far.
    pub(super) async fn after(
        &self,
        db: &PgPool,
        seen: i64,
        last: i64,
    ) -> Result<Vec<Arc<Arrived>>, StoreError> {
        // All who wait here wait for one question to the database.
        let mut kept = self.kept.lock().await;
        let known = kept.get_or_insert_with(|| Kept {
            from: last,
            to: last,
            arrived: VecDeque::new(),
        });
        if seen < known.from {
            drop(kept);
            return read(db, seen, last).await;
        }
        if known.to < last {
            let fresh = read(db, known.to, last).await?;
            known.take(fresh, last);
        }
        Ok(known
            .arrived
            .iter()
            .filter(|arrived| arrived.number > seen)
            .take(BATCH)
            .cloned()
            .collect())
    }
}

impl Kept {
    /// Takes up what was read after `to`, when `last` was given already.
    fn take(&mut self, fresh: Vec<Arc<Arrived>>, last: i64) {
        let is_all = fresh.len() < BATCH;
        let read_to = fresh.last().map_or(self.to, |arrived| arrived.number);
        self.to = if is_all { read_to.max(last) } else { read_to };
        self.arrived.extend(fresh);
        while self.arrived.len() > KEPT {
            if let Some(oldest) = self.arrived.pop_front() {
                self.from = oldest.number;
            }
        }
    }
}

/// The next numbers after `seen` up to `last`: what was given since may stand in no story yet.
async fn read(db: &PgPool, seen: i64, last: i64) -> Result<Vec<Arc<Arrived>>, StoreError> {
    let batch = i64::try_from(BATCH).unwrap_or(i64::MAX);
    // Before the lines: they show all changes up to it.
    let desk = desk::last_number(db).await?;
    let lines = board::lines_arrived_after(db, seen, last, batch).await?;
    let mut arrived: Vec<Arrived> = Vec::new();
    for line in lines {
        let Some(number) = line.arrival else { continue };
        match arrived.last_mut() {
            Some(last) if last.number == number => last.lines.push(line),
            _ => arrived.push(Arrived {
                number,
                lines: vec![line],
                desk,
                written: Lock::default(),
            }),
        }
    }
    Ok(arrived.into_iter().map(Arc::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(numbers: std::ops::Range<i64>) -> Vec<Arc<Arrived>> {
        let one = |number| Arrived {
            number,
            lines: Vec::new(),
            desk: 0,
            written: Lock::default(),
        };
        numbers.map(|number| Arc::new(one(number))).collect()
    }

    #[test]
    fn what_is_kept_is_whole_from_its_beginning_to_its_end() {
        let mut kept = Kept {
            from: 10,
            to: 10,
            arrived: VecDeque::new(),
        };
        // Numbers without a line are passed over; what was given by then has been read.
        kept.take(arrived(12..14), 20);
        assert_eq!((kept.from, kept.to), (10, 20));
        // A full batch may not be all.
        kept.take(arrived(21..71), 500);
        assert_eq!((kept.from, kept.to), (10, 70));
        for first in (71..).step_by(BATCH).take(9) {
            kept.take(arrived(first..first + 50), 600);
        }
        assert_eq!(kept.arrived.len(), KEPT);
        assert_eq!(kept.from + 1, kept.arrived[0].number);
    }

    #[test]
    fn lines_are_written_down_once_for_each_taste() {
        let one = arrived(1..2).remove(0);
        let taste = |zone: &str| (zone.to_owned(), ClockFormat::Hours24, "en", true);
        let write = |text: &'static str| move |_: &[BoardLine]| Some(text.to_owned());
        assert_eq!(one.written(&taste("UTC"), write("a")).as_deref(), Some("a"));
        assert_eq!(one.written(&taste("UTC"), write("b")).as_deref(), Some("a"));
        assert_eq!(
            one.written(&taste("Asia/Seoul"), write("c")).as_deref(),
            Some("c")
        );
    }
}
