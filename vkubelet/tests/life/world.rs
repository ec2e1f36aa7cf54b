//! Two clusters in memory, a syncer that has everything, and the Pod loop between them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kube::Api as KubeApi;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use warren_runtime::clock;
use warren_runtime::metrics::Metrics;
use warren_runtime::proto::sync::dependencies_client::DependenciesClient;
use warren_runtime::proto::sync::dependencies_server::{Dependencies, DependenciesServer};
use warren_runtime::proto::sync::{EnsureDependenciesRequest, EnsureDependenciesResponse};
use warren_runtime::queue::{Outcome, Queue};
use warren_runtime::store::{ObjectKey, Store, Stored};
use warren_runtime::tenant_identity::{TENANT_UID, TenantIdentity};
use warren_translate::kinds::pod::host_name;
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, TenantKey, TenantPolicy};
use warren_vkubelet::events::Events;
use warren_vkubelet::metrics::Own;
use warren_vkubelet::node::slight::Waiting;
use warren_vkubelet::node::view::{HostNode, View};
use warren_vkubelet::node::write::Nodes;
use warren_vkubelet::pods::act::Pods;
use warren_vkubelet::pods::memory::Memories;
use warren_vkubelet::pods::pair::Observer;
use warren_vkubelet::raw_pod::RawPod;

use super::api::Api;

pub(crate) const TENANT: &str = "/api/v1/namespaces/ns/pods/web";

/// The namespace of the tenant's Pod.
pub(crate) const NAMESPACE: &str = "/api/v1/namespaces/ns";

/// Everything.
pub(crate) struct World {
    pub(crate) tenant: Api,
    pub(crate) host: Api,
    /// Path of the host Pod.
    pub(crate) path: String,
    pods: Pods,
    key: ObjectKey,
}

struct HasEverything;

#[tonic::async_trait]
impl Dependencies for HasEverything {
    async fn ensure_dependencies(
        &self,
        _request: Request<EnsureDependenciesRequest>,
    ) -> Result<Response<EnsureDependenciesResponse>, Status> {
        Ok(Response::new(EnsureDependenciesResponse::default()))
    }
}

/// A tenant's Pod that is bound.
fn bound(spec: &Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "ns", "name": "web", "uid": "tenant-uid", "generation": 1 },
        "spec": { "nodeName": "n1", "containers": [{ "name": "c", "image": "web:1" }] },
        "status": { "phase": "Pending" },
    });
    super::merge::strategic(&mut pod["spec"], spec);
    pod
}

impl World {
    pub(crate) fn start(spec: &Value, policy: TenantPolicy) -> Self {
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let (tenant, host) = (Api::new(Arc::clone(&left)), Api::new(left));
        let name = host_name(&cluster(), &TenantKey::new("ns", "web"));
        tenant.put(TENANT, bound(spec));
        tenant.put(NAMESPACE, json!({ "metadata": { "name": "ns" } }));
        host.put(
            "/api/v1/namespaces/wc/configmaps/warren-anchor",
            json!({ "metadata": { "name": "warren-anchor", "uid": "anchor" } }),
        );
        Self {
            path: format!("/api/v1/namespaces/wc/pods/{name}"),
            pods: pods(&tenant, &host, syncer(), policy),
            tenant,
            host,
            key: ObjectKey::new("ns", "web"),
        }
    }

    /// The process dies after `count` more requests, before it has the answer of the last.
    pub(crate) fn die_after(&self, count: usize) {
        self.tenant.left.store(count, Ordering::Relaxed);
    }

    /// Another process takes over, which knows nothing.
    pub(crate) fn restart(&mut self) {
        self.die_after(usize::MAX);
        let policy = self.pods.policy.clone();
        let nodes = self.pods.observer.tenant_nodes.clone();
        self.pods = pods(&self.tenant, &self.host, syncer(), policy);
        self.pods.observer.tenant_nodes = nodes;
    }

    /// Rounds until nothing is asked any more; a process that dies is followed by another.
    pub(crate) async fn survive(&mut self) {
        let mut asked = Vec::new();
        for _ in 0..20 {
            self.watch();
            let _before = (self.tenant.asked(), self.host.asked());
            let outcome = self.pods.round(self.key.clone()).await;
            let both = (self.tenant.asked(), self.host.asked());
            match outcome {
                Outcome::Retry => self.restart(),
                _ if both.0.is_empty() && both.1.is_empty() => return,
                _ => {}
            }
            asked.push((both, outcome));
        }
        let tenant = self.tenant_pod();
        panic!("it never settles: {asked:?} {tenant}");
    }

