//! `nodes.scheduling: Host`: the host's scheduler places a tenant's Pods by the tenant's own constraints, the tenant's Pods
//! are bound to those nodes, and what has no place says why and stays Pending.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant, condition, eventually};

use crate::life::pod;

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const WAIT: &str = "trap 'exit 0' TERM; while true; do sleep 0.2; done";
const SOON: Duration = Duration::from_secs(60);
const CLASS: &str = "e2e-host-scheduling";
/// What keeps two Pods of the Deployment apart.
const APART: &str = "no node of this cluster fits: podAntiAffinity";

/// What keeps a Pod from every node.
const NO_NODE: &str = "nodeSelector, node affinity or taints keep it from every node of this cluster";

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn the_host_places_pods_by_the_tenants_constraints_and_the_tenant_is_told_where() -> Result<()> {
    let stage = Stage::attach()?;
    class_allows_it(&stage).await?;
    let spec = json!({ "class": CLASS, "nodes": { "scheduling": "Host" } });
    Tenant::with_spec("host-scheduling", spec, |tenant| async move {
        there_is_no_scheduler(&tenant).await?;
        let nodes = nodes(&tenant).await?;
        tenant.apply(&daemon_set().to_string()).await?;
        tenant.apply(&deployment(nodes.len()).to_string()).await?;
        tenant.rolled_out("daemonset/everywhere").await?;
        tenant.rolled_out("deployment/apart").await?;
        ensure!(placed(&tenant, "app=everywhere").await? == nodes);
        ensure!(placed(&tenant, "app=apart").await? == nodes);
        are_the_hosts_places(&tenant).await?;
        what_has_no_place_says_why(&tenant, nodes.len()).await?;
        a_waiting_pod_goes_when_it_is_deleted(&tenant).await?;
        a_node_that_the_tenant_closes_is_left_alone(&tenant, &nodes).await?;
        it_cannot_be_changed(&tenant).await
    })
    .await?;
    stage
        .kubectl(&["delete", "virtualclusterclass", CLASS])
        .await
        .map(drop)
}

async fn class_allows_it(stage: &Stage) -> Result<()> {
    let differs = json!({ "scheduling": ["Host"] });
    stage.apply_class(CLASS, &differs).await
}

fn template(app: &str) -> Value {
    json!({ "metadata": { "labels": { "app": app } }, "spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [{ "name": "c", "image": IMAGE, "command": ["sh", "-c", WAIT] }],
    } })
}

fn daemon_set() -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": { "name": "everywhere" }, "spec": {
        "selector": { "matchLabels": { "app": "everywhere" } }, "template": template("everywhere") } })
}

/// Pods that must not meet.
fn deployment(replicas: usize) -> Value {
    let mut template = template("apart");
    template["spec"]["affinity"] = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{
        "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "apart" } } }] } });
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "apart" }, "spec": {
        "replicas": replicas, "selector": { "matchLabels": { "app": "apart" } }, "template": template } })
}

fn alone(name: &str, hostname: Option<&str>) -> Value {
    let mut pod = template(name);
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(name);
    if let Some(hostname) = hostname {
        pod["spec"]["nodeSelector"] = json!({ "kubernetes.io/hostname": hostname });
    }
    pod
}

async fn there_is_no_scheduler(tenant: &Tenant) -> Result<()> {
    let containers = "jsonpath={.spec.template.spec.containers[*].name}";
    let get = [
        "get",
        "deployment",
        "control-plane",
        "-n",
        &tenant.system,
        "-o",
        containers,
    ];
    let names = tenant.stage.kubectl(&get).await?;
    ensure!(names == "kube-controller-manager", "{names}");
    Ok(())
}

