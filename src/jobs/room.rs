//! Room for reading documents: as many at a time as there are cores, and no more memory than is set aside.

use std::num::NonZero;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Documents up to this size need no permit of their own: that they are few is enough.
const SMALL: usize = 256 * 1_024;

/// The size of all others that are read at a time, in KiB. Reading takes about thirteen times the size of a document.
const LARGE_KIB: u32 = 9 * 1_024;

/// Who reads documents, and how large they are together.
#[derive(Debug)]
pub struct Room {
    cores: Semaphore,
    memory: Semaphore,
}

impl Default for Room {
    /// Room for this machine.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            cores: Semaphore::new(cores),
            memory: Semaphore::new(LARGE_KIB as usize),
        }
    }
}

impl Room {
    /// Waits for room to read a document of `bytes`. A large one waits for others of its kind before it takes a core, so
    /// that small ones pass it by.
    pub(super) async fn enter(&self, bytes: usize) -> [Option<SemaphorePermit<'_>>; 2] {
        let memory = if bytes > SMALL {
            let size = u32::try_from(bytes / 1_024)
                .unwrap_or(u32::MAX)
                .min(LARGE_KIB);
            // Nobody closes the semaphores.
            self.memory.acquire_many(size).await.ok()
        } else {
            None
        };
        [memory, self.cores.acquire().await.ok()]
    }
}
