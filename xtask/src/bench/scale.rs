//! Many Pods at once, on nodes that kwok plays because real ones take 110 each: how soon all run, natively and in a
//! tenant, and what memory each costs the tenant's own processes.
//!
//! Everything but the nodes and their kubelets is real: both apiservers and schedulers, syncer and vkubelet.

mod bound;
mod class;
mod many;
mod nodes;

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Result;
use kube::Client;
use serde::Serialize;
use warren_devhost::Host;

pub(super) use self::{
    bound::during as bound_during,
    class::create as create_class,
    many::{end, for_nodes, pods},
    nodes::{PREFIX as NODE_PREFIX, Plan, program, start as start_nodes, wait as wait_for_nodes},
};
use super::{
    NAMESPACE, clusters,
    figures::{Spread, ratio},
    memory::{self, Resident},
    pods, settled,
};
use crate::step::step;

/// Removes the nodes and the class, also what an earlier run left.
///
/// # Errors
/// If one of them stays; the other is removed all the same.
pub(super) async fn clear(client: &Client) -> Result<()> {
    let nodes = nodes::remove(client).await;
    class::remove(client).await.and(nodes)
}

/// What was measured with many Pods.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scale {
    /// How many Pods.
    pub(super) pods: u16,
    /// Milliseconds from the first request until all run, on the host itself.
    pub(super) native_ms: u64,
    /// The same in a tenant.
    pub(super) tenant_ms: u64,
    /// Tenant to native.
    pub(super) ratio: Option<f64>,
    /// Milliseconds from a Pod's binding in the tenant until its host Pod is there.
    pub(super) bound_to_host_pod: Option<Spread>,
    /// Memory of the tenant's containers.
    pub(super) memory: BTreeMap<String, Growth>,
}

/// Memory of one container without Pods and with all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Growth {
    /// With none, at rest.
    pub(super) without_kib: u64,
    /// With all of them, at rest again.
    pub(super) with_kib: u64,
    /// Bytes that each Pod adds; negative where memory was given back meanwhile.
    pub(super) bytes_per_pod: i64,
}

impl Growth {
    /// Of two measurements.
    fn of(without: Resident, with: Resident, pods: u16) -> Self {
        let (before, after) = (without.anonymous_kib, with.anonymous_kib);
        let kib = i64::try_from(after).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX);
        Self {
            without_kib: before,
            with_kib: after,
            bytes_per_pod: kib.saturating_mul(1024) / i64::from(pods.max(1)),
        }
    }
}

/// Runs `count` Pods on the host and then in a tenant, on the same nodes; `program` is kwok.
pub(super) async fn measure(host: &Host, client: &Client, program: &Path, count: u16) -> Result<Scale> {
    let mut nodes = step(
        "nodes played by kwok",
        nodes::start(host, client, program, Plan::of(count)),
    )
    .await?;
    let measured = Box::pin(on_nodes(client, count, nodes.count()));
    let measured = tokio::select! {
        measured = measured => measured,
        ended = nodes.ended() => Err(ended),
    };
    let stopped = nodes.stop().await;
    let scale = measured?;
    stopped?;
    Ok(scale)
}

async fn on_nodes(client: &Client, count: u16, nodes: usize) -> Result<Scale> {
    let all = many::pods(count)?;
    let native = pods::api(client, NAMESPACE);
    let natively = step("all Pods on the host", Box::pin(many::run(client, &native, &all))).await?;
    step("their end", many::end(&native)).await?;

    let class = class::create(client).await?;
    let mut spec = clusters::spec(true);
    spec.class = Some(class);
    let (_, cluster) = step("a virtual cluster", clusters::create(client, "scale", spec)).await?;
    let inner = clusters::tenant(client, &cluster).await?;
    let system = clusters::system_namespace(&cluster)?;
    nodes::wait(&inner, nodes).await?;
    step("its agents to rest", settled::wait(client, system)).await?;
    let without = memory::by_container(client, system).await?;
    let tenant = pods::api(&inner, "default");
    let below = pods::api(client, &clusters::namespaces(&cluster)?.workloads);
    let all_run = Box::pin(many::run(&inner, &tenant, &all));
    let pairs = [(tenant.clone(), below)];
    let watched = Box::pin(bound_during(&pairs, all_run));
    let (inside, lags) = step("all Pods in the tenant", watched).await?;
    step("its agents to rest", settled::wait(client, system)).await?;
    let with = memory::by_container(client, system).await?;
    step("their end", many::end(&tenant)).await?;
    clusters::delete(client, &cluster).await?;

    let (native_ms, tenant_ms) = (milliseconds(natively), milliseconds(inside));
    Ok(Scale {
        pods: count,
        native_ms,
        tenant_ms,
        ratio: ratio(tenant_ms, native_ms),
        bound_to_host_pod: Spread::of(&lags),
        memory: growth(&without, &with, count),
    })
}

/// By container, from two looks at rest with so many Pods between.
pub(super) fn growth(
    without: &BTreeMap<String, Resident>,
    with: &BTreeMap<String, Resident>,
    pods: u16,
) -> BTreeMap<String, Growth> {
    let of = |container: &String, after: &Resident| {
        let before = without.get(container).copied().unwrap_or_default();
        Growth::of(before, *after, pods)
    };
    with.iter()
        .map(|(container, after)| (container.clone(), of(container, after)))
        .collect()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shared_among_the_pods() {
        let resident = |anonymous_kib| Resident {
            anonymous_kib,
            file_kib: 7,
        };
        let with = [("syncer", 15_000), ("etcd", 900)]
            .map(|(name, kib)| (name.to_owned(), resident(kib)))
            .into();
        let without = [("syncer", 10_000), ("etcd", 1000)]
            .map(|(name, kib)| (name.to_owned(), resident(kib)))
            .into();
        let growth = growth(&without, &with, 500);
        let expected = Growth {
            without_kib: 10_000,
            with_kib: 15_000,
            bytes_per_pod: 10_240,
        };
        assert_eq!(growth.get("syncer"), Some(&expected));
        assert_eq!(growth.get("etcd").unwrap().bytes_per_pod, -204);
    }
}
