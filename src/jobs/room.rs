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

/// A seat of one who reads: a core, and memory for a large document.
pub(super) struct Seat {
    _memory: Option<OwnedSemaphorePermit>,
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
    /// Waits for room to read a document of `bytes`. A large one waits for others of its kind before it takes a core, so
    /// that small ones pass it by.
    pub(super) async fn enter(&self, bytes: usize) -> Seat {
        let memory = if bytes > SMALL {
            let size = u32::try_from(bytes / 1_024)
                .unwrap_or(u32::MAX)
                .min(LARGE_KIB);
            // Nobody closes the semaphores.
            Arc::clone(&self.memory).acquire_many_owned(size).await.ok()
        } else {
            None
        };
        Seat {
            _memory: memory,
            _core: Arc::clone(&self.cores).acquire_owned().await.ok(),
        }
    }
}
