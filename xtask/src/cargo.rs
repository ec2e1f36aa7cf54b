//! cargo, called by a program that cargo itself has started.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// cargo as somebody calls it in `root`: without what `cargo run` has set for this program. Build scripts such as ring's are
/// run again when `CARGO_PKG_NAME` has changed, and all that stands on them is compiled anew: here, and once more at the next
/// call by hand.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_this_program) {
            command.env_remove(name);
        }
    }
    command
}

/// Where cargo puts what it builds in `root`.
pub(crate) fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Whether the variable says something of the package that runs, not of how to build ("Environment variables Cargo sets for
/// crates" in The Cargo Book).
fn is_of_this_program(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_for_this_program_is_not_set_for_cargo() {
        assert!(env::var_os("CARGO_PKG_NAME").is_some(), "tests are run by cargo");
        let command = cargo(Path::new("."));
        let removed: Vec<_> = command.get_envs().filter(|(_, value)| value.is_none()).collect();
        assert!(
            removed.iter().any(|(name, _)| *name == "CARGO_PKG_NAME"),
            "{removed:?}"
        );
        assert!(!is_of_this_program("CARGO_TARGET_DIR") && !is_of_this_program("CARGO_INCREMENTAL"));
    }
}
