//! Ends the host and removes what it made, whatever state it is in: half started, running, killed.
//!
//! Processes are ours if they were recorded (id and start time), if they are in a cgroup of our nodes, or if they
//! are in one of our network namespaces. Never by name.
use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use nix::{
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    binaries::{Binaries, Component, cache_dir},
    cgroup, lock, machine,
    network::{self, MAX_NODES, NodeNetwork},
    node::{self, ctr::Ctr},
    owner,
    process::Process,
    state::{State, create_dir},
    wait::{Look, until},
};

/// How long killed processes may take to be gone.
const KILL_DEADLINE: Duration = Duration::from_secs(20);
/// Signals, and how long processes may take to end after each.
const ASK: (Signal, Duration) = (Signal::SIGTERM, Duration::from_secs(5));
const KILL: (Signal, Duration) = (Signal::SIGKILL, KILL_DEADLINE);

/// Ends the host; with `purge`, the nodes' image stores too.
pub(crate) async fn down(purge: bool) -> Result<()> {
    machine::require_root()?;
    let cache = cache_dir()?;
    create_dir(&cache)?;
    let _lock = lock::take(&cache.join("up.lock"), "another run starts or ends the host").await?;
    remove(&State::locate()?)
        .await
        .context("failed to end the host; `cargo xtask host down` again continues")?;
    if purge {
        remove_tree(&cache.join("images-store"))?;
    }
    Ok(())
}

/// Ends and removes everything but the image stores. Does nothing where nothing is.
pub(crate) async fn remove(state: &State) -> Result<()> {
    owner::check(state)?;
    let processes = state.processes();
    // Kubelets first: they would start again what is ended next.
    end(&select(&processes, "kubelet"), &[KILL]).await?;
    end_all("containers", cgroup::members).await?;
    remove_containers(state).await;
    // Only containerd has something to lose: the image store. The rest is thrown away.
    end(&select(&processes, "containerd"), &[ASK, KILL]).await?;
    end(&processes, &[KILL]).await?;
    // Shims, and whatever a crash kept from being recorded.
    end_all("processes in the host's namespaces", namespace_members).await?;
    network::delete().await?;
    cgroup::delete()?;
    unmount_below(state.root())?;
    remove_tree(state.root())?;
    node::remove_mount_points();
    node::devices::remove_files();
    owner::release();
    Ok(())
}

/// The processes of a component on all nodes.
fn select(processes: &[Process], component: &str) -> Vec<Process> {
    let names: Vec<String> = NodeNetwork::all(MAX_NODES)
        .iter()
        .map(|node| node::process_name(component, &node.name))
        .collect();
    processes
        .iter()
        .filter(|process| names.contains(&process.name))
        .cloned()
        .collect()
}

/// Sends each signal in turn until all have ended.
async fn end(processes: &[Process], signals: &[(Signal, Duration)]) -> Result<()> {
    for (signal, deadline) in signals.iter().copied() {
        for process in processes {
            process.signal(signal)?;
        }
        let gone = until("processes to end", None, deadline, || async {
            let left: Vec<&str> = processes
                .iter()
                .filter(|process| process.is_alive())
                .map(|process| process.name.as_str())
                .collect();
            if left.is_empty() {
                Look::Ready(())
            } else {
                Look::NotYet(format!("{} still run", left.join(", ")))
            }
        })
        .await;
        match gone {
            Ok(()) => return Ok(()),
            Err(error) if signal == Signal::SIGKILL => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}

/// Kills until `find` finds none: what is killed may have started another meanwhile.
async fn end_all(what: &str, find: impl Fn() -> Vec<i32>) -> Result<()> {
    until(&format!("{what} to end"), None, KILL_DEADLINE, || async {
        let left = find();
        for pid in &left {
            // Gone already is as good.
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        if left.is_empty() {
            Look::Ready(())
        } else {
            Look::NotYet(format!("process ids {left:?}"))
        }
    })
    .await
}

/// Containers live in the image store, which stays. Only an attempt: the next `up` looks again.
async fn remove_containers(state: &State) {
    let Ok(binaries) = Binaries::built(&[Component::Ctr]) else {
        return;
    };
    for network in NodeNetwork::all(MAX_NODES) {
        let process = state.process(&node::containerd::process(&network.name));
        if process.is_some_and(|process| process.is_alive())
            && let Ok(ctr) = Ctr::new(state, &binaries, &network.name)
            && let Err(error) = ctr.remove_containers().await
        {
            eprintln!(
                "node {}: containers stay until the next start: {error:#}",
                network.name
            );
        }
    }
}

/// Processes in our network namespaces, but never this one or one of its ancestors (a shell inside `host exec`).
fn namespace_members() -> Vec<i32> {
    let ours: BTreeSet<u64> = network::existing()
        .iter()
        .filter_map(|name| fs::metadata(network::path(name)).ok())
        .map(|metadata| metadata.ino())
        .collect();
    let spared = ancestors();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok())
        .filter(|pid| {
            let namespace = fs::metadata(format!("/proc/{pid}/ns/net"));
            namespace.is_ok_and(|metadata| ours.contains(&metadata.ino())) && !spared.contains(pid)
        })
        .collect()
}

fn ancestors() -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut pid = std::process::id().cast_signed();
    while pid > 0 && found.insert(pid) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let parent = status
            .lines()
            .find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
        pid = parent.unwrap_or(0);
    }
    found
}

/// The nodes' mounts go with their mount namespaces; this is for what leaked into the machine's own.
fn unmount_below(root: &Path) -> Result<()> {
    let text = fs::read_to_string("/proc/self/mountinfo").context("failed to read /proc/self/mountinfo")?;
    for point in mounts_below(&text, &root.display().to_string()) {
        umount2(point.as_str(), MntFlags::MNT_DETACH)
            .with_context(|| format!("failed to unmount {point}"))?;
    }
    Ok(())
}

/// Mount points below a directory, deepest first.
fn mounts_below(mountinfo: &str, root: &str) -> Vec<String> {
    let below = format!("{root}/");
    let mut points: Vec<String> = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .filter(|point| point.starts_with(&below))
        .map(ToOwned::to_owned)
        .collect();
    points.reverse();
    points
}

fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_below_the_state_directory_are_found_deepest_first() {
        let mountinfo = "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /s/a rw - ext4 a rw\n\
                         3 2 0:3 / /s/a/b rw - ext4 a rw\n4 1 0:4 / /sx rw - ext4 a rw\n";
        assert_eq!(mounts_below(mountinfo, "/s"), ["/s/a/b", "/s/a"]);
    }

    #[test]
    fn this_process_is_its_own_ancestor_and_so_spared() {
        assert!(ancestors().contains(&std::process::id().cast_signed()));
    }

    #[test]
    fn processes_are_selected_by_component_and_node() {
        let process = |name: &str| Process {
            name: name.into(),
            pid: 1,
            start_ticks: 0,
        };
        let all = [
            process("kubelet-wn1"),
            process("kube-apiserver"),
            process("kubelet-x"),
        ];
        assert_eq!(select(&all, "kubelet"), [process("kubelet-wn1")]);
    }
}
