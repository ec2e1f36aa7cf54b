//! `cargo xtask bench`: what a tenant costs, measured in one run on one machine against the host itself.

mod base;
mod classes;
mod clusters;
mod figures;
mod follow;
mod life;
mod memory;
mod objects;
mod pods;
mod race;
mod rate;
mod report;
mod requests;
mod running;
mod scale;
mod settled;

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
use tokio::time::timeout;
use warren_devhost::{Host, inside};

use self::report::Report;
use crate::{stage::Stage, step::step};

/// Everything that the bench makes is in this namespace of the host, and goes with it.
const NAMESPACE: &str = "bench";
/// How long a tenant is left alone before it counts as idle, and how long requests are counted.
const REST: Duration = Duration::from_secs(30);
/// How long the namespace may take to go.
const CLEANUP_DEADLINE: Duration = Duration::from_mins(10);

/// Arguments of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Virtual clusters of each kind; 0: none, and nothing of what is measured with them: memory, requests at rest,
    /// Pods by turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=50))]
    clusters: u8,
    /// Pods on each side.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=200))]
    pods: u8,
    /// Pods on each side whose requests are listed; 0: none.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=50))]
    life: u8,
    /// Pods at once on each side, on nodes that kwok plays: their memory, and how soon all run; 0: none.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=5000))]
    scale: u16,
    /// ConfigMaps of a tenant, of which 50 are used: the syncer's memory and time; also how soon a ConfigMap's change is on
    /// the host, and how soon a Service answers. 0: none of it.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    objects: u16,
    /// Pods at one rate on the host, in one tenant and in ten, on nodes that kwok plays: latency, processor time by process,
    /// and how many a second when all come at once; 0: none.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=5000))]
    rate: u16,
    /// With --rate: so many Pods a second. What ten control planes on this machine can take is a matter of its processors.
    #[arg(long, default_value_t = 5, requires = "rate", value_parser = clap::value_parser!(u8).range(1..=100))]
    per_second: u8,
    /// Four tenants that ask for 1000 places on nodes of kwok that have 600: nothing may be lost, misplaced or left empty.
    #[arg(long)]
    race: bool,
    /// Ten tenants with 5000 Pods on a hundred nodes of kwok: as --race, with places for all.
    #[arg(long)]
    crowd: bool,
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
    let sizes = Sizes {
        clusters: arguments.clusters,
        pods: arguments.pods,
        life: arguments.life,
        objects: arguments.objects,
        race: arguments.race,
        crowd: arguments.crowd,
        offer: rate::Offer {
            pods: arguments.rate,
            per_second: arguments.per_second,
        },
        kwok: (arguments.race || arguments.crowd || arguments.scale > 0 || arguments.rate > 0)
            .then(kwok)
            .transpose()?,
        scale: arguments.scale,
    };
    let report = inside::block_on(move || tidily(host, sizes))?;
    match arguments.output {
        Output::Table => println!("\n{report}"),
        Output::Json => println!(
            "{}",
            serde_json::to_string_pretty(&report).context("failed to encode the figures")?
        ),
    }
    Ok(())
}

/// Runs the contests of several tenants by themselves, on the host that runs.
///
/// # Errors
/// Names what does not hold; what was made is removed even then.
pub(crate) fn contests() -> Result<()> {
    let kwok = kwok()?;
    // Each by itself, so that the figures of the first are told before the second begins.
    for race in [true, false] {
        let host = Host::attach()?.context("no host runs")?;
        let sizes = Sizes {
            race,
            crowd: !race,
            kwok: Some(kwok.clone()),
            ..Sizes::default()
        };
        let report = inside::block_on(move || tidily(host, sizes))?;
        println!("\n{report}");
    }
    Ok(())
}

/// How much of everything.
#[derive(Default)]
struct Sizes {
    clusters: u8,
    pods: u8,
    life: u8,
    objects: u16,
    scale: u16,
    offer: rate::Offer,
    race: bool,
    crowd: bool,
    /// The program that plays nodes, if any are needed.
    kwok: Option<PathBuf>,
}

fn kwok() -> Result<PathBuf> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("failed to start a runtime")?;
    runtime.block_on(step("kwok", scale::program()))
}

/// Measures in a namespace of its own and removes that, whatever happened and also after Ctrl-C.
async fn tidily(host: Host, sizes: Sizes) -> Result<Report> {
    let kubeconfig = Kubeconfig::read_from(host.inner_kubeconfig_path());
    let client = clusters::client(kubeconfig.context("failed to read the host's kubeconfig")?).await?;
    // A run that was killed may have left its own.
    remove(&client).await?;
    make(&client).await?;
    let measured = tokio::select! {
        measured = Box::pin(measure(&host, &client, &sizes)) => measured,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let removed = step("clean up", remove(&client)).await;
    let report = measured?;
    removed?;
    Ok(report)
}

async fn measure(host: &Host, client: &Client, sizes: &Sizes) -> Result<Report> {
    let base = match sizes.clusters {
        0 => None,
        count => Some(Box::pin(base::measure(client, count, sizes.pods)).await?),
    };
    let life = match sizes.life {
        0 => None,
        count => {
            let measured = Box::pin(life::measure(host, client, count));
            Some(step("requests of one Pod's life", measured).await?)
        }
    };
    let objects = match sizes.objects {
        0 => None,
        count => Some(Box::pin(objects::measure(client, sizes.pods, count)).await?),
    };
    // Last: all tenants of a usual class see the nodes that are made for it.
    let (mut scale, mut offered, mut raced, mut crowd) = (None, None, None, None);
    if let Some(program) = &sizes.kwok {
        if sizes.scale > 0 {
            let measured = Box::pin(scale::measure(host, client, program, sizes.scale));
            scale = Some(step("many Pods at once", measured).await?);
            scale::clear(client).await?;
        }
        if sizes.offer.pods > 0 {
            let measured = Box::pin(rate::measure(host, client, program, sizes.offer));
            offered = Some(step("Pods at a rate", measured).await?);
            scale::clear(client).await?;
        }
        if sizes.race {
            let measured = Box::pin(race::measure(host, client, program, race::RACE));
            raced = Some(step("a race for places", measured).await?);
            scale::clear(client).await?;
        }
        if sizes.crowd {
            let measured = Box::pin(race::measure(host, client, program, race::CROWD));
            crowd = Some(step("a crowd on many nodes", measured).await?);
        }
    }
    Ok(Report {
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        base,
        life,
        objects,
        scale,
        rate: offered,
        race: raced,
        crowd,
    })
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

/// Removes everything that the bench makes, also what an earlier run left.
async fn remove(client: &Client) -> Result<()> {
    let namespace = remove_namespace(client).await;
    // Each is tried, whatever became of the others.
    let rest = [
        life::lower(client).await,
        objects::remove_class(client).await,
        scale::clear(client).await,
    ];
    rest.into_iter().fold(namespace, Result::and)
}

/// Deletes the namespace and waits until it is gone, with the virtual clusters in it.
async fn remove_namespace(client: &Client) -> Result<()> {
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
