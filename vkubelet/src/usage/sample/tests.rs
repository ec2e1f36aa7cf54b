//! Whose measurements are seen, and what of them.

use serde_json::json;
use warren_crds::keys;
use warren_translate::{ClusterId, ClusterUid, HostNamespace};

use super::*;

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("a-12345"),
        uid: ClusterUid::new("vc"),
        workload_namespace: HostNamespace::new("wc-a"),
    }
}

fn stores(origin_uid: &str, label: &str) -> (Store<RawPod>, Store<RawPod>) {
    let (host_pods, tenant_pods) = (Store::default(), Store::default());
    let host = json!({
        "metadata": {
            "namespace": "wc-a", "name": "web-0-x", "uid": "h1", "labels": { keys::CLUSTER: label },
            "annotations": { keys::ORIGIN_NAMESPACE: "ns", keys::ORIGIN_NAME: "web-0", keys::ORIGIN_UID: origin_uid },
        },
        "spec": { "nodeName": "n1", "containers": [{ "name": "app" }, { "name": "injected" }] },
    });
    let tenant = json!({
        "metadata": { "namespace": "ns", "name": "web-0", "uid": "t1", "labels": { "app": "web" } },
        "spec": { "nodeName": "n1", "containers": [{ "name": "app" }], "initContainers": [{ "name": "side" }] },
        "status": { "startTime": "2026-11-21T10:00:00Z", "containerStatuses": [
            { "name": "app", "image": "img", "state": { "running": { "startedAt": "2026-11-21T10:00:05Z" } } },
        ] },
    });
    host_pods.put(
        ObjectKey::new("wc-a", "web-0-x"),
        serde_json::from_value(host).unwrap(),
    );
    tenant_pods.put(
        ObjectKey::new("ns", "web-0"),
        serde_json::from_value(tenant).unwrap(),
    );
    (host_pods, tenant_pods)
}

fn measured(name: &str) -> PodMetrics {
    let metrics = json!({
        "metadata": { "namespace": "wc-a", "name": name, "labels": { keys::CLUSTER: "a-12345" } },
        "timestamp": "2026-11-21T10:01:00Z", "window": "15.5s",
        "containers": [
            { "name": "app", "usage": { "cpu": "250m", "memory": "2Mi" } },
            { "name": "side", "usage": { "cpu": "1500n", "memory": "1Ki" } },
            { "name": "injected", "usage": { "cpu": "9", "memory": "9Gi" } },
        ],
    });
    serde_json::from_value(metrics).unwrap()
}

#[test]
fn own_pods_in_tenant_names_without_what_the_host_added() {
    let (host, tenant) = stores("t1", "a-12345");
    let samples = own(&cluster(), &[measured("web-0-x")], &host, &tenant);
    let [pod] = samples.as_slice() else {
        panic!("{samples:?}")
    };
    assert_eq!(
        (pod.namespace.as_str(), pod.name.as_str(), pod.uid.as_str()),
        ("ns", "web-0", "t1")
    );
    assert_eq!((pod.node.as_str(), pod.labels["app"].as_str()), ("n1", "web"));
    let names: Vec<_> = pod.containers.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["app", "side"]);
    assert_eq!(
        (pod.nanocores(), pod.bytes()),
        (250_001_500, 2 * 1024 * 1024 + 1024)
    );
    assert_eq!(pod.containers[0].image, "img");
    assert_eq!(pod.containers[0].started, "2026-11-21T10:00:05Z".parse().ok());
    assert!((pod.window_seconds() - 15.5).abs() < 1e-9);
}

#[test]
fn what_is_not_this_clusters_or_not_this_pods_is_left_out() {
    let (host, tenant) = stores("t1", "a-12345");
    assert!(own(&cluster(), &[measured("other")], &host, &tenant).is_empty());
    let mut timeless = measured("web-0-x");
    timeless.timestamp = String::new();
    assert!(own(&cluster(), &[timeless], &host, &tenant).is_empty());
    for (uid, label) in [("t0", "a-12345"), ("t1", "b-12345")] {
        let (host, tenant) = stores(uid, label);
        assert!(
            own(&cluster(), &[measured("web-0-x")], &host, &tenant).is_empty(),
            "{uid} {label}"
        );
    }
}

#[test]
fn a_node_uses_what_its_own_pods_use() {
    let (host, tenant) = stores("t1", "a-12345");
    let at: Timestamp = "2026-11-21T10:02:00Z".parse().unwrap();
    let snapshot = Snapshot {
        pods: own(&cluster(), &[measured("web-0-x")], &host, &tenant),
        at,
        nodes: [("n1".to_owned(), 7)].into(),
    };
    let busy = snapshot.node("n1");
    assert_eq!(
        (busy.nanocores, busy.core_nanoseconds, busy.window.as_str()),
        (250_001_500, 7, "15.5s")
    );
    let idle = snapshot.node("n2");
    assert_eq!(
        (idle.nanocores, idle.bytes, idle.at, idle.window.as_str()),
        (0, 0, at, "0s")
    );
}
