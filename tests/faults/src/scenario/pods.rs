//! Pods of the vkubelet. There is no scheduler and no kubelet: Pods are bound, run and ended here by hand.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warren_crds::keys;
use warren_translate::TenantKey;
use warren_translate::kinds::pod;

use super::{Story, cluster, core, make_on_host, patch, step};
use crate::agent::{CLUSTER_ID, WORKLOADS};
use crate::bench::{Bench, TEAM};
use crate::servers::NODE;

/// How long Pods get to end.
const GRACE_SECONDS: u32 = 1;

/// The story: a Deployment of 1, 3 and 1 Pods, one Pod that ends by itself, and all ends that others bring.
pub const STORY: Story = &[
    step!("the vkubelet starts", start),
    step!("a Pod is bound", first_comes),
    step!("its kubelet runs it", first_runs),
    step!("two more are bound, and one that can end", more_come),
    step!("their kubelet runs them", more_run),
    step!("a Pod gets another label and another image", pod_changes),
    step!("one ends by itself", once_ends),
    step!("two are to end", two_are_to_end),
    step!("their kubelet has ended them", two_have_ended),
    step!("one is made anew under its name", one_anew),
    step!("its kubelet runs it", anew_runs),
    step!("somebody takes a Pod off the host", pod_vanishes),
    step!("all are deleted by force", all_go),
    step!("their kubelet has ended what was left", rest_has_ended),
];

/// Path of the host Pod of a tenant Pod.
pub fn host_pod(name: &str) -> String {
    let host_name = pod::host_name(&cluster(), &TenantKey::new(TEAM, name));
    host_pods(&format!("/{host_name}"))
}

fn host_pods(rest: &str) -> String {
    format!("/api/v1/namespaces/{WORKLOADS}/pods{rest}")
}

/// The vkubelet starts.
///
/// # Errors
/// When something is refused.
pub async fn start(bench: &Bench) -> Result<()> {
    let anchor = json!({ "metadata": { "name": keys::ANCHOR, "labels": { keys::CLUSTER: CLUSTER_ID } } });
    make_on_host(
        bench,
        &format!("/api/v1/namespaces/{WORKLOADS}/configmaps"),
        &anchor,
    )
    .await?;
    bench.agent.start()
}

/// A Pod of the tenant, bound.
///
/// # Errors
/// When it is refused.
pub async fn bind(bench: &Bench, name: &str, restart: &str) -> Result<()> {
    let pod = json!({
        "metadata": { "name": name, "labels": { "app": "web" } },
        "spec": {
            "nodeName": NODE, "restartPolicy": restart, "automountServiceAccountToken": false,
            // Of a deletion by force the vkubelet sees the mark, which says 1 s, or only the end, which says nothing: then
            // this counts.
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "containers": [{ "name": "main", "image": "example.com/app:1" }],
        },
    });
    bench.tenant.create(&core("pods"), &pod).await.map(drop)
}

/// As the host's scheduler and kubelet do, once there is a host Pod.
///
/// # Errors
/// When it is refused, or there is no host Pod.
pub async fn run(bench: &Bench, name: &str) -> Result<()> {
    let path = host_pod(name);
    let host = bench.host.get(&path).await?;
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": { "name": host["metadata"]["name"] },
        "target": { "apiVersion": "v1", "kind": "Node", "name": NODE },
    });
    make_on_host(bench, &format!("{path}/binding"), &binding).await?;
    let running = json!({ "startedAt": "2026-01-02T03:04:06Z" });
    status(bench, name, "Running", &json!({ "running": running })).await
}

/// What a kubelet says of a Pod and its container.
async fn status(bench: &Bench, name: &str, phase: &str, state: &Value) -> Result<()> {
    let ready = if phase == "Running" { "True" } else { "False" };
    let status = json!({ "status": {
        "phase": phase, "startTime": "2026-01-02T03:04:05Z",
        "podIP": "10.244.1.7", "podIPs": [{ "ip": "10.244.1.7" }],
        "hostIP": "10.88.0.11", "hostIPs": [{ "ip": "10.88.0.11" }],
        "conditions": [
            { "type": "PodScheduled", "status": "True" },
            { "type": "Ready", "status": ready, "observedGeneration": 1 },
        ],
        "containerStatuses": [{
            "name": "main", "image": "example.com/app:1", "imageID": "example.com/app@sha256:1", "restartCount": 0,
            "ready": ready == "True", "state": state,
        }],
    } });
    let path = format!("{}/status", host_pod(name));
    bench.host.patch(&path, &status).await.map(drop)
}

/// As a kubelet does with a Pod that is to end.
async fn end(bench: &Bench, name: &str) -> Result<()> {
    let host = bench.host.get(&host_pod(name)).await?;
    ensure!(
        host["metadata"]["deletionTimestamp"].is_string(),
        "{name} is not to end: {host}"
    );
    let code = json!({ "exitCode": 0, "reason": "Completed", "finishedAt": "2026-01-02T03:05:06Z" });
    status(bench, name, "Succeeded", &json!({ "terminated": code })).await?;
    bench.host.delete(&host_pod(name)).await
}

async fn first_comes(bench: &Bench) -> Result<()> {
    bind(bench, "web-0", "Always").await
}

async fn first_runs(bench: &Bench) -> Result<()> {
    run(bench, "web-0").await
}

async fn more_come(bench: &Bench) -> Result<()> {
    for name in ["web-1", "web-2"] {
        bind(bench, name, "Always").await?;
    }
    bind(bench, "once", "Never").await
}

async fn more_run(bench: &Bench) -> Result<()> {
    for name in ["web-1", "web-2", "once"] {
        run(bench, name).await?;
    }
    Ok(())
}

async fn pod_changes(bench: &Bench) -> Result<()> {
    let change = json!({
        "metadata": { "labels": { "tier": "front" } },
        "spec": { "containers": [{ "name": "main", "image": "example.com/app:2" }] },
    });
    patch(bench, &core("pods/web-0"), &change).await
}

async fn once_ends(bench: &Bench) -> Result<()> {
    let code = json!({ "exitCode": 3, "reason": "Error", "finishedAt": "2026-01-02T03:05:06Z" });
    status(bench, "once", "Failed", &json!({ "terminated": code })).await
}

async fn two_are_to_end(bench: &Bench) -> Result<()> {
    for name in ["web-1", "web-2"] {
        bench
            .tenant
            .delete_with(&core(&format!("pods/{name}")), GRACE_SECONDS)
            .await?;
    }
    Ok(())
}

async fn two_have_ended(bench: &Bench) -> Result<()> {
    for name in ["web-1", "web-2"] {
        end(bench, name).await?;
    }
    Ok(())
}

async fn one_anew(bench: &Bench) -> Result<()> {
    bind(bench, "web-1", "Always").await
}

async fn anew_runs(bench: &Bench) -> Result<()> {
    run(bench, "web-1").await
}

async fn pod_vanishes(bench: &Bench) -> Result<()> {
    bench.host.delete(&host_pod("web-0")).await
}

async fn all_go(bench: &Bench) -> Result<()> {
    for name in ["web-0", "web-1", "once"] {
        bench.tenant.delete(&core(&format!("pods/{name}"))).await?;
    }
    Ok(())
}

async fn rest_has_ended(bench: &Bench) -> Result<()> {
    for pod in bench.host.list(&host_pods("")).await? {
        let name = pod["metadata"]["annotations"][keys::ORIGIN_NAME].as_str();
        end(bench, name.unwrap_or_default()).await?;
    }
    Ok(())
}
