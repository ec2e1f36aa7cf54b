//! What one Pod's life (create, run, delete) costs in requests, by who asks: natively against in a tenant.
//!
//! The list is what the apiservers themselves log of each request, so nothing is guessed from sums. Leases are left
//! out: they are renewed by the clock, whatever Pods do. So is what goes on at rest, which a window without Pods
//! counts first.

mod count;
mod journal;
mod log;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use serde::Serialize;
use tokio::time::sleep;
use warren_crds::VirtualClusterSpec;
use warren_devhost::Host;

#[cfg(test)]
pub(super) use self::count::Line;
pub(super) use self::count::{Side, is_write};
pub(super) use self::journal::lower;
use self::journal::{Journal, VERBOSITY, mark, note};
use super::{NAMESPACE, REST, clusters, pods};
use crate::step::step;

/// What follows a Pod's end comes within this time: Events, and what the garbage collector removes.
const TRAIL: Duration = Duration::from_secs(10);
/// As most Pods have it, so that they end in the ordinary way: told to stop, then removed by the kubelet.
const GRACE_SECONDS: i64 = 30;

/// Requests of one Pod's life, on average.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Life {
    /// How many Pods lived on each side.
    pub(super) pods: u8,
    /// A Pod of the host's own: requests to the host's API.
    pub(super) native: Side,
    /// A tenant's Pod: requests to the host's API.
    pub(super) host: Side,
    /// A tenant's Pod: requests to the tenant's API.
    pub(super) tenant: Side,
}

/// Lets Pods live on the host and in a tenant of its own, whose apiserver logs requests from its start.
pub(super) async fn measure(host: &Host, client: &Client, count: u8) -> Result<Life> {
    let (_, cluster) = clusters::create(client, "requests", loud()).await?;
    let inner = clusters::tenant(client, &cluster).await?;
    let (native, tenant) = (pods::api(client, NAMESPACE), pods::api(&inner, "default"));
    for (side, api) in [("on the host", &native), ("in the tenant", &tenant)] {
        pods::warm_up(api)
            .await
            .with_context(|| format!("{side}: the first Pod"))?;
    }
    sleep(REST).await;

    let journal = Journal::begin(client, host).await?;
    let both = [client, &inner];
    let idle = during(&both, "idle", async {
        sleep(REST).await;
        Ok(())
    });
    let idle = step("requests at rest, 30 s", idle).await?;
    let natively = step(
        "Pods on the host, one after the other",
        Box::pin(during(&both, "native", live(&native, count))),
    )
    .await?;
    let inside = step(
        "Pods in the tenant, one after the other",
        Box::pin(during(&both, "tenant", live(&tenant, count))),
    )
    .await?;
    let last = mark("tenant", "end");
    let own = journal::tenant(client, &cluster, &last);
    let (own, hosts) = tokio::try_join!(own, journal.end(&last))?;
    clusters::delete(client, &cluster).await?;

    let side = |log: &str, name: &str, took: Duration| {
        let of = |name| log::between(log, &mark(name, "begin"), &mark(name, "end"));
        let share = took.as_secs_f64() / idle.as_secs_f64();
        anyhow::Ok(Side::of(&of(name)?, &of("idle")?, share, count))
    };
    Ok(Life {
        pods: count,
        native: side(&hosts, "native", natively).context("the host's log")?,
        host: side(&hosts, "tenant", inside).context("the host's log")?,
        tenant: side(&own, "tenant", inside).context("the tenant's log")?,
    })
}

/// A virtual cluster whose apiserver logs each request.
fn loud() -> VirtualClusterSpec {
    let mut spec = clusters::spec(true);
    let arguments = &mut spec.control_plane.api_server.extra_args;
    arguments.insert("v".to_owned(), VERBOSITY.to_owned());
    spec
}

async fn live(api: &Api<Pod>, count: u8) -> Result<()> {
    for number in 0..count {
        pods::one(api, &format!("life-{number}"), GRACE_SECONDS).await?;
    }
    sleep(TRAIL).await;
    Ok(())
}

/// Runs `work` between two marks in the logs. Returns how long it took.
async fn during(clients: &[&Client], name: &str, work: impl Future<Output = Result<()>>) -> Result<Duration> {
    for client in clients {
        note(client, &mark(name, "begin")).await?;
    }
    let begun = Instant::now();
    work.await?;
    let took = begun.elapsed();
    for client in clients {
        note(client, &mark(name, "end")).await?;
    }
    Ok(took)
}
