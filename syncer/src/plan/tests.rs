//! The plan as a table: what is desired, what the host has, what is done.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use warren_translate::TenantPolicy;
use warren_translate::identity::{ClusterId, ClusterUid, HostNamespace};
use warren_translate::kinds::config_map;

use super::*;

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("a-12345"),
        uid: ClusterUid::new("cluster-uid"),
        workload_namespace: HostNamespace::new("wc-a-12345"),
    }
}

fn tenant(uid: &str, data: &Value, immutable: bool) -> ConfigMap {
    serde_json::from_value(json!({
        "metadata": { "namespace": "team", "name": "settings", "uid": uid, "labels": { "app": "web" } },
        "data": data, "immutable": immutable,
    }))
    .unwrap()
}

fn desired(data: &Value) -> ConfigMap {
    let tenant = tenant("t1", data, false);
    config_map::down(&cluster(), &TenantPolicy::default(), &tenant)
        .unwrap()
        .object
}

fn on_host(mut object: ConfigMap) -> ConfigMap {
    object.metadata.uid = Some("h1".to_owned());
    object.metadata.resource_version = Some("7".to_owned());
    object
}

fn names(actions: &[Action<ConfigMap>]) -> Vec<&'static str> {
    let name = |action: &Action<ConfigMap>| match action {
        Action::Create(_) => "create",
        Action::Replace(_) => "replace",
        Action::Delete { .. } => "delete",
        Action::Patch { .. } => "patch",
        Action::Wait => "wait",
        Action::Foreign => "foreign",
    };
    actions.iter().map(name).collect()
}

#[test]
fn what_is_desired_and_missing_is_created() {
    let plan = plan_copy(&cluster(), Some(desired(&json!({ "a": "1" }))), None);
    assert_eq!(names(&plan), ["create"]);
}

#[test]
fn what_is_as_desired_is_left_alone() {
    let host = on_host(desired(&json!({ "a": "1" })));
    let plan = plan_copy(&cluster(), Some(desired(&json!({ "a": "1" }))), Some(&host));
    assert!(plan.is_empty());
}

#[test]
fn a_difference_is_replaced_with_version_uid_and_foreign_annotations_kept() {
    let mut host = on_host(desired(&json!({ "a": "1" })));
    let annotations = host.metadata.annotations.get_or_insert_default();
    annotations.insert("host.example.com/seen".to_owned(), "yes".to_owned());
    let labels = host.metadata.labels.get_or_insert_default();
    labels.insert("tenant.warren.dev/stale".to_owned(), "yes".to_owned());
    let plan = plan_copy(&cluster(), Some(desired(&json!({ "a": "2" }))), Some(&host));
    let [Action::Replace(object)] = plan.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(object.metadata.uid.as_deref(), Some("h1"));
    assert_eq!(object.metadata.resource_version.as_deref(), Some("7"));
    let annotations = object.metadata.annotations.as_ref().unwrap();
    assert!(annotations.contains_key("host.example.com/seen"));
    let labels = object.metadata.labels.as_ref().unwrap();
    assert!(!labels.contains_key("tenant.warren.dev/stale"));
}

#[test]
fn a_changed_immutable_object_is_deleted_and_created() {
    let host = on_host(
        config_map::down(
            &cluster(),
            &TenantPolicy::default(),
            &tenant("t1", &json!({ "a": "1" }), true),
        )
        .unwrap()
        .object,
    );
    let plan = plan_copy(&cluster(), Some(desired(&json!({ "a": "2" }))), Some(&host));
    assert_eq!(names(&plan), ["delete", "create"]);
}

#[test]
fn what_nobody_wants_is_deleted_by_uid() {
    let host = on_host(desired(&json!({})));
    let plan = plan_copy(&cluster(), None, Some(&host));
    let [Action::Delete { uid, .. }] = plan.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(uid, "h1");
}

#[test]
fn an_object_without_this_clusters_label_is_never_touched() {
    let mut host = on_host(desired(&json!({})));
    host.metadata.labels = None;
    assert!(plan_copy(&cluster(), None, Some(&host)).is_empty());
    let plan = plan_copy(&cluster(), Some(desired(&json!({ "a": "2" }))), Some(&host));
    assert_eq!(names(&plan), ["foreign"]);
}

#[test]
fn an_object_that_is_going_is_waited_for_and_not_deleted_twice() {
    let mut host = on_host(desired(&json!({})));
    host.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    assert!(plan_copy(&cluster(), None, Some(&host)).is_empty());
    let plan = plan_copy(&cluster(), Some(desired(&json!({}))), Some(&host));
    assert_eq!(names(&plan), ["wait"]);
}
