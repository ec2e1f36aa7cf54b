//! `/metrics/resource` and `/metrics/cadvisor`: what this cluster's Pods use of one node, in a kubelet's names. Pure.

use super::exposition::{Exposition, Family, Line};
use crate::usage::{ContainerSample, PodSample, Snapshot};

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        kind: "counter",
        help,
    }
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        kind: "gauge",
        help,
    }
}

const CONTAINER_CPU: Family = counter(
    "container_cpu_usage_seconds_total",
    "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
);
const CONTAINER_MEMORY: Family = gauge(
    "container_memory_working_set_bytes",
    "[STABLE] Current working set of the container in bytes",
);
const CONTAINER_START: Family = gauge(
    "container_start_time_seconds",
    "[STABLE] Start time of the container since unix epoch in seconds",
);
const NODE_CPU: Family = counter(
    "node_cpu_usage_seconds_total",
    "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
);
const NODE_MEMORY: Family = gauge(
    "node_memory_working_set_bytes",
    "[STABLE] Current working set of the node in bytes",
);
const POD_CPU: Family = counter(
    "pod_cpu_usage_seconds_total",
    "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
);
const POD_MEMORY: Family = gauge(
    "pod_memory_working_set_bytes",
    "[STABLE] Current working set of the pod in bytes",
);
const ERROR: Family = gauge(
    "resource_scrape_error",
    "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
);
const OLD_ERROR: Family = gauge(
    "scrape_error",
    "[ALPHA] (Deprecated since 1.29.0) 1 if there was an error while getting container metrics, 0 otherwise",
);
const CADVISOR_CPU: Family = counter(
    "container_cpu_usage_seconds_total",
    "Cumulative cpu time consumed in seconds.",
);
const CADVISOR_MEMORY: Family = gauge(
    "container_memory_working_set_bytes",
    "Current working set in bytes.",
);
const CADVISOR_START: Family = gauge(
    "container_start_time_seconds",
    "Start time of the container since unix epoch in seconds.",
);

/// `/metrics/resource`; without a snapshot it says that there was an error and nothing else.
pub fn resource(snapshot: Option<&Snapshot>, node: &str) -> String {
    let mut text = Exposition::default();
    if let Some(snapshot) = snapshot {
        let containers = || containers(snapshot, node);
        text.family(
            CONTAINER_CPU,
            containers().map(|(pod, one)| cpu(pod, one, labels(pod, one))),
        );
        text.family(
            CONTAINER_MEMORY,
            containers().map(|(pod, one)| memory(pod, one, labels(pod, one))),
        );
        text.family(
            CONTAINER_START,
            containers().filter_map(|(pod, one)| started(one, labels(pod, one))),
        );
        let usage = snapshot.node(node);
        let of_node = |value| Line {
            labels: Vec::new(),
            value,
            at: Some(usage.at),
        };
        text.family(NODE_CPU, [of_node(core_seconds(usage.core_nanoseconds))]);
        text.family(NODE_MEMORY, [of_node(float(usage.bytes))]);
        let of_pod = |pod, value| Line {
            labels: pod_labels(pod),
            value,
            at: Some(pod.at),
        };
        let pods = || snapshot.on(node);
        text.family(
            POD_CPU,
            pods().map(|pod| of_pod(pod, core_seconds(pod.core_nanoseconds))),
        );
        text.family(POD_MEMORY, pods().map(|pod| of_pod(pod, float(pod.bytes()))));
    }
    let error = || Line {
        value: if snapshot.is_some() { 0.0 } else { 1.0 },
        ..Line::default()
    };
    text.family(ERROR, [error()]);
    text.family(OLD_ERROR, [error()]);
    text.text()
}

