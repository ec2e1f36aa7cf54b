//! Readiness gates: a Service reaches a Pod when controllers of the tenant say that it may, and no longer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Tenant, condition, eventually};

use super::life::{host_pods, pod};

const MANIFEST: &str = include_str!("gates.yaml");
const URL: &str = "http://gated/hostname";
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_service_reaches_a_pod_while_its_readiness_gates_are_met() -> Result<()> {
    Tenant::with("gates", |tenant| async move {
        tenant.apply(MANIFEST).await?;
        let wait = [
            "wait",
            "pod/gated",
            "pod/client",
            "--for=condition=ContainersReady",
            "--timeout=60s",
        ];
        tenant.kubectl(&wait).await?;
        not_ready(
            &tenant,
            "corresponding condition of pod readiness gate \"example.com/in-pool\" does not exist., \
             corresponding condition of pod readiness gate \"warm\" does not exist.",
        )
        .await?;
        unreachable(&tenant).await?;

        say(&tenant, "example.com/in-pool", "True").await?;
        not_ready(
            &tenant,
            "corresponding condition of pod readiness gate \"warm\" does not exist.",
        )
        .await?;
        unreachable(&tenant).await?;

        say(&tenant, "warm", "True").await?;
        let is_ready = |pod: &Value| condition(pod, "Ready")["status"] == "True";
        let ready = pod(&tenant, "gated", "is ready", is_ready).await?;
        same_on_the_host(&tenant, &ready).await?;
        let answer = tenant.ask("client", URL).await?;
        ensure!(answer == "gated", "{answer}");

        say(&tenant, "warm", "False").await?;
        not_ready(
            &tenant,
            "the status of pod readiness gate \"warm\" is not \"True\", but False",
        )
        .await?;
        unreachable(&tenant).await
    })
    .await
}

/// A controller of the tenant speaks.
async fn say(tenant: &Tenant, gate: &str, status: &str) -> Result<()> {
    let patch = json!({ "status": { "conditions": [{ "type": gate, "status": status }] } }).to_string();
    let arguments = ["patch", "pod", "gated", "--subresource=status", "-p", &patch];
    tenant.kubectl(&arguments).await.map(|_patched| ())
}

/// As a kubelet says it, on both sides; and the tenant's Service has no endpoint.
async fn not_ready(tenant: &Tenant, message: &str) -> Result<()> {
    let says_so = |pod: &Value| condition(pod, "Ready")["message"] == message;
    let shown = pod(tenant, "gated", &format!("says: {message}"), says_so).await?;
    let ready = condition(&shown, "Ready");
    ensure!(
        ready["status"] == "False" && ready["reason"] == "ReadinessGatesNotReady",
        "{ready}"
    );
    ensure!(
        condition(&shown, "ContainersReady")["status"] == "True",
        "{shown}"
    );
    same_on_the_host(tenant, &shown).await
}

/// What the tenant reads is what the host's kubelet said, but for the words, and the host's copies stay there.
async fn same_on_the_host(tenant: &Tenant, shown: &Value) -> Result<()> {
    let below = host_pods(tenant, "gated").await?;
    let below = below.first().context("no host Pod")?;
    let (up, down) = (condition(shown, "Ready"), condition(below, "Ready"));
    for field in ["status", "reason", "lastTransitionTime"] {
        ensure!(up[field] == down[field], "{field} of {up}, on the host {down}");
    }
    for gate in ["example.com/in-pool", "warm"] {
        let on_host = match gate.split_once('/') {
            Some((prefix, name)) => format!("{prefix}.tenant.warren.dev/{name}"),
            None => format!("tenant.warren.dev/{gate}"),
        };
        let (up, down) = (condition(shown, gate), condition(below, &on_host));
        ensure!(
            up["status"] == down["status"],
            "{gate} is {up}, on the host {down}"
        );
    }
    let status = shown["status"].to_string();
    ensure!(!status.contains("tenant.warren.dev"), "{status}");
    Ok(())
}

/// No endpoint is ready on either side, and the ClusterIP does not answer.
async fn unreachable(tenant: &Tenant) -> Result<()> {
    eventually("no endpoint is ready on the host", SOON, || async {
        let services = tenant.stage.items(&["services", "-n", &tenant.workloads]).await?;
        let service = services
            .iter()
            .find(|service| service["metadata"]["annotations"]["warren.dev/origin-name"] == "gated")
            .and_then(|service| service["metadata"]["name"].as_str())
            .context("the Service is not on the host")?;
        let selector = format!("kubernetes.io/service-name={service}");
        let below = tenant
            .stage
            .items(&["endpointslices", "-n", &tenant.workloads, "-l", &selector])
            .await?;
        let above = tenant
            .items(&["endpointslices", "-l", "kubernetes.io/service-name=gated"])
            .await?;
        for slices in [&below, &above] {
            let endpoints: Vec<&Value> = slices
                .iter()
                .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten())
                .collect();
            let known = endpoints.len() == 1 && endpoints[0]["conditions"]["ready"] == false;
            ensure!(known, "endpoints {endpoints:?}");
        }
        let curl = ["exec", "client", "--", "curl", "-sS", "-m", "2", URL];
        match tenant.kubectl(&curl).await {
            Ok(answer) => anyhow::bail!("the Service answered {answer}"),
            // By then the name must be known: only the connection may fail.
            Err(error) => {
                let text = format!("{error:#}");
                ensure!(!text.contains("resolve"), "{text}");
            }
        }
        Ok(())
    })
    .await
}
