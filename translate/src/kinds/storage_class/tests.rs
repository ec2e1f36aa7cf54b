//! Classes go up without what they hold for the host, and converge.

use std::collections::BTreeMap;

use serde_json::Value;
use warren_crds::keys;

use super::*;
use crate::mirrored::{changes, is_mirrored, must_replace};
use crate::testing::object;

fn host(extra: &Value) -> StorageClass {
    let mut json = json!({
        "metadata": {
            "name": "fast", "uid": "host-uid", "resourceVersion": "7",
            "labels": { "team": "storage" },
            "annotations": { IS_DEFAULT: "true", "meta.helm.sh/release-name": "storage" },
        },
        "provisioner": "csi.example.com",
        "parameters": { "csi.storage.k8s.io/provisioner-secret-name": "canary", "path": "/canary" },
        "mountOptions": ["canary"],
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": true,
        "allowedTopologies": [{ "matchLabelExpressions": [{ "key": "zone", "values": ["a"] }] }],
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

fn mirrored(extra: &Value) -> StorageClass {
    up(&host(extra)).unwrap()
}

/// As the tenant's apiserver has it.
fn stored(extra: &Value) -> StorageClass {
    let mut class = mirrored(extra);
    class.metadata.uid = Some("tenant-uid".to_owned());
    class.metadata.resource_version = Some("9".to_owned());
    class
}

fn patched(class: &StorageClass, patch: &Value) -> StorageClass {
    let mut tree = serde_json::to_value(class).unwrap();
    json_patch::merge(&mut tree, patch);
    object(tree)
}

#[test]
fn nothing_that_the_class_holds_for_the_host_goes_up() {
    let class = mirrored(&json!({}));
    let text = serde_json::to_string(&class).unwrap();
    for hidden in ["canary", "helm", "team", "host-uid", "\"7\""] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    assert_eq!(class.metadata.name.as_deref(), Some("fast"));
    assert_eq!(class.provisioner, "csi.example.com");
    assert_eq!(class.volume_binding_mode.as_deref(), Some("WaitForFirstConsumer"));
    assert_eq!(class.reclaim_policy.as_deref(), Some("Delete"));
    assert_eq!(class.allow_volume_expansion, Some(true));
    assert_eq!(class.allowed_topologies, host(&json!({})).allowed_topologies);
    assert!(is_mirrored(&class.metadata));
    assert!(is_default(&class.metadata));
}

#[test]
fn the_old_name_of_the_default_counts() {
    let old = json!({ "metadata": { "annotations": { IS_DEFAULT: null, IS_DEFAULT_BETA: "true" } } });
    let class = mirrored(&old);
    assert_eq!(
        class.metadata.annotations,
        Some(BTreeMap::from([(IS_DEFAULT.to_owned(), "true".to_owned())]))
    );
    let none = json!({ "metadata": { "annotations": { IS_DEFAULT: "false" } } });
    assert_eq!(mirrored(&none).metadata.annotations, None);
}

#[test]
fn what_was_written_is_silent() {
    assert_eq!(changes(&stored(&json!({})), &mirrored(&json!({}))), None);
    assert!(!must_replace(&stored(&json!({})), &mirrored(&json!({}))));
    let plain = json!({ "allowVolumeExpansion": null, "allowedTopologies": null, "reclaimPolicy": null,
        "volumeBindingMode": null });
    let mut existing = stored(&plain);
    existing.reclaim_policy = Some("Delete".to_owned());
    existing.volume_binding_mode = Some("Immediate".to_owned());
    assert_eq!(changes(&existing, &mirrored(&plain)), None);
    assert!(!must_replace(&existing, &mirrored(&plain)));
}

#[test]
fn what_may_change_is_patched_and_the_tenants_own_keys_stay() {
    let before = json!({ "metadata": { "annotations": { IS_DEFAULT: null } }, "allowVolumeExpansion": null });
    let mut existing = stored(&before);
    existing
        .metadata
        .labels
        .as_mut()
        .unwrap()
        .insert("own".to_owned(), "x".to_owned());
    let desired = mirrored(&json!({ "allowedTopologies": null }));
    let patch = changes(&existing, &desired).unwrap();
    assert_eq!(patch["metadata"]["uid"], "tenant-uid");
    let after = patched(&existing, &patch);
    assert_eq!(changes(&after, &desired), None);
    assert!(is_default(&after.metadata));
    assert_eq!(after.allowed_topologies, None);
    assert_eq!(after.metadata.labels.unwrap()["own"], "x");
}

#[test]
fn a_tenant_cannot_make_a_class_of_the_hosts_its_default() {
    let desired = mirrored(&json!({ "metadata": { "annotations": { IS_DEFAULT: "false" } } }));
    for key in [IS_DEFAULT, IS_DEFAULT_BETA] {
        let mut existing = desired.clone();
        existing.metadata.annotations = Some(BTreeMap::from([(key.to_owned(), "true".to_owned())]));
        let patch = changes(&existing, &desired).unwrap();
        assert_eq!(changes(&patched(&existing, &patch), &desired), None, "{key}");
    }
}

#[test]
fn what_an_apiserver_does_not_let_change_is_replaced() {
    for change in [
        json!({ "provisioner": "other.example.com" }),
        json!({ "reclaimPolicy": "Retain" }),
        json!({ "volumeBindingMode": "Immediate" }),
    ] {
        assert!(must_replace(&stored(&json!({})), &mirrored(&change)), "{change}");
    }
    let mut own = stored(&json!({}));
    own.parameters = Some(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    assert!(must_replace(&own, &mirrored(&json!({}))));
}

#[test]
fn a_class_of_the_tenants_own_is_not_mirrored() {
    assert!(!is_mirrored(&ObjectMeta::default()));
    let no = object(json!({ "labels": { keys::FROM_HOST: "no" } }));
    assert!(!is_mirrored(&no));
}
