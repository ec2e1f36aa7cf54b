//! Changes of running Pods: the tenant's go down and come back as status, the host's stay where they are, and what the
//! host takes away fails and is replaced.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Tenant, condition, eventually, process};

use crate::life::{evict, host_pods, named, pod};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn changes_reach_a_running_pod_and_then_all_is_quiet() -> Result<()> {
    Tenant::with("changes", |tenant| async move {
        let resources = json!({ "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "cpu": "20m", "memory": "64Mi" } });
        let spec = json!({ "terminationGracePeriodSeconds": 0, "containers": [
            { "name": "c", "image": IMAGE, "args": ["pause"], "resources": resources }] });
        tenant.apply(&named("web", &spec)).await?;
        tenant.kubectl(&["wait", "pod/web", "--for=condition=Ready", "--timeout=60s"]).await?;

        tenant.kubectl(&["label", "pod", "web", "colour=blue"]).await?;
        eventually("the label is on the host", SOON, || async {
            let below = host_pods(&tenant, "web").await?;
            ensure!(below[0]["metadata"]["labels"]["tenant.warren.dev/colour"] == "blue", "{below:?}");
            Ok(())
        })
        .await?;
        let patch = r#"{"spec":{"activeDeadlineSeconds":3600,"tolerations":[{"key":"foo","operator":"Exists"}]}}"#;
        tenant.kubectl(&["patch", "pod", "web", "-p", patch]).await?;
        resize(&tenant).await?;
        debug(&tenant).await?;
        let seen = |pod: &Value| pod["status"]["observedGeneration"] == pod["metadata"]["generation"];
        pod(&tenant, "web", "is seen as it is", seen).await?;
        at_rest(&tenant).await
    })
    .await
}

async fn resize(tenant: &Tenant) -> Result<()> {
    let patch = r#"{"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"15m"},"limits":{"cpu":"40m"}}}]}}"#;
    tenant
        .kubectl(&["patch", "pod", "web", "--subresource=resize", "-p", patch])
        .await?;
    let resized = |pod: &Value| {
        let status = &pod["status"]["containerStatuses"][0];
        status["resources"]["limits"]["cpu"] == "40m"
            && status["allocatedResources"]["cpu"] == "15m"
            && condition(pod, "PodResizeInProgress").is_null()
            && condition(pod, "PodResizePending").is_null()
    };
    let pod_ = pod(tenant, "web", "is resized", resized).await?;
    ensure!(
        pod_["status"]["containerStatuses"][0]["restartCount"] == 0,
        "{pod_}"
    );
    Ok(())
}

async fn debug(tenant: &Tenant) -> Result<()> {
    let debug = [
        "debug",
        "web",
        "--image",
        IMAGE,
        "--target=c",
        "--container=look",
        "--profile=baseline",
        "--",
        "sleep",
        "600",
    ];
    tenant.kubectl(&debug).await?;
    let runs = |pod: &Value| !pod["status"]["ephemeralContainerStatuses"][0]["state"]["running"].is_null();
    pod(tenant, "web", "is debugged", runs).await?;
    let said = tenant
        .kubectl(&["exec", "web", "-c", "look", "--", "echo", "here"])
        .await?;
    ensure!(said.trim() == "here", "{said}");
    // The tenant lifts its own rules; the class's stay.
    let label = "pod-security.kubernetes.io/enforce=privileged";
    tenant
        .kubectl(&["label", "namespace", "default", label, "--overwrite"])
        .await?;
    let privileged = json!({ "spec": { "ephemeralContainers": [
        { "name": "root", "image": IMAGE, "securityContext": { "privileged": true } }] } });
    let privileged = privileged.to_string();
    tenant
        .kubectl(&[
            "patch",
            "pod",
            "web",
            "--subresource=ephemeralcontainers",
            "-p",
            &privileged,
        ])
        .await?;
    let told = |pod: &Value| {
        condition(pod, "warren.dev/Synced")["message"]
            .to_string()
            .contains("privileged")
    };
    let pod_ = pod(tenant, "web", "says what is denied", told).await?;
    ensure!(condition(&pod_, "Ready")["status"] == "True", "{pod_}");
    let below = host_pods(tenant, "web").await?;
    let added = below[0]["spec"]["ephemeralContainers"]
        .as_array()
        .map_or(0, Vec::len);
    ensure!(added == 1, "{added} ephemeral containers on the host");
    Ok(())
}

/// Nobody writes a Pod to which nothing happens. A short look: what is wrong here writes many times a second.
async fn at_rest(tenant: &Tenant) -> Result<()> {
    let versions = || async {
        let above = tenant
            .items(&["pods", "--field-selector=metadata.name=web"])
            .await?;
        let below = host_pods(tenant, "web").await?;
        let version = |pods: &[Value]| pods[0]["metadata"]["resourceVersion"].to_string();
        anyhow::Ok((version(&above), version(&below)))
    };
    let settled = eventually("both sides are settled", SOON, || async {
        let before = versions().await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let after = versions().await?;
        ensure!(before == after, "{before:?} became {after:?}");
        Ok(after)
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = versions().await?;
    ensure!(settled == after, "{settled:?} became {after:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn what_the_host_takes_away_fails_and_is_replaced() -> Result<()> {
    Tenant::with("taken", |tenant| async move {
        let template = json!({ "metadata": { "labels": { "app": "web" } }, "spec": {
            "terminationGracePeriodSeconds": 1, "containers": [{ "name": "c", "image": IMAGE, "args": ["pause"] }] } });
        let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" }, "spec": {
            "replicas": 1, "selector": { "matchLabels": { "app": "web" } }, "template": template } });
        tenant.apply(&deployment.to_string()).await?;
        let work = "trap 'exit 0' TERM; while true; do sleep 0.2; done";
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "work" }, "spec": {
            "backoffLimit": 0, "template": { "spec": {
                "restartPolicy": "Never", "containers": [{ "name": "c", "image": IMAGE, "command": ["sh", "-c", work] }] } } } });
        tenant.apply(&job.to_string()).await?;
        tenant.rolled_out("deployment/web").await?;

        // What the host adds stays there and is not seen.
        let first = running(&tenant).await?;
        let below = host_name(&tenant, &first).await?;
        tenant.stage.kubectl(&["label", "pod", "-n", &tenant.workloads, &below, "platform=own"]).await?;
        tenant.kubectl(&["label", "pod", &first, "colour=blue"]).await?;
        eventually("both labels are on the host", SOON, || async {
            let labels = &host_pods(&tenant, &first).await?[0]["metadata"]["labels"];
            ensure!(labels["platform"] == "own" && labels["tenant.warren.dev/colour"] == "blue", "{labels}");
            Ok(())
        })
        .await?;
        let above = pod(&tenant, &first, "is there", |_| true).await?;
        ensure!(above["metadata"]["labels"]["platform"].is_null(), "{above}");

        tenant.stage.kubectl(&["delete", "pod", "-n", &tenant.workloads, &below, "--wait=false"]).await?;
        let failed = pod(&tenant, &first, "failed", |pod| pod["status"]["phase"] == "Failed").await?;
        ensure!(failed["status"]["reason"] == "Deleted", "{failed}");
        ensure!(condition(&failed, "DisruptionTarget")["status"] == "True", "{failed}");
        let second = replaced(&tenant, &first).await?;

        let below = host_name(&tenant, &second).await?;
        evict(tenant.stage.command("kubectl")?, &tenant.workloads, &below).await?;
        let evicted = pod(&tenant, &second, "failed", |pod| pod["status"]["phase"] == "Failed").await?;
        ensure!(evicted["status"]["reason"] == "Evicted", "{evicted}");
        ensure!(condition(&evicted, "DisruptionTarget")["reason"] == "EvictionByEvictionAPI", "{evicted}");
        replaced(&tenant, &second).await?;
        work_is_counted(&tenant).await
    })
    .await
}

