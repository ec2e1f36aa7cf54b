//! What a Pod costs in memory: bytes that are kept of it, counted and not timed.
//!
//! One test only: the allocator counts for the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and shows what it measures"
)]

use std::alloc::System;

use cap::Cap;
use k8s_openapi::api::core::v1::{Pod, Service};
use serde_json::{Value, json};
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::kinds::pod::{PodContext, down};
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, Outcome, TenantPolicy};
use warren_vkubelet::pods::memory::{Attempt, Memories};
use warren_vkubelet::raw_pod::RawPod;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const PODS: usize = 500;
/// Both sides of a Pod and what is remembered of it, with the room that maps have to grow.
const BYTES_PER_POD: usize = 3_500;

#[test]
fn a_pod_costs_what_it_says_and_not_what_all_pods_say() {
    // What is made once a process is not a Pod's.
    fill(&Kept::default(), PODS + 1);
    let kept = Kept::default();
    let mut sum = 0;
    let mut live = ALLOCATOR.allocated();
    let mut report = |what: &str| {
        let now = ALLOCATOR.allocated();
        println!("{what:<12} {:>6} bytes a Pod", (now - live) / PODS);
        sum += (now - live) / PODS;
        live = now;
    };
    for number in 0..PODS {
        let (key, pod) = tenant(number);
        kept.tenant.put(key, read(pod));
    }
    report("tenant Pods");
    for number in 0..PODS {
        let (key, pod) = host(number);
        kept.host.put(key, read(pod));
    }
    report("host Pods");
    for number in 0..PODS {
        remember(&kept.memories, number);
    }
    report("memories");
    let text = |(_, pod): (ObjectKey, Value)| pod.to_string().len();
    println!("as JSON: {} and {} bytes", text(tenant(1)), text(host(1)));
    assert!(sum <= BYTES_PER_POD, "{sum} bytes are kept of each Pod");
    let (key, pod) = host(PODS / 2);
    assert_eq!(kept.host.get(&key).unwrap().value().unwrap(), pod);
}

#[derive(Default)]
struct Kept {
    tenant: Store<RawPod>,
    host: Store<RawPod>,
    memories: Memories,
}

fn fill(kept: &Kept, number: usize) {
    let (key, pod) = tenant(number);
    kept.tenant.put(key, read(pod));
    let (key, pod) = host(number);
    kept.host.put(key, read(pod));
    remember(&kept.memories, number);
}

fn remember(memories: &Memories, number: usize) {
    let (key, pod) = tenant(number);
    memories.change(&key, pod["metadata"]["uid"].as_str().unwrap(), |memory| {
        memory.attempt = Attempt::Created;
        memory.generations.settled(1, 1);
    });
}

/// As a watch does.
fn read(pod: Value) -> RawPod {
    serde_json::from_value(pod).unwrap()
}

/// What is different in each Pod, as random as what an apiserver makes.
fn random(number: usize, salt: u64, letters: usize) -> String {
    let mut state = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from_digit(u32::try_from(state % 16).unwrap(), 16).unwrap()
    };
    (0..letters).map(|_| letter()).collect()
}

fn uid(number: usize, salt: u64) -> String {
    let parts = [8, 4, 4, 4, 12].map(|letters| random(number, salt + letters as u64, letters));
    parts.join("-")
}

