//! How long a Pod takes from its creation until a watch shows it running: on the host itself and in a tenant.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, PostParams},
    runtime::{
        conditions::{is_deleted, is_pod_running},
        wait::await_condition,
    },
};
use serde_json::json;
use tokio::time::{sleep, timeout};
use warren_devhost::images::PAUSE_IMAGE;

/// Far above what is normal: whoever waits so long has found a defect, not a figure.
const DEADLINE: Duration = Duration::from_mins(1);
/// What the latency is measured with: how a Pod ends is not part of it.
const AT_ONCE: i64 = 0;
/// A fresh namespace takes no Pods before its ServiceAccount is there.
const ACCOUNT_DEADLINE: Duration = Duration::from_secs(15);

/// Times of the Pods on the host and in the tenant.
#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) native: Vec<Duration>,
    pub(super) tenant: Vec<Duration>,
}

/// Starts `count` Pods on each side, one after the other and by turns, so that whatever else the machine does meets
/// both sides.
pub(super) async fn measure(native: &Api<Pod>, tenant: &Api<Pod>, count: usize) -> Result<Times> {
    for (side, api) in [("on the host", native), ("in the tenant", tenant)] {
        warm_up(api)
            .await
            .with_context(|| format!("{side}: the first Pod"))?;
    }
    let mut times = Times::default();
    for number in 0..count {
        let name = format!("pod-{number}");
        times
            .native
            .push(one(native, &name, AT_ONCE).await.context("on the host")?);
        times
            .tenant
            .push(one(tenant, &name, AT_ONCE).await.context("in the tenant")?);
    }
    Ok(times)
}

/// A Pod that is not counted: it fills the caches, and waits for the namespace.
pub(super) async fn warm_up(api: &Api<Pod>) -> Result<()> {
    let begun = Instant::now();
    loop {
        match one(api, "warm-up", AT_ONCE).await {
            Err(error) if begun.elapsed() < ACCOUNT_DEADLINE && is_refusal(&error) => {
                sleep(Duration::from_millis(200)).await;
            }
            other => return other.map(drop),
        }
    }
}

fn is_refusal(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(kube::Error::Api(status)) if status.code == 403)
}

/// Waits until a namespace takes Pods: not before its ServiceAccount is there.
pub(super) async fn account(client: &Client, namespace: &str) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let there = await_condition(accounts, "default", |account: Option<&ServiceAccount>| {
        account.is_some()
    });
    timeout(DEADLINE, there)
        .await
        .with_context(|| format!("no ServiceAccount in {} s", DEADLINE.as_secs()))?
        .map(drop)
        .context("failed to watch the ServiceAccount")
}

/// Creates a Pod, sees it run, deletes it and sees it go. Returns the first half's time.
pub(super) async fn one(api: &Api<Pod>, name: &str, grace_seconds: i64) -> Result<Duration> {
    let begun = Instant::now();
    let pod = pod(name, grace_seconds)?;
    let created = api.create(&PostParams::default(), &pod).await;
    let uid = created
        .with_context(|| format!("failed to create Pod {name}"))?
        .uid()
        .unwrap_or_default();
    timeout(DEADLINE, await_condition(api.clone(), name, is_pod_running()))
        .await
        .with_context(|| format!("Pod {name} did not run in {} s", DEADLINE.as_secs()))?
        .with_context(|| format!("failed to watch Pod {name}"))?;
    let took = begun.elapsed();
    api.delete(name, &DeleteParams::default())
        .await
        .with_context(|| format!("failed to delete Pod {name}"))?;
    timeout(DEADLINE, await_condition(api.clone(), name, is_deleted(&uid)))
        .await
        .with_context(|| format!("Pod {name} was not gone in {} s", DEADLINE.as_secs()))?
        .with_context(|| format!("failed to watch Pod {name}"))?;
    Ok(took)
}

/// Fits the strictest pod security, so that both sides may run the very same Pod.
pub(super) fn pod(name: &str, grace_seconds: i64) -> Result<Pod> {
    let pod = json!({
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": grace_seconds,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65_535, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "pause",
                "image": PAUSE_IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    serde_json::from_value(pod).context("the Pod to measure with is not a Pod")
}

/// The same Pod with ConfigMaps as volumes.
pub(super) fn using(name: &str, config_maps: &[String]) -> Result<Pod> {
    let mut pod = pod(name, AT_ONCE)?;
    let volumes: Vec<_> = config_maps
        .iter()
        .map(|map| json!({"name": map, "configMap": {"name": map}}))
        .collect();
    let mounts: Vec<_> = config_maps
        .iter()
        .map(|map| json!({"name": map, "mountPath": format!("/maps/{map}")}))
        .collect();
    let spec = pod.spec.as_mut().context("a Pod without a spec")?;
    spec.volumes = serde_json::from_value(volumes.into()).context("volumes that are none")?;
    let container = spec.containers.first_mut().context("a Pod without containers")?;
    container.volume_mounts = serde_json::from_value(mounts.into()).context("mounts that are none")?;
    Ok(pod)
}

/// Pods of a namespace.
pub(super) fn api(client: &Client, namespace: &str) -> Api<Pod> {
    Api::namespaced(client.clone(), namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_is_one_and_names_an_image_that_every_node_has() {
        let pod = pod("a", AT_ONCE).unwrap();
        let container = &pod.spec.unwrap().containers[0];
        assert_eq!(container.image.as_deref(), Some(PAUSE_IMAGE));
    }
}
