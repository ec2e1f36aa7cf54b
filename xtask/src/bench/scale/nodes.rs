//! Nodes that exist in the API only: kwok keeps them Ready and says of each Pod on them that it runs. It runs while
//! they are needed and ends with the bench, however that ends.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};
use warren_devhost::{
    Host,
    binaries::{Binaries, Component},
    process::SYSTEM_PATH,
    wait::{Look, until},
};

/// Label of the nodes.
pub(super) const LABEL: (&str, &str) = ("warren.dev/bench", "kwok");
/// Another label of theirs, of a kind that tenants see, so that one and the same Pod selects them on both sides.
pub(super) const ZONE: (&str, &str) = ("topology.kubernetes.io/zone", "bench-kwok");
/// Key of their taint: only Pods that say so land there.
pub(super) const TAINT: &str = "kwok.x-k8s.io/node";
/// The nodes' names begin so.
pub(in super::super) const PREFIX: &str = "bench-kwok-";
/// How many Pods are meant for one node. Somewhat below what it takes, because no scheduler fills evenly.
const PODS_PER_NODE: u16 = 90;
/// How many Pods it takes, as a kubelet does unless told otherwise.
const CAPACITY: u16 = 110;

/// How many nodes, and how many Pods each takes.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Plan {
    pub(in super::super) count: u16,
    pub(in super::super) capacity: u16,
}

impl Plan {
    /// As many as so many Pods need.
    pub(in super::super) fn of(pods: u16) -> Self {
        Self {
            count: pods.div_ceil(PODS_PER_NODE),
            capacity: CAPACITY,
        }
    }
}
/// How the nodes and their Pods behave.
const STAGES: &str = include_str!("stages.yaml");
const DEADLINE: Duration = Duration::from_mins(1);

/// Nodes, and the process that plays them.
pub(in super::super) struct Nodes {
    kwok: Child,
    log: PathBuf,
    count: usize,
    /// Read when kwok starts; removed with this.
    _stages: NamedTempFile,
}

/// Builds kwok where it is missing. Not inside the host's namespaces: Go may have to load modules.
pub(in super::super) async fn program() -> Result<PathBuf> {
    Binaries::ensure(&[Component::Kwok]).await?.path(Component::Kwok)
}

/// Starts kwok and makes the nodes.
pub(in super::super) async fn start(
    host: &Host,
    client: &Client,
    program: &Path,
    plan: Plan,
) -> Result<Nodes> {
    let stages = tempfile::Builder::new().suffix(".yaml").tempfile();
    let stages = stages.context("failed to make a file for kwok's stages")?;
    std::fs::write(stages.path(), STAGES).context("failed to write kwok's stages")?;
    let Plan { count, capacity } = plan;
    let mut nodes = Nodes {
        kwok: spawn(host, program, stages.path())?,
        log: log(host),
        count: count.into(),
        _stages: stages,
    };
    let api: Api<Node> = Api::all(client.clone());
    for number in 1..=count {
        let created = api.create(&PostParams::default(), &node(number, capacity)?).await;
        created.context("failed to create a node")?;
    }
    tokio::select! {
        ready = wait(client, count.into()) => {
            ready.with_context(|| format!("kwok's log is {}", nodes.log.display()))?;
        }
        ended = nodes.ended() => return Err(ended),
    }
    Ok(nodes)
}

impl Nodes {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Comes when kwok ends by itself, which it should not.
    pub(in super::super) async fn ended(&mut self) -> anyhow::Error {
        match self.kwok.wait().await {
            Ok(status) => anyhow!("kwok ended with {status}: see {}", self.log.display()),
            Err(error) => anyhow::Error::new(error).context("failed to wait for kwok"),
        }
    }

    /// Ends kwok. The nodes stay: see [`remove`].
    pub(in super::super) async fn stop(mut self) -> Result<()> {
        self.kwok.kill().await.context("failed to end kwok")
    }
}

fn log(host: &Host) -> PathBuf {
    host.state().log("bench-kwok")
}

