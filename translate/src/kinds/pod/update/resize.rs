//! Changed resources, for the host Pod's `resize` subresource.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Map, Value, json};

type Amounts = BTreeMap<String, Quantity>;

/// The `spec` of a strategic merge patch with every amount that the tenant wants otherwise; empty when the host has
/// them. What only the host has are defaults of its own, and stays.
pub(super) fn spec(tenant: &PodSpec, host: &PodSpec) -> Map<String, Value> {
    let mut patch = Map::new();
    let lists = [
        ("containers", Some(&tenant.containers), Some(&host.containers)),
        (
            "initContainers",
            tenant.init_containers.as_ref(),
            host.init_containers.as_ref(),
        ),
    ];
    for (field, tenant, host) in lists {
        let changed: Vec<Value> = tenant
            .into_iter()
            .flatten()
            .filter_map(|container| of_container(container, host?))
            .collect();
        if !changed.is_empty() {
            patch.insert(field.to_owned(), Value::Array(changed));
        }
    }
    if let Some(changed) = changed(tenant.resources.as_ref(), host.resources.as_ref()) {
        patch.insert("resources".to_owned(), changed);
    }
    patch
}

fn of_container(tenant: &Container, host: &[Container]) -> Option<Value> {
    let same = host.iter().find(|other| other.name == tenant.name)?;
    let resources = changed(tenant.resources.as_ref(), same.resources.as_ref())?;
    Some(json!({ "name": tenant.name, "resources": resources }))
}

fn changed(tenant: Option<&ResourceRequirements>, host: Option<&ResourceRequirements>) -> Option<Value> {
    let tenant = tenant?;
    let mut patch = Map::new();
    let pairs = [
        (
            "limits",
            tenant.limits.as_ref(),
            host.and_then(|host| host.limits.as_ref()),
        ),
        (
            "requests",
            tenant.requests.as_ref(),
            host.and_then(|host| host.requests.as_ref()),
        ),
    ];
    for (field, wanted, present) in pairs {
        let differing: Amounts = wanted
            .into_iter()
            .flatten()
            .filter(|(name, amount)| present.and_then(|present| present.get(*name)) != Some(*amount))
            .map(|(name, amount)| (name.clone(), amount.clone()))
            .collect();
        if !differing.is_empty() {
            patch.insert(field.to_owned(), json!(differing));
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}
