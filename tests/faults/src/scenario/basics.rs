//! Services, what Pods name, volumes, endpoints and disruption budgets.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warren_crds::keys;
use warren_runtime::proto::sync::dependency::State;
use warren_translate::kinds::pod;
use warren_translate::{TenantKey, name};

use super::{Story, apis, cluster, core, host_claim, make_on_host, on_host, patch, step};
use crate::agent::{CLUSTER_ID, WORKLOADS};
use crate::bench::{Bench, OTHERS, TEAM};

/// The story.
pub const STORY: Story = &[
    step!("the syncer starts", start),
    step!("Services of all types come", services),
    step!("their ports, selectors and types change", services_change),
    step!(
        "a Pod comes that names a ConfigMap and a Secret, and has a token",
        pod_comes
    ),
    step!("its host Pod comes, and owns the token", host_pod_comes),
    step!("what the Pod names gets other content", content_changes),
    step!("the Secret goes, although the Pod names it", secret_goes),
    step!("it is made anew", secret_anew),
    step!("the vkubelet asks what another Pod needs", pod_is_asked_about),
    step!("a claim comes", claim_data),
    step!("the host binds it", volume_data),
    step!("the tenant wants more", claim_grows),
    step!(
        "a Service without selector comes, with endpoints of the tenant's own",
        own_endpoints
    ),
    step!("a disruption budget comes, counted", budget),
    step!("it is counted anew", budget_changes),
    step!("the host gives a load balancer its address", load_balancer),
    step!("the host Pod ends", host_pod_goes),
    step!("the Pods go; so does what they named", pods_go),
    step!("all Services, slices, budgets and claims go", all_goes),
    step!("the host has removed the volume", volume_goes),
    step!("the host's administrator removes the class", class_goes),
];

fn budget_path(rest: &str) -> String {
    apis("policy/v1", &format!("poddisruptionbudgets{rest}"))
}

fn slices(rest: &str) -> String {
    apis("discovery.k8s.io/v1", &format!("endpointslices{rest}"))
}

/// The syncer starts. A Service of the tenant has an address that somebody else on the host has.
///
/// # Errors
/// When something is refused.
pub async fn start(bench: &Bench) -> Result<()> {
    let class = json!({
        "metadata": { "name": "fast" }, "provisioner": "example.com/disk",
        "allowVolumeExpansion": true, "parameters": { "secret": "of the host" },
    });
    bench
        .host
        .create("/apis/storage.k8s.io/v1/storageclasses", &class)
        .await?;
    let taken = make_service(bench, "taken", json!({ "selector": { "app": "taken" } })).await?;
    let address = taken["spec"]["clusterIP"].as_str().context("no ClusterIP")?;
    squat(bench, "squatter", address).await?;
    bench.agent.start()
}

/// Somebody else's Service on the host that has this address.
///
/// # Errors
/// When it is refused.
pub async fn squat(bench: &Bench, name: &str, address: &str) -> Result<()> {
    let squatter = json!({
        "metadata": { "name": name },
        "spec": { "clusterIP": address, "ports": [{ "port": 80 }] },
    });
    make_on_host(bench, &format!("/api/v1/namespaces/{OTHERS}/services"), &squatter).await
}

/// A Service of the tenant with port 80.
///
/// # Errors
/// When it is refused.
pub async fn make_service(bench: &Bench, name: &str, mut spec: Value) -> Result<Value> {
    if spec["type"] != "ExternalName" {
        spec["ports"] = json!([{ "name": "http", "port": 80, "targetPort": 8080 }]);
    }
    let service = json!({ "metadata": { "name": name, "labels": { "app": name } }, "spec": spec });
    bench.tenant.create(&core("services"), &service).await
}

async fn services(bench: &Bench) -> Result<()> {
    for (name, spec) in [
        ("web", json!({ "selector": { "app": "web" } })),
        (
            "headless",
            json!({ "selector": { "app": "web" }, "clusterIP": "None" }),
        ),
        (
            "outside",
            json!({ "type": "ExternalName", "externalName": "example.com" }),
        ),
        (
            "open",
            json!({ "selector": { "app": "web" }, "type": "NodePort" }),
        ),
        ("leaves", json!({ "selector": { "app": "web" } })),
    ] {
        make_service(bench, name, spec).await?;
    }
    Ok(())
}

async fn services_change(bench: &Bench) -> Result<()> {
    let second = json!({ "name": "more", "port": 81 });
    let ports = json!([{ "name": "http", "port": 80, "targetPort": 8080 }, second]);
    let to_external = json!({
        "type": "ExternalName", "externalName": "example.org", "clusterIP": null, "clusterIPs": null,
        "ipFamilies": null, "ipFamilyPolicy": null, "internalTrafficPolicy": null,
    });
    for (name, spec) in [
        ("web", json!({ "ports": ports, "selector": { "tier": "front" } })),
        ("open", json!({ "type": "ClusterIP" })),
        (
            "outside",
            json!({ "type": "ClusterIP", "externalName": null, "ports": [{ "port": 80 }], "selector": { "app": "in" } }),
        ),
        ("leaves", to_external),
    ] {
        patch(
            bench,
            &core(&format!("services/{name}")),
            &json!({ "spec": spec }),
        )
        .await?;
    }
    Ok(())
}

