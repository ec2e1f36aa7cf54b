//! Both sides of the kinds that come up: what is kept of each.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, CSIStorageCapacity, StorageClass};
use kube::api::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use tokio_util::sync::CancellationToken;
use warren_runtime::queue::Queue;
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_runtime::watch::{self, Change};
use warren_translate::policy::TenantPolicy;

use super::{Both, Wiring, keep_identity};
use crate::key::{Key, Kind};

/// How the annotations end that make a class the default, by its new and its old name.
const IS_DEFAULT: &str = "/is-default-class";

/// Both sides of each kind. What the host's objects hold for the host alone is not kept.
#[derive(Default)]
pub struct Ups {
    /// StorageClasses.
    pub storage_classes: Both<StorageClass>,
    /// IngressClasses.
    pub ingress_classes: Both<IngressClass>,
    /// PriorityClasses.
    pub priority_classes: Both<PriorityClass>,
    /// RuntimeClasses.
    pub runtime_classes: Both<RuntimeClass>,
    /// CSIDrivers.
    pub csi_drivers: Both<CSIDriver>,
    /// CSINodes.
    pub csi_nodes: Both<CSINode>,
    /// CSIStorageCapacities.
    pub csi_capacities: Both<CSIStorageCapacity>,
    /// The tenant's Nodes, only who they are: each has its CSINode.
    pub nodes: Store<PartialObjectMeta<Node>>,
}

impl Ups {
    /// Starts the watches.
    pub fn start([tenant, host]: [&Client; 2], policy: &TenantPolicy, wiring: &Wiring) -> Self {
        let priorities = !policy.classes.priority.is_nothing();
        let runtimes = !policy.classes.runtime.is_nothing() || policy.runtime_class_name.is_some();
        Self {
            storage_classes: Both::mirrored(
                tenant,
                Some(host),
                Kind::StorageClass,
                ["StorageClass", "HostStorageClass"],
                prune_storage_class,
                wiring,
            ),
            ingress_classes: Both::mirrored(
                tenant,
                Some(host),
                Kind::IngressClass,
                ["IngressClass", "HostIngressClass"],
                prune_ingress_class,
                wiring,
            ),
            priority_classes: Both::mirrored(
                tenant,
                priorities.then_some(host),
                Kind::PriorityClass,
                ["PriorityClass", "HostPriorityClass"],
                |class: &mut PriorityClass| class.metadata.annotations = None,
                wiring,
            ),
            runtime_classes: Both::mirrored(
                tenant,
                runtimes.then_some(host),
                Kind::RuntimeClass,
                ["RuntimeClass", "HostRuntimeClass"],
                |class: &mut RuntimeClass| class.metadata.annotations = None,
                wiring,
            ),
            csi_drivers: Both::mirrored(
                tenant,
                Some(host),
                Kind::CsiDriver,
                ["CSIDriver", "HostCSIDriver"],
                |driver: &mut CSIDriver| driver.metadata.annotations = None,
                wiring,
            ),
            csi_nodes: Both::mirrored(
                tenant,
                Some(host),
                Kind::CsiNode,
                ["CSINode", "HostCSINode"],
                |node: &mut CSINode| node.metadata.annotations = None,
                wiring,
            ),
            csi_capacities: Both::mirrored(
                tenant,
                Some(host),
                Kind::CsiStorageCapacity,
                ["CSIStorageCapacity", "HostCSIStorageCapacity"],
                |capacity: &mut CSIStorageCapacity| capacity.metadata.annotations = None,
                wiring,
            ),
            nodes: watch::spawn_metadata(
                Api::all(tenant.clone()),
                "Node",
                watcher::Config::default(),
                |node| keep_identity(&mut node.metadata),
                of_node(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
        }
    }

    /// Each kind.
    fn each(&self) -> [(Kind, &dyn Sides); 7] {
        let Self {
            storage_classes,
            ingress_classes,
            priority_classes,
            runtime_classes,
            csi_drivers,
            csi_nodes,
            csi_capacities,
            nodes: _, // the tenant's alone
        } = self;
        [
            (Kind::StorageClass, storage_classes),
            (Kind::IngressClass, ingress_classes),
            (Kind::PriorityClass, priority_classes),
            (Kind::RuntimeClass, runtime_classes),
            (Kind::CsiDriver, csi_drivers),
            (Kind::CsiNode, csi_nodes),
            (Kind::CsiStorageCapacity, csi_capacities),
        ]
    }

    /// Waits for all of it, for a moment only.
    pub async fn wait_a_moment(&self) {
        join_all(self.each().map(|(kind, sides)| sides.wait_a_moment(kind))).await;
    }

    /// A kind that could not be read at the start is looked at as a whole once it can.
    pub async fn when_they_come(&self, queue: &Queue<Key>, shutdown: &CancellationToken) {
        let late = self.each().map(|(kind, sides)| sides.keys_if_late(kind));
        let each = late.map(|keys| async {
            let keys = shutdown.run_until_cancelled(keys).await;
            keys.into_iter().flatten().for_each(|key| queue.add(key));
        });
        join_all(each).await;
    }

    /// Every key that either side has.
    pub fn keys(&self) -> BTreeSet<Key> {
        let keys = self.each().map(|(kind, sides)| sides.keys(kind));
        keys.into_iter().flatten().collect()
    }

    /// What depends on which StorageClasses are on offer.
    pub fn csi_keys(&self) -> BTreeSet<Key> {
        let mut keys = self.csi_drivers.mirrored_keys(Kind::CsiDriver);
        keys.extend(self.csi_nodes.mirrored_keys(Kind::CsiNode));
        keys.extend(self.csi_capacities.mirrored_keys(Kind::CsiStorageCapacity));
        keys
    }

    /// Metadata of the tenant's object of one of these kinds.
    pub fn in_tenant(&self, key: &Key) -> Option<ObjectMeta> {
        let mut each = self.each().into_iter();
        let (_, sides) = each.find(|(kind, _)| *kind == key.kind)?;
        sides.in_tenant(&key.in_tenant())
    }
}

/// Both sides of whichever kind.
trait Sides: Sync {
    /// [`Both::wait_a_moment`].
    fn wait_a_moment(&self, kind: Kind) -> BoxFuture<'_, ()>;

    /// Waits until both sides are complete. Every key, unless they were already.
    fn keys_if_late(&self, kind: Kind) -> BoxFuture<'_, BTreeSet<Key>>;

    /// [`Both::mirrored_keys`].
    fn keys(&self, kind: Kind) -> BTreeSet<Key>;

    /// Metadata of the tenant's object.
    fn in_tenant(&self, key: &ObjectKey) -> Option<ObjectMeta>;
}

impl<K> Sides for Both<K>
where
    K: Resource<DynamicType = ()> + Stored + Send + Sync,
{
    fn wait_a_moment(&self, kind: Kind) -> BoxFuture<'_, ()> {
        Self::wait_a_moment(self, kind).boxed()
    }

    fn keys_if_late(&self, kind: Kind) -> BoxFuture<'_, BTreeSet<Key>> {
        async move {
            if self.is_ready() {
                return BTreeSet::new();
            }
            self.wait_until_ready().await;
            tracing::info!(kind = kind.as_str(), "can be read");
            self.mirrored_keys(kind)
        }
        .boxed()
    }

