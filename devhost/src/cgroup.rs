//! The cgroups of the nodes: made in each hierarchy of version 1, or in the only one of version 2.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::state::create_dir;

const MOUNT: &str = "/sys/fs/cgroup";
const MOUNT_TABLE: &str = "/proc/self/mountinfo";
const PREFIX: &str = "warren-";

/// Name of a node's cgroup, below the root of each hierarchy.
pub fn name(node: &str) -> String {
    format!("{PREFIX}{node}")
}

/// Whether the machine has the unified hierarchy (version 2) only.
pub fn is_version_2() -> bool {
    Path::new(MOUNT).join("cgroup.controllers").exists()
}

/// Makes the cgroup in which the kubelet of `node` puts its Pods.
///
/// # Errors
/// If a directory cannot be made, or the machine has no cgroups mounted.
pub fn create(node: &str) -> Result<()> {
    let hierarchies = hierarchies()?;
    if hierarchies.is_empty() {
        bail!(
            "no cgroups are mounted at {MOUNT}: the kubelet needs them (in a container, run it with them mounted)"
        );
    }
    for hierarchy in hierarchies {
        let own = hierarchy.join(name(node));
        create_dir(&own)?;
        // Version 1: an empty cpuset lets no process in. Inherited from the root.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let from = hierarchy.join(file);
            if !is_version_2() && from.exists() {
                let value = fs::read_to_string(&from)
                    .with_context(|| format!("failed to read {}", from.display()))?;
                let to = own.join(file);
                fs::write(&to, value.trim()).with_context(|| format!("failed to write {}", to.display()))?;
            }
        }
    }
    if is_version_2() {
        enable_controllers()?;
    }
    Ok(())
}

/// Version 2 gives a controller to children only if the parent says so; systemd leaves some out at the root.
fn enable_controllers() -> Result<()> {
    let root = Path::new(MOUNT);
    let available =
        fs::read_to_string(root.join("cgroup.controllers")).context("failed to read cgroup.controllers")?;
    let control = root.join("cgroup.subtree_control");
    let enabled = fs::read_to_string(&control).unwrap_or_default();
    let missing = ["cpu", "cpuset", "memory", "io", "pids", "hugetlb"]
        .into_iter()
        .filter(|name| {
            let listed = |text: &str| text.split_ascii_whitespace().any(|word| word == *name);
            listed(&available) && !listed(&enabled)
        });
    for name in missing {
        fs::write(&control, format!("+{name}")).with_context(|| {
            format!("failed to enable cgroup controller {name} in {}: in a container this needs --privileged and a cgroup namespace of the host", control.display())
        })?;
    }
    Ok(())
}

/// Ids of all processes in the cgroups of the host's nodes.
pub fn members() -> Vec<i32> {
    let mut members = Vec::new();
    for root in existing() {
        for dir in walkdir::WalkDir::new(root)
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_type().is_dir())
        {
            let text = fs::read_to_string(dir.path().join("cgroup.procs")).unwrap_or_default();
            members.extend(
                text.lines()
                    .filter_map(|line| line.trim().parse::<i32>().ok())
                    .filter(|pid| *pid > 0),
            );
        }
    }
    members.sort_unstable();
    members.dedup();
    members
}

/// Removes the cgroups of all nodes; their processes must be gone.
///
/// # Errors
/// If the kernel still sees a process in one.
pub fn delete() -> Result<()> {
    for root in existing() {
        for dir in walkdir::WalkDir::new(&root)
            .contents_first(true)
            .into_iter()
            .flatten()
        {
            if dir.file_type().is_dir() {
                fs::remove_dir(dir.path())
                    .with_context(|| format!("failed to remove cgroup {}", dir.path().display()))?;
            }
        }
    }
    Ok(())
}

/// Directories of the nodes' cgroups that exist, in all hierarchies. On hybrid machines that includes the unified
/// one, where runc makes a cgroup too.
pub fn existing() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let text = fs::read_to_string(MOUNT_TABLE).unwrap_or_default();
    for (_, hierarchy) in parse_mounts(&text) {
        let Ok(entries) = fs::read_dir(hierarchy) else {
            continue;
        };
        found.extend(
            entries
                .flatten()
                .filter(|entry| {
                    entry
                        .file_name()
                        .to_string_lossy()
                        .strip_prefix(PREFIX)
                        .is_some_and(is_node_name)
                })
                .map(|entry| entry.path()),
        );
    }
    found
}

fn is_node_name(name: &str) -> bool {
    name.strip_prefix("wn")
        .is_some_and(|number| number.parse::<u8>().is_ok())
}

/// Mount points of the hierarchies. On a hybrid machine the unified one is left alone: the kubelet uses version 1.
fn hierarchies() -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string(MOUNT_TABLE).with_context(|| format!("failed to read {MOUNT_TABLE}"))?;
    Ok(parse_hierarchies(&text))
}

fn parse_hierarchies(mountinfo: &str) -> Vec<PathBuf> {
    let mounts = parse_mounts(mountinfo);
    let version_1 = mounts.iter().any(|(kind, _)| *kind == "cgroup");
    let wanted = if version_1 { "cgroup" } else { "cgroup2" };
    mounts
        .into_iter()
        .filter(|(kind, _)| *kind == wanted)
        .map(|(_, point)| PathBuf::from(point))
        .collect()
}

/// Kind (`cgroup` or `cgroup2`) and mount point of each hierarchy.
fn parse_mounts(mountinfo: &str) -> Vec<(&str, &str)> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            Some((right.split(' ').next()?, left.split(' ').nth(4)?))
        })
        .filter(|(kind, point)| kind.starts_with("cgroup") && point.starts_with(MOUNT))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hybrid_machines_use_the_version_1_hierarchies() {
        let mountinfo = "30 1 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                         31 1 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                         32 1 0:28 / /proc rw - proc proc rw\n";
        assert_eq!(
            parse_hierarchies(mountinfo),
            [PathBuf::from("/sys/fs/cgroup/cpu")]
        );
    }

    #[test]
    fn unified_machines_use_the_only_hierarchy() {
        let mountinfo = "31 1 0:27 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(parse_hierarchies(mountinfo), [PathBuf::from("/sys/fs/cgroup")]);
    }

    #[test]
    fn only_our_own_cgroups_are_ever_removed() {
        assert!(is_node_name("wn1") && !is_node_name("wnx") && !is_node_name("user"));
    }
}
