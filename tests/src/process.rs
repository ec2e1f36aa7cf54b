//! The real processes inside containers: found by their cgroup, killed by their id.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::stage::Stage;

/// Kills (SIGKILL) the process of container `container` of every Pod that `selector` selects; returns how many.
///
/// # Errors
/// When a container has no process, or it cannot be killed.
pub async fn kill(stage: &Stage, namespace: &str, selector: &str, container: &str) -> Result<usize> {
    let pods = stage.items(&["pods", "-n", namespace, "-l", selector]).await?;
    let mut killed = 0;
    for pod in &pods {
        let Some(id) = container_id(pod, container) else {
            continue;
        };
        for pid in pids(&id)? {
            let status = std::process::Command::new("kill")
                .args(["-9", &pid.to_string()])
                .status();
            ensure!(
                status.context("failed to run kill")?.success(),
                "process {pid} of {container} could not be killed"
            );
            killed += 1;
        }
    }
    Ok(killed)
}

/// As [`kill`], but it is an error when nothing was killed.
///
/// # Errors
/// As [`kill`].
pub async fn kill_some(stage: &Stage, namespace: &str, selector: &str, container: &str) -> Result<()> {
    match kill(stage, namespace, selector, container).await? {
        0 => bail!("no process of {container} ({selector}) in {namespace}"),
        _ => Ok(()),
    }
}

/// The id of the running container, without its runtime's prefix.
fn container_id(pod: &Value, container: &str) -> Option<String> {
    // Sidecars are init containers that go on.
    let of = |kind: &str| pod["status"][kind].as_array().into_iter().flatten();
    let status = of("containerStatuses")
        .chain(of("initContainerStatuses"))
        .find(|s| s["name"] == container && !s["state"]["running"].is_null())?;
    status["containerID"]
        .as_str()?
        .strip_prefix("containerd://")
        .map(str::to_owned)
}

/// The processes whose cgroup is the container's.
fn pids(container_id: &str) -> Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc").context("failed to read /proc")? {
        let name = entry.context("failed to read /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        // A process that ended meanwhile has no cgroup file any more.
        if fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|groups| groups.contains(container_id))
        {
            pids.push(pid);
        }
    }
    Ok(pids)
}
