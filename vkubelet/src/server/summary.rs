//! `/stats/summary`: this cluster's Pods of one node, as far as the host's metrics API measures. Pure.
//!
//! File systems, network and process numbers are not there (they are optional for readers), so
//! `only_cpu_and_memory` changes nothing.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::usage::{ContainerSample, PodSample, Snapshot};

/// A `Summary` of `stats/v1alpha1`. `since` is when the virtual Node was made.
pub fn summary(snapshot: Option<&Snapshot>, node: &str, since: Option<Timestamp>) -> Value {
    let mut of_node = Map::from_iter([
        ("nodeName".to_owned(), json!(node)),
        ("startTime".to_owned(), time(since)),
    ]);
    let mut pods = Vec::new();
    if let Some(snapshot) = snapshot {
        let usage = snapshot.node(node);
        insert(
            &mut of_node,
            usage.at,
            usage.nanocores,
            usage.core_nanoseconds,
            usage.bytes,
        );
        pods.extend(snapshot.on(node).map(pod));
    }
    json!({ "node": of_node, "pods": pods })
}

fn pod(pod: &PodSample) -> Value {
    let mut object = Map::from_iter([
        (
            "podRef".to_owned(),
            json!({ "name": pod.name, "namespace": pod.namespace, "uid": pod.uid }),
        ),
        ("startTime".to_owned(), time(pod.started)),
        (
            "containers".to_owned(),
            pod.containers.iter().map(|one| container(one, pod.at)).collect(),
        ),
    ]);
    insert(
        &mut object,
        pod.at,
        pod.nanocores(),
        pod.core_nanoseconds,
        pod.bytes(),
    );
    Value::Object(object)
}

fn container(container: &ContainerSample, at: Timestamp) -> Value {
    let mut object = Map::from_iter([
        ("name".to_owned(), json!(container.name)),
        ("startTime".to_owned(), time(container.started)),
    ]);
    insert(
        &mut object,
        at,
        container.nanocores,
        container.core_nanoseconds,
        container.bytes,
    );
    Value::Object(object)
}

fn insert(object: &mut Map<String, Value>, at: Timestamp, nanocores: u64, core_nanoseconds: u64, bytes: u64) {
    let at = time(Some(at));
    let cpu = json!({ "time": at, "usageNanoCores": nanocores, "usageCoreNanoSeconds": core_nanoseconds });
    object.insert("cpu".to_owned(), cpu);
    object.insert(
        "memory".to_owned(),
        json!({ "time": at, "workingSetBytes": bytes }),
    );
}

/// As Go writes a `metav1.Time`: seconds, or null.
fn time(at: Option<Timestamp>) -> Value {
    at.and_then(|at| Timestamp::from_second(at.as_second()).ok())
        .map_or(Value::Null, |at| json!(at.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_own_pods_with_what_they_use() {
        let at = "2026-11-21T10:01:00.7Z".parse().unwrap();
        let pod = |name: &str, node: &str| PodSample {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            uid: "u".to_owned(),
            node: node.to_owned(),
            labels: [].into(),
            started: "2026-11-21T10:00:00Z".parse().ok(),
            at,
            window: "15s".to_owned(),
            containers: vec![ContainerSample {
                name: "app".to_owned(),
                nanocores: 5,
                bytes: 7,
                core_nanoseconds: 9,
                ..ContainerSample::default()
            }],
            core_nanoseconds: 11,
        };
        let snapshot = Snapshot {
            pods: vec![pod("a", "n1"), pod("b", "n2")],
            at,
            nodes: [("n1".to_owned(), 13)].into(),
        };
        insta::assert_json_snapshot!(summary(
            Some(&snapshot),
            "n1",
            "2026-11-21T09:00:00Z".parse().ok()
        ));
    }

    #[test]
    fn without_measurements_the_node_has_a_name_and_no_pods() {
        let value = summary(None, "n1", None);
        assert_eq!(
            value,
            json!({ "node": { "nodeName": "n1", "startTime": null }, "pods": [] })
        );
    }
}
