//! Container statuses: only of containers, resources and volumes that the tenant's Pod has.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, Pod};
use serde_json::{Map, Value};

use super::super::devices;

/// Takes out what the tenant's apiserver would reject the whole status for.
pub(super) fn filter(status: &mut Map<String, Value>, tenant: &Pod) {
    let Some(spec) = &tenant.spec else { return };
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let ephemeral: Vec<&str> = spec
        .ephemeral_containers
        .iter()
        .flatten()
        .map(|c| c.name.as_str())
        .collect();
    named(status, "containerStatuses", |name| {
        of(&spec.containers, name).is_some()
    });
    named(status, "initContainerStatuses", |name| of(init, name).is_some());
    named(status, "ephemeralContainerStatuses", |name| {
        ephemeral.contains(&name)
    });
    named(status, "volumeHealth", |name| {
        spec.volumes.iter().flatten().any(|volume| volume.name == name)
    });
    mounted(status, "containerStatuses", &spec.containers);
    mounted(status, "initContainerStatuses", init);
    allocated(status, "containerStatuses", &spec.containers);
    allocated(status, "initContainerStatuses", init);
    for entry in entries(status, "ephemeralContainerStatuses") {
        entry.remove("allocatedResourcesStatus");
    }
}

pub(super) fn of<'a>(containers: &'a [Container], name: &str) -> Option<&'a Container> {
    containers.iter().find(|container| container.name == name)
}

/// Keeps the entries of `list` whose name the tenant knows; an empty list is left out.
fn named(status: &mut Map<String, Value>, list: &str, known: impl Fn(&str) -> bool) {
    let Some(Value::Array(all)) = status.get_mut(list) else {
        return;
    };
    all.retain(|entry| entry.get("name").and_then(Value::as_str).is_some_and(&known));
    if all.is_empty() {
        status.remove(list);
    }
}

/// Volumes that the host's admission mounted are not the tenant's.
fn mounted(status: &mut Map<String, Value>, list: &str, containers: &[Container]) {
    for entry in entries(status, list) {
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        let mounts = of(containers, name).and_then(|container| container.volume_mounts.as_deref());
        let mounts = mounts.unwrap_or_default();
        let Some(Value::Array(reported)) = entry.get_mut("volumeMounts") else {
            continue;
        };
        let known = |path: &str| mounts.iter().any(|mount| mount.mount_path == path);
        reported.retain(|mount| mount.get("mountPath").and_then(Value::as_str).is_some_and(known));
        if reported.is_empty() {
            entry.remove("volumeMounts");
        }
    }
}

/// What a kubelet knows of a device's health; an apiserver knows no other word.
const HEALTH: [&str; 3] = ["Healthy", "Unhealthy", UNKNOWN_HEALTH];
const UNKNOWN_HEALTH: &str = "Unknown";

/// `allocatedResourcesStatus` may only name resources and claims that the container asks for. A kubelet lists resources and their
/// devices in an order that is another one each time: they are sorted, so that nothing is written when nothing changed.
fn allocated(status: &mut Map<String, Value>, list: &str, containers: &[Container]) {
    for entry in entries(status, list) {
        let container = entry
            .get("name")
            .and_then(Value::as_str)
            .and_then(|name| of(containers, name));
        let asked = container.map(asked_for).unwrap_or_default();
        let Some(Value::Array(resources)) = entry.get_mut("allocatedResourcesStatus") else {
            continue;
        };
        resources.retain(|resource| {
            let name = resource.get("name").and_then(Value::as_str).unwrap_or_default();
            asked.contains(name)
        });
        sort_by(resources, "name");
        for resource in resources.iter_mut() {
            if let Some(Value::Array(devices)) = resource.get_mut("resources") {
                devices.iter_mut().for_each(device);
                sort_by(devices, "resourceID");
            }
        }
        if resources.is_empty() {
            entry.remove("allocatedResourcesStatus");
        }
    }
}

/// A newer kubelet may have more words for a device's health than the tenant's apiserver accepts.
fn device(device: &mut Value) {
    if let Some(health) = device.get_mut("health")
        && !health.as_str().is_some_and(|word| HEALTH.contains(&word))
    {
        *health = UNKNOWN_HEALTH.into();
    }
}

fn sort_by(list: &mut [Value], key: &str) {
    let text = |value: &Value| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    list.sort_by_cached_key(text);
}

fn asked_for(container: &Container) -> BTreeSet<String> {
    let Some(resources) = &container.resources else {
        return BTreeSet::new();
    };
    let claims = resources.claims.iter().flatten().map(devices::status_name);
    let requests = resources.requests.iter().flat_map(|list| list.keys().cloned());
    requests.chain(claims).collect()
}

pub(super) fn entries<'a>(
    status: &'a mut Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let list = status.get_mut(list).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}
