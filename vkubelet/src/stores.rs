//! The watches of both clusters: what they fill, and whom they wake.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use tokio_util::sync::CancellationToken;
use warren_crds::keys;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::quotas;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch::{self, Change};
use warren_translate::{Cluster, meta};

use crate::node::write::on_pods_change;
use crate::pods::isolation;
use crate::pods::memory::Memories;
use crate::raw_pod::RawPod;
use crate::server::ends::Ends;
use crate::slices;

/// What the watches fill.
#[derive(Clone)]
pub struct Stores {
    /// The tenant's bound Pods; all, if the host's scheduler places them.
    pub tenant_pods: Store<RawPod>,
    /// The tenant's Services.
    pub tenant_services: Store<Service>,
    /// The tenant's NetworkPolicies, as far as they isolate Pods.
    pub tenant_policies: Store<NetworkPolicy>,
    /// The tenant's Nodes.
    pub tenant_nodes: Store<Node>,
    /// Own host Pods.
    pub host_pods: Store<RawPod>,
    /// Own host Services.
    pub host_services: Store<Service>,
}

/// Whom they wake.
#[derive(Clone)]
pub struct Wakes {
    /// The Pod loop.
    pub pods: Queue<ObjectKey>,
    /// The Node loop.
    pub nodes: Queue<String>,
    /// The loop over ResourceSlices.
    pub slices: slices::Wake,
    /// Last states of host Pods, and Pods that wait for quota.
    pub memories: Memories,
    /// Sessions with host Pods.
    pub ends: Ends,
}

impl Wakes {
    /// Room may have come for Pods that wait for quota.
    fn look_at_waiting(&self) {
        let waiting = self.memories.take_waiting().into_iter();
        waiting.for_each(|key| self.pods.add(key));
    }
}

/// Starts all watches; they end with `stop`. `placed_by_host`: the host's scheduler places the tenant's Pods.
pub fn spawn(
    host: &Client,
    tenant: &Client,
    cluster: &Cluster,
    placed_by_host: bool,
    wakes: &Wakes,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Stores {
    let own = || watcher::Config::default().labels(&format!("{}={}", keys::CLUSTER, cluster.id));
    let workloads = cluster.workload_namespace.as_str();
    let pods = if placed_by_host {
        watcher::Config::default()
    } else {
        watcher::Config::default().fields("spec.nodeName!=")
    };
    let waiting = wakes.clone();
    // Nobody reads them: what was refused is tried.
    let _quotas = quotas::watch(
        host,
        workloads,
        move || waiting.look_at_waiting(),
        metrics,
        stop.clone(),
    );
    let tenant_pods = {
        let wakes = wakes.clone();
        let changed = move |change: &Change<RawPod>| tenant_pod_changed(&wakes, change);
        watch::spawn(
            Api::all(tenant.clone()),
            "TenantPod",
            pods,
            |_| {},
            changed,
            metrics,
            stop.clone(),
        )
    };
    Stores {
        tenant_policies: {
            let (wakes, pods) = (wakes.clone(), tenant_pods.clone());
            let changed = move |change: &Change<NetworkPolicy>| {
                let affected = isolation::affected(change, &pods).into_iter();
                affected.for_each(|key| wakes.pods.add(key));
            };
            watch::spawn(
                Api::all(tenant.clone()),
                "TenantNetworkPolicy",
                watcher::Config::default(),
                isolation::prune,
                changed,
                metrics,
                stop.clone(),
            )
        },
        tenant_nodes: {
            let (wakes, pods) = (wakes.clone(), tenant_pods.clone());
            let changed = move |change: &Change<Node>| tenant_node_changed(&wakes, &pods, change);
            let all = watcher::Config::default();
            watch::spawn(
                Api::all(tenant.clone()),
                "TenantNode",
                all,
                |_| {},
                changed,
                metrics,
                stop.clone(),
            )
        },
        tenant_pods,
        tenant_services: watch::spawn(
            Api::all(tenant.clone()),
            "TenantService",
            watcher::Config::default(),
            |_| {},
            |_| {},
            metrics,
            stop.clone(),
        ),
        host_pods: {
            let wakes = wakes.clone();
            let changed = move |change: &Change<RawPod>| host_pod_changed(&wakes, change);
            let api = Api::namespaced(host.clone(), workloads);
            watch::spawn(api, "HostPod", own(), |_| {}, changed, metrics, stop.clone())
        },
        host_services: watch::spawn(
            Api::namespaced(host.clone(), workloads),
            "HostService",
            own(),
            |_| {},
            |_| {},
            metrics,
            stop.clone(),
        ),
    }
}

fn tenant_pod_changed(wakes: &Wakes, change: &Change<RawPod>) {
    // Ends go first: somebody waits for the name or the room.
    if change.new.as_ref().is_none_or(|pod| pod.is_terminating()) {
        wakes.pods.add_urgent(change.key.clone());
    } else {
        wakes.pods.add(change.key.clone());
    }
    wake_node(wakes, change);
}

/// Pods that wait for the host's scheduler may go to other Nodes when the tenant opens or closes one.
fn tenant_node_changed(wakes: &Wakes, pods: &Store<RawPod>, change: &Change<Node>) {
    wakes.nodes.add(change.key.name.clone());
    wakes.slices.on_node(change);
    let spec = |node: &Option<Arc<Node>>| node.as_ref().and_then(|node| node.spec.clone());
    if spec(&change.old) != spec(&change.new) || change.old.is_some() != change.new.is_some() {
        let waiting = pods.filter(|pod| pod.facts().node_name.is_empty());
        let keys = waiting.iter().map(|pod| ObjectKey::of(&**pod));
        keys.for_each(|key| wakes.pods.add(key));
    }
}

fn host_pod_changed(wakes: &Wakes, change: &Change<RawPod>) {
    wake_node(wakes, change);
    wakes.ends.note(change.old.as_deref(), change.new.as_deref());
    let Some(pod) = change.new.as_ref().or(change.old.as_ref()) else {
        return;
    };
    let Some(origin) = meta::origin(pod.meta()) else {
        return;
    };
    let key = ObjectKey::new(origin.key.namespace.as_str(), origin.key.name.as_str());
    if change.new.is_none() {
        wakes
            .memories
            .keep_gone(&key, origin.uid.as_str(), Arc::clone(pod));
        wakes.look_at_waiting();
    }
    wakes.pods.add(key);
}

/// A node's slice depends on which Pods are on it and have not ended, not on their other changes.
fn wake_node(wakes: &Wakes, change: &Change<RawPod>) {
    let place = |pod: &RawPod| (pod.facts().node_name.clone(), pod.facts().phase.is_terminal());
    let (old, new) = (change.old.as_deref().map(place), change.new.as_deref().map(place));
    if old != new {
        [old, new]
            .into_iter()
            .flatten()
            .for_each(|(node, _ended)| on_pods_change(&wakes.nodes, &node));
    }
}
