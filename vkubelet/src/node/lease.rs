//! Heartbeats: the Leases of all virtual Nodes, renewed in one tick so that they never run out one by one (the
//! tenant's node lifecycle controller would evict from the first before it sees that all are late).

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, OwnerReference};
use kube::api::ObjectMeta;
use kube::{Api, Client};
use serde_json::json;
use warren_runtime::act;
use warren_runtime::log::Chain;

/// Between two ticks.
pub const TICK: Duration = Duration::from_mins(2);
/// How long a Lease is good, in seconds: several ticks, and longer than a host takes to replace a vkubelet whose node died.
const DURATION_SECONDS: i32 = 480;
/// Leases written at once.
const CONCURRENCY: usize = 16;
/// Where kubelets keep theirs.
const NAMESPACE: &str = "kube-node-lease";

/// Renews the Leases of `nodes` (name and UID in the tenant); failures are logged, the next tick tries again.
pub async fn renew(tenant: &Client, nodes: Vec<(String, String)>, now: Timestamp) {
    let api: Api<Lease> = Api::namespaced(tenant.clone(), NAMESPACE);
    futures::stream::iter(nodes)
        .for_each_concurrent(CONCURRENCY, |(name, uid)| {
            let api = api.clone();
            async move {
                if let Err(error) = renew_one(&api, lease(&name, &uid, now)).await {
                    tracing::warn!(node = name, error = %Chain(&error), "heartbeat not written");
                }
            }
        })
        .await;
}

async fn renew_one(api: &Api<Lease>, lease: Lease) -> Result<(), act::Error> {
    let name = lease.metadata.name.clone().unwrap_or_default();
    // Without name and namespace, which a patch may not change.
    let patch =
        json!({ "metadata": { "ownerReferences": lease.metadata.owner_references }, "spec": lease.spec });
    match act::merge(api, &name, &patch).await {
        Err(error) if error.is_not_found() => act::create(api, &lease).await.map(|_created| ()),
        other => other.map(|_renewed| ()),
    }
}

fn lease(name: &str, uid: &str, now: Timestamp) -> Lease {
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    };
    Lease {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(name.to_owned()),
            lease_duration_seconds: Some(DURATION_SECONDS),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        }),
    }
}

/// Name and UID of a Node, when it has both.
pub fn key(node: &Node) -> Option<(String, String)> {
    Some((node.metadata.name.clone()?, node.metadata.uid.clone()?))
}