    fn keys(&self, kind: Kind) -> BTreeSet<Key> {
        self.mirrored_keys(kind)
    }

    fn in_tenant(&self, key: &ObjectKey) -> Option<ObjectMeta> {
        Some(self.tenant.get(key)?.meta().clone())
    }
}

/// The CSINode of a Node that comes or goes; what else changes of a Node is nothing to it.
fn of_node(wiring: &Wiring) -> impl Fn(&Change<PartialObjectMeta<Node>>) + Send + 'static {
    let queue = wiring.queue.clone();
    move |change| {
        let [old, new] = [&change.old, &change.new].map(|node| node.as_ref().and_then(|node| node.uid()));
        if old != new {
            queue.add(Key::cluster(Kind::CsiNode, &change.key.name));
        }
    }
}

fn prune_storage_class(class: &mut StorageClass) {
    class.parameters = None;
    class.mount_options = None;
    keep_default(&mut class.metadata);
}

fn prune_ingress_class(class: &mut IngressClass) {
    if let Some(spec) = class.spec.as_mut() {
        spec.parameters = None;
    }
    keep_default(&mut class.metadata);
}

/// Of annotations only whether it is the default.
fn keep_default(metadata: &mut ObjectMeta) {
    if let Some(annotations) = metadata.annotations.as_mut() {
        annotations.retain(|key, _| key.ends_with(IS_DEFAULT));
    }
}

#[cfg(test)]
mod tests;
