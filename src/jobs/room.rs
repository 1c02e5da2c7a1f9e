//! Room for reading documents: as many at a time as there are cores, and no more memory than is set aside.

use std::{num::NonZero, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Documents up to this size need no permit of their own: that they are few is enough.
const SMALL: usize = 256 * 1_024;

/// The size of all others that are read at a time, in KiB. Reading takes about thirteen times the size of a document.
const LARGE_KIB: u32 = 9 * 1_024;

/// Who reads documents, and how large they are together.
#[derive(Debug)]
pub struct Room {
    cores: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

/// Memory set aside for a large document.
pub(super) struct Memory {
    _kept: Option<OwnedSemaphorePermit>,
}

/// A seat of one who reads: a core, and memory for a large document.
pub(super) struct Seat {
    _memory: Memory,
    _core: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    /// Room for this machine.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            memory: Arc::new(Semaphore::new(LARGE_KIB as usize)),
        }
    }
}

impl Room {
    /// Waits for memory to read a document of `bytes`. Large ones wait for each other before they take a core, so that
    /// small ones pass them by.
    pub(super) async fn memory(&self, bytes: usize) -> Memory {
        if bytes <= SMALL {
            return Memory { _kept: None };
        }
        let size = u32::try_from(bytes / 1_024)
            .unwrap_or(u32::MAX)
            .min(LARGE_KIB);
        // Nobody closes the semaphores.
        Memory {
            _kept: Arc::clone(&self.memory).acquire_many_owned(size).await.ok(),
        }
    }

    /// Waits for a core.
    pub(super) async fn enter(&self, memory: Memory) -> Seat {
        Seat {
            _memory: memory,
            _core: Arc::clone(&self.cores).acquire_owned().await.ok(),
        }
    }
}
