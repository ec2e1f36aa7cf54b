//! I/O: the watches, and which virtual clusters a change wakes.
//!
//! The operator has no right to watch Deployments or Secrets across namespaces, and needs none: it watches all Pods of
//! the host anyway (for what is free on nodes), and whatever happens to a Deployment shows in its Pods.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::api::networking::v1::ServiceCIDR;
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceSlice};
use kube::api::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use warren_crds::{VirtualCluster, VirtualClusterClass, keys};
use warren_runtime::clients::HostClient;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_runtime::watch::{self, Change, Keeps};

use crate::nodes::{prune, view::Board};
use crate::virtual_cluster::{component, observe};

/// All stores.
pub struct Stores {
    /// VirtualClusters.
    pub clusters: Store<VirtualCluster>,
    /// Classes.
    pub classes: Store<VirtualClusterClass>,
    /// Nodes, pruned.
    pub nodes: Store<Node>,
    /// Pods, pruned.
    pub pods: Store<Pod>,
    /// Ranges of Services.
    pub service_cidrs: Store<ServiceCIDR>,
    /// Namespaces that are open to mappings, names only.
    pub sync_sources: Store<PartialObjectMeta<Namespace>>,
    /// ResourceSlices. Nobody may wait for them: a host before 1.34 has none.
    pub slices: Store<ResourceSlice>,
    /// ResourceClaims that hold devices, pruned. As above.
    pub claims: Store<ResourceClaim>,
}

/// Wakes virtual clusters.
#[derive(Clone)]
struct Waker {
    queue: Queue<ObjectKey>,
    clusters: Arc<RwLock<Option<Store<VirtualCluster>>>>,
}

impl Waker {
    /// All of them: something changed that any plan may depend on.
    fn all(&self) {
        if let Some(clusters) = self.clusters.read().as_ref() {
            clusters.keys().into_iter().for_each(|key| self.queue.add(key));
        }
    }

    /// The one with this cluster id.
    fn one(&self, id: &str) {
        let of = |cluster: &VirtualCluster| {
            cluster
                .status
                .as_ref()
                .and_then(|status| status.cluster_id.as_deref())
                == Some(id)
        };
        if let Some(clusters) = self.clusters.read().as_ref() {
            clusters
                .filter(|cluster| of(cluster))
                .iter()
                .for_each(|cluster| self.queue.add(ObjectKey::of(cluster.as_ref())));
        }
    }
}

/// Starts all watches.
pub fn start(
    host: &HostClient,
    queue: &Queue<ObjectKey>,
    board: &Board,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> Stores {
    let waker = Waker {
        queue: queue.clone(),
        clusters: Arc::default(),
    };
    let source = Source {
        host,
        metrics,
        shutdown,
    };
    let clusters = source.watch("VirtualCluster", |_| (), on_cluster(queue.clone(), board.clone()));
    *waker.clusters.write() = Some(clusters.clone());
    Stores {
        clusters,
        classes: source.watch(
            "VirtualClusterClass",
            |_| (),
            on_class(waker.clone(), board.clone()),
        ),
        service_cidrs: source.watch("ServiceCIDR", |_| (), on_range(waker.clone())),
        sync_sources: source.sync_sources(waker.clone()),
        slices: source.watch("ResourceSlice", prune::slice, on_devices(board.clone())),
        claims: source.watch("ResourceClaim", prune::claim, on_devices(board.clone())),
        nodes: source.watch("Node", prune::node, on_node(waker.clone(), board.clone())),
        pods: source.watch("Pod", prune::pod, on_pod(waker, board.clone())),
    }
}

struct Source<'a> {
    host: &'a HostClient,
    metrics: &'a Metrics,
    shutdown: &'a CancellationToken,
}