/// Starts kwok beside the host's control plane. It is killed when the handle is dropped, and by the kernel should
/// the bench itself be killed.
fn spawn(host: &Host, program: &Path, stages: &Path) -> Result<Child> {
    let path = log(host);
    let log = std::fs::File::create(&path);
    let log = log.with_context(|| format!("failed to create {}", path.display()))?;
    let (key, value) = LABEL;
    // This thread is inside the control plane's network namespace, and so is what it starts. The environment is emptied
    // on purpose: a proxy of the caller's leads nowhere from there.
    let mut command = Command::new("setpriv");
    command
        .env_clear()
        .env("PATH", SYSTEM_PATH)
        .env("HOME", "/")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program)
        .arg("--kubeconfig")
        .arg(host.inner_kubeconfig_path())
        .arg("--config")
        .arg(stages)
        .arg(format!("--manage-nodes-with-label-selector={key}={value}"))
        // Renewed four times as often, which is soon enough for the host's controller-manager. With the default of 40 s a
        // hundred nodes at rest cost the host about what a tenant's control plane does.
        .arg("--node-lease-duration-seconds=120")
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("failed to share kwok's log")?)
        .stderr(log)
        // Ctrl-C is for the bench, which cleans up with kwok still there.
        .process_group(0)
        .kill_on_drop(true);
    command.spawn().context("failed to start kwok")
}

/// A node as a kubelet would register it. Its addresses lead nowhere.
fn node(number: u16, capacity: u16) -> Result<Node> {
    let ((key, value), (zone_key, zone)) = (LABEL, ZONE);
    let name = format!("{PREFIX}{number}");
    let amounts = json!({
        "cpu": "32", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": capacity.to_string(),
    });
    let node = json!({
        "metadata": {"name": name, "labels": {
            key: value,
            zone_key: zone,
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        }},
        "spec": {
            "taints": [{"key": TAINT, "value": "fake", "effect": "NoSchedule"}],
            "podCIDRs": [format!("10.245.{number}.0/24")],
            "podCIDR": format!("10.245.{number}.0/24"),
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": format!("10.246.0.{number}")},
                {"type": "Hostname", "address": name},
            ],
            "capacity": amounts,
            "allocatable": amounts,
        },
    });
    serde_json::from_value(node).context("the node to make is not a Node")
}

/// Waits until so many of these nodes are Ready and take Pods: on the host, and then in the tenant that sees no
/// others.
pub(in super::super) async fn wait(client: &Client, count: usize) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    until("the nodes to be Ready", None, DEADLINE, || async {
        match api.list(&ListParams::default()).await {
            Err(error) => Look::Never(error.to_string()),
            Ok(nodes) => match nodes.iter().filter(|node| takes_pods(node)).count() {
                ready if ready == count => Look::Ready(()),
                ready => Look::NotYet(format!("{ready} of {count}")),
            },
        }
    })
    .await
}

/// Ready, one of ours, and not tainted by anybody else.
fn takes_pods(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let mut taints = taints.into_iter().flatten();
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    taints.next().is_some_and(|taint| taint.key == TAINT)
        && taints.next().is_none()
        && conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Deletes the nodes, also those of an earlier run; their Pods must be gone.
pub(in super::super) async fn remove(client: &Client) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let (key, value) = LABEL;
    let ours = ListParams::default().labels(&format!("{key}={value}"));
    let deleted = api.delete_collection(&DeleteParams::default(), &ours).await;
    deleted.map(drop).context("failed to delete the nodes of kwok")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_takes_pods_once_kwok_says_that_it_is_ready() {
        let mut node = node(3, CAPACITY).unwrap();
        assert!(!takes_pods(&node));
        let ready = json!({"type": "Ready", "status": "True"});
        let status = node.status.as_mut().unwrap();
        status.conditions = Some(vec![serde_json::from_value(ready).unwrap()]);
        assert!(takes_pods(&node));
        let other = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
        let taints = node.spec.as_mut().unwrap().taints.as_mut().unwrap();
        taints.push(serde_json::from_value(other).unwrap());
        assert!(!takes_pods(&node));
    }

    #[test]
    fn the_stages_are_for_nodes_and_pods() {
        let kinds: Vec<_> = STAGES
            .split("---\n")
            .map(|text| serde_saphyr::from_str::<serde_json::Value>(text).unwrap())
            .map(|stage| {
                let of = stage.pointer("/spec/resourceRef/kind").cloned();
                (stage["kind"].clone(), of.unwrap_or_default())
            })
            .collect();
        let expected = [
            (json!("KwokConfiguration"), json!(null)),
            (json!("Stage"), json!("Node")),
            (json!("Stage"), json!("Pod")),
            (json!("Stage"), json!("Pod")),
        ];
        assert_eq!(kinds, expected);
    }
}
