//! What the host claim is, and what is denied.

use super::*;

fn outcome(policy: &TenantPolicy, claim: &ResourceClaim) -> Outcome<ResourceClaim> {
    super::super::down(&cluster(), policy, claim).unwrap()
}

fn denied(extra: &Value) -> String {
    let denied = outcome(&policy(), &tenant(extra)).denied().unwrap();
    denied.to_string()
}

#[test]
fn everything_that_selects_devices_goes_down_as_it_is() {
    let requests = json!([
        { "name": "main", "exactly": {
            "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 2,
            "selectors": [{ "cel": { "expression": "device.attributes['gpu.example.com'].model == 'a'" } }],
            "tolerations": [{ "key": "gpu.example.com/slow", "operator": "Exists", "effect": "NoSchedule",
                "tolerationSeconds": 5 }],
            "capacity": { "requests": { "memory": "1Gi" } },
            "derivedAttributes": [{ "name": "example.com/numa", "expression": "1" }],
        } },
        { "name": "net", "firstAvailable": [
            { "name": "fast", "deviceClassName": "nic", "allocationMode": "All" },
            { "name": "slow", "deviceClassName": "nic", "count": 1,
                "selectors": [{ "cel": { "expression": "true" } }] },
        ] },
    ]);
    let devices = json!({
        "requests": requests,
        "constraints": [
            { "requests": ["main", "net"], "matchAttribute": "example.com/numa" },
            { "distinctAttribute": "example.com/card" },
        ],
        "config": [{ "requests": ["main"],
            "opaque": { "driver": "gpu.example.com", "parameters": { "kind": "Shared", "of": [1, "x"] } } }],
    });
    let claim = tenant(&json!({
        "metadata": {
            "labels": { "app": "train" }, "finalizers": ["own.example.com/x"],
            "annotations": { "resource.kubernetes.io/pod-claim-name": "gpu" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u" }],
        },
        "spec": { "devices": devices },
        "status": { "allocation": {} },
    }));
    let host = outcome(&policy(), &claim).translated().unwrap();
    assert_eq!(host.notes, []);
    let host = host.object;
    assert_eq!(host.status, None);
    assert_eq!(
        serde_json::to_value(&host.spec).unwrap(),
        json!({ "devices": devices })
    );
    let metadata = host.metadata;
    assert_eq!((metadata.finalizers, metadata.owner_references), (None, None));
    assert_eq!(metadata.namespace.as_deref(), Some("wc-ci"));
    let annotations = metadata.annotations.unwrap();
    assert!(
        !annotations.contains_key("resource.kubernetes.io/pod-claim-name"),
        "{annotations:?}"
    );
    assert_eq!(annotations["warren.dev/origin-uid"], "tenant-uid");
    assert_eq!(metadata.labels.unwrap()["tenant.warren.dev/app"], "train");
}

#[test]
fn classes_that_are_not_offered_are_denied_with_those_that_are() {
    let other = json!({ "spec": { "devices": { "requests": [
        { "name": "a", "exactly": { "deviceClassName": "tpu" } },
        { "name": "b", "firstAvailable": [
            { "name": "x", "deviceClassName": "gpu" }, { "name": "y", "deviceClassName": "fpga" } ] },
    ] } } });
    assert_eq!(
        denied(&other),
        "`spec.devices.requests[0].exactly.deviceClassName` is `tpu`, which is not offered; offered: `gpu`, `nic`; \
         `spec.devices.requests[1].firstAvailable[1].deviceClassName` is `fpga`, which is not offered; offered: `gpu`, `nic`"
    );
    let nothing = outcome(&TenantPolicy::default(), &tenant(&json!({})))
        .denied()
        .unwrap();
    assert_eq!(
        nothing.to_string(),
        "`spec.devices.requests[0].exactly.deviceClassName` is `gpu`, but the platform offers this cluster no device classes \
         (`classes.device.names` of its VirtualClusterClass)"
    );
}

#[test]
fn what_reaches_further_than_a_device_is_denied_by_name() {
    let request = |extra: Value| {
        let mut exactly = json!({ "deviceClassName": "gpu" });
        json_patch::merge(&mut exactly, &extra);
        json!({ "spec": { "devices": { "requests": [{ "name": "main", "exactly": exactly }] } } })
    };
    let config = |config: Value| json!({ "spec": { "devices": { "config": [config] } } });
    for (extra, field) in [
        (
            request(json!({ "adminAccess": true })),
            "spec.devices.requests[0].exactly.adminAccess",
        ),
        (
            request(json!({ "selectors": [{ "cel": { "expression": "true" } }, {}] })),
            "spec.devices.requests[0].exactly.selectors[1]",
        ),
        (
            config(json!({ "opaque": { "driver": "nic.example.com", "parameters": {} } })),
            "spec.devices.config[0].opaque.driver",
        ),
        (config(json!({ "requests": ["main"] })), "spec.devices.config[0]"),
        (
            json!({ "spec": { "devices": { "constraints": [{ "requests": ["main"] }] } } }),
            "spec.devices.constraints[0]",
        ),
        (
            json!({ "spec": { "devices": { "requests": [{ "name": "main" }] } } }),
            "spec.devices.requests[0]",
        ),
        (
            json!({ "metadata": { "annotations": { "resource.kubernetes.io/extended-resource-claim": "true" } } }),
            "metadata.annotations[resource.kubernetes.io/extended-resource-claim]",
        ),
    ] {
        let text = denied(&extra);
        assert!(text.starts_with(&format!("`{field}` ")), "{field}: {text}");
    }
    let no_admin = tenant(&request(json!({ "adminAccess": false })));
    let host = outcome(&policy(), &no_admin).translated().unwrap().object;
    assert!(!serde_json::to_string(&host).unwrap().contains("adminAccess"));
}

#[test]
fn later_only_labels_and_annotations_follow_whatever_the_class_offers_then() {
    let before = tenant(&json!({ "metadata": { "labels": { "app": "a" } } }));
    let mut host = stored(&before);
    host.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    let nothing = TenantPolicy::default();
    assert_eq!(changes(&cluster(), &nothing, &before, &host).unwrap(), None);
    let now = tenant(&json!({ "metadata": { "labels": { "tier": "x" }, "annotations": { "a": "b" } } }));
    assert_eq!(
        changes(&cluster(), &nothing, &now, &host).unwrap().unwrap(),
        json!({ "metadata": {
            "uid": "host-uid",
            "labels": { "tenant.warren.dev/tier": "x", "tenant.warren.dev/app": null },
            "annotations": { "tenant.warren.dev/a": "b" },
        } })
    );
}

#[test]
fn a_claim_without_uid_or_spec_is_an_error() {
    let error = |extra: &Value| {
        let down = super::super::down(&cluster(), &policy(), &tenant(extra));
        down.unwrap_err().to_string()
    };
    assert_eq!(
        error(&json!({ "metadata": { "uid": null } })),
        "object shop/train has no uid"
    );
    assert_eq!(error(&json!({ "spec": null })), "object shop/train has no spec");
}
