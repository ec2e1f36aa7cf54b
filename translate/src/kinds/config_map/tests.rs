//! ConfigMaps go down as they are, and converge.

use serde_json::{Value, json};

use super::*;
use crate::testing::{cluster, object};

fn tenant(extra: &Value) -> ConfigMap {
    let mut json = json!({
        "metadata": { "name": "settings", "namespace": "shop", "uid": "u", "labels": { "app": "x" } },
        "data": { "a": "1" },
        "binaryData": { "b": "AAE=" },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

fn host(extra: &Value) -> ConfigMap {
    down(&cluster(), &TenantPolicy::default(), &tenant(extra))
        .unwrap()
        .object
}

#[test]
fn content_is_copied_and_the_name_is_the_hosts() {
    let host = host(&json!({ "immutable": true }));
    assert_eq!(host.data, tenant(&json!({})).data);
    assert_eq!(host.binary_data, tenant(&json!({})).binary_data);
    assert_eq!(host.immutable, Some(true));
    assert_eq!(host.metadata.namespace.as_deref(), Some("wc-ci"));
    assert!(host.metadata.name.unwrap().starts_with("settings-"));
}

#[test]
fn what_was_written_needs_no_update_also_with_fields_the_apiserver_adds() {
    let mut existing = host(&json!({}));
    existing.metadata.resource_version = Some("7".to_owned());
    existing.immutable = Some(false);
    assert!(!needs_update(&existing, &host(&json!({}))));
}

#[test]
fn changed_content_needs_an_update_and_an_immutable_one_is_replaced() {
    let changed = host(&json!({ "data": { "a": "2" } }));
    assert!(needs_update(&host(&json!({})), &changed));
    assert!(!must_replace(&host(&json!({})), &changed));
    assert!(must_replace(&host(&json!({ "immutable": true })), &changed));
    assert!(!must_replace(
        &host(&json!({})),
        &host(&json!({ "immutable": true }))
    ));
}

#[test]
fn an_object_without_uid_is_an_error() {
    let result = down(
        &cluster(),
        &TenantPolicy::default(),
        &tenant(&json!({ "metadata": { "uid": null } })),
    );
    assert_eq!(result.unwrap_err().to_string(), "object shop/settings has no uid");
}
