//! What every round needs: clients, stores, records. Built once, shared.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::resource::v1::ResourceClaim;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use tokio_util::sync::CancellationToken;
use warren_runtime::clients::{HostClient, TenantClient};
use warren_runtime::clock::SharedClock;
use warren_runtime::queue::Queue;
use warren_runtime::store::Store;
use warren_runtime::tenant_identity::TenantIdentity;
use warren_translate::identity::{Cluster, TenantNamespace};
use warren_translate::policy::TenantPolicy;

use crate::certificates::Certificates;
use crate::host_names::HostNames;
use crate::key::{Key, Kind};
use crate::metrics::Own;
use crate::references::References;
use crate::settlements::Settlements;
use crate::stores::customs::Customs;
use crate::stores::exports::Exports;
use crate::stores::ingresses::Ingresses;
use crate::stores::mapped::Mapped;
use crate::stores::network_policies::NetworkPolicies;
use crate::stores::shared;
use crate::stores::{Area, Both, HostStores, Parts as _, Storage, TenantStores, Ups};
use crate::teller::Teller;
use crate::unsynced::Unsynced;
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
    /// ResourceClaims of both.
    pub resource_claims: Both<ResourceClaim>,
    /// The platform's quotas; nobody waits for them.
    pub quotas: Store<ResourceQuota>,
    /// Ingresses of both.
    pub ingresses: Both<Ingress>,
    /// Which host names are whose.
    pub host_names: HostNames,
    /// What is mapped out of the host.
    pub mapped: Mapped,
    /// What is exported to the host.
    pub exports: Exports,
    /// Custom resources of both.
    pub customs: Customs,
    /// NetworkPolicies of both, and what else they depend on.
    pub policies: NetworkPolicies,
    /// What comes up, of both.
    pub ups: Ups,
    /// Keys to work on.
    pub queue: Queue<Key>,
    /// What the tenant's Pods and Ingresses name.
    pub references: Arc<References>,
    /// Who waits for which key.
    pub settlements: Settlements,
    /// What is known to be equal.
    pub verified: Verified,
    /// What cannot be synced.
    pub unsynced: Arc<Unsynced>,
    /// Pod certificates that are being asked for.
    pub certificates: Certificates,
    /// Events in the tenant.
    pub teller: Teller,
    /// Who the tenant is.
    pub identity: TenantIdentity,
    /// Ends the process, to begin anew with what the host serves now: the Deployment starts it again.
    pub restart: CancellationToken,
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
        self.storage().is_ready() && self.ups.storage_classes.is_ready()
    }

    const fn storage(&self) -> Storage<'_> {
        Storage {
            tenant: &self.tenant.storage,
            host: &self.host.storage,
        }
    }

    /// Ingresses with all that they need.
    pub const fn ingresses(&self) -> Ingresses<'_> {
        Ingresses {
            objects: &self.ingresses,
            classes: &self.ups.ingress_classes,
            claims: &self.host_names.claims,
        }
    }

    /// What may be missing alone; everything else has to be there before any round begins.
    pub fn areas(&self) -> Vec<Area<'_>> {
        let down = [
            Area::new(Kind::Claim, self.storage()),
            Area::new(Kind::ResourceClaim, &self.resource_claims),
            Area::new(Kind::Budget, &self.budgets),
            Area::new(Kind::Ingress, self.ingresses()),
            Area::new(Kind::NetworkPolicy, &self.policies.both),
        ];
        let areas = down.into_iter().chain(self.ups.areas());
        areas.chain(shared::areas(self)).collect()
    }

    /// Notes that something was written, for "a converged cluster is silent".
    pub fn wrote(&self) {
        let now = self.clock.now().as_duration().as_secs_f64();
        self.metrics.last_write.set(now);
    }
}
