//! Room for reading documents: as many at a time as there are cores, and no more memory than is set aside.
//!
//! Threads of its own read, one for each core: what an allocator keeps for a thread, and the scratch memory of matching,
//! is there once for each of them, and not for however many threads a pool has had.

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, OnceLock, PoisonError, mpsc},
    thread,
};

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};

use crate::query::Scratch;

/// Documents up to this size need no permit of their own: that they are few is enough.
const SMALL: usize = 256 * 1_024;

/// The size of all others that are read at a time, in KiB. Reading takes about thirteen times the size of a document.
const LARGE_KIB: u32 = 9 * 1_024;

/// Who reads documents, and how large they are together.
#[derive(Debug)]
pub struct Room {
    cores: Arc<Semaphore>,
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

/// The document broke the reader.
#[derive(Debug, Error)]
#[error("the document broke the reader")]
pub(super) struct Broken;

/// Memory set aside for a large document.
pub(super) struct Memory {
    kept: Option<OwnedSemaphorePermit>,
}

impl Memory {
    const fn is_for_large(&self) -> bool {
        self.kept.is_some()
    }
}

/// A seat of one who reads: a core, and memory for a large document.
pub(super) struct Seat {
    memory: Memory,
    _core: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    /// Room for this machine.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            memory: Arc::new(Semaphore::new(LARGE_KIB as usize)),
            readers: OnceLock::new(),
            count: cores,
        }
    }
}

impl Room {
    /// Waits for memory to read a document of `bytes`. Large ones wait for each other before they take a core, so that
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

    /// Waits for a core.
    pub(super) async fn enter(&self, memory: Memory) -> Seat {
        Seat {
            memory,
            _core: Arc::clone(&self.cores).acquire_owned().await.ok(),
        }
    }

    /// Works at a seat. Work whose asker has gone away keeps its seat until it is done.
    ///
    /// # Errors
    /// The work panicked: what a publisher sends may find a fault in any parser, and must cost no more than itself.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        seat: Seat,
        work: impl FnOnce(&mut Scratch) -> T + Send + 'static,
    ) -> Result<T, Broken> {
        let (tell, told) = oneshot::channel();
        let work = Box::new(move |scratch: &mut Scratch| {
            let done = catch_unwind(AssertUnwindSafe(|| work(scratch)));
            if done.is_err() || seat.memory.is_for_large() {
                // It may be half done, or as large as the document was.
                *scratch = Scratch::default();
            }
            drop(seat);
            // Nobody may listen any more.
            let _ = tell.send(done);
        });
        let readers = self.readers.get_or_init(|| start(self.count));
        readers.send(work).map_err(|_| Broken)?;
        told.await.map_err(|_| Broken)?.map_err(|_| Broken)
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
            let broken: Result<(), Broken> = room.read(seat, |_| panic!("as a test")).await;
            assert!(broken.is_err());
        }
        let seat = room.enter(room.memory(2 * SMALL).await).await;
        let read = room.read(seat, |_| 7).await;
        assert!(matches!(read, Ok(7)));
        assert_eq!(room.cores.available_permits(), room.count);
        assert_eq!(room.memory.available_permits(), LARGE_KIB as usize);
    }
}
