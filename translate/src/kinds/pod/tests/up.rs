//! Up: nothing of the host's shows, and a written status is never written again.

mod any_status;
mod gates;

use proptest::prelude::*;

use super::*;
use crate::{HostName, TenantKey};
use any_status::status;

fn host_with(tenant: &Value, status: &Value) -> Value {
    let mut host = serde_json::to_value(stored(&object(tenant.clone()))).unwrap();
    host["status"] = status.clone();
    host
}

/// What is known besides both Pods.
#[derive(Clone)]
struct Known {
    generations: Generations,
    settled: bool,
    own: Vec<OwnCondition>,
    mask: Mask,
    now: &'static str,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            generations: Generations::default(),
            settled: true,
            own: Vec::new(),
            mask: Mask::default(),
            now: "2026-11-21T13:00:00Z",
        }
    }
}

fn up_with(tenant: &Value, host: &Value, known: &Known) -> Option<StatusUp> {
    let cluster = cluster();
    super::super::up(Up {
        cluster: &cluster,
        tenant,
        host,
        generations: &known.generations,
        settled: known.settled,
        own: &known.own,
        mask: &known.mask,
        now: known.now,
    })
}

fn up(tenant: &Value, host: &Value) -> Option<StatusUp> {
    up_with(tenant, host, &Known::default())
}

/// The tenant's Pod after the patch was applied, as an apiserver does it.
fn written(tenant: &Value, up: &StatusUp) -> Value {
    let mut tenant = tenant.clone();
    strategic(&mut tenant, &up.patch);
    tenant
}

/// A status with its conditions by type: an apiserver stores new ones first.
fn in_order(status: &Value) -> Value {
    let mut status = status.clone();
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.sort_by_key(|condition| condition["type"].to_string());
    }
    status
}

fn generations(pairs: &[(i64, i64)]) -> Known {
    let mut known = Known::default();
    for (host, tenant) in pairs {
        known.generations.settled(*host, *tenant);
    }
    known
}

fn denied_for(why: &str) -> Known {
    Known {
        own: vec![OwnCondition::denied(why)],
        ..Known::default()
    }
}

#[test]
fn a_written_status_is_not_written_again() {
    let tenant = tenant_json(&json!({}));
    let host = host_with(
        &tenant,
        &json!({ "phase": "Running", "podIP": "10.0.0.1", "podIPs": [{ "ip": "10.0.0.1" }] }),
    );
    let first = up(&tenant, &host).unwrap();
    let tenant = written(&tenant, &first);
    assert_eq!(tenant["status"], first.status);
    assert_eq!(up(&tenant, &host), None);
}

#[test]
fn a_new_host_pod_without_status_leaves_the_tenants_pending() {
    let tenant = tenant_json(&json!({}));
    assert_eq!(up(&tenant, &host_with(&tenant, &json!({}))), None);
    assert_eq!(
        up(&tenant, &host_with(&tenant, &json!({ "conditions": [] }))),
        None
    );
}

#[test]
fn conditions_in_another_order_are_no_change() {
    let ready = json!({ "type": "Ready", "status": "False" });
    let initialized = json!({ "type": "Initialized", "status": "True" });
    let tenant = tenant_json(&json!({ "status": { "conditions": [ready, initialized] } }));
    let host = host_with(
        &tenant,
        &json!({ "phase": "Pending", "conditions": [initialized, ready] }),
    );
    assert_eq!(up(&tenant, &host), None);
}

#[test]
fn what_an_older_tenant_drops_is_sent_once() {
    let tenant = tenant_json(&json!({}));
    let host = host_with(
        &tenant,
        &json!({
            "phase": "Running",
            "future": { "a": 1 },
            "containerStatuses": [{ "name": "main", "image": "x", "imageID": "", "ready": true, "restartCount": 0, "future": 1 }],
        }),
    );
    let first = up(&tenant, &host).unwrap();
    let mut answer = written(&tenant, &first);
    answer["status"].as_object_mut().unwrap().remove("future");
    answer["status"]["containerStatuses"][0]
        .as_object_mut()
        .unwrap()
        .remove("future");
    let mut mask = Mask::default();
    assert!(mask.learn(&first.status, &answer["status"]));
    assert!(!mask.learn(&first.status, &answer["status"]));
    let known = Known {
        mask,
        ..Known::default()
    };
    assert_eq!(up_with(&answer, &host, &known), None);
    assert!(up(&answer, &host).is_some());
}

#[test]
fn messages_speak_of_the_tenants_names() {
    let key = TenantKey::new("shop", "web");
    let host = super::super::host_name(&cluster(), &key);
    let text = format!("pods \"{host}\" is forbidden in wc-ci");
    assert_eq!(
        scrub(&cluster(), &key, &host, &text),
        "pods \"web\" is forbidden in shop"
    );
}

