//! Up: nothing of the host's shows, and a written status is never written again.

use proptest::prelude::*;

use super::*;
use crate::{HostName, TenantKey};

fn host_with(tenant: &Value, status: &Value) -> Value {
    let mut host = serde_json::to_value(stored(&object(tenant.clone()))).unwrap();
    host["status"] = status.clone();
    host
}

/// The tenant's Pod after the patch was applied, as an apiserver does it.
fn written(tenant: &Value, up: &StatusUp) -> Value {
    let mut tenant = tenant.clone();
    json_patch::merge(&mut tenant, &up.patch);
    tenant
}

#[test]
fn a_written_status_is_not_written_again() {
    let tenant = tenant_json(&json!({}));
    let host = host_with(
        &tenant,
        &json!({ "phase": "Running", "podIP": "10.0.0.1", "podIPs": [{ "ip": "10.0.0.1" }] }),
    );
    let first = up(&cluster(), &tenant, &host, Some(2)).unwrap();
    let tenant = written(&tenant, &first);
    assert_eq!(tenant["status"], first.status);
    assert_eq!(up(&cluster(), &tenant, &host, Some(2)), None);
    assert_eq!(up(&cluster(), &tenant, &host, None), None);
}

#[test]
fn typed_pods_give_the_same_status() {
    let tenant = tenant_json(&json!({}));
    let host = host_with(&tenant, &json!({ "phase": "Running" }));
    let typed = up_typed(&cluster(), &object(tenant.clone()), &object(host.clone()), None)
        .unwrap()
        .unwrap();
    assert_eq!(typed.status, up(&cluster(), &tenant, &host, None).unwrap().status);
}

#[test]
fn a_new_host_pod_without_status_leaves_the_tenants_pending() {
    let tenant = tenant_json(&json!({}));
    assert_eq!(
        up(&cluster(), &tenant, &host_with(&tenant, &json!({})), None),
        None
    );
    assert_eq!(
        up(
            &cluster(),
            &tenant,
            &host_with(&tenant, &json!({ "conditions": [] })),
            None
        ),
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
    assert_eq!(up(&cluster(), &tenant, &host, None), None);
}

#[test]
fn met_readiness_gates_make_the_pod_ready_at_the_later_time() {
    let gate = json!({ "type": "in-pool", "status": "True", "lastTransitionTime": "2026-11-21T12:00:09Z" });
    let ready = json!({ "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T12:00:04Z" });
    let tenant = tenant_json(&json!({
        "spec": { "readinessGates": [{ "conditionType": "in-pool" }] },
        "status": { "conditions": [gate] },
    }));
    let host = host_with(&tenant, &json!({ "phase": "Running", "conditions": [ready] }));
    let up_ = up(&cluster(), &tenant, &host, None).unwrap();
    let expected =
        json!([gate, { "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T12:00:09Z" }]);
    assert_eq!(up_.status["conditions"], expected);
    assert_eq!(up(&cluster(), &written(&tenant, &up_), &host, None), None);
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
    let first = up(&cluster(), &tenant, &host, None).unwrap();
    let mut answer = written(&tenant, &first);
    answer["status"].as_object_mut().unwrap().remove("future");
    answer["status"]["containerStatuses"][0]
        .as_object_mut()
        .unwrap()
        .remove("future");
    let mut mask = Mask::default();
    assert!(mask.learn(&first.status, &answer["status"]));
    assert!(!mask.learn(&first.status, &answer["status"]));
    assert_eq!(up_masked(&cluster(), &answer, &host, None, &mask), None);
    assert!(up(&cluster(), &answer, &host, None).is_some());
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

fn text() -> impl Strategy<Value = String> {
    let key = TenantKey::new("shop", "web");
    let host = super::super::host_name(&cluster(), &key).to_string();
    let secret =
        crate::kinds::token::secret_name(&cluster(), &key, &crate::TenantUid::new("tenant-uid")).to_string();
    let hidden = vec![
        host,
        secret,
        "wc-ci".to_owned(),
        "host-uid".to_owned(),
        "plain".to_owned(),
        "/".to_owned(),
    ];
    proptest::collection::vec(proptest::sample::select(hidden), 0..4).prop_map(|parts| parts.concat())
}

fn condition() -> impl Strategy<Value = Value> {
    let types = [
        "Ready",
        "ContainersReady",
        "Initialized",
        "PodScheduled",
        "DisruptionTarget",
    ];
    (proptest::sample::select(types.to_vec()), any::<bool>(), text()).prop_map(|(type_, status, message)| {
        json!({ "type": type_, "status": if status { "True" } else { "False" }, "message": message })
    })
}

fn status() -> impl Strategy<Value = Value> {
    let conditions = proptest::collection::btree_map("[a-e]", condition(), 0..4).prop_map(|conditions| {
        let mut unique: Vec<Value> = Vec::new();
        for condition in conditions.into_values() {
            if unique.iter().all(|known| known["type"] != condition["type"]) {
                unique.push(condition);
            }
        }
        unique
    });
    let phase = proptest::sample::select(vec!["Pending", "Running", "Failed", "Succeeded", "Unknown"]);
    (
        phase,
        text(),
        text(),
        conditions,
        proptest::option::of(text()),
        any::<bool>(),
    )
        .prop_map(|(phase, reason, message, conditions, waiting, foreign)| {
            let name = if foreign { "foreign" } else { "main" };
            let statuses = waiting.map(|message| {
                json!([{
                    "name": name, "image": "x", "imageID": "", "ready": false, "restartCount": 0,
                    "state": { "waiting": { "message": message } },
                }])
            });
            json!({
                "phase": phase, "reason": reason, "message": message, "conditions": conditions,
                "containerStatuses": statuses, "qosClass": "Guaranteed", "nominatedNodeName": "n",
                "future": [message],
            })
        })
}

proptest! {
    #[test]
    fn no_name_of_the_host_goes_up_and_one_write_is_enough(status in status()) {
        let tenant = tenant_json(&json!({}));
        let host = host_with(&tenant, &status);
        let Some(up_) = up(&cluster(), &tenant, &host, Some(1)) else { return Ok(()) };
        let sent = up_.patch.to_string();
        let host_name = HostName::of(&object::<Pod>(host.clone()).metadata).unwrap();
        for hidden in [host_name.as_str(), "wc-ci", "host-uid", "warren-workload", "nominatedNodeName", "Guaranteed"] {
            prop_assert!(!sent.contains(hidden), "{} in {}", hidden, sent);
        }
        let tenant = written(&tenant, &up_);
        prop_assert_eq!(&tenant["status"], &up_.status);
        prop_assert_eq!(up(&cluster(), &tenant, &host, Some(1)), None);
        let names = tenant["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
        prop_assert!(names.iter().all(|entry| entry["name"] == "main"));
    }
}
