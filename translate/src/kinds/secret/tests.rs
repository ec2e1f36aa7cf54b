//! Secrets go down as they are, but for types that make host controllers act.

use serde_json::{Value, json};

use super::*;
use crate::testing::{cluster, object};

fn host(extra: &Value) -> Secret {
    let mut json = json!({
        "metadata": {
            "name": "login", "namespace": "shop", "uid": "u",
            "annotations": { "kubernetes.io/service-account.name": "robot" },
        },
        "data": { "a": "AAE=" },
        "type": "Opaque",
    });
    json_patch::merge(&mut json, extra);
    down(&cluster(), &TenantPolicy::default(), &object(json))
        .unwrap()
        .object
}

#[test]
fn a_service_account_token_secret_becomes_opaque_and_loses_the_annotation_of_its_account() {
    let host = host(&json!({ "type": "kubernetes.io/service-account-token" }));
    assert_eq!(host.type_.as_deref(), Some("Opaque"));
    assert!(
        !host
            .metadata
            .annotations
            .unwrap()
            .contains_key("kubernetes.io/service-account.name")
    );
}

#[test]
fn bootstrap_tokens_and_unknown_types_become_opaque() {
    for type_ in ["bootstrap.kubernetes.io/token", "helm.sh/release.v1"] {
        assert_eq!(host(&json!({ "type": type_ })).type_.as_deref(), Some("Opaque"));
    }
}

#[test]
fn registry_credentials_keep_their_type_because_the_kubelet_reads_it() {
    let type_ = "kubernetes.io/dockerconfigjson";
    assert_eq!(host(&json!({ "type": type_ })).type_.as_deref(), Some(type_));
}

#[test]
fn string_data_wins_over_data() {
    let host = host(&json!({ "stringData": { "a": "b" } }));
    assert_eq!(host.data.unwrap()["a"], ByteString(b"b".to_vec()));
    assert_eq!(host.string_data, None);
}

#[test]
fn secrets_converge_and_are_replaced_when_they_must_be() {
    let plain = host(&json!({}));
    assert!(!needs_update(&plain, &host(&json!({}))));
    assert!(needs_update(&plain, &host(&json!({ "data": { "a": "AAI=" } }))));
    assert!(must_replace(
        &plain,
        &host(&json!({ "type": "kubernetes.io/tls" }))
    ));
    let immutable = host(&json!({ "immutable": true }));
    assert!(must_replace(
        &immutable,
        &host(&json!({ "data": { "c": "AAI=" } }))
    ));
}
