//! Properties of Pods in both directions; the cases are in `tests/cases`.

mod devices;
mod down;
mod references;
mod up;
mod update;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Value, json};

use super::*;
use crate::TenantPolicy;
use crate::note::{Outcome, Translated};
use crate::testing::merge::strategic;
use crate::testing::{cluster, object};

/// A small bound Pod, merged with `extra`.
fn tenant(extra: &Value) -> Pod {
    object(tenant_json(extra))
}

fn tenant_json(extra: &Value) -> Value {
    let mut json = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "web", "namespace": "shop", "uid": "tenant-uid", "labels": { "app": "web" } },
        "spec": { "nodeName": "node-1", "containers": [{ "name": "main", "image": "web:1" }] },
        "status": { "phase": "Pending", "qosClass": "BestEffort" },
    });
    json_patch::merge(&mut json, extra);
    json
}

fn kubernetes() -> Service {
    object(json!({
        "metadata": { "name": "kubernetes", "namespace": "default" },
        "spec": { "clusterIP": "10.96.0.1", "ports": [{ "name": "https", "port": 443 }] },
    }))
}

fn with_context<T>(policy: &TenantPolicy, use_: impl FnOnce(&PodContext<'_>) -> T) -> T {
    let (cluster, service) = (cluster(), kubernetes());
    let offered = |name: &str, amount: &str| (name.to_owned(), Quantity(amount.to_owned()));
    let allocatable = [offered("cpu", "1500m"), offered("memory", "2Gi")].into();
    use_(&PodContext {
        cluster: &cluster,
        policy,
        dns_service_ip: "10.96.0.53",
        cluster_domain: "cluster.local",
        services: &[&service],
        node_allocatable: Some(&allocatable),
        own_resources: &std::collections::BTreeSet::new(),
        anchor_uid: Some("anchor-uid"),
        isolation: None,
        placing: None,
    })
}

fn outcome(pod: &Pod) -> Outcome<Pod> {
    with_context(&TenantPolicy::default(), |context| {
        super::down(context, pod).unwrap()
    })
}

fn translated(pod: &Pod) -> Translated<Pod> {
    outcome(pod).translated().unwrap()
}

/// The host Pod as an apiserver stores it.
fn stored(pod: &Pod) -> Pod {
    let mut host = translated(pod).object;
    host.metadata.uid = Some("host-uid".to_owned());
    host.metadata.resource_version = Some("1".to_owned());
    host
}

fn denied(pod: &Pod) -> Vec<String> {
    let denied = outcome(pod)
        .denied()
        .map(|denied| denied.fields)
        .unwrap_or_default();
    denied.into_iter().map(|denied| denied.field).collect()
}
