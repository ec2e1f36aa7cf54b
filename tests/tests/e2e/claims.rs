//! Dynamic resource allocation: a driver on one node of the host, whose devices tenants claim. The host's scheduler says
//! which device, and both a tenant's scheduler and the host's may have placed the Pod.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_devhost::command::output_with_input;
use warren_tests::{Stage, Tenant, eventually};

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
/// Upstream's test driver, with two devices that are alike.
const DRIVER: &str = "test-driver.cdi.k8s.io";
/// A DeviceClass of the host that the class offers, and one that it does not.
const OFFERED: &str = "e2e-claims";
const HIDDEN: &str = "e2e-claims-hidden";
/// The VirtualClusterClass.
const CLASS: &str = "e2e-claims";
const SOON: Duration = Duration::from_secs(60);

/// In one story, because there are two devices and stories run side by side.
#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn tenants_claim_the_devices_of_a_driver_and_each_sees_what_is_left() -> Result<()> {
    let stage = Stage::attach()?;
    let node = stage.nodes().pop().context("a host without nodes")?;
    classes_are_there(&stage).await?;
    Tenant::with_spec("claims", json!({ "class": CLASS }), |first| async move {
        Tenant::with_spec("claims-left", json!({ "class": CLASS }), |second| async move {
            what_is_offered_is_seen(&first, &node).await?;
            a_template_makes_a_claim_that_the_host_meets(&first, &node).await?;
            a_claim_is_shared(&first).await?;
            what_one_has_the_other_has_not(&first, &second).await?;
            a_differing_wish_becomes_what_is_so(&first).await?;
            what_is_not_offered_is_denied(&first).await
        })
        .await
    })
    .await?;
    let spec = json!({ "class": CLASS, "nodes": { "scheduling": "Host" } });
    Tenant::with_spec("claims-host", spec, |tenant| async move {
        the_hosts_scheduler_allocates_for_a_tenant_without_one(&tenant).await
    })
    .await?;
    stage.kubectl(&["delete", "virtualclusterclass", CLASS]).await?;
    stage
        .kubectl(&["delete", "deviceclass", OFFERED, HIDDEN])
        .await
        .map(drop)
}

async fn classes_are_there(stage: &Stage) -> Result<()> {
    for name in [OFFERED, HIDDEN] {
        let class = json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": { "name": name },
            "spec": {
                "selectors": [{ "cel": { "expression": format!("device.driver == \"{DRIVER}\"") } }],
                "config": [{ "opaque": { "driver": DRIVER, "parameters": { "secret": "of-the-platform" } } }],
            },
        });
        stage.apply(&class.to_string()).await?;
    }
    let differs = json!({ "scheduling": ["Tenant", "Host"], "classes": { "device": { "names": [OFFERED], "drivers": [DRIVER] } } });
    stage.apply_class(CLASS, &differs).await
}

/// The one class, without what the platform set in it, and the devices on their node.
async fn what_is_offered_is_seen(tenant: &Tenant, node: &str) -> Result<()> {
    eventually("the tenant sees what is offered", SOON, || async {
        let classes = tenant.items(&["deviceclasses"]).await?;
        let names: Vec<_> = classes
            .iter()
            .map(|class| class["metadata"]["name"].clone())
            .collect();
        ensure!(names == [json!(OFFERED)], "{names:?}");
        ensure!(
            !json!(classes).to_string().contains("of-the-platform"),
            "{classes:?}"
        );
        let slices = tenant.items(&["resourceslices"]).await?;
        let nodes: Vec<_> = slices
            .iter()
            .map(|slice| slice["spec"]["nodeName"].clone())
            .collect();
        ensure!(nodes == [json!(node)], "{nodes:?}");
        Ok(())
    })
    .await?;
    devices(tenant, ["device-00", "device-01"]).await
}

async fn a_template_makes_a_claim_that_the_host_meets(tenant: &Tenant, node: &str) -> Result<()> {
    let template = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": { "name": "one" },
        "spec": { "spec": { "devices": {
            "requests": [request(OFFERED)],
            "config": [{ "opaque": { "driver": DRIVER, "parameters": { "colour": "green" } } }],
        } } },
    });
    tenant.apply(&template.to_string()).await?;
    tenant
        .apply(&pod("templated", &json!({ "resourceClaimTemplateName": "one" })))
        .await?;
    tenant.ready("templated").await?;
    let pod = tenant.get("pod", "templated").await?;
    ensure!(pod["spec"]["nodeName"] == node, "{}", pod["spec"]);
    // The driver was handed the tenant's parameters.
    let env = tenant.kubectl(&["exec", "templated", "--", "env"]).await?;
    ensure!(env.contains("user_colour=green"), "{env}");

    let claim = pod["status"]["resourceClaimStatuses"][0]["resourceClaimName"]
        .as_str()
        .context("the Pod names no claim")?;
    let claim = tenant.get("resourceclaim", claim).await?;
    ensure!(!claim.to_string().contains("of-the-platform"), "{claim}");
    ensure!(
        allocated(&claim) == host_allocated(tenant, &claim).await?,
        "{claim}"
    );
    eventually("the Pod's status names the device", SOON, || async {
        let pod = tenant.get("pod", "templated").await?;
        let held = pod["status"]["containerStatuses"][0]["allocatedResourcesStatus"].to_string();
        ensure!(held.contains("claim:device"), "{held}");
        Ok(())
    })
    .await?;
    tenant.kubectl(&["delete", "pod", "templated"]).await?;
    eventually("the claim goes with its Pod, on both sides", SOON, || async {
        ensure!(tenant.items(&["resourceclaims"]).await?.is_empty());
        ensure!(host_claims(tenant).await?.is_empty());
        Ok(())
    })
    .await
}