/// `/metrics/cadvisor`: the same measurements as `cAdvisor` labels them, for dashboards that ask for images. What the
/// host's metrics API does not say is not there.
pub fn cadvisor(snapshot: Option<&Snapshot>, node: &str) -> String {
    let mut text = Exposition::default();
    let Some(snapshot) = snapshot else {
        return text.text();
    };
    let containers = || containers(snapshot, node);
    text.family(
        CADVISOR_CPU,
        containers().map(|(pod, one)| {
            let mut labels = with_image(pod, one);
            labels.push(("cpu", "total"));
            cpu(pod, one, labels)
        }),
    );
    text.family(
        CADVISOR_MEMORY,
        containers().map(|(pod, one)| memory(pod, one, with_image(pod, one))),
    );
    text.family(
        CADVISOR_START,
        containers().filter_map(|(pod, one)| started(one, with_image(pod, one))),
    );
    text.text()
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

fn containers<'a>(
    snapshot: &'a Snapshot,
    node: &'a str,
) -> impl Iterator<Item = (&'a PodSample, &'a ContainerSample)> {
    snapshot
        .on(node)
        .flat_map(|pod| pod.containers.iter().map(move |container| (pod, container)))
}

fn labels<'a>(pod: &'a PodSample, container: &'a ContainerSample) -> Labels<'a> {
    let mut labels = vec![("container", container.name.as_str())];
    labels.extend(pod_labels(pod));
    labels
}

fn pod_labels(pod: &PodSample) -> Labels<'_> {
    vec![("pod", pod.name.as_str()), ("namespace", pod.namespace.as_str())]
}

fn with_image<'a>(pod: &'a PodSample, container: &'a ContainerSample) -> Labels<'a> {
    let mut labels = labels(pod, container);
    labels.push(("image", container.image.as_str()));
    labels
}

fn cpu<'a>(pod: &PodSample, container: &ContainerSample, labels: Labels<'a>) -> Line<'a> {
    Line {
        labels,
        value: core_seconds(container.core_nanoseconds),
        at: Some(pod.at),
    }
}

fn memory<'a>(pod: &PodSample, container: &ContainerSample, labels: Labels<'a>) -> Line<'a> {
    Line {
        labels,
        value: float(container.bytes),
        at: Some(pod.at),
    }
}

fn started<'a>(container: &ContainerSample, labels: Labels<'a>) -> Option<Line<'a>> {
    Some(Line {
        labels,
        value: container.started?.as_duration().as_secs_f64(),
        at: None,
    })
}

fn core_seconds(core_nanoseconds: u64) -> f64 {
    float(core_nanoseconds) / 1e9
}

#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus has only floating-point numbers, as a kubelet's own metrics"
)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let at = "2026-11-21T10:01:00Z".parse().unwrap();
        let container = |name: &str| ContainerSample {
            name: name.to_owned(),
            image: "img".to_owned(),
            started: "2026-11-21T10:00:00.5Z".parse().ok(),
            nanocores: 1,
            bytes: 1024,
            core_nanoseconds: 2_500_000_000,
        };
        let pod = |name: &str, node: &str| PodSample {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            uid: "u".to_owned(),
            node: node.to_owned(),
            labels: [].into(),
            started: None,
            at,
            window: "15s".to_owned(),
            containers: vec![container("app"), container("side")],
            core_nanoseconds: 5_000_000_000,
        };
        Snapshot {
            pods: vec![pod("a", "n1"), pod("b", "n2")],
            at,
            nodes: [("n1".to_owned(), 9_000_000_000)].into(),
        }
    }

    #[test]
    fn one_nodes_pods_in_a_kubelets_names() {
        insta::assert_snapshot!(resource(Some(&snapshot()), "n1"));
        insta::assert_snapshot!(cadvisor(Some(&snapshot()), "n1"));
    }

    #[test]
    fn without_measurements_there_is_an_error_and_nothing_else() {
        let text = resource(None, "n1");
        assert!(text.contains("\nresource_scrape_error 1\n") && text.contains("\nscrape_error 1\n"));
        assert!(!text.contains("node_cpu"));
        assert_eq!(cadvisor(None, "n1"), "");
    }
}
