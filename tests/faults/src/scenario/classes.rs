//! What comes up because the class offers it: StorageClasses with what a scheduler asks of their drivers, classes of
//! Ingresses, priorities and runtimes.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Story, make_on_host, step};
use crate::bench::{Bench, OTHERS};

const STORAGE: &str = "/apis/storage.k8s.io/v1";
const INGRESS_CLASSES: &str = "/apis/networking.k8s.io/v1/ingressclasses";
const PRIORITY_CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses";
const RUNTIME_CLASSES: &str = "/apis/node.k8s.io/v1/runtimeclasses";
const DRIVER: &str = "disk.example.com";

/// The story.
pub const STORY: Story = &[
    step!("the syncer starts, of a host with a class of each kind", start),
    step!("what may change of them changes", open_parts_change),
    step!("what may not change of them is made anew", fixed_parts_change),
    step!("the tenant deletes what it was shown", tenant_deletes),
    step!("a Node comes, with its drivers", node_comes),
    step!(
        "the StorageClass goes, and with it what is asked of its driver",
        storage_goes
    ),
    step!("it comes back", storage_is_back),
    step!("the drivers of the Nodes go", drivers_go),
    step!("all else goes", all_goes),
];

fn collection(resource: &str) -> String {
    format!("{STORAGE}/{resource}")
}

fn capacities() -> String {
    format!("{STORAGE}/namespaces/{OTHERS}/csistoragecapacities")
}

async fn start(bench: &Bench) -> Result<()> {
    make_node(bench, "n1").await?;
    make_storage_class(bench).await?;
    let driver = json!({ "metadata": { "name": DRIVER }, "spec": { "storageCapacity": true } });
    make_on_host(bench, &collection("csidrivers"), &driver).await?;
    let capacity = json!({
        "metadata": { "name": "room" }, "storageClassName": "fast", "capacity": "10Gi",
        "nodeTopology": { "matchLabels": { "kubernetes.io/hostname": "n1" } },
    });
    make_on_host(bench, &capacities(), &capacity).await?;
    make_ingress_class(bench, "example.com/first").await?;
    make_priority_class(bench, 1000).await?;
    make_runtime_class(bench, "first").await?;
    bench.agent.start()
}

/// The Node in the tenant, and what the host's kubelet says of its drivers.
async fn make_node(bench: &Bench, name: &str) -> Result<()> {
    let node = json!({ "metadata": { "name": name } });
    bench.tenant.create("/api/v1/nodes", &node).await?;
    let drivers = [DRIVER, "other.example.com"].map(|driver| {
        json!({ "name": driver, "nodeID": format!("{name}-there"), "topologyKeys": [], "allocatable": { "count": 8 } })
    });
    let node = json!({ "metadata": { "name": name }, "spec": { "drivers": drivers } });
    make_on_host(bench, &collection("csinodes"), &node).await
}

async fn make_storage_class(bench: &Bench) -> Result<()> {
    let class = json!({
        "metadata": { "name": "fast" }, "provisioner": DRIVER, "parameters": { "secret": "of the host" },
        "volumeBindingMode": "WaitForFirstConsumer",
    });
    make_on_host(bench, &collection("storageclasses"), &class).await
}

async fn make_ingress_class(bench: &Bench, controller: &str) -> Result<()> {
    let class = json!({ "metadata": { "name": "public" }, "spec": { "controller": controller } });
    make_on_host(bench, INGRESS_CLASSES, &class).await
}

async fn make_priority_class(bench: &Bench, value: i32) -> Result<()> {
    let class = json!({ "metadata": { "name": "batch" }, "value": value });
    make_on_host(bench, PRIORITY_CLASSES, &class).await
}

async fn make_runtime_class(bench: &Bench, handler: &str) -> Result<()> {
    let class = json!({ "metadata": { "name": "gvisor" }, "handler": handler });
    make_on_host(bench, RUNTIME_CLASSES, &class).await
}

async fn change(bench: &Bench, path: &str, change: Value) -> Result<()> {
    bench.host.patch(path, &change).await.map(drop)
}

async fn open_parts_change(bench: &Bench) -> Result<()> {
    let default = |key: &str| json!({ "metadata": { "annotations": { key: "true" } } });
    change(
        bench,
        &collection("storageclasses/fast"),
        json!({ "allowVolumeExpansion": true }),
    )
    .await?;
    let no_capacity = json!({ "spec": { "storageCapacity": false } });
    change(bench, &collection(&format!("csidrivers/{DRIVER}")), no_capacity).await?;
    change(
        bench,
        &format!("{}/room", capacities()),
        json!({ "capacity": "5Gi" }),
    )
    .await?;
    change(
        bench,
        &format!("{INGRESS_CLASSES}/public"),
        default("ingressclass.kubernetes.io/is-default-class"),
    )
    .await?;
    change(
        bench,
        &format!("{PRIORITY_CLASSES}/batch"),
        json!({ "description": "what can wait" }),
    )
    .await?;
    change(
        bench,
        &format!("{RUNTIME_CLASSES}/gvisor"),
        json!({ "scheduling": { "nodeSelector": { "runtime": "gvisor" } } }),
    )
    .await
}

async fn fixed_parts_change(bench: &Bench) -> Result<()> {
    for path in [
        format!("{INGRESS_CLASSES}/public"),
        format!("{PRIORITY_CLASSES}/batch"),
        format!("{RUNTIME_CLASSES}/gvisor"),
    ] {
        bench.host.delete(&path).await?;
    }
    make_ingress_class(bench, "example.com/second").await?;
    make_priority_class(bench, 2000).await?;
    make_runtime_class(bench, "second").await
}

/// It is the host's, and comes back.
async fn tenant_deletes(bench: &Bench) -> Result<()> {
    for path in [
        collection("storageclasses/fast"),
        collection("csinodes/n1"),
        format!("{PRIORITY_CLASSES}/batch"),
    ] {
        bench.tenant.delete(&path).await?;
    }
    Ok(())
}

async fn node_comes(bench: &Bench) -> Result<()> {
    make_node(bench, "n2").await
}

async fn storage_goes(bench: &Bench) -> Result<()> {
    bench.host.delete(&collection("storageclasses/fast")).await
}

async fn storage_is_back(bench: &Bench) -> Result<()> {
    make_storage_class(bench).await
}

/// Before the class: else each would be made anew without its driver, or not, as it happens.
async fn drivers_go(bench: &Bench) -> Result<()> {
    for node in ["n1", "n2"] {
        bench
            .host
            .delete(&collection(&format!("csinodes/{node}")))
            .await?;
    }
    Ok(())
}

async fn all_goes(bench: &Bench) -> Result<()> {
    for path in [
        collection("storageclasses/fast"),
        collection(&format!("csidrivers/{DRIVER}")),
        format!("{}/room", capacities()),
        format!("{INGRESS_CLASSES}/public"),
        format!("{PRIORITY_CLASSES}/batch"),
        format!("{RUNTIME_CLASSES}/gvisor"),
    ] {
        bench.host.delete(&path).await?;
    }
    Ok(())
}
