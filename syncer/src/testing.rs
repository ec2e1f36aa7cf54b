//! A world for tests: two APIs in memory, and a context between them whose stores the test fills.

mod api;
pub(crate) mod storage;

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::Api;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use warren_runtime::clients::{HostClient, TenantClient};
use warren_runtime::clock::Clock;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_runtime::tenant_identity::TenantIdentity;
use warren_translate::TenantPolicy;
use warren_translate::identity::{Cluster, ClusterId, ClusterUid, HostNamespace};

use crate::certificates::Certificates;
use crate::context::Context;
use crate::host_names::HostNames;
use crate::key::{Key, Kind};
use crate::metrics::Own;
use crate::references::References;
use crate::settlements::Settlements;
use crate::stores::customs::Customs;
use crate::stores::exports::Exports;
use crate::stores::mapped::Mapped;
use crate::stores::network_policies::NetworkPolicies;
use crate::stores::{Both, CertificateApis, HostStorage, HostStores, TenantStorage, TenantStores, Ups};
use crate::teller::Teller;
use crate::tenant_pod::TenantPod;
use crate::verified::Verified;

pub(crate) use api::FakeApi;

/// Namespace of the tenant's objects in the tests.
pub(crate) const TEAM: &str = "team";
/// UID of the tenant Pod `web`.
pub(crate) const POD_UID: &str = "tenant-pod-uid";
/// UID of its host Pod.
pub(crate) const HOST_POD_UID: &str = "host-pod-uid";

/// A clock that the test moves.
pub(crate) struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

/// Both APIs and the context between them.
pub(crate) struct World {
    pub(crate) host: Arc<FakeApi>,
    pub(crate) tenant: Arc<FakeApi>,
    pub(crate) ctx: Arc<Context>,
    clock: Arc<Hands>,
}

impl World {
    /// Nothing is there but the tenant's Node, ServiceAccount and identity.
    pub(crate) async fn new() -> Self {
        let (host, tenant) = (FakeApi::new("h"), FakeApi::new("t"));
        tenant.put(
            "/api/v1/namespaces/kube-system",
            json!({ "metadata": { "uid": "tenant-cluster" } }),
        );
        tenant.put(
            "/api/v1/nodes/node-1",
            json!({ "metadata": { "uid": "node-uid" } }),
        );
        let account = format!("/api/v1/namespaces/{TEAM}/serviceaccounts/robot");
        tenant.put(&account, json!({ "metadata": { "uid": "account-uid" } }));
        let lease = "/apis/coordination.k8s.io/v1/namespaces/wc-ci-system/leases/syncer";
        host.put(lease, json!({ "metadata": {}, "spec": {} }));
        let clock = Arc::new(Hands(Mutex::new("2026-11-21T12:00:00Z".parse().unwrap())));
        let ctx = Arc::new(context(&host, &tenant, Arc::clone(&clock)));
        ctx.identity.establish().await;
        Self {
            host,
            tenant,
            ctx,
            clock,
        }
    }

    /// The process ends and begins again: nothing is known but what the APIs have.
    pub(crate) async fn restart(&mut self) {
        let policy = self.ctx.policy.clone();
        let mut fresh = context(&self.host, &self.tenant, Arc::clone(&self.clock));
        fresh.policy = policy;
        self.ctx = Arc::new(fresh);
        self.ctx.identity.establish().await;
    }

    /// Another virtual cluster on the same host.
    pub(crate) async fn neighbour(&self) -> Self {
        let mut neighbour = Self::new().await;
        neighbour.host = Arc::clone(&self.host);
        neighbour.restart().await;
        Arc::get_mut(&mut neighbour.ctx).unwrap().cluster = Cluster {
            id: ClusterId::new("other"),
            uid: ClusterUid::new("other-uid"),
            workload_namespace: HostNamespace::new("wc-other"),
        };
        neighbour
    }

    /// The class's bounds are these.
    pub(crate) fn set_policy(&mut self, policy: TenantPolicy) {
        Arc::get_mut(&mut self.ctx).unwrap().policy = policy;
    }

    /// What a full pass raises of the area of `kind`.
    pub(crate) fn keys(&self, kind: Kind) -> BTreeSet<Key> {
        let areas = self.ctx.areas();
        let area = areas.iter().find(|area| area.kind == kind).unwrap();
        area.keys(&self.ctx.cluster)
    }

    /// Moves the clock.
    pub(crate) fn set_time(&self, time: &str) {
        *self.clock.0.lock() = time.parse().unwrap();
    }

