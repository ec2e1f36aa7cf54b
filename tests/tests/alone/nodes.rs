//! Nodes of a tenant are those of the host: what happens to a machine shows, and what happens to Warren does not.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Tenant, condition, eventually, process};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(60);
/// The host's own controllers take 50 s to find that a kubelet is silent.
const FOUND_DEAD: Duration = Duration::from_secs(120);
/// The node to which things happen. The tenant's control plane may be there: its processes run on.
const NODE: &str = "wn2";
/// Far longer than the leases of the nodes are short of, and than the shortest toleration.
const LOST: Duration = Duration::from_secs(60);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn the_pods_of_a_dead_node_run_elsewhere_and_patient_ones_wait_for_it() -> Result<()> {
    Tenant::with("dead-node", |tenant| async move {
        // One that may run on either node, but begins on the one that dies; and one that has the usual patience.
        tenant.apply(&deployment("hasty", Some(5))).await?;
        tenant.apply(&deployment("patient", None)).await?;
        for name in ["hasty", "patient"] {
            tenant.rolled_out(&format!("deployment/{name}")).await?;
        }
        let (hasty, patient) = (
            on_node(&tenant, "hasty").await?,
            on_node(&tenant, "patient").await?,
        );
        ensure!(hasty.1 == NODE && patient.1 == NODE, "{hasty:?} {patient:?}");

        let part = async {
            eventually("the tenant's Node is not ready", FOUND_DEAD, || async {
                let (above, below) = (tenant.get("node", NODE).await?, host_node(&tenant).await?);
                let (above, below) = (ready(&above), ready(&below));
                ensure!(below != "True", "the host has not found it yet");
                ensure!(above == below, "{above} in the tenant, {below} on the host");
                Ok(())
            })
            .await?;
            eventually("the Node has the taint that follows", SOON, || async {
                let taints = tenant.get("node", NODE).await?["spec"]["taints"].to_string();
                ensure!(taints.contains("node.kubernetes.io/unreachable"), "{taints}");
                Ok(())
            })
            .await?;
            let replacement = eventually("its hasty Pod runs elsewhere", SOON, || async {
                let now = on_node(&tenant, "hasty").await?;
                ensure!(now.0 != hasty.0 && now.1 != NODE, "{now:?}");
                Ok(now)
            })
            .await?;
            let waiting = on_node(&tenant, "patient").await?;
            ensure!(waiting == patient, "{waiting:?} instead of {patient:?}");
            eventually("who waits is not ready", SOON, || async {
                let pod = tenant.get("pod", &patient.0).await?;
                let ready = condition(&pod, "Ready");
                ensure!(ready["status"] == "False", "{ready}");
                Ok(())
            })
            .await?;
            Ok(replacement)
        };
        let replacement = tenant.stage.paused("kubelet", NODE, part).await?;

        eventually("the Node is as before", SOON, || async {
            let node = tenant.get("node", NODE).await?;
            ensure!(ready(&node) == "True", "{}", node["status"]["conditions"]);
            ensure!(node["spec"]["taints"].is_null(), "{}", node["spec"]["taints"]);
            Ok(())
        })
        .await?;
        eventually("the old Pod is gone and the others run", SOON, || async {
            let pods = tenant.items(&["pods"]).await?;
            let names: BTreeSet<_> = pods
                .iter()
                .filter_map(|pod| pod["metadata"]["name"].as_str())
                .collect();
            let wanted = BTreeSet::from([replacement.0.as_str(), patient.0.as_str()]);
            ensure!(names == wanted, "{names:?} instead of {wanted:?}");
            let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
            ensure!(below.len() == wanted.len(), "{} host Pods", below.len());
            let pod = tenant.get("pod", &patient.0).await?;
            let ready = condition(&pod, "Ready");
            ensure!(ready["status"] == "True", "{ready}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_lost_host_api_or_a_vkubelet_that_starts_anew_evicts_nobody() -> Result<()> {
    Tenant::with("lost-host", |tenant| async move {
        tenant.apply(&deployment("hasty", Some(1))).await?;
        tenant.apply(&deployment("patient", None)).await?;
        for name in ["hasty", "patient"] {
            tenant.rolled_out(&format!("deployment/{name}")).await?;
        }
        let before = uids(&tenant).await?;
        let selector = "app.kubernetes.io/component=vkubelet";
        process::kill_some(&tenant.stage, &tenant.system, selector, "vkubelet").await?;
        let lost = async {
            // Not waited for: it is the time itself that must pass without anything happening.
            tokio::time::sleep(LOST).await;
            Ok(())
        };
        tenant.stage.paused_process("kube-apiserver", lost).await?;
        tenant.stage.kubectl(&["get", "--raw", "/readyz"]).await?;
        // The vkubelet has caught up when something new runs.
        tenant
            .kubectl(&["scale", "deployment/patient", "--replicas=2"])
            .await?;
        tenant.rolled_out("deployment/patient").await?;
        let after = uids(&tenant).await?;
        ensure!(after.is_superset(&before), "{before:?} became {after:?}");
        for node in tenant.items(&["nodes"]).await? {
            ensure!(node["spec"]["taints"].is_null(), "{}", node["spec"]);
            ensure!(ready(&node) == "True", "{}", node["status"]["conditions"]);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_node_is_the_hosts_and_what_the_tenant_adds_is_the_tenants() -> Result<()> {
    Tenant::with("node-owner", |tenant| async move {
        // What the platform does shows.
        tenant.stage.kubectl(&["cordon", NODE]).await?;
        tenant.stage.kubectl(&["label", "node", NODE, "topology.kubernetes.io/zone=e2e-zone", "--overwrite"]).await?;
        let told = platform_shows(&tenant).await;
        tenant.stage.kubectl(&["uncordon", NODE]).await?;
        tenant.stage.kubectl(&["label", "node", NODE, "topology.kubernetes.io/zone-"]).await?;
        told?;
        eventually("the Node can be used again", SOON, || async {
            let node = tenant.get("node", NODE).await?;
            ensure!(node["spec"]["unschedulable"].is_null(), "{}", node["spec"]);
            ensure!(node["metadata"]["labels"]["topology.kubernetes.io/zone"].is_null(), "{}", node["metadata"]["labels"]);
            Ok(())
        })
        .await?;

        // What the tenant adds stays, is its scheduler's, and does not reach the host.
        tenant.kubectl(&["label", "node", NODE, "team=blue", "kubernetes.io/os=plan9", "--overwrite"]).await?;
        tenant.kubectl(&["taint", "node", NODE, "team=blue:NoSchedule"]).await?;
        let lie = json!({ "status": { "allocatable": { "cpu": "1000" }, "capacity": { "example.com/gold": "7" } } });
        tenant.kubectl(&["patch", "node", NODE, "--subresource=status", "--type=merge", "-p", &lie.to_string()]).await?;
        eventually("what is Warren's is put back", SOON, || async {
            let node = tenant.get("node", NODE).await?;
            ensure!(node["metadata"]["labels"]["kubernetes.io/os"] == "linux", "{}", node["metadata"]["labels"]);
            ensure!(node["status"]["allocatable"]["cpu"] != "1000", "{}", node["status"]["allocatable"]);
            // A resource that the host does not have is the tenant's own, and may be used.
            ensure!(node["status"]["allocatable"]["example.com/gold"] == "7", "{}", node["status"]["allocatable"]);
            Ok(())
        })
        .await?;
        let own = tenant.get("node", NODE).await?;
        ensure!(own["metadata"]["labels"]["team"] == "blue", "{}", own["metadata"]["labels"]);
        tenant.apply(&deployment("elsewhere", Some(1))).await?;
        tenant.rolled_out("deployment/elsewhere").await?;
        let placed = on_node(&tenant, "elsewhere").await?;
        ensure!(placed.1 != NODE, "{placed:?}");
        own_resource_is_counted(&tenant).await?;
        let below = host_node(&tenant).await?;
        ensure!(below["status"]["capacity"]["example.com/gold"].is_null(), "{}", below["status"]["capacity"]);
        ensure!(below["metadata"]["labels"]["team"].is_null() && below["spec"]["taints"].is_null(), "{below}");

        // A Node that is none of Warren's is nobody's business.
        let foreign = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "of-another-kubelet", "labels": { "type": "virtual" } } });
        tenant.apply(&foreign.to_string()).await?;
        // Deleted by the tenant, Warren's own comes back.
        tenant.kubectl(&["delete", "node", NODE]).await?;
        eventually("the deleted Node is back", SOON, || async {
            let node = tenant.get("node", NODE).await?;
            ensure!(ready(&node) == "True", "{}", node["status"]["conditions"]);
            Ok(())
        })
        .await?;
        let foreign = tenant.kubectl(&["get", "node", "of-another-kubelet", "-o", "json"]).await?;
        let foreign: Value = serde_json::from_str(&foreign).context("not JSON")?;
        ensure!(foreign["metadata"]["annotations"]["warren.dev/asserted"].is_null(), "{foreign}");
        ensure!(foreign["status"]["allocatable"].is_null(), "{foreign}");
        Ok(())
    })
    .await
}

/// The tenant's scheduler counts what the tenant gave its Node, and the host never hears of it.
async fn own_resource_is_counted(tenant: &Tenant) -> Result<()> {
    let tolerations = json!([{ "key": "team", "operator": "Exists" }]);
    let pod = |name: &str| {
        let gold = json!({ "example.com/gold": "4" });
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": {
            "terminationGracePeriodSeconds": 0, "tolerations": tolerations,
            "containers": [{ "name": "c", "image": IMAGE, "args": ["pause"], "resources": { "limits": gold } }] } })
    };
    tenant.apply(&pod("rich").to_string()).await?;
    tenant
        .kubectl(&["wait", "pod/rich", "--for=condition=Ready", "--timeout=60s"])
        .await?;
    tenant.apply(&pod("richer").to_string()).await?;
    eventually("the second one finds too little", SOON, || async {
        let pod = tenant.get("pod", "richer").await?;
        let scheduled = condition(&pod, "PodScheduled");
        let message = scheduled["message"].as_str().unwrap_or_default();
        ensure!(message.contains("Insufficient example.com/gold"), "{scheduled}");
        Ok(())
    })
    .await?;
    let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
    ensure!(
        !json!(below).to_string().contains("example.com/gold"),
        "{below:?}"
    );
    Ok(())
}

async fn platform_shows(tenant: &Tenant) -> Result<()> {
    eventually("the cordon and the zone show", SOON, || async {
        let node = tenant.get("node", NODE).await?;
        ensure!(node["spec"]["unschedulable"] == true, "{}", node["spec"]);
        let zone = &node["metadata"]["labels"]["topology.kubernetes.io/zone"];
        ensure!(zone == "e2e-zone", "{zone}");
        Ok(())
    })
    .await
}

/// One replica that prefers the node to which things happen; with `seconds`, that is how long it stays on a dead one.
fn deployment(name: &str, seconds: Option<u32>) -> String {
    let tolerations: Vec<_> = seconds
        .into_iter()
        .flat_map(|seconds| {
            ["not-ready", "unreachable"].map(|state| {
                json!({ "key": format!("node.kubernetes.io/{state}"), "operator": "Exists", "effect": "NoExecute",
                    "tolerationSeconds": seconds })
            })
        })
        .collect();
    let terms = json!([{ "weight": 100, "preference": { "matchExpressions": [
        { "key": "kubernetes.io/hostname", "operator": "In", "values": [NODE] }] } }]);
    let affinity = json!({ "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": terms } });
    let template = json!({ "metadata": { "labels": { "app": name } }, "spec": {
        "terminationGracePeriodSeconds": 1, "tolerations": tolerations, "affinity": affinity,
        "containers": [{ "name": "c", "image": IMAGE, "args": ["pause"] }] } });
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name }, "spec": {
        "replicas": 1, "selector": { "matchLabels": { "app": name } }, "template": template } })
    .to_string()
}

/// Name and node of the one Pod of a Deployment that is wanted and runs.
async fn on_node(tenant: &Tenant, app: &str) -> Result<(String, String)> {
    let pods = tenant.items(&["pods", "-l", &format!("app={app}")]).await?;
    let stays =
        |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null() && pod["status"]["phase"] == "Running";
    let pod = pods
        .iter()
        .find(stays)
        .with_context(|| format!("no running Pod of {app}"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok((text(&pod["metadata"]["name"]), text(&pod["spec"]["nodeName"])))
}

async fn uids(tenant: &Tenant) -> Result<BTreeSet<String>> {
    let pods = tenant.items(&["pods"]).await?;
    let stays = pods
        .iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    Ok(stays.map(|pod| pod["metadata"]["uid"].to_string()).collect())
}

async fn host_node(tenant: &Tenant) -> Result<Value> {
    let text = tenant.stage.kubectl(&["get", "node", NODE, "-o", "json"]).await?;
    serde_json::from_str(&text).context("not JSON")
}

fn ready(node: &Value) -> &Value {
    &condition(node, "Ready")["status"]
}
