//! What the translation of a Pod needs besides the Pod.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use warren_crds::keys;

use crate::identity::{Cluster, HostName, TenantKey};
use crate::kinds::network_policy::Isolation;
use crate::kinds::pod::placing::Placing;
use crate::name;
use crate::policy::TenantPolicy;

/// The surroundings of a Pod.
#[derive(Clone, Copy, Debug)]
pub struct PodContext<'a> {
    /// The virtual cluster.
    pub cluster: &'a Cluster,
    /// The class's bounds.
    pub policy: &'a TenantPolicy,
    /// Address of the tenant's DNS: `nameserver` of Pods with `dnsPolicy: ClusterFirst`.
    pub dns_service_ip: &'a str,
    /// The tenant's cluster domain, for example `cluster.local`.
    pub cluster_domain: &'a str,
    /// The tenant's Services: of the Pod's namespace, and `default/kubernetes`. Others do no harm.
    pub services: &'a [&'a Service],
    /// `status.allocatable` of the tenant's Node that the Pod is bound to: what containers without a limit read as
    /// theirs. `None`: a Pod that reads it cannot be translated.
    pub node_allocatable: Option<&'a BTreeMap<String, Quantity>>,
    /// Extended resources that the tenant itself has given that Node ([`crate::node_resources::own`]): the host has none of
    /// them, so nothing of them goes down.
    pub own_resources: &'a BTreeSet<String>,
    /// UID of the ConfigMap [`keys::ANCHOR`] in the workload namespace; `None`: the host Pod gets no owner.
    pub anchor_uid: Option<&'a str>,
    /// In which directions the tenant's NetworkPolicies isolate it. `None`: not known; a new host Pod is closed then, and
    /// one that is there stays as it is.
    pub isolation: Option<Isolation>,
    /// For a Pod that is not bound, where the host's scheduler places Pods ([`TenantPolicy::host_scheduling`]). `None`: such
    /// a Pod cannot be translated.
    pub placing: Option<Placing<'a>>,
}

impl PodContext<'_> {
    /// The controller reference of host Pods: `kubectl drain` refuses Pods that have none.
    pub(super) fn owner(&self) -> Option<OwnerReference> {
        self.anchor_uid.map(|uid| OwnerReference {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            name: keys::ANCHOR.to_owned(),
            uid: uid.to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(false),
        })
    }
}

/// The host name of a tenant Pod.
pub fn host_name(cluster: &Cluster, key: &TenantKey) -> HostName {
    name::host_name(cluster, name::POD, key)
}
