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
use std::time::Duration;

use cap::Cap;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::core::PartialObjectMeta;
use serde_json::{Value, json};
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::store::{ObjectKey, Store};
use warren_syncer::key::Key;
use warren_syncer::references::References;
use warren_syncer::stores::keep_origin;
use warren_syncer::tenant_pod::TenantPod;
use warren_syncer::verified::Verified;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const PODS: usize = 500;
/// The Pod on both sides, its token's Secret, and what is known of both, with the room that maps have to grow.
const BYTES_PER_POD: usize = 4 * 1024;

#[tokio::test(start_paused = true)]
async fn a_pod_costs_what_it_says_and_not_what_all_pods_say() {
    // What is made once a process is not a Pod's.
    let once = Kept::new();
    once.tenant(PODS + 1);
    once.host_pod(PODS + 1);
    once.secret(PODS + 1);
    once.round(PODS + 1);
    let kept = Kept::new();
    let mut sum = 0;
    let mut measure = |what: &str, fill: &dyn Fn(usize)| {
        let before = ALLOCATOR.allocated();
        (0..PODS).for_each(fill);
        let cost = (ALLOCATOR.allocated() - before) / PODS;
        println!("{what:<28} {cost:>6} bytes a Pod");
        sum += cost;
    };
    measure("tenant Pods and references", &|number| kept.tenant(number));
    measure("host Pods", &|number| kept.host_pod(number));
    measure("Secrets of tokens", &|number| kept.secret(number));
    measure("records and renewals", &|number| kept.round(number));
    assert!(sum <= BYTES_PER_POD, "{sum} bytes are kept of each Pod");
    let pod = kept
        .tenant_pods
        .get(&ObjectKey::new("shop", name(PODS / 2)))
        .unwrap();
    assert_eq!(pod.keys().len(), 4);
    assert!(kept.references.is_referenced(&token(PODS / 2)));
}

struct Kept {
    tenant_pods: Store<TenantPod>,
    references: References,
    host_pods: Store<PartialObjectMeta<Pod>>,
    secrets: Store<PartialObjectMeta<Secret>>,
    verified: Verified,
    queue: Queue<Key>,
}

impl Kept {
    fn new() -> Self {
        Self {
            tenant_pods: Store::default(),
            references: References::default(),
            host_pods: Store::default(),
            secrets: Store::default(),
            verified: Verified::default(),
            queue: Queue::new("syncer", Metrics::new()),
        }
    }

    fn tenant(&self, number: usize) {
        let volume = format!("kube-api-access-{}", random(number, 2, 5));
        let pod: TenantPod = serde_json::from_value(json!({
            "metadata": { "name": name(number), "namespace": "shop", "uid": uid(number, 4),
                "resourceVersion": (100_000 + number * 7).to_string() },
            "spec": {
                "nodeName": format!("node-{}", number % 6), "serviceAccountName": "default",
                "containers": [{ "name": "checkout", "env": [
                    { "name": "P", "valueFrom": { "secretKeyRef": { "name": "orders-login", "key": "password" } } },
                ] }],
                "volumes": [
                    { "name": "settings", "configMap": { "name": "checkout", "defaultMode": 420 } },
                    { "name": volume, "projected": { "defaultMode": 420, "sources": [
                        { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                        { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
                    ] } },
                ],
            },
        }))
        .unwrap();
        self.references.watched(&pod);
        self.tenant_pods.put(ObjectKey::new("shop", name(number)), pod);
    }

    fn host_pod(&self, number: usize) {
        let name = format!("{}-{}", name(number), random(number, 9, 18));
        let mut pod: PartialObjectMeta<Pod> =
            serde_json::from_value(json!({ "metadata": metadata(number, &name, None) })).unwrap();
        keep_origin(&mut pod.metadata);
        self.host_pods.put(ObjectKey::new("wc-ci-42-x7k2q", name), pod);
    }

    fn secret(&self, number: usize) {
        let name = format!("{}-{}", name(number), random(number, 10, 18));
        let mut secret: PartialObjectMeta<Secret> =
            serde_json::from_value(json!({ "metadata": metadata(number, &name, Some("Token")) })).unwrap();
        keep_origin(&mut secret.metadata);
        self.secrets.put(ObjectKey::new("wc-ci-42-x7k2q", name), secret);
    }

    /// What the round of its token leaves behind.
    fn round(&self, number: usize) {
        let key = token(number);
        self.verified
            .set(&key, uid(number, 4), (900_000 + number).to_string());
        self.queue.add_after(key, Duration::from_hours(1));
    }
}

fn token(number: usize) -> Key {
    let pod = warren_translate::TenantKey::new("shop", name(number));
    Key::token(pod, warren_translate::TenantUid::new(uid(number, 4)))
}

/// Of a host object that stands for the Pod or its tokens.
fn metadata(number: usize, name: &str, kind: Option<&str>) -> Value {
    let mut metadata = json!({
        "annotations": { "warren.dev/carried": "ptefc3ig6g.m7wez6s2bd.e2kisq3hvm.nms4xlrr5y", "warren.dev/origin-name": self::name(number),
            "warren.dev/origin-namespace": "shop", "warren.dev/origin-uid": uid(number, 4) },
        "creationTimestamp": "2026-11-21T12:00:00Z", "generation": 1,
        "labels": { "app.kubernetes.io/managed-by": "warren", "tenant.warren.dev/app": "checkout",
            "warren.dev/cluster": "ci-42-x7k2q", "warren.dev/tenant-namespace": "shop" },
        "name": name, "namespace": "wc-ci-42-x7k2q", "resourceVersion": (900_000 + number).to_string(), "uid": uid(number, 6),
        "ownerReferences": [{ "apiVersion": "v1", "blockOwnerDeletion": false, "controller": true, "kind": "Pod",
            "name": self::name(number), "uid": uid(number, 7) }],
    });
    if let Some(kind) = kind {
        metadata["annotations"]["warren.dev/origin-kind"] = kind.into();
        metadata["annotations"]["warren.dev/token-expiry"] =
            format!("2026-11-21T13:{:02}:07Z", number % 60).into();
    }
    metadata
}

fn name(number: usize) -> String {
    format!("checkout-6d4cf56db6-{}", random(number, 1, 5))
}

fn uid(number: usize, salt: u64) -> String {
    let parts = [8, 4, 4, 4, 12].map(|letters| random(number, salt + letters as u64, letters));
    parts.join("-")
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
