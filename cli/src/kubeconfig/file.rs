//! Changing somebody's kubeconfig file: found as kubectl finds it, locked, replaced in one step, mode 0600.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use kube::config::Kubeconfig;

use super::merge::{self, Merged};
use crate::exit::Failure;
use crate::output::machine;

/// The file of `candidates` to change, by kubectl's rule: the first that exists, else the last.
pub(crate) fn choose(candidates: &[PathBuf]) -> Option<&PathBuf> {
    candidates
        .iter()
        .find(|path| path.exists())
        .or_else(|| candidates.last())
}

/// Merges `entry` into the kubeconfig at `path`, which need not exist.
///
/// # Errors
/// When the file is locked, cannot be read, is no kubeconfig, or cannot be replaced; it is unchanged then.
pub(crate) fn update(path: &Path, entry: Kubeconfig, switch: bool) -> Result<Merged> {
    // Somebody who keeps the file elsewhere wants the link to stay a link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot create '{}'", folder.display()))?;
    let lock = Lock::take(&path)?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read '{}'", path.display())),
    };
    // Not `read_from`: it rewrites relative paths, and the file is to stay as it is.
    let mut kubeconfig = Kubeconfig::from_yaml(&text)
        .map_err(|error| Failure::error(format!("'{}' is not a kubeconfig: {error}", path.display())))?;
    let merged = merge::merge(&mut kubeconfig, entry, switch);
    write(&path, folder, &machine::to_yaml(&kubeconfig)?)?;
    drop(lock);
    Ok(merged)
}

/// Replaces the file at `path` in one step; a crash leaves the old one or the new one.
fn write(path: &Path, folder: &Path, text: &str) -> Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".warren-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .with_context(|| format!("cannot write to '{}'", folder.display()))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .context("cannot write the kubeconfig")?;
    file.persist(path)
        .with_context(|| format!("cannot replace '{}'", path.display()))?;
    Ok(())
}

/// The lock file that kubectl also honours: `<file>.lock`, gone when this is dropped.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&lock) {
            Ok(_) => Ok(Self(lock)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::error(format!(
                "another program is changing '{}'",
                path.display()
            ))
            .hint(format!(
                "try again; if nothing is, remove what it left behind: rm '{}'",
                lock.display()
            ))
            .into()),
            Err(error) => Err(error).with_context(|| format!("cannot lock '{}'", path.display())),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The next program's message says what to do when this fails.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::Tenant;
    use crate::kubeconfig::tenant::tests::GOOD;

    fn entry() -> Kubeconfig {
        Tenant::parse(GOOD)
            .unwrap()
            .to_kubeconfig("warren/demo/ci-42", "https://10.96.12.7")
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_missing_file_and_its_folder_are_made_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".kube").join("config");
        update(&path, entry(), true).unwrap();
        assert_eq!(mode(&path), 0o600);
        let names: Vec<_> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, ["config"], "no lock and no temporary file stay behind");
        let written = Kubeconfig::read_from(&path).unwrap();
        assert_eq!(written.current_context.as_deref(), Some("warren/demo/ci-42"));
    }

    #[test]
    fn a_readable_file_becomes_private_and_a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "apiVersion: v1\nkind: Config\n").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        update(&link, entry(), false).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&real), 0o600);
        assert_eq!(Kubeconfig::read_from(&real).unwrap().contexts.len(), 1);
    }

    #[test]
    fn a_locked_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(folder.path().join("config.lock"), "").unwrap();
        let error = update(&path, entry(), false).unwrap_err();
        assert!(error.to_string().contains("another program"), "{error}");
        assert!(!path.exists());
        assert!(
            folder.path().join("config.lock").exists(),
            "the other program's lock stays"
        );
    }

    #[test]
    fn a_file_that_is_no_kubeconfig_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "clusters: 7\n").unwrap();
        update(&path, entry(), false).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "clusters: 7\n");
    }

    #[test]
    fn the_first_file_that_exists_is_changed_else_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        assert_eq!(choose(&[a.clone(), b.clone()]), Some(&b));
        fs::write(&a, "").unwrap();
        assert_eq!(choose(&[b, a.clone()]), Some(&a));
        assert_eq!(choose(&[]), None);
    }
}
