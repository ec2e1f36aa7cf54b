//! Claims of devices: they go down, and what the host's scheduler gives comes up, also where the tenant's scheduler wished
//! for something else. Both schedulers, both claim controllers, the driver and the vkubelet are played.

use anyhow::Result;
use serde_json::{Value, json};
use warren_crds::keys;
use warren_translate::TenantKey;
use warren_translate::kinds::resource_claim;

use super::pods::host_pod;
use super::{Story, apis, cluster, core, make_on_host, patch, step};
use crate::agent::{CLUSTER_ID, WORKLOADS};
use crate::bench::{Bench, TEAM};
use crate::servers::NODE;

const GROUP: &str = "resource.k8s.io/v1";
const CLASSES: &str = "/apis/resource.k8s.io/v1/deviceclasses";
const DRIVER: &str = "gpu.example.com";
/// The claims, each with a Pod of the same name: the tenant's scheduler has a wish for the first only.
const CLAIMS: [&str; 2] = ["wished", "plain"];
const PROTECTION: &str = "resource.kubernetes.io/delete-protection";

/// The story.
pub const STORY: Story = &[
    step!("the syncer starts, of a host with a class of devices", start),
    step!("claims come, one of a class that is not offered", claims_come),
    step!("their Pods are on both sides", pods_come),
    step!(
        "both schedulers allocate, and one time they differ",
        both_allocate
    ),
    step!("a driver tells of a device", driver_tells),
    step!("the tenant's Pods go", pods_go),
    step!("both sides take the devices back", devices_are_free),
    step!("a claim is made anew under its name", one_anew),
    step!("the class changes what it selects", class_changes),
    step!("all goes", all_goes),
];

fn claim(name: &str) -> String {
    apis(GROUP, &format!("resourceclaims/{name}"))
}

fn host_claim(name: &str) -> String {
    let host_name = resource_claim::host_name(&cluster(), &TenantKey::new(TEAM, name));
    format!("/apis/{GROUP}/namespaces/{WORKLOADS}/resourceclaims/{host_name}")
}

async fn start(bench: &Bench) -> Result<()> {
    // Whoever makes a Pod is asked for its account; no controller makes one here.
    let accounts = format!("/api/v1/namespaces/{WORKLOADS}/serviceaccounts");
    // It stays for the next time that the story is told.
    if bench.host.find(&format!("{accounts}/default")).await?.is_none() {
        make_on_host(bench, &accounts, &json!({ "metadata": { "name": "default" } })).await?;
    }
    for name in ["gpu", "hidden"] {
        let class = json!({ "metadata": { "name": name }, "spec": {
            "selectors": [{ "cel": { "expression": format!("device.driver == \"{DRIVER}\"") } }],
            "config": [{ "opaque": { "driver": DRIVER, "parameters": { "of": "the host" } } }],
        } });
        make_on_host(bench, CLASSES, &class).await?;
    }
    bench.agent.start()
}

async fn make(bench: &Bench, name: &str, class: &str) -> Result<()> {
    let request = json!({ "name": "device", "exactly": { "deviceClassName": class } });
    let claim = json!({ "metadata": { "name": name }, "spec": { "devices": { "requests": [request] } } });
    bench
        .tenant
        .create(&apis(GROUP, "resourceclaims"), &claim)
        .await
        .map(drop)
}

async fn claims_come(bench: &Bench) -> Result<()> {
    for name in CLAIMS {
        make(bench, name, "gpu").await?;
    }
    make(bench, "denied", "hidden").await
}

