//! Four tenants ask for a thousand places on nodes that have six hundred: whatever their schedulers decide at once, no Pod
//! may be elsewhere than its tenant believes, none may be lost, and no place may stay empty.
//!
//! The nodes are kwok's. Everything else is real: four control planes, the host's scheduler, syncers and vkubelets.

mod check;

use std::{
    path::Path,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use futures::{StreamExt as _, future::try_join_all};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, PostParams},
    runtime::{
        WatchStreamExt as _, reflector,
        watcher::{self, watcher},
    },
};
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;
use warren_crds::{VirtualCluster, keys};
use warren_devhost::Host;

use super::{clusters, pods, scale, settled};
use crate::step::step;

const TENANTS: u16 = 4;
const PODS_EACH: u16 = 250;
const NODES: u16 = 6;
const PLACES_EACH: u16 = 100;
/// Name of the Deployments, and value of their Pods' label `app`.
const APP: &str = "racer";
/// Far above what is normal: whoever waits so long has found a defect, not a figure.
const DEADLINE: Duration = Duration::from_mins(15);

/// What became of the race. Everything else would have been an error.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Race {
    pub(super) tenants: u16,
    /// Pods that are wanted.
    pub(super) wanted: u16,
    /// Places that there are, all of them taken in the end.
    pub(super) places: u16,
    /// Milliseconds from the first request until all places were taken.
    pub(super) full_ms: u64,
    /// Pods that were refused and replaced on the way: two schedulers had chosen one place.
    pub(super) refused: usize,
    /// Running Pods of each tenant.
    pub(super) running: Vec<usize>,
}

/// One tenant of the race.
struct Racer {
    cluster: VirtualCluster,
    client: Client,
    workloads: String,
    system: String,
}

/// Runs the race and checks what is left.
pub(super) async fn measure(host: &Host, client: &Client, program: &Path) -> Result<Race> {
    let plan = scale::Plan {
        count: NODES,
        capacity: PLACES_EACH,
    };
    let mut nodes = step(
        "nodes played by kwok",
        scale::start_nodes(host, client, program, plan),
    )
    .await?;
    let told = tokio::select! {
        told = Box::pin(on_nodes(client)) => told,
        ended = nodes.ended() => Err(ended),
    };
    let stopped = nodes.stop().await;
    let race = told?;
    stopped?;
    Ok(race)
}

async fn on_nodes(client: &Client) -> Result<Race> {
    let class = scale::create_class(client).await?;
    let mut racers = Vec::new();
    for number in 1..=TENANTS {
        let mut spec = clusters::spec(true);
        spec.class = Some(class.clone());
        let name = format!("race-{number}");
        let (_, cluster) = step(&format!("tenant {number}"), clusters::create(client, &name, spec)).await?;
        let namespaces = clusters::namespaces(&cluster)?.clone();
        racers.push(Racer {
            client: clusters::tenant(client, &cluster).await?,
            workloads: namespaces.workloads,
            system: namespaces.system,
            cluster,
        });
    }
    for racer in &racers {
        scale::wait_for_nodes(&racer.client, NODES.into()).await?;
        pods::account(&racer.client, "default").await?;
    }
    let begun = Instant::now();
    let full = async {
        try_join_all(racers.iter().map(|racer| ask(&racer.client))).await?;
        until_full(client).await?;
        Ok(begun.elapsed())
    };
    let full = step("all places taken", Box::pin(full)).await?;
    for racer in &racers {
        step("an agent to rest", settled::wait(client, &racer.system)).await?;
    }
    let mut running = Vec::new();
    let mut refused = 0;
    for racer in &racers {
        let found = check::tenant(client, racer).await?;
        running.push(found.running);
        refused += found.refused;
    }
    check::places(client, &running).await?;
    for racer in &racers {
        clusters::delete(client, &racer.cluster).await?;
    }
    Ok(Race {
        tenants: TENANTS,
        wanted: TENANTS * PODS_EACH,
        places: NODES * PLACES_EACH,
        full_ms: u64::try_from(full.as_millis()).unwrap_or(u64::MAX),
        refused,
        running,
    })
}

/// Asks for all Pods of one tenant at once.
async fn ask(tenant: &Client) -> Result<()> {
    let pod = scale::for_nodes(pods::pod(APP, 0)?)?;
    let deployment = json!({
        "metadata": {"name": APP},
        "spec": {
            "replicas": PODS_EACH,
            "selector": {"matchLabels": {"app": APP}},
            "template": {"metadata": {"labels": {"app": APP}}, "spec": pod.spec},
        },
    });
    let deployment: Deployment =
        serde_json::from_value(deployment).context("the Deployment of the race is none")?;
    let created = Api::namespaced(tenant.clone(), "default")
        .create(&PostParams::default(), &deployment)
        .await;
    created.map(drop).context("failed to create a Deployment")
}

/// Waits until as many Pods of tenants run on the host as there are places.
async fn until_full(client: &Client) -> Result<()> {
    let places = usize::from(NODES * PLACES_EACH);
    let waited = timeout(DEADLINE, async {
        let config = watcher::Config::default().labels(keys::CLUSTER);
        let (store, writer) = reflector::store::<Pod>();
        let stream = watcher(Api::<Pod>::all(client.clone()), config)
            .default_backoff()
            .reflect(writer);
        let mut events = pin!(stream);
        while events.next().await.is_some() {
            let runs = |pod: &&std::sync::Arc<Pod>| check::runs_on_ours(pod);
            if store.state().iter().filter(runs).count() >= places {
                return Ok(());
            }
        }
        bail!("the watch of Pods ended")
    });
    waited
        .await
        .with_context(|| format!("not all {places} places were taken in {} s", DEADLINE.as_secs()))?
}

/// All Pods of a namespace.
async fn list(client: &Client, namespace: &str) -> Result<Vec<Pod>> {
    let list = pods::api(client, namespace).list(&ListParams::default()).await;
    list.map(|list| list.items)
        .with_context(|| format!("failed to list the Pods of {namespace}"))
}

fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

fn node(pod: &Pod) -> &str {
    let spec = pod.spec.as_ref();
    spec.and_then(|spec| spec.node_name.as_deref())
        .unwrap_or_default()
}

fn origin(pod: &Pod) -> &str {
    pod.annotations().get(keys::ORIGIN_UID).map_or("", String::as_str)
}
