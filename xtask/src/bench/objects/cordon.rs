//! How long it takes until a tenant's Node shows what happens to the host's: it is cordoned, and uncordoned again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
    runtime::watcher,
};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use super::super::follow;

const DEADLINE: Duration = Duration::from_mins(1);

/// Changes a node `turns` times; it ends as it was.
pub(super) async fn measure(host: &Client, tenant: &Client, turns: u8) -> Result<Vec<Duration>> {
    let nodes: Api<Node> = Api::all(host.clone());
    let found = nodes
        .list(&ListParams::default())
        .await
        .context("failed to list nodes")?;
    let name = found.items.first().context("a host without nodes")?.name_any();
    let (mut seen, following) = follow(Api::all(tenant.clone()), &name);
    let measured = async {
        let mut times = Vec::new();
        for turn in 0..turns {
            times.push(set(&nodes, &name, turn % 2 == 0, &mut seen).await?);
        }
        Ok(times)
    };
    let times = tokio::select! {
        times = measured => times,
        ended = following => Err(ended),
    };
    let undone = cordon(&nodes, &name, false).await;
    let times = times?;
    undone.map(|()| times)
}

async fn set(
    nodes: &Api<Node>,
    name: &str,
    cordoned: bool,
    seen: &mut watch::Receiver<Option<bool>>,
) -> Result<Duration> {
    let begun = Instant::now();
    cordon(nodes, name, cordoned).await?;
    let shows = seen.wait_for(|shown| *shown == Some(cordoned));
    timeout(DEADLINE, shows)
        .await
        .with_context(|| format!("{name} did not show in {} s", DEADLINE.as_secs()))?
        .context("the watch ended")?;
    Ok(begun.elapsed())
}

async fn cordon(nodes: &Api<Node>, name: &str, cordoned: bool) -> Result<()> {
    let patch = Patch::Merge(json!({"spec": {"unschedulable": cordoned}}));
    let patched = nodes.patch(name, &PatchParams::default(), &patch).await;
    patched.map(drop).context("failed to cordon a node")
}

/// Follows whether the tenant's Node is cordoned.
fn follow(
    api: Api<Node>,
    name: &str,
) -> (watch::Receiver<Option<bool>>, impl Future<Output = anyhow::Error>) {
    let (send, receive) = watch::channel(None);
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let following = follow::objects(api, config, move |node: Node| {
        let cordoned = node.spec.and_then(|spec| spec.unschedulable).unwrap_or(false);
        send.send_replace(Some(cordoned));
    });
    (receive, following)
}
