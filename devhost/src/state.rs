//! The state directory of the running host: where everything lies, and what `down` must end.
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{process::Process, release::Release};

/// Environment variable that moves the state directory.
pub const STATE_VARIABLE: &str = "WARREN_HOST_STATE";
const DEFAULT_STATE: &str = "/var/lib/warren-host";
/// A socket's path has 107 bytes; this is the longest tail below the state directory, with room to spare.
const LONGEST_SOCKET: &str = "/nodes/wn99/containerd.sock.ttrpc";
const SOCKET_PATH_LIMIT: usize = 107;

/// How far `up` came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// `up` has begun; if no `up` runs, it died.
    Starting,
    /// `up` has ended well.
    Running,
}

/// What is known about the host besides its processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How far `up` came.
    pub phase: Phase,
    /// Number of nodes.
    pub nodes: u8,
    /// Port on 127.0.0.1 behind which the apiserver answers.
    pub port: u16,
    /// Its Kubernetes. Hosts of before there were two have no such record.
    #[serde(default)]
    pub release: Release,
}

/// Paths below the state directory, and the records kept there.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// The machine's state directory: `$WARREN_HOST_STATE` or `/var/lib/warren-host`. Creates nothing.
    ///
    /// # Errors
    /// If the path is relative or too long for sockets below it.
    pub fn locate() -> Result<Self> {
        let root =
            std::env::var_os(STATE_VARIABLE).map_or_else(|| PathBuf::from(DEFAULT_STATE), PathBuf::from);
        Self::at(root)
    }

    /// A state directory of somebody who wants parts of a host only.
    ///
    /// # Errors
    /// As [`State::locate`].
    pub fn at(root: PathBuf) -> Result<Self> {
        ensure!(
            root.is_absolute(),
            "{STATE_VARIABLE} must be an absolute path, not {}",
            root.display()
        );
        let length = root.as_os_str().len() + LONGEST_SOCKET.len();
        ensure!(
            length <= SOCKET_PATH_LIMIT,
            "{} is too long for the sockets below it ({length} bytes, the kernel allows {SOCKET_PATH_LIMIT}): \
             choose a shorter {STATE_VARIABLE}",
            root.display()
        );
        Ok(Self { root })
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Creates the directory and what the components expect in it.
    ///
    /// # Errors
    /// If a directory cannot be made.
    pub fn create(&self) -> Result<()> {
        for dir in ["pids", "log", "pki", "nodes"] {
            create_dir(&self.root.join(dir))?;
        }
        Ok(())
    }

    /// `<root>/<name>`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Log of a component.
    pub fn log(&self, component: &str) -> PathBuf {
        self.root.join("log").join(format!("{component}.log"))
    }

    /// File below `pki/`.
    pub fn pki(&self, name: &str) -> PathBuf {
        self.root.join("pki").join(name)
    }

    /// Directory of a node.
    pub fn node(&self, node: &str) -> PathBuf {
        self.root.join("nodes").join(node)
    }

    /// Kubeconfig that works from outside the host's namespaces.
    pub fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    /// Notes a process, so that any later run can find and end it.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn record(&self, process: &Process) -> Result<()> {
        write_json(
            &self.root.join("pids").join(format!("{}.json", process.name)),
            process,
        )
    }

    /// Takes a process out of the records: that it has ended shall not count as a broken host.
    ///
    /// # Errors
    /// If there is no record, or it cannot be removed.
    pub fn forget(&self, process: &Process) -> Result<()> {
        let path = self.root.join("pids").join(format!("{}.json", process.name));
        fs::remove_file(&path).with_context(|| format!("failed to remove {}", path.display()))
    }

    /// All recorded processes, dead ones too, by name. Unreadable records (a crash while writing) are left out.
    pub fn processes(&self) -> Vec<Process> {
        let Ok(entries) = fs::read_dir(self.root.join("pids")) else {
            return Vec::new();
        };
        let mut processes: Vec<Process> = entries
            .flatten()
            .filter_map(|entry| read_json(&entry.path()).ok().flatten())
            .collect();
        processes.sort_by(|a, b| a.name.cmp(&b.name));
        processes
    }

    /// One recorded process.
    pub fn process(&self, name: &str) -> Option<Process> {
        read_json(&self.root.join("pids").join(format!("{name}.json")))
            .ok()
            .flatten()
    }

    /// The summary, or `None` where no host was started.
    ///
    /// # Errors
    /// If it is there but cannot be read.
    pub fn summary(&self) -> Result<Option<Summary>> {
        read_json(&self.root.join("host.json"))
    }

    /// Writes the summary.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set_summary(&self, summary: &Summary) -> Result<()> {
        write_json(&self.root.join("host.json"), summary)
    }
}

/// Creates a directory and its parents.
///
/// # Errors
/// With the path in the message.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("failed to create directory {}", path.display()))
}

/// Writes a file that only root may read.
///
/// # Errors
/// With the path in the message.
pub fn write_private(path: &Path, content: &str) -> Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let open = || {
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
    };
    open()
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("failed to write {}", path.display()))
}

/// Written beside and renamed, so that a crash leaves the old file or the new one.
fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value).context("failed to encode state")?;
    let beside = path.with_extension("json.new");
    write_private(&beside, &text)?;
    fs::rename(&beside, path).with_context(|| format!("failed to write {}", path.display()))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(|| format!("failed to read {}", path.display())),
    };
    serde_json::from_str(&text)
        .map(Some)
        .with_context(|| format!("failed to understand {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_too_long_for_sockets_is_refused() {
        let error = State::at(PathBuf::from(format!("/{}", "x".repeat(90))))
            .unwrap_err()
            .to_string();
        assert!(error.contains("too long") && error.contains(STATE_VARIABLE));
    }

    #[test]
    fn records_survive_and_half_written_ones_are_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(dir.path().to_owned()).unwrap();
        state.create().unwrap();
        let process = Process {
            name: "etcd".into(),
            pid: 1,
            start_ticks: 2,
        };
        state.record(&process).unwrap();
        fs::write(dir.path().join("pids/kubelet.json"), "{").unwrap();
        assert_eq!(state.processes(), [process]);
        assert_eq!(state.summary().unwrap(), None);
    }
}
