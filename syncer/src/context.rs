//! What every round needs: clients, stores, records. Built once, shared.

use std::sync::Arc;

use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use warren_runtime::clients::{HostClient, TenantClient};
use warren_runtime::clock::SharedClock;
use warren_runtime::queue::Queue;
use warren_runtime::tenant_identity::TenantIdentity;
use warren_translate::identity::{Cluster, TenantNamespace};
use warren_translate::policy::TenantPolicy;

use crate::certificates::Certificates;
use crate::host_names::HostNames;
use crate::key::Key;
use crate::metrics::Own;
use crate::references::References;
use crate::settlements::Settlements;
use crate::stores::{Both, HostStores, TenantStores, storage};
use crate::teller::Teller;
use crate::verified::Verified;

/// What every round needs.
pub struct Context {
    /// The virtual cluster.
    pub cluster: Cluster,
    /// The class's bounds.
    pub policy: TenantPolicy,
    /// ClusterIP that the tenant's `default/kubernetes` must have.
    pub api_service_ip: String,
    /// ClusterIP that the tenant's `kube-system/kube-dns` must have.
    pub dns_service_ip: String,
    /// Speaks to the host.
    pub host_client: HostClient,
    /// Speaks to the tenant.
    pub tenant_client: TenantClient,
    /// What the host has.
    pub host: HostStores,
    /// What the tenant has.
    pub tenant: TenantStores,
    /// PodDisruptionBudgets of both.
    pub budgets: Both<PodDisruptionBudget>,
    /// Ingresses of both.
    pub ingresses: Both<Ingress>,
    /// Their classes, of both.
    pub ingress_classes: Both<IngressClass>,
    /// Which host names are whose.
    pub host_names: HostNames,
    /// Keys to work on.
    pub queue: Queue<Key>,
    /// What the tenant's Pods and Ingresses name.
    pub references: Arc<References>,
    /// Who waits for which key.
    pub settlements: Settlements,
    /// What is known to be equal.
    pub verified: Verified,
    /// Pod certificates that are being asked for.
    pub certificates: Certificates,
    /// Events in the tenant.
    pub teller: Teller,
    /// Who the tenant is.
    pub identity: TenantIdentity,
    /// Metrics.
    pub metrics: Own,
    /// Time.
    pub clock: SharedClock,
}

impl Context {
    /// The API of a kind in the workload namespace of the host.
    pub fn host_api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        Api::namespaced(
            self.host_client.client(),
            self.cluster.workload_namespace.as_str(),
        )
    }

    /// The API of a kind in a namespace of the tenant.
    pub fn tenant_api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(
        &self,
        namespace: &TenantNamespace,
    ) -> Api<K> {
        Api::namespaced(self.tenant_client.client(), namespace.as_str())
    }

    /// Whether claims, volumes and classes of both clusters have been listed: before, nothing may be taken for absent.
    pub fn has_storage(&self) -> bool {
        storage::is_ready(&self.tenant.storage, &self.host.storage)
    }

    /// Notes that something was written, for "a converged cluster is silent".
    pub fn wrote(&self) {
        let now = self.clock.now().as_duration().as_secs_f64();
        self.metrics.last_write.set(now);
    }
}
