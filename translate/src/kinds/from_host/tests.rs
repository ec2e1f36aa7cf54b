//! What of the host's object reaches the tenant.

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::*;
use crate::kinds::{config_map, secret, shared_policy};
use crate::mirrored::is_mirrored;
use crate::testing::{cluster, object};

fn target() -> TenantKey {
    TenantKey::new("team", "ca")
}

#[test]
fn content_and_type_go_up_and_nothing_of_the_metadata() {
    let metadata = json!({ "name": "x", "namespace": "shared", "uid": "u", "labels": { "a": "b" },
        "annotations": { "secret": "of the platform" }, "ownerReferences": [], "finalizers": ["f"] });
    let map = config_map(
        &object(json!({ "metadata": metadata, "data": { "k": "v" }, "immutable": true })),
        &target(),
    );
    assert_eq!(
        (map.data.unwrap()["k"].as_str(), map.immutable),
        ("v", Some(true))
    );
    assert!(is_mirrored(&map.metadata));
    let expected = json!({ "name": "ca", "namespace": "team", "labels": { "warren.dev/from-host": "true" },
        "annotations": {} });
    assert_eq!(serde_json::to_value(&map.metadata).unwrap(), expected);
    let host: Secret =
        object(json!({ "metadata": metadata, "type": "kubernetes.io/tls", "data": { "k": "dg==" } }));
    let secret = secret(&host, &target()).unwrap();
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
    assert_eq!(secret.data, host.data);
}

#[test]
fn what_opens_the_hosts_api_stays_there() {
    for type_ in CREDENTIALS {
        let why = secret(&object(json!({ "metadata": {}, "type": type_ })), &target()).unwrap_err();
        assert!(why.contains("'ca'") && why.contains(type_), "{why}");
    }
}

#[test]
fn an_edit_in_the_tenant_is_seen() {
    let desired = self::config_map(
        &object(json!({ "metadata": {}, "data": { "k": "v" } })),
        &target(),
    );
    let mut tenant = desired.clone();
    assert!(!config_map::needs_update(&tenant, &desired));
    tenant
        .data
        .as_mut()
        .unwrap()
        .insert("k".to_owned(), "w".to_owned());
    assert!(config_map::needs_update(&tenant, &desired));
    let desired = self::secret(&object(json!({ "metadata": {}, "type": "a/b" })), &target()).unwrap();
    let mut tenant = desired.clone();
    assert!(!secret::needs_update(&tenant, &desired));
    tenant.type_ = None;
    assert!(secret::must_replace(&tenant, &desired));
}

fn host_service(spec: &Value) -> Service {
    object(json!({ "metadata": { "name": "db", "namespace": "shared" }, "spec": spec }))
}

#[test]
fn a_service_has_the_hosts_address_and_its_slice_and_policy_say_where_it_leads() {
    let host = host_service(
        &json!({ "clusterIP": "10.96.3.3", "type": "NodePort", "selector": { "app": "db" },
        "ports": [{ "name": "sql", "port": 5432, "targetPort": "sql", "nodePort": 31000, "protocol": "TCP" }] }),
    );
    let imported = import(&host, &target()).unwrap();
    let mut owner = imported.service.clone();
    owner.metadata.uid = Some("t-uid".to_owned());
    insta::assert_yaml_snapshot!((
        &imported.service,
        endpoints(&imported, &target(), &owner),
        shared_policy::egress(
            &cluster(),
            shared_policy::FROM_HOST_SERVICES,
            egress(&host).into_iter().collect()
        ),
    ));
}

#[test]
fn a_service_without_an_address_is_not_mapped() {
    for spec in [
        json!({ "clusterIP": "None" }),
        json!({ "type": "ExternalName", "externalName": "x" }),
        json!({}),
    ] {
        let why = import(&host_service(&spec), &target()).unwrap_err();
        assert!(why.contains("'ca'"), "{why}");
    }
    // Where no selector says which Pods are behind it, no policy can name them.
    let open = host_service(&json!({ "clusterIP": "10.96.3.3", "ports": [{ "port": 1 }] }));
    assert_eq!(egress(&open), None);
}

#[test]
fn ports_and_a_selector_of_the_tenants_making_are_put_right() {
    let host = host_service(&json!({ "clusterIP": "10.96.3.3", "ports": [{ "port": 80 }] }));
    let desired = import(&host, &target()).unwrap().service;
    let mut tenant = desired.clone();
    tenant.metadata.uid = Some("t-uid".to_owned());
    assert_eq!(service_changes(&tenant, &desired), None);
    tenant.spec.as_mut().unwrap().selector = Some([("app".to_owned(), "mine".to_owned())].into());
    let patch = service_changes(&tenant, &desired).unwrap();
    assert_eq!(patch["metadata"]["uid"], "t-uid");
    assert_eq!(patch["spec"]["selector"], json!(null));
}
