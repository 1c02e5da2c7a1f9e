//! What a killed server leaves behind where nobody waits for dead processes.
//!
//! PostgreSQL refuses to start while the process named in `postmaster.pid` exists, and a zombie exists. The file may be
//! removed once two things are certain: that process is dead, and no other process is attached to the shared memory that
//! the file names, which is how PostgreSQL itself tells that the last backend is gone.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{PrivateServerError, SOCKET, file_error};

/// The `postmaster.pid` of a server whose process is dead.
pub(super) struct PidFile {
    path: PathBuf,
    shared_memory: Option<String>,
}

impl PidFile {
    /// The file in `cluster`, if the process that it names is a zombie.
    pub(super) fn of_the_dead(cluster: &Path) -> Option<Self> {
        let path = cluster.join("postmaster.pid");
        let text = fs::read_to_string(&path).ok()?;
        let mut lines = text.lines();
        let pid: u32 = lines.next()?.trim().parse().ok()?;
        // The seventh line: key and id of the shared memory segment (PostgreSQL's miscinit.c, LOCK_FILE_LINE_SHMEM_KEY).
        let shared_memory = lines.nth(5).and_then(|line| line.split_whitespace().nth(1));
        is_zombie(pid).then(|| Self {
            shared_memory: shared_memory.map(str::to_owned),
            path: path.clone(),
        })
    }

    /// Whether a process is still attached to the server's shared memory; yes, if that cannot be told.
    pub(super) fn is_memory_in_use(&self) -> bool {
        let (Some(id), Ok(segments)) =
            (&self.shared_memory, fs::read_to_string("/proc/sysvipc/shm"))
        else {
            return true;
        };
        segments
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|columns| columns.get(1) == Some(&id.as_str()))
            .is_some_and(|columns| columns.get(6) != Some(&"0"))
    }

    /// Removes the file, and the lock of the same process on the socket in `socket_folder`.
    pub(super) fn remove(self, socket_folder: &Path) -> Result<(), PrivateServerError> {
        let lock = socket_folder.join(format!("{SOCKET}.lock"));
        if lock.exists() {
            fs::remove_file(&lock).map_err(|source| file_error(&lock, source))?;
        }
        fs::remove_file(&self.path).map_err(|source| file_error(&self.path, source))
    }
}

/// Whether a process has ended and was not waited for (proc(5), state `Z`).
fn is_zombie(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| Some(stat.rsplit_once(')')?.1.trim_start().starts_with('Z')))
        .unwrap_or(false)
}
