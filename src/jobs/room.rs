//! Room for reading documents: as many at a time as there are cores, and no more memory than is set aside.
//!
//! Threads of its own read, one for each core: what an allocator keeps for a thread, and the scratch memory of matching,
//! is there once for each of them, and not for however many threads a pool has had.

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use thiserror::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot},
    time::{Duration, Instant, timeout},
};

use crate::query::Scratch;

/// Documents up to this size need no permit of their own: that they are few is enough.
const SMALL: usize = 256 * 1_024;

/// The size of all others that are read at a time, in KiB. Reading takes about thirteen times the size of a document.
const LARGE_KIB: u32 = 9 * 1_024;

/// Documents for each core: one that is read, and one that is at hand when that is done. A thread that finds none sleeps, and to
/// wake it takes longer than many a document.
const SEATS_PER_CORE: usize = 2;

/// Who reads documents, and how large they are together.
#[derive(Debug)]
pub struct Room {
    seats: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    /// The way to the threads that read; they start with the first document.
    readers: OnceLock<mpsc::Sender<Work>>,
    count: usize,
}

/// How many feeds' ledgers are looked into at a time: a lookup is short, and each connection more would have to learn all
/// statements.
#[derive(Debug)]
pub struct Lookups(Semaphore);

impl Default for Lookups {
    fn default() -> Self {
        Self(Semaphore::new(4))
    }
}

impl Lookups {
    /// Waits for a turn, which lasts as long as what is returned. Nobody closes the semaphore.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.0.acquire().await.ok()
    }
}

/// What a reading thread does, with the memory that it keeps.
type Work = Box<dyn FnOnce(&mut Scratch) + Send>;

/// Why nothing came of work.
#[derive(Debug, Error)]
pub(super) enum Undone {
    /// It panicked: what a publisher sends may find a fault in any parser, and must cost no more than itself.
    #[error("the document broke the reader")]
    Broken,
    /// It took longer than it may.
    #[error("reading the document took too long")]
    TooLong,
}

/// Memory set aside for a large document.
pub(super) struct Memory {
    kept: Option<OwnedSemaphorePermit>,
}

impl Memory {
    const fn is_for_large(&self) -> bool {
        self.kept.is_some()
    }
}

/// A seat of one who reads or is next to read, and memory for a large document.
pub(super) struct Seat {
    memory: Memory,
    _place: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    /// Room for this machine.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            seats: Arc::new(Semaphore::new(cores * SEATS_PER_CORE)),
            memory: Arc::new(Semaphore::new(LARGE_KIB as usize)),
            readers: OnceLock::new(),
            count: cores,
        }
    }
}

impl Room {
    /// Waits for memory to read a document of `bytes`. Large ones wait for each other before they take a seat, so that
    /// small ones pass them by.
    pub(super) async fn memory(&self, bytes: usize) -> Memory {
        if bytes <= SMALL {
            return Memory { kept: None };
        }
        let size = u32::try_from(bytes / 1_024)
            .unwrap_or(u32::MAX)
            .min(LARGE_KIB);
        // Nobody closes the semaphores.
        Memory {
            kept: Arc::clone(&self.memory).acquire_many_owned(size).await.ok(),
        }
    }

    /// Waits for a seat.
    pub(super) async fn enter(&self, memory: Memory) -> Seat {
        Seat {
            memory,
            _place: Arc::clone(&self.seats).acquire_owned().await.ok(),
        }
    }

