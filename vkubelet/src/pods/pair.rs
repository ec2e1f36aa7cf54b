//! Both sides of one Pod, from the stores.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::Resource;
use warren_crds::scheduling::HostScheduling;
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::kinds::pod::{PLACING, host_name, is_for_host, placing_hash};
use warren_translate::{Cluster, HostName, TenantKey, meta};

use super::memory::{Memories, Memory};
use super::placing;
use super::refusal::{self, Scheduling};
use crate::node::plan::asserted::Asserted;
use crate::node::view::View;
use crate::raw_pod::RawPod;

/// Where to look.
#[derive(Clone)]
pub struct Observer {
    /// This virtual cluster.
    pub cluster: Cluster,
    /// The tenant's Pods: the bound ones, and with `host_scheduling` all.
    pub tenant_pods: Store<RawPod>,
    /// Own host Pods.
    pub host_pods: Store<RawPod>,
    /// The nodes that this cluster may use.
    pub nodes: View,
    /// The tenant's Nodes.
    pub tenant_nodes: Store<Node>,
    /// There if the host's scheduler places the tenant's Pods.
    pub host_scheduling: Option<HostScheduling>,
    /// What this process knows besides.
    pub memories: Memories,
}

/// Both sides of one Pod.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Tenant namespace and name.
    pub key: TenantKey,
    /// Name of the host Pod, whether it exists or not.
    pub host_name: HostName,
    /// The tenant's Pod.
    pub tenant: Option<Arc<RawPod>>,
    /// The host's Pod of that name, with this cluster's label.
    pub host: Option<Arc<RawPod>>,
    /// UID of the tenant's Pod that the host Pod stands for.
    pub origin_uid: Option<String>,
    /// What the host's scheduler says of it.
    pub scheduling: Scheduling,
    /// The tenant's Pod is bound to a node that this cluster may use.
    pub node_known: bool,
    /// It is bound to a virtual Node of Warren's, be it in use or not: whatever else tenants call a Node has a
    /// kubelet of its own.
    pub node_ours: bool,
    /// The node of the host's Pod does not answer any more.
    pub node_lost: bool,
    /// There if the tenant's Pod waits for the host's scheduler.
    pub placing: Option<Place>,
    /// What this process knows of the tenant's Pod.
    pub memory: Memory,
}

/// Where the host's scheduler may put a Pod, beside what the Pod says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Nodes that the tenant has closed to it.
    pub closed: BTreeSet<String>,
    /// The host Pod was made for other ones.
    pub is_outdated: bool,
    /// The node of the host Pod is in the tenant, and Warren's.
    pub is_known: bool,
}

impl Observer {
    /// Reads both sides now.
    pub fn observe(&self, key: &ObjectKey, now: Timestamp) -> Pair {
        let tenant_key = TenantKey::new(&*key.namespace, &*key.name);
        let host_name = host_name(&self.cluster, &tenant_key);
        let host_key = ObjectKey::new(self.cluster.workload_namespace.as_str(), host_name.as_str());
        let tenant = self.tenant_pods.get(key);
        let host = self
            .host_pods
            .get(&host_key)
            .filter(|host| meta::belongs(&self.cluster, host.meta()));
        let origin = host.as_ref().and_then(|host| meta::origin(host.meta()));
        let is_bound = tenant
            .as_ref()
            .is_none_or(|pod| !pod.facts().node_name.is_empty());
        let unplaced = host
            .as_ref()
            .filter(|host| is_bound && host.facts().node_name.is_empty());
        let scheduling = unplaced
            .and_then(|host| host.value().ok())
            .map_or(Scheduling::Open, |host| {
                let owner = tenant.as_ref().and_then(|tenant| tenant.controller_uid());
                refusal::read(&host, now, self.memories.owners.patience(owner, now))
            });
        Pair {
            scheduling,
            origin_uid: origin.map(|origin| origin.uid.as_str().to_owned()),
            node_ours: tenant
                .as_ref()
                .is_some_and(|pod| self.is_ours(&pod.facts().node_name)),
            node_known: tenant
                .as_ref()
                .is_some_and(|pod| self.nodes.get(&pod.facts().node_name).is_some()),
            node_lost: host
                .as_ref()
                .and_then(|host| self.nodes.get(&host.facts().node_name))
                .is_some_and(|node| node.is_lost()),
            placing: tenant
                .as_ref()
                .filter(|_| !is_bound)
                .and_then(|tenant| self.place(tenant, host.as_deref())),
            memory: tenant
                .as_ref()
                .map(|pod| self.memories.get(key, pod.uid()))
                .unwrap_or_default(),
            key: tenant_key,
            host_name,
            tenant,
            host,
        }
    }

    /// `None` for a Pod that the host's scheduler is not to place.
    fn place(&self, tenant: &RawPod, host: Option<&RawPod>) -> Option<Place> {
        let scheduling = self.host_scheduling.as_ref()?;
        let typed = tenant.typed().ok()?;
        if tenant.is_terminating() || !is_for_host(scheduling, &typed) {
            return None;
        }
        let tolerations = typed.spec.and_then(|spec| spec.tolerations).unwrap_or_default();
        let closed = placing::closed(&self.tenant_nodes, &tolerations);
        let hash = placing_hash(scheduling, &closed);
        Some(Place {
            closed,
            is_outdated: host.is_some_and(|host| host.annotation(PLACING) != Some(&*hash)),
            is_known: host.is_some_and(|host| self.is_in_tenant(&host.facts().node_name)),
        })
    }

    fn is_ours(&self, node: &str) -> bool {
        self.nodes.get(node).is_some() || self.is_in_tenant(node)
    }

    fn is_in_tenant(&self, node: &str) -> bool {
        self.tenant_nodes
            .get(&ObjectKey::new("", node))
            .is_some_and(|node| Asserted::read(&node).is_some())
    }
}
