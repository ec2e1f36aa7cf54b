//! Conditions in, steps out.

use serde_json::{Value, json};

use super::*;

/// A virtual cluster `demo/ci-42` at generation 2 with these conditions: (type, status, reason, message, generation).
pub(crate) fn cluster(conditions: &[(&str, &str, &str, &str, i64)]) -> Cluster {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(type_, status, reason, message, generation)| {
            json!({
                "type": type_, "status": status, "reason": reason, "message": message,
                "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
            })
        })
        .collect();
    from_json(&json!({"conditions": conditions}), &json!({}))
}

/// A virtual cluster `demo/ci-42` with this status and these additions to its metadata.
pub(crate) fn from_json(status: &Value, metadata: &Value) -> Cluster {
    let mut object = json!({
        "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualCluster",
        "metadata": {
            "name": "ci-42", "namespace": "demo", "uid": "u-1", "generation": 2,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"class": "small", "access": {"expose": "NodePort"}},
        "status": status,
    });
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .extend(metadata.as_object().unwrap().clone());
    Cluster::new(serde_json::from_value(object).unwrap()).unwrap()
}

fn marks(cluster: &Cluster, goal: Goal) -> Vec<(String, Mark)> {
    steps(cluster, goal)
        .into_iter()
        .map(|step| (step.part, step.mark))
        .collect()
}

#[test]
fn parts_come_in_the_order_they_happen_and_the_summary_is_last() {
    let cluster = cluster(&[
        ("Ready", "Unknown", "WaitingForNodes", "", 2),
        ("Backups", "True", "Done", "", 2),
        ("DatastoreHealthy", "True", "Healthy", "", 2),
    ]);
    let parts: Vec<String> = steps(&cluster, Goal::Ready)
        .into_iter()
        .map(|step| step.part)
        .collect();
    let expected = [
        "CertificatesValid",
        "DatastoreHealthy",
        "ControlPlaneAvailable",
        "SyncHealthy",
        "NodesReady",
        "NetworkIsolated",
        "Backups",
        "Ready",
    ];
    assert_eq!(parts, expected);
}

#[test]
fn what_was_true_for_an_older_spec_is_waited_for() {
    let old = cluster(&[("Ready", "True", "Ready", "", 1)]);
    assert_eq!(marks(&old, Goal::Ready).last().unwrap().1, Mark::Waiting);
    assert!(!is_reached(&old, Goal::Ready));
    let new = cluster(&[("Ready", "True", "Ready", "", 2)]);
    assert!(is_reached(&new, Goal::Ready));
}

#[test]
fn false_is_not_the_same_as_not_yet() {
    let cluster = cluster(&[
        ("SyncHealthy", "False", "QuotaExceeded", "raise the quota", 2),
        ("NodesReady", "Unknown", "WaitingForNodes", "", 2),
    ]);
    let marks = marks(&cluster, Goal::Ready);
    assert!(marks.contains(&("SyncHealthy".to_owned(), Mark::Failed)));
    assert!(marks.contains(&("NodesReady".to_owned(), Mark::Waiting)));
    assert!(marks.contains(&("Ready".to_owned(), Mark::Unreported)));
}

#[test]
fn a_cluster_that_is_being_deleted_shows_only_that() {
    let status = json!({"conditions": [
        {"type": "Ready", "status": "True", "reason": "Ready", "message": "", "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Deleting", "status": "True", "reason": "WaitingForPods", "message": "2 Pods left", "lastTransitionTime": "2026-01-01T00:00:00Z"},
    ]});
    let cluster = from_json(
        &status,
        &json!({"deletionTimestamp": "2026-01-01T00:01:00Z", "finalizers": ["warren.dev/cleanup"]}),
    );
    let steps = steps(&cluster, Goal::Ready);
    assert_eq!(steps.len(), 1);
    assert_eq!(
        (steps[0].mark, steps[0].why().as_str()),
        (Mark::Waiting, "WaitingForPods: 2 Pods left")
    );
    assert!(!is_reached(&cluster, Goal::Ready), "it is on its way out");
}

#[test]
fn only_what_changed_is_told() {
    let before = steps(
        &cluster(&[("DatastoreHealthy", "Unknown", "Starting", "", 2)]),
        Goal::Ready,
    );
    let after = steps(
        &cluster(&[
            ("DatastoreHealthy", "True", "Healthy", "", 2),
            ("Ready", "Unknown", "Starting", "", 2),
        ]),
        Goal::Ready,
    );
    let changed: Vec<&str> = changes(&before, &after)
        .iter()
        .map(|step| step.part.as_str())
        .collect();
    assert_eq!(changed, ["DatastoreHealthy", "Ready"]);
    assert!(changes(&after, &after).is_empty());
}

#[test]
fn an_object_without_status_has_only_unreported_parts() {
    let new = from_json(&Value::Null, &json!({}));
    assert!(
        steps(&new, Goal::Ready)
            .iter()
            .all(|step| step.mark == Mark::Unreported)
    );
}

#[test]
fn the_summary_does_not_repeat_the_part_it_waits_for() {
    let cluster = cluster(&[
        (
            "DatastoreHealthy",
            "Unknown",
            "WaitingForDatastore",
            "etcd is starting",
            2,
        ),
        ("Ready", "Unknown", "WaitingForDatastore", "etcd is starting", 2),
    ]);
    let steps = steps(&cluster, Goal::Ready);
    let whys: Vec<String> = steps
        .iter()
        .map(Step::why)
        .filter(|why| !why.is_empty())
        .collect();
    assert_eq!(whys, ["WaitingForDatastore: etcd is starting"]);
}

#[test]
fn a_refusal_is_told_from_a_failure_on_the_way() {
    let refused = cluster(&[("Ready", "False", "ClassNotFound", "there is no class 'x'", 2)]);
    assert!(is_refused(&steps(&refused, Goal::Ready)));
    let broken = cluster(&[
        ("DatastoreHealthy", "False", "DatastoreFailing", "no volume", 2),
        ("Ready", "False", "DatastoreFailing", "no volume", 2),
    ]);
    assert!(!is_refused(&steps(&broken, Goal::Ready)));
    let silent = from_json(&Value::Null, &json!({}));
    assert!(!is_refused(&steps(&silent, Goal::Ready)));
}
