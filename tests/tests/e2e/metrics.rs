//! `metrics.k8s.io` in a tenant: kubectl top, an autoscaler under load, and who may see what.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warren_tests::{Tenant, eventually};

const MANIFEST: &str = include_str!("metrics.yaml");
const ROOT: &str = "/apis/metrics.k8s.io/v1beta1";
/// The host measures every ten seconds, and twice before it says anything; CI machines are slow.
const MEASURED: Duration = Duration::from_secs(60);
/// The autoscaler looks every 15 seconds and wants a whole window after a Pod became ready.
const SCALED: Duration = Duration::from_secs(150);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn top_shows_own_pods_and_an_autoscaler_scales_under_load() -> Result<()> {
    Tenant::with("metrics", |tenant| async move {
        let available = [
            "wait",
            "apiservice/v1beta1.metrics.k8s.io",
            "--for=condition=Available",
            "--timeout=60s",
        ];
        tenant.kubectl(&available).await?;
        tenant.apply(MANIFEST).await?;
        tenant.rolled_out("deployment/load").await?;
        top(&tenant).await?;
        api(&tenant).await?;
        rights(&tenant).await?;
        counters_grow(&tenant).await?;
        eventually("the autoscaler scales up", SCALED, || async {
            let scale = tenant.kubectl(&["get", "hpa", "load", "-o", "json"]).await?;
            let scale: Value = serde_json::from_str(&scale)?;
            ensure!(scale["status"]["desiredReplicas"] == 2, "{}", scale["status"]);
            Ok(())
        })
        .await?;
        tenant.rolled_out("deployment/load").await
    })
    .await
}

async fn top(tenant: &Tenant) -> Result<()> {
    let pods = eventually("kubectl top pods shows both", MEASURED, || async {
        let pods = tenant.kubectl(&["top", "pods", "-A", "--no-headers"]).await?;
        ensure!(pods.contains("load-") && pods.contains(" idle "), "{pods}");
        Ok(pods)
    })
    .await?;
    for foreign in [tenant.workloads.as_str(), "metrics-server", "coredns", "warren"] {
        ensure!(!pods.contains(foreign), "{foreign} in {pods}");
    }
    let nodes = tenant.kubectl(&["top", "nodes", "--no-headers"]).await?;
    ensure!(
        nodes.lines().count() == tenant.stage.nodes().len() && !nodes.contains("<unknown>"),
        "{nodes}"
    );
    let one = tenant
        .kubectl(&["top", "pod", "idle", "--containers", "--no-headers"])
        .await?;
    ensure!(one.split_whitespace().take(2).eq(["idle", "idle"]), "{one}");
    Ok(())
}

async fn raw(tenant: &Tenant, path: &str) -> Result<Value> {
    let text = tenant
        .kubectl(&["get", "--raw", &format!("{ROOT}{path}")])
        .await?;
    serde_json::from_str(&text).with_context(|| format!("{path}: {text}"))
}

/// The sum of the Pods is the node, selectors select, and what cannot be is refused.
async fn api(tenant: &Tenant) -> Result<()> {
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().into_iter().flatten();
        items
            .map(|item| item["metadata"]["name"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    for (path, wanted) in [
        ("/pods?labelSelector=app%3Didle", vec!["idle"]),
        (
            "/namespaces/default/pods?labelSelector=app+in+%28idle%2Cnone%29",
            vec!["idle"],
        ),
        ("/pods?fieldSelector=metadata.name%3Didle", vec!["idle"]),
        ("/namespaces/kube-public/pods", vec![]),
    ] {
        let list = raw(tenant, path).await?;
        ensure!(names(&list) == wanted, "{path}: {list}");
    }
    let idle = raw(tenant, "/namespaces/default/pods/idle").await?;
    ensure!(
        idle["containers"][0]["name"] == "idle" && idle["metadata"]["labels"]["app"] == "idle",
        "{idle}"
    );
    let node = tenant
        .kubectl(&["get", "pod", "idle", "-o", "jsonpath={.spec.nodeName}"])
        .await?;
    ensure!(raw(tenant, &format!("/nodes/{node}")).await?["usage"]["memory"] != "0Ki");
    for (path, message) in [
        ("/namespaces/default/pods/nobody", "not found"),
        ("/nodes/nobody", "not found"),
        ("/pods?watch=true", "does not allow this method"),
        (
            "/pods?fieldSelector=spec.nodeName%3Dx",
            "field label not supported",
        ),
    ] {
        let refused = raw(tenant, path).await;
        ensure!(
            refused.is_err_and(|error| format!("{error:#}").contains(message)),
            "{path}"
        );
    }
    Ok(())
}

/// Who may not, gets nothing; the usual roles may read.
async fn rights(tenant: &Tenant) -> Result<()> {
    let path = format!("{ROOT}/namespaces/default/pods");
    let as_jane = ["get", "--raw", &path, "--as=jane"];
    let refused = tenant.kubectl(&as_jane).await;
    ensure!(
        refused.is_err_and(|error| format!("{error:#}").contains("orbidden")),
        "jane may read"
    );
    let bind = [
        "create",
        "rolebinding",
        "jane",
        "--clusterrole=view",
        "--user=jane",
        "-n",
        "default",
    ];
    tenant.kubectl(&bind).await?;
    // Also at the vkubelet, which remembers refusals for some seconds.
    eventually("jane may read", Duration::from_secs(30), || async {
        tenant.kubectl(&as_jane).await
    })
    .await?;
    Ok(())
}

/// What a scraper of kubelets reads only grows.
async fn counters_grow(tenant: &Tenant) -> Result<()> {
    let pod = &tenant.items(&["pods", "-l", "app=load"]).await?[0];
    let node = pod["spec"]["nodeName"].as_str().context("load is bound")?;
    let path = format!("/api/v1/nodes/{node}/proxy/metrics/resource");
    let read = || async {
        let text = tenant.kubectl(&["get", "--raw", &path]).await?;
        let line = text
            .lines()
            .find(|line| line.starts_with("container_cpu_usage_seconds_total{container=\"load\""))
            .with_context(|| format!("load is not in {text}"))?;
        let seconds: f64 = line.split_whitespace().nth(1).context("no value")?.parse()?;
        anyhow::Ok(seconds)
    };
    let first = read().await?;
    eventually("the counter of load grows", MEASURED, || async {
        let now = read().await?;
        ensure!(now > first, "{first}, then {now}");
        Ok(())
    })
    .await
}
