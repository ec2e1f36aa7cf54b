//! `cargo xtask bench`: what a tenant costs, measured in one run on one machine against the host itself.

mod clusters;
mod figures;
mod memory;
mod pods;
mod report;
mod requests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, PostParams},
    config::Kubeconfig,
    runtime::{conditions::is_deleted, wait::await_condition},
};
use tokio::time::{sleep, timeout};
use warren_crds::VirtualCluster;
use warren_devhost::{Host, inside};

use self::{
    figures::Spread,
    report::{Create, Pods, Report, Requests},
};
use crate::{stage::Stage, step::step};

/// Everything that the bench makes is in this namespace of the host, and goes with it.
const NAMESPACE: &str = "bench";
/// How long a tenant is left alone before it counts as idle, and how long requests are counted.
const REST: Duration = Duration::from_secs(30);
/// How long the namespace may take to go.
const CLEANUP_DEADLINE: Duration = Duration::from_mins(3);

/// Arguments of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Virtual clusters of each kind.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    clusters: u8,
    /// Pods on each side.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=200))]
    pods: u8,
    /// Measure the running host with what is installed there; build and install nothing.
    #[arg(long)]
    as_is: bool,
    /// How to print the figures.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// Measures and prints.
///
/// # Errors
/// Names what failed; what the bench made is removed even then.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    if !arguments.as_is {
        crate::block_on(async { Stage::build(root).await.map(drop) })?;
    }
    let host = Host::attach()?.context("no host runs: leave --as-is out, or use `cargo xtask host up`")?;
    let kubeconfig = host.inner_kubeconfig_path();
    let (clusters, pods) = (arguments.clusters, arguments.pods);
    let report = inside::block_on(move || tidily(kubeconfig, clusters, pods))?;
    match arguments.output {
        Output::Table => println!("\n{report}"),
        Output::Json => println!(
            "{}",
            serde_json::to_string_pretty(&report).context("failed to encode the figures")?
        ),
    }
    Ok(())
}

/// Measures in a namespace of its own and removes that, whatever happened and also after Ctrl-C.
async fn tidily(kubeconfig: PathBuf, clusters: u8, pods: u8) -> Result<Report> {
    let kubeconfig = Kubeconfig::read_from(&kubeconfig).context("failed to read the host's kubeconfig")?;
    let client = clusters::client(kubeconfig).await?;
    // A run that was killed may have left its own.
    remove(&client).await?;
    make(&client).await?;
    let measured = tokio::select! {
        measured = Box::pin(measure(&client, clusters, pods)) => measured,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let removed = step("clean up", remove(&client)).await;
    let report = measured?;
    removed?;
    Ok(report)
}

async fn measure(client: &Client, clusters: u8, pods: u8) -> Result<Report> {
    let without = step("host API without a tenant, 30 s", requests::rates(client, REST)).await?;
    let (ephemeral, last) = step(
        "virtual clusters in memory",
        Box::pin(create(client, clusters, true)),
    )
    .await?;
    clusters::delete(client, &last).await?;
    let (volume, tenant) = step(
        "virtual clusters with a volume",
        Box::pin(create(client, clusters, false)),
    )
    .await?;

    let status = tenant.status.as_ref().context("a cluster without a status")?;
    let namespaces = status
        .namespaces
        .as_ref()
        .context("a Ready cluster without namespaces")?;
    let memory = step("memory of an idle tenant, after 30 s", async {
        sleep(REST).await;
        memory::by_container(client, &namespaces.system).await
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
        Box::pin(pods::measure(&native, &inner, pods.into())),
    )
    .await?;
    Ok(Report {
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        create_to_ready: Create {
            ephemeral: Spread::of(&ephemeral),
            volume: Spread::of(&volume),
        },
        memory,
        pod_to_running: Pods::new(Spread::of(&times.native), Spread::of(&times.tenant)),
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
        let (time, cluster) = clusters::create(client, &format!("{kind}-{number}"), ephemeral).await?;
        times.push(time);
        last = Some(cluster);
    }
    Ok((times, last.context("no virtual cluster was asked for")?))
}

async fn make(client: &Client) -> Result<()> {
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(NAMESPACE.to_owned());
    let created = Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await;
    created
        .map(drop)
        .with_context(|| format!("failed to create the namespace {NAMESPACE}"))
}

/// Deletes the namespace and waits until it is gone, with the virtual clusters in it.
async fn remove(client: &Client) -> Result<()> {
    let api = Api::<Namespace>::all(client.clone());
    let found = api
        .get_opt(NAMESPACE)
        .await
        .context("failed to look for the bench's namespace")?;
    let Some(namespace) = found else { return Ok(()) };
    api.delete(NAMESPACE, &DeleteParams::default())
        .await
        .context("failed to delete the bench's namespace")?;
    let uid = namespace.uid().unwrap_or_default();
    match timeout(
        CLEANUP_DEADLINE,
        await_condition(api, NAMESPACE, is_deleted(&uid)),
    )
    .await
    {
        Ok(gone) => gone.map(drop).context("failed to watch the bench's namespace"),
        Err(_late) => bail!(
            "the namespace {NAMESPACE} was not gone in {} s",
            CLEANUP_DEADLINE.as_secs()
        ),
    }
}
