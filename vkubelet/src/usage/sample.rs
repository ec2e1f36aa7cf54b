//! The host's measurements in tenant names: own Pods and the containers that the tenant asked for. Pure but for the
//! stores.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use kube::Resource;
use serde_json::Value;
use warren_runtime::quantity;
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::{Cluster, meta};

use super::host::{PodMetrics, seconds};
use crate::raw_pod::RawPod;

/// What one container uses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerSample {
    /// Its name.
    pub name: String,
    /// Its image, as the tenant's Pod status says.
    pub image: String,
    /// When it was started.
    pub started: Option<Timestamp>,
    /// Billionths of a core.
    pub nanocores: u64,
    /// Bytes of its working set.
    pub bytes: u64,
    /// Core-nanoseconds since Warren began to count: see [`super::counters`].
    pub core_nanoseconds: u64,
}

/// What one Pod uses.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSample {
    /// Tenant namespace.
    pub namespace: String,
    /// Tenant name.
    pub name: String,
    /// The tenant Pod's UID.
    pub uid: String,
    /// Its node.
    pub node: String,
    /// The tenant Pod's labels.
    pub labels: BTreeMap<String, String>,
    /// When the Pod was started.
    pub started: Option<Timestamp>,
    /// End of the time in which it was measured.
    pub at: Timestamp,
    /// That time as the host wrote it.
    pub window: String,
    /// Its containers, by name.
    pub containers: Vec<ContainerSample>,
    /// Core-nanoseconds of all its containers, also of those that ended.
    pub core_nanoseconds: u64,
}

impl PodSample {
    /// Billionths of a core, all containers.
    pub fn nanocores(&self) -> u64 {
        self.containers.iter().map(|container| container.nanocores).sum()
    }

    /// Bytes, all containers.
    pub fn bytes(&self) -> u64 {
        self.containers.iter().map(|container| container.bytes).sum()
    }

    /// Seconds in which it was measured; 0 when the host did not say.
    pub fn window_seconds(&self) -> f64 {
        seconds(&self.window).unwrap_or(0.0)
    }
}

/// What this cluster's Pods use of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSample {
    /// Billionths of a core.
    pub nanocores: u64,
    /// Bytes.
    pub bytes: u64,
    /// Core-nanoseconds of all Pods that were ever counted there.
    pub core_nanoseconds: u64,
    /// The newest measurement there, or when the host was asked.
    pub at: Timestamp,
    /// The time of that measurement.
    pub window: String,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// By namespace and name.
    pub pods: Vec<PodSample>,
    /// When the host was asked.
    pub at: Timestamp,
    /// Core-nanoseconds by node.
    pub nodes: HashMap<String, u64>,
}

impl Snapshot {
    /// The Pods of one node.
    pub fn on<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a PodSample> {
        self.pods.iter().filter(move |pod| pod.node == node)
    }

    /// One Pod.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<&PodSample> {
        self.pods
            .iter()
            .find(|pod| pod.namespace == namespace && pod.name == name)
    }

    /// What is used of one node: the sum of its Pods, nothing without any.
    pub fn node(&self, node: &str) -> NodeSample {
        let newest = self.on(node).max_by_key(|pod| pod.at);
        NodeSample {
            nanocores: self.on(node).map(PodSample::nanocores).sum(),
            bytes: self.on(node).map(PodSample::bytes).sum(),
            core_nanoseconds: self.nodes.get(node).copied().unwrap_or(0),
            at: newest.map_or(self.at, |pod| pod.at),
            window: newest.map_or_else(|| "0s".to_owned(), |pod| pod.window.clone()),
        }
    }
}

/// The tenant's side of what the host measured, by namespace and name. What is not this cluster's, not the tenant's
/// any more, or has no time is left out.
pub fn own(
    cluster: &Cluster,
    measured: &[PodMetrics],
    host_pods: &Store<RawPod>,
    tenant_pods: &Store<RawPod>,
) -> Vec<PodSample> {
    let mut samples: Vec<PodSample> = measured
        .iter()
        .filter_map(|metrics| sample(cluster, metrics, host_pods, tenant_pods))
        .collect();
    samples.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    samples
}

fn sample(
    cluster: &Cluster,
    metrics: &PodMetrics,
    host_pods: &Store<RawPod>,
    tenant_pods: &Store<RawPod>,
) -> Option<PodSample> {
    let name = metrics.metadata.name.as_deref()?;
    let host = host_pods.get(&ObjectKey::new(cluster.workload_namespace.as_str(), name))?;
    let origin = meta::origin(host.meta()).filter(|_| meta::belongs(cluster, host.meta()))?;
    let key = ObjectKey::new(origin.key.namespace.as_str(), origin.key.name.as_str());
    let tenant = tenant_pods
        .get(&key)
        .filter(|pod| pod.uid() == origin.uid.as_str())?;
    let tree = tenant.value().ok()?;
    let containers: Vec<ContainerSample> = metrics
        .containers
        .iter()
        .filter(|container| is_asked_for(&tree, &container.name))
        .map(|container| {
            let status = status(&tree, &container.name);
            let amount = |resource: &str| container.usage.get(resource).and_then(quantity::parse);
            ContainerSample {
                name: container.name.clone(),
                image: text(status, "/image"),
                started: time(status, "/state/running/startedAt"),
                nanocores: whole(amount("cpu").unwrap_or(0)),
                bytes: whole(amount("memory").unwrap_or(0) / quantity::ONE),
                core_nanoseconds: 0,
            }
        })
        .collect();
    Some(PodSample {
        namespace: key.namespace,
        name: key.name,
        uid: tenant.uid().to_owned(),
        node: tenant.facts().node_name.clone(),
        labels: tenant.meta().labels.clone().unwrap_or_default(),
        started: time(Some(&tree), "/status/startTime"),
        at: metrics.timestamp.parse().ok()?,
        window: metrics.window.clone(),
        containers,
        core_nanoseconds: 0,
    })
}

fn whole(amount: i128) -> u64 {
    u64::try_from(amount.max(0)).unwrap_or(u64::MAX)
}

/// Entries of these lists of a Pod, in spec or status.
fn entries<'a>(tree: &'a Value, part: &str, lists: [&str; 3]) -> impl Iterator<Item = &'a Value> {
    let part = tree.get(part);
    lists
        .map(|list| part.and_then(|part| part.get(list)).and_then(Value::as_array))
        .into_iter()
        .flatten()
        .flatten()
}

/// A host's webhook may have added others: they are not the tenant's.
fn is_asked_for(tree: &Value, name: &str) -> bool {
    entries(
        tree,
        "spec",
        ["containers", "initContainers", "ephemeralContainers"],
    )
    .any(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
}

fn status<'a>(tree: &'a Value, name: &str) -> Option<&'a Value> {
    let lists = [
        "containerStatuses",
        "initContainerStatuses",
        "ephemeralContainerStatuses",
    ];
    entries(tree, "status", lists).find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
}

fn text(value: Option<&Value>, pointer: &str) -> String {
    let text = value.and_then(|value| value.pointer(pointer)?.as_str());
    text.unwrap_or_default().to_owned()
}

fn time(value: Option<&Value>, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}

#[cfg(test)]
mod tests;
