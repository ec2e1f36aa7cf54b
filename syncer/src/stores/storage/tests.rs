//! What is kept of volumes.

use serde_json::{Value, json};

use super::*;

fn host(claim: &Value) -> PersistentVolume {
    serde_json::from_value(json!({
        "metadata": { "name": "v", "annotations": { "pv.kubernetes.io/provisioned-by": "d", "own": "secret" } },
        "spec": {
            "capacity": { "storage": "1Gi" }, "claimRef": claim, "mountOptions": ["secret"],
            "csi": { "driver": "d", "volumeHandle": "h", "volumeAttributes": { "a": "secret" } },
        },
    }))
    .unwrap()
}

#[test]
fn only_volumes_of_claims_in_the_workload_namespace_are_kept_and_nothing_that_opens_them() {
    let mut own = host(&json!({ "namespace": "wc-ci", "name": "c", "uid": "u" }));
    assert!(prune_host_volume(&mut own, "wc-ci"));
    let text = serde_json::to_string(&own).unwrap();
    assert!(
        !text.contains("secret") && text.contains("provisioned-by"),
        "{text}"
    );
    for other in [
        json!({ "namespace": "wc-other", "name": "c", "uid": "u" }),
        json!({ "namespace": "wc-ci", "name": "c" }),
        json!(null),
    ] {
        assert!(!prune_host_volume(&mut host(&other), "wc-ci"), "{other}");
    }
}
