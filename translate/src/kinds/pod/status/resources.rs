//! What containers use: only what the tenant asked for, and as it asked.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Map, Value};

use super::containers::{entries, of};

type Amounts = BTreeMap<String, Quantity>;

/// Amounts that only the host asked for (its defaults) are taken out. What nobody asked for stays: so a runtime tells of
/// a container that shares the limits of its Pod. Where the host's admission made another amount
/// of what the tenant asked for, and that is what runs, the tenant sees its own: with `settled`, because else the
/// tenant's is not the host's yet.
pub(super) fn in_tenant_terms(status: &mut Map<String, Value>, tenant: &Pod, host: &Value, settled: bool) {
    let Some(spec) = &tenant.spec else { return };
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let is_pod_limited_by_host = spec.resources.is_none() && host.pointer("/spec/resources").is_some();
    for (list, spec_list, containers) in [
        ("containerStatuses", "containers", spec.containers.as_slice()),
        ("initContainerStatuses", "initContainers", init),
    ] {
        for entry in entries(status, list) {
            let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
            if let Some(container) = of(containers, name) {
                let on_host = host_container(host, spec_list, name).cloned();
                let told = Told {
                    settled,
                    unasked: !is_pod_limited_by_host,
                };
                of_container(entry, container, on_host.as_ref(), told);
            }
        }
    }
    if !same_shape(spec, host, settled) {
        // Sums over containers that the tenant does not know.
        status.remove("allocatedResources");
        if spec.resources.is_none() {
            status.remove("resources");
        }
    }
}

/// What of a container's amounts is the tenant's to see.
#[derive(Clone, Copy)]
struct Told {
    /// What runs is what the tenant asked for last.
    settled: bool,
    /// Also amounts that nobody asked for.
    unasked: bool,
}

fn of_container(entry: &mut Map<String, Value>, tenant: &Container, host: Option<&Value>, told: Told) {
    let asked = tenant.resources.as_ref();
    let limits = asked.and_then(|asked| asked.limits.as_ref());
    let requests = asked.and_then(|asked| asked.requests.as_ref());
    let on_host = |list: &str| host.and_then(|host| host.get("resources")?.get(list));
    if let Some(Value::Object(resources)) = entry.get_mut("resources") {
        amounts(resources, "limits", limits, on_host("limits"), told);
        amounts(resources, "requests", requests, on_host("requests"), told);
    }
    amounts(entry, "allocatedResources", requests, on_host("requests"), told);
}

fn amounts(
    map: &mut Map<String, Value>,
    field: &str,
    tenant: Option<&Amounts>,
    host: Option<&Value>,
    told: Told,
) {
    let Some(Value::Object(reported)) = map.get_mut(field) else {
        return;
    };
    reported.retain(|name, _| {
        let by_tenant = tenant.is_some_and(|tenant| tenant.contains_key(name));
        let by_host = host.is_some_and(|host| host.get(name).is_some());
        by_tenant || (told.unasked && !by_host)
    });
    for (name, amount) in reported.iter_mut() {
        let asked_on_host = host.and_then(|host| host.get(name));
        let asked = tenant.and_then(|tenant| tenant.get(name));
        if let Some(asked) = asked
            && told.settled
            && asked_on_host == Some(&*amount)
        {
            *amount = Value::String(asked.0.clone());
        }
    }
    if reported.is_empty() {
        map.remove(field);
    }
}

/// The host runs the tenant's containers and nothing else.
fn same_shape(tenant: &PodSpec, host: &Value, settled: bool) -> bool {
    let init = tenant.init_containers.as_deref().unwrap_or_default();
    let same = |containers: &[Container], list: &str| {
        let pointer = format!("/spec/{list}");
        let count = host
            .pointer(&pointer)
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        count == containers.len()
            && containers.iter().all(|container| {
                host_container(host, list, &container.name)
                    .is_some_and(|other| !settled || same_amounts(container, other))
            })
    };
    let overhead = host.pointer("/spec/overhead").is_some();
    overhead == tenant.overhead.is_some()
        && same(&tenant.containers, "containers")
        && same(init, "initContainers")
}

fn same_amounts(tenant: &Container, host: &Value) -> bool {
    let asked = tenant.resources.as_ref();
    let same = |amounts: Option<&Amounts>, list: &str| {
        let on_host = host
            .get("resources")
            .and_then(|resources| resources.get(list)?.as_object());
        let count = on_host.map_or(0, Map::len);
        count == amounts.map_or(0, BTreeMap::len)
            && amounts.into_iter().flatten().all(|(name, amount)| {
                on_host.and_then(|on_host| on_host.get(name)?.as_str()) == Some(amount.0.as_str())
            })
    };
    same(asked.and_then(|asked| asked.limits.as_ref()), "limits")
        && same(asked.and_then(|asked| asked.requests.as_ref()), "requests")
}

fn host_container<'a>(host: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    let all = host.get("spec")?.get(list)?.as_array()?;
    all.iter()
        .find(|container| container.get("name").and_then(Value::as_str) == Some(name))
}
