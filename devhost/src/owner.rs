//! Notes which state directory the machine's host belongs to: names of namespaces and cgroups exist once only.
use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::state::{STATE_VARIABLE, State};

/// Below `/run`, so that a restart of the machine, which ends the host, forgets it too.
const NOTE: &str = "/run/warren-host";

/// Refuses to touch a host that was started with another state directory.
///
/// # Errors
/// If there is one; says where its state is.
pub(crate) fn check(state: &State) -> Result<()> {
    check_at(Path::new(NOTE), state.root())
}

/// Notes that the machine's host is this one.
///
/// # Errors
/// If the note cannot be written.
pub(crate) fn claim(state: &State) -> Result<()> {
    fs::write(NOTE, state.root().display().to_string()).with_context(|| format!("failed to write {NOTE}"))
}

/// Removes the note.
pub(crate) fn release() {
    // Gone already is as good.
    let _ = fs::remove_file(NOTE);
}

fn check_at(note: &Path, root: &Path) -> Result<()> {
    let other = match fs::read_to_string(note) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("failed to read {}", note.display())),
    };
    if Path::new(other.trim()) == root {
        return Ok(());
    }
    bail!(
        "this machine's host has its state in {other}, not in {}: there can be only one; \
         set {STATE_VARIABLE}={other} to use or end it",
        root.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_another_state_directory_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("note");
        check_at(&note, Path::new("/a")).unwrap();
        fs::write(&note, "/a").unwrap();
        check_at(&note, Path::new("/a")).unwrap();
        let error = check_at(&note, Path::new("/b")).unwrap_err().to_string();
        assert!(error.contains("WARREN_HOST_STATE=/a"), "{error}");
    }
}