/// As the tenant's scheduler and the vkubelet do.
async fn pods_come(bench: &Bench) -> Result<()> {
    for name in CLAIMS {
        let pod = |claim: &str| {
            json!({
                "nodeName": NODE, "automountServiceAccountToken": false,
                "resourceClaims": [{ "name": "device", "resourceClaimName": claim }],
                "containers": [{ "name": "main", "image": "example.com/app:1",
                    "resources": { "claims": [{ "name": "device" }] } }],
            })
        };
        let tenant = json!({ "metadata": { "name": name }, "spec": pod(name) });
        let tenant = bench.tenant.create(&core("pods"), &tenant).await?;
        let last = |path: String| path.rsplit('/').next().unwrap_or_default().to_owned();
        let host = json!({
            "metadata": {
                "name": last(host_pod(name)), "labels": { keys::CLUSTER: CLUSTER_ID },
                "annotations": {
                    keys::ORIGIN_KIND: "Pod", keys::ORIGIN_NAMESPACE: TEAM, keys::ORIGIN_NAME: name,
                    keys::ORIGIN_UID: tenant["metadata"]["uid"],
                },
            },
            "spec": pod(&last(host_claim(name))),
        });
        make_on_host(bench, &format!("/api/v1/namespaces/{WORKLOADS}/pods"), &host).await?;
    }
    Ok(())
}

/// What a scheduler writes: the finalizer, then the device and for whom.
fn allocated(device: &str, pod: &Value) -> Value {
    let result = json!({ "request": "device", "driver": DRIVER, "pool": NODE, "device": device });
    let consumer = json!({
        "resource": "pods", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"],
    });
    json!({ "status": { "allocation": { "devices": { "results": [result] } }, "reservedFor": [consumer] } })
}

fn protected(finalizers: &[&str]) -> Value {
    json!({ "metadata": { "finalizers": finalizers } })
}

async fn both_allocate(bench: &Bench) -> Result<()> {
    let pod = bench.tenant.get(&core("pods/wished")).await?;
    patch(bench, &claim("wished"), &protected(&[PROTECTION])).await?;
    patch(
        bench,
        &format!("{}/status", claim("wished")),
        &allocated("device-1", &pod),
    )
    .await?;
    for (name, device) in [("wished", "device-0"), ("plain", "device-1")] {
        let pod = bench.host.get(&host_pod(name)).await?;
        bench
            .host
            .patch(&host_claim(name), &protected(&[PROTECTION]))
            .await?;
        let status = format!("{}/status", host_claim(name));
        bench.host.patch(&status, &allocated(device, &pod)).await?;
    }
    Ok(())
}

async fn driver_tells(bench: &Bench) -> Result<()> {
    let ready = json!({ "type": "Ready", "status": "True", "reason": "Prepared", "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z" });
    let device = json!({ "driver": DRIVER, "pool": NODE, "device": "device-0", "conditions": [ready] });
    let status = json!({ "status": { "devices": [device] } });
    bench
        .host
        .patch(&format!("{}/status", host_claim("wished")), &status)
        .await
        .map(drop)
}

/// From here on nobody is behind the claims any more.
async fn pods_go(bench: &Bench) -> Result<()> {
    for name in CLAIMS {
        bench
            .tenant
            .delete_with(&core(&format!("pods/{name}")), 0)
            .await?;
        bench.host.delete_with(&host_pod(name), 0).await?;
    }
    Ok(())
}

/// As each side's claim controller does.
async fn devices_are_free(bench: &Bench) -> Result<()> {
    let free = json!({ "status": { "allocation": null, "reservedFor": null, "devices": null } });
    for name in CLAIMS {
        patch(bench, &format!("{}/status", claim(name)), &free).await?;
        patch(bench, &claim(name), &protected(&[])).await?;
        bench
            .host
            .patch(&format!("{}/status", host_claim(name)), &free)
            .await?;
        bench.host.patch(&host_claim(name), &protected(&[])).await?;
    }
    Ok(())
}

async fn one_anew(bench: &Bench) -> Result<()> {
    bench.tenant.delete(&claim("plain")).await?;
    make(bench, "plain", "gpu").await
}

async fn class_changes(bench: &Bench) -> Result<()> {
    let selectors = json!([{ "cel": { "expression": "device.attributes[\"gpu.example.com\"].size == 2" } }]);
    let change = json!({ "spec": { "selectors": selectors } });
    bench
        .host
        .patch(&format!("{CLASSES}/gpu"), &change)
        .await
        .map(drop)
}

async fn all_goes(bench: &Bench) -> Result<()> {
    for name in ["wished", "plain", "denied"] {
        bench.tenant.delete(&claim(name)).await?;
    }
    for name in ["gpu", "hidden"] {
        bench.host.delete(&format!("{CLASSES}/{name}")).await?;
    }
    Ok(())
}
