//! Events: what the host's kubelet says of a Pod is on the tenant's Pod, in the tenant's names and once.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warren_tests::{Tenant, eventually, process};

const MANIFEST: &str = include_str!("events.yaml");
/// Pod, reason, and what the message has.
const EXPECTED: [(&str, &str, &str); 5] = [
    ("unhealthy", "Started", ""),
    ("unhealthy", "Unhealthy", "Readiness probe failed"),
    ("no-image", "Failed", "registry.invalid/nobody/has-this:1"),
    ("no-image", "BackOff", "registry.invalid/nobody/has-this:1"),
    ("no-config", "FailedMount", "\"settings\" not found"),
];

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn what_the_hosts_kubelet_says_is_on_the_tenants_pod_without_the_hosts_names() -> Result<()> {
    Tenant::with("events", |tenant| async move {
        tenant.apply(MANIFEST).await?;
        for (pod, reason, message) in EXPECTED {
            let event = eventually(&format!("{reason} of {pod}"), Duration::from_secs(60), || async {
                let events = of(&tenant, pod, reason).await?;
                let found = events.into_iter().find(|event| said(event).contains(message));
                found.with_context(|| format!("no {reason} with '{message}'"))
            })
            .await?;
            is_the_tenants(&tenant, pod, &event).await?;
        }
        let field = &of(&tenant, "unhealthy", "Unhealthy").await?[0]["involvedObject"]["fieldPath"];
        ensure!(field == "spec.containers{web}", "{field}");
        ensure!(
            of(&tenant, "unhealthy", "Scheduled").await?.len() == 1,
            "scheduled twice"
        );
        nothing_of_the_host(&tenant).await?;
        counted_and_not_multiplied(&tenant).await
    })
    .await
}

async fn of(tenant: &Tenant, pod: &str, reason: &str) -> Result<Vec<Value>> {
    let selector = format!("--field-selector=involvedObject.name={pod},reason={reason}");
    tenant.items(&["events", &selector]).await
}

fn said(event: &Value) -> &str {
    event["message"].as_str().unwrap_or_default()
}

/// About the very Pod, by the kubelet of its node: what `kubectl describe` looks for.
async fn is_the_tenants(tenant: &Tenant, pod: &str, event: &Value) -> Result<()> {
    let pod = tenant.kubectl(&["get", "pod", pod, "-o", "json"]).await?;
    let pod: Value = serde_json::from_str(&pod)?;
    ensure!(
        event["involvedObject"]["uid"] == pod["metadata"]["uid"],
        "{event}"
    );
    let source = &event["source"];
    ensure!(
        source["component"] == "kubelet" && source["host"] == pod["spec"]["nodeName"],
        "{source}"
    );
    Ok(())
}

async fn nothing_of_the_host(tenant: &Tenant) -> Result<()> {
    let below = tenant
        .stage
        .items(&["pods,configmaps,secrets", "-n", &tenant.workloads])
        .await?;
    let metadata = below.iter().map(|object| &object["metadata"]);
    // What the host gives to every namespace has no name of a tenant's object.
    let own = metadata.filter(|metadata| {
        !metadata["annotations"]["warren.dev/origin-kind"].is_null()
            || !metadata["annotations"]["warren.dev/origin-name"].is_null()
    });
    let hidden = own.flat_map(|metadata| [&metadata["name"], &metadata["uid"]]);
    let mut hidden: Vec<String> = hidden.filter_map(Value::as_str).map(str::to_owned).collect();
    hidden.extend([tenant.workloads.clone(), tenant.system.clone()]);
    let events = serde_json::to_string(&tenant.items(&["events", "-A"]).await?)?;
    for name in hidden {
        ensure!(!events.contains(&name), "{name} in the tenant's Events");
    }
    Ok(())
}

/// The probe goes on failing: the same Event counts on, also by a syncer that has just started.
async fn counted_and_not_multiplied(tenant: &Tenant) -> Result<()> {
    let count = async || -> Result<i64> {
        let events = of(tenant, "unhealthy", "Unhealthy").await?;
        ensure!(events.len() == 1, "{} Events", events.len());
        events[0]["count"].as_i64().context("no count")
    };
    let before = count().await?;
    process::kill_some(
        &tenant.stage,
        &tenant.system,
        "app.kubernetes.io/component=syncer",
        "syncer",
    )
    .await?;
    // A kubelet lets 25 through and then one every five minutes, so not for long.
    eventually("the count goes on", Duration::from_secs(30), || async {
        let now = count().await?;
        ensure!(now > before || now >= 20, "{now}");
        Ok(())
    })
    .await
}
