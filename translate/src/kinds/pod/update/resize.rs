//! Changed resources, for the host Pod's `resize` subresource.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Map, Value, json};
use warren_crds::container_defaults::ContainerDefaults;

use super::super::defaults;
use crate::node_resources::is_extended;

type Amounts = BTreeMap<String, Quantity>;

/// The `spec` of a strategic merge patch with every amount that the tenant wants otherwise; empty when the host has
/// them. What only the host has are defaults of the class's or of its own, and stays; but a limit follows a request above it.
pub(super) fn spec(
    class: &ContainerDefaults,
    tenant: &PodSpec,
    host_pod: &Pod,
    host: &PodSpec,
) -> Map<String, Value> {
    let qos = host_pod
        .status
        .as_ref()
        .and_then(|status| status.qos_class.as_deref());
    let limits = Limits {
        class,
        // Kubernetes lets no resize change the class: who is guaranteed on the host, if only by added limits, stays it.
        follow: qos == Some("Guaranteed"),
    };
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
            .filter_map(|container| of_container(limits, container, host?))
            .collect();
        if !changed.is_empty() {
            patch.insert(field.to_owned(), Value::Array(changed));
        }
    }
    let of_pod = tenant
        .resources
        .as_ref()
        .and_then(|wanted| changed(wanted, host.resources.as_ref()).json());
    if let Some(changed) = of_pod {
        patch.insert("resources".to_owned(), changed);
    }
    patch
}

/// How limits change that the tenant does not set.
#[derive(Clone, Copy)]
struct Limits<'a> {
    class: &'a ContainerDefaults,
    /// They are what is requested.
    follow: bool,
}

/// Amounts that the host is to have otherwise.
struct Changed {
    limits: Amounts,
    requests: Amounts,
}

impl Limits<'_> {
    /// Those that only the host has of a resource whose request changes.
    fn add(self, tenant: &ResourceRequirements, host: Option<&ResourceRequirements>, changed: &mut Changed) {
        let of = |own: &ResourceRequirements, resource: &str| {
            let limit = own.limits.as_ref()?.get(resource);
            limit.filter(|limit| !defaults::is_zero(limit)).cloned()
        };
        for (resource, request) in &changed.requests {
            let before = host.and_then(|host| of(host, resource));
            let (None, Some(before)) = (of(tenant, resource), before) else {
                continue;
            };
            let limit = if self.follow {
                request
            } else {
                let least = self.class.limits.get(resource).unwrap_or(&before);
                defaults::at_least(least, Some(request))
            };
            if *limit != before {
                changed.limits.insert(resource.clone(), limit.clone());
            }
        }
    }
}

impl Changed {
    fn json(&self) -> Option<Value> {
        let lists = [("limits", &self.limits), ("requests", &self.requests)];
        let patch: Map<String, Value> = lists
            .into_iter()
            .filter(|(_, amounts)| !amounts.is_empty())
            .map(|(field, amounts)| (field.to_owned(), json!(amounts)))
            .collect();
        (!patch.is_empty()).then_some(Value::Object(patch))
    }
}

fn of_container(limits: Limits<'_>, tenant: &Container, host: &[Container]) -> Option<Value> {
    let same = host.iter().find(|other| other.name == tenant.name)?;
    let (wanted, present) = (tenant.resources.as_ref()?, same.resources.as_ref());
    let mut changed = changed(wanted, present);
    // A limit of zero is none, and where the class has one that is on the host.
    changed
        .limits
        .retain(|resource, limit| !defaults::is_zero(limit) || limits.class.limits.get(resource).is_none());
    limits.add(wanted, present, &mut changed);
    Some(json!({ "name": tenant.name, "resources": changed.json()? }))
}

fn changed(tenant: &ResourceRequirements, host: Option<&ResourceRequirements>) -> Changed {
    let differing = |wanted: Option<&Amounts>, present: Option<&Amounts>| -> Amounts {
        wanted
            .into_iter()
            .flatten()
            // No apiserver lets the others change, and of some the host has nothing.
            .filter(|(name, _)| !is_extended(name))
            .filter(|(name, amount)| present.and_then(|present| present.get(*name)) != Some(*amount))
            .map(|(name, amount)| (name.clone(), amount.clone()))
            .collect()
    };
    Changed {
        limits: differing(tenant.limits.as_ref(), host.and_then(|host| host.limits.as_ref())),
        requests: differing(
            tenant.requests.as_ref(),
            host.and_then(|host| host.requests.as_ref()),
        ),
    }
}
