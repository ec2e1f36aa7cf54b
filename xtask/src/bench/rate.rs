//! The same Pods at the same rate on the host itself, in one tenant and in ten: how long each takes to run, on what the
//! machine spends itself, and how many a second there are when all come at once. The nodes are kwok's.

mod offer;
mod time;

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use serde::Serialize;
use warren_crds::VirtualCluster;
use warren_devhost::Host;

use self::time::Clock;
use super::{NAMESPACE, clusters, figures::Spread, pods, scale, settled};
use crate::step::step;

const TENANTS: [u8; 2] = [1, 10];

/// How many Pods, and how many of them in a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offer {
    pub(super) pods: u16,
    pub(super) per_second: u8,
}

/// What was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rate {
    pub(super) pods: u16,
    /// Pods in a second that were offered.
    pub(super) offered: u8,
    /// By how many tenants share them; 0: the host itself.
    pub(super) sides: Vec<Side>,
}

/// One way to run them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Side {
    pub(super) tenants: u8,
    /// Milliseconds from the creation of a Pod until it runs, at the offered rate.
    pub(super) to_running: Option<Spread>,
    /// Milliseconds of processor time for each Pod, by process, at the offered rate. Containers of tenants together.
    pub(super) cpu_ms_per_pod: BTreeMap<String, f64>,
    /// Pods in a second when all are created at once.
    pub(super) at_once_per_second: f64,
}

/// Runs the Pods on each side, twice.
pub(super) async fn measure(host: &Host, client: &Client, program: &Path, offer: Offer) -> Result<Rate> {
    let plan = scale::Plan::of(offer.pods);
    let mut nodes = step(
        "nodes played by kwok",
        scale::start_nodes(host, client, program, plan),
    )
    .await?;
    let measured = tokio::select! {
        measured = Box::pin(on_nodes(host, client, offer, plan.count.into())) => measured,
        ended = nodes.ended() => Err(ended),
    };
    let stopped = nodes.stop().await;
    let sides = measured?;
    stopped?;
    Ok(Rate {
        pods: offer.pods,
        offered: offer.per_second,
        sides,
    })
}

async fn on_nodes(host: &Host, client: &Client, offer: Offer, nodes: usize) -> Result<Vec<Side>> {
    let all = scale::pods(offer.pods)?;
    let rate = offer.per_second;
    let native = vec![pods::api(client, NAMESPACE)];
    pods::account(client, NAMESPACE).await?;
    let mut sides = vec![side(&Clock::new(host, client, &[])?, 0, &native, &all, rate).await?];
    let class = scale::create_class(client).await?;
    let mut made: Vec<VirtualCluster> = Vec::new();
    let mut apis: Vec<Api<Pod>> = Vec::new();
    for tenants in TENANTS {
        while made.len() < tenants.into() {
            let number = made.len() + 1;
            let mut spec = clusters::spec(true);
            spec.class = Some(class.clone());
            let name = format!("rate-{number}");
            let (_, cluster) =
                step(&format!("tenant {number}"), clusters::create(client, &name, spec)).await?;
            let inner = clusters::tenant(client, &cluster).await?;
            scale::wait_for_nodes(&inner, nodes).await?;
            pods::account(&inner, "default").await?;
            apis.push(pods::api(&inner, "default"));
            made.push(cluster);
        }
        let clock = Clock::new(host, client, &made)?;
        sides.push(side(&clock, tenants, &apis, &all, rate).await?);
    }
    try_join_all(made.iter().map(|cluster| clusters::delete(client, cluster))).await?;
    Ok(sides)
}

async fn side(clock: &Clock<'_>, tenants: u8, apis: &[Api<Pod>], all: &[Pod], rate: u8) -> Result<Side> {
    let name = name(tenants);
    for system in clock.systems() {
        settled::wait(clock.client(), system).await?;
    }
    let before = clock.read().await?;
    let paced = Box::pin(offer::run(apis, all, Some(rate.into())));
    let paced = step(&format!("Pods {name}, {rate} a second"), paced).await?;
    let after = clock.read().await?;
    for api in apis {
        scale::end(api).await?;
    }
    let at_once = Box::pin(offer::run(apis, all, None));
    let at_once = step(&format!("Pods {name}, all at once"), at_once).await?;
    for api in apis {
        scale::end(api).await?;
    }
    let pods = f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX)).max(1.0);
    let side = Side {
        tenants,
        to_running: Spread::of(&paced.each),
        cpu_ms_per_pod: time::difference(&after, &before, pods),
        at_once_per_second: pods / at_once.whole.as_secs_f64().max(0.001),
    };
    // Now, too: a later side may fail, and this one took minutes.
    eprintln!("{side}");
    Ok(side)
}

/// Where Pods run that so many tenants share; 0: the host itself.
pub(super) fn name(tenants: u8) -> String {
    match tenants {
        0 => "on the host".to_owned(),
        1 => "in one tenant".to_owned(),
        many => format!("in {many} tenants"),
    }
}
