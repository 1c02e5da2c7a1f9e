//! Seats for answers that last: live streams, searches of the backlog, exports. Nobody has all of them, and whoever does not read
//! what is sent loses the seat to the next one who wants it.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{error::WebError, peer::Peer, visitor::Visitor};
use crate::domain::{ApiTokenId, UserId};

/// Whose seats are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    User(UserId),
    Program(ApiTokenId),
    Address(IpAddr),
}

impl Holder {
    /// A person with all their browsers, a program, or everybody behind one address.
    pub(super) fn of(visitor: &Visitor, peer: Peer) -> Self {
        match visitor {
            Visitor::Member(member) => Self::User(member.id),
            Visitor::Program(program) => Self::Program(program.token),
            Visitor::Nobody | Visitor::Reader => Self::Address(peer.address),
        }
    }
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSeat {
    /// All are taken.
    Full,
    /// This holder has as many as one may have.
    Yours,
}

impl NoSeat {
    /// The answer; `full` where all are taken.
    pub(super) fn or(self, full: WebError) -> WebError {
        match self {
            Self::Full => full,
            Self::Yours => WebError::TooManyOfYours,
        }
    }
}

/// The seats of one kind.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    most_of_one: usize,
    /// Who took nothing for so long has lost the seat when another one wants it.
    patience: Duration,
    begun: Instant,
    taken: Mutex<Vec<Arc<Place>>>,
}

#[derive(Debug)]
struct Place {
    holder: Holder,
    /// When something was last taken, in milliseconds after `begun`; the highest number once the seat is lost.
    taken_at: AtomicU64,
}

const LOST: u64 = u64::MAX;

/// A seat, which is free again with the end of this value.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    place: Arc<Place>,
}

impl Seats {
    pub(super) fn new(most: usize, most_of_one: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_one,
            patience,
            begun: Instant::now(),
            taken: Mutex::default(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(LOST - 1)
    }

    /// Takes a seat.
    pub(super) fn take(self: &Arc<Self>, holder: Holder) -> Result<Seat, NoSeat> {
        self.take_at(holder, self.now())
    }

    fn take_at(self: &Arc<Self>, holder: Holder, now: u64) -> Result<Seat, NoSeat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |taken: &[Arc<Place>]| {
            let own = taken.iter().filter(|place| place.holder == holder);
            own.count()
        };
        if taken.len() >= self.most || own(&taken) >= self.most_of_one {
            self.free_the_idle(&mut taken, now);
        }
        if own(&taken) >= self.most_of_one {
            return Err(NoSeat::Yours);
        }
        if taken.len() >= self.most {
            return Err(NoSeat::Full);
        }
        let place = Arc::new(Place {
            holder,
            taken_at: AtomicU64::new(now),
        });
        taken.push(Arc::clone(&place));
        Ok(Seat {
            seats: Arc::clone(self),
            place,
        })
    }

    fn free_the_idle(&self, taken: &mut Vec<Arc<Place>>, now: u64) {
        let patience = u64::try_from(self.patience.as_millis()).unwrap_or(LOST);
        let idle_since = now.saturating_sub(patience);
        taken.retain(|place| {
            let is_idle = place.taken_at.load(Ordering::Acquire) < idle_since;
            if is_idle {
                place.taken_at.store(LOST, Ordering::Release);
            }
            !is_idle
        });
    }
}

impl Seat {
    /// The holder took something. False if the seat was lost before.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept_at(self.seats.now())
    }

    fn is_kept_at(&self, now: u64) -> bool {
        let kept = |at: u64| (at != LOST).then_some(now);
        self.place
            .taken_at
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, kept)
            .is_ok()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self
            .seats
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.retain(|place| !Arc::ptr_eq(place, &self.place));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn user(number: i64) -> Holder {
        Holder::User(UserId::new(number))
    }

    #[test]
    fn nobody_has_all_seats_and_a_seat_is_free_again_when_its_holder_leaves() {
        let seats = Seats::new(3, 2, Duration::from_mins(1));
        let first = seats.take(user(1)).unwrap();
        let _second = seats.take(user(1)).unwrap();
        assert_eq!(seats.take(user(1)).unwrap_err(), NoSeat::Yours);
        let _third = seats.take(user(2)).unwrap();
        assert_eq!(seats.take(user(3)).unwrap_err(), NoSeat::Full);
        drop(first);
        assert!(seats.take(user(3)).is_ok());
    }

    #[test]
    fn whoever_takes_nothing_loses_the_seat_to_who_wants_it() {
        let seats = Seats::new(2, 2, Duration::from_mins(1));
        let idle = seats.take_at(user(1), 0).unwrap();
        let busy = seats.take_at(user(2), 0).unwrap();
        assert!(busy.is_kept_at(50_000));
        let third = seats.take_at(user(3), 61_000).unwrap();
        assert!(!idle.is_kept_at(61_000));
        assert!(busy.is_kept_at(61_000) && third.is_kept_at(61_000));
        drop(idle);
        assert_eq!(seats.take_at(user(4), 62_000).unwrap_err(), NoSeat::Full);
    }
}
