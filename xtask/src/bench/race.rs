//! Several tenants ask for Pods at once, for more than there are places or on very many nodes: whatever their schedulers
//! decide, no Pod may be elsewhere than its tenant believes, none may be lost, and no place may stay empty that is wanted.
//!
//! The nodes are kwok's. Everything else is real: the control planes, the host's scheduler, syncers and vkubelets.

mod check;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;
use warren_crds::{VirtualCluster, keys};
use warren_devhost::Host;

use super::{
    clusters::{self, USER_AGENT},
    figures::Spread,
    memory::{self, Resident},
    pods,
    running::Running,
    scale::{self, Growth},
    settled,
};
use crate::step::step;

/// How many tenants ask for how many Pods, and what places there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contest {
    /// What the virtual clusters' names begin with.
    name: &'static str,
    tenants: u16,
    pods_each: u16,
    nodes: u16,
    places_each: u16,
    /// How many Pods each asks for at a time; the next ones when all that can run of these do.
    wave: u16,
}

/// A thousand Pods for six hundred places.
pub(super) const RACE: Contest = Contest {
    name: "race",
    tenants: 4,
    pods_each: 250,
    nodes: 6,
    places_each: 100,
    wave: 250,
};

/// Five thousand Pods on a hundred nodes, with places for all. In waves: two processors that run ten control planes are far
/// behind all of them at once, and probes end what does not answer for a minute.
pub(super) const CROWD: Contest = Contest {
    name: "crowd",
    tenants: 10,
    pods_each: 500,
    nodes: 100,
    places_each: 110,
    wave: 25,
};

impl Contest {
    const fn wanted(self) -> u16 {
        self.tenants * self.pods_each
    }

    const fn places(self) -> u16 {
        self.nodes * self.places_each
    }

    /// How many Pods run when each tenant has asked for so many.
    fn running(self, each: u16) -> u16 {
        (self.tenants * each).min(self.places())
    }

    /// How many Pods each has asked for after each wave.
    fn waves(self) -> impl Iterator<Item = u16> {
        let steps = 1..=self.pods_each.div_ceil(self.wave);
        steps.map(move |step| (step * self.wave).min(self.pods_each))
    }
}

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
    /// Nodes that there are, and their places.
    pub(super) nodes: u16,
    pub(super) places: u16,
    /// Milliseconds from the first request until all places were taken, or all Pods ran.
    pub(super) full_ms: u64,
    /// Milliseconds from a Pod's binding in its tenant until its host Pod is there.
    pub(super) bound_to_host_pod: Option<Spread>,
    /// Running Pods of a tenant, the mean of all tenants.
    pub(super) running_each: u16,
    /// Memory of a tenant's containers, the mean of all tenants, without Pods and with these.
    pub(super) memory: BTreeMap<String, Growth>,
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

/// Runs the contest and checks what is left.
pub(super) async fn measure(host: &Host, client: &Client, program: &Path, contest: Contest) -> Result<Race> {
    let plan = scale::Plan {
        count: contest.nodes,
        capacity: contest.places_each,
    };
    let mut nodes = step(
        "nodes played by kwok",
        scale::start_nodes(host, client, program, plan),
    )
    .await?;
    let told = tokio::select! {
        told = Box::pin(on_nodes(client, contest)) => told,
        ended = nodes.ended() => Err(ended),
    };
    let stopped = nodes.stop().await;
    let race = told?;
    stopped?;
    Ok(race)
}

