//! Writing to the terminal. A reader that went away (`| head`) is no error.

use std::io::{self, Write as _};

use serde::Serialize;

/// One line of result.
pub(super) fn line(text: &str) {
    // The pipe may be closed: nobody is left to tell.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// One JSON value on a line of its own.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?);
    Ok(())
}

/// One line beside the result, to standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Text to a file, or to standard output for `-`.
pub(super) fn write(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        let _ = io::stdout().lock().write_all(text.as_bytes());
        return Ok(());
    }
    std::fs::write(path, text)
        .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", path.display()))
}

/// Bytes of a file, or of standard input for `-`.
pub(super) fn read(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))
}