/// A Pod that ends well and is deleted on the host while the vkubelet is dead has ended well all the same.
async fn work_is_counted(tenant: &Tenant) -> Result<()> {
    let works = |pods: Vec<Value>| {
        pods.first()
            .is_some_and(|pod| pod["status"]["phase"] == "Running")
    };
    eventually("the Job's Pod runs", SOON, || async {
        ensure!(works(host_pods(tenant, "work").await?), "not yet");
        Ok(())
    })
    .await?;
    let below = host_pods(tenant, "work").await?;
    let name = below[0]["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let selector = "app.kubernetes.io/component=vkubelet";
    process::kill_some(&tenant.stage, &tenant.system, selector, "vkubelet").await?;
    tenant
        .stage
        .kubectl(&["delete", "pod", "-n", &tenant.workloads, &name, "--wait=false"])
        .await?;
    tenant
        .kubectl(&["wait", "job/work", "--for=condition=Complete", "--timeout=60s"])
        .await?;
    eventually("the host Pod is let go", SOON, || async {
        let left = host_pods(tenant, "work").await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

async fn running(tenant: &Tenant) -> Result<String> {
    let pods = tenant.items(&["pods", "-l", "app=web"]).await?;
    let running = pods.iter().find(|pod| pod["status"]["phase"] == "Running");
    let name = running.and_then(|pod| pod["metadata"]["name"].as_str());
    name.map(str::to_owned)
        .with_context(|| format!("no running Pod in {pods:?}"))
}

async fn replaced(tenant: &Tenant, old: &str) -> Result<String> {
    eventually(&format!("{old} is replaced"), SOON, || async {
        let name = running(tenant).await?;
        ensure!(name != old, "it runs");
        Ok(name)
    })
    .await
}

async fn host_name(tenant: &Tenant, name: &str) -> Result<String> {
    let below = host_pods(tenant, name).await?;
    let found = below.first().and_then(|pod| pod["metadata"]["name"].as_str());
    found
        .map(str::to_owned)
        .with_context(|| format!("{name} has no host Pod"))
}
