//! Claims go down with nothing that the class does not offer, and what the host allocated comes up without a fight.

mod down;
mod up;

use std::collections::BTreeSet;

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde_json::{Value, json};

use super::*;
use crate::TenantPolicy;
use crate::note::Outcome;
use crate::testing::{cluster, object};

/// Offers the classes `gpu` and `nic`, and parameters for the first one's driver.
fn policy() -> TenantPolicy {
    object(json!({ "classes": { "device": { "names": ["gpu", "nic"], "drivers": ["gpu.example.com"] } } }))
}

/// A claim of one device of the class `gpu`, merged with `extra`.
fn tenant(extra: &Value) -> ResourceClaim {
    let mut json = json!({
        "metadata": { "name": "train", "namespace": "shop", "uid": "tenant-uid", "resourceVersion": "5" },
        "spec": { "devices": { "requests": [{ "name": "main", "exactly": {
            "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1 } }] } },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

/// The host claim of `tenant` as the host's apiserver has it.
fn stored(tenant: &ResourceClaim) -> ResourceClaim {
    let outcome = super::down(&cluster(), &policy(), tenant).unwrap();
    let mut host = outcome.translated().unwrap().object;
    host.metadata.uid = Some("host-uid".to_owned());
    host
}

#[test]
fn every_field_of_the_schema_is_classified() {
    let schema = schemars::schema_for!(ResourceClaimSpec).to_value();
    let mut leaves = BTreeSet::new();
    walk(&schema, &schema, "spec", &mut leaves);
    let classified: BTreeSet<String> = fields::FIELDS.iter().map(|field| field.path.to_owned()).collect();
    assert_eq!(classified.len(), fields::FIELDS.len(), "twice");
    assert_eq!(classified, leaves);
}

/// What is below these is carried as it is, or read by others alone.
const WHOLE: [&str; 5] = [
    "capacity",
    "derivedAttributes",
    "selectors",
    "tolerations",
    "parameters",
];

fn walk(document: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let mut schema = schema;
    while let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        schema = document.pointer(target.strip_prefix('#').unwrap()).unwrap();
    }
    for any in schema
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        walk(document, any, path, found);
    }
    if let Some(items) = schema.get("items") {
        walk(document, items, &format!("{path}[]"), found);
    }
    for (name, below) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = format!("{path}.{name}");
        found.insert(path.clone());
        if !WHOLE.contains(&name.as_str()) {
            walk(document, below, &path, found);
        }
    }
}

#[test]
fn a_host_claim_stands_for_one_claim_and_not_for_its_successor() {
    let host = stored(&tenant(&json!({})));
    assert!(stands_for(&tenant(&json!({})), &host));
    let successor = tenant(&json!({ "metadata": { "uid": "successor" } }));
    assert!(!stands_for(&successor, &host));
    assert!(!stands_for(
        &tenant(&json!({ "metadata": { "name": "other" } })),
        &host
    ));
    assert!(!stands_for(&tenant(&json!({})), &ResourceClaim::default()));
}

#[test]
fn a_claim_of_a_template_is_its_pods_alone() {
    let owner = |uid: &str, controller: bool| {
        let owner =
            json!({ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid, "controller": controller });
        tenant(&json!({ "metadata": { "ownerReferences": [owner] } }))
    };
    assert!(meta::is_controlled_by(
        &owner("pod-uid", true).metadata,
        "pod-uid"
    ));
    assert!(!meta::is_controlled_by(
        &owner("pod-uid", true).metadata,
        "another"
    ));
    assert!(!meta::is_controlled_by(
        &owner("pod-uid", false).metadata,
        "pod-uid"
    ));
    assert!(!meta::is_controlled_by(&tenant(&json!({})).metadata, "pod-uid"));
}
