//! Pure: what is kept of the host's Nodes, Pods and claims of devices. The operator holds all of them, so every field counts.

use k8s_openapi::api::core::v1::{
    Container, ContainerStatus, Node, NodeSpec, NodeStatus, Pod, PodSpec, PodStatus,
};
use k8s_openapi::api::resource::v1::{
    AllocationResult, DeviceAllocationResult, DeviceRequestAllocationResult, ResourceClaim,
    ResourceClaimStatus, ResourceSlice,
};
use kube::api::ObjectMeta;
use warren_crds::keys;

/// Keeps what tenants may see of a Node, and its Pod ranges.
pub fn node(node: &mut Node) {
    node.metadata = ObjectMeta {
        name: node.metadata.name.take(),
        labels: node.metadata.labels.take(),
        ..ObjectMeta::default()
    };
    node.spec = node.spec.take().map(|spec| NodeSpec {
        taints: spec.taints,
        unschedulable: spec.unschedulable,
        pod_cidrs: spec.pod_cidrs,
        ..NodeSpec::default()
    });
    node.status = node.status.take().map(|status| NodeStatus {
        addresses: status.addresses,
        capacity: status.capacity,
        allocatable: status.allocatable,
        conditions: status.conditions.map(|mut conditions| {
            // Changes every few minutes and says nothing that the condition itself does not.
            for condition in &mut conditions {
                condition.last_heartbeat_time = None;
            }
            conditions
        }),
        node_info: status.node_info,
        declared_features: status.declared_features,
        ..NodeStatus::default()
    });
}

/// Keeps where a Pod is, what it takes, whether it runs, and for Warren's own why not.
pub fn pod(pod: &mut Pod) {
    let labels = pod.metadata.labels.take().unwrap_or_default();
    let labels: std::collections::BTreeMap<_, _> = labels
        .into_iter()
        .filter(|(key, _)| key == keys::CLUSTER || key == keys::COMPONENT)
        .collect();
    let own = labels.contains_key(keys::CLUSTER);
    pod.metadata = ObjectMeta {
        name: pod.metadata.name.take(),
        namespace: pod.metadata.namespace.take(),
        // For Pods of a cluster that is being deleted.
        uid: pod.metadata.uid.take().filter(|_| own),
        resource_version: pod.metadata.resource_version.take().filter(|_| own),
        finalizers: pod.metadata.finalizers.take().filter(|_| own),
        deletion_timestamp: pod.metadata.deletion_timestamp.take().filter(|_| own),
        labels: own.then_some(labels),
        ..ObjectMeta::default()
    };
    let name = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let is_placed = name.is_some_and(|name| !name.is_empty());
    pod.spec = pod.spec.take().map(|spec| PodSpec {
        // Which node it is pinned to.
        affinity: spec.affinity.filter(|_| own && !is_placed),
        node_name: spec.node_name,
        containers: spec.containers.into_iter().map(container).collect(),
        init_containers: spec
            .init_containers
            .map(|list| list.into_iter().map(container).collect()),
        overhead: spec.overhead,
        resources: spec.resources,
        ..PodSpec::default()
    });
    pod.status = pod.status.take().map(|status| PodStatus {
        phase: status.phase,
        conditions: status.conditions.filter(|_| own),
        init_container_statuses: of_statuses(status.init_container_statuses, own),
        container_statuses: of_statuses(status.container_statuses, own),
        ..PodStatus::default()
    });
}

fn container(container: Container) -> Container {
    Container {
        name: container.name,
        resources: container.resources,
        restart_policy: container.restart_policy,
        ..Container::default()
    }
}

fn of_statuses(list: Option<Vec<ContainerStatus>>, own: bool) -> Option<Vec<ContainerStatus>> {
    list.map(|list| list.into_iter().map(|status| of_status(status, own)).collect())
}

fn of_status(status: ContainerStatus, own: bool) -> ContainerStatus {
    ContainerStatus {
        name: status.name,
        // Of most Pods the same as what is allocated.
        resources: status
            .resources
            .filter(|resources| resources.requests != status.allocated_resources),
        allocated_resources: status.allocated_resources,
        state: status.state.filter(|_| own),
        last_state: status.last_state.filter(|_| own),
        ..ContainerStatus::default()
    }
}

/// Keeps what a ResourceSlice says, and its name.
pub fn slice(slice: &mut ResourceSlice) {
    slice.metadata = ObjectMeta {
        name: slice.metadata.name.take(),
        ..ObjectMeta::default()
    };
}

/// Keeps whose a claim is, and the devices that it holds. One that holds none is not kept.
pub fn claim(claim: &mut ResourceClaim) -> bool {
    let labels = claim.metadata.labels.take().unwrap_or_default();
    let labels: std::collections::BTreeMap<_, _> = labels
        .into_iter()
        .filter(|(key, _)| key == keys::CLUSTER)
        .collect();
    claim.metadata = ObjectMeta {
        name: claim.metadata.name.take(),
        namespace: claim.metadata.namespace.take(),
        labels: Some(labels).filter(|labels| !labels.is_empty()),
        ..ObjectMeta::default()
    };
    claim.spec = None;
    let allocation = claim.status.take().and_then(|status| status.allocation);
    let results = allocation.and_then(|allocation| allocation.devices?.results);
    let results: Vec<_> = results.into_iter().flatten().map(result).collect();
    let holds = !results.is_empty();
    claim.status = Some(ResourceClaimStatus {
        allocation: Some(AllocationResult {
            devices: Some(DeviceAllocationResult {
                results: Some(results),
                ..DeviceAllocationResult::default()
            }),
            ..AllocationResult::default()
        }),
        ..ResourceClaimStatus::default()
    });
    holds
}

fn result(result: DeviceRequestAllocationResult) -> DeviceRequestAllocationResult {
    DeviceRequestAllocationResult {
        admin_access: result.admin_access,
        consumed_capacity: result.consumed_capacity,
        device: result.device,
        driver: result.driver,
        pool: result.pool,
        share_id: result.share_id,
        ..DeviceRequestAllocationResult::default()
    }
}
