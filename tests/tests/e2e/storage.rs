//! Volumes: a StatefulSet keeps its data, an ephemeral volume goes with its Pod, and what a tenant deletes is gone on the
//! host; it sees its volumes and none of the host's names, and gets no other volume than its own.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_tests::{Stage, Tenant, condition, eventually};

use crate::life::pod;

const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";
const WAIT: &str = "trap 'exit 0' TERM; while true; do sleep 0.2; done";
const SOON: Duration = Duration::from_secs(60);
/// The host's default class, of a provisioner that waits for the scheduler's choice of node.
const CLASS: &str = "local-path";

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn a_stateful_set_keeps_its_data_and_what_is_deleted_is_gone_on_the_host() -> Result<()> {
    Tenant::with("volumes", |tenant| async move {
        tenant.apply(&stateful_set().to_string()).await?;
        tenant.apply(&scratch().to_string()).await?;
        tenant.rolled_out("statefulset/db").await?;
        tenant
            .kubectl(&["exec", "db-0", "--", "sh", "-c", "echo kept > /data/file"])
            .await?;
        volume_is_the_tenants(&tenant).await?;
        ephemeral(&tenant).await?;

        let before = pod(&tenant, "db-0", "is there", |_| true).await?;
        tenant
            .kubectl(&["delete", "pod", "db-0", "--timeout=60s"])
            .await?;
        let again = |pod: &Value| {
            pod["metadata"]["uid"] != before["metadata"]["uid"]
                && pod["status"]["containerStatuses"][0]["ready"] == true
        };
        pod(&tenant, "db-0", "is made again", again).await?;
        let kept = tenant
            .kubectl(&["exec", "db-0", "--", "cat", "/data/file"])
            .await?;
        ensure!(kept.trim() == "kept", "'{kept}'");

        // Its retention policy deletes the claim of the Pod that goes.
        let volume = volume_of(&tenant, "data-db-1").await?;
        tenant
            .kubectl(&["scale", "statefulset/db", "--replicas=1"])
            .await?;
        gone(&tenant, "data-db-1", &volume).await?;
        let volume = volume_of(&tenant, "data-db-0").await?;
        tenant
            .kubectl(&["delete", "statefulset", "db", "--timeout=60s"])
            .await?;
        tenant
            .kubectl(&["wait", "pod/db-0", "--for=delete", "--timeout=60s"])
            .await?;
        let bound = claim(&tenant, "data-db-0", "stays", |_| true).await?;
        ensure!(bound["status"]["phase"] == "Bound", "{bound}");
        tenant
            .kubectl(&["delete", "pvc", "data-db-0", "--timeout=60s"])
            .await?;
        gone(&tenant, "data-db-0", &volume).await
    })
    .await
}

fn stateful_set() -> Value {
    let template = json!({ "metadata": { "labels": { "app": "db" } }, "spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [{ "name": "c", "image": IMAGE, "command": ["sh", "-c", WAIT],
            "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }],
    } });
    json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "db" }, "spec": {
        "replicas": 2, "serviceName": "db", "podManagementPolicy": "Parallel",
        "selector": { "matchLabels": { "app": "db" } },
        "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete", "whenDeleted": "Retain" },
        "template": template,
        "volumeClaimTemplates": [{ "metadata": { "name": "data" }, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "16Mi" } } } }],
    } })
}

fn scratch() -> Value {
    let claim = json!({ "spec": { "accessModes": ["ReadWriteOnce"],
        "resources": { "requests": { "storage": "16Mi" } } } });
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "scratch" }, "spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [{ "name": "c", "image": IMAGE, "command": ["sh", "-c", format!("echo x > /tmp/x/y; {WAIT}")],
            "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp/x" }] }],
        "volumes": [{ "name": "tmp", "ephemeral": { "volumeClaimTemplate": claim } }],
    } })
}

/// The claim once `is` holds for it.
async fn claim(tenant: &Tenant, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
    eventually(&format!("{name} {what}"), SOON, || async {
        let shown = tenant.kubectl(&["get", "pvc", name, "-o", "json"]).await?;
        let claim: Value = serde_json::from_str(&shown)?;
        ensure!(is(&claim), "status {} of {}", claim["status"], claim["metadata"]);
        Ok(claim)
    })
    .await
}

async fn volume_of(tenant: &Tenant, name: &str) -> Result<String> {
    let bound = claim(tenant, name, "is bound", |claim| {
        claim["status"]["phase"] == "Bound"
    })
    .await?;
    let volume = bound["spec"]["volumeName"].as_str();
    volume.map(str::to_owned).context("bound to nothing")
}

