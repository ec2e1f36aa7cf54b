//! Ends that the host brought.

use serde_json::{Value, json};

use super::*;
use crate::testing::object;

fn deleted(status: &Value) -> Value {
    json!({
        "metadata": { "deletionTimestamp": "2026-11-21T12:00:40Z", "deletionGracePeriodSeconds": 30 },
        "status": status,
    })
}

fn taken(policy: &str, tenant_metadata: &Value, status: Value) -> Value {
    let tenant: Pod =
        object(json!({ "metadata": tenant_metadata, "spec": { "containers": [], "restartPolicy": policy } }));
    let Value::Object(mut map) = status else {
        panic!("not a status")
    };
    let host = deleted(&Value::Object(map.clone()));
    taken_away(&mut map, &tenant, &host);
    Value::Object(map)
}

fn disrupted(reason: &str) -> Value {
    json!([{ "type": "DisruptionTarget", "status": "True", "reason": reason, "lastTransitionTime": "2026-11-21T12:00:09Z" }])
}

#[test]
fn the_hosts_reason_is_told_in_the_tenants_words() {
    let gone =
        |reason: &str| Taken::gone(Some(&json!({ "status": { "conditions": disrupted(reason) } }))).reason;
    assert_eq!(gone("PreemptionByScheduler"), "Preempted");
    assert_eq!(gone("EvictionByEvictionAPI"), "Evicted");
    assert_eq!(gone("DeletionByPodGC"), "NodeLost");
    assert_eq!(Taken::gone(None).reason, "Deleted");
    assert_eq!(Taken::gone(None).disruption, "DeletionByHost");
}

#[test]
fn a_deletion_began_before_its_grace() {
    let taken = Taken::of(&deleted(&json!({}))).unwrap();
    assert_eq!(taken.since.as_deref(), Some("2026-11-21T12:00:10Z"));
    assert_eq!(Taken::of(&json!({ "metadata": {} })), None);
}

#[test]
fn a_pod_that_the_host_ended_failed_and_says_why() {
    let ended = taken("Always", &json!({}), json!({ "phase": "Succeeded" }));
    assert_eq!(ended["phase"], "Failed");
    assert_eq!(ended["reason"], "Deleted");
    assert_eq!(ended["conditions"][0]["type"], "DisruptionTarget");
    assert_eq!(ended["conditions"][0]["reason"], "DeletionByHost");
    assert_eq!(
        ended["conditions"][0]["lastTransitionTime"],
        "2026-11-21T12:00:10Z"
    );
    let evicted = json!({ "phase": "Failed", "conditions": disrupted("EvictionByEvictionAPI") });
    let ended = taken("Never", &json!({}), evicted.clone());
    assert_eq!(ended["reason"], "Evicted");
    assert_eq!(ended["conditions"], evicted["conditions"]);
}

#[test]
fn what_the_kubelet_says_stays() {
    let evicted = json!({ "phase": "Failed", "reason": "Evicted", "message": "low on memory", "conditions": disrupted("TerminationByKubelet") });
    assert_eq!(taken("Always", &json!({}), evicted.clone()), evicted);
    let running = json!({ "phase": "Running" });
    assert_eq!(taken("Always", &json!({}), running.clone()), running);
}

#[test]
fn a_pod_that_ended_by_itself_or_was_deleted_is_left_alone() {
    let succeeded = json!({ "phase": "Succeeded" });
    assert_eq!(taken("Never", &json!({}), succeeded.clone()), succeeded);
    let failed = json!({ "phase": "Failed", "containerStatuses": [
        { "state": { "terminated": { "exitCode": 1, "finishedAt": "2026-11-21T12:00:09Z" } } }] });
    assert_eq!(taken("Never", &json!({}), failed.clone()), failed);
    let by_tenant = json!({ "deletionTimestamp": "2026-11-21T12:00:40Z" });
    assert_eq!(taken("Always", &by_tenant, succeeded.clone()), succeeded);
}

#[test]
fn a_pod_that_is_gone_fails_with_containers_that_nobody_can_locate() {
    let tenant = json!({
        "metadata": { "uid": "u", "resourceVersion": "7", "generation": 2 },
        "status": {
            "phase": "Running",
            "conditions": [
                { "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T12:00:00Z" },
                { "type": "PodScheduled", "status": "True" },
            ],
            "containerStatuses": [
                { "name": "a", "ready": true, "started": true, "containerID": "c://1", "restartCount": 0,
                  "state": { "running": { "startedAt": "2026-11-21T12:00:00Z" } } },
                { "name": "b", "ready": false, "state": { "terminated": { "exitCode": 0 } } },
            ],
        },
    });
    let taken = Taken::gone(None);
    let failure = Failure {
        reason: taken.reason,
        message: taken.message,
        taken: Some(&taken),
    };
    let patch = failed(&tenant, &failure, "2026-11-21T12:01:00Z").unwrap();
    assert_eq!(patch["metadata"], json!({ "uid": "u", "resourceVersion": "7" }));
    let status = &patch["status"];
    assert_eq!(status["phase"], "Failed");
    assert_eq!(status["observedGeneration"], 2);
    assert_eq!(
        status["conditions"],
        json!([
            { "type": "Ready", "status": "False", "reason": "PodFailed", "lastTransitionTime": "2026-11-21T12:01:00Z" },
            { "type": "DisruptionTarget", "status": "True", "reason": "DeletionByHost",
              "message": "The Pod was deleted from its machine", "lastTransitionTime": "2026-11-21T12:01:00Z" },
        ])
    );
    assert_eq!(
        status["containerStatuses"][0]["state"]["terminated"]["exitCode"],
        137
    );
    assert_eq!(status["containerStatuses"][0]["ready"], false);
    assert_eq!(
        status["containerStatuses"][1],
        tenant["status"]["containerStatuses"][1]
    );
}

#[test]
fn a_refusal_is_no_disruption_and_an_end_is_final() {
    let failure = Failure {
        reason: "OutOfcpu",
        message: "Pod was rejected: Node didn't have enough resource: cpu",
        taken: None,
    };
    let patch = failed(
        &json!({ "metadata": { "uid": "u" } }),
        &failure,
        "2026-11-21T12:01:00Z",
    )
    .unwrap();
    assert_eq!(
        patch["status"],
        json!({ "phase": "Failed", "reason": "OutOfcpu", "message": failure.message })
    );
    let ended = json!({ "status": { "phase": "Succeeded" } });
    assert_eq!(failed(&ended, &failure, "2026-11-21T12:01:00Z"), None);
}
