//! Deleting a virtual cluster ends and leaves nothing on the host.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use warren_tests::tenant::delete;
use warren_tests::{Stage, Tenant, eventually, process};

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn deleting_leaves_nothing_on_the_host() -> Result<()> {
    let stage = Stage::attach()?;
    // With a volume for etcd, so that a claim and a PersistentVolume have to go as well.
    let tenant = Tenant::create(&stage, "gone", &json!({})).await?;
    tenant.apply(include_str!("path.yaml")).await?;
    tenant.rolled_out("deployment/web").await?;
    ensure!(
        !leftovers(&tenant).await?.is_empty(),
        "the count by label must see what is there"
    );
    ensure!(
        !volumes(&tenant).await?.is_empty(),
        "the count of volumes must see etcd's"
    );
    delete(&stage, "gone").await?;
    let left = leftovers(&tenant).await?;
    ensure!(left.is_empty(), "left on the host: {left:?}");
    // The host's provisioner reclaims what no claim holds any more, with a Pod of its own.
    eventually("the volumes are gone", Duration::from_secs(60), || async {
        let left = volumes(&tenant).await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn deleting_ends_also_with_a_dead_apiserver_and_stuck_pods_in_the_tenant() -> Result<()> {
    let stage = Stage::attach()?;
    let tenant = Tenant::create(
        &stage,
        "stuck",
        &json!({ "datastore": { "etcd": { "ephemeral": true } } }),
    )
    .await?;
    tenant.apply(include_str!("path.yaml")).await?;
    tenant.rolled_out("deployment/web").await?;
    tenant
        .kubectl(&[
            "patch",
            "pod",
            "client",
            "-p",
            r#"{"metadata":{"finalizers":["example.com/never"]}}"#,
        ])
        .await?;
    for container in ["kube-apiserver", "kube-controller-manager"] {
        process::kill_some(
            &stage,
            &tenant.system,
            "app.kubernetes.io/component=control-plane",
            container,
        )
        .await?;
    }
    process::kill_some(&stage, &tenant.system, "app.kubernetes.io/component=etcd", "etcd").await?;
    delete(&stage, "stuck").await?;
    let left = leftovers(&tenant).await?;
    ensure!(left.is_empty(), "left on the host: {left:?}");
    Ok(())
}

/// Every object of the host, of every kind that can be listed, that carries the cluster's label or is in one of
/// its namespaces; cluster-scoped kinds too.
async fn leftovers(tenant: &Tenant) -> Result<Vec<String>> {
    let stage = &tenant.stage;
    let id = tenant.workloads.trim_start_matches("wc-");
    let mut left = Vec::new();
    for namespaced in ["true", "false"] {
        let resources = [
            "api-resources",
            "--verbs=list",
            "-o",
            "name",
            &format!("--namespaced={namespaced}"),
        ];
        let kinds = stage.kubectl(&resources).await?;
        let kinds: Vec<_> = kinds
            .lines()
            .filter(|k| !k.ends_with(".metrics.k8s.io"))
            .collect();
        let selector = format!("warren.dev/cluster={id}");
        let get = ["get", &kinds.join(","), "-A", "-l", &selector, "-o", "name"];
        left.extend(stage.kubectl(&get).await?.lines().map(str::to_owned));
    }
    let namespaces = stage.kubectl(&["get", "namespaces", "-o", "name"]).await?;
    left.extend(namespaces.lines().filter(|n| n.contains(id)).map(str::to_owned));
    Ok(left)
}

/// The host's volumes of this cluster's claims.
async fn volumes(tenant: &Tenant) -> Result<Vec<String>> {
    let id = tenant.workloads.trim_start_matches("wc-");
    let volumes = tenant.stage.items(&["persistentvolumes"]).await?;
    let ours = volumes.iter().filter(|volume| {
        let claimed_in = volume["spec"]["claimRef"]["namespace"].as_str();
        claimed_in.is_some_and(|namespace| namespace.contains(id))
    });
    Ok(ours
        .map(|volume| volume["metadata"]["name"].to_string())
        .collect())
}
