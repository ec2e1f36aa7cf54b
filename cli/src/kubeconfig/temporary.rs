//! A kubeconfig that lives as long as one command.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use kube::config::Kubeconfig;
use tempfile::TempDir;

use crate::output::machine;

/// A kubeconfig (0600) in a folder of its own (0700), removed when this is dropped.
///
/// A folder, because kubectl puts a lock file beside the kubeconfig it changes.
pub(crate) struct Temporary {
    path: PathBuf,
    _folder: TempDir,
}

impl Temporary {
    /// Writes `kubeconfig`.
    ///
    /// # Errors
    /// When neither `XDG_RUNTIME_DIR` nor the folder for temporary files can be written to.
    pub(crate) fn new(kubeconfig: &Kubeconfig) -> Result<Self> {
        let folder = folder().context("cannot make a folder for the temporary kubeconfig")?;
        let path = folder.path().join("kubeconfig");
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot create '{}'", path.display()))?;
        file.write_all(machine::to_yaml(kubeconfig)?.as_bytes())
            .context("cannot write the temporary kubeconfig")?;
        Ok(Self {
            path,
            _folder: folder,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// `XDG_RUNTIME_DIR` is in memory and gone after log-out, which is where keys belong.
fn folder() -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder
        .prefix("warren-")
        .permissions(fs::Permissions::from_mode(0o700));
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()) {
        Some(runtime) => builder.tempdir_in(runtime).or_else(|_| builder.tempdir()),
        None => builder.tempdir(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_leaves_nothing() {
        let temporary = Temporary::new(&Kubeconfig::default()).unwrap();
        let path = temporary.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777,
            0o700
        );
        drop(temporary);
        assert!(!path.parent().unwrap().exists());
    }
}