#[test]
fn messages_about_a_pod_also_speak_of_what_it_names() {
    let tenant = tenant(&json!({ "spec": { "imagePullSecrets": [{ "name": "registry" }] } }));
    let host = stored(&tenant);
    let name = host.spec.as_ref().unwrap().image_pull_secrets.as_ref().unwrap()[0]
        .name
        .clone();
    let text = format!("secret \"{name}\" of host-uid in wc-ci");
    assert_eq!(
        scrub_pod(&cluster(), &tenant, &host, &text),
        "secret \"registry\" of tenant-uid in shop"
    );
}

#[test]
fn generations_are_the_tenants() {
    let resize = |generation: i64| json!({ "type": "PodResizePending", "status": "True", "observedGeneration": generation });
    let ready = json!({ "type": "Ready", "status": "True", "observedGeneration": 4 });
    let tenant = tenant_json(&json!({ "status": {
        "observedGeneration": 1,
        "conditions": [{ "type": "PodScheduled", "status": "True", "reason": "Kept", "observedGeneration": 1 }],
    } }));
    let scheduled = json!({ "type": "PodScheduled", "status": "True", "observedGeneration": 4 });
    let host = host_with(
        &tenant,
        &json!({ "phase": "Running", "observedGeneration": 4, "conditions": [scheduled, ready, resize(3)] }),
    );
    let known = generations(&[(1, 1), (3, 5), (4, 7)]);
    let up_ = up_with(&tenant, &host, &known).unwrap();
    assert_eq!(up_.status["observedGeneration"], 7);
    assert_eq!(
        up_.status["conditions"],
        json!([
            { "type": "PodScheduled", "status": "True", "reason": "Kept", "observedGeneration": 7 },
            { "type": "Ready", "status": "True", "observedGeneration": 7 },
            { "type": "PodResizePending", "status": "True", "observedGeneration": 5 },
        ])
    );
    // Another process knows nothing yet: what is written stays, since an apiserver would not let it go either.
    let tenant = written(&tenant, &up_);
    assert_eq!(up(&tenant, &host), None);
}

#[test]
fn the_limit_of_the_pod_that_a_runtime_tells_of_a_container_is_seen_unless_the_host_set_it() {
    let limited = json!({ "limits": { "memory": "256Mi" } });
    let told = json!([{ "name": "main", "image": "web:1", "imageID": "x", "ready": true, "restartCount": 0,
        "resources": limited }]);
    let running = json!({ "phase": "Running", "containerStatuses": told });
    let containers = json!([{ "name": "main", "image": "web:1" }]);
    let by_tenant = tenant_json(&json!({ "spec": { "resources": limited, "containers": containers } }));
    let mut host = host_with(&by_tenant, &running);
    host["spec"]["resources"] = limited.clone();
    let status = up(&by_tenant, &host).unwrap().status;
    assert_eq!(status["containerStatuses"][0]["resources"], limited);

    let by_host = tenant_json(&json!({ "spec": { "containers": containers } }));
    let mut host = host_with(&by_host, &running);
    host["spec"]["resources"] = limited.clone();
    let status = up(&by_host, &host).unwrap().status;
    assert_eq!(status["containerStatuses"][0].get("resources"), Some(&json!({})));
}

