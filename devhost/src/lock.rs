//! File locks between runs; the kernel takes them back when a run dies.
use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// Time between two tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Holds the lock until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Takes the lock, waiting for whoever holds it; says so once.
///
/// # Errors
/// If the lock file cannot be opened.
pub(crate) async fn take(path: &Path, waiting: &str) -> Result<Lock> {
    let file = open(path)?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => bail!("failed to lock {}: {error}", path.display()),
        }
        if !said {
            eprintln!("{waiting}: waiting for it");
            said = true;
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

fn open(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)
        .with_context(|| format!("failed to open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_run_waits_for_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = take(&path, "").await.unwrap();
        assert!(
            tokio::time::timeout(Duration::from_millis(150), take(&path, "test"))
                .await
                .is_err()
        );
        drop(first);
        take(&path, "").await.unwrap();
    }
}
