//! A Pod's life as a kubelet tells it: starts in order, restarts, ends of every kind, and deletions that keep the
//! kubelet's contract.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_devhost::command::output_with_input;
use warren_tests::{Tenant, condition, eventually};

const MANIFEST: &str = include_str!("life.yaml");
const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn statuses_are_those_of_a_kubelet() -> Result<()> {
    Tenant::with("life", |tenant| async move {
        tenant.apply(MANIFEST).await?;
        let ended = |code: i64| {
            move |pod: &Value| {
                pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code
            }
        };
        // A kubelet tells of the container first, and of the Pod when it is cleaned up.
        let fails = |pod: &Value| ended(3)(pod) && pod["status"]["phase"] == "Failed";
        let failed = pod(&tenant, "exit-code", "fails with 3", fails).await?;
        let terminated = &failed["status"]["containerStatuses"][0]["state"]["terminated"];
        ensure!(terminated["message"] == "bye", "{terminated}");

        let killed = pod(&tenant, "too-large", "is killed", ended(137)).await?;
        let terminated = &killed["status"]["containerStatuses"][0]["state"]["terminated"];
        ensure!(terminated["reason"] == "OOMKilled", "{terminated}");

        let waits = |pod: &Value| {
            let reason = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
            reason == "ImagePullBackOff" || reason == "ErrImagePull"
        };
        let waiting = pod(&tenant, "no-image", "waits for its image", waits).await?;
        ensure!(
            !waiting["status"].to_string().contains(&tenant.workloads),
            "{waiting}"
        );

        in_order(&tenant).await?;
        let restarted =
            |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_i64() > Some(0);
        pod(&tenant, "restarts", "was restarted", restarted).await?;
        let over = |pod: &Value| pod["status"]["reason"] == "DeadlineExceeded";
        let deadline = pod(&tenant, "deadline", "is over its deadline", over).await?;
        ensure!(deadline["status"]["phase"] == "Failed", "{deadline}");
        gated(&tenant).await?;
        job_goes(&tenant).await
    })
    .await
}

async fn in_order(tenant: &Tenant) -> Result<()> {
    let done = |pod: &Value| pod["status"]["phase"] == "Succeeded";
    let ended = pod(tenant, "in-order", "succeeds", done).await?;
    let init = &ended["status"]["initContainerStatuses"];
    ensure!(
        init[0]["name"] == "first" && init[1]["name"] == "sidecar",
        "{init}"
    );
    ensure!(
        init[1]["state"]["terminated"]["exitCode"] == 0,
        "the sidecar was not ended well: {init}"
    );
    let log = tenant.kubectl(&["logs", "in-order", "-c", "main"]).await?;
    ensure!(log.trim() == "first sidecar main", "{log}");
    Ok(())
}

async fn gated(tenant: &Tenant) -> Result<()> {
    let unmet = |pod: &Value| condition(pod, "Ready")["reason"] == "ReadinessGatesNotReady";
    let pod_ = pod(tenant, "gated", "waits for its gate", unmet).await?;
    ensure!(condition(&pod_, "ContainersReady")["status"] == "True", "{pod_}");
    let patch = json!({ "status": { "conditions": [{ "type": "example.com/in-pool", "status": "True" }] } });
    let patch = patch.to_string();
    tenant
        .kubectl(&["patch", "pod", "gated", "--subresource=status", "-p", &patch])
        .await?;
    let ready = |pod: &Value| condition(pod, "Ready")["status"] == "True";
    let pod_ = pod(tenant, "gated", "is ready", ready).await?;
    ensure!(
        condition(&pod_, "example.com/in-pool")["status"] == "True",
        "{pod_}"
    );
    ensure!(
        pod_["status"]["observedGeneration"] == pod_["metadata"]["generation"],
        "{pod_}"
    );
    Ok(())
}