/// A Secret with this password.
///
/// # Errors
/// When it is refused.
pub async fn make_secret(bench: &Bench, name: &str, password: &str) -> Result<()> {
    let secret = json!({ "metadata": { "name": name }, "stringData": { "password": password } });
    bench.tenant.create(&core("secrets"), &secret).await.map(drop)
}

async fn pod_comes(bench: &Bench) -> Result<()> {
    for (name, key) in [("conf", "greeting"), ("kube-root-ca.crt", "ca.crt")] {
        let map = json!({ "metadata": { "name": name }, "data": { key: "hello" } });
        bench.tenant.create(&core("configmaps"), &map).await?;
    }
    make_secret(bench, "pass", "first").await?;
    make_pod(bench, "app", "conf", "pass").await
}

/// A Pod on a node, which names a ConfigMap and a Secret.
///
/// # Errors
/// When it is refused.
pub async fn make_pod(bench: &Bench, name: &str, map: &str, secret: &str) -> Result<()> {
    let pod = json!({
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": {
            "nodeName": "n1",
            // The volume that admission adds has another name each time.
            "automountServiceAccountToken": false,
            "containers": [{
                "name": "main", "image": "example.com/app",
                "envFrom": [{ "configMapRef": { "name": map } }],
            }],
            "volumes": [
                { "name": "pass", "secret": { "secretName": secret } },
                { "name": "token", "projected": { "sources": [
                    { "serviceAccountToken": { "path": "token" } },
                    { "configMap": { "name": "kube-root-ca.crt" } },
                ] } },
            ],
        },
    });
    bench.tenant.create(&core("pods"), &pod).await.map(drop)
}

/// As the vkubelet would, as far as the syncer cares.
async fn host_pod_comes(bench: &Bench) -> Result<()> {
    let tenant = bench.tenant.get(&core("pods/app")).await?;
    let name = pod::host_name(&cluster(), &TenantKey::new(TEAM, "app"));
    let host = json!({
        "metadata": {
            "name": name,
            "labels": { keys::CLUSTER: CLUSTER_ID },
            "annotations": {
                keys::ORIGIN_NAMESPACE: TEAM, keys::ORIGIN_NAME: "app",
                keys::ORIGIN_UID: tenant["metadata"]["uid"],
            },
        },
        "spec": {
            "nodeName": "h1",
            "serviceAccountName": keys::WORKLOAD_SERVICE_ACCOUNT, "automountServiceAccountToken": false,
            "containers": [{ "name": "main", "image": "example.com/app" }],
        },
    });
    let pods = format!("/api/v1/namespaces/{WORKLOADS}/pods");
    bench.host.create(&pods, &host).await.map(drop)
}

async fn content_changes(bench: &Bench) -> Result<()> {
    let data = json!({ "data": { "greeting": "good day" } });
    patch(bench, &core("configmaps/conf"), &data).await?;
    let data = json!({ "stringData": { "password": "second" } });
    patch(bench, &core("secrets/pass"), &data).await
}

/// A claim of the class.
///
/// # Errors
/// When it is refused.
pub async fn claim_comes(bench: &Bench, name: &str) -> Result<()> {
    let claim = json!({
        "metadata": { "name": name },
        "spec": {
            "storageClassName": "fast", "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        },
    });
    bench
        .tenant
        .create(&core("persistentvolumeclaims"), &claim)
        .await
        .map(drop)
}

/// As the host's provisioner and volume binder do for the host claim of `name`.
///
/// # Errors
/// When it is refused, or there is no host claim.
pub async fn volume_comes(bench: &Bench, name: &str) -> Result<()> {
    let path = host_claim(name);
    let claim = bench.host.get(&path).await?;
    let metadata = &claim["metadata"];
    let volume_name = format!("vol-{name}");
    let volume = json!({
        "metadata": { "name": volume_name },
        "spec": {
            "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
            "persistentVolumeReclaimPolicy": "Delete",
            "csi": { "driver": "example.com", "volumeHandle": "somewhere" },
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": WORKLOADS, "name": metadata["name"], "uid": metadata["uid"],
            },
        },
    });
    bench.host.create("/api/v1/persistentvolumes", &volume).await?;
    let bound = json!({ "status": { "phase": "Bound" } });
    let volume_status = format!("/api/v1/persistentvolumes/{volume_name}/status");
    bench.host.patch(&volume_status, &bound).await?;
    let bound = json!({ "status": {
        "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" },
    } });
    bench.host.patch(&format!("{path}/status"), &bound).await?;
    // Last, so that there is one moment at which it becomes bound, and not two.
    let bound = json!({
        "metadata": { "annotations": {
            "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
        } },
        "spec": { "volumeName": volume_name },
    });
    bench.host.patch(&path, &bound).await.map(drop)
}

