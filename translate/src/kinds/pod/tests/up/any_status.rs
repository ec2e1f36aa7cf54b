//! Statuses of host Pods with the host's names wherever a text can be.

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = String> {
    let key = TenantKey::new("shop", "web");
    let host = super::super::super::host_name(&cluster(), &key).to_string();
    let secret =
        crate::kinds::token::secret_name(&cluster(), &key, &crate::TenantUid::new("tenant-uid")).to_string();
    let hidden = vec![
        host,
        secret,
        "wc-ci".to_owned(),
        "host-uid".to_owned(),
        "warren-workload".to_owned(),
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
        "PodResizePending",
    ];
    let kind = proptest::sample::select(types.to_vec());
    (kind, any::<bool>(), text(), text(), 1..4_i64).prop_map(|(type_, status, reason, message, generation)| {
        json!({
            "type": type_, "status": if status { "True" } else { "False" }, "reason": reason, "message": message,
            "observedGeneration": generation, "lastTransitionTime": "2026-11-21T12:00:00Z",
        })
    })
}

/// Every place of a container's status where a text can be.
fn container(name: &'static str) -> impl Strategy<Value = Value> {
    (text(), text(), text(), text(), text()).prop_map(move |(waiting, ended, before, image, volume)| {
        let terminated = |message: &str| json!({ "terminated": { "exitCode": 1, "reason": message, "message": message, "containerID": message } });
        let state = if waiting.len() % 2 == 0 {
            json!({ "waiting": { "reason": waiting, "message": waiting } })
        } else {
            terminated(&ended)
        };
        json!({
            "name": name, "image": image, "imageID": image, "containerID": image, "ready": false, "restartCount": 0,
            "state": state, "lastState": terminated(&before),
            "volumeMounts": [{ "name": volume, "mountPath": "/v", "volumeStatus": { "image": { "imageRef": volume } } }],
            "allocatedResourcesStatus": [{ "name": "cpu", "resources": [{ "resourceID": volume, "message": volume }] }],
            "future": { "text": [volume] },
        })
    })
}

pub(super) fn status() -> impl Strategy<Value = Value> {
    let conditions = proptest::collection::vec(condition(), 0..4).prop_map(|conditions| {
        let mut unique: Vec<Value> = Vec::new();
        for condition in conditions {
            if unique.iter().all(|known| known["type"] != condition["type"]) {
                unique.push(condition);
            }
        }
        unique
    });
    let phase = proptest::sample::select(vec!["Pending", "Running", "Failed", "Succeeded", "Unknown"]);
    let containers = (
        container("main"),
        container("foreign"),
        container("init"),
        container("debug"),
    );
    (phase, text(), text(), conditions, containers, 1..4_i64).prop_map(
        |(phase, reason, message, conditions, (main, foreign, init, debug), generation)| {
            json!({
                "phase": phase, "reason": reason, "message": message, "conditions": conditions,
                "containerStatuses": [foreign, main], "initContainerStatuses": [init],
                "ephemeralContainerStatuses": [debug], "observedGeneration": generation,
                "qosClass": "Guaranteed", "nominatedNodeName": "n", "resize": message, "future": [message],
            })
        },
    )
}
