//! Which nodes of the host a tenant has: those that its selector leaves, while they have the label and no longer.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use warren_tests::{Stage, Tenant, condition, eventually};

const SOON: Duration = Duration::from_secs(30);
/// A label of the platform's own: a tenant may select by it, and does not see it.
const POOL: &str = "warren-e2e.example.com/pool";
/// In the pool from the beginning, and later.
const NODES: [&str; 2] = ["wn1", "wn2"];

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn nodes_come_and_go_with_the_label_that_the_tenant_selects() -> Result<()> {
    let stage = Stage::attach()?;
    let [first, second] = NODES;
    pool(&stage, first, "=nodes").await?;
    let spec = json!({ "nodes": { "selector": { POOL: "nodes" } } });
    let told = Tenant::with_spec("nodes", spec, |tenant| async move {
        has(&tenant, &[first]).await?;
        pool(&tenant.stage, second, "=nodes").await?;
        has(&tenant, &NODES).await?;
        for node in tenant.items(&["nodes"]).await? {
            ensure!(node["metadata"]["labels"][POOL].is_null(), "{}", node["metadata"]);
        }
        // Nothing runs there, so nothing holds it.
        pool(&tenant.stage, second, "-").await?;
        has(&tenant, &[first]).await
    })
    .await;
    for node in NODES {
        pool(&stage, node, "-").await?;
    }
    told
}

/// Gives the node the label, or takes it away.
async fn pool(stage: &Stage, node: &str, change: &str) -> Result<()> {
    let label = format!("{POOL}{change}");
    let labelled = stage
        .kubectl(&["label", "node", node, &label, "--overwrite"])
        .await;
    labelled.map(drop)
}

/// Waits until the tenant's Nodes are these, each of them ready.
async fn has(tenant: &Tenant, wanted: &[&str]) -> Result<()> {
    eventually(&format!("the Nodes are {wanted:?}"), SOON, || async {
        let nodes = tenant.items(&["nodes"]).await?;
        let ready = nodes
            .iter()
            .filter(|node| condition(node, "Ready")["status"] == "True");
        let names: Vec<_> = ready
            .map(|node| node["metadata"]["name"].as_str().unwrap_or_default())
            .collect();
        ensure!(names == wanted && nodes.len() == wanted.len(), "{nodes:?}");
        Ok(())
    })
    .await
}
