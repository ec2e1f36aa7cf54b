//! The tools that upstream's test image has besides a shell, because tests call them in Pods.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{libraries::shared_libraries, spec::Layer};
use crate::packages;

/// Name in the image, and the file of the distribution.
const TOOLS: [(&str, &str); 4] = [
    ("curl", "curl"),
    ("dig", "dig"),
    // By its full name: `nc` may lead to another netcat on the machine of a person.
    ("nc", "nc.openbsd"),
    ("getent", "getent"),
];

/// A layer with the tools, to lie above `below`: what is there already is left out.
///
/// # Errors
/// If a tool is not installed or cannot be read.
pub(super) async fn tools_layer(below: &[Layer]) -> Result<Layer> {
    programs_layer(&TOOLS, below).await
}

/// A layer with programs of the distribution (name in the image, file) in `/usr/bin` and `/bin`, to lie above `below`:
/// what is there already is left out.
///
/// # Errors
/// If a program is not installed or cannot be read.
pub(super) async fn programs_layer(programs: &[(&str, &str)], below: &[Layer]) -> Result<Layer> {
    let mut found: Vec<(&str, PathBuf)> = Vec::new();
    for (name, file) in programs {
        let path = packages::find(file)
            .with_context(|| format!("{file} is not installed: `cargo xtask host up` installs it"))?;
        let path = std::fs::canonicalize(&path).with_context(|| format!("failed to find {file}"))?;
        found.push((name, path));
    }
    let paths: Vec<&Path> = found.iter().map(|(_, path)| path.as_path()).collect();
    let mut layer = shared_libraries(&paths).await?;
    let there = |path: &str| {
        below
            .iter()
            .flat_map(|layer| &layer.entries)
            .any(|entry| entry.path == path)
    };
    layer.entries.retain(|entry| !there(&entry.path));
    found.iter().try_fold(layer, |layer, (name, path)| {
        // In /bin lie busybox's applets; who asks for one of the tools there must not get its lesser namesake.
        Ok(layer
            .program(&format!("usr/bin/{name}"), path)?
            .link(&format!("bin/{name}"), &format!("/usr/bin/{name}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn libraries_of_the_layer_below_are_not_packed_again() {
        // Installed by `host up` only: a machine that never ran one has nothing to check.
        let Ok(whole) = tools_layer(&[]).await else {
            return;
        };
        let base = shared_libraries(&[Path::new("/bin/sh")]).await.unwrap();
        let above = tools_layer(std::slice::from_ref(&base)).await.unwrap();
        assert!(whole.entries.iter().any(|entry| entry.path == "usr/bin/dig"));
        assert!(above.entries.len() < whole.entries.len());
        assert!(
            above
                .entries
                .iter()
                .all(|entry| base.entries.iter().all(|below| below.path != entry.path))
        );
    }
}