/// The host's claims that stand for the tenant's claim `name`.
async fn host_claims(tenant: &Tenant, name: &str) -> Result<Vec<Value>> {
    let mut below = tenant
        .stage
        .items(&["persistentvolumeclaims", "-n", &tenant.workloads])
        .await?;
    below.retain(|claim| claim["metadata"]["annotations"]["warren.dev/origin-name"] == name);
    Ok(below)
}

async fn host_claim(tenant: &Tenant, name: &str) -> Result<Value> {
    eventually(&format!("{name} is on the host"), SOON, || async {
        let below = host_claims(tenant, name).await?;
        below.into_iter().next().context("not yet")
    })
    .await
}

/// What `kubectl get pv` shows is native, and nothing of it is the host's.
async fn volume_is_the_tenants(tenant: &Tenant) -> Result<()> {
    let bound = claim(tenant, "data-db-0", "is bound", |c| {
        c["status"]["phase"] == "Bound"
    })
    .await?;
    ensure!(bound["status"]["capacity"]["storage"] == "16Mi", "{bound}");
    ensure!(bound["spec"]["storageClassName"] == CLASS, "{bound}");
    let below = host_claim(tenant, "data-db-0").await?;
    let name = bound["spec"]["volumeName"].as_str().unwrap_or_default();
    let uid = below["metadata"]["uid"].as_str().unwrap_or_default();
    ensure!(name == format!("pvc-{uid}"), "{name} for {uid}");
    let shown = tenant.kubectl(&["get", "pv", name, "-o", "json"]).await?;
    let volume: Value = serde_json::from_str(&shown)?;
    ensure!(volume["status"]["phase"] == "Bound", "{volume}");
    ensure!(volume["spec"]["capacity"]["storage"] == "16Mi", "{volume}");
    ensure!(volume["spec"]["storageClassName"] == CLASS, "{volume}");
    ensure!(
        volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete",
        "{volume}"
    );
    ensure!(
        volume["spec"]["claimRef"]["uid"] == bound["metadata"]["uid"],
        "{volume}"
    );
    let runs_on = pod(tenant, "db-0", "is placed", |_| true).await?;
    let node = runs_on["spec"]["nodeName"].as_str().context("not placed")?;
    ensure!(
        volume["spec"]["nodeAffinity"].to_string().contains(node),
        "{volume}"
    );
    for text in [volume.to_string(), bound.to_string()] {
        let host_name = below["metadata"]["name"].as_str().unwrap_or_default();
        for host in [tenant.workloads.as_str(), host_name, "hostPath", "\"local\""] {
            ensure!(!text.contains(host), "{host} in {text}");
        }
    }
    let class = tenant
        .kubectl(&["get", "storageclass", CLASS, "-o", "json"])
        .await?;
    let class: Value = serde_json::from_str(&class)?;
    ensure!(class["provisioner"] == "rancher.io/local-path", "{class}");
    ensure!(class["volumeBindingMode"] == "WaitForFirstConsumer", "{class}");
    Ok(())
}

/// The claim is the tenant's ephemeral volume controller's; the host's makes no second one.
async fn ephemeral(tenant: &Tenant) -> Result<()> {
    tenant
        .kubectl(&["wait", "pod/scratch", "--for=condition=Ready", "--timeout=60s"])
        .await?;
    let volume = volume_of(tenant, "scratch-tmp").await?;
    let below = tenant
        .stage
        .items(&["persistentvolumeclaims", "-n", &tenant.workloads])
        .await?;
    ensure!(below.len() == 3, "{} claims on the host", below.len());
    tenant
        .kubectl(&["delete", "pod", "scratch", "--timeout=60s"])
        .await?;
    gone(tenant, "scratch-tmp", &volume).await
}

/// The claim, its volume, and both of the host's.
async fn gone(tenant: &Tenant, name: &str, volume: &str) -> Result<()> {
    eventually(&format!("{name} and {volume} are gone"), SOON, || async {
        let get = ["get", "pvc,pv", "-o", "name"];
        let above = tenant.kubectl(&get).await?;
        ensure!(
            !above.contains(name) && !above.contains(volume),
            "tenant has {above}"
        );
        let below = host_claims(tenant, name).await?;
        ensure!(below.is_empty(), "host has {below:?}");
        let volumes = tenant.stage.kubectl(&["get", "pv", "-o", "name"]).await?;
        ensure!(!volumes.contains(volume), "host has {volumes}");
        Ok(())
    })
    .await
}

