//! Nodes go up with the drivers that are on offer, by their own name.

use serde_json::Value;

use super::*;
use crate::mirrored::{is_mirrored, must_replace};
use crate::testing::object;

fn node(uid: &str) -> ObjectMeta {
    object(json!({ "name": "node-1", "uid": uid }))
}

fn host(extra: &Value) -> CSINode {
    let mut json = json!({
        "metadata": { "name": "node-1", "uid": "host-uid",
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "host-node" }] },
        "spec": { "drivers": [
            { "name": "other.example.com", "nodeID": "canary", "topologyKeys": null },
            { "name": "csi.example.com", "nodeID": "canary-i-0abc", "topologyKeys": ["topology.canary/zone"],
                "allocatable": { "count": 25 } },
        ] },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

#[test]
fn a_node_has_the_offered_drivers_with_their_limits_and_none_of_the_storages_names() {
    let shown = up(&node("tenant-node"), &host(&json!({})), |driver| {
        driver == "csi.example.com"
    })
    .unwrap();
    assert!(is_mirrored(&shown.metadata));
    let shown = serde_json::to_value(&shown).unwrap();
    let driver = json!({ "name": "csi.example.com", "nodeID": "node-1", "allocatable": { "count": 25 } });
    assert_eq!(shown["spec"]["drivers"], json!([driver]));
    assert_eq!(
        shown["metadata"]["ownerReferences"],
        json!([{ "apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "tenant-node" }])
    );
    assert!(
        !shown.to_string().contains("canary") && !shown.to_string().contains("host-"),
        "{shown}"
    );
    assert_eq!(up(&ObjectMeta::default(), &host(&json!({})), |_| true), None);
}

#[test]
fn another_node_another_limit_and_another_driver_make_it_anew() {
    let all = |_: &str| true;
    let stored = up(&node("tenant-node"), &host(&json!({})), all).unwrap();
    let again = up(&node("tenant-node"), &host(&json!({})), all).unwrap();
    assert!(!must_replace(&stored, &again));
    let successor = up(&node("successor"), &host(&json!({})), all).unwrap();
    assert!(must_replace(&stored, &successor));
    let fewer = up(&node("tenant-node"), &host(&json!({})), |driver| {
        driver != "other.example.com"
    })
    .unwrap();
    assert!(must_replace(&stored, &fewer));
    let drivers = json!([{ "name": "csi.example.com", "nodeID": "x", "allocatable": { "count": 24 } }]);
    let changed = up(
        &node("tenant-node"),
        &host(&json!({ "spec": { "drivers": drivers } })),
        all,
    )
    .unwrap();
    assert!(must_replace(&fewer, &changed));
}
