//! Host Pod status → tenant Pod status, as a JSON tree: everything the kubelet reported, in tenant terms.

mod conditions;
mod containers;
mod messages;
pub(super) mod patch;
mod resources;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value};

use super::ending;
use super::generations::Generations;
use super::scrub::Scrub;

pub(super) use conditions::DISRUPTION;
pub use conditions::OwnCondition;

/// Fields of the status that a kubelet does not write, or that the tenant's apiserver would reject or fill itself:
/// the tenant's own value stays.
const TENANT_OWNED: [&str; 6] = [
    "qosClass",
    "nominatedNodeName",
    "resourceClaimStatuses",
    "extendedResourceClaimStatus",
    "nodeAllocatableResourceClaimStatuses",
    OBSERVED_GENERATION,
];
const OBSERVED_GENERATION: &str = "observedGeneration";

/// What the status is made of.
pub(super) struct Sources<'a> {
    pub(super) tenant: &'a Value,
    /// The same, as far as it is known.
    pub(super) typed: &'a Pod,
    pub(super) host: &'a Value,
    pub(super) scrub: &'a Scrub,
    pub(super) generations: &'a Generations,
    pub(super) own: &'a [OwnCondition],
    /// The host was given the resources that the tenant wants.
    pub(super) settled: bool,
    /// RFC 3339 to the second.
    pub(super) now: &'a str,
}

/// The status that the tenant's Pod should have.
pub(super) fn desired(sources: &Sources<'_>) -> Value {
    let status_of = |pod: &Value| {
        let status = pod.get("status").and_then(Value::as_object);
        status.cloned().unwrap_or_default()
    };
    let (tenant, mut status) = (status_of(sources.tenant), status_of(sources.host));
    status.retain(|field, value| !TENANT_OWNED.contains(&field.as_str()) && !value.is_null());
    for value in status.values_mut() {
        sources.scrub.tree(value);
    }
    for field in TENANT_OWNED {
        if let Some(value) = tenant.get(field) {
            status.insert(field.to_owned(), value.clone());
        }
    }
    if let Some(generation) = observed_generation(sources, &tenant) {
        status.insert(OBSERVED_GENERATION.to_owned(), generation.into());
    }
    status.entry("phase").or_insert_with(|| "Pending".into());
    containers::filter(&mut status, sources.typed);
    resources::in_tenant_terms(&mut status, sources.typed, sources.host, sources.settled);
    let list = conditions::desired(sources, tenant.get("conditions"), status.get("conditions"));
    // An apiserver leaves an empty list out, so writing one would never end.
    if list.is_empty() {
        status.remove("conditions");
    } else {
        status.insert("conditions".to_owned(), Value::Array(list));
    }
    if is_end(tenant.get("phase")) {
        keep_end(&mut status, &tenant);
    } else {
        ending::taken_away(&mut status, sources.typed, sources.host);
    }
    Value::Object(status)
}

/// It never goes back: what this process knows of generations may be less than what its predecessor knew.
fn observed_generation(sources: &Sources<'_>, tenant: &Map<String, Value>) -> Option<i64> {
    let host = sources
        .host
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64)?;
    let generation = sources.generations.of(host)?;
    let known = tenant.get(OBSERVED_GENERATION).and_then(Value::as_i64);
    Some(known.map_or(generation, |known| known.max(generation)))
}

/// An end is never overwritten: not its phase, and not why.
fn keep_end(status: &mut Map<String, Value>, tenant: &Map<String, Value>) {
    for field in ["phase", "reason", "message"] {
        match tenant.get(field) {
            Some(value) => status.insert(field.to_owned(), value.clone()),
            None => status.remove(field),
        };
    }
}

/// True for the phases after which a Pod does nothing any more.
pub(super) fn is_end(phase: Option<&Value>) -> bool {
    matches!(phase.and_then(Value::as_str), Some("Succeeded" | "Failed"))
}
