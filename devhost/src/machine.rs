//! What the machine must allow before a host can start, and how many nodes it has memory for.
use std::fs;

use anyhow::{Context as _, Result, bail};

/// Kernel parameter and the least value that a few nodes with their Pods need.
const LIMITS: [(&str, u64); 2] = [
    ("/proc/sys/fs/inotify/max_user_instances", 8192),
    ("/proc/sys/fs/inotify/max_user_watches", 524_288),
];

/// Memory that a node should have for the control planes and Pods of a few tenants, in KiB.
const MEMORY_OF_NODE_KIB: u64 = 4 << 20;
/// Fewer nodes than this show nothing of what lies between nodes.
const LEAST_NODES: u8 = 2;
/// Enough for one that differs from the others, with two that do not.
const USUAL_NODES: u8 = 3;

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

/// How many nodes a host has if nobody says it: three, or two where the machine has too little memory for three.
///
/// # Errors
/// If the kernel does not tell how much memory there is.
pub fn usual_nodes() -> Result<u8> {
    Ok(nodes_for(memory_kib()?))
}

fn nodes_for(memory_kib: u64) -> u8 {
    let nodes = u8::try_from(memory_kib / MEMORY_OF_NODE_KIB).unwrap_or(USUAL_NODES);
    nodes.clamp(LEAST_NODES, USUAL_NODES)
}

/// All memory of the machine, in KiB.
pub(crate) fn memory_kib() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("failed to read /proc/meminfo")?;
    parse_memory_kib(&text).context("no MemTotal in /proc/meminfo")
}

fn parse_memory_kib(text: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    rest.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_meminfo() {
        assert_eq!(
            parse_memory_kib("MemTotal:       24689484 kB\nMemFree: 1 kB\n"),
            Some(24_689_484)
        );
    }

    #[test]
    fn small_machines_have_two_nodes_and_large_ones_three() {
        let of_gib = |gib: u64| nodes_for(gib << 20);
        assert_eq!((of_gib(7), of_gib(11), of_gib(15), of_gib(512)), (2, 2, 3, 3));
        assert_eq!(of_gib(8192), 3);
    }
}
