//! A node's mount namespace: the same file system, but paths that are fixed in the kubelet, containerd
//! and the CNI library lead to a directory of the node's own.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::Node;
use crate::{
    process::{Process, Spawn, spawn},
    state::{create_dir, write_private},
    storage,
    wait::{Look, until},
};

const DEADLINE: Duration = Duration::from_secs(10);

/// Fixed path, and the directory below the node's own that takes its place.
const FIXED_PATHS: [(&str, &str); 4] = [
    ("/var/lib/kubelet", "kubelet"),
    // Sockets of the shims and runc's state; the configured state directory does not move these.
    ("/run/containerd", "shims"),
    ("/var/log/containers", "container-logs"),
    ("/var/lib/cni", "cni-cache"),
];

/// The machine's name servers cannot be reached from the nodes, and whoever asks them waits in vain: containerd for
/// a minute and a half when a Pod names an image that nobody loaded. Nobody listens here, so the answer comes at once.
const RESOLV_CONF: &str = "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n";

/// Where a program looks for its name servers.
const RESOLV_CONF_PATH: &str = "/etc/resolv.conf";

/// Starts the process that keeps the namespace alive, and waits until the mounts are made.
pub(super) async fn start(node: &Node<'_>) -> Result<Process> {
    let dir = node.dir();
    let volumes = storage::directory(node.state);
    let mut binds = vec![(volumes.clone(), dir.join("volumes"))];
    binds.extend(
        FIXED_PATHS
            .iter()
            .map(|(fixed, own)| (PathBuf::from(fixed), dir.join(own))),
    );
    let mut script = vec!["set -e; mount --make-rshared /".to_owned()];
    for (fixed, own) in &binds {
        create_dir(fixed)?;
        create_dir(own)?;
        script.push(bind(own, fixed));
    }
    // Where there is none, 127.0.0.1 is what programs ask anyway.
    if Path::new(RESOLV_CONF_PATH).exists() {
        let own = dir.join("resolv.conf");
        write_private(&own, RESOLV_CONF)?;
        script.push(bind(&own, Path::new(RESOLV_CONF_PATH)));
    }
    let ready = dir.join("mounts-ready");
    // The shell becomes `sleep`, so that the recorded process id is the one that holds the namespace.
    script.push(format!("touch '{}'; exec sleep infinity", ready.display()));
    let script = script.join("; ");

    let name = node.process_name("mounts");
    let args = ["--mount", "--propagation", "slave", "sh", "-c", script.as_str()]
        .map(ToOwned::to_owned)
        .to_vec();
    let program = Path::new("unshare");
    let process = spawn(
        node.state,
        &Spawn {
            name: &name,
            network: None,
            mounts_of: None,
            program,
            args,
            path: Vec::new(),
        },
    )?;
    let log = node.state.log(&name);
    until(
        &format!("the mounts of node {}", node.network.name),
        Some(&log),
        DEADLINE,
        || async {
            if ready.exists() {
                Look::Ready(())
            } else if process.is_alive() {
                Look::NotYet("mounting".to_owned())
            } else {
                Look::Never("the mounting shell ended".to_owned())
            }
        },
    )
    .await?;
    Ok(process)
}

fn bind(own: &Path, fixed: &Path) -> String {
    format!("mount --bind '{}' '{}'", own.display(), fixed.display())
}

/// Removes the fixed paths that were made for the mounts, where they are empty.
pub(crate) fn remove_mount_points() {
    for (fixed, _) in FIXED_PATHS {
        // Not empty, or never there: then it is not ours to remove.
        let _ = std::fs::remove_dir(fixed);
    }
}

/// Root directory of the kubelet, as the kubelet sees it.
pub(super) fn kubelet_root() -> Result<&'static str> {
    FIXED_PATHS
        .first()
        .map(|(path, _)| *path)
        .context("no path for the kubelet")
}
