//! How long a change of a ConfigMap takes until a watch of the host shows it: of one on the host itself, and of a tenant's
//! that a Pod uses.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
    runtime::{conditions::is_pod_running, wait::await_condition, watcher},
};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use super::super::{
    NAMESPACE, follow,
    pods::{self, Times},
};

const NAME: &str = "changing";
/// The key whose value is counted up.
const KEY: &str = "turn";
const DEADLINE: Duration = Duration::from_mins(1);

/// Changes `turns` times on each side, by turns.
pub(super) async fn measure(host: &Client, tenant: &Client, workloads: &str, turns: u8) -> Result<Times> {
    let native: Api<ConfigMap> = Api::namespaced(host.clone(), NAMESPACE);
    let inner: Api<ConfigMap> = Api::namespaced(tenant.clone(), "default");
    let below: Api<ConfigMap> = Api::namespaced(host.clone(), workloads);
    for api in [&native, &inner] {
        api.create(&PostParams::default(), &config_map(0)?)
            .await
            .context("failed to create the ConfigMap")?;
    }
    let pods = pods::api(tenant, "default");
    uses(&pods).await?;
    // One watch on each side for all turns: to begin one is not part of what is measured.
    let (mut on_native, watch_native) = follow(native.clone());
    let (mut on_host, watch_host) = follow(below);
    let measured = async {
        let mut times = Times::default();
        for turn in 1..=turns {
            times.native.push(change(&native, turn, &mut on_native).await?);
            times.tenant.push(change(&inner, turn, &mut on_host).await?);
        }
        Ok(times)
    };
    tokio::select! {
        times = measured => times,
        ended = watch_native => Err(ended),
        ended = watch_host => Err(ended),
    }
}

async fn change(
    api: &Api<ConfigMap>,
    turn: u8,
    seen: &mut watch::Receiver<Option<String>>,
) -> Result<Duration> {
    let begun = Instant::now();
    let patch = json!({"data": {KEY: turn.to_string()}});
    api.patch(NAME, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .context("failed to change the ConfigMap")?;
    let is_there = seen.wait_for(|value| value.as_deref() == Some(turn.to_string().as_str()));
    let waited = timeout(DEADLINE, is_there).await;
    waited
        .with_context(|| format!("change {turn} was not on the host in {} s", DEADLINE.as_secs()))?
        .context("the watch ended")?;
    Ok(begun.elapsed())
}

/// Follows the one ConfigMap with the key. The host's has a name of its own.
fn follow(
    api: Api<ConfigMap>,
) -> (
    watch::Receiver<Option<String>>,
    impl Future<Output = anyhow::Error>,
) {
    let (send, receive) = watch::channel(None);
    let following = follow::objects(api, watcher::Config::default(), move |found: ConfigMap| {
        if let Some(value) = found.data.as_ref().and_then(|data| data.get(KEY)) {
            send.send_replace(Some(value.clone()));
        }
    });
    (receive, following)
}

fn config_map(turn: u8) -> Result<ConfigMap> {
    let value = json!({"metadata": {"name": NAME}, "data": {KEY: turn.to_string()}});
    serde_json::from_value(value).context("the ConfigMap to measure with is none")
}

/// A Pod that uses the ConfigMap: without one, nothing of it goes down.
async fn uses(pods: &Api<Pod>) -> Result<()> {
    pods::warm_up(pods).await?;
    let pod = pods::using(NAME, &[NAME.to_owned()])?;
    let name = pod.name_any();
    pods.create(&PostParams::default(), &pod)
        .await
        .context("failed to create the Pod that uses the ConfigMap")?;
    let running = timeout(DEADLINE, await_condition(pods.clone(), &name, is_pod_running())).await;
    running
        .with_context(|| format!("Pod {name} did not run in {} s", DEADLINE.as_secs()))?
        .map(drop)
        .with_context(|| format!("failed to watch Pod {name}"))
}
