//! Killing what runs: convergence with nothing twice and nothing lost, and workloads that run on.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use warren_tests::{Tenant, eventually, process};

const REPLICAS: usize = 8;

fn deployment() -> String {
    include_str!("crash.yaml").replace("REPLICAS", &REPLICAS.to_string())
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn killing_syncer_and_vkubelet_while_pods_are_created_duplicates_and_loses_nothing() -> Result<()> {
    Tenant::with("killed", |tenant| async move {
        tenant.apply(&deployment()).await?;
        for round in 0..3 {
            // Each time at another moment of the work: as soon as one more host Pod is there.
            eventually("Pods are being created", Duration::from_secs(60), || async {
                let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
                ensure!(below.len() > round, "{} host Pods", below.len());
                Ok(())
            })
            .await?;
            for agent in ["syncer", "vkubelet"] {
                let selector = format!("app.kubernetes.io/component={agent}");
                process::kill(&tenant.stage, &tenant.system, &selector, agent).await?;
            }
        }
        eventually("all Pods run", Duration::from_secs(150), || async {
            tenant
                .kubectl(&["rollout", "status", "deployment/many", "--timeout=1s"])
                .await
        })
        .await?;
        let pods = tenant.items(&["pods", "-l", "app=many"]).await?;
        let running = pods
            .iter()
            .filter(|pod| pod["status"]["phase"] == "Running")
            .count();
        ensure!(
            running == REPLICAS,
            "{running} of {} Pods run in the tenant",
            pods.len()
        );
        let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
        let origins: BTreeSet<_> = below
            .iter()
            .map(|pod| pod["metadata"]["annotations"]["warren.dev/origin-uid"].to_string())
            .collect();
        ensure!(
            below.len() == REPLICAS && origins.len() == REPLICAS,
            "{} host Pods, {origins:?}",
            below.len()
        );
        // What is deleted while they are dead goes when they are back.
        for agent in ["syncer", "vkubelet"] {
            let selector = format!("app.kubernetes.io/component={agent}");
            // After three kills the host's kubelet backs off before it starts the container again.
            eventually(
                &format!("{agent} runs and is killed"),
                Duration::from_secs(90),
                || async { process::kill_some(&tenant.stage, &tenant.system, &selector, agent).await },
            )
            .await?;
        }
        tenant
            .kubectl(&[
                "delete",
                "deployment/many",
                "--cascade=background",
                "--wait=false",
            ])
            .await?;
        eventually(
            "all Pods are gone on both sides",
            Duration::from_secs(120),
            || async {
                let above = tenant.items(&["pods", "-l", "app=many"]).await?;
                let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
                ensure!(
                    above.is_empty() && below.is_empty(),
                    "{} in the tenant, {} below",
                    above.len(),
                    below.len()
                );
                Ok(())
            },
        )
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn pods_and_dns_go_on_while_the_tenants_apiserver_is_down_for_a_minute() -> Result<()> {
    Tenant::with("down", |tenant| async move {
        tenant.apply(&deployment()).await?;
        tenant.rolled_out("deployment/many").await?;
        let before = fingerprints(&tenant).await?;
        let client = before
            .iter()
            .next()
            .map(|(name, _, _)| name.clone())
            .unwrap_or_default();

        let begun = Instant::now();
        let mut killed = 0;
        while begun.elapsed() < Duration::from_secs(60) {
            let selector = "app.kubernetes.io/component=control-plane";
            killed += process::kill(&tenant.stage, &tenant.system, selector, "kube-apiserver").await?;
            // Asked through the host, since the tenant's own API is what is down.
            let exec = [
                "exec",
                &client,
                "-n",
                &tenant.workloads,
                "--",
                "wget",
                "-qO-",
                "http://many/hostname",
            ];
            let answer = tenant.stage.kubectl(&exec).await?;
            ensure!(answer.starts_with("many-"), "{answer}");
        }
        ensure!(killed > 0, "nothing was down");
        eventually("the API is back", Duration::from_secs(180), || async {
            tenant.kubectl(&["get", "--raw", "/readyz"]).await
        })
        .await?;
        tenant.rolled_out("deployment/many").await?;
        ensure!(
            fingerprints(&tenant).await? == before,
            "Pods were replaced or restarted"
        );
        // And the cluster works again: a new Pod runs.
        tenant
            .kubectl(&[
                "scale",
                "deployment/many",
                &format!("--replicas={}", REPLICAS + 1),
            ])
            .await?;
        tenant.rolled_out("deployment/many").await
    })
    .await
}

/// Name, UID and restarts of every host Pod.
async fn fingerprints(tenant: &Tenant) -> Result<BTreeSet<(String, String, String)>> {
    let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
    Ok(below
        .iter()
        .map(|pod| {
            let restarts = pod["status"]["containerStatuses"][0]["restartCount"].to_string();
            let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            (name, pod["metadata"]["uid"].to_string(), restarts)
        })
        .collect())
}
