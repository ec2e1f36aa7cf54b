//! Updates: what changes goes down, what is equal is silent.

use super::*;

fn update_of(before: &Value, after: &Value) -> PodUpdate {
    let host = stored(&tenant(before));
    with_context(&TenantPolicy::default(), |context| {
        update(context, &tenant(after), &host).unwrap()
    })
}

#[test]
fn an_unchanged_pod_is_silent_also_with_what_the_host_added() {
    let mut host = stored(&tenant(&json!({})));
    host.metadata
        .labels
        .as_mut()
        .unwrap()
        .insert("host/own".to_owned(), "x".to_owned());
    let spec = host.spec.as_mut().unwrap();
    spec.priority = Some(0);
    spec.tolerations = object(json!([{ "key": "node.kubernetes.io/not-ready", "operator": "Exists" }]));
    spec.containers[0].resources = object(json!({ "limits": { "cpu": "1" } }));
    let same = with_context(&TenantPolicy::default(), |context| {
        update(context, &tenant(&json!({})), &host).unwrap()
    });
    assert_eq!(same, PodUpdate::default());
}

#[test]
fn labels_and_annotations_are_set_and_removed_under_their_host_keys() {
    let before = json!({ "metadata": { "annotations": { "a": "1" } } });
    let after = json!({ "metadata": { "labels": { "app": "new", "x/y": "z" } } });
    let patch = update_of(&before, &after).patch.unwrap();
    assert_eq!(
        patch,
        json!({ "metadata": {
            "uid": "host-uid",
            "labels": { "tenant.warren.dev/app": "new", "x.tenant.warren.dev/y": "z" },
            "annotations": { "tenant.warren.dev/a": null },
        } })
    );
}

#[test]
fn a_mirrored_label_file_follows_the_labels() {
    let volume = json!({ "spec": { "volumes": [{ "name": "info", "downwardAPI": { "items": [
        { "path": "labels", "fieldRef": { "fieldPath": "metadata.labels" } }] } }] } });
    let mut after = volume.clone();
    json_patch::merge(&mut after, &json!({ "metadata": { "labels": { "app": "new" } } }));
    let patch = update_of(&volume, &after).patch.unwrap();
    assert_eq!(
        patch["metadata"]["annotations"],
        json!({ "warren.dev/labels": "app=\"new\"" })
    );
}

#[test]
fn a_new_image_keeps_everything_else_of_the_hosts_container() {
    let after = json!({ "spec": { "containers": [{ "name": "main", "image": "web:2" }] } });
    let patch = update_of(&json!({}), &after).patch.unwrap();
    let containers = patch["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers[0]["image"], "web:2");
    assert_eq!(containers[0]["env"][0]["name"], "KUBERNETES_SERVICE_HOST");
    assert_eq!(patch["metadata"], json!({ "uid": "host-uid" }));
}

#[test]
fn a_deadline_and_added_tolerations_go_down_once() {
    let toleration =
        json!([{ "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute" }]);
    let after = json!({ "spec": { "activeDeadlineSeconds": 5, "tolerations": toleration } });
    let host = stored(&tenant(&json!({})));
    with_context(&TenantPolicy::default(), |context| {
        let patch = update(context, &tenant(&after), &host).unwrap().patch.unwrap();
        assert_eq!(
            patch["spec"],
            json!({ "activeDeadlineSeconds": 5, "tolerations": toleration })
        );
        let mut written = serde_json::to_value(&host).unwrap();
        json_patch::merge(&mut written, &patch);
        assert_eq!(
            update(context, &tenant(&after), &object(written)).unwrap(),
            PodUpdate::default()
        );
    });
}

#[test]
fn resizes_and_ephemeral_containers_are_noted() {
    let after = json!({ "spec": {
        "containers": [{ "name": "main", "image": "web:1", "resources": { "limits": { "cpu": "2" } } }],
        "ephemeralContainers": [{ "name": "debug", "image": "busybox" }],
    } });
    let update = update_of(&json!({}), &after);
    assert_eq!(update.patch, None);
    let reasons: Vec<_> = update.notes.iter().map(|note| note.reason).collect();
    assert_eq!(reasons, ["EphemeralContainersNotSupported", "ResizeNotSupported"]);
}

#[test]
fn the_host_pod_of_a_predecessor_is_left_alone() {
    let after = json!({ "metadata": { "uid": "successor", "labels": { "app": "new" } } });
    assert_eq!(update_of(&json!({}), &after), PodUpdate::default());
}
