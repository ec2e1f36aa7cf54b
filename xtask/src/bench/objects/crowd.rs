//! Thousands of ConfigMaps of which few are used: what the syncer holds of them, and what it spends.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, PostParams},
    runtime::{conditions::is_pod_running, wait::await_condition},
};
use serde::Serialize;
use serde_json::json;
use tokio::time::{sleep, timeout};
use warren_crds::virtual_cluster::HostNamespaces;

use super::super::{REST, memory, pods, settled};

/// How many are used, and by how many Pods.
const USED: u16 = 50;
const PODS: u16 = 5;
/// Bytes of data in each.
const SIZE: usize = 1024;
/// Requests at once.
const PARALLEL: usize = 16;
const DEADLINE: Duration = Duration::from_mins(2);

/// What many ConfigMaps cost the syncer.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Crowd {
    /// ConfigMaps of the tenant.
    pub(in super::super) config_maps: u16,
    /// Those of them that Pods use.
    pub(in super::super) used: u16,
    /// What of them is on the host.
    pub(in super::super) on_host: usize,
    /// The syncer's own memory before and after, at rest.
    pub(in super::super) without_kib: u64,
    pub(in super::super) with_kib: u64,
    /// Processor time of the syncer while they were made and the Pods started.
    pub(in super::super) making_ms: u64,
    /// Processor time of the syncer in a second at rest, with all of them.
    pub(in super::super) at_rest_ms_per_second: f64,
}

/// Makes `count` ConfigMaps and the Pods.
pub(super) async fn measure(
    host: &Client,
    tenant: &Client,
    namespaces: &HostNamespaces,
    count: u16,
) -> Result<Crowd> {
    ensure!(count >= USED, "at least the {USED} that are used, not {count}");
    let system = &namespaces.system;
    let below: Api<ConfigMap> = Api::namespaced(host.clone(), &namespaces.workloads);
    let here = async || {
        let list = below.list(&ListParams::default()).await;
        list.map(|list| list.items.len())
            .context("failed to list the host's ConfigMaps")
    };
    settled::wait(host, system).await?;
    let (without, on_host_before) = (memory::by_container(host, system).await?, here().await?);
    let begun = time(host, system).await?;

    let maps: Api<ConfigMap> = Api::namespaced(tenant.clone(), "default");
    stream::iter(0..count)
        .map(|number| make(&maps, number))
        .buffer_unordered(PARALLEL)
        .try_for_each(async |()| Ok(()))
        .await?;
    let pods = pods::api(tenant, "default");
    for number in 0..PODS {
        let used: Vec<String> = (0..USED).filter(|map| map % PODS == number).map(name).collect();
        let pod = pods::using(&format!("uses-{number}"), &used)?;
        let created = pods.create(&PostParams::default(), &pod).await;
        created.context("failed to create a Pod that uses ConfigMaps")?;
        let running = await_condition(pods.clone(), &pod.name_any(), is_pod_running()).await;
        running.context("failed to watch a Pod that uses ConfigMaps")?;
    }
    timeout(DEADLINE, settled::wait(host, system))
        .await
        .context("the agents did not come to rest")??;

    let made = time(host, system).await?;
    let (with, on_host) = (memory::by_container(host, system).await?, here().await?);
    let rest_begun = time(host, system).await?;
    sleep(REST).await;
    let rested = time(host, system).await?.saturating_sub(rest_begun);
    Ok(Crowd {
        config_maps: count,
        used: USED,
        on_host: on_host.saturating_sub(on_host_before),
        without_kib: own(&without)?,
        with_kib: own(&with)?,
        making_ms: u64::try_from(made.saturating_sub(begun).as_millis()).unwrap_or(u64::MAX),
        at_rest_ms_per_second: rested.as_secs_f64() * 1000.0 / REST.as_secs_f64(),
    })
}

async fn make(api: &Api<ConfigMap>, number: u16) -> Result<()> {
    let value = json!({"metadata": {"name": name(number)}, "data": {"text": "x".repeat(SIZE)}});
    let map: ConfigMap = serde_json::from_value(value).context("a ConfigMap that is none")?;
    let created = api.create(&PostParams::default(), &map).await;
    created
        .map(drop)
        .with_context(|| format!("failed to create ConfigMap {number}"))
}

fn name(number: u16) -> String {
    format!("crowd-{number}")
}

const SYNCER: &str = "syncer";

async fn time(host: &Client, system: &str) -> Result<Duration> {
    let times = memory::time_by_container(host, system).await?;
    times.get(SYNCER).copied().context("no syncer runs")
}

fn own(memory: &BTreeMap<String, memory::Resident>) -> Result<u64> {
    memory
        .get(SYNCER)
        .map(|resident| resident.anonymous_kib)
        .context("no syncer runs")
}