    /// Shows the loop what is there, runs one round, and returns what it asked of the tenant and of the host.
    pub(crate) async fn round(&self) -> (Vec<String>, Vec<String>) {
        self.watch();
        self.asked_in_a_round().await
    }

    /// A round during which something happens that no watch has shown yet; true when it is to be tried again.
    pub(crate) async fn round_while(&self, meanwhile: impl FnOnce(&Self)) -> bool {
        self.watch();
        meanwhile(self);
        self.pods.round(self.key.clone()).await == Outcome::Retry
    }

    /// The tenant's Node of this name, and Warren's.
    pub(crate) fn node(&self, name: &str, spec: &Value) {
        let node = json!({
            "metadata": { "name": name, "annotations": { "warren.dev/asserted": "{}" } }, "spec": spec,
        });
        let node = serde_json::from_value(node).unwrap();
        self.pods
            .observer
            .tenant_nodes
            .put(ObjectKey::new("", name), node);
    }

    async fn asked_in_a_round(&self) -> (Vec<String>, Vec<String>) {
        let _before = (self.tenant.asked(), self.host.asked());
        let outcome = self.pods.round(self.key.clone()).await;
        assert_ne!(outcome, Outcome::Retry, "the round failed");
        let short = |asked: Vec<String>| {
            asked
                .iter()
                .map(|request| request.replace(TENANT, "pod").replace(&self.path, "pod"))
                .collect()
        };
        (short(self.tenant.asked()), short(self.host.asked()))
    }

    /// A round that fails, and is to be tried again.
    pub(crate) async fn failing_round(&self) {
        self.watch();
        assert_eq!(self.pods.round(self.key.clone()).await, Outcome::Retry);
    }

    /// Whether the Pod is among those that wait for quota; it waits no longer then.
    pub(crate) fn is_woken_by_quota(&self) -> bool {
        self.pods.observer.memories.take_waiting().contains(&self.key)
    }

    /// A round for which only the host's watch has come along.
    pub(crate) async fn round_behind(&self) -> (Vec<String>, Vec<String>) {
        let before = self.pods.observer.tenant_pods.get(&self.key).unwrap();
        self.watch();
        let tenant = RawPod::from_value(before.value().unwrap()).unwrap();
        self.pods.observer.tenant_pods.put(self.key.clone(), tenant);
        self.asked_in_a_round().await
    }

    /// Rounds until nothing is asked any more; all that was asked of the host.
    pub(crate) async fn settle(&self) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..10 {
            let (tenant, host) = self.round().await;
            if tenant.is_empty() && host.is_empty() {
                return all;
            }
            all.extend(host);
        }
        panic!("it never settles: {all:?}");
    }

    /// From here on it is known which tenant this is, and what is nobody's may be deleted.
    pub(crate) async fn identify(&self) {
        self.tenant.put(
            "/api/v1/namespaces/kube-system",
            json!({ "metadata": { "name": "kube-system", "uid": "tenant" } }),
        );
        self.host.put(
            "/apis/coordination.k8s.io/v1/namespaces/wc-system/leases/vkubelet",
            json!({ "metadata": { "name": "vkubelet", "annotations": { TENANT_UID: "tenant" } } }),
        );
        self.pods.identity.establish().await;
    }

    /// The host's kubelet does not answer any more.
    pub(crate) fn lose_node(&self) {
        let node =
            json!({ "metadata": {}, "status": { "conditions": [{ "type": "Ready", "status": "Unknown" }] } });
        self.pods.observer.nodes.put(HostNode {
            name: "n1".to_owned(),
            node: serde_json::from_value(node).unwrap(),
            ..HostNode::default()
        });
    }

    /// The tenant has these NetworkPolicies, and no others: name, labels of the Pods that they isolate, and which way.
    pub(crate) fn policies(&self, all: &[(&str, &Value, &[&str])]) {
        let read = |(name, labels, types): &(&str, &Value, &[&str])| {
            let policy = json!({
                "metadata": { "namespace": "ns", "name": name },
                "spec": { "podSelector": { "matchLabels": labels }, "policyTypes": types },
            });
            (
                ObjectKey::new("ns", *name),
                Arc::new(serde_json::from_value(policy).unwrap()),
            )
        };
        self.pods.policies.replace(all.iter().map(read).collect());
    }

    /// The process cannot read NetworkPolicies.
    pub(crate) fn policies_are_unknown(&mut self) {
        self.pods.policies = Store::default();
    }

    /// Another Pod of the same name.
    pub(crate) fn succeed(&self, spec: &Value) {
        let mut pod = bound(spec);
        pod["metadata"]["uid"] = json!("successor-uid");
        self.tenant.put(TENANT, pod);
    }

    /// How long the Pods of the controller `rs` are waited for.
    pub(crate) fn patience(&self) -> Duration {
        let owners = &self.pods.observer.memories.owners;
        owners.patience(Some("rs"), self.pods.clock.now())
    }

    pub(crate) fn tenant_pod(&self) -> Value {
        self.tenant.get(TENANT).unwrap()
    }

    pub(crate) fn host_pod(&self) -> Value {
        self.host.get(&self.path).unwrap()
    }

    /// The host's kubelet writes the status.
    pub(crate) fn kubelet(&self, status: Value) {
        self.host.change(&self.path, |pod| {
            let generation = pod["metadata"]["generation"].clone();
            pod["status"] = status;
            pod["status"]["observedGeneration"] = generation;
            pod["spec"]["nodeName"] = json!("n1");
        });
    }

    /// The tenant changes its Pod.
    pub(crate) fn user(&self, change: impl FnOnce(&mut Value)) {
        self.tenant.change(TENANT, |pod| {
            let generation = pod["metadata"]["generation"].as_i64().unwrap();
            pod["metadata"]["generation"] = json!(generation + 1);
            change(pod);
        });
    }

    fn watch(&self) {
        let read = |pod: Value| RawPod::from_value(pod).unwrap();
        let name = self.path.rsplit('/').next().unwrap();
        let host_key = ObjectKey::new("wc", name);
        match self.tenant.get(TENANT) {
            Some(pod) => drop(self.pods.observer.tenant_pods.put(self.key.clone(), read(pod))),
            None => drop(self.pods.observer.tenant_pods.remove(&self.key)),
        }
        match self.host.get(&self.path) {
            Some(pod) => drop(self.pods.observer.host_pods.put(host_key, read(pod))),
            None => {
                if let Some(gone) = self.pods.observer.host_pods.remove(&host_key) {
                    self.pods
                        .observer
                        .memories
                        .keep_gone(&self.key, "tenant-uid", gone);
                }
            }
        }
    }
}

