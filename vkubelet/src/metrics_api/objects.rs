//! `PodMetrics` and `NodeMetrics`, their lists, and refusals as `Status`. Pure.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::route::Kind;
use super::{GROUP, VERSION};
use crate::usage::{NodeSample, PodSample};

/// A `PodMetrics`. `now` is its creation: it is made when asked for.
pub fn pod(pod: &PodSample, now: Timestamp) -> Value {
    let containers: Vec<Value> = pod
        .containers
        .iter()
        .map(|container| {
            json!({ "name": container.name, "usage": usage(container.nanocores, container.bytes) })
        })
        .collect();
    json!({
        "kind": Kind::Pods.kind(),
        "apiVersion": api_version(),
        "metadata": metadata(Some(&pod.namespace), &pod.name, &pod.labels, now),
        "timestamp": seconds(pod.at),
        "window": pod.window,
        "containers": containers,
    })
}

/// A `NodeMetrics`.
pub fn node(name: &str, labels: &BTreeMap<String, String>, sample: &NodeSample, now: Timestamp) -> Value {
    json!({
        "kind": Kind::Nodes.kind(),
        "apiVersion": api_version(),
        "metadata": metadata(None, name, labels, now),
        "timestamp": seconds(sample.at),
        "window": sample.window,
        "usage": usage(sample.nanocores, sample.bytes),
    })
}

fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

fn metadata(
    namespace: Option<&str>,
    name: &str,
    labels: &BTreeMap<String, String>,
    now: Timestamp,
) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!(name));
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    metadata.insert("creationTimestamp".to_owned(), json!(seconds(now)));
    if !labels.is_empty() {
        metadata.insert("labels".to_owned(), json!(labels));
    }
    metadata
}

/// In the units that a metrics-server writes.
fn usage(nanocores: u64, bytes: u64) -> Value {
    let cpu = if nanocores == 0 {
        "0".to_owned()
    } else {
        format!("{nanocores}n")
    };
    let memory = if bytes.is_multiple_of(1024) {
        format!("{}Ki", bytes / 1024)
    } else {
        bytes.to_string()
    };
    json!({ "cpu": cpu, "memory": memory })
}

/// As Go writes a `metav1.Time`.
fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// A list; the objects come without kind, as in every list.
pub fn list(kind: Kind, mut items: Vec<Value>) -> Value {
    for item in &mut items {
        if let Value::Object(fields) = item {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
    }
    json!({
        "kind": format!("{}List", kind.kind()),
        "apiVersion": api_version(),
        "metadata": {},
        "items": items,
    })
}

/// A refusal.
pub fn status(code: StatusCode, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code.as_u16(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::ContainerSample;

    #[test]
    fn golden() {
        let at = "2026-11-21T10:01:00.7Z".parse().unwrap();
        let now = "2026-11-21T10:01:05Z".parse().unwrap();
        let sample = PodSample {
            namespace: "ns".to_owned(),
            name: "web-0".to_owned(),
            uid: "u".to_owned(),
            node: "n1".to_owned(),
            labels: [("app".to_owned(), "web".to_owned())].into(),
            started: None,
            at,
            window: "15.5s".to_owned(),
            containers: vec![ContainerSample {
                name: "app".to_owned(),
                nanocores: 250_001_500,
                bytes: 2048,
                ..ContainerSample::default()
            }],
            core_nanoseconds: 0,
        };
        let usage = NodeSample {
            nanocores: 0,
            bytes: 1025,
            core_nanoseconds: 0,
            at,
            window: "0s".to_owned(),
        };
        let node = node("n1", &[].into(), &usage, now);
        insta::assert_json_snapshot!(json!([
            pod(&sample, now),
            list(Kind::Nodes, vec![node]),
            status(StatusCode::NOT_FOUND, "NotFound", "m"),
        ]));
    }
}