/// Two Pods, one claim, one device; and it is free again after them.
async fn a_claim_is_shared(tenant: &Tenant) -> Result<()> {
    tenant.apply(&claim("shared", OFFERED)).await?;
    for name in ["shares-1", "shares-2"] {
        tenant
            .apply(&pod(name, &json!({ "resourceClaimName": "shared" })))
            .await?;
    }
    for name in ["shares-1", "shares-2"] {
        tenant.ready(name).await?;
    }
    let shared = tenant.get("resourceclaim", "shared").await?;
    let pods: BTreeSet<_> = shared["status"]["reservedFor"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pod| pod["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    ensure!(
        pods == BTreeSet::from(["shares-1", "shares-2"].map(ToOwned::to_owned)),
        "{shared}"
    );
    tenant.kubectl(&["delete", "pod", "shares-1", "shares-2"]).await?;
    eventually("nobody has the device any more", SOON, || async {
        let shared = tenant.get("resourceclaim", "shared").await?;
        ensure!(shared["status"]["allocation"].is_null(), "{shared}");
        let host = host_claims(tenant).await?;
        ensure!(
            host.iter().all(|claim| claim["status"]["allocation"].is_null()),
            "{host:?}"
        );
        Ok(())
    })
    .await?;
    tenant
        .kubectl(&["delete", "resourceclaim", "shared"])
        .await
        .map(drop)
}

/// A tenant does not see what another holds, and its Pod waits for it.
async fn what_one_has_the_other_has_not(first: &Tenant, second: &Tenant) -> Result<()> {
    for name in ["a", "b"] {
        first.apply(&claim(name, OFFERED)).await?;
        first
            .apply(&pod(name, &json!({ "resourceClaimName": name })))
            .await?;
        first.ready(name).await?;
    }
    devices(first, ["device-00", "device-01"]).await?;
    devices(second, []).await?;
    second.apply(&claim("late", OFFERED)).await?;
    second
        .apply(&pod("late", &json!({ "resourceClaimName": "late" })))
        .await?;
    eventually("the second tenant's Pod waits for a device", SOON, || async {
        let status = &second.get("pod", "late").await?["status"];
        let condition = status["conditions"].to_string();
        ensure!(
            status["phase"] == "Pending" && condition.contains("Unschedulable"),
            "{status}"
        );
        Ok(())
    })
    .await?;
    first.kubectl(&["delete", "pod", "a"]).await?;
    second.ready("late").await?;
    let late = second.get("resourceclaim", "late").await?;
    ensure!(allocated(&late) == host_allocated(second, &late).await?, "{late}");
    devices(first, [device(&first.get("resourceclaim", "b").await?)?.as_str()]).await?;
    first.kubectl(&["delete", "pod", "b"]).await?;
    second.kubectl(&["delete", "pod", "late"]).await?;
    devices(first, ["device-00", "device-01"]).await
}

/// The test plays the tenant's scheduler, and wishes for the second of two devices: the host gives the first.
async fn a_differing_wish_becomes_what_is_so(tenant: &Tenant) -> Result<()> {
    tenant.apply(&claim("wish", OFFERED)).await?;
    let node = tenant.items(&["resourceslices"]).await?[0]["spec"]["nodeName"].clone();
    let gated = {
        let mut pod: Value = serde_json::from_str(&pod("wish", &json!({ "resourceClaimName": "wish" })))?;
        pod["spec"]["schedulerName"] = json!("by-hand");
        pod
    };
    tenant.apply(&gated.to_string()).await?;
    let uid = tenant.get("pod", "wish").await?["metadata"]["uid"].clone();
    let wish = json!({ "status": {
        "allocation": { "devices": { "results": [{
            "request": "device", "driver": DRIVER, "pool": node, "device": "device-01",
        }] } },
        "reservedFor": [{ "resource": "pods", "name": "wish", "uid": uid }],
    } });
    tenant
        .kubectl(&[
            "patch",
            "resourceclaim",
            "wish",
            "--subresource=status",
            "--type=merge",
            "-p",
            &wish.to_string(),
        ])
        .await?;
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": { "name": "wish", "namespace": "default" },
        "target": { "apiVersion": "v1", "kind": "Node", "name": node },
    });
    let mut create = tenant.command("kubectl")?;
    create.args([
        "create",
        "--raw",
        "/api/v1/namespaces/default/pods/wish/binding",
        "-f",
        "-",
    ]);
    output_with_input(&mut create, &binding.to_string()).await?;
    tenant.ready("wish").await?;
    eventually("the tenant's claim says what the host gave", SOON, || async {
        let claim = tenant.get("resourceclaim", "wish").await?;
        ensure!(device(&claim)? == "device-00", "{claim}");
        ensure!(
            allocated(&claim) == host_allocated(tenant, &claim).await?,
            "{claim}"
        );
        ensure!(claim["status"]["reservedFor"][0]["uid"] == uid, "{claim}");
        Ok(())
    })
    .await?;
    tenant.kubectl(&["delete", "pod", "wish"]).await?;
    tenant
        .kubectl(&["delete", "resourceclaim", "wish"])
        .await
        .map(drop)
}