async fn job_goes(tenant: &Tenant) -> Result<()> {
    eventually("the Job is gone on both sides", SOON, || async {
        let above = tenant
            .items(&["jobs,pods", "-l", "batch.kubernetes.io/job-name=short"])
            .await?;
        let below = host_pods(tenant, "short").await?;
        ensure!(above.is_empty() && below.is_empty(), "{above:?} {below:?}");
        Ok(())
    })
    .await?;
    let events = tenant
        .items(&["events", "--field-selector=involvedObject.name=short"])
        .await?;
    let done = events.iter().any(|event| event["reason"] == "Completed");
    ensure!(done, "{events:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn deletion_keeps_the_kubelets_contract() -> Result<()> {
    Tenant::with("deletion", |tenant| async move {
        for (name, script, grace) in [
            ("hook", "trap 'exit 0' TERM; while true; do sleep 0.2; done", 30),
            ("stubborn", "trap '' TERM; while true; do sleep 0.2; done", 300),
            ("forced", "trap '' TERM; while true; do sleep 0.2; done", 30),
            ("evicted", "trap 'exit 0' TERM; while true; do sleep 0.2; done", 30),
        ] {
            let container = json!({
                "name": "c", "image": IMAGE, "command": ["sh", "-c", script],
                "lifecycle": if name == "hook" { json!({ "preStop": { "exec": { "command": ["sleep", "4"] } } }) } else { json!(null) },
            });
            let spec = json!({ "terminationGracePeriodSeconds": grace, "containers": [container] });
            tenant.apply(&named(name, &spec)).await?;
        }
        tenant.kubectl(&["wait", "pod", "--all", "--for=condition=Ready", "--timeout=60s"]).await?;

        // The hook runs, and the Pod is there until it is over.
        let begun = Instant::now();
        tenant.kubectl(&["delete", "pod", "hook", "--timeout=25s"]).await?;
        let took = begun.elapsed();
        ensure!(took > Duration::from_secs(4) && took < Duration::from_secs(20), "{took:?}");

        // A second deletion with less grace reaches the host as well. (What its kubelet makes of it is another matter:
        // a stop that is under way goes on, on any cluster.)
        for grace in [300, 1] {
            let period = format!("--grace-period={grace}");
            tenant.kubectl(&["delete", "pod", "stubborn", &period, "--wait=false"]).await?;
            eventually(&format!("the host has a grace of {grace} s"), SOON, || async {
                let below = host_pods(&tenant, "stubborn").await?;
                let metadata = &below.first().context("no host Pod")?["metadata"];
                ensure!(metadata["deletionGracePeriodSeconds"] == grace, "{metadata}");
                Ok(())
            })
            .await?;
        }
        tenant.kubectl(&["delete", "pod", "stubborn", "--grace-period=0", "--force", "--timeout=10s"]).await?;

        // By force: gone at once, and a successor of the same name runs as soon as the old one is gone.
        tenant.kubectl(&["delete", "pod", "forced", "--grace-period=0", "--force", "--timeout=10s"]).await?;
        let spec = json!({ "terminationGracePeriodSeconds": 0, "containers": [{ "name": "c", "image": IMAGE, "args": ["pause"] }] });
        tenant.apply(&named("forced", &spec)).await?;
        tenant.kubectl(&["wait", "pod/forced", "--for=condition=Ready", "--timeout=40s"]).await?;
        let below = host_pods(&tenant, "forced").await?;
        ensure!(below.len() == 1, "{} host Pods", below.len());

        evict(tenant.command("kubectl")?, "default", "evicted").await?;
        tenant.kubectl(&["wait", "pod/evicted", "--for=delete", "--timeout=30s"]).await?;
        let below = host_pods(&tenant, "evicted").await?;
        ensure!(below.is_empty(), "{below:?}");
        Ok(())
    })
    .await
}

/// The Pod once `is` holds for it.
pub(crate) async fn pod(
    tenant: &Tenant,
    name: &str,
    what: &str,
    is: impl Fn(&Value) -> bool,
) -> Result<Value> {
    eventually(&format!("{name} {what}"), SOON, || async {
        let shown = tenant.kubectl(&["get", "pod", name, "-o", "json"]).await?;
        let pod: Value = serde_json::from_str(&shown)?;
        ensure!(is(&pod), "status {}", pod["status"]);
        Ok(pod)
    })
    .await
}

/// Host Pods that stand for Pods of the tenant whose name begins with `prefix`.
pub(crate) async fn host_pods(tenant: &Tenant, prefix: &str) -> Result<Vec<Value>> {
    let mut below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
    below.retain(|pod| {
        let origin = pod["metadata"]["annotations"]["warren.dev/origin-name"].as_str();
        origin.is_some_and(|name| name.starts_with(prefix))
    });
    Ok(below)
}

/// Evicts a Pod through the API that `kubectl` is for.
pub(crate) async fn evict(mut kubectl: tokio::process::Command, namespace: &str, name: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
    let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "namespace": namespace, "name": name } });
    output_with_input(
        kubectl.args(["create", "--raw", &path, "-f", "-"]),
        &eviction.to_string(),
    )
    .await
    .map(|_printed| ())
    .context("the eviction was refused")
}

/// A Pod's manifest.
pub(crate) fn named(name: &str, spec: &Value) -> String {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec }).to_string()
}
