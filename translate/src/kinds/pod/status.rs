//! Host Pod status → tenant Pod status, as a JSON tree: everything the kubelet reported, in tenant terms.

mod conditions;
mod containers;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value};

use super::scrub::Scrub;

pub(super) use conditions::shared as shares_conditions;

/// Fields of the status that a kubelet does not write, or that the tenant's apiserver would reject or fill itself:
/// the tenant's own value stays.
const TENANT_OWNED: [&str; 6] = [
    "qosClass",
    "nominatedNodeName",
    "resourceClaimStatuses",
    "extendedResourceClaimStatus",
    "nodeAllocatableResourceClaimStatuses",
    "observedGeneration",
];

/// The status that the tenant's Pod should have.
pub(super) fn desired(
    tenant: &Value,
    typed: &Pod,
    host: &Value,
    scrub: &Scrub,
    observed_generation: Option<i64>,
) -> Value {
    let empty = Map::new();
    let tenant_status = tenant.get("status").and_then(Value::as_object).unwrap_or(&empty);
    let mut status = host
        .get("status")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    status.retain(|field, value| !TENANT_OWNED.contains(&field.as_str()) && !value.is_null());
    for value in status.values_mut() {
        scrub.tree(value);
    }
    for field in TENANT_OWNED {
        if let Some(value) = tenant_status.get(field) {
            status.insert(field.to_owned(), value.clone());
        }
    }
    if let Some(generation) = observed_generation {
        status.insert("observedGeneration".to_owned(), generation.into());
    }
    status.entry("phase").or_insert_with(|| "Pending".into());
    containers::filter(&mut status, typed);
    let list = conditions::desired(
        tenant_status.get("conditions"),
        status.get("conditions"),
        typed,
        observed_generation,
    );
    // An apiserver leaves an empty list out, so writing one would never end.
    if list.is_empty() {
        status.remove("conditions");
    } else {
        status.insert("conditions".to_owned(), Value::Array(list));
    }
    Value::Object(status)
}