    /// Works at a seat, as soon as a thread is free. Work whose asker has gone away keeps its seat until it is done.
    ///
    /// # Errors
    /// The work panicked.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        seat: Seat,
        work: impl FnOnce(&mut Scratch) -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let endless = Duration::MAX;
        let read = self.read_within(seat, endless, |scratch, _| work(scratch));
        read.await.map(|(done, _)| done)
    }

    /// The same for so long at most, with a flag that says when nobody waits for it any more. Returns what is left of the
    /// limit, too.
    ///
    /// # Errors
    /// The work panicked, or took longer.
    pub(super) async fn read_within<T: Send + 'static>(
        &self,
        seat: Seat,
        limit: Duration,
        work: impl FnOnce(&mut Scratch, &AtomicBool) -> T + Send + 'static,
    ) -> Result<(T, Duration), Undone> {
        let clock = Arc::new(Clock::default());
        let (tell, mut told) = oneshot::channel();
        let work = Box::new({
            let clock = Arc::clone(&clock);
            move |scratch: &mut Scratch| {
                clock.begin();
                let done = catch_unwind(AssertUnwindSafe(|| work(scratch, &clock.is_over)));
                if done.is_err() || seat.memory.is_for_large() {
                    // It may be half done, or as large as the document was.
                    *scratch = Scratch::default();
                }
                drop(seat);
                // Nobody may listen any more.
                let _ = tell.send(done);
            }
        });
        let readers = self.readers.get_or_init(|| start(self.count));
        readers.send(work).map_err(|_| Undone::Broken)?;
        loop {
            match timeout(clock.left_of(limit), &mut told).await {
                Ok(Ok(Ok(done))) => return Ok((done, clock.left_of(limit))),
                Ok(_) => return Err(Undone::Broken),
                Err(_) if clock.left_of(limit).is_zero() => {
                    clock.is_over.store(true, Ordering::Relaxed);
                    return Err(Undone::TooLong);
                }
                // It was not its turn all the time.
                Err(_) => {}
            }
        }
    }
}

/// How long work takes, from when it is its turn.
#[derive(Debug, Default)]
struct Clock {
    begun: OnceLock<Instant>,
    is_over: AtomicBool,
}

impl Clock {
    fn begin(&self) {
        let _ = self.begun.set(Instant::now());
    }

    fn left_of(&self, limit: Duration) -> Duration {
        let taken = self.begun.get().map_or(Duration::ZERO, Instant::elapsed);
        limit.saturating_sub(taken)
    }
}

/// Threads that read until nobody can ask them any more.
fn start(count: usize) -> mpsc::Sender<Work> {
    let (sender, receiver) = mpsc::channel::<Work>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let receiver = Arc::clone(&receiver);
        thread::spawn(move || {
            let mut scratch = Scratch::default();
            while let Some(work) = next(&receiver) {
                work(&mut scratch);
            }
        });
    }
    sender
}

fn next(receiver: &Mutex<mpsc::Receiver<Work>>) -> Option<Work> {
    let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
    receiver.recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_breaks_costs_only_itself() {
        let room = Room::default();
        for _ in 0..2 * room.count {
            let seat = room.enter(room.memory(0).await).await;
            let broken = room.read(seat, |_| -> () { panic!("as a test") });
            assert!(matches!(broken.await, Err(Undone::Broken)));
        }
        let seat = room.enter(room.memory(2 * SMALL).await).await;
        let read = room.read(seat, |_| 7).await;
        assert!(matches!(read, Ok(7)));
        assert_eq!(room.seats.available_permits(), room.count * SEATS_PER_CORE);
        assert_eq!(room.memory.available_permits(), LARGE_KIB as usize);
    }

    #[tokio::test]
    async fn work_has_its_time_from_when_it_is_its_turn() {
        let limit = Duration::from_millis(40);
        let room = Room::default();
        let mut slow = Vec::new();
        for _ in 0..room.count {
            let seat = room.enter(room.memory(0).await).await;
            slow.push(room.read_within(seat, limit, |_, is_over| {
                while !is_over.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                }
                // It ends some time after it was told to.
                thread::sleep(Duration::from_millis(40));
            }));
        }
        let seat = room.enter(room.memory(0).await).await;
        let next = room.read_within(seat, limit, |_, _| 7);
        let (slow, next) = tokio::join!(futures_util::future::join_all(slow), next);
        assert!(slow.iter().all(|it| matches!(it, Err(Undone::TooLong))));
        assert!(matches!(next, Ok((7, _))), "{next:?}");
    }
}