#[test]
fn what_the_hosts_admission_added_is_not_seen() {
    let asked = json!({ "requests": { "cpu": "100m" } });
    let tenant = tenant_json(&json!({ "spec": { "containers": [
        { "name": "main", "image": "web:1", "resources": asked, "volumeMounts": [{ "name": "v", "mountPath": "/v" }] }],
        "volumes": [{ "name": "v", "emptyDir": {} }] } }));
    let mut host = host_with(
        &tenant,
        &json!({
            "phase": "Running",
            "allocatedResources": { "cpu": "400m" },
            "conditions": [
                { "type": "ContainersReady", "status": "False", "reason": "ContainersNotReady",
                  "message": "containers with unready status: [injected]" },
            ],
            "containerStatuses": [
                { "name": "injected", "image": "x", "imageID": "x", "ready": false, "restartCount": 0 },
                {
                    "name": "main", "image": "web:1", "imageID": "x", "ready": true, "restartCount": 0,
                    "allocatedResources": { "cpu": "200m", "memory": "1Gi" },
                    "resources": { "requests": { "cpu": "200m", "memory": "1Gi" }, "limits": { "memory": "1Gi" } },
                    "volumeMounts": [{ "name": "v", "mountPath": "/v" }, { "name": "w", "mountPath": "/w" }],
                },
            ],
        }),
    );
    let on_host = json!({ "requests": { "cpu": "200m", "memory": "1Gi" }, "limits": { "memory": "1Gi" } });
    host["spec"]["containers"][0]["resources"] = on_host;
    host["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "injected" }));
    let status = up(&tenant, &host).unwrap().status;
    assert_eq!(status.get("allocatedResources"), None);
    assert_eq!(status["conditions"][0].get("message"), None);
    assert_eq!(status["containerStatuses"].as_array().unwrap().len(), 1);
    let main = &status["containerStatuses"][0];
    assert_eq!(main["resources"], asked);
    assert_eq!(main["allocatedResources"], json!({ "cpu": "100m" }));
    assert_eq!(main["volumeMounts"], json!([{ "name": "v", "mountPath": "/v" }]));
    // A resize that is under way shows what runs.
    host["status"]["containerStatuses"][1]["resources"]["requests"]["cpu"] = json!("150m");
    let status = up(&tenant, &host).unwrap().status;
    assert_eq!(
        status["containerStatuses"][0]["resources"],
        json!({ "requests": { "cpu": "150m" } })
    );
    // And one that has not reached the host: what the host has.
    let open = Known {
        settled: false,
        ..Known::default()
    };
    let status = up_with(&tenant, &host, &open).unwrap().status;
    assert_eq!(
        status["containerStatuses"][0]["allocatedResources"],
        json!({ "cpu": "200m" })
    );
}

#[test]
fn devices_in_another_order_are_no_change_but_their_health_is() {
    let asked = json!({ "requests": { "example.com/gpu": "2", "example.com/nic": "1" } });
    let containers = json!([{ "name": "main", "image": "web:1", "resources": asked }]);
    let tenant = tenant_json(&json!({ "spec": { "containers": containers } }));
    let gpu = |id: &str, health: &str| json!({ "resourceID": id, "health": health });
    let nic = json!({ "name": "example.com/nic", "resources": [gpu("n", "Healthy")] });
    let host = |devices: &Value| {
        let held = json!([{ "name": "main", "image": "web:1", "imageID": "x", "ready": true, "restartCount": 0,
            "allocatedResourcesStatus": devices }]);
        host_with(&tenant, &json!({ "phase": "Running", "containerStatuses": held }))
    };
    let gpus = |list: &Value| json!({ "name": "example.com/gpu", "resources": list });
    let both = gpus(&json!([gpu("a", "Healthy"), gpu("b", "Healthy")]));
    let first = up(&tenant, &host(&json!([both, nic]))).unwrap();
    let tenant = written(&tenant, &first);
    let turned = gpus(&json!([gpu("b", "Healthy"), gpu("a", "Healthy")]));
    assert_eq!(up(&tenant, &host(&json!([nic, turned]))), None);

    let ill = gpus(&json!([gpu("b", "Unhealthy"), gpu("a", "Healthy")]));
    let status = up(&tenant, &host(&json!([nic, ill]))).unwrap().status;
    assert_eq!(
        status["containerStatuses"][0]["allocatedResourcesStatus"][0]["resources"],
        json!([gpu("a", "Healthy"), gpu("b", "Unhealthy")])
    );
}

#[test]
fn warrens_own_condition_comes_once_and_goes() {
    let tenant = tenant_json(&json!({}));
    let host = host_with(&tenant, &json!({ "phase": "Running" }));
    let mut known = denied_for("`spec.x` is not allowed");
    let told = up_with(&tenant, &host, &known).unwrap();
    assert_eq!(
        told.status["conditions"],
        json!([{ "type": "warren.dev/Synced", "status": "False", "reason": "Denied",
            "message": "`spec.x` is not allowed", "lastTransitionTime": "2026-11-21T13:00:00Z" }])
    );
    let tenant = written(&tenant, &told);
    known.now = "2026-11-21T14:00:00Z";
    assert_eq!(up_with(&tenant, &host, &known), None);
    let gone = up(&tenant, &host).unwrap();
    assert_eq!(
        gone.patch["status"]["conditions"],
        json!([{ "$patch": "delete", "type": "warren.dev/Synced" }])
    );
}

#[test]
fn a_pod_without_a_host_pod_is_told_once() {
    let tenant =
        tenant_json(&json!({ "status": { "conditions": [{ "type": "PodScheduled", "status": "True" }] } }));
    let own = [OwnCondition::denied("why")];
    let patch = tell(&tenant, &own, "2026-11-21T13:00:00Z").unwrap();
    assert_eq!(patch["metadata"], json!({ "uid": "tenant-uid" }));
    let mut told = tenant;
    strategic(&mut told, &patch);
    assert_eq!(told["status"]["conditions"].as_array().unwrap().len(), 2);
    assert_eq!(tell(&told, &own, "2026-11-21T14:00:00Z"), None);
}

#[test]
fn a_pod_that_the_host_takes_away_is_out_of_service_and_then_failed() {
    let ready = json!({ "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T12:00:00Z" });
    let tenant = tenant_json(&json!({ "status": { "phase": "Running", "conditions": [ready] } }));
    let mut host = host_with(&tenant, &json!({ "phase": "Running", "conditions": [ready] }));
    host["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:40Z");
    host["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    let up_ = up(&tenant, &host).unwrap();
    assert_eq!(
        up_.status["conditions"],
        json!([{ "type": "Ready", "status": "False", "reason": "Deleted",
            "message": "The Pod was deleted from its machine", "lastTransitionTime": "2026-11-21T12:00:10Z" }])
    );
    let tenant = written(&tenant, &up_);
    assert_eq!(up(&tenant, &host), None);
    host["status"] = json!({ "phase": "Succeeded", "conditions": [
        { "type": "Ready", "status": "False", "reason": "PodCompleted", "lastTransitionTime": "2026-11-21T12:00:12Z" }] });
    let ended = up(&tenant, &host).unwrap();
    assert_eq!(ended.status["phase"], "Failed");
    assert_eq!(ended.status["reason"], "Deleted");
    assert_eq!(ended.status["conditions"][1]["type"], "DisruptionTarget");
    assert_eq!(up(&written(&tenant, &ended), &host), None);
}

#[test]
fn an_end_stays_and_what_belongs_to_it_still_comes() {
    let ended = json!({ "phase": "Succeeded", "conditions": [
        { "type": "PodReadyToStartContainers", "status": "True" }] });
    let tenant = tenant_json(&json!({ "status": ended }));
    let later = json!({ "phase": "Succeeded", "reason": "Other", "conditions": [
        { "type": "PodReadyToStartContainers", "status": "False" }] });
    let up_ = up(&tenant, &host_with(&tenant, &later)).unwrap();
    assert_eq!(
        up_.patch["status"],
        json!({ "conditions": [{ "type": "PodReadyToStartContainers", "status": "False" }] })
    );
    for phase in ["Failed", "Running"] {
        assert_eq!(up(&tenant, &host_with(&tenant, &json!({ "phase": phase }))), None);
    }
}

proptest! {
    #[test]
    fn no_name_of_the_host_goes_up_and_one_write_is_enough(
        status in status(), settled in any::<bool>(), leaving in any::<bool>(), denied in proptest::option::of("[a-z]{1,8}"),
    ) {
        let tenant = tenant_json(&json!({ "spec": {
            "containers": [{ "name": "main", "image": "web:1", "volumeMounts": [{ "name": "v", "mountPath": "/v" }],
                "resources": { "requests": { "cpu": "1" } } }],
            "initContainers": [{ "name": "init", "image": "i" }],
            "ephemeralContainers": [{ "name": "debug", "image": "d" }],
            "volumes": [{ "name": "v", "emptyDir": {} }],
        } }));
        let mut host = host_with(&tenant, &status);
        if leaving {
            host["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:40Z");
        }
        let mut known = generations(&[(1, 1), (2, 4)]);
        known.settled = settled;
        known.own = denied.map(OwnCondition::denied).into_iter().collect();
        let Some(up_) = up_with(&tenant, &host, &known) else { return Ok(()) };
        let sent = up_.patch.to_string();
        let host_name = HostName::of(&object::<Pod>(host.clone()).metadata).unwrap();
        for hidden in [host_name.as_str(), "wc-ci", "host-uid", "warren-workload", "nominatedNodeName", "Guaranteed"] {
            prop_assert!(!sent.contains(hidden), "{} in {}", hidden, sent);
        }
        let tenant = written(&tenant, &up_);
        prop_assert_eq!(in_order(&tenant["status"]), in_order(&up_.status));
        prop_assert_eq!(up_with(&tenant, &host, &known), None);
        let names = tenant["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
        prop_assert!(names.iter().all(|entry| entry["name"] == "main"));
    }

    /// What the tenant reads is what the kubelet said, but for what is the tenant's own.
    #[test]
    fn up_of_down_keeps_the_status(status in status()) {
        let tenant = tenant_json(&json!({}));
        let host = host_with(&tenant, &status);
        let Some(up_) = up(&tenant, &host) else { return Ok(()) };
        prop_assert_eq!(&up_.status["phase"], &status["phase"]);
        let plain = |text: &Value| !["wc-ci", "host-uid", "warren-workload", "web-"].iter().any(|name| text.to_string().contains(name));
        for field in ["reason", "message", "resize", "future"] {
            if plain(&status[field]) {
                prop_assert_eq!(&up_.status[field], &status[field]);
            }
        }
        let main = &up_.status["containerStatuses"][0];
        for field in ["restartCount", "ready", "state", "lastState"] {
            let said = &status["containerStatuses"][1][field];
            if plain(said) {
                prop_assert_eq!(&main[field], said);
            }
        }
        prop_assert_eq!(&up_.status["qosClass"], &tenant["status"]["qosClass"]);
    }
}
