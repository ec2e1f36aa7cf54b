//! `ctr`, containerd's client: images and leftovers of one node.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::containerd::socket;
use crate::{
    binaries::{Binaries, Component},
    command::{command, output},
    state::State,
};

/// containerd's namespace of everything that the kubelet runs.
const NAMESPACE: &str = "k8s.io";
/// Subcommand of `ctr` for sandboxes.
const SANDBOXES: &str = "sandboxes";
/// How often removal of containers is tried before its error counts.
const REMOVE_ATTEMPTS: u32 = 3;

/// The `ctr` client of one node's containerd.
#[derive(Clone, Debug)]
pub(crate) struct Ctr {
    binary: PathBuf,
    socket: PathBuf,
}

impl Ctr {
    pub(crate) fn new(state: &State, binaries: &Binaries, node: &str) -> Result<Self> {
        Ok(Self {
            binary: binaries.path(Component::Ctr)?,
            socket: socket(state, node),
        })
    }

    async fn run(&self, args: &[&str]) -> Result<String> {
        let mut ctr = command(&self.binary);
        ctr.arg("--address")
            .arg(&self.socket)
            .args(["--namespace", NAMESPACE])
            .args(args);
        output(&mut ctr).await
    }

    /// Imports an archive; its images replace those of the same names.
    pub(crate) async fn import(&self, archive: &Path) -> Result<()> {
        let path = archive.to_str().context("an archive's path must be UTF-8")?;
        self.run(&["images", "import", path]).await.map(drop)
    }

    /// Names of the images and the digests of their manifests.
    pub(crate) async fn images(&self) -> Result<Vec<(String, String)>> {
        Ok(parse_images(&self.run(&["images", "ls"]).await?))
    }

    /// Removes images of a repository (a name without a tag) that are neither in `keep` nor used by a container.
    pub(crate) async fn prune(&self, repository: &str, keep: &[String]) -> Result<()> {
        let containers = self.run(&["containers", "ls"]).await?;
        for (name, _) in self.images().await? {
            let ours = name
                .strip_prefix(repository)
                .is_some_and(|rest| rest.starts_with(':'));
            let used = containers.split_ascii_whitespace().any(|word| word == name);
            if ours && !used && !keep.contains(&name) {
                self.run(&["images", "rm", &name]).await?;
            }
        }
        Ok(())
    }

    /// Removes all containers and sandboxes; says whether there were any. Their processes must be gone.
    ///
    /// The CRI plugin removes some by itself when it sees them end, so "not found" only means: look again.
    pub(crate) async fn remove_containers(&self) -> Result<bool> {
        let mut left = self.containers().await?;
        let found = !left.is_empty();
        let mut last = Ok(());
        if !found {
            return Ok(false);
        }
        for _ in 0..REMOVE_ATTEMPTS {
            let mut result = Ok(());
            for (kind, id) in &left {
                // A sandbox whose shim is dead only goes by force.
                let args: &[&str] = if *kind == SANDBOXES {
                    &[kind, "rm", "--force", id]
                } else {
                    &[kind, "rm", id]
                };
                result = result.and(self.run(args).await.map(drop));
            }
            left = self.containers().await?;
            if left.is_empty() {
                return Ok(found);
            }
            last = result;
        }
        last?;
        bail!(
            "{} containers or sandboxes cannot be removed from the image store",
            left.len()
        )
    }

    /// Containers and sandboxes: the subcommand that removes it, and its id.
    async fn containers(&self) -> Result<Vec<(&'static str, String)>> {
        let containers = self.run(&["containers", "ls", "--quiet"]).await?;
        let sandboxes = self.run(&[SANDBOXES, "ls"]).await?;
        let containers = containers
            .split_ascii_whitespace()
            .map(|id| ("containers", id.to_owned()));
        let sandboxes = sandboxes
            .lines()
            .skip(1)
            .filter_map(|line| line.split_ascii_whitespace().next());
        Ok(containers
            .chain(sandboxes.map(|id| (SANDBOXES, id.to_owned())))
            .collect())
    }
}

/// Columns of `ctr images ls`: REF TYPE DIGEST SIZE PLATFORMS LABELS.
fn parse_images(table: &str) -> Vec<(String, String)> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            Some((words.next()?.to_owned(), words.nth(1)?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_read_from_the_table() {
        let table = "REF TYPE DIGEST SIZE PLATFORMS LABELS \n\
                     a/b:1 application/vnd.oci.image.manifest.v1+json sha256:12 3.0 MiB linux/amd64 - \n";
        assert_eq!(
            parse_images(table),
            [("a/b:1".to_owned(), "sha256:12".to_owned())]
        );
    }
}