async fn nodes(tenant: &Tenant) -> Result<BTreeSet<String>> {
    let nodes = tenant.items(&["nodes"]).await?;
    Ok(nodes.iter().map(|node| text(&node["metadata"]["name"])).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The nodes of the tenant's Pods.
async fn placed(tenant: &Tenant, selector: &str) -> Result<BTreeSet<String>> {
    let pods = tenant.items(&["pods", "-l", selector]).await?;
    Ok(pods.iter().map(|pod| text(&pod["spec"]["nodeName"])).collect())
}

/// Host Pods of the Deployment are not pinned, and the tenant's are where the host's are.
async fn are_the_hosts_places(tenant: &Tenant) -> Result<()> {
    let selector = "tenant.warren.dev/app=apart";
    let on_host = tenant
        .stage
        .items(&["pods", "-n", &tenant.workloads, "-l", selector])
        .await?;
    ensure!(!on_host.is_empty(), "no host Pod has the label");
    for host in on_host {
        let affinity = &host["spec"]["affinity"];
        ensure!(affinity["nodeAffinity"].is_null(), "{affinity}");
        let name = text(&host["metadata"]["annotations"]["warren.dev/origin-name"]);
        let node = tenant
            .kubectl(&["get", "pod", &name, "-o", "jsonpath={.spec.nodeName}"])
            .await?;
        ensure!(
            host["spec"]["nodeName"] == json!(node),
            "{name} is on {node}: {host}"
        );
    }
    Ok(())
}

async fn what_has_no_place_says_why(tenant: &Tenant, nodes: usize) -> Result<()> {
    let replicas = format!("--replicas={}", nodes + 1);
    tenant.kubectl(&["scale", "deployment/apart", &replicas]).await?;
    eventually("the Pod that is too many says so", SOON, || async {
        let pods = tenant.items(&["pods", "-l", "app=apart"]).await?;
        let waits = pods.iter().find(|pod| pod["spec"]["nodeName"].is_null());
        let waits = waits.context("every Pod has a node")?;
        let scheduled = condition(waits, "PodScheduled");
        let said = [&scheduled["status"], &scheduled["reason"], &scheduled["message"]].map(text);
        ensure!(said == ["False", "Unschedulable", APART], "{scheduled}");
        ensure!(waits["status"]["phase"] == "Pending", "{waits}");
        let name = text(&waits["metadata"]["name"]);
        let about = format!("reason=FailedScheduling,involvedObject.name={name}");
        let events = tenant.items(&["events", "--field-selector", &about]).await?;
        ensure!(events.iter().any(|event| event["message"] == APART), "{events:?}");
        Ok(())
    })
    .await?;
    // Room makes it run.
    let selector = format!("--replicas={nodes}");
    tenant.kubectl(&["scale", "deployment/apart", &selector]).await?;
    tenant.rolled_out("deployment/apart").await
}

async fn a_waiting_pod_goes_when_it_is_deleted(tenant: &Tenant) -> Result<()> {
    tenant
        .apply(&alone("nowhere", Some("no-such-node")).to_string())
        .await?;
    let on_host = || async {
        let selector = "tenant.warren.dev/app=nowhere";
        tenant
            .stage
            .items(&["pods", "-n", &tenant.workloads, "-l", selector])
            .await
    };
    eventually("it is on the host", SOON, || async {
        ensure!(on_host().await?.len() == 1, "it is not");
        Ok(())
    })
    .await?;
    eventually("it is explained", SOON, || async {
        let explained = tenant.explain("nowhere").await?;
        let why = "Placed by the host's scheduler: since ";
        ensure!(explained.contains(why), "{explained}");
        ensure!(explained.contains(NO_NODE), "{explained}");
        ensure!(
            explained.contains("kubectl get nodes --show-labels"),
            "{explained}"
        );
        Ok(())
    })
    .await?;
    tenant
        .kubectl(&["delete", "pod", "nowhere", "--timeout=30s"])
        .await?;
    eventually("it is gone from the host", SOON, || async {
        ensure!(on_host().await?.is_empty(), "it is not");
        Ok(())
    })
    .await
}

async fn a_node_that_the_tenant_closes_is_left_alone(
    tenant: &Tenant,
    nodes: &BTreeSet<String>,
) -> Result<()> {
    let closed = nodes.first().context("there is no Node")?;
    tenant.kubectl(&["cordon", closed]).await?;
    tenant.apply(&alone("there", Some(closed)).to_string()).await?;
    let says_no = |pod: &Value| condition(pod, "PodScheduled")["reason"] == "Unschedulable";
    pod(tenant, "there", "has no place on the closed Node", says_no).await?;
    // It is asked for anew.
    tenant.kubectl(&["uncordon", closed]).await?;
    let runs = |pod: &Value| pod["status"]["phase"] == "Running" && pod["spec"]["nodeName"] == json!(closed);
    pod(tenant, "there", "runs on the Node that is open again", runs).await?;
    Ok(())
}

async fn it_cannot_be_changed(tenant: &Tenant) -> Result<()> {
    let change = json!({ "nodes": { "scheduling": "Tenant" } });
    let refused = tenant.patch_spec(&change).await;
    let error = refused.err().context("the change was taken")?;
    let message = format!("{error:#}");
    ensure!(message.contains("`nodes.scheduling` is immutable"), "{message}");
    Ok(())
}
