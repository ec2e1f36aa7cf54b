//! Resident memory of a tenant's containers, and the processor time that they used, from their real processes.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use serde::Serialize;

/// Length of a tick in `/proc/PID/stat`: the kernel's `USER_HZ` is 100 on every machine that Kubernetes runs on.
const TICK_MS: u64 = 10;

/// Resident memory of one container or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resident {
    /// Memory of its own.
    pub(super) anonymous_kib: u64,
    /// Mapped files, most of it the program: containers of one image share it, so it is not to be multiplied.
    pub(super) file_kib: u64,
}

impl Resident {
    /// One of `count` equal parts.
    pub(super) fn share(self, count: u64) -> Self {
        Self {
            anonymous_kib: self.anonymous_kib / count,
            file_kib: self.file_kib / count,
        }
    }
}

impl std::ops::AddAssign for Resident {
    fn add_assign(&mut self, other: Self) {
        self.anonymous_kib += other.anonymous_kib;
        self.file_kib += other.file_kib;
    }
}

/// What each container of a namespace's Pods holds, by the containers' names.
pub(super) async fn by_container(client: &Client, namespace: &str) -> Result<BTreeMap<String, Resident>> {
    let mut found: BTreeMap<String, Resident> = BTreeMap::new();
    for Running { container, pod, pids } in running(client, namespace).await? {
        let mut resident = Resident::default();
        for pid in pids {
            // A process that ended meanwhile holds nothing.
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            resident += parse(&status);
        }
        ensure!(
            resident != Resident::default(),
            "no process of {container} in Pod {pod}: the bench reads this machine's /proc"
        );
        *found.entry(container).or_default() += resident;
    }
    Ok(found)
}

/// Processor time that each container of a namespace's Pods has used since it started, by the containers' names.
pub(super) async fn time_by_container(
    client: &Client,
    namespace: &str,
) -> Result<BTreeMap<String, Duration>> {
    let mut found: BTreeMap<String, Duration> = BTreeMap::new();
    for Running { container, pids, .. } in running(client, namespace).await? {
        *found.entry(container).or_default() += pids.iter().map(|pid| time_of(*pid)).sum::<Duration>();
    }
    Ok(found)
}

/// Processor time that a process has used since it started; none when it is gone.
pub(super) fn time_of(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ticks = parse_ticks(&stat).unwrap_or_default();
    Duration::from_millis(ticks.saturating_mul(TICK_MS))
}

/// A running container and its processes.
pub(super) struct Running {
    pub(super) container: String,
    pub(super) pod: String,
    pub(super) pids: Vec<u32>,
}

/// The running containers of a namespace's Pods.
pub(super) async fn running(client: &Client, namespace: &str) -> Result<Vec<Running>> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace)
        .list(&ListParams::default())
        .await
        .context("failed to list the tenant's Pods")?;
    let groups = groups()?;
    let mut found = Vec::new();
    for pod in &pods {
        for (container, id) in containers(pod) {
            let of = groups.iter().filter(|(_, groups)| groups.contains(&id));
            found.push(Running {
                container,
                pod: pod.name_any(),
                pids: of.map(|(pid, _)| *pid).collect(),
            });
        }
    }
    Ok(found)
}

/// Names and ids of the running containers, the ids without their runtime's prefix.
fn containers(pod: &Pod) -> Vec<(String, String)> {
    let status = pod.status.as_ref();
    // Sidecars are among the init containers.
    let statuses = [
        status.and_then(|status| status.init_container_statuses.as_ref()),
        status.and_then(|status| status.container_statuses.as_ref()),
    ];
    statuses
        .into_iter()
        .flatten()
        .flatten()
        .filter(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()))
        .filter_map(|status| {
            let (_, id) = status.container_id.as_deref()?.split_once("://")?;
            Some((status.name.clone(), id.to_owned()))
        })
        .collect()
}

/// Ids of all processes with the text of their cgroups, in which a container's id stands.
fn groups() -> Result<Vec<(u32, String)>> {
    let mut groups = Vec::new();
    for entry in fs::read_dir("/proc").context("failed to read /proc")? {
        let name = entry.context("failed to read /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/cgroup")) {
            groups.push((pid, text));
        }
    }
    Ok(groups)
}

fn parse(status: &str) -> Resident {
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Resident {
        anonymous_kib: field("RssAnon:").unwrap_or_default(),
        file_kib: field("RssFile:").unwrap_or_default(),
    }
}

/// User and system time of a process, from `/proc/PID/stat`: fields 14 and 15, counted after the name, which may hold
/// anything but ends with the last parenthesis.
fn parse_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_a_process_status() {
        let status = "VmRSS:\t  261820 kB\nRssAnon:\t  187004 kB\nRssFile:\t   74816 kB\nRssShmem:\t 0 kB\n";
        let expected = Resident {
            anonymous_kib: 187_004,
            file_kib: 74_816,
        };
        assert_eq!(parse(status), expected);
    }

    #[test]
    fn the_time_of_a_process_is_read_past_its_name() {
        let stat = "42 (a) b c) S 1 42 42 0 -1 4194560 100 0 5 0 70 30 0 0 20 0 3 0 999 1000 200";
        assert_eq!(parse_ticks(stat), Some(100));
        assert_eq!(parse_ticks(""), None);
    }

    #[test]
    fn a_process_without_memory_holds_nothing() {
        assert_eq!(parse("Name:\tkworker/0:1\n"), Resident::default());
    }

    #[test]
    fn only_running_containers_count() {
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "status": {"containerStatuses": [
                {"name": "one", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                 "containerID": "containerd://abc", "state": {"running": {}}},
                {"name": "two", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                 "containerID": "containerd://def", "state": {"terminated": {"exitCode": 1}}},
            ], "initContainerStatuses": [
                {"name": "sidecar", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                 "containerID": "containerd://012", "state": {"running": {}}},
            ]}
        }))
        .unwrap();
        let found = containers(&pod);
        let names: Vec<_> = found
            .iter()
            .map(|(name, id)| (name.as_str(), id.as_str()))
            .collect();
        assert_eq!(names, [("sidecar", "012"), ("one", "abc")]);
    }
}