fn empty<K: Stored>() -> Store<K> {
    let store = Store::default();
    store.replace(HashMap::new());
    store
}

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("c-12345"),
        uid: ClusterUid::new("vc"),
        workload_namespace: HostNamespace::new("wc"),
    }
}

fn syncer() -> Channel {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", incoming.local_addr().unwrap());
    let service = DependenciesServer::new(HasEverything);
    tokio::spawn(
        Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );
    Endpoint::from_shared(url).unwrap().connect_lazy()
}

fn pods(tenant: &Api, host: &Api, syncer: Channel, policy: TenantPolicy) -> Pods {
    let (metrics, clock) = (Metrics::new(), clock::system());
    let nodes = View::default();
    nodes.put(HostNode {
        name: "n1".to_owned(),
        ..HostNode::default()
    });
    nodes.set_ready();
    let services = empty();
    let kubernetes = json!({
        "metadata": { "namespace": "default", "name": "kubernetes" },
        "spec": { "clusterIP": "10.96.0.1", "ports": [{ "name": "https", "port": 443 }] },
    });
    let kubernetes = serde_json::from_value(kubernetes).unwrap();
    services.put(ObjectKey::new("default", "kubernetes"), kubernetes);
    let observer = Observer {
        cluster: cluster(),
        tenant_pods: empty(),
        host_pods: empty(),
        nodes: nodes.clone(),
        tenant_nodes: empty(),
        host_scheduling: policy.host_scheduling.clone(),
        memories: Memories::default(),
    };
    Pods {
        host: host.client(),
        tenant: tenant.client(),
        policy,
        dns_service_ip: "10.96.0.53".to_owned(),
        cluster_domain: "cluster.local".to_owned(),
        services,
        policies: empty(),
        syncer: DependenciesClient::new(syncer),
        events: Events::spawn(tenant.client(), "test".to_owned(), metrics.clone()),
        identity: Arc::new(TenantIdentity::new(
            KubeApi::all(tenant.client()),
            KubeApi::namespaced(host.client(), "wc-system"),
            "vkubelet",
        )),
        nodes: Nodes {
            tenant: tenant.client(),
            view: nodes,
            tenant_nodes: empty(),
            host_pods: empty(),
            tenant_pods: empty(),
            queue: Queue::new("nodes", metrics.clone()),
            metrics: metrics.clone(),
            clock: Arc::clone(&clock),
            waiting: Waiting::default(),
        },
        observer,
        metrics,
        own: Own::default(),
        clock,
        anchor: OnceCell::new(),
    }
}