    /// The tenant has the Pod `web` with these volumes, bound to `node-1`; its watch has told.
    pub(crate) fn tenant_pod(&self, volumes: &Value) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "namespace": TEAM, "name": "web", "uid": POD_UID },
            "spec": { "serviceAccountName": "robot", "nodeName": "node-1",
                "containers": [{ "name": "main" }], "volumes": volumes },
        });
        self.tenant
            .put(&format!("/api/v1/namespaces/{TEAM}/pods/web"), pod.clone());
        let pod: TenantPod = serde_json::from_value(pod).unwrap();
        self.ctx.references.watched(&pod);
        self.ctx.tenant.pods.put(ObjectKey::new(TEAM, "web"), pod);
    }

    /// Name of the host Pod of `web`.
    pub(crate) fn host_pod_name(&self) -> String {
        let key = warren_translate::TenantKey::new(TEAM, "web");
        warren_translate::kinds::pod::host_name(&self.ctx.cluster, &key).to_string()
    }

    /// The host has the Pod of `web`; its watch has told if `watched`.
    pub(crate) fn host_pod(&self, watched: bool) {
        let name = self.host_pod_name();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": "wc-ci", "name": name, "uid": HOST_POD_UID, "resourceVersion": "1",
                "labels": { "warren.dev/cluster": "ci" },
                "annotations": { "warren.dev/origin-namespace": TEAM, "warren.dev/origin-name": "web",
                    "warren.dev/origin-uid": POD_UID },
            },
        });
        self.host
            .put(&format!("/api/v1/namespaces/wc-ci/pods/{name}"), pod.clone());
        if watched {
            let pod = serde_json::from_value(pod).unwrap();
            self.ctx.host.pods.put(ObjectKey::new("wc-ci", name), pod);
        }
    }

    /// The host's watches of ConfigMaps and Secrets catch up with its API.
    pub(crate) fn host_watches_catch_up(&self) {
        fill(&self.ctx.host.config_maps, &self.host, "configmaps");
        fill(&self.ctx.host.secrets, &self.host, "secrets");
    }
}

fn fill<K: DeserializeOwned + Stored>(store: &Store<K>, api: &FakeApi, plural: &str) {
    let mut objects = api.list(&format!("/api/v1/namespaces/wc-ci/{plural}/"));
    for object in &mut objects {
        object["metadata"]["namespace"] = json!("wc-ci");
    }
    refill(store, objects);
}

/// A complete list: the store is ready afterwards.
pub(crate) fn refill<K: DeserializeOwned + Stored>(store: &Store<K>, objects: Vec<Value>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entry = |object: Value| {
        let metadata = &object["metadata"];
        let key = ObjectKey::new(text(&metadata["namespace"]), text(&metadata["name"]));
        (key, Arc::new(serde_json::from_value(object).unwrap()))
    };
    store.replace(objects.into_iter().map(entry).collect());
}

fn context(host: &Arc<FakeApi>, tenant: &Arc<FakeApi>, clock: Arc<Hands>) -> Context {
    let metrics = Metrics::new();
    let bundles = Arc::clone(tenant);
    Context {
        cluster: Cluster {
            id: ClusterId::new("ci"),
            uid: ClusterUid::new("cluster-uid"),
            workload_namespace: HostNamespace::new("wc-ci"),
        },
        policy: TenantPolicy::default(),
        api_service_ip: "10.96.0.2".to_owned(),
        dns_service_ip: "10.96.0.3".to_owned(),
        host_client: HostClient::new(host.client()),
        tenant_client: TenantClient::new(tenant.client()),
        host: HostStores {
            config_maps: Store::default(),
            secrets: Store::default(),
            services: Store::default(),
            endpoint_slices: Store::default(),
            pods: Store::default(),
            storage: HostStorage {
                claims: Store::default(),
                volumes: Store::default(),
            },
        },
        tenant: TenantStores {
            pods: Store::default(),
            config_maps: Store::default(),
            secrets: Store::default(),
            services: Store::default(),
            endpoint_slices: Store::default(),
            certificates: CertificateApis::of(move || {
                bundles.list("/apis/certificates.k8s.io/v1/clustertrustbundles/")
            }),
            storage: TenantStorage {
                claims: Store::default(),
                volumes: Store::default(),
            },
        },
        budgets: Both::default(),
        resource_claims: Both::default(),
        ingresses: both_empty(),
        host_names: HostNames::new(empty(), "team-a/ci".to_owned()),
        quotas: Store::default(),
        mapped: Mapped::default(),
        exports: Exports::default(),
        customs: Customs::default(),
        policies: NetworkPolicies::default(),
        ups: Ups::default(),
        queue: Queue::new("syncer", metrics.clone()),
        references: Arc::new(References::default()),
        settlements: Settlements::default(),
        verified: Verified::default(),
        unsynced: Arc::default(),
        certificates: Certificates::default(),
        teller: Teller::new(tenant.client(), "syncer-0".to_owned(), metrics.clone()),
        identity: TenantIdentity::new(
            Api::all(tenant.client()),
            Api::namespaced(host.client(), "wc-ci-system"),
            "syncer",
        ),
        restart: CancellationToken::new(),
        metrics: Own::register(metrics),
        clock,
    }
}

/// A store that has seen a complete list, of nothing.
fn empty<K: Stored>() -> Store<K> {
    let store = Store::default();
    store.replace(std::collections::HashMap::new());
    store
}

fn both_empty<K: Stored>() -> Both<K> {
    Both {
        tenant: empty(),
        host: empty(),
    }
}