/// A class of the host's without a provisioner: the story is its provisioner and its resizer.
const BY_HAND: &str = "e2e-by-hand";
const DRIVER: &str = "by-hand.e2e.example.com";
/// The host's volume, a name that the tenant never sees.
const HOST_VOLUME: &str = "e2e-volume-of-the-host";

#[tokio::test]
#[ignore = "needs the embedded host: cargo xtask test"]
async fn claims_are_held_to_the_class_and_followed_through_a_resize() -> Result<()> {
    let stage = Stage::attach()?;
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": BY_HAND },
        "provisioner": DRIVER, "parameters": { "secret": "of-the-host" }, "reclaimPolicy": "Retain",
        "volumeBindingMode": "Immediate", "allowVolumeExpansion": true,
    });
    stage.apply(&class.to_string()).await?;
    let differs = json!({ "classes": { "storage": { "names": [BY_HAND] } } });
    stage.apply_class("bounded-storage", &differs).await?;
    let told = Tenant::with_spec(
        "claims",
        json!({ "class": "bounded-storage" }),
        |tenant| async move {
            only_what_is_offered(&tenant).await?;
            let bound = bound_by_hand(&tenant).await?;
            denied(&tenant, &bound).await?;
            resized(&tenant, &bound).await?;
            retained(&tenant, &bound).await
        },
    )
    .await;
    for left in [
        ["pv", HOST_VOLUME],
        ["storageclass", BY_HAND],
        ["virtualclusterclass", "bounded-storage"],
    ] {
        stage
            .kubectl(&["delete", left[0], left[1], "--ignore-not-found", "--timeout=30s"])
            .await?;
    }
    told
}

fn asks(name: &str, class: &str, extra: &Value) -> String {
    let mut spec = json!({ "accessModes": ["ReadWriteOnce"], "storageClassName": class,
        "resources": { "requests": { "storage": "1Gi" } } });
    for (field, value) in extra.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name }, "spec": spec })
        .to_string()
}

/// Waits for an Event of this reason on the claim, and returns what it says.
async fn said(tenant: &Tenant, name: &str, reason: &str) -> Result<String> {
    eventually(&format!("{reason} of {name}"), SOON, || async {
        let selector = format!("--field-selector=involvedObject.name={name},reason={reason}");
        let events = tenant.items(&["events", &selector]).await?;
        let said = events.first().and_then(|event| event["message"].as_str());
        said.map(str::to_owned).context("not said yet")
    })
    .await
}

async fn only_what_is_offered(tenant: &Tenant) -> Result<()> {
    eventually("the offered class is there", SOON, || async {
        let classes = tenant.items(&["storageclasses"]).await?;
        let names: Vec<_> = classes
            .iter()
            .filter_map(|class| class["metadata"]["name"].as_str())
            .collect();
        ensure!(names == [BY_HAND], "{names:?}");
        ensure!(classes[0]["parameters"].is_null(), "{classes:?}");
        Ok(())
    })
    .await?;
    tenant.apply(&asks("elsewhere", CLASS, &json!({}))).await?;
    let why = said(tenant, "elsewhere", "PolicyViolation").await?;
    ensure!(
        why.contains(&format!("`{CLASS}`")) && why.contains(&format!("offered: `{BY_HAND}`")),
        "{why}"
    );
    ensure!(
        host_claims(tenant, "elsewhere").await?.is_empty(),
        "it is on the host"
    );
    Ok(())
}

/// The host's binder binds its claim to the volume that the story makes; the tenant's follows.
async fn bound_by_hand(tenant: &Tenant) -> Result<Value> {
    tenant.apply(&asks("mine", BY_HAND, &json!({}))).await?;
    let below = host_claim(tenant, "mine").await?;
    let waits = said(tenant, "mine", "ExternalProvisioning").await?;
    ensure!(waits.contains(DRIVER), "{waits}");
    let metadata = &below["metadata"];
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": HOST_VOLUME },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" }, "storageClassName": BY_HAND,
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": { "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"] },
            "csi": { "driver": DRIVER, "volumeHandle": "handle-of-the-host",
                "volumeAttributes": { "server": "server-of-the-host" } },
        },
    });
    tenant.stage.apply(&volume.to_string()).await?;
    let name = volume_of(tenant, "mine").await?;
    let shown = tenant.kubectl(&["get", "pv", &name, "-o", "json"]).await?;
    ensure!(!shown.contains("of-the-host"), "{shown}");
    let volume: Value = serde_json::from_str(&shown)?;
    ensure!(volume["spec"]["csi"]["driver"] == DRIVER, "{volume}");
    host_claim(tenant, "mine").await
}

