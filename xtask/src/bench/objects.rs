//! What objects cost: how soon a change of a ConfigMap is on the host, how soon a Service answers, how soon a Node shows
//! what happens to the host's, and what thousands of ConfigMaps hold of which few are used.

mod change;
mod class;
mod cordon;
mod crowd;
mod reach;

use anyhow::Result;
use kube::Client;
use serde::Serialize;

pub(super) use self::class::remove as remove_class;
pub(super) use self::crowd::Crowd;
use super::{NAMESPACE, clusters, figures::Spread, report::Sides};
use crate::step::step;

/// What was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Objects {
    /// Milliseconds from a change of a ConfigMap until a watch of the host shows it.
    pub(super) change: Sides,
    /// Milliseconds from the creation of a Service until a connection to its address is accepted.
    pub(super) reach: Sides,
    /// Milliseconds from a cordon of a host node, or its end, until the tenant's Node shows it.
    pub(super) cordon: Option<Spread>,
    /// Many ConfigMaps.
    pub(super) crowd: Crowd,
}

/// Measures with `turns` changes and Services on each side, and with so many ConfigMaps.
pub(super) async fn measure(client: &Client, turns: u8, config_maps: u16) -> Result<Objects> {
    let class = class::create(client).await?;
    let mut spec = clusters::spec(true);
    spec.class = Some(class);
    let (_, cluster) = step("a virtual cluster", clusters::create(client, "objects", spec)).await?;
    let tenant = clusters::tenant(client, &cluster).await?;
    let namespaces = clusters::namespaces(&cluster)?;

    let change = change::measure(client, &tenant, &namespaces.workloads, turns);
    let change = step("changes of a ConfigMap by turns", Box::pin(change)).await?;
    let reach = reach::measure(client, NAMESPACE, &tenant, "default", turns);
    let reach = step("Services by turns", Box::pin(reach)).await?;
    let cordon = cordon::measure(client, &tenant, turns);
    let cordon = step("cordons of a node", Box::pin(cordon)).await?;
    let crowd = crowd::measure(client, &tenant, namespaces, config_maps);
    let crowd = step("many ConfigMaps", Box::pin(crowd)).await?;
    clusters::delete(client, &cluster).await?;
    Ok(Objects {
        change: Sides::new(Spread::of(&change.native), Spread::of(&change.tenant)),
        reach: Sides::new(Spread::of(&reach.native), Spread::of(&reach.tenant)),
        cordon: Spread::of(&cordon),
        crowd,
    })
}
