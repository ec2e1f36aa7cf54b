//! Changed images, deadline and tolerations, for the host Pod itself.

use k8s_openapi::api::core::v1::{Container, PodSpec, Toleration};
use serde_json::{Map, Value, json};

use super::super::going::Going;
use super::super::registry;

/// Images that differ, as lists for a strategic merge patch: container by container, so that nothing else of the
/// host's is touched. What the class does not allow is in `going`'s findings.
pub(super) fn images(going: &mut Going<'_>, host: &PodSpec) -> Map<String, Value> {
    let tenant = going.spec;
    let lists = [
        ("containers", Some(&tenant.containers), Some(&host.containers)),
        (
            "initContainers",
            tenant.init_containers.as_ref(),
            host.init_containers.as_ref(),
        ),
    ];
    let mut patch = Map::new();
    for (field, tenant, host) in lists {
        let host = host.map(Vec::as_slice).unwrap_or_default();
        let mut changed = Vec::new();
        for container in tenant.into_iter().flatten() {
            if is_other_image(container, host) {
                registry::check_container(going, &format!("spec.{field}[{}]", container.name), container);
                changed.push(json!({ "name": container.name, "image": container.image }));
            }
        }
        if !changed.is_empty() {
            patch.insert(field.to_owned(), Value::Array(changed));
        }
    }
    patch
}

fn is_other_image(tenant: &Container, host: &[Container]) -> bool {
    let same = host.iter().find(|other| other.name == tenant.name);
    same.is_some_and(|same| tenant.image.is_some() && tenant.image != same.image)
}

/// A deadline that the tenant set or shortened.
pub(super) fn deadline(tenant: &PodSpec, host: &PodSpec) -> Option<i64> {
    tenant
        .active_deadline_seconds
        .filter(|_| tenant.active_deadline_seconds != host.active_deadline_seconds)
}

/// The host's tolerations and those that are missing; `None` when none is. An API lets them only be added, and the
/// host has some of its own.
pub(super) fn tolerations(wanted: &[Toleration], host: &PodSpec) -> Option<Value> {
    let has = host.tolerations.as_deref().unwrap_or_default();
    let added: Vec<&Toleration> = wanted
        .iter()
        .filter(|toleration| !has.contains(toleration))
        .collect();
    (!added.is_empty()).then(|| json!(has.iter().chain(added).collect::<Vec<_>>()))
}
