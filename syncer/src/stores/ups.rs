//! Both sides of the kinds that come up: what is kept of each.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::resource::v1::{DeviceClass, DeviceClassSpec};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, CSIStorageCapacity, StorageClass};
use kube::api::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_runtime::watch::{self, Change};
use warren_translate::identity::Cluster;
use warren_translate::policy::TenantPolicy;

use super::area::Area;
use super::both::Mirrored;
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
    /// DeviceClasses.
    pub device_classes: Both<DeviceClass>,
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
        let devices = !policy.classes.device.names.is_empty();
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
            device_classes: Both::mirrored(
                tenant,
                devices.then_some(host),
                Kind::DeviceClass,
                ["DeviceClass", "HostDeviceClass"],
                prune_device_class,
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
    pub fn areas(&self) -> [Area<'_>; 8] {
        let Self {
            storage_classes,
            ingress_classes,
            priority_classes,
            runtime_classes,
            device_classes,
            csi_drivers,
            csi_nodes,
            csi_capacities,
            nodes: _, // the tenant's alone
        } = self;
        [
            Area::new(Kind::StorageClass, Mirrored(storage_classes)),
            Area::new(Kind::IngressClass, Mirrored(ingress_classes)),
            Area::new(Kind::PriorityClass, Mirrored(priority_classes)),
            Area::new(Kind::RuntimeClass, Mirrored(runtime_classes)),
            Area::new(Kind::DeviceClass, Mirrored(device_classes)),
            Area::new(Kind::CsiDriver, Mirrored(csi_drivers)),
            Area::new(Kind::CsiNode, Mirrored(csi_nodes)),
            Area::new(Kind::CsiStorageCapacity, Mirrored(csi_capacities)),
        ]
    }

    /// What depends on which StorageClasses are on offer.
    pub fn csi_keys(&self, cluster: &Cluster) -> BTreeSet<Key> {
        let [_storage, _ingress, _priority, _runtime, _device, csi @ ..] = self.areas();
        csi.iter().flat_map(|area| area.keys(cluster)).collect()
    }

    /// Metadata of the tenant's object of one of these kinds.
    pub fn in_tenant(&self, key: &Key) -> Option<ObjectMeta> {
        let stored = key.in_tenant();
        match key.kind {
            Kind::StorageClass => meta_of(&self.storage_classes, &stored),
            Kind::IngressClass => meta_of(&self.ingress_classes, &stored),
            Kind::PriorityClass => meta_of(&self.priority_classes, &stored),
            Kind::RuntimeClass => meta_of(&self.runtime_classes, &stored),
            Kind::DeviceClass => meta_of(&self.device_classes, &stored),
            Kind::CsiDriver => meta_of(&self.csi_drivers, &stored),
            Kind::CsiNode => meta_of(&self.csi_nodes, &stored),
            Kind::CsiStorageCapacity => meta_of(&self.csi_capacities, &stored),
            _of_another_area => None,
        }
    }
}

fn meta_of<K: Resource + Stored>(both: &Both<K>, stored: &ObjectKey) -> Option<ObjectMeta> {
    Some(both.tenant.get(stored)?.meta().clone())
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

/// Parameters may hold anything.
fn prune_device_class(class: &mut DeviceClass) {
    class.metadata.annotations = None;
    class.spec = class.spec.take().map(|spec| DeviceClassSpec {
        selectors: spec.selectors,
        ..DeviceClassSpec::default()
    });
}

/// Of annotations only whether it is the default.
fn keep_default(metadata: &mut ObjectMeta) {
    if let Some(annotations) = metadata.annotations.as_mut() {
        annotations.retain(|key, _| key.ends_with(IS_DEFAULT));
    }
}

#[cfg(test)]
mod tests;
