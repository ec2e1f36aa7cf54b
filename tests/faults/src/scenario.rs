//! The story that is told again and again: every kind of the syncer comes, changes and goes. What controllers and
//! kubelets do elsewhere (bind a claim, count a budget's Pods) is done here by hand.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use warren_crds::keys;
use warren_translate::kinds::{persistent_volume_claim, pod};
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, TenantKey, name};

use crate::bench::{Bench, OTHERS, TEAM};
use crate::syncer::{CLUSTER_ID, CLUSTER_UID, WORKLOADS};

/// One step; the next one begins when both sides have settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The syncer starts. A Service of the tenant has an address that somebody else on the host has.
    Start,
    /// Services of all types.
    Services,
    /// Ports, selectors and types change.
    ServicesChange,
    /// A Pod that names a ConfigMap and a Secret, and has a token.
    PodComes,
    /// Its host Pod: the token gets its owner.
    HostPodComes,
    /// What the Pod names gets other content.
    ContentChanges,
    /// The Secret is deleted, although the Pod names it.
    SecretGoes,
    /// It is made anew.
    SecretAnew,
    /// A claim.
    ClaimComes,
    /// The host binds it.
    VolumeComes,
    /// The tenant wants more.
    ClaimGrows,
    /// A Service without selector, with endpoints of the tenant's own.
    OwnEndpoints,
    /// A disruption budget, counted.
    Budget,
    /// It is counted anew.
    BudgetChanges,
    /// The host gives a load balancer its address.
    LoadBalancer,
    /// The host Pod ends.
    HostPodGoes,
    /// The Pod is gone; so is what it named.
    PodGoes,
    /// All Services, slices, budgets and claims are gone.
    AllGoes,
    /// The host has removed the volume.
    VolumeGoes,
    /// The host's administrator removes the class.
    ClassGoes,
}

impl Step {
    /// The story.
    pub const ALL: [Self; 20] = [
        Self::Start,
        Self::Services,
        Self::ServicesChange,
        Self::PodComes,
        Self::HostPodComes,
        Self::ContentChanges,
        Self::SecretGoes,
        Self::SecretAnew,
        Self::ClaimComes,
        Self::VolumeComes,
        Self::ClaimGrows,
        Self::OwnEndpoints,
        Self::Budget,
        Self::BudgetChanges,
        Self::LoadBalancer,
        Self::HostPodGoes,
        Self::PodGoes,
        Self::AllGoes,
        Self::VolumeGoes,
        Self::ClassGoes,
    ];

    /// Does it.
    ///
    /// # Errors
    /// When an apiserver refuses something.
    pub async fn perform(self, bench: &Bench) -> Result<()> {
        match self {
            Self::Start => start(bench).await,
            Self::Services => services(bench).await,
            Self::ServicesChange => services_change(bench).await,
            Self::PodComes => pod_comes(bench).await,
            Self::HostPodComes => host_pod_comes(bench).await,
            Self::ContentChanges => content_changes(bench).await,
            Self::SecretGoes => bench.tenant.delete(&core("secrets/pass")).await,
            Self::SecretAnew => make_secret(bench, "pass", "third").await,
            Self::ClaimComes => claim_comes(bench, "data").await,
            Self::VolumeComes => volume_comes(bench, "data").await,
            Self::ClaimGrows => {
                let more = json!({ "spec": { "resources": { "requests": { "storage": "2Gi" } } } });
                patch(bench, &core("persistentvolumeclaims/data"), &more).await
            }
            Self::OwnEndpoints => own_endpoints(bench).await,
            Self::Budget => budget(bench).await,
            Self::BudgetChanges => count_budget(bench, 3, 2).await,
            Self::LoadBalancer => load_balancer(bench).await,
            Self::HostPodGoes => host_pod_goes(bench).await,
            Self::PodGoes => bench.tenant.delete(&core("pods/app")).await,
            Self::AllGoes => all_goes(bench).await,
            Self::VolumeGoes => bench.host.delete("/api/v1/persistentvolumes/vol-data").await,
            Self::ClassGoes => {
                bench
                    .host
                    .delete("/apis/storage.k8s.io/v1/storageclasses/fast")
                    .await
            }
        }
    }
}

/// The virtual cluster, for names on the host.
pub fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new(CLUSTER_ID),
        uid: ClusterUid::new(CLUSTER_UID),
        workload_namespace: HostNamespace::new(WORKLOADS),
    }
}

/// Path of something of the tenant's namespace in the core group.
pub fn core(rest: &str) -> String {
    format!("/api/v1/namespaces/{TEAM}/{rest}")
}

/// Path of the host object of a tenant object of this kind.
pub fn on_host(resource: &str, kind: name::Kind, name: &str) -> String {
    let host_name = name::host_name(&cluster(), kind, &TenantKey::new(TEAM, name));
    format!("/api/v1/namespaces/{WORKLOADS}/{resource}/{host_name}")
}

/// Path of the host claim of a tenant claim.
pub fn host_claim(name: &str) -> String {
    let host_name = persistent_volume_claim::host_name(&cluster(), &TenantKey::new(TEAM, name));
    format!("/api/v1/namespaces/{WORKLOADS}/persistentvolumeclaims/{host_name}")
}

fn budget_path(rest: &str) -> String {
    format!("/apis/policy/v1/namespaces/{TEAM}/poddisruptionbudgets{rest}")
}

fn slices(rest: &str) -> String {
    format!("/apis/discovery.k8s.io/v1/namespaces/{TEAM}/endpointslices{rest}")
}

async fn patch(bench: &Bench, path: &str, change: &Value) -> Result<()> {
    bench.tenant.patch(path, change).await.map(drop)
}

async fn start(bench: &Bench) -> Result<()> {
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
    let squatter = json!({
        "metadata": { "name": "squatter" },
        "spec": { "clusterIP": address, "ports": [{ "port": 80 }] },
    });
    bench
        .host
        .create(&format!("/api/v1/namespaces/{OTHERS}/services"), &squatter)
        .await?;
    bench.syncer.start()
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
