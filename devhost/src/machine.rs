//! What the machine must allow before a host can start.
use std::fs;

use anyhow::{Context as _, Result, bail};

/// Kernel parameter and the least value that a few nodes with their Pods need.
const LIMITS: [(&str, u64); 2] = [
    ("/proc/sys/fs/inotify/max_user_instances", 8192),
    ("/proc/sys/fs/inotify/max_user_watches", 524_288),
];

/// Network namespaces, mounts and cgroups can only be made by root.
///
/// # Errors
/// If this process is not root; says what to run.
pub fn require_root() -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    bail!(
        "the embedded host makes network namespaces, mounts and cgroups, which only root can: run it with \
         `sudo -E env PATH=\"$PATH\"`, or use a cluster of your own with --kubeconfig FILE"
    )
}

/// Raises limits that are too low; never lowers one. They are the machine's and stay until it restarts.
///
/// # Errors
/// If the kernel refuses.
pub fn raise_limits() -> Result<()> {
    for (path, least) in LIMITS {
        let text = fs::read_to_string(path).with_context(|| format!("failed to read {path}"))?;
        let current: u64 = text
            .trim()
            .parse()
            .with_context(|| format!("{path} holds no number"))?;
        if current < least {
            fs::write(path, least.to_string()).with_context(|| {
                format!(
                    "failed to raise {path} from {current} to {least}: raise it by hand, kubelets need it"
                )
            })?;
        }
    }
    Ok(())
}