/// Volumes that exist and are somebody's: by the host's name, and by the name that the tenant's own has.
async fn denied(tenant: &Tenant, bound: &Value) -> Result<()> {
    let own = format!("pvc-{}", bound["metadata"]["uid"].as_str().unwrap_or_default());
    for (name, volume) in [("guess", HOST_VOLUME), ("share", own.as_str())] {
        tenant
            .apply(&asks(name, BY_HAND, &json!({ "volumeName": volume })))
            .await?;
        let why = said(tenant, name, "PolicyViolation").await?;
        ensure!(why.contains("spec.volumeName"), "{why}");
        ensure!(
            host_claims(tenant, name).await?.is_empty(),
            "{name} is on the host"
        );
    }
    Ok(())
}

/// What a resize waits for. There may be other conditions: from 1.37 on the tenant's own controller says `Unused`.
fn resize_of(claim: &Value) -> &Value {
    condition(claim, "FileSystemResizePending")
}

async fn resized(tenant: &Tenant, bound: &Value) -> Result<()> {
    let size = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
    tenant.kubectl(&["patch", "pvc", "mine", "-p", size]).await?;
    let name = bound["metadata"]["name"].as_str().context("no name")?;
    eventually("the size is on the host", SOON, || async {
        let below = host_claim(tenant, "mine").await?;
        let asked = &below["spec"]["resources"]["requests"]["storage"];
        ensure!(asked == "2Gi", "{asked}");
        Ok(())
    })
    .await?;
    // As a resizer: the volume first, then a file system that a Pod has to grow, then all of it.
    let stage = &tenant.stage;
    let larger = r#"{"spec":{"capacity":{"storage":"2Gi"}}}"#;
    stage.kubectl(&["patch", "pv", HOST_VOLUME, "-p", larger]).await?;
    let status = |status: &Value| json!({ "status": status }).to_string();
    let pending = json!({ "conditions": [{ "type": "FileSystemResizePending", "status": "True",
        "message": format!("waiting for a Pod with {}/{name}", tenant.workloads) }] });
    let patch = [
        "patch",
        "pvc",
        name,
        "-n",
        &tenant.workloads,
        "--subresource=status",
        "-p",
    ];
    stage
        .kubectl(&[&patch[..], &[&status(&pending)]].concat())
        .await?;
    let waits = |claim: &Value| !resize_of(claim).is_null();
    let waiting = claim(tenant, "mine", "waits for a Pod", waits).await?;
    let message = &resize_of(&waiting)["message"];
    ensure!(message == "waiting for a Pod with default/mine", "{message}");
    let done = json!({ "capacity": { "storage": "2Gi" }, "conditions": null });
    stage.kubectl(&[&patch[..], &[&status(&done)]].concat()).await?;
    let large = |claim: &Value| claim["status"]["capacity"]["storage"] == "2Gi" && resize_of(claim).is_null();
    let resized = claim(tenant, "mine", "is larger", large).await?;
    let volume = resized["spec"]["volumeName"].as_str().context("not bound")?;
    eventually("the tenant's volume is larger", SOON, || async {
        let size = "jsonpath={.spec.capacity.storage}";
        let size = tenant.kubectl(&["get", "pv", volume, "-o", size]).await?;
        ensure!(size == "2Gi", "{size}");
        Ok(())
    })
    .await
}

/// The host keeps the volume, so the tenant sees it released, until the host's is gone.
async fn retained(tenant: &Tenant, bound: &Value) -> Result<()> {
    let volume = format!("pvc-{}", bound["metadata"]["uid"].as_str().unwrap_or_default());
    tenant
        .kubectl(&["delete", "pvc", "mine", "--timeout=60s"])
        .await?;
    eventually("the volume is released", SOON, || async {
        let below = host_claims(tenant, "mine").await?;
        ensure!(below.is_empty(), "host has {below:?}");
        let phase = "jsonpath={.status.phase}";
        let above = tenant.kubectl(&["get", "pv", &volume, "-o", phase]).await?;
        let below = tenant
            .stage
            .kubectl(&["get", "pv", HOST_VOLUME, "-o", phase])
            .await?;
        ensure!(above == "Released" && below == "Released", "{above}, {below}");
        Ok(())
    })
    .await?;
    tenant
        .stage
        .kubectl(&["delete", "pv", HOST_VOLUME, "--timeout=60s"])
        .await?;
    gone(tenant, "mine", &volume).await
}
