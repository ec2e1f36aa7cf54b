//! The tenant's own scheduler decides, in every way that Kubernetes has, and the host Pod is on that very node.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warren_devhost::command::output_with_input;
use warren_tests::{Tenant, eventually};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn whoever_schedules_in_the_tenant_decides_and_the_host_agrees() -> Result<()> {
    let packed = json!({ "schedulerName": "packed", "pluginConfig": [{ "name": "NodeResourcesFit", "args": {
        "scoringStrategy": { "type": "MostAllocated", "resources": [{ "name": "cpu", "weight": 1 }] } } }],
        "plugins": { "score": { "disabled": [{ "name": "PodTopologySpread" }, { "name": "NodeResourcesBalancedAllocation" }] } } });
    let profiles = json!([{ "schedulerName": "default-scheduler" }, packed]);
    let spec = json!({ "controlPlane": { "scheduler": { "profiles": profiles } } });
    Tenant::with_spec("scheduling", spec, |tenant| async move {
        let nodes = usable_nodes(&tenant).await?;
        let (first, second) = (&nodes[0], &nodes[1]);

        // A profile of the tenant's own.
        for name in ["packed-1", "packed-2", "packed-3"] {
            tenant.apply(&pod(name, json!({ "schedulerName": "packed" }))).await?;
        }
        let together: BTreeSet<_> = nodes_of(&tenant, "packed-", 3).await?.into_values().collect();
        ensure!(together.len() == 1, "packed on {together:?}");

        // A scheduler of the tenant's own, played by hand; a node named by hand.
        tenant.apply(&pod("bound", json!({ "schedulerName": "of-the-tenant" }))).await?;
        let binding = json!({ "apiVersion": "v1", "kind": "Binding", "metadata": { "name": "bound" },
            "target": { "apiVersion": "v1", "kind": "Node", "name": second } });
        let path = "/api/v1/namespaces/default/pods/bound/binding";
        let mut create = tenant.command("kubectl")?;
        create.args(["create", "--raw", path, "-f", "-"]);
        output_with_input(&mut create, &binding.to_string()).await?;
        tenant.apply(&pod("named", json!({ "nodeName": first }))).await?;
        let placed = nodes_of(&tenant, "bound", 1).await?;
        ensure!(placed.values().all(|node| node == second), "{placed:?}");
        let placed = nodes_of(&tenant, "named", 1).await?;
        ensure!(placed.values().all(|node| node == first), "{placed:?}");

        // Bound where it has no room, as a scheduler does that was beaten to it: it ends in the words of a kubelet.
        let too_much = json!({ "nodeName": first, "resources": { "requests": { "cpu": "1000" } } });
        tenant.apply(&pod("too-much", too_much)).await?;
        eventually("it is refused", SOON, || async {
            let status = &tenant.get("pod", "too-much").await?["status"];
            ensure!(status["phase"] == "Failed" && status["reason"] == "OutOfcpu", "{status}");
            Ok(())
        })
        .await?;
        tenant.kubectl(&["delete", "pod", "too-much"]).await?;

        // Gated: nothing of it is on the host until the gate is gone.
        tenant.apply(&pod("gated", json!({ "schedulingGates": [{ "name": "example.com/wait" }] }))).await?;
        eventually("it waits at its gate", SOON, || async {
            let pod = tenant.get("pod", "gated").await?;
            let reason = &pod["status"]["conditions"][0]["reason"];
            ensure!(reason == "SchedulingGated", "{}", pod["status"]);
            Ok(())
        })
        .await?;
        tenant.kubectl(&["patch", "pod", "gated", "--type=json", "-p", r#"[{"op":"remove","path":"/spec/schedulingGates"}]"#]).await?;
        nodes_of(&tenant, "gated", 1).await?;

        // Spread, counted for each revision by itself.
        let spread = json!([{ "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": { "matchLabels": { "app": "spread" } }, "matchLabelKeys": ["pod-template-hash"] }]);
        tenant.apply(&workload("Deployment", "spread", json!({ "topologySpreadConstraints": spread }))).await?;
        tenant.rolled_out("deployment/spread").await?;
        let apart: BTreeSet<_> = nodes_of(&tenant, "spread-", 2).await?.into_values().collect();
        ensure!(apart.len() == 2, "spread on {apart:?}");

        // One on every node that may be used.
        tenant.apply(&workload("DaemonSet", "everywhere", json!({}))).await?;
        tenant.rolled_out("daemonset/everywhere").await?;
        let everywhere: Vec<_> = nodes_of(&tenant, "everywhere-", nodes.len()).await?.into_values().collect();
        let distinct: BTreeSet<_> = everywhere.iter().collect();
        ensure!(distinct.len() == everywhere.len(), "{everywhere:?}");

        let below = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
        let on_host: BTreeMap<_, _> = below
            .iter()
            .map(|pod| (text(&pod["metadata"]["annotations"]["warren.dev/origin-uid"]), text(&pod["spec"]["nodeName"])))
            .collect();
        for pod in tenant.items(&["pods"]).await? {
            let there = on_host.get(&text(&pod["metadata"]["uid"]));
            ensure!(there == Some(&text(&pod["spec"]["nodeName"])), "{there:?} for {pod}");
        }
        Ok(())
    })
    .await
}

/// Names of the nodes that a Pod without tolerations may use.
async fn usable_nodes(tenant: &Tenant) -> Result<Vec<String>> {
    let nodes = tenant.items(&["nodes"]).await?;
    let free = nodes.iter().filter(|node| node["spec"]["taints"].is_null());
    let names: Vec<_> = free.map(|node| text(&node["metadata"]["name"])).collect();
    ensure!(names.len() >= 2, "two nodes are needed: {names:?}");
    Ok(names)
}

/// Waits until `count` Pods whose names begin so run; returns where each is.
async fn nodes_of(tenant: &Tenant, prefix: &str, count: usize) -> Result<BTreeMap<String, String>> {
    eventually(&format!("{count} of {prefix} run"), SOON, || async {
        let pods = tenant.items(&["pods"]).await?;
        let found: BTreeMap<_, _> = pods
            .iter()
            .filter(|pod| {
                pod["status"]["phase"] == "Running" && text(&pod["metadata"]["name"]).starts_with(prefix)
            })
            .map(|pod| (text(&pod["metadata"]["name"]), text(&pod["spec"]["nodeName"])))
            .collect();
        ensure!(found.len() == count, "{found:?}");
        Ok(found)
    })
    .await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The Pod's spec with what every Pod of the story has.
fn with_container(mut spec: Value) -> Value {
    spec["terminationGracePeriodSeconds"] = json!(0);
    spec["containers"] = json!([{ "name": "c", "image": IMAGE, "args": ["pause"],
        "resources": { "requests": { "cpu": "10m" } } }]);
    spec
}

fn pod(name: &str, spec: Value) -> String {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": with_container(spec) })
        .to_string()
}

fn workload(kind: &str, name: &str, spec: Value) -> String {
    let template = json!({ "metadata": { "labels": { "app": name } }, "spec": with_container(spec) });
    let mut object = json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name }, "spec": {
        "selector": { "matchLabels": { "app": name } }, "template": template } });
    if kind == "Deployment" {
        object["spec"]["replicas"] = json!(2);
    }
    object.to_string()
}
