//! What a tenant costs by itself: how soon it is Ready, what it holds and asks at rest, and what it adds to a Pod's start.

use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::Client;
use tokio::time::sleep;
use warren_crds::VirtualCluster;

use super::{
    NAMESPACE, REST, clusters,
    figures::Spread,
    memory, pods,
    report::{Base, Create, Requests, Sides},
    requests,
};
use crate::step::step;

/// Measures with so many virtual clusters of each kind, and so many Pods on each side.
pub(super) async fn measure(client: &Client, count: u8, pods_each: u8) -> Result<Base> {
    let without = step("host API without a tenant, 30 s", requests::rates(client, REST)).await?;
    let (ephemeral, last) = step(
        "virtual clusters in memory",
        Box::pin(create(client, count, true)),
    )
    .await?;
    clusters::delete(client, &last).await?;
    let (volume, tenant) = step(
        "virtual clusters with a volume",
        Box::pin(create(client, count, false)),
    )
    .await?;

    let system = clusters::system_namespace(&tenant)?;
    let memory = step("memory of an idle tenant, after 30 s", async {
        sleep(REST).await;
        memory::by_container(client, system).await
    })
    .await?;
    let with = step(
        "host API with an idle tenant, 30 s",
        requests::rates(client, REST),
    )
    .await?;

    let inner = clusters::tenant(client, &tenant).await?;
    let (native, inner) = (pods::api(client, NAMESPACE), pods::api(&inner, "default"));
    let times = step(
        "Pods by turns",
        Box::pin(pods::measure(&native, &inner, pods_each.into())),
    )
    .await?;
    clusters::delete(client, &tenant).await?;
    Ok(Base {
        create_to_ready: Create {
            ephemeral: Spread::of(&ephemeral),
            volume: Spread::of(&volume),
        },
        memory,
        pod_to_running: Sides::new(Spread::of(&times.native), Spread::of(&times.tenant)),
        requests: Requests {
            without_tenant: without.values().sum(),
            with_idle_tenant: with.values().sum(),
            difference: requests::difference(&with, &without),
        },
    })
}

/// Creates virtual clusters one after the other, each when the one before is gone. Returns the times, and the last
/// cluster, which is left.
async fn create(client: &Client, count: u8, ephemeral: bool) -> Result<(Vec<Duration>, VirtualCluster)> {
    let kind = if ephemeral { "memory" } else { "volume" };
    let mut times = Vec::new();
    let mut last: Option<VirtualCluster> = None;
    for number in 1..=count {
        if let Some(cluster) = last.take() {
            clusters::delete(client, &cluster).await?;
        }
        let (time, cluster) =
            clusters::create(client, &format!("{kind}-{number}"), clusters::spec(ephemeral)).await?;
        times.push(time);
        last = Some(cluster);
    }
    Ok((times, last.context("no virtual cluster was asked for")?))
}
