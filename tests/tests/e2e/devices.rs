//! A device plugin on one node of the host: tenants see its devices there, get them, and each sees what is left.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant, eventually};

/// What upstream's sample plugin calls its two devices.
const RESOURCE: &str = "example.com/resource";
const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
/// A kubelet reports its devices every 10 s.
const REPORTED: Duration = Duration::from_secs(60);

/// In one story, because there are two devices and stories run side by side.
#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn tenants_share_the_devices_of_the_node_that_has_them() -> Result<()> {
    let node = Stage::attach()?.nodes().pop().context("a host without nodes")?;
    Tenant::with("devices", |first| async move {
        Tenant::with("devices-left", |second| async move {
            health_is_seen_on_the_node(&first, &node).await?;
            what_one_has_the_other_has_not(&first, &second, &node).await
        })
        .await
    })
    .await?;
    let spec = json!({ "quota": { format!("requests.{RESOURCE}"): "1" } });
    Tenant::with_spec("devices-quota", spec, |tenant| async move {
        a_quota_counts_devices(&tenant).await
    })
    .await
}

/// Without its plugin a node's devices are not to be had. They come back with it.
async fn health_is_seen_on_the_node(tenant: &Tenant, node: &str) -> Result<()> {
    sees(tenant, node, "2").await?;
    tenant
        .stage
        .without("device-plugin", node, sees(tenant, node, "0"))
        .await?;
    sees(tenant, node, "2").await
}

async fn what_one_has_the_other_has_not(first: &Tenant, second: &Tenant, node: &str) -> Result<()> {
    first.apply(&pod("both", 2)).await?;
    first.ready("both").await?;
    let held = held(first, "both").await?;
    ensure!(
        held == [("Dev-1", "Healthy"), ("Dev-2", "Healthy")].map(owned),
        "{held:?}"
    );
    let explained = first.explain("both").await?;
    let said = format!("container main holds Dev-1, Dev-2 of {RESOURCE}");
    ensure!(explained.contains(&said), "{explained}");
    let files = first.kubectl(&["exec", "both", "--", "ls", "/tmp"]).await?;
    ensure!(files.contains("Dev-1") && files.contains("Dev-2"), "{files}");
    sees(first, node, "2").await?;
    sees(second, node, "0").await?;

    second.apply(&pod("one", 1)).await?;
    eventually("the second tenant's Pod waits for a device", REPORTED, || async {
        let status = &second.get("pod", "one").await?["status"];
        let waits = status.to_string().contains(&format!("Insufficient {RESOURCE}"));
        ensure!(waits && status["phase"] == "Pending", "{status}");
        Ok(())
    })
    .await?;
    an_ill_device_is_told(first, "both").await?;

    first.kubectl(&["delete", "pod", "both"]).await?;
    second.ready("one").await?;
    let bound = second.get("pod", "one").await?;
    ensure!(bound["spec"]["nodeName"] == node, "{}", bound["spec"]);
    sees(first, node, "1").await?;
    sees(second, node, "2").await
}

/// The sample's devices are never ill: the test plays the kubelet's part on the host's Pod, until the kubelet says its
/// own again.
async fn an_ill_device_is_told(tenant: &Tenant, name: &str) -> Result<()> {
    let field = "/status/containerStatuses/0/allocatedResourcesStatus/0/resources/0/health";
    let patch = json!([{ "op": "replace", "path": field, "value": "Unhealthy" }]).to_string();
    let pods = tenant.stage.items(&["pods", "-n", &tenant.workloads]).await?;
    let host = pods.iter().find_map(|pod| {
        pod.pointer(field)?;
        pod["metadata"]["name"].as_str()
    });
    let host = host.context("no Pod of the host holds a device")?;
    let is_ill = |held: &[(String, String)]| held.iter().any(|(_, health)| health == "Unhealthy");
    eventually("the tenant hears of it", REPORTED, || async {
        let patch = [
            "patch",
            "pod",
            host,
            "-n",
            &tenant.workloads,
            "--subresource=status",
            "--type=json",
            "-p",
            &patch,
        ];
        tenant.stage.kubectl(&patch).await?;
        let held = held(tenant, name).await?;
        ensure!(is_ill(&held), "{held:?}");
        Ok(())
    })
    .await?;
    eventually("and of its recovery", REPORTED, || async {
        let held = held(tenant, name).await?;
        ensure!(!is_ill(&held) && held.len() == 2, "{held:?}");
        Ok(())
    })
    .await
}

async fn a_quota_counts_devices(tenant: &Tenant) -> Result<()> {
    tenant.apply(&pod("greedy", 2)).await?;
    // Either the slice of the node is as small as the quota, or the host's quota refuses.
    let says = ["exceeded quota", &format!("Insufficient {RESOURCE}")];
    eventually("the Pod says why it waits", REPORTED, || async {
        let pod = tenant.get("pod", "greedy").await?;
        let events = tenant
            .kubectl(&["get", "events", "--field-selector=involvedObject.name=greedy"])
            .await?;
        let text = format!("{}{events}", pod["status"]);
        ensure!(says.iter().any(|reason| text.contains(reason)), "{text}");
        ensure!(pod["status"]["phase"] == "Pending", "{}", pod["status"]);
        Ok(())
    })
    .await?;
    tenant.kubectl(&["delete", "pod", "greedy"]).await?;
    tenant.apply(&pod("modest", 1)).await?;
    tenant.ready("modest").await?;
    let held = held(tenant, "modest").await?;
    ensure!(held.len() == 1, "{held:?}");
    Ok(())
}

/// Waits until `node` offers `amount` of the resource, where nothing is as good as 0. No other node may know it.
async fn sees(tenant: &Tenant, node: &str, amount: &str) -> Result<()> {
    let what = format!("{} sees {amount} of {RESOURCE} on {node}", tenant.name);
    eventually(&what, REPORTED, || async {
        let mut there = "no such node".to_owned();
        for seen in tenant.items(&["nodes"]).await? {
            let offered = &seen["status"]["allocatable"][RESOURCE];
            if seen["metadata"]["name"] == node {
                offered.as_str().unwrap_or("0").clone_into(&mut there);
            } else {
                ensure!(
                    offered.is_null() && seen["status"]["capacity"][RESOURCE].is_null(),
                    "also on {}",
                    seen["metadata"]["name"]
                );
            }
        }
        ensure!(there == amount, "{there}");
        Ok(())
    })
    .await
}

/// Devices of the Pod's container, and their health.
async fn held(tenant: &Tenant, name: &str) -> Result<Vec<(String, String)>> {
    let what = format!("the status of {name} names devices");
    eventually(&what, REPORTED, || async {
        let pod = tenant.get("pod", name).await?;
        let all = pod["status"]["containerStatuses"][0]["allocatedResourcesStatus"].clone();
        let of_resource = all.as_array().into_iter().flatten();
        let resource = of_resource
            .filter(|resource| resource["name"] == RESOURCE)
            .find_map(|resource| resource["resources"].as_array());
        let devices = resource.with_context(|| format!("only {all}"))?.iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(devices
            .map(|device| (text(&device["resourceID"]), text(&device["health"])))
            .collect())
    })
    .await
}

fn pod(name: &str, devices: u8) -> String {
    let limits = json!({ RESOURCE: devices.to_string() });
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "main", "image": IMAGE, "args": ["pause"], "resources": { "limits": limits } }],
        },
    })
    .to_string()
}

fn owned((device, health): (&str, &str)) -> (String, String) {
    (device.to_owned(), health.to_owned())
}
