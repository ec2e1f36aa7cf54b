//! Which devices a Pod's containers hold, and which of them are not well.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, ResourceHealth, ResourceStatus};

const UNHEALTHY: &str = "Unhealthy";

/// `container c holds Dev-1, Dev-2 (Unhealthy) of example.com/gpu`, for each container and resource; empty for most Pods.
pub(super) fn held(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let lists = [
        status.and_then(|status| status.init_container_statuses.as_ref()),
        status.and_then(|status| status.container_statuses.as_ref()),
    ];
    let containers = lists.into_iter().flatten().flatten();
    let held: Vec<String> = containers.flat_map(of_container).collect();
    held.join("; ")
}

/// Whether any of them is said to be broken.
pub(super) fn broken(pod: &Pod) -> bool {
    held(pod).contains(UNHEALTHY)
}

fn of_container(container: &ContainerStatus) -> impl Iterator<Item = String> {
    let resources = container.allocated_resources_status.iter().flatten();
    resources.filter_map(|resource| of_resource(&container.name, resource))
}

fn of_resource(container: &str, resource: &ResourceStatus) -> Option<String> {
    let devices = resource
        .resources
        .as_deref()
        .filter(|devices| !devices.is_empty())?;
    let devices: Vec<String> = devices.iter().map(of_device).collect();
    Some(format!(
        "container {container} holds {} of {}",
        devices.join(", "),
        resource.name
    ))
}

fn of_device(device: &ResourceHealth) -> String {
    match device.health.as_deref() {
        Some(health) if health == UNHEALTHY => format!("{} ({health})", device.resource_id),
        _ => device.resource_id.clone(),
    }
}
