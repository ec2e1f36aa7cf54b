//! Room goes up under a name of its own, for nodes by the labels that the tenant sees.

use serde_json::Value;

use super::*;
use crate::mirrored::{changes, is_mirrored, must_replace};
use crate::testing::object;

fn host(extra: &Value) -> CSIStorageCapacity {
    let mut json = json!({
        "metadata": { "name": "csisc-canary", "namespace": "canary", "uid": "host-uid" },
        "storageClassName": "fast", "capacity": "10Gi", "maximumVolumeSize": "5Gi",
        "nodeTopology": {
            "matchLabels": { "topology.example.com/node": "a", "pool.example.com/canary": "x" },
            "matchExpressions": [{ "key": "canary", "operator": "Exists" }],
        },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

#[test]
fn room_is_shown_for_labels_that_virtual_nodes_have() {
    let shown = up(&host(&json!({}))).unwrap();
    assert!(is_mirrored(&shown.metadata));
    let shown = serde_json::to_value(&shown).unwrap();
    assert_eq!(shown["metadata"]["namespace"], NAMESPACE);
    assert_eq!(shown["metadata"]["name"], "csisc-host-uid");
    assert_eq!(
        shown["nodeTopology"]["matchLabels"],
        json!({ "topology.example.com/node": "a" })
    );
    assert_eq!(
        (&shown["capacity"], &shown["maximumVolumeSize"]),
        (&json!("10Gi"), &json!("5Gi"))
    );
    assert!(!shown.to_string().contains("canary"), "{shown}");
    for (name, is) in [
        ("csisc-host-uid", true),
        ("csisc-other", false),
        ("csisc-", false),
        ("host-uid", false),
    ] {
        assert_eq!(has_name(&host(&json!({})).metadata, name), is, "{name}");
    }
    let nowhere = up(&host(&json!({ "nodeTopology": null }))).unwrap();
    assert_eq!(nowhere.node_topology, None, "no node has access");
}

#[test]
fn room_is_followed_and_another_place_makes_it_anew() {
    let desired = up(&host(&json!({}))).unwrap();
    let mut stored = up(&host(&json!({ "capacity": "9Gi", "maximumVolumeSize": null }))).unwrap();
    stored.metadata.uid = Some("tenant-uid".to_owned());
    assert!(!must_replace(&stored, &desired));
    let expected =
        json!({ "metadata": { "uid": "tenant-uid" }, "capacity": "10Gi", "maximumVolumeSize": "5Gi" });
    assert_eq!(changes(&stored, &desired), Some(expected));
    assert_eq!(changes(&desired, &desired), None);
    for other in [
        json!({ "storageClassName": "slow" }),
        json!({ "nodeTopology": { "matchLabels": { "topology.example.com/node": "b" } } }),
        json!({ "nodeTopology": null }),
    ] {
        assert!(must_replace(&stored, &up(&host(&other)).unwrap()), "{other}");
    }
}
