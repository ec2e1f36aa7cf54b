//! One of the Go modules in `modules/`: the versions it pins, and the key of what is built from it.
use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::command::{command, output};

/// Length of the key in file names: enough that two builds never share it by accident.
const KEY_LENGTH: usize = 10;

/// The text of `go.mod` and `go.sum`.
#[derive(Debug)]
pub(super) struct Module {
    definition: String,
    sums: String,
}

/// Directory of a module, in the source tree that this program was compiled from.
pub(super) fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("modules")
        .join(name)
}

/// Where Go keeps the sources of `path` (for example `k8s.io/kubernetes`) as the module `name` in `modules/` pins it.
pub(super) async fn sources(name: &str, path: &str) -> Result<PathBuf> {
    let mut go = command("go");
    go.current_dir(directory(name))
        .args(["mod", "download", "-json", path]);
    let printed = output(&mut go)
        .await
        .with_context(|| format!("failed to ask Go for the sources of {path}"))?;
    let printed: serde_json::Value = serde_json::from_str(&printed).context("failed to read Go's answer")?;
    let dir = printed.get("Dir").and_then(serde_json::Value::as_str);
    dir.map(PathBuf::from)
        .with_context(|| format!("Go has no directory for {path}"))
}

impl Module {
    pub(super) fn read(name: &str) -> Result<Self> {
        let dir = directory(name);
        let read = |file: &str| {
            let path = dir.join(file);
            fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
        };
        Ok(Self {
            definition: read("go.mod")?,
            sums: read("go.sum")?,
        })
    }

    #[cfg(test)]
    pub(super) fn parse(definition: &str, sums: &str) -> Self {
        Self {
            definition: definition.to_owned(),
            sums: sums.to_owned(),
        }
    }

    /// Version that `go.mod` requires of a module.
    pub(super) fn version(&self, path: &str) -> Result<String> {
        self.definition
            .lines()
            .filter_map(|line| {
                let line = line.trim();
                let mut words = line
                    .strip_prefix("require ")
                    .unwrap_or(line)
                    .split_ascii_whitespace();
                (words.next()? == path).then(|| words.next()).flatten()
            })
            .find(|version| version.starts_with('v'))
            .map(ToOwned::to_owned)
            .with_context(|| format!("go.mod does not require {path}"))
    }

    /// Changes whenever the program could: other modules, other flags, another package.
    pub(super) fn key(&self, flags: &[String], package: &str) -> String {
        let mut hash = Sha256::new();
        for part in [self.definition.as_str(), &self.sums, package]
            .into_iter()
            .chain(flags.iter().map(String::as_str))
        {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        HEXLOWER
            .encode(&hash.finalize())
            .chars()
            .take(KEY_LENGTH)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_single_lines_and_blocks() {
        let module = Module::parse(
            "require a/b v1.2.3\nrequire (\n\tc/d v4.5.6\n\tc/d/e v7.0.0 // indirect\n)\n",
            "",
        );
        assert_eq!(module.version("a/b").unwrap(), "v1.2.3");
        assert_eq!(module.version("c/d").unwrap(), "v4.5.6");
        assert!(module.version("x/y").is_err());
    }
}
