//! Updates: what the tenant changes goes down, what is equal is silent, and nobody fights with the host's admission.

use super::*;

fn update_in(policy: &TenantPolicy, before: &Value, after: &Value) -> PodUpdate {
    let host = stored(&tenant(before));
    with_context(policy, |context| update(context, &tenant(after), &host).unwrap())
}

fn update_of(before: &Value, after: &Value) -> PodUpdate {
    update_in(&TenantPolicy::default(), before, after)
}

fn settled() -> PodUpdate {
    PodUpdate {
        settled: true,
        ..PodUpdate::default()
    }
}

/// The host Pod after `patch`, which names only elements of lists that the host has.
fn patched(host: &Pod, patch: &Value) -> Pod {
    let mut tree = serde_json::to_value(host).unwrap();
    strategic(&mut tree, patch);
    object(tree)
}

fn is_silent(after: &Value, host: &Pod) {
    with_context(&TenantPolicy::default(), |context| {
        assert_eq!(update(context, &tenant(after), host).unwrap(), settled());
    });
}

#[test]
fn an_unchanged_pod_is_silent_also_with_what_the_host_made_of_it() {
    let mut host = stored(&tenant(&json!({})));
    host.metadata
        .labels
        .as_mut()
        .unwrap()
        .insert("host/own".to_owned(), "x".to_owned());
    let spec = host.spec.as_mut().unwrap();
    spec.priority = Some(0);
    spec.active_deadline_seconds = Some(60);
    spec.tolerations = object(json!([{ "key": "node.kubernetes.io/not-ready", "operator": "Exists" }]));
    spec.containers[0].resources = object(json!({ "limits": { "cpu": "1" } }));
    spec.containers[0].image = Some("mirror.example.com/web:1".to_owned());
    spec.containers.push(object(json!({ "name": "injected" })));
    is_silent(&json!({}), &host);
}

#[test]
fn a_host_pod_of_before_is_only_marked() {
    let mut host = stored(&tenant(&json!({})));
    host.metadata
        .annotations
        .as_mut()
        .unwrap()
        .remove("warren.dev/carried");
    with_context(&TenantPolicy::default(), |context| {
        let update = update(context, &tenant(&json!({})), &host).unwrap();
        assert!(update.settled);
        let patch = update.patch.unwrap();
        assert_eq!(patch.get("spec"), None);
        is_silent(&json!({}), &patched(&host, &patch));
    });
}

