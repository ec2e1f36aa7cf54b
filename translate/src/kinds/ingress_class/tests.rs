//! Classes go up without what they hold for the host, and converge.

use serde_json::Value;

use super::*;
use crate::mirrored::{changes, is_mirrored, must_replace};
use crate::testing::object;

fn host(extra: &Value) -> IngressClass {
    let mut json = json!({
        "metadata": { "name": "public", "uid": "host-uid", "labels": { "team": "canary" },
            "annotations": { IS_DEFAULT: "true", "meta.helm.sh/release-name": "canary" } },
        "spec": { "controller": "k8s.io/ingress",
            "parameters": { "kind": "Canary", "name": "canary", "namespace": "canary", "scope": "Namespace" } },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

fn stored(extra: &Value) -> IngressClass {
    let mut class = up(&host(extra)).unwrap();
    class.metadata.uid = Some("tenant-uid".to_owned());
    class
}

#[test]
fn of_a_class_its_controller_goes_up_and_whether_it_is_the_default() {
    let class = up(&host(&json!({}))).unwrap();
    assert!(is_mirrored(&class.metadata));
    let shown = serde_json::to_value(&class).unwrap();
    assert_eq!(shown["spec"], json!({ "controller": "k8s.io/ingress" }));
    assert_eq!(shown["metadata"]["annotations"], json!({ IS_DEFAULT: "true" }));
    assert!(!shown.to_string().to_lowercase().contains("canary"), "{shown}");
    let plain = json!({ "metadata": { "annotations": { IS_DEFAULT: "false" } } });
    assert_eq!(up(&host(&plain)).unwrap().metadata.annotations, None);
}

#[test]
fn what_the_tenant_changes_is_changed_back_and_what_cannot_is_made_anew() {
    let desired = up(&host(&json!({}))).unwrap();
    assert_eq!(changes(&stored(&json!({})), &desired), None);
    assert!(!must_replace(&stored(&json!({})), &desired));
    let mut changed = stored(&json!({ "metadata": { "annotations": { IS_DEFAULT: null } } }));
    changed.spec = host(&json!({})).spec;
    let patch = changes(&changed, &desired).unwrap();
    let expected = json!({ "metadata": { "uid": "tenant-uid", "annotations": { IS_DEFAULT: "true" } },
        "spec": { "parameters": null } });
    assert_eq!(patch, expected);
    assert!(!must_replace(&changed, &desired));
    let other = json!({ "spec": { "controller": "other.example.com/ingress" } });
    assert!(must_replace(&stored(&other), &desired));
}
