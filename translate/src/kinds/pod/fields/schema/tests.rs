//! Schemas that differ from the tables are found.

use serde_json::json;

use super::*;

/// A schema with `property` where `path` says, the rest as little as possible.
fn with(properties: &Value) -> Value {
    json!({
        "components": { "schemas": {
            "PodSpec": { "properties": properties },
            "Selector": { "properties": { "name": {}, "mode": {} } },
        } }
    })
}

fn unclassified(properties: &Value) -> Vec<String> {
    compare(&with(properties), "/components/schemas/PodSpec").unclassified
}

#[test]
fn a_field_without_a_row_is_found() {
    assert_eq!(
        unclassified(&json!({ "hostname": {}, "future": {} })),
        ["spec.future"]
    );
}

#[test]
fn a_field_inside_a_list_inside_a_reference_is_found() {
    let containers =
        json!({ "type": "array", "items": { "allOf": [{ "$ref": "#/components/schemas/Selector" }] } });
    assert_eq!(
        unclassified(&json!({ "containers": containers, "initContainers": containers })),
        ["spec.containers[].mode", "spec.initContainers[].mode"]
    );
}

#[test]
fn a_row_stands_for_what_is_below_but_not_for_references() {
    let selector = json!({ "$ref": "#/components/schemas/Selector" });
    assert_eq!(
        unclassified(&json!({ "tolerations": { "items": selector } })),
        ["spec.tolerations[].name"]
    );
    // Denied and dropped as a whole.
    let volumes = json!({ "items": { "properties": { "nfs": selector } } });
    assert_eq!(
        unclassified(&json!({ "volumes": volumes, "schedulingGroup": selector })),
        [""; 0]
    );
}

#[test]
fn a_row_without_a_field_is_found() {
    let unknown = compare(&with(&json!({ "hostname": {} })), "/components/schemas/PodSpec").unknown;
    assert!(!unknown.contains(&"spec.hostname".to_owned()));
    assert!(unknown.contains(&"spec.hostUsers".to_owned()));
    assert_eq!(compare(&json!({}), "/nowhere").unknown.len(), fields().count());
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let document = json!({ "PodSpec": { "properties": { "tolerations": { "$ref": "#/PodSpec" } } } });
    assert_eq!(compare(&document, "/PodSpec").unclassified, [""; 0]);
}