async fn what_is_not_offered_is_denied(tenant: &Tenant) -> Result<()> {
    tenant.apply(&claim("hidden", HIDDEN)).await?;
    eventually("an Event names the class", SOON, || async {
        let about = "--field-selector=involvedObject.kind=ResourceClaim,involvedObject.name=hidden";
        let events = tenant.kubectl(&["get", "events", about]).await?;
        ensure!(events.contains(HIDDEN), "{events}");
        Ok(())
    })
    .await?;
    ensure!(
        host_claims(tenant)
            .await?
            .iter()
            .all(|claim| !claim.to_string().contains(HIDDEN))
    );
    tenant
        .kubectl(&["delete", "resourceclaim", "hidden"])
        .await
        .map(drop)
}

async fn the_hosts_scheduler_allocates_for_a_tenant_without_one(tenant: &Tenant) -> Result<()> {
    tenant.apply(&claim("placed", OFFERED)).await?;
    tenant
        .apply(&pod("placed", &json!({ "resourceClaimName": "placed" })))
        .await?;
    tenant.ready("placed").await?;
    let uid = tenant.get("pod", "placed").await?["metadata"]["uid"].clone();
    eventually("the tenant's claim is allocated and reserved", SOON, || async {
        let claim = tenant.get("resourceclaim", "placed").await?;
        ensure!(claim["status"]["reservedFor"][0]["uid"] == uid, "{claim}");
        ensure!(
            allocated(&claim) == host_allocated(tenant, &claim).await?,
            "{claim}"
        );
        Ok(())
    })
    .await?;
    tenant.kubectl(&["delete", "pod", "placed"]).await?;
    eventually("and is given back", SOON, || async {
        let claim = tenant.get("resourceclaim", "placed").await?;
        ensure!(claim["status"]["allocation"].is_null(), "{claim}");
        Ok(())
    })
    .await
}

/// Waits until the tenant's slices hold these devices.
async fn devices<const N: usize>(tenant: &Tenant, expected: [&str; N]) -> Result<()> {
    let what = format!("{} sees the devices {expected:?}", tenant.name);
    eventually(&what, SOON, || async {
        let slices = tenant.items(&["resourceslices"]).await?;
        let devices = slices
            .iter()
            .flat_map(|slice| slice["spec"]["devices"].as_array().into_iter().flatten());
        let names: Vec<_> = devices
            .map(|device| device["name"].as_str().unwrap_or_default())
            .collect();
        ensure!(names == expected, "{names:?}");
        Ok(())
    })
    .await
}

/// What was allocated, as both sides write it.
fn allocated(claim: &Value) -> Value {
    claim["status"]["allocation"]["devices"]["results"].clone()
}

fn device(claim: &Value) -> Result<String> {
    let device = allocated(claim)[0]["device"].as_str().map(ToOwned::to_owned);
    device.with_context(|| format!("not allocated: {claim}"))
}

async fn host_claims(tenant: &Tenant) -> Result<Vec<Value>> {
    tenant
        .stage
        .items(&["resourceclaims", "-n", &tenant.workloads])
        .await
}

/// What the host allocated for the tenant's claim.
async fn host_allocated(tenant: &Tenant, claim: &Value) -> Result<Value> {
    let claims = host_claims(tenant).await?;
    let of_this =
        |host: &&Value| host["metadata"]["annotations"]["warren.dev/origin-uid"] == claim["metadata"]["uid"];
    let host = claims
        .iter()
        .find(of_this)
        .context("the host has no such claim")?;
    let results = allocated(host);
    ensure!(results.is_array(), "{host}");
    Ok(results)
}

fn request(class: &str) -> Value {
    json!({ "name": "device", "exactly": { "deviceClassName": class } })
}

fn claim(name: &str, class: &str) -> String {
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": { "name": name },
        "spec": { "devices": { "requests": [request(class)] } },
    })
    .to_string()
}

/// A Pod with a claim that its container uses under the name `device`.
fn pod(name: &str, source: &Value) -> String {
    let mut claim = source.clone();
    claim["name"] = json!("device");
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "resourceClaims": [claim],
            "containers": [{
                "name": "main", "image": IMAGE, "args": ["pause"],
                "resources": { "claims": [{ "name": "device" }] },
            }],
        },
    })
    .to_string()
}