async fn on_nodes(client: &Client, contest: Contest) -> Result<Race> {
    let class = scale::create_class(client).await?;
    let mut racers = Vec::new();
    for number in 1..=contest.tenants {
        let mut spec = clusters::spec(true);
        spec.class = Some(class.clone());
        let name = format!("{}-{number}", contest.name);
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
        scale::wait_for_nodes(&racer.client, contest.nodes.into()).await?;
        pods::account(&racer.client, "default").await?;
    }
    let without = at_rest(client, &racers).await?;
    let begun = Instant::now();
    let full = async {
        // One watch for all waves.
        let mut pods = Running::of(Api::all(client.clone()), keys::CLUSTER, check::runs_on_ours);
        for each in contest.waves() {
            try_join_all(racers.iter().map(|racer| ask(&racer.client, each))).await?;
            until_full(&mut pods, contest.running(each).into()).await?;
        }
        Ok(begun.elapsed())
    };
    let pairs: Vec<_> = racers.iter().map(|racer| racer.pods(client)).collect();
    let watched = Box::pin(scale::bound_during(&pairs, full));
    let (full, lags) = step("all that can run", watched).await?;
    let with = at_rest(client, &racers).await?;
    let mut running = Vec::new();
    let mut refused = 0;
    for racer in &racers {
        let found = check::tenant(client, racer, contest).await?;
        running.push(found.running);
        refused += found.refused;
    }
    check::places(client, &running, contest).await?;
    try_join_all(
        racers
            .iter()
            .map(|racer| clusters::delete(client, &racer.cluster)),
    )
    .await?;
    let running_each = contest.running(contest.pods_each) / contest.tenants;
    Ok(Race {
        tenants: contest.tenants,
        wanted: contest.wanted(),
        nodes: contest.nodes,
        places: contest.places(),
        full_ms: u64::try_from(full.as_millis()).unwrap_or(u64::MAX),
        bound_to_host_pod: Spread::of(&lags),
        running_each,
        memory: scale::growth(&without, &with, running_each),
        refused,
        running,
    })
}

/// What each container holds when nothing is to do any more, the mean of all tenants.
async fn at_rest(client: &Client, racers: &[Racer]) -> Result<BTreeMap<String, Resident>> {
    for racer in racers {
        step("an agent to rest", settled::wait(client, &racer.system)).await?;
    }
    let mut sum = BTreeMap::<String, Resident>::new();
    for racer in racers {
        for (container, resident) in memory::by_container(client, &racer.system).await? {
            *sum.entry(container).or_default() += resident;
        }
    }
    let count = u64::try_from(racers.len()).unwrap_or(1).max(1);
    for resident in sum.values_mut() {
        *resident = resident.share(count);
    }
    Ok(sum)
}

impl Racer {
    /// The tenant's Pods, and the host's of them.
    fn pods(&self, host: &Client) -> (Api<Pod>, Api<Pod>) {
        (
            pods::api(&self.client, "default"),
            pods::api(host, &self.workloads),
        )
    }
}

/// Asks for so many Pods of one tenant, at once.
async fn ask(tenant: &Client, replicas: u16) -> Result<()> {
    let pod = scale::for_nodes(pods::pod(APP, 0)?)?;
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": APP},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": APP}},
            "template": {"metadata": {"labels": {"app": APP}}, "spec": pod.spec},
        },
    });
    let applied = Api::<Deployment>::namespaced(tenant.clone(), "default")
        .patch(APP, &PatchParams::apply(USER_AGENT), &Patch::Apply(&deployment))
        .await;
    applied.map(drop).context("failed to apply a Deployment")
}

/// Waits until so many of the tenants' Pods run on the host.
async fn until_full(pods: &mut Running, places: usize) -> Result<()> {
    let waited = timeout(DEADLINE, pods.until(|running| running >= places)).await;
    waited.with_context(|| format!("{places} Pods did not run in {} s", DEADLINE.as_secs()))?
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_end_at_what_is_wanted_and_no_more_run_than_there_are_places() {
        assert_eq!(RACE.waves().collect::<Vec<_>>(), [250]);
        assert_eq!(RACE.running(250), 600);
        let crowd: Vec<_> = CROWD.waves().collect();
        assert_eq!(
            (crowd.len(), crowd.first(), crowd.last()),
            (20, Some(&25), Some(&500))
        );
        assert_eq!((CROWD.running(25), CROWD.running(500)), (250, 5000));
        let uneven = Contest { wave: 100, ..RACE };
        assert_eq!(uneven.waves().collect::<Vec<_>>(), [100, 200, 250]);
    }
}
