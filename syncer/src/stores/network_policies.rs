//! NetworkPolicies of both sides, the operator's open ones among the host's, and the namespaces that the tenant's select.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Client};
use warren_crds::keys::{NODE_PORTS_POLICY, OPEN_EGRESS_POLICY, OPEN_INGRESS_POLICY};
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch::{self, Change};
use warren_translate::identity::{Cluster, TenantKey};
use warren_translate::kinds::network_policy::{Open, selects_namespaces};
use warren_translate::meta;

use super::{Both, Wiring};
use crate::key::{Key, Kind};

/// NetworkPolicies and what they depend on.
#[derive(Default)]
pub struct NetworkPolicies {
    /// The tenant's, and all of the workload namespace.
    pub both: Both<NetworkPolicy>,
    /// The tenant's namespaces: names and labels.
    pub namespaces: Store<PartialObjectMeta<Namespace>>,
}

impl NetworkPolicies {
    /// Starts the watches.
    pub fn start([tenant, host]: [&Client; 2], wiring: &Wiring) -> Self {
        let names = ["NetworkPolicy", "HostNetworkPolicy"];
        let ranges = Arc::clone(&wiring.named_ranges);
        let index = move |change: &Change<NetworkPolicy>, _: &_| {
            let key = TenantKey::new(change.key.namespace.as_str(), change.key.name.as_str());
            ranges.watched(&key, change.new.as_deref());
            Vec::new()
        };
        let queue = wiring.queue.clone();
        let on_host = move |change: &Change<NetworkPolicy>, tenant: &Store<NetworkPolicy>| {
            // It says where the nodes are.
            if change.key.name == OPEN_EGRESS_POLICY {
                queue.add(Key::shared_policy());
            }
            of_open(change, tenant)
        };
        let both = Both::start(
            [tenant, host],
            Kind::NetworkPolicy,
            names,
            (index, on_host),
            wiring,
        );
        let (queue, policies) = (wiring.queue.clone(), both.tenant.clone());
        let changed = move |change: &Change<PartialObjectMeta<Namespace>>| {
            for key in selecting(change, &policies) {
                queue.add(Key::new(Kind::NetworkPolicy, key));
            }
        };
        let namespaces = watch::spawn_metadata(
            Api::all(tenant.clone()),
            "Namespace",
            watcher::Config::default(),
            |namespace| keep_labels(&mut namespace.metadata),
            changed,
            &wiring.metrics,
            wiring.shutdown.clone(),
        );
        Self { both, namespaces }
    }

    /// What "everyone" is. `None` until the operator has said so.
    pub fn open(&self, cluster: &Cluster) -> Option<Open> {
        let read = |name| self.warrens(cluster, name);
        let (ingress, egress) = (read(OPEN_INGRESS_POLICY)?, read(OPEN_EGRESS_POLICY)?);
        Some(Open::read(&ingress, &egress, read(NODE_PORTS_POLICY).as_deref()))
    }

    /// One of Warren's own policies, that is none of the tenant's.
    pub fn warrens(&self, cluster: &Cluster, name: &str) -> Option<Arc<NetworkPolicy>> {
        let key = ObjectKey::new(cluster.workload_namespace.as_str(), name);
        let policy = self.both.host.get(&key)?;
        let is_own = meta::belongs(cluster, &policy.metadata) && meta::origin(&policy.metadata).is_none();
        is_own.then_some(policy)
    }

    /// The labels of the tenant's namespaces by name. `None` until all are known.
    pub fn labels(&self) -> Option<BTreeMap<String, BTreeMap<String, String>>> {
        if !self.namespaces.is_ready() {
            return None;
        }
        let mut labels = BTreeMap::new();
        self.namespaces.visit(
            |_| true,
            |namespace| {
                let metadata = namespace.metadata.clone();
                labels.insert(
                    metadata.name.unwrap_or_default(),
                    metadata.labels.unwrap_or_default(),
                );
            },
        );
        Some(labels)
    }
}

/// All of the tenant's, when one of the operator's open policies changed: every rule is made from them.
fn of_open(change: &Change<NetworkPolicy>, tenant: &Store<NetworkPolicy>) -> Vec<TenantKey> {
    let names = [OPEN_INGRESS_POLICY, OPEN_EGRESS_POLICY, NODE_PORTS_POLICY];
    let is_open = names.contains(&change.key.name.as_str());
    let says = |policy: &Option<Arc<NetworkPolicy>>| policy.as_ref().map(|policy| policy.spec.clone());
    if !is_open || says(&change.old) == says(&change.new) {
        return Vec::new();
    }
    let keys = tenant.keys().into_iter();
    keys.map(|key| TenantKey::new(key.namespace, key.name)).collect()
}

/// Those that select namespaces, when one came, went or has other labels.
fn selecting(
    change: &Change<PartialObjectMeta<Namespace>>,
    policies: &Store<NetworkPolicy>,
) -> Vec<TenantKey> {
    let labels = |namespace: &Option<Arc<PartialObjectMeta<Namespace>>>| {
        namespace
            .as_ref()
            .map(|namespace| namespace.metadata.labels.clone())
    };
    if labels(&change.old) == labels(&change.new) {
        return Vec::new();
    }
    let selecting = policies.filter(|policy| selects_namespaces(policy));
    selecting
        .iter()
        .filter_map(|policy| TenantKey::of(&policy.metadata).ok())
        .collect()
}

fn keep_labels(metadata: &mut ObjectMeta) {
    *metadata = ObjectMeta {
        name: metadata.name.take(),
        labels: metadata.labels.take(),
        ..ObjectMeta::default()
    };
}
