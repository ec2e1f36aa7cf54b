//! Ways to reach the tenant's API: the address is in the kubeconfig and in the certificate.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::tenant::{NAMESPACE, delete};
use warren_tests::{Stage, Tenant, eventually};

fn spec(expose: &str) -> Value {
    json!({ "datastore": { "etcd": { "ephemeral": true } }, "access": { "expose": expose } })
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_node_port_is_in_the_kubeconfig_and_in_the_certificate() -> Result<()> {
    let stage = Stage::attach()?;
    let told = node_port(&stage).await;
    delete(&stage, "by-port").await?;
    told
}

async fn node_port(stage: &Stage) -> Result<()> {
    let tenant = Tenant::create(stage, "by-port", &spec("NodePort")).await?;
    let shown = tenant
        .kubectl(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"])
        .await?;
    ensure!(
        shown.starts_with("https://10.88.0.1"),
        "the kubeconfig says {shown}"
    );
    // kubectl verifies the certificate against that very address.
    ensure!(
        tenant.items(&["nodes"]).await?.len() == stage.nodes().len(),
        "nodes through the node's port"
    );
    Ok(())
}

/// The embedded host has no load balancer: the test plays its part on the host's Service, with a node's address.
#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_load_balancers_address_is_in_the_kubeconfig_and_in_the_certificate() -> Result<()> {
    let stage = Stage::attach()?;
    let told = load_balancer(&stage).await;
    delete(&stage, "balanced").await?;
    told
}

async fn load_balancer(stage: &Stage) -> Result<()> {
    const ADDRESS: &str = "203.0.113.7"; // TEST-NET-3 (RFC 5737): nobody's, and nothing is sent to it.
    let balancer = async {
        let system = eventually(
            "the Service of the API is there",
            Duration::from_secs(30),
            || async {
                let get = [
                    "get",
                    "virtualcluster",
                    "balanced",
                    "-n",
                    NAMESPACE,
                    "-o",
                    "jsonpath={.status.namespaces.system}",
                ];
                let system = stage.kubectl(&get).await?;
                ensure!(!system.is_empty(), "no namespace yet");
                stage.kubectl(&["get", "service", "api", "-n", &system]).await?;
                Ok(system)
            },
        )
        .await?;
        let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": ADDRESS }] } } }).to_string();
        let patch = [
            "patch",
            "service",
            "api",
            "-n",
            &system,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status,
        ];
        stage.kubectl(&patch).await
    };
    let spec = spec("LoadBalancer");
    let (played, tenant) = tokio::join!(balancer, Tenant::create(stage, "balanced", &spec));
    played?;
    let tenant = tenant?;
    let server = tenant
        .kubectl(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"])
        .await?;
    ensure!(
        server == format!("https://{ADDRESS}:443") || server == format!("https://{ADDRESS}"),
        "server {server}"
    );
    // The same certificate, asked for at the Service's own address but verified against the load balancer's.
    let api = stage
        .kubectl(&[
            "get",
            "service",
            "api",
            "-n",
            &tenant.system,
            "-o",
            "jsonpath={.spec.clusterIP}",
        ])
        .await?;
    let own = format!("https://{api}:443");
    let version = tenant
        .kubectl(&[
            "--server",
            &own,
            "--tls-server-name",
            ADDRESS,
            "version",
            "-o",
            "json",
        ])
        .await?;
    let version: Value = serde_json::from_str(&version).context("kubectl version printed no JSON")?;
    ensure!(version["serverVersion"]["minor"] == "37", "{version}");
    Ok(())
}