#[test]
fn labels_and_annotations_are_set_and_removed_under_their_host_keys() {
    let before = json!({ "metadata": { "annotations": { "a": "1" } } });
    let after = json!({ "metadata": { "labels": { "app": "new", "x/y": "z" } } });
    let update = update_of(&before, &after);
    assert!(update.settled);
    assert_eq!(
        update.patch.unwrap(),
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
fn a_new_image_goes_down_alone_and_once() {
    let after = json!({ "spec": { "containers": [{ "name": "main", "image": "web:2" }] } });
    let host = stored(&tenant(&json!({})));
    let update = update_of(&json!({}), &after);
    assert!(!update.settled);
    let patch = update.patch.unwrap();
    assert_eq!(
        patch["spec"],
        json!({ "containers": [{ "name": "main", "image": "web:2" }] })
    );
    let mut host = patched(&host, &patch);
    is_silent(&after, &host);
    // A webhook of the host's that makes another image of it is left in peace.
    host.spec.as_mut().unwrap().containers[0].image = Some("mirror.example.com/web:2".to_owned());
    is_silent(&after, &host);
}

#[test]
fn an_image_that_the_class_does_not_allow_stays_away_and_other_changes_go() {
    let policy = TenantPolicy {
        allowed_registries: vec!["registry.example.com/".to_owned()],
        ..TenantPolicy::default()
    };
    let before =
        json!({ "spec": { "containers": [{ "name": "main", "image": "registry.example.com/web:1" }] } });
    let after = json!({
        "metadata": { "labels": { "app": "new" } },
        "spec": { "activeDeadlineSeconds": 5, "containers": [{ "name": "main", "image": "evil.example.com/web:2" }] },
    });
    let update = update_in(&policy, &before, &after);
    let denied = update.denied.unwrap();
    assert_eq!(denied.fields[0].field, "spec.containers[main].image");
    let patch = update.patch.unwrap();
    assert_eq!(patch["spec"], json!({ "activeDeadlineSeconds": 5 }));
    assert_eq!(
        patch["metadata"]["labels"],
        json!({ "tenant.warren.dev/app": "new" })
    );
}

#[test]
fn a_deadline_and_added_tolerations_go_down_once() {
    let toleration =
        json!([{ "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute" }]);
    let after = json!({ "spec": { "activeDeadlineSeconds": 5, "tolerations": toleration } });
    let host = stored(&tenant(&json!({})));
    let patch = update_of(&json!({}), &after).patch.unwrap();
    assert_eq!(
        patch["spec"],
        json!({ "activeDeadlineSeconds": 5, "tolerations": toleration })
    );
    is_silent(&after, &patched(&host, &patch));
}

#[test]
fn a_toleration_that_stays_in_the_tenant_settles_at_once() {
    let after = json!({ "spec": { "tolerations": [{ "key": "foo", "operator": "Exists" }] } });
    let update = update_of(&json!({}), &after);
    assert!(update.settled);
    assert_eq!(update.patch.map(|patch| patch.get("spec").is_some()), None);
}

#[test]
fn a_resize_goes_to_its_own_subresource_and_is_recorded_when_it_is_taken() {
    let of = |cpu: &str| {
        json!({ "spec": { "containers": [
            { "name": "main", "image": "web:1", "resources": { "limits": { "cpu": cpu, "memory": "1Gi" } } }] } })
    };
    let (before, after) = (of("1"), of("2"));
    let update = update_of(&before, &after);
    assert_eq!(update.patch, None);
    assert!(!update.settled);
    let resize = update.resize.unwrap();
    assert_eq!(
        resize.patch,
        json!({ "metadata": { "uid": "host-uid" },
            "spec": { "containers": [{ "name": "main", "resources": { "limits": { "cpu": "2" } } }] } })
    );
    // The host made three of it: its business.
    let mut host = stored(&tenant(&of("3")));
    host = patched(&host, &resize.record);
    is_silent(&after, &host);
    // Crashed between the resize and its record: only the record is left to write.
    let mut resized = stored(&tenant(&before));
    resized.spec = stored(&tenant(&after)).spec;
    with_context(&TenantPolicy::default(), |context| {
        let update = super::update(context, &tenant(&after), &resized).unwrap();
        assert_eq!(update.resize, None);
        is_silent(&after, &patched(&resized, &update.patch.unwrap()));
    });
}

#[test]
fn limits_of_the_class_follow_a_request_that_grows_above_them_and_fall_back() {
    let policy = TenantPolicy {
        container_defaults: object(json!({ "requests": { "cpu": "100m" }, "limits": { "cpu": "500m" } })),
        ..TenantPolicy::default()
    };
    let of = |cpu: &str| {
        json!({ "spec": { "containers": [
            { "name": "main", "image": "web:1", "resources": { "requests": { "cpu": cpu } } }] } })
    };
    let host = |cpu: &str, qos: &str| {
        with_context(&policy, |context| {
            let outcome = super::down(context, &tenant(&of(cpu))).unwrap();
            let mut host = outcome.translated().unwrap().object;
            host.metadata.uid = Some("host-uid".to_owned());
            host.status = object(json!({ "qosClass": qos }));
            host
        })
    };
    let resized = |host: &Pod, cpu: &str| {
        let update = with_context(&policy, |context| {
            update(context, &tenant(&of(cpu)), host).unwrap()
        });
        update
            .resize
            .map(|resize| resize.patch["spec"]["containers"][0]["resources"].clone())
    };
    let small = host("200m", "Burstable");
    assert_eq!(resized(&small, "200m"), None);
    assert_eq!(
        resized(&small, "300m"),
        Some(json!({ "requests": { "cpu": "300m" } }))
    );
    let both = |cpu: &str| json!({ "requests": { "cpu": cpu }, "limits": { "cpu": cpu } });
    assert_eq!(resized(&small, "2"), Some(both("2")));
    let large = host("2", "Burstable");
    let back = json!({ "requests": { "cpu": "200m" }, "limits": { "cpu": "500m" } });
    assert_eq!(resized(&large, "200m"), Some(back));
    // On the host its quality of service may not change.
    assert_eq!(resized(&host("2", "Guaranteed"), "200m"), Some(both("200m")));
}

fn debugging(container: &Value) -> Value {
    json!({ "spec": { "ephemeralContainers": [container] } })
}

#[test]
fn an_ephemeral_container_is_added_once() {
    let after = debugging(
        &json!({ "name": "debug", "image": "busybox", "stdin": true, "targetContainerName": "main" }),
    );
    let host = stored(&tenant(&json!({})));
    let update = update_of(&json!({}), &after);
    assert!(update.ephemeral && !update.settled);
    assert_eq!(update.patch, None);
    let patch = with_context(&TenantPolicy::default(), |context| {
        let outcome = add_ephemeral(context, &tenant(&after), &host).unwrap();
        outcome.translated().unwrap().object
    });
    let added = &patch["spec"]["ephemeralContainers"][0];
    assert_eq!(added["targetContainerName"], "main");
    assert_eq!(added["env"][0]["name"], "KUBERNETES_SERVICE_HOST");
    let host = patched(&host, &patch);
    is_silent(&after, &host);
}

#[test]
fn an_ephemeral_container_is_held_to_the_same_rules() {
    let after =
        debugging(&json!({ "name": "debug", "image": "busybox", "securityContext": { "privileged": true } }));
    let host = stored(&tenant(&json!({})));
    let denied = with_context(&TenantPolicy::default(), |context| {
        let outcome = add_ephemeral(context, &tenant(&after), &host).unwrap();
        outcome.denied().unwrap()
    });
    assert!(
        denied
            .fields
            .iter()
            .any(|denied| denied.field == "spec.ephemeralContainers[debug].securityContext.privileged"),
        "{denied}"
    );
}

#[test]
fn the_host_pod_of_a_predecessor_is_left_alone() {
    let after = json!({ "metadata": { "uid": "successor", "labels": { "app": "new" } } });
    assert_eq!(update_of(&json!({}), &after), settled());
}
