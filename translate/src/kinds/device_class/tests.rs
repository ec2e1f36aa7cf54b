//! Classes go up with what selects devices, and with nothing else.

use serde_json::{Value, json};

use super::*;
use crate::mirrored::{changes, is_mirrored, must_replace};
use crate::testing::object;

fn host() -> DeviceClass {
    object(json!({
        "metadata": { "name": "gpu", "uid": "host-uid", "labels": { "canary": "x" }, "annotations": { "canary": "x" } },
        "spec": {
            "selectors": [{ "cel": { "expression": "device.driver == 'gpu.example.com'" } }],
            "config": [{ "opaque": { "driver": "gpu.example.com", "parameters": { "canary": 1 } } }],
            "extendedResourceName": "example.com/canary",
        },
    }))
}

#[test]
fn parameters_and_the_extended_resource_stay_on_the_host() {
    let class = up(&host()).unwrap();
    assert!(is_mirrored(&class.metadata));
    let shown = serde_json::to_value(&class).unwrap();
    let selectors = json!([{ "cel": { "expression": "device.driver == 'gpu.example.com'" } }]);
    assert_eq!(shown["spec"], json!({ "selectors": selectors }));
    assert!(!shown.to_string().contains("canary"), "{shown}");
}

#[test]
fn what_the_tenant_adds_is_taken_back_and_nothing_is_no_difference() {
    let desired = up(&host()).unwrap();
    let mut stored = desired.clone();
    stored.metadata.uid = Some("tenant-uid".to_owned());
    assert_eq!(changes(&stored, &desired), None);
    stored.spec = object(json!({ "selectors": [], "extendedResourceName": "example.com/own" }));
    assert!(!must_replace(&stored, &desired));
    let patch = changes(&stored, &desired).unwrap();
    assert_eq!(patch["spec"]["extendedResourceName"], Value::Null);
    assert_eq!(
        patch["spec"]["selectors"],
        json!([{ "cel": { "expression": "device.driver == 'gpu.example.com'" } }])
    );
    let plain = up(&object(json!({ "metadata": { "name": "any" }, "spec": {} }))).unwrap();
    let mut filled_in = plain.clone();
    filled_in.spec = object(json!({ "selectors": [], "config": [] }));
    assert_eq!(changes(&filled_in, &plain), None);
}