fn tenant(number: usize) -> (ObjectKey, Value) {
    let name = format!("checkout-6d4cf56db6-{}", random(number, 1, 5));
    let volume = format!("kube-api-access-{}", random(number, 2, 5));
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "annotations": { "warren.dev/started": format!("2026-11-21T12:{:02}:00.123456789Z", number % 60),
                "prometheus.io/scrape": "true", "prometheus.io/port": "8080" },
            "creationTimestamp": "2026-11-21T12:00:00Z", "generateName": "checkout-6d4cf56db6-", "generation": 1,
            "labels": { "app.kubernetes.io/name": "checkout", "app.kubernetes.io/part-of": "shop",
                "pod-template-hash": "6d4cf56db6" },
            "name": name, "namespace": "shop",
            "ownerReferences": [{ "apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true,
                "kind": "ReplicaSet", "name": "checkout-6d4cf56db6", "uid": uid(0, 3) }],
            "resourceVersion": (100_000 + number * 7).to_string(), "uid": uid(number, 4),
        },
        "spec": {
            "containers": [{
                "name": "checkout", "image": "registry.example.com/shop/checkout:1.14.2",
                "imagePullPolicy": "IfNotPresent",
                "env": [
                    { "name": "DATABASE_URL", "value": "postgres://orders.shop.svc:5432/orders?sslmode=verify-full" },
                    { "name": "PASSWORD", "valueFrom": { "secretKeyRef": { "name": "orders-login", "key": "password" } } },
                    { "name": "POD_NAME", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.name" } } },
                    { "name": "LOG_LEVEL", "value": "info" },
                ],
                "ports": [{ "containerPort": 8080, "name": "http", "protocol": "TCP" }],
                "readinessProbe": { "failureThreshold": 3, "httpGet": { "path": "/readyz", "port": "http", "scheme": "HTTP" },
                    "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1 },
                "resources": { "limits": { "memory": "256Mi" }, "requests": { "cpu": "50m", "memory": "128Mi" } },
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "volumeMounts": [
                    { "mountPath": "/etc/checkout", "name": "settings" },
                    { "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": volume, "readOnly": true },
                ],
            }],
            "dnsPolicy": "ClusterFirst", "enableServiceLinks": true, "nodeName": format!("node-{}", number % 6),
            "preemptionPolicy": "PreemptLowerPriority", "priority": 0, "restartPolicy": "Always",
            "schedulerName": "default-scheduler", "securityContext": {}, "serviceAccount": "default",
            "serviceAccountName": "default", "terminationGracePeriodSeconds": 30,
            "tolerations": [
                { "effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300 },
                { "effect": "NoExecute", "key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300 },
            ],
            "volumes": [
                { "name": "settings", "configMap": { "name": "checkout", "defaultMode": 420 } },
                { "name": volume, "projected": { "defaultMode": 420, "sources": [
                    { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                    { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
                    { "downwardAPI": { "items": [{ "path": "namespace",
                        "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } }] } },
                ] } },
            ],
        },
    });
    pod["status"] = status(number, &volume);
    (ObjectKey::new("shop", name), pod)
}

/// The host Pod as Warren translates it, with what the host fills in.
fn host(number: usize) -> (ObjectKey, Value) {
    let (_, tenant) = tenant(number);
    let cluster = Cluster {
        id: ClusterId::new("ci-42-x7k2q"),
        uid: ClusterUid::new("vc"),
        workload_namespace: HostNamespace::new("wc-ci-42-x7k2q"),
    };
    let kubernetes: Service = serde_json::from_value(json!({
        "metadata": { "namespace": "default", "name": "kubernetes" },
        "spec": { "clusterIP": "10.96.0.1", "ports": [{ "name": "https", "port": 443 }] },
    }))
    .unwrap();
    let anchor = uid(0, 5);
    let context = PodContext {
        cluster: &cluster,
        policy: &TenantPolicy::default(),
        dns_service_ip: "10.96.0.53",
        cluster_domain: "cluster.local",
        services: &[&kubernetes],
        node_allocatable: None,
        own_resources: &std::collections::BTreeSet::new(),
        anchor_uid: Some(&anchor),
        isolation: None,
        placing: None,
    };
    let typed: Pod = serde_json::from_value(tenant.clone()).unwrap();
    let Outcome::Translated(translated) = down(&context, &typed).unwrap() else {
        panic!("denied")
    };
    let mut pod = serde_json::to_value(translated.object).unwrap();
    let metadata = &mut pod["metadata"];
    metadata["uid"] = uid(number, 6).into();
    metadata["resourceVersion"] = (900_000 + number * 7).to_string().into();
    metadata["creationTimestamp"] = "2026-11-21T12:00:00Z".into();
    metadata["generation"] = 1.into();
    let name = metadata["name"].as_str().unwrap().to_owned();
    let spec = &mut pod["spec"];
    spec["nodeName"] = tenant["spec"]["nodeName"].clone();
    spec["serviceAccount"] = spec["serviceAccountName"].clone();
    for (field, value) in [
        ("preemptionPolicy", "PreemptLowerPriority"),
        ("schedulerName", "default-scheduler"),
    ] {
        spec[field] = value.into();
    }
    let volume = tenant["spec"]["volumes"][1]["name"].as_str().unwrap();
    pod["status"] = status(number, volume);
    (ObjectKey::new("wc-ci-42-x7k2q", name), pod)
}

/// As a kubelet writes it.
fn status(number: usize, volume: &str) -> Value {
    let time = format!("2026-11-21T12:{:02}:{:02}Z", number % 60, number % 59);
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map(|kind| {
        json!({ "lastProbeTime": null, "lastTransitionTime": time, "observedGeneration": 1, "status": "True", "type": kind })
    });
    let address = format!("10.244.{}.{}", number % 6, number % 250);
    json!({
        "conditions": conditions,
        "containerStatuses": [{
            "allocatedResources": { "cpu": "50m", "memory": "128Mi" },
            "containerID": format!("containerd://{}", random(number, 7, 64)),
            "image": "registry.example.com/shop/checkout:1.14.2",
            "imageID": format!("registry.example.com/shop/checkout@sha256:{}", random(0, 8, 64)),
            "lastState": {}, "name": "checkout", "ready": true,
            "resources": { "limits": { "memory": "256Mi" }, "requests": { "cpu": "50m", "memory": "128Mi" } },
            "restartCount": 0, "started": true, "state": { "running": { "startedAt": time } },
            "user": { "linux": { "gid": 0, "supplementalGroups": [0], "uid": 0 } },
            "volumeMounts": [
                { "mountPath": "/etc/checkout", "name": "settings" },
                { "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": volume, "readOnly": true,
                    "recursiveReadOnly": "Disabled" },
            ],
        }],
        "hostIP": "10.0.0.17", "hostIPs": [{ "ip": "10.0.0.17" }], "observedGeneration": 1, "phase": "Running",
        "podIP": address, "podIPs": [{ "ip": address }], "qosClass": "Burstable", "startTime": time,
    })
}
