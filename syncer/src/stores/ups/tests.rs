//! What is kept of the host's classes.

use serde_json::json;

use super::*;

#[test]
fn of_a_class_its_parameters_are_not_kept() {
    let metadata = |key: &str| json!({ "annotations": { key: "true", "own": "secret" } });
    let mut class: StorageClass = serde_json::from_value(json!({
        "metadata": metadata("storageclass.kubernetes.io/is-default-class"),
        "provisioner": "p", "parameters": { "a": "secret" }, "mountOptions": ["secret"],
    }))
    .unwrap();
    prune_storage_class(&mut class);
    let mut ingress: IngressClass = serde_json::from_value(json!({
        "metadata": metadata("ingressclass.kubernetes.io/is-default-class"),
        "spec": { "controller": "c", "parameters": { "kind": "K", "name": "secret" } },
    }))
    .unwrap();
    prune_ingress_class(&mut ingress);
    for text in [
        serde_json::to_string(&class).unwrap(),
        serde_json::to_string(&ingress).unwrap(),
    ] {
        assert!(
            !text.contains("secret") && text.contains("is-default-class"),
            "{text}"
        );
    }
}
