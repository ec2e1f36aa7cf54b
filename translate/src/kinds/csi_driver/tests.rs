//! Of a driver goes up what a scheduler asks.

use serde_json::Value;

use super::*;
use crate::mirrored::{changes, is_mirrored, must_replace};
use crate::testing::object;

fn host(extra: &Value) -> CSIDriver {
    let mut json = json!({
        "metadata": { "name": "csi.example.com", "uid": "host-uid", "annotations": { "canary": "x" } },
        "spec": { "attachRequired": true, "storageCapacity": true, "podInfoOnMount": true,
            "volumeLifecycleModes": ["Persistent", "Ephemeral"], "fsGroupPolicy": "File",
            "tokenRequests": [{ "audience": "canary" }] },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

#[test]
fn a_driver_of_the_host_attaches_nothing_in_the_tenant_and_asks_for_no_tokens() {
    let driver = up(&host(&json!({}))).unwrap();
    assert!(is_mirrored(&driver.metadata));
    let shown = serde_json::to_value(&driver).unwrap();
    assert_eq!(
        shown["spec"],
        json!({ "attachRequired": false, "storageCapacity": true })
    );
    assert!(!shown.to_string().contains("canary"), "{shown}");
}

#[test]
fn what_an_apiserver_fills_in_is_no_difference_and_capacity_is_followed() {
    let desired = up(&host(&json!({}))).unwrap();
    let mut stored = desired.clone();
    stored.metadata.uid = Some("tenant-uid".to_owned());
    stored.spec.volume_lifecycle_modes = Some(vec!["Persistent".to_owned()]);
    stored.spec.pod_info_on_mount = Some(false);
    stored.spec.fs_group_policy = Some("ReadWriteOnceWithFSType".to_owned());
    assert!(!must_replace(&stored, &desired));
    assert_eq!(changes(&stored, &desired), None);
    let without = up(&host(&json!({ "spec": { "storageCapacity": null } }))).unwrap();
    let expected = json!({ "metadata": { "uid": "tenant-uid" }, "spec": { "storageCapacity": false } });
    assert_eq!(changes(&stored, &without), Some(expected));
    let own = object::<CSIDriver>(json!({ "metadata": {}, "spec": {} }));
    assert!(must_replace(&own, &desired), "attaching cannot be changed");
}