impl Source<'_> {
    fn watch<K, R: Keeps>(
        &self,
        kind: &'static str,
        prune: impl Fn(&mut K) -> R + Send + 'static,
        on_change: impl Fn(&Change<K>) + Send + 'static,
    ) -> Store<K>
    where
        K: Resource<DynamicType = ()> + Stored + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let api = Api::all(self.host.client());
        let shutdown = self.shutdown.clone();
        watch::spawn(
            api,
            kind,
            watcher::Config::default(),
            prune,
            on_change,
            self.metrics,
            shutdown,
        )
    }

    /// Never one of a virtual cluster's, whatever its labels say.
    fn sync_sources(&self, waker: Waker) -> Store<PartialObjectMeta<Namespace>> {
        watch::spawn_metadata(
            Api::all(self.host.client()),
            "Namespace",
            watcher::Config::default().labels(&format!(
                "{}=true,!{}",
                keys::SYNC_SOURCE,
                keys::NAMESPACE_ROLE
            )),
            |namespace| {
                namespace.metadata = ObjectMeta {
                    name: namespace.metadata.name.take(),
                    ..ObjectMeta::default()
                };
            },
            move |change| {
                if change.old.is_some() != change.new.is_some() {
                    waker.all();
                }
            },
            self.metrics,
            self.shutdown.clone(),
        )
    }
}

fn on_cluster(queue: Queue<ObjectKey>, board: Board) -> impl Fn(&Change<VirtualCluster>) {
    move |change| {
        if concerns(change) {
            // Its nodes or its quota.
            board.touch();
            queue.add(change.key.clone());
        }
    }
}

fn on_class(waker: Waker, board: Board) -> impl Fn(&Change<VirtualClusterClass>) {
    move |change| {
        let facts = |class: &Option<Arc<VirtualClusterClass>>| {
            class
                .as_ref()
                .map(|class| (class.spec.clone(), class.labels().clone()))
        };
        if facts(&change.old) != facts(&change.new) {
            board.touch();
            waker.all();
        }
    }
}

fn on_range(waker: Waker) -> impl Fn(&Change<ServiceCIDR>) {
    move |change| {
        let ranges = |range: &Option<Arc<ServiceCIDR>>| range.as_ref().map(|range| range.spec.clone());
        if ranges(&change.old) != ranges(&change.new) {
            waker.all();
        }
    }
}

fn on_node(waker: Waker, board: Board) -> impl Fn(&Change<Node>) {
    move |change| {
        if change.old != change.new {
            board.touch();
        }
        // Addresses, ranges and labels are part of plans; conditions and capacity are not.
        let facts = |node: &Option<Arc<Node>>| node.as_deref().map(planned_from);
        if facts(&change.old) != facts(&change.new) {
            waker.all();
        }
    }
}

/// A claim changes with each of its Pods; only what it holds matters.
fn on_devices<K: PartialEq>(board: Board) -> impl Fn(&Change<K>) {
    move |change| {
        if change.old != change.new {
            board.touch_devices();
        }
    }
}

fn on_pod(waker: Waker, board: Board) -> impl Fn(&Change<Pod>) {
    move |change| {
        board.update(|ledger| ledger.note(&change.key, change.new.as_deref()));
        wake_for_pod(&waker, change);
    }
}

/// The operator's own writes to the status are no news.
fn concerns(change: &Change<VirtualCluster>) -> bool {
    let facts = |cluster: &Option<Arc<VirtualCluster>>| {
        cluster.as_ref().map(|cluster| {
            (
                cluster.metadata.uid.clone(),
                cluster.metadata.generation,
                cluster.metadata.deletion_timestamp.clone(),
                cluster.metadata.finalizers.clone(),
            )
        })
    };
    facts(&change.old) != facts(&change.new)
}

fn planned_from(
    node: &Node,
) -> (
    Vec<String>,
    Option<Vec<String>>,
    std::collections::BTreeMap<String, String>,
) {
    let ranges = node.spec.as_ref().and_then(|spec| spec.pod_cidrs.clone());
    (
        observe::internal_addresses(node).collect(),
        ranges,
        node.labels().clone(),
    )
}

/// A component of a control plane changed: it became ready, crashed, is gone.
fn wake_for_pod(waker: &Waker, change: &Change<Pod>) {
    let Some(pod) = change.new.as_deref().or(change.old.as_deref()) else {
        return;
    };
    let labels = pod.labels();
    let Some(id) = labels.get(keys::CLUSTER) else {
        return;
    };
    let state = |pod: &Option<Arc<Pod>>| component::state(pod.iter().map(AsRef::as_ref));
    let deleted = change.new.is_none();
    // Tenants' Pods come and go without the operator, except that a deletion waits for the last.
    if deleted || (labels.contains_key(keys::COMPONENT) && state(&change.old) != state(&change.new)) {
        waker.one(id);
    }
}
