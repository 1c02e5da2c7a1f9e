//! What the system says about this process (Linux, `/proc`).

use std::fs;

use crate::meters::Process;

/// Memory and open files; none where the system does not tell.
pub(super) fn read() -> Option<Process> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(Process {
        resident_bytes: resident(&status)?,
        open_files: i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?,
    })
}

/// `VmRSS`, which is told in KiB.
fn resident(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_open_files() {
        let process = read();
        assert!(process.is_some_and(|told| told.resident_bytes > 1 << 20 && told.open_files > 2));
        assert_eq!(resident("Name:\tx\nVmRSS:\t  2048 kB\n"), Some(2 << 20));
        assert_eq!(resident("Name:\tx\n"), None);
    }
}
