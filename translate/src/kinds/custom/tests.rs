//! A Certificate on its way down, and its status on the way up.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::*;
use crate::meta;
use crate::policy::TenantPolicy;
use crate::testing::{cluster, object};

fn custom() -> Custom {
    object(json!({
        "definition": "certificates.cert-manager.io", "version": "v1",
        "references": [
            { "path": "spec.secretName", "direction": "Up" },
            { "path": "spec.keystores[*].passwordSecretRef.name" },
            { "path": "spec.template.name", "kind": "ConfigMap" },
        ],
        "status": ["conditions", "notAfter"],
    }))
}

fn tenant() -> (ObjectMeta, Value) {
    let metadata = object(
        json!({ "name": "web", "namespace": "shop", "uid": "t-uid", "generation": 4,
        "labels": { "app": "web" }, "finalizers": ["x/y"] }),
    );
    let data = json!({
        "spec": {
            "secretName": "web-tls", "dnsNames": ["web.example.com"], "issuerRef": { "name": "letsencrypt" },
            "keystores": [{ "passwordSecretRef": { "name": "password", "key": "p" } }],
            "template": { "name": "labels" },
        },
        "status": { "conditions": [{ "type": "Ready", "status": "False" }], "ours": true },
    });
    (metadata, data)
}

fn made() -> Named {
    Named {
        kind: ReferenceKind::Secret,
        is_made: true,
        key: TenantKey::new("shop", "web-tls"),
    }
}

#[test]
fn references_are_rewritten_and_the_rest_goes_as_it_is() {
    let (metadata, data) = tenant();
    let down = down(&cluster(), &TenantPolicy::default(), &custom(), &metadata, &data).unwrap();
    insta::assert_yaml_snapshot!((&down.metadata, &down.data));
    assert!(meta::belongs(&cluster(), &down.metadata));
    assert_eq!(
        down.data["spec"]["secretName"],
        made().host_name(&cluster()).as_str()
    );
}

#[test]
fn a_secret_that_a_controller_makes_is_not_where_the_tenants_own_of_that_name_goes() {
    let own = Named {
        is_made: false,
        ..made()
    };
    assert_ne!(own.host_name(&cluster()), made().host_name(&cluster()));
    assert_eq!(
        own.host_name(&cluster()),
        name::host_name(&cluster(), name::SECRET, &own.key)
    );
}

#[test]
fn what_is_named_is_known_with_its_direction() {
    let named = named(&custom(), &TenantNamespace::new("shop"), &tenant().1);
    let named: Vec<(ReferenceKind, bool, &str)> = named
        .iter()
        .map(|named| (named.kind, named.is_made, named.key.name.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            (ReferenceKind::Secret, true, "web-tls"),
            (ReferenceKind::Secret, false, "password"),
            (ReferenceKind::ConfigMap, false, "labels"),
        ]
    );
}

#[test]
fn what_the_host_adds_is_left_alone_and_what_it_changes_is_not() {
    let desired = json!({ "spec": { "a": 1, "list": [{ "b": 2 }], "none": null } });
    for (existing, same) in [
        (
            json!({ "spec": { "a": 1, "list": [{ "b": 2, "default": 3 }], "added": 4 }, "status": {} }),
            true,
        ),
        (json!({ "spec": { "a": 2, "list": [{ "b": 2 }] } }), false),
        (
            json!({ "spec": { "a": 1, "list": [{ "b": 2 }, { "b": 3 }] } }),
            false,
        ),
        (json!({ "spec": { "list": [{ "b": 2 }] } }), false),
        (json!({}), false),
    ] {
        assert_eq!(is_as(&existing, &desired), same, "{existing}");
    }
}

#[test]
fn a_field_that_is_gone_again_is_seen() {
    let (metadata, mut data) = tenant();
    let write =
        |data: &Value| down(&cluster(), &TenantPolicy::default(), &custom(), &metadata, data).unwrap();
    let before = write(&data);
    data["status"] = json!({ "other": 1 });
    assert!(!meta::needs_update(&before.metadata, &write(&data).metadata));
    data["spec"].as_object_mut().unwrap().remove("dnsNames");
    let after = write(&data);
    assert!(is_as(&before.data, &after.data));
    assert!(meta::needs_update(&before.metadata, &after.metadata));
}

fn patch(custom: &Custom, status: &Value, is_current: bool) -> Option<Value> {
    let (tenant_meta, tenant) = tenant();
    let host_meta = ObjectMeta {
        name: Some(
            host_name(&cluster(), custom, &TenantKey::new("shop", "web"))
                .as_str()
                .to_owned(),
        ),
        generation: Some(9),
        ..ObjectMeta::default()
    };
    let host = json!({ "spec": {}, "status": status });
    let sides = Sides {
        tenant: (&tenant_meta, &tenant),
        host: (&host_meta, &host),
        is_current,
    };
    status_changes(&cluster(), custom, &sides).unwrap()
}

#[test]
fn the_registered_part_of_the_status_comes_up_in_tenant_terms() {
    let secret = made().host_name(&cluster());
    let own = host_name(&cluster(), &custom(), &TenantKey::new("shop", "web"));
    let namespace = cluster().workload_namespace;
    let message = format!("Certificate {own} is stored in {namespace}/{secret}");
    let status = json!({
        "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 9, "message": message }],
        "notAfter": "2027-01-01T00:00:00Z", "revision": 3,
    });
    let changed = patch(&custom(), &status, true).unwrap();
    assert_eq!(
        changed,
        json!({ "metadata": { "uid": "t-uid" }, "status": {
            "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 4,
                "message": "Certificate web is stored in shop/web-tls" }],
            "notAfter": "2027-01-01T00:00:00Z",
        } })
    );
    // What the controller has not seen yet is not said to be seen.
    let behind = patch(&custom(), &status, false).unwrap();
    assert_eq!(behind["status"]["conditions"][0]["observedGeneration"], 3);
}

#[test]
fn without_a_registered_part_all_of_the_status_is_the_hosts() {
    let all = Custom {
        status: Vec::new(),
        ..custom()
    };
    let changed = patch(&all, &json!({ "revision": 3 }), true).unwrap();
    assert_eq!(
        changed["status"],
        json!({ "revision": 3, "conditions": null, "ours": null })
    );
    assert_eq!(patch(&all, &json!(null), true), None);
    let same = json!({ "conditions": [{ "type": "Ready", "status": "False" }], "ours": true });
    assert_eq!(patch(&all, &same, true), None);
}
