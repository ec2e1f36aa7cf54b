//! Which devices a Pod's containers hold, and which of them are not well.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, ResourceHealth, ResourceStatus};
use warren_translate::kinds::pod::claim_of_status;

use super::Claimed;

const UNHEALTHY: &str = "Unhealthy";

/// `container c holds Dev-1, Dev-2 (Unhealthy) of example.com/gpu`, for each container and resource; empty for most Pods.
/// Of claims the kubelet knows names of its own, so what was allocated is said.
pub(super) fn held(pod: &Pod, claimed: &Claimed) -> String {
    let held: Vec<String> = statuses(pod)
        .flat_map(|container| of_container(container, claimed))
        .collect();
    held.join("; ")
}

/// Whether any of them is said to be broken.
pub(super) fn broken(pod: &Pod) -> bool {
    let resources = statuses(pod).flat_map(|container| container.allocated_resources_status.iter().flatten());
    resources
        .flat_map(|resource| resource.resources.iter().flatten())
        .any(is_broken)
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let lists = [
        status.and_then(|status| status.init_container_statuses.as_ref()),
        status.and_then(|status| status.container_statuses.as_ref()),
    ];
    lists.into_iter().flatten().flatten()
}

fn of_container(container: &ContainerStatus, claimed: &Claimed) -> impl Iterator<Item = String> {
    let resources = container.allocated_resources_status.iter().flatten();
    resources.filter_map(|resource| of_resource(&container.name, resource, claimed))
}

fn of_resource(container: &str, resource: &ResourceStatus, claimed: &Claimed) -> Option<String> {
    let devices = resource
        .resources
        .as_deref()
        .filter(|devices| !devices.is_empty())?;
    let of_claim = claim_of_status(&resource.name).and_then(|claim| claimed.get(claim));
    let devices: Vec<String> = match of_claim {
        Some(allocated) if devices.iter().any(is_broken) => allocated
            .iter()
            .map(|device| format!("{device} ({UNHEALTHY})"))
            .collect(),
        Some(allocated) => allocated.clone(),
        None => devices.iter().map(of_device).collect(),
    };
    Some(format!(
        "container {container} holds {} of {}",
        devices.join(", "),
        resource.name
    ))
}

fn of_device(device: &ResourceHealth) -> String {
    if is_broken(device) {
        format!("{} ({UNHEALTHY})", device.resource_id)
    } else {
        device.resource_id.clone()
    }
}

fn is_broken(device: &ResourceHealth) -> bool {
    device.health.as_deref() == Some(UNHEALTHY)
}