async fn own_endpoints(bench: &Bench) -> Result<()> {
    make_service(bench, "database", json!({})).await?;
    let slice = json!({
        "metadata": { "name": "database-1", "labels": { "kubernetes.io/service-name": "database" } },
        "addressType": "IPv4", "endpoints": [{ "addresses": ["192.0.2.7"] }],
        "ports": [{ "name": "http", "port": 5432 }],
    });
    bench.tenant.create(&slices(""), &slice).await.map(drop)
}

async fn budget(bench: &Bench) -> Result<()> {
    let budget = json!({
        "metadata": { "name": "web" },
        "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": "web" } } },
    });
    bench.tenant.create(&budget_path(""), &budget).await?;
    count_budget(bench, 2, 1).await
}

/// As the tenant's disruption controller does.
async fn count_budget(bench: &Bench, expected: u32, desired: u32) -> Result<()> {
    let status = json!({ "status": {
        "observedGeneration": 1, "expectedPods": expected, "currentHealthy": expected,
        "desiredHealthy": desired, "disruptionsAllowed": expected - desired,
    } });
    patch(bench, &budget_path("/web/status"), &status).await
}

async fn load_balancer(bench: &Bench) -> Result<()> {
    let spec = json!({ "type": "LoadBalancer", "selector": { "app": "web" } });
    make_service(bench, "balanced", spec).await?;
    let path = on_host("services", name::SERVICE, "balanced");
    bench.eventually(|| bench.host.get(&path)).await?;
    let given = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "198.51.100.7" }] } } });
    bench
        .host
        .patch(&format!("{path}/status"), &given)
        .await
        .map(drop)
}

/// As the vkubelet and, for what the Pod owns, the host's garbage collector do.
async fn host_pod_goes(bench: &Bench) -> Result<()> {
    let name = pod::host_name(&cluster(), &TenantKey::new(TEAM, "app"));
    bench
        .host
        .delete(&format!("/api/v1/namespaces/{WORKLOADS}/pods/{name}"))
        .await
}

async fn all_goes(bench: &Bench) -> Result<()> {
    for service in bench.tenant.list(&core("services")).await? {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        bench.tenant.delete(&core(&format!("services/{name}"))).await?;
    }
    bench.tenant.delete(&slices("/database-1")).await?;
    bench.tenant.delete(&budget_path("/web")).await?;
    bench.tenant.delete(&core("persistentvolumeclaims/data")).await
}

async fn secret_goes(bench: &Bench) -> Result<()> {
    bench.tenant.delete(&core("secrets/pass")).await
}

async fn secret_anew(bench: &Bench) -> Result<()> {
    make_secret(bench, "pass", "third").await
}

/// At once, so that the syncer's watches may be behind. When it has said that something is ready, the host has it.
async fn pod_is_asked_about(bench: &Bench) -> Result<()> {
    let map = json!({ "metadata": { "name": "asked" }, "data": { "greeting": "hello" } });
    bench.tenant.create(&core("configmaps"), &map).await?;
    make_secret(bench, "asked", "asked").await?;
    make_pod(bench, "asked", "asked", "asked").await?;
    let pod = bench.tenant.get(&core("pods/asked")).await?;
    let uid = pod["metadata"]["uid"].as_str().context("no UID")?;
    let dependencies = bench.dependencies()?;
    let ready = bench
        .eventually(|| async {
            let answer = dependencies.ensure(TEAM, "asked", uid).await?;
            let not_ready = answer
                .iter()
                .find(|dependency| dependency.state() != State::Ready);
            ensure!(not_ready.is_none(), "{not_ready:?}");
            Ok(answer)
        })
        .await?;
    for (resource, kind, expected) in [
        ("configmaps", name::CONFIG_MAP, "ConfigMap"),
        ("secrets", name::SECRET, "Secret"),
    ] {
        let named = ready
            .iter()
            .any(|dependency| dependency.kind == expected && dependency.name == "asked");
        ensure!(named, "the answer does not name the {expected}: {ready:?}");
        bench.host.get(&on_host(resource, kind, "asked")).await?;
    }
    Ok(())
}

async fn claim_data(bench: &Bench) -> Result<()> {
    claim_comes(bench, "data").await
}

async fn volume_data(bench: &Bench) -> Result<()> {
    volume_comes(bench, "data").await
}

async fn claim_grows(bench: &Bench) -> Result<()> {
    let more = json!({ "spec": { "resources": { "requests": { "storage": "2Gi" } } } });
    patch(bench, &core("persistentvolumeclaims/data"), &more).await
}

async fn budget_changes(bench: &Bench) -> Result<()> {
    count_budget(bench, 3, 2).await
}

async fn pods_go(bench: &Bench) -> Result<()> {
    for pod in ["app", "asked"] {
        bench.tenant.delete(&core(&format!("pods/{pod}"))).await?;
    }
    Ok(())
}

async fn volume_goes(bench: &Bench) -> Result<()> {
    bench.host.delete("/api/v1/persistentvolumes/vol-data").await
}

async fn class_goes(bench: &Bench) -> Result<()> {
    let class = "/apis/storage.k8s.io/v1/storageclasses/fast";
    bench.host.delete(class).await
}
