//! Writing results to stdout and remarks to stderr.

pub(crate) mod escape;
pub(crate) mod machine;
pub(crate) mod style;
pub(crate) mod table;

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};

/// Writes `text` to stdout.
///
/// # Errors
/// When stdout cannot be written to; a reader that went away (`| head`) is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to stdout"),
    }
}

/// Writes `text` and a line break to stdout.
///
/// # Errors
/// As [`print()`].
pub(crate) fn line(text: &str) -> Result<()> {
    print(&format!("{text}\n"))
}

/// Writes a remark to stderr. When that fails there is nobody to tell.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
