//! Resident memory of a tenant's containers, from their real processes.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use serde::Serialize;

/// Resident memory of one container or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resident {
    /// Memory of its own.
    pub(super) anonymous_kib: u64,
    /// Mapped files, most of it the program: containers of one image share it, so it is not to be multiplied.
    pub(super) file_kib: u64,
}

impl std::ops::AddAssign for Resident {
    fn add_assign(&mut self, other: Self) {
        self.anonymous_kib += other.anonymous_kib;
        self.file_kib += other.file_kib;
    }
}

/// What each container of a namespace's Pods holds, by the containers' names.
pub(super) async fn by_container(client: &Client, namespace: &str) -> Result<BTreeMap<String, Resident>> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace)
        .list(&ListParams::default())
        .await
        .context("failed to list the tenant's Pods")?;
    let groups = groups()?;
    let mut found = BTreeMap::new();
    for pod in &pods {
        for (container, id) in containers(pod) {
            let mut resident = Resident::default();
            for (pid, _) in groups.iter().filter(|(_, groups)| groups.contains(&id)) {
                // A process that ended meanwhile holds nothing.
                let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                resident += parse(&status);
            }
            ensure!(
                resident != Resident::default(),
                "no process of {container} in Pod {}: the bench reads this machine's /proc",
                pod.name_any()
            );
            *found.entry(container).or_default() += resident;
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
