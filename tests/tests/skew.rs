//! Stories of a tenant whose Kubernetes is not the host's: `cargo xtask test --tier skew` tells them both ways round.

#![allow(
    clippy::indexing_slicing,
    clippy::duration_suboptimal_units,
    reason = "a test that meets an unexpected shape shall end there and say so"
)]

#[path = "skew/fields.rs"]
mod fields;
#[path = "skew/rest.rs"]
mod rest;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_devhost::Release;
use warren_tests::{Stage, Tenant, eventually, process};

/// Deployment, Service, ConfigMap, Secret and a client, as in the story of the whole path.
const PATH: &str = include_str!("e2e/path.yaml");
/// What other fields of a Pod's status come from: a sidecar, an init container, a Job's Pod that ends.
const MORE: &str = include_str!("skew/more.yaml");
/// The class with both versions.
const CLASS: &str = "skew";

#[tokio::test]
#[ignore = "needs embedded hosts of two versions: cargo xtask test --tier skew"]
async fn a_tenant_of_another_kubernetes_works_tells_all_rests_and_loses_nothing() -> Result<()> {
    let stage = Stage::attach()?;
    let other = stage.release().other();
    stage.apply(&class().to_string()).await?;
    let spec = json!({ "class": CLASS, "version": other.minor() });
    Tenant::with_spec("skew", spec, |tenant| async move {
        ensure!(
            version(&tenant).await? == other.patch(),
            "the tenant is not of {other}"
        );
        works(&tenant).await?;
        fields::complete(&tenant).await?;
        let before = uids(&tenant).await?;
        rest::silent(&tenant).await?;
        for component in ["syncer", "vkubelet"] {
            let selector = format!("app.kubernetes.io/component={component}");
            process::kill_some(&tenant.stage, &tenant.system, &selector, component).await?;
        }
        // They answer again, and have changed nothing: no Pod was made anew on either side.
        let echo = ["exec", "client", "--", "echo", "back"];
        eventually("exec works again", Duration::from_secs(60), || {
            tenant.kubectl(&echo)
        })
        .await?;
        rest::silent(&tenant).await?;
        let after = uids(&tenant).await?;
        ensure!(before == after, "Pods before {before:?}, after {after:?}");
        fields::complete(&tenant).await
    })
    .await
}

/// A class that offers both versions.
fn class() -> Value {
    let versions: Vec<Value> = [Release::Current, Release::Previous]
        .map(|release| {
            let image = |name: &str| format!("registry.k8s.io/{name}:{release}");
            json!({ "name": release.minor(), "release": release.patch(), "images": {
                "kubeApiserver": image("kube-apiserver"),
                "kubeControllerManager": image("kube-controller-manager"),
                "kubeScheduler": image("kube-scheduler"),
                "etcd": "registry.k8s.io/etcd:3.7.3-0",
                "coredns": "registry.k8s.io/coredns/coredns:v1.15.0",
            }})
        })
        .into();
    json!({
        "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualClusterClass",
        "metadata": { "name": CLASS }, "spec": { "versions": versions },
    })
}

/// What the tenant's apiserver says it is.
async fn version(tenant: &Tenant) -> Result<String> {
    let shown: Value = serde_json::from_str(&tenant.kubectl(&["get", "--raw", "/version"]).await?)?;
    let version = shown["gitVersion"].as_str().context("no gitVersion")?;
    Ok(version.to_owned())
}

async fn works(tenant: &Tenant) -> Result<()> {
    tenant.apply(PATH).await?;
    tenant.apply(MORE).await?;
    tenant.rolled_out("deployment/web").await?;
    tenant
        .kubectl(&[
            "wait",
            "pod/client",
            "pod/many",
            "--for=condition=Ready",
            "--timeout=60s",
        ])
        .await?;
    tenant
        .kubectl(&["wait", "job/once", "--for=condition=Complete", "--timeout=60s"])
        .await?;
    let answer = tenant.ask("client", "http://web.default/hostname").await?;
    ensure!(answer.starts_with("web-"), "web answered {answer}");
    let config = tenant
        .kubectl(&[
            "exec",
            "client",
            "--",
            "cat",
            "/config/greeting",
            "/secret/password",
        ])
        .await?;
    ensure!(config == "hellos3cret", "mounted: {config}");
    let logs = tenant.kubectl(&["logs", "job/once"]).await?;
    ensure!(logs.trim() == "done", "logs: {logs}");
    // An update that the kubelet has to act on, and a change of labels that it has not.
    tenant.kubectl(&["label", "pod", "client", "changed=yes"]).await?;
    tenant.kubectl(&["rollout", "restart", "deployment/web"]).await?;
    tenant.rolled_out("deployment/web").await?;
    eventually("old Pods of web are gone", Duration::from_secs(30), || async {
        let pods = tenant.items(&["pods", "-l", "app=web"]).await?;
        ensure!(pods.len() == 2, "{} Pods", pods.len());
        Ok(())
    })
    .await
}

/// The UID of each Pod in the tenant, and of the host's Pod that stands for it, with its restarts.
async fn uids(tenant: &Tenant) -> Result<BTreeMap<String, Vec<String>>> {
    let mut uids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let below = ["pods", "-n", &tenant.workloads];
    let all = [
        tenant.items(&["pods", "-A"]).await?,
        tenant.stage.items(&below).await?,
    ]
    .concat();
    for pod in &all {
        let meta = &pod["metadata"];
        let origin = &meta["annotations"]["warren.dev/origin-name"];
        let name = origin.as_str().or(meta["name"].as_str()).unwrap_or_default();
        let restarts: u64 = pod["status"]["containerStatuses"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|status| status["restartCount"].as_u64())
            .sum();
        let uid = format!("{} restarted {restarts}", meta["uid"]);
        uids.entry(name.to_owned()).or_default().push(uid);
    }
    Ok(uids)
}
