//! A Pod's status is complete in the tenant: it has each field that the host's has and that the tenant's API knows.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warren_tests::{Tenant, eventually};

/// Compares every Pod with the host's Pod that stands for it.
pub(crate) async fn complete(tenant: &Tenant) -> Result<()> {
    let schemas: Value =
        serde_json::from_str(&tenant.kubectl(&["get", "--raw", "/openapi/v3/api/v1"]).await?)?;
    let schemas = &schemas["components"]["schemas"];
    let status = &schemas["io.k8s.api.core.v1.PodStatus"];
    ensure!(!status.is_null(), "the tenant has no schema of a Pod's status");
    eventually(
        "every Pod's status is complete",
        Duration::from_secs(30),
        || async {
            let pods = tenant.items(&["pods", "-A"]).await?;
            let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
            ensure!(
                pods.len() == below.len(),
                "{} Pods, {} on the host",
                pods.len(),
                below.len()
            );
            for pod in &pods {
                let name = &pod["metadata"]["name"];
                let host = below
                    .iter()
                    .find(|host| &host["metadata"]["annotations"]["warren.dev/origin-name"] == name)
                    .with_context(|| format!("Pod {name} is not on the host"))?;
                for value in ["phase", "podIP", "startTime"] {
                    let (up, down) = (&pod["status"][value], &host["status"][value]);
                    ensure!(up == down, "{value} of {name} is {up}, on the host {down}");
                }
                let (up, down) = (fields(&pod["status"]), fields(&host["status"]));
                let missing: Vec<_> = down
                    .difference(&up)
                    .filter(|field| known(schemas, status, field))
                    .collect();
                ensure!(missing.is_empty(), "{name} has no {missing:?}");
            }
            Ok(())
        },
    )
    .await
}

/// Every field, as `containerStatuses/[]/state/running/startedAt`; lists are taken together.
fn fields(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(value, "", &mut found);
    found
}

fn collect(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    let below: Vec<(&str, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.as_str(), value)).collect(),
        Value::Array(list) => list.iter().map(|value| ("[]", value)).collect(),
        _ => return,
    };
    for (key, value) in below {
        let at = format!("{at}/{key}");
        found.insert(at.clone());
        collect(value, &at, found);
    }
}

/// Whether the schema has the field.
fn known(schemas: &Value, schema: &Value, field: &str) -> bool {
    let mut at = schema;
    for step in field.split('/').skip(1) {
        at = resolved(schemas, at);
        at = match step {
            "[]" => &at["items"],
            name if !at["properties"][name].is_null() => &at["properties"][name],
            _ => &at["additionalProperties"],
        };
        if at.is_null() {
            return false;
        }
    }
    true
}

/// What a reference leads to; references stand alone or, beside a default, in `allOf`.
fn resolved<'a>(schemas: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str().or(schema["allOf"][0]["$ref"].as_str());
    reference
        .and_then(|reference| reference.strip_prefix("#/components/schemas/"))
        .map_or(schema, |name| &schemas[name])
}

#[test]
fn a_field_is_known_through_references_lists_and_maps() {
    let schemas = serde_json::json!({
        "S": { "properties": {
            "list": { "items": { "allOf": [{ "$ref": "#/components/schemas/T" }] } },
            "map": { "additionalProperties": { "$ref": "#/components/schemas/T" } },
        }},
        "T": { "properties": { "a": { "type": "string" } } },
    });
    let is_known = |field: &str| known(&schemas, &schemas["S"], field);
    assert!(is_known("/list/[]/a") && is_known("/map/any/a") && is_known("/list"));
    assert!(!is_known("/list/[]/b") && !is_known("/other") && !is_known("/list/a"));
    let found = fields(&serde_json::json!({ "list": [{ "a": 1 }, { "b": 2 }] }));
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["/list", "/list/[]", "/list/[]/a", "/list/[]/b"]
    );
}
